"""localstripe, an imitation of Stripe that nobody here wrote: its own process, its own environment, one at a time.

It is GPL-3, so it is never imported. It listens on every address of the machine and keeps its state in the temporary
folder, hence a folder of its own.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from card_network_kit import Ability, CardNetwork, Cards, a_listener
from peers_kit import free_port, running, until
from pydantic import SecretStr

from app.payments.stripe import StripeSettings

FOLDER = Path(os.environ.get("CYBERTICKET_TEST_LOCALSTRIPE") or Path(__file__).parents[2] / ".venv" / "localstripe")
"""A virtual environment with localstripe in it; `.ci/run` makes it."""
PROGRAM = FOLDER / "bin" / "localstripe"
SECRET, PUBLISHABLE = "sk_test_localstripe", "pk_test_localstripe"
WEBHOOK_SECRET = "whsec_localstripe_0123456789"

needs_localstripe = pytest.mark.skipif(
    not PROGRAM.exists(), reason=f"localstripe is not in {FOLDER}; no independent payment network judged the adapter"
)

LACKS = {
    Ability.SECRET: "any text that begins with sk_ is let in",
    Ability.KEYS: "it does not read Idempotency-Key: the same request twice makes two payments",
    Ability.SCANT: "it knows one reason to decline a confirmation, card_declined",
    Ability.CHALLENGE: "its next_action is use_stripe_sdk alone; it refuses return_url",
    Ability.OVER_REFUND: "it never adds up what was given back",
    Ability.LATE_REFUNDS: "each of its refunds succeeds at once; it does not know the cards",
    Ability.DISPUTES: "it has none: /v1/disputes is 404",
    Ability.BOOKS: "its balance transactions cannot be asked for by time",
}


async def a_token(http: httpx.AsyncClient, base_url: str, number: str) -> str:
    """A payment method made of a test card's number."""
    card = {"number": number, "exp_month": "12", "exp_year": "2030", "cvc": "123"}
    fields = {"type": "card"} | {f"card[{name}]": value for name, value in card.items()}
    made = await http.post(f"{base_url}/v1/payment_methods", data=fields, headers={"Authorization": f"Bearer {SECRET}"})
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


@asynccontextmanager
async def localstripe(folder: Path) -> AsyncIterator[CardNetwork]:
    """Running and empty, telling a listener of its events, for as long as the block lasts."""
    base_url = f"http://127.0.0.1:{(port := free_port())}"
    command = ("/usr/bin/env", f"TMPDIR={folder}", PROGRAM, "--port", str(port), "--from-scratch")
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(running(*command, folder=folder))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        listener = await stack.enter_async_context(a_listener())

        async def is_up() -> bool:
            assert program.process.poll() is None, program.said
            try:
                return (await http.get(f"{base_url}/js.stripe.com/v3/")).is_success
            except httpx.TransportError:
                return False

        await until(is_up, "localstripe did not start")
        heard = {"url": listener.url, "secret": WEBHOOK_SECRET}
        assert (await http.post(f"{base_url}/_config/webhooks/ours", json=heard)).is_success
        yield CardNetwork(
            settings=StripeSettings(
                base_url, SecretStr(SECRET), webhook_secrets=(SecretStr(WEBHOOK_SECRET),), minimal_params=True
            ),
            http=http,
            cards=Cards(
                declined="pm_card_chargeCustomerFail",
                scant="pm_card_chargeCustomerFail",
                challenged=await a_token(http, base_url, "4000002500003155"),
            ),
            lacks=LACKS,
            listener=listener,
        )
