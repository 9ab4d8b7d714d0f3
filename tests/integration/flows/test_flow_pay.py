"""Paying: approved, refused, unknown; and what the reconciler makes of each unknown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from builders import BUYER, FRIEND, Made, Shop, Stage, a_booking, an_account, free_places, state_of
from fakes import BAD_CARD, GOOD_CARD, UNKNOWN_CARD, Upset

from app.domain.refusals import (
    BookingExpired,
    NotFound,
    PaymentPending,
    PaymentRefused,
    TemporarilyUnavailable,
    WrongState,
)
from app.flows.booking import book
from app.flows.paying import pay, reconcile
from app.flows.paying.pay import Paid, Pending, Tender
from app.ports import CardToken, Charge, Prepaid


async def attempts(stage: Stage, booking_id: UUID) -> list[sa.Row[Any]]:
    return await stage.sql("SELECT * FROM payment WHERE booking_id = :id ORDER BY attempt", id=booking_id)


async def states(stage: Stage, booking_id: UUID) -> list[str]:
    return [row.state for row in await attempts(stage, booking_id)]


async def tickets(stage: Stage, booking_id: UUID) -> int:
    return int(await stage.value("SELECT count(*) FROM ticket WHERE booking_id = :id", id=booking_id))


async def assert_paid(stage: Stage, made: Made, *, won: int = 60_000) -> None:
    """Money, tickets and places agree that it is sold."""
    assert await state_of(stage, made.id) == "paid"
    assert stage.card.taken(made.id) == won
    assert await tickets(stage, made.id) == await stage.value(
        "SELECT count(*) FROM booking_item WHERE booking_id = :id", id=made.id
    )
    held = await stage.sql("SELECT held_until FROM place WHERE taken_by = :id", id=made.id)
    assert held
    assert all(row.held_until is None for row in held)


async def assert_not_sold(stage: Stage, shop: Shop, made: Made, *, state: str) -> None:
    """Nothing is taken, nothing issued, and all places can be had."""
    assert await state_of(stage, made.id) == state
    assert stage.card.taken(made.id) == 0
    assert await tickets(stage, made.id) == 0
    assert await free_places(stage, shop.occasions["play/mon"]) == 22


# --- told at once ---------------------------------------------------------------------------------------------------


async def test_an_approved_card_makes_the_booking_paid(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)

    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()

    await assert_paid(stage, made)
    (payment,) = await attempts(stage, made.id)
    assert (payment.state, payment.attempt, payment.provider, payment.amount) == ("captured", 1, "card", 60_000)
    assert payment.reference == f"ref-{payment.key}"
    assert await stage.value("SELECT settled_at FROM booking WHERE id = :id", id=made.id) == stage.clock.now()


async def test_a_refused_card_keeps_the_hold_and_another_one_pays_with_a_fresh_key(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)

    with pytest.raises(PaymentRefused, match="refused by the bank") as refusal:
        await pay.pay(stage.world, made.id, [Tender(BAD_CARD)])

    assert refusal.value.more == {"reason": "declined", "expires_at": made.booked.expires_at}
    assert await state_of(stage, made.id) == "held"
    assert await free_places(stage, shop.occasions["play/mon"]) == 21
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()
    await assert_paid(stage, made)
    first, second = await attempts(stage, made.id)
    assert (first.state, first.decline, second.state, second.attempt) == ("declined", "declined", "captured", 2)
    assert first.key != second.key


async def test_a_hold_that_survived_a_refusal_still_runs_out(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=6)
    with pytest.raises(PaymentRefused):
        await pay.pay(stage.world, made.id, [Tender(BAD_CARD)])

    stage.clock.advance(seconds=600 + 91)

    assert (await a_booking(stage, shop, quantity=6)).id != made.id


async def test_a_refusal_is_told_in_the_buyers_language(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, language="ko")

    with pytest.raises(PaymentRefused, match="유효기간이 지난 카드입니다"):
        await pay.pay(stage.world, made.id, [Tender(CardToken("pm_expired"))])


async def test_e_money_pays_and_is_refused_like_a_card(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 100_000)
    made, other = await a_booking(stage, shop), await a_booking(stage, shop)
    wrong = "000000" if pin != "000000" else "111111"

    with pytest.raises(PaymentRefused, match="PIN is wrong"):
        await pay.pay(stage.world, made.id, [Tender(Prepaid(BUYER, wrong))])
    assert await pay.pay(stage.world, made.id, [Tender(Prepaid(BUYER, pin))]) == Paid()
    with pytest.raises(PaymentRefused, match="not enough money"):
        await pay.pay(stage.world, other.id, [Tender(Prepaid(BUYER, pin))])

    assert await state_of(stage, made.id) == "paid"
    assert await state_of(stage, other.id) == "held"
    assert await stage.value("SELECT balance FROM account WHERE handset = :h", h=BUYER) == 40_000


async def test_a_booking_that_costs_nothing_is_settled_without_any_network(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, of="talk/talk", category="FREE", quantity=2)

    assert await pay.pay(stage.world, made.id, []) == Paid()

    assert await state_of(stage, made.id) == "paid"
    assert await tickets(stage, made.id) == 2
    assert await attempts(stage, made.id) == []
    assert stage.card.calls == []


async def test_a_complimentary_booking_costs_nothing(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2, complimentary=True, paid=True)

    assert made.booked.amount.amount == 0
    assert len(made.tickets) == 2
    assert stage.card.taken() == 0


async def test_a_card_for_a_booking_that_costs_nothing_is_not_touched(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, of="talk/talk", category="FREE")

    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()

    assert stage.card.calls == []


async def test_nothing_to_pay_with_is_told_so(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)

    with pytest.raises(WrongState, match="name an instrument"):
        await pay.pay(stage.world, made.id, [])


async def test_no_such_booking_a_paid_one_and_one_that_ran_out_are_told_apart(stage: Stage, shop: Shop) -> None:
    paid, late = await a_booking(stage, shop, paid=True), await a_booking(stage, shop)
    with pytest.raises(NotFound):
        await pay.pay(stage.world, UUID(int=1), [Tender(GOOD_CARD)])
    with pytest.raises(WrongState, match="This booking is paid"):
        await pay.pay(stage.world, paid.id, [Tender(GOOD_CARD)])

    stage.clock.advance(seconds=600)

    with pytest.raises(BookingExpired):
        await pay.pay(stage.world, late.id, [Tender(GOOD_CARD)])
    await book.expire(stage.world)
    with pytest.raises(BookingExpired):
        await pay.pay(stage.world, late.id, [Tender(GOOD_CARD)])
    assert stage.card.taken() == 60_000


async def test_a_network_that_cannot_even_be_asked_changes_nothing(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    stage.card.upset("prepare", Upset.LOST_BEFORE)

    with pytest.raises(TemporarilyUnavailable, match="Nothing was charged"):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])

    assert await state_of(stage, made.id) == "held"
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()


async def test_an_instrument_that_the_network_does_not_take_is_refused_before_anything_is_written(
    stage: Stage, shop: Shop
) -> None:
    made = await a_booking(stage, shop)

    with pytest.raises(PaymentRefused, match="cannot be used"):
        await pay.pay(stage.world, made.id, [Tender(UNKNOWN_CARD)])

    assert await attempts(stage, made.id) == []


@pytest.mark.parametrize("rounds", range(3))
async def test_of_two_payments_at_once_one_pays_and_the_other_is_told_to_wait(
    stage: Stage, second: Stage, shop: Shop, rounds: int
) -> None:
    del rounds
    made = await a_booking(stage, shop)

    outcomes = await asyncio.gather(
        *(pay.pay(one.world, made.id, [Tender(GOOD_CARD)]) for one in (stage, second, stage, second)),
        return_exceptions=True,
    )

    assert outcomes.count(Paid()) == 1, outcomes
    assert all(isinstance(one, Paid | PaymentPending | WrongState) for one in outcomes), outcomes
    await assert_paid(stage, made)


# --- not told -------------------------------------------------------------------------------------------------------

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


# --- the places are gone --------------------------------------------------------------------------------------------


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


class Slow:
    """Any port whose call of one verb waits for leave: before the request goes out, or before its answer comes in."""

    def __init__(self, port: Any, verb: str, *, going_out: bool) -> None:
        self._port, self._verb, self._going_out, self.name = port, verb, going_out, port.name
        self.waits, self.go = asyncio.Event(), asyncio.Event()

    def __getattr__(self, verb: str) -> Any:
        call = getattr(self._port, verb)
        return partial(self._slowly, call) if verb == self._verb else call

    async def _slowly(self, call: Any, *args: Any, **names: Any) -> Any:
        outcome = None if self._going_out else await call(*args, **names)
        self.waits.set()
        await self.go.wait()
        return await call(*args, **names) if self._going_out else outcome


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
