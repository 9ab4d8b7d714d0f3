"""Paying when nobody tells how it went: what the reconciler makes of each unknown."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from builders import BUYER, Made, Shop, Stage, a_booking, an_account, free_places, state_of
from fakes import BAD_CARD, GOOD_CARD, Upset
from paying_kit import Slow, assert_paid, states, tickets

from app.domain.refusals import PaymentPending
from app.flows.booking import book
from app.flows.paying import pay, reconcile
from app.flows.paying.pay import Paid, Pending, Tender
from app.ports import Prepaid


async def assert_not_sold(stage: Stage, shop: Shop, made: Made, *, state: str) -> None:
    """Nothing is taken, nothing issued, and all places can be had."""
    assert await state_of(stage, made.id) == state
    assert stage.card.taken(made.id) == 0
    assert await tickets(stage, made.id) == 0
    assert await free_places(stage, shop.occasions["play/mon"]) == 22


LOST = [
    ("authorize", Upset.LOST_BEFORE, "held"),
    ("authorize", Upset.LOST_AFTER, "paid"),
    ("capture", Upset.LOST_BEFORE, "paid"),
    ("capture", Upset.LOST_AFTER, "paid"),
]


@pytest.mark.parametrize(("verb", "upset", "state"), LOST)
async def test_a_lost_answer_keeps_the_places_until_the_reconciler_has_the_truth(
    stage: Stage, shop: Shop, verb: str, upset: Upset, state: str
) -> None:
    made = await a_booking(stage, shop)
    stage.card.upset(verb, upset)

    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Pending()
    assert await states(stage, made.id) == ["unknown"]
    with pytest.raises(PaymentPending, match="do not pay again"):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])

    assert await reconcile.reconcile(stage.world) == 0, "it is left alone for a minute"
    stage.clock.advance(seconds=61)
    assert await reconcile.reconcile(stage.world) == 1

    assert await state_of(stage, made.id) == state
    if state == "held":
        assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()
    await assert_paid(stage, made)
    assert await reconcile.reconcile(stage.world) == 0


async def test_places_of_an_unknown_payment_outlive_their_hold(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=6)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])

    stage.clock.advance(hours=5)
    await book.expire(stage.world)
    assert await free_places(stage, shop.occasions["play/mon"]) == 16
    await reconcile.reconcile(stage.world)

    await assert_paid(stage, made, won=360_000)


async def test_an_unknown_payment_that_never_was_frees_its_places_when_its_time_is_over(
    stage: Stage, shop: Shop
) -> None:
    made = await a_booking(stage, shop, quantity=6)
    stage.card.upset("authorize", Upset.LOST_BEFORE)
    await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])

    stage.clock.advance(hours=5)
    await reconcile.reconcile(stage.world)
    await stage.work()

    assert await states(stage, made.id) == ["voided"]
    await assert_not_sold(stage, shop, made, state="expired")


async def test_an_unknown_payment_that_was_refused_leaves_the_hold_to_another_card(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    assert await pay.pay(stage.world, made.id, [Tender(BAD_CARD)]) == Pending()

    stage.clock.advance(seconds=61)
    await reconcile.reconcile(stage.world)

    assert await states(stage, made.id) == ["declined"]
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()
    await assert_paid(stage, made)


async def test_while_the_network_stays_silent_the_reconciler_keeps_asking_once_a_minute(
    stage: Stage, shop: Shop
) -> None:
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
    stage.card.upset("lookup", *[Upset.LOST_BEFORE] * 3)

    for _ in range(3):
        stage.clock.advance(seconds=61)
        assert await reconcile.reconcile(stage.world) == 0
        assert await reconcile.reconcile(stage.world) == 0, "asked again only when a minute has passed"
        assert await states(stage, made.id) == ["unknown"]
    stage.clock.advance(seconds=61)
    assert await reconcile.reconcile(stage.world) == 1

    await assert_paid(stage, made)
    assert [verb for verb, _ in stage.card.calls].count("lookup") == 4


async def test_an_attempt_that_can_neither_be_voided_nor_found_stays_unknown(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_BEFORE)
    await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
    stage.card.upset("void", Upset.LOST_BEFORE)

    stage.clock.advance(seconds=61)
    assert await reconcile.reconcile(stage.world) == 0
    assert await states(stage, made.id) == ["unknown"]

    stage.clock.advance(seconds=61)
    assert await reconcile.reconcile(stage.world) == 1
    assert await states(stage, made.id) == ["voided"]


async def test_a_payment_whose_settling_breaks_holds_up_no_other(stage: Stage, shop: Shop) -> None:
    broken, other = await a_booking(stage, shop), await a_booking(stage, shop)
    for made in (broken, other):
        stage.card.upset("authorize", Upset.LOST_AFTER)
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
        stage.clock.advance(seconds=1)
    stage.clock.advance(seconds=61)
    stage.card.upset("lookup", Upset.KILLED_BEFORE)

    assert await reconcile.reconcile(stage.world) == 1
    assert sorted([await state_of(stage, made.id) for made in (broken, other)]) == ["paid", "paying"]
    assert await reconcile.reconcile(stage.world) == 0, "it waits for its next turn like any other"
    stage.clock.advance(seconds=61)
    assert await reconcile.reconcile(stage.world) == 1

    for made in (broken, other):
        await assert_paid(stage, made)


async def test_a_network_that_hangs_holds_up_none_of_another(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 60_000)
    slow, quick = await a_booking(stage, shop), await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    await pay.pay(stage.world, slow.id, [Tender(GOOD_CARD)])
    hanging = Slow(stage.card, "lookup", going_out=True)
    dying = Slow(stage.world.payments["emoney"], "authorize", going_out=False)
    paying = asyncio.create_task(
        pay.pay(replace(stage.world, payments={"emoney": dying}), quick.id, [Tender(Prepaid(BUYER, pin))])
    )
    await asyncio.wait_for(dying.waits.wait(), 30)
    paying.cancel()
    stage.clock.advance(seconds=61)
    world = replace(stage.world, payments={**stage.world.payments, "card": hanging})
    reconciling = asyncio.create_task(reconcile.reconcile(world))
    await asyncio.wait_for(hanging.waits.wait(), 30)

    async with asyncio.timeout(30):
        while await state_of(stage, quick.id) != "paid":  # noqa: ASYNC110 - only the database tells
            await asyncio.sleep(0.01)

    assert await state_of(stage, slow.id) == "paying"
    hanging.go.set()
    assert await reconciling == 2
