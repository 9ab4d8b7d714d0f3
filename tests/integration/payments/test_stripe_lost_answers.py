"""The Stripe adapter when the network does its work and the answer is lost on the way back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from payment_network_kit import SECRET, Network, a_network
from pydantic import SecretStr

from app.domain.money import Money
from app.payments.stripe import Stripe, StripeSettings
from app.ports import Authorized, Captured, CardToken, Charge, Prepared, Refunded, Unknown, Voided

WON = Money(15_000, "KRW")
CHARGE = Charge("pay-1", WON, UUID(int=1), UUID(int=2), CardToken("pm_card_visa"))


class LosesAnswers(httpx.AsyncBaseTransport):
    """Carries every request, and while `losing` lets the caller wait in vain."""

    def __init__(self, network: httpx.AsyncBaseTransport) -> None:
        self._network = network
        self.losing = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._network.handle_async_request(request)
        if self.losing:
            raise httpx.ReadTimeout("the answer never came", request=request)
        return response


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    async with a_network(tmp_path) as running:
        yield running


@pytest.fixture
def wire(network: Network) -> LosesAnswers:
    return LosesAnswers(httpx.ASGITransport(network.app))


@pytest.fixture
async def stripe(wire: LosesAnswers) -> AsyncIterator[Stripe]:
    async with httpx.AsyncClient(transport=wire) as http:
        yield Stripe(http, StripeSettings("http://network.test", SecretStr(SECRET)), chance=lambda: 0.0)


async def test_each_lost_answer_is_unknown_and_asking_again_finds_what_was_done(
    network: Network, wire: LosesAnswers, stripe: Stripe
) -> None:
    wire.losing = True
    assert isinstance(await stripe.prepare(CHARGE), Unknown)
    wire.losing = False
    made = await stripe.prepare(CHARGE)
    assert isinstance(made, Prepared)
    assert made.reference is not None

    wire.losing = True
    assert isinstance(await stripe.authorize(CHARGE, reference=made.reference), Unknown)
    wire.losing = False
    assert await stripe.lookup(reference=made.reference, key="pay-1") == Authorized(made.reference)
    assert await stripe.authorize(CHARGE, reference=made.reference) == Authorized(made.reference)

    wire.losing = True
    assert isinstance(await stripe.capture(reference=made.reference, amount=WON, key="pay-1"), Unknown)
    assert isinstance(await stripe.refund(reference=made.reference, amount=WON, key="refund-1"), Unknown)
    wire.losing = False
    assert await stripe.lookup(reference=made.reference, key="pay-1") == Captured(made.reference)
    assert isinstance(await stripe.refund(reference=made.reference, amount=WON, key="refund-1"), Refunded)

    refunds = (await network.http.get("/v1/refunds")).json()["data"]
    intents = (await network.http.get("/v1/payment_intents")).json()["data"]
    assert [refund["amount"] for refund in refunds] == [15_000]
    assert [intent["amount_received"] for intent in intents] == [15_000]


async def test_a_void_whose_answer_and_key_are_both_gone_is_found_by_asking(
    network: Network, wire: LosesAnswers, stripe: Stripe
) -> None:
    made = await stripe.prepare(CHARGE)
    assert isinstance(made, Prepared)
    assert made.reference is not None
    await stripe.authorize(CHARGE, reference=made.reference)

    wire.losing = True
    assert isinstance(await stripe.void(reference=made.reference, key="pay-1"), Unknown)
    wire.losing = False

    # Another key stands for a key that the network has forgotten: its answer is a 400 about the state.
    assert await stripe.void(reference=made.reference, key="pay-1-later") == Voided(made.reference)
    assert (await network.intent(made.reference))["status"] == "canceled"
