"""3-D Secure: the buyer's bank wants to see the buyer, and the places wait for that."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from builders import BUYER, FRIEND, Made, Shop, Stage, a_booking, an_account, free_places, state_of
from fakes import CHALLENGED_CARD, GOOD_CARD, Upset
from paying_kit import DUE, assert_settled, balance, parts, prepaid, states

from app.domain.refusals import BookingExpired, NotFound, PaymentPending, PaymentRefused, WrongState
from app.flows.booking import book
from app.flows.paying import pay, reconcile
from app.flows.paying.conclude import CHALLENGES_MAX
from app.flows.paying.pay import Challenged, Paid, Pending, Tender
from app.flows.paying.resume import resume

BACK = "https://tickets.example/b/link"


async def challenged(stage: Stage, shop: Shop, *more: Tender) -> Made:
    """A booking whose buyer has been sent to the bank."""
    made = await a_booking(stage, shop, quantity=1 if more else 6)
    outcome = await pay.pay(stage.world, made.id, [Tender(CHALLENGED_CARD), *more], return_url=BACK)
    assert outcome == Challenged(page(stage))
    return made


def page(stage: Stage) -> str:
    return list(stage.card.attempts.values())[-1].page


async def test_a_challenged_card_pays_once_the_bank_has_seen_the_buyer(stage: Stage, shop: Shop) -> None:
    made = await challenged(stage, shop)
    (part,) = await parts(stage, made.id)
    assert (part.state, part.action_url) == ("requires_action", page(stage))
    assert part.action_until == stage.clock.now() + timedelta(minutes=15)
    assert next(iter(stage.card.attempts.values())).charge.return_url == BACK
    assert await resume(stage.world, made.id) == Challenged(page(stage)), "the buyer has not been there yet"

    stage.card.answer_challenge(made.id, passed=True)

    assert await resume(stage.world, made.id) == Paid()
    assert await assert_settled(stage, made) == "paid"
    assert await resume(stage.world, made.id) == Paid(), "asking again changes nothing"
    assert stage.card.taken() == 6 * DUE


async def test_the_places_wait_for_the_bank_longer_than_an_ordinary_hold(stage: Stage, shop: Shop) -> None:
    made = await challenged(stage, shop)

    stage.clock.advance(seconds=600 + 91)
    await book.expire(stage.world)

    assert await free_places(stage, shop.occasions["play/mon"]) == 16
    stage.card.answer_challenge(made.id, passed=True)
    await reconcile.reconcile(stage.world)
    assert await assert_settled(stage, made) == "paid"


async def test_a_buyer_who_closes_the_browser_after_the_bank_gets_the_tickets_all_the_same(
    stage: Stage, shop: Shop
) -> None:
    made = await challenged(stage, shop)
    stage.card.answer_challenge(made.id, passed=True)

    stage.clock.advance(seconds=61)
    assert await reconcile.reconcile(stage.world) == 1

    assert await assert_settled(stage, made) == "paid"


async def test_a_challenge_that_nobody_answers_is_given_up_when_its_time_is_over(stage: Stage, shop: Shop) -> None:
    made = await challenged(stage, shop)
    stage.clock.advance(seconds=840)
    assert await reconcile.reconcile(stage.world) == 0
    assert await states(stage, made.id) == ["requires_action"]

    stage.clock.advance(seconds=61)
    assert await reconcile.reconcile(stage.world) == 1
    await stage.work()

    assert await states(stage, made.id) == ["voided"]
    assert await assert_settled(stage, made) == "expired"
    assert await free_places(stage, shop.occasions["play/mon"]) == 22
    with pytest.raises(BookingExpired):
        await resume(stage.world, made.id)


async def test_a_refusal_by_the_bank_leaves_time_for_another_card(stage: Stage, shop: Shop) -> None:
    made = await challenged(stage, shop)
    stage.clock.advance(seconds=890)
    stage.card.answer_challenge(made.id, passed=False)

    with pytest.raises(PaymentRefused) as refusal:
        await resume(stage.world, made.id)

    assert refusal.value.more["expires_at"] == stage.clock.now() + timedelta(minutes=3)
    assert await states(stage, made.id) == ["declined"]
    stage.clock.advance(seconds=179)
    await book.expire(stage.world)
    with pytest.raises(PaymentRefused):
        await resume(stage.world, made.id)
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()
    assert await assert_settled(stage, made) == "paid"


async def test_an_abandoned_challenge_makes_way_for_another_card_at_once(stage: Stage, shop: Shop) -> None:
    made = await challenged(stage, shop)
    with pytest.raises(PaymentPending):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])

    with pytest.raises(PaymentRefused, match="nothing was charged"):
        await resume(stage.world, made.id, abandoned=True)

    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()
    assert await assert_settled(stage, made) == "paid"
    assert await states(stage, made.id) == ["voided", "captured"]


async def test_a_challenge_that_was_passed_cannot_be_abandoned_any_more(stage: Stage, shop: Shop) -> None:
    made = await challenged(stage, shop)
    stage.card.answer_challenge(made.id, passed=True)

    assert await resume(stage.world, made.id, abandoned=True) == Paid()


async def test_a_booking_is_not_kept_for_ever_by_one_challenge_after_the_other(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    for _ in range(CHALLENGES_MAX):
        await pay.pay(stage.world, made.id, [Tender(CHALLENGED_CARD)], return_url=BACK)
        with pytest.raises(PaymentRefused):
            await resume(stage.world, made.id, abandoned=True)

    with pytest.raises(PaymentRefused):
        await pay.pay(stage.world, made.id, [Tender(CHALLENGED_CARD)], return_url=BACK)

    assert await state_of(stage, made.id) == "held"
    assert await states(stage, made.id) == ["voided"] * (CHALLENGES_MAX + 1)
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()


async def test_e_money_beside_a_challenged_card_is_taken_and_comes_back_when_the_bank_says_no(
    stage: Stage, shop: Shop
) -> None:
    pin = await an_account(stage, shop, 20_000, handset=FRIEND)
    made = await challenged(stage, shop, prepaid(FRIEND, pin, 20_000))
    assert await balance(stage, FRIEND) == 0

    stage.card.answer_challenge(made.id, passed=False)
    with pytest.raises(PaymentRefused):
        await resume(stage.world, made.id)

    assert await balance(stage, FRIEND) == 20_000
    assert await states(stage, made.id) == ["declined", "voided"]


async def test_e_money_beside_a_challenged_card_pays_with_it(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 20_000, handset=FRIEND)
    made = await challenged(stage, shop, prepaid(FRIEND, pin, 20_000))

    stage.card.answer_challenge(made.id, passed=True)

    assert await resume(stage.world, made.id) == Paid()
    assert stage.card.taken() == DUE - 20_000
    assert await assert_settled(stage, made) == "paid"


async def test_what_a_waiting_buyer_is_told_comes_from_our_own_books_between_two_questions(
    stage: Stage, shop: Shop
) -> None:
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Pending()
    asked = len(stage.card.calls)

    assert await resume(stage.world, made.id) == Pending()
    assert len(stage.card.calls) == asked, "it was asked a moment ago"
    stage.clock.advance(seconds=2)
    assert await resume(stage.world, made.id) == Paid()


async def test_a_request_that_is_alive_is_not_interfered_with(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.KILLED_AFTER)
    with pytest.raises(Exception, match="authorize"):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
    asked = len(stage.card.calls)

    assert await resume(stage.world, made.id) == Pending()
    assert len(stage.card.calls) == asked
    stage.clock.advance(seconds=61)
    assert await resume(stage.world, made.id) == Paid()


async def test_a_question_that_comes_before_the_network_has_the_request_ends_nothing(stage: Stage, shop: Shop) -> None:
    """The answer was lost, and so, it seems, was the request; but it may still be on its way."""
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_BEFORE)
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Pending()

    stage.clock.advance(seconds=10)
    assert await resume(stage.world, made.id) == Pending()
    assert next(iter(stage.card.attempts.values())).status == "prepared"

    stage.clock.advance(seconds=51)
    with pytest.raises(PaymentRefused, match="nothing was charged"):
        await resume(stage.world, made.id)


async def test_there_is_nothing_to_resume_where_nothing_was_paid(stage: Stage, shop: Shop) -> None:
    held, cancelled = await a_booking(stage, shop), await a_booking(stage, shop, buyer=BUYER)
    await book.cancel(stage.world, cancelled.id)

    with pytest.raises(NotFound):
        await resume(stage.world, UUID(int=1))
    for made in (held, cancelled):
        with pytest.raises(WrongState, match="no payment is under way"):
            await resume(stage.world, made.id)
    stage.clock.advance(seconds=601)
    with pytest.raises(BookingExpired):
        await resume(stage.world, held.id)
