"""The sandbox over real sockets as a card network under test, lacking nothing that Stripe has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from card_network_kit import BACK, CardNetwork, Cards, a_listener
from payment_network_kit import SECRET, network_settings
from pydantic import SecretStr

from app.payments.sandbox import serving
from app.payments.stripe import StripeSettings
from app.ports import Clock

WEBHOOK_SECRETS = (SecretStr("whsec_rolled_out_0123456789"), SecretStr("whsec_rolled_in_0123456789"))


@asynccontextmanager
async def a_sandbox(folder: Path, clock: Clock | None = None) -> AsyncIterator[CardNetwork]:
    """Served, telling a listener of its events, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        listener = await stack.enter_async_context(a_listener())
        settings = network_settings(
            folder,
            webhook_urls=(listener.url,),
            webhook_secrets=WEBHOOK_SECRETS,
            webhook_first_wait_seconds=0.01,
            later_seconds=0.05,
        )
        base_url = await stack.enter_async_context(serving(settings, clock=clock))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))

        async def holder(url: str, approved: bool) -> None:  # noqa: FBT001 - the kit hands it over by position
            assert (await http.get(url)).status_code == 200
            answer = await http.post(url, data={"decision": "approve" if approved else "refuse"})
            assert answer.status_code == 303
            assert answer.headers["location"].startswith(BACK)

        yield CardNetwork(
            settings=StripeSettings(base_url, SecretStr(SECRET), webhook_secrets=WEBHOOK_SECRETS),
            http=http,
            cards=Cards(),
            lacks={},
            listener=listener,
            holder=holder,
        )


@pytest_asyncio.fixture(scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CardNetwork]:
    async with a_sandbox(tmp_path_factory.mktemp("network")) as running:
        yield running
