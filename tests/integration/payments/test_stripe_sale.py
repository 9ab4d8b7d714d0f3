"""Buying by card with the sandbox network behind the real adapter: at the bank's page, by its events, on bad days."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from builders import Shop, Stage, a_booking, state_of
from card_network_kit import BACK, CardNetwork, Posted
from payment_network_kit import SetClock
from sandbox_card_network_plugin import a_sandbox

from app.domain.refusals import NotAuthentic, PaymentRefused
from app.flows.paying import news, pay, reconcile
from app.flows.paying.pay import Challenged, Paid, Pending, Tender
from app.ports import CardToken

PRICE = 60_000


@pytest_asyncio.fixture
async def network(tmp_path: Path) -> AsyncIterator[CardNetwork]:
    """It lives at the stage's time, and for one test: the stage makes the same ids, thus the same keys, in each."""
    async with a_sandbox(tmp_path, SetClock()) as running:
        yield running


@pytest.fixture
def carded(stage: Stage, network: CardNetwork) -> Stage:
    """The stage with the real adapter for cards, which is in no mood to wait."""
    card = network.over(network.http, backoff_seconds=0)
    stage.world = replace(stage.world, payments={**stage.world.payments, "card": card})
    return stage


async def held(network: CardNetwork) -> int:
    """Minor units that the network holds for us, over all payments."""
    intents = await network.read("/v1/payment_intents", {"limit": "100"})
    return sum(intent["amount_received"] for intent in intents["data"])


async def told(stage: Stage, network: CardNetwork) -> Posted:
    """Let the network's first event of the stage's one payment reach us, as its webhook does."""
    reference = str(await stage.value("SELECT reference FROM payment"))
    posted, _ = await network.news_of(reference)
    assert await news.hear(stage.world, "stripe", posted.body, posted.signature)
    return posted


async def at_the_bank(stage: Stage, shop: Shop, network: CardNetwork, *, approved: bool) -> UUID:
    """The id of a booking whose buyer has just been at the bank's page, and closed the browser there."""
    made = await a_booking(stage, shop)
    card = Tender(CardToken(network.cards.challenged))
    outcome = await pay.pay(stage.world, made.id, [card], return_url=BACK)
    assert isinstance(outcome, Challenged)
    assert await state_of(stage, made.id) == "paying"
    assert network.holder is not None
    assert network.listener is not None
    network.listener.posted.clear()
    await network.holder(outcome.url, approved)
    return made.id


async def test_a_card_pays(carded: Stage, shop: Shop, network: CardNetwork) -> None:
    made = await a_booking(carded, shop)

    assert await pay.pay(carded.world, made.id, [Tender(CardToken(network.cards.good))]) == Paid()

    assert await state_of(carded, made.id) == "paid"
    assert await held(network) == PRICE


async def test_a_buyer_who_never_came_back_from_the_bank_gets_the_tickets_by_the_networks_word(
    carded: Stage, shop: Shop, network: CardNetwork
) -> None:
    booking = await at_the_bank(carded, shop, network, approved=True)

    posted = await told(carded, network)
    assert not await news.hear(carded.world, "stripe", posted.body, posted.signature), "an old event is no news"
    await carded.work()

    assert await state_of(carded, booking) == "paid"
    assert await held(network) == PRICE


async def test_whom_the_bank_refuses_keeps_the_places_and_pays_otherwise(
    carded: Stage, shop: Shop, network: CardNetwork
) -> None:
    booking = await at_the_bank(carded, shop, network, approved=False)

    await told(carded, network)
    await carded.work()

    assert await state_of(carded, booking) == "held"
    assert await held(network) == 0


async def test_what_the_network_did_not_sign_is_not_kept(carded: Stage, shop: Shop, network: CardNetwork) -> None:
    booking = await at_the_bank(carded, shop, network, approved=True)
    reference = str(await carded.value("SELECT reference FROM payment"))
    posted, _ = await network.news_of(reference)

    with pytest.raises(NotAuthentic):
        await news.hear(carded.world, "stripe", posted.body + b" ", posted.signature)

    assert await carded.value("SELECT count(*) FROM payment_event") == 0
    assert await state_of(carded, booking) == "paying"


async def test_a_refused_card_leaves_the_hold(carded: Stage, shop: Shop, network: CardNetwork) -> None:
    made = await a_booking(carded, shop)

    with pytest.raises(PaymentRefused) as refusal:
        await pay.pay(carded.world, made.id, [Tender(CardToken(network.cards.scant))])

    assert refusal.value.more["reason"] == "insufficient_funds"
    assert await state_of(carded, made.id) == "held"
    assert await held(network) == 0


@pytest.mark.parametrize("operation", ["confirm", "capture"])
async def test_a_payment_that_nobody_could_ask_about_ends_when_the_network_is_back(
    carded: Stage, shop: Shop, network: CardNetwork, operation: str
) -> None:
    made = await a_booking(carded, shop)
    for where in (operation, "retrieve"):
        await network.script(where, "drop_after", times=1_000)
    assert await pay.pay(carded.world, made.id, [Tender(CardToken(network.cards.good))]) == Pending()

    await network.heal()
    carded.clock.advance(seconds=61)
    assert await reconcile.reconcile(carded.world) == 1

    assert await state_of(carded, made.id) == "paid"
    assert await held(network) == PRICE
