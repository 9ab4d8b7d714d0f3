"""The card adapter against localstripe: the same contract as everywhere, and what only an independent network shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from card_network_contract import CardNetworkContract
from card_network_kit import CardNetwork, a_charge, kinds, prepared, taken
from localstripe_kit import PUBLISHABLE, SECRET, localstripe, needs_localstripe

from app.ports import Authorized, Decline, Prepared, Refused

pytestmark = needs_localstripe


@pytest_asyncio.fixture(scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CardNetwork]:
    folder: Path = tmp_path_factory.mktemp("localstripe")
    async with localstripe(folder) as running:
        yield running


class TestLocalstripe(CardNetworkContract):
    """Every promise, with what this imitation lacks."""

    @pytest.mark.parametrize("passed", [True, False], ids=["passed", "failed"])
    async def test_a_challenge_in_the_networks_own_script_is_seen_to_its_end(
        self, network: CardNetwork, *, passed: bool
    ) -> None:
        charge = a_charge(network.cards.challenged)
        reference = await prepared(network, charge)
        path = f"{network.settings.base_url}/v1/payment_intents/{reference}"
        authorized = {"Authorization": f"Bearer {SECRET}"}
        intent = (await network.http.post(f"{path}/confirm", headers=authorized)).json()
        assert intent["status"] == "requires_action"
        # Nobody of ours can go there, so to us nothing has begun.
        assert await network.stripe.lookup(reference=reference, key=charge.key) == Prepared(reference)

        answer = {"key": PUBLISHABLE, "client_secret": intent["client_secret"], "success": str(passed).lower()}
        assert (await network.http.post(f"{path}/_authenticate", data=answer)).is_success

        ended = await network.stripe.lookup(reference=reference, key=charge.key)
        if passed:
            assert ended == Authorized(reference)
        else:
            assert isinstance(ended, Refused)
            assert ended.reason is Decline.NOT_CONFIRMED

    async def test_its_events_that_mean_nothing_to_us_are_believed_and_left_alone(self, network: CardNetwork) -> None:
        reference = await taken(network, a_charge(network.cards.good))
        await network.news_of(reference)
        assert network.listener is not None
        assert "payment_intent.succeeded" in kinds(network.listener)
        for posted in network.listener.posted:
            network.stripe.news(posted.body, posted.signature, now=posted.signed_at)
