"""Paying when the places are gone meanwhile: they are taken again, or the money goes back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from builders import BUYER, FRIEND, Made, Shop, Stage, a_booking, an_account, state_of
from fakes import GOOD_CARD, Upset
from paying_kit import Slow, assert_paid, states, tickets

from app.domain.refusals import BookingExpired, PaymentRefused
from app.flows.paying import pay, reconcile
from app.flows.paying.pay import Paid, Pending, Tender
from app.ports import Charge, Prepaid


async def lose_the_places(stage: Stage, shop: Shop) -> Made:
    """Let the hold run out after the payment began, and somebody else take the seat."""
    stage.clock.advance(seconds=600 + 91)
    return await a_booking(stage, shop, places=shop.seats("play/mon", "A-1"))


async def test_money_that_comes_after_the_places_went_goes_back(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, places=shop.seats("play/mon", "A-1"))
    stage.card.upset("authorize", Upset.KILLED_AFTER)
    with pytest.raises(Exception, match="authorize"):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
    rival = await lose_the_places(stage, shop)

    assert await reconcile.reconcile(stage.world) == 1

    assert await states(stage, made.id) == ["voided"]
    assert await state_of(stage, made.id) == "expired"
    assert stage.card.taken(made.id) == 0
    assert await tickets(stage, made.id) == 0
    await pay.pay(stage.world, rival.id, [Tender(GOOD_CARD)])
    await assert_paid(stage, rival)


async def test_giving_the_money_back_is_asked_for_until_it_is_answered(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, places=shop.seats("play/mon", "A-1"))
    stage.card.upset("authorize", Upset.KILLED_AFTER)
    with pytest.raises(Exception, match="authorize"):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
    await lose_the_places(stage, shop)
    stage.card.upset("void", Upset.LOST_AFTER)

    await reconcile.reconcile(stage.world)
    assert await states(stage, made.id) == ["unknown"]
    stage.clock.advance(seconds=61)
    await reconcile.reconcile(stage.world)
    await stage.work()

    assert await states(stage, made.id) == ["voided"]
    assert await state_of(stage, made.id) == "expired"
    assert stage.card.taken(made.id) == 0


async def test_captured_money_of_lost_places_is_refunded(stage: Stage, shop: Shop) -> None:
    """E-money cannot reserve: what it took comes back as a refund."""
    pin = await an_account(stage, shop, 60_000)
    made = await a_booking(stage, shop, places=shop.seats("play/mon", "A-1"))
    hold_lost_between(stage, shop)

    with pytest.raises(BookingExpired, match="somebody else has the places"):
        await pay.pay(stage.world, made.id, [Tender(Prepaid(BUYER, pin))])

    assert await stage.value("SELECT balance FROM account WHERE handset = :h", h=BUYER) == 60_000
    assert await states(stage, made.id) == ["voided"]
    assert await stage.value("SELECT count(*) FROM transfer WHERE kind = 'refund'") == 1


def hold_lost_between(stage: Stage, shop: Shop) -> None:
    """While the network is being asked, the hold runs out and FRIEND books the seat."""
    issuer = stage.world.issuers["local"]
    commit = issuer.commit

    async def late(**asked: Any) -> Any:
        stage.clock.advance(seconds=600 + 91)
        await a_booking(stage, shop, places=shop.seats("play/mon", "A-1"), buyer=FRIEND)
        return await commit(**asked)

    issuer.commit = late  # type: ignore[method-assign]  # this one issuer object, for this one test


async def test_a_free_booking_whose_places_are_gone_expires(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, places=shop.seats("play/mon", "A-1"), complimentary=True)
    hold_lost_between(stage, shop)

    with pytest.raises(BookingExpired, match="places are gone"):
        await pay.pay(stage.world, made.id, [])

    assert await state_of(stage, made.id) == "expired"
    assert await tickets(stage, made.id) == 0


async def test_a_zombie_cannot_charge_what_the_reconciler_gave_up(stage: Stage, second: Stage, shop: Shop) -> None:
    """A request that slept for a minute between its two transactions: it is told that its payment is over."""
    pin = await an_account(stage, shop, 60_000)
    made = await a_booking(stage, shop)
    await asleep_before_charging(stage, second)

    with pytest.raises(PaymentRefused, match="nothing was charged"):
        await pay.pay(stage.world, made.id, [Tender(Prepaid(BUYER, pin))])

    assert await stage.value("SELECT balance FROM account WHERE handset = :h", h=BUYER) == 60_000
    assert await stage.value("SELECT count(*) FROM transfer WHERE kind <> 'top_up'") == 0
    assert await state_of(stage, made.id) == "held"


async def test_a_zombie_does_not_complete_the_payment_that_came_after_it(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    pin = await an_account(stage, shop, 60_000)
    made = await a_booking(stage, shop)

    async def meanwhile() -> None:
        second.card.upset("authorize", Upset.LOST_AFTER)
        assert await pay.pay(second.world, made.id, [Tender(GOOD_CARD)]) == Pending()

    await asleep_before_charging(stage, second, meanwhile)
    assert await pay.pay(stage.world, made.id, [Tender(Prepaid(BUYER, pin))]) == Pending(), "the card is being asked"

    assert await stage.value("SELECT balance FROM account WHERE handset = :h", h=BUYER) == 60_000
    stage.clock.advance(seconds=61)
    await reconcile.reconcile(stage.world)
    await assert_paid(stage, made)


async def test_a_network_that_charges_what_was_voided_is_made_to_give_it_back(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    """It breaks its word, and still nobody loses money."""
    made = await a_booking(stage, shop)
    authorize = stage.card.authorize

    async def late(charge: Charge, *, reference: str | None) -> Any:
        stage.clock.advance(seconds=61)
        assert await reconcile.reconcile(second.world) == 1
        stage.card.attempts[reference or ""].status = "prepared"
        return await authorize(charge, reference=reference)

    stage.card.authorize = late  # type: ignore[method-assign]  # this one network, for this one test

    with pytest.raises(PaymentRefused, match="nothing was charged"):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])

    assert stage.card.taken(made.id) == 0
    assert await tickets(stage, made.id) == 0
    assert await states(stage, made.id) == ["voided"]


@pytest.mark.parametrize("going_out", [True, False])
async def test_a_reconciler_that_is_overtaken_by_the_payment_does_not_touch_what_was_sold(
    stage: Stage, second: Stage, shop: Shop, *, going_out: bool
) -> None:
    """It asked before the sale, when nothing or a reservation was to be seen, and decides after it."""
    made = await a_booking(stage, shop)
    charging = Slow(stage.card, "authorize", going_out=going_out)
    asking = Slow(stage.card, "lookup", going_out=False)
    slow, other = replace(stage.world, payments={"card": charging}), replace(second.world, payments={"card": asking})
    paying = asyncio.create_task(pay.pay(slow, made.id, [Tender(GOOD_CARD)]))
    await asyncio.wait_for(charging.waits.wait(), 30)
    stage.clock.advance(seconds=61)
    reconciling = asyncio.create_task(reconcile.reconcile(other))
    await asyncio.wait_for(asking.waits.wait(), 30)

    charging.go.set()
    assert await paying == Paid()
    asking.go.set()
    assert await reconciling == 1

    await assert_paid(stage, made)
    assert await states(stage, made.id) == ["captured"]


async def test_e_money_is_not_taken_while_somebody_is_about_to_give_its_attempt_up(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    """The narrowest moment: looked up, voided, and not written down yet."""
    pin = await an_account(stage, shop, 60_000)
    made = await a_booking(stage, shop)
    charging = Slow(stage.world.payments["emoney"], "authorize", going_out=True)
    giving_up = Slow(second.world.payments["emoney"], "void", going_out=False)
    slow = replace(stage.world, payments={"emoney": charging})
    paying = asyncio.create_task(pay.pay(slow, made.id, [Tender(Prepaid(BUYER, pin))]))
    await asyncio.wait_for(charging.waits.wait(), 30)
    stage.clock.advance(seconds=61)
    other = replace(second.world, payments={"emoney": giving_up})
    reconciling = asyncio.create_task(reconcile.reconcile(other))
    await asyncio.wait_for(giving_up.waits.wait(), 30)

    charging.go.set()
    with pytest.raises(PaymentRefused):
        await paying
    giving_up.go.set()
    await reconciling

    assert await stage.value("SELECT balance FROM account WHERE handset = :h", h=BUYER) == 60_000
    assert await state_of(stage, made.id) == "held"


async def asleep_before_charging(stage: Stage, second: Stage, meanwhile: Any = None) -> None:
    """The next e-money charge begins a minute late; the other process has reconciled by then."""
    emoney = stage.world.payments["emoney"]
    authorize = emoney.authorize

    async def late(charge: Any, *, reference: str | None) -> Any:
        stage.clock.advance(seconds=61)
        assert await reconcile.reconcile(second.world) == 1
        if meanwhile is not None:
            await meanwhile()
        return await authorize(charge, reference=reference)

    emoney.authorize = late  # type: ignore[method-assign]  # this one provider object, for this one test
