"""Paying: approved or refused, told at once."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from builders import BUYER, Shop, Stage, a_booking, an_account, free_places, state_of
from fakes import BAD_CARD, GOOD_CARD, UNKNOWN_CARD, Upset
from paying_kit import assert_paid, parts, tickets

from app.domain.refusals import (
    BookingExpired,
    NotFound,
    PaymentPending,
    PaymentRefused,
    TemporarilyUnavailable,
    WrongState,
)
from app.flows.booking import book
from app.flows.paying import pay
from app.flows.paying.pay import Paid, Tender
from app.ports import CardToken, Prepaid


async def test_an_approved_card_makes_the_booking_paid(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)

    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()

    await assert_paid(stage, made)
    (payment,) = await parts(stage, made.id)
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
    first, second = await parts(stage, made.id)
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
    assert await parts(stage, made.id) == []
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

    assert await parts(stage, made.id) == []


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
