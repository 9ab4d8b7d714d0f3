"""Money that comes when the places are gone: the same places again where they can be had, else the money goes back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from builders import BUYER, FRIEND, Made, Shop, Stage, a_booking, an_account, free_places, state_of
from fakes import GOOD_CARD, Upset
from paying_kit import DUE, assert_settled, balance, books, prepaid, states

from app.domain.refusals import BookingExpired, NotFound
from app.flows.booking import book
from app.flows.paying import pay, reconcile
from app.flows.paying.pay import Paid, Tender
from app.flows.paying.resume import resume
from app.ports import HoldLost, Refused
from app.store import stock


async def reserved_and_dead(stage: Stage, shop: Shop, **given: Any) -> Made:
    """A booking whose money is reserved, and nobody there to go on with it; its hold has run out since."""
    made = await a_booking(stage, shop, **given)
    stage.card.upset("authorize", Upset.KILLED_AFTER)
    with pytest.raises(Exception, match="authorize"):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
    stage.clock.advance(seconds=600 + 91)
    return made


async def free(stage: Stage, made: Made) -> None:
    """The issuer has freed what ran out."""
    async with stage.world.transaction() as tx:
        await stock.release(tx, [made.id])


async def taken(stage: Stage, booking_id: UUID) -> list[str]:
    rows = await stage.sql("SELECT guid FROM place WHERE taken_by = :id ORDER BY guid", id=booking_id)
    return [row.guid for row in rows]


async def test_places_that_are_free_again_are_taken_once_more(stage: Stage, shop: Shop) -> None:
    made = await reserved_and_dead(stage, shop, places=shop.seats("play/mon", "A-1", "A-2"), quantity=2)
    await free(stage, made)

    assert await reconcile.reconcile(stage.world) == 1

    assert await assert_settled(stage, made) == "paid"
    assert await taken(stage, made.id) == ["A-1", "A-2"]


async def test_a_numbered_seat_that_was_not_chosen_is_given_to_nobody(stage: Stage, shop: Shop) -> None:
    made = await reserved_and_dead(stage, shop, places=shop.seats("play/mon", "A-1", "A-2"), quantity=2)
    rival = await a_booking(stage, shop, places=shop.seats("play/mon", "A-2"), buyer=FRIEND)

    assert await reconcile.reconcile(stage.world) == 1
    await stage.work()

    assert await state_of(stage, made.id) == "expired"
    assert stage.card.taken() == 0
    assert await taken(stage, made.id) == []
    assert await free_places(stage, shop.occasions["play/mon"]) == 21
    assert await pay.pay(stage.world, rival.id, [Tender(GOOD_CARD)]) == Paid()


async def test_of_places_that_are_all_alike_any_will_do(stage: Stage, shop: Shop) -> None:
    """Standing room: somebody else has the very places, and there are others."""
    made = await reserved_and_dead(stage, shop, category="FLOOR", quantity=3)
    before = await stage.sql("SELECT place_id FROM booking_item WHERE booking_id = :id", id=made.id)
    rival = await a_booking(stage, shop, category="FLOOR", quantity=3, buyer=FRIEND, paid=True)

    assert await reconcile.reconcile(stage.world) == 1

    assert await assert_settled(stage, made) == "paid"
    after = await stage.sql("SELECT place_id FROM ticket WHERE booking_id = :id", id=made.id)
    assert {row.place_id for row in before}.isdisjoint(row.place_id for row in after)
    assert {row.place_id for row in after} == {
        row.id for row in await stage.sql("SELECT id FROM place WHERE taken_by = :id", id=made.id)
    }
    assert len(rival.tickets) == 3


async def test_when_not_all_of_them_can_be_had_none_is_taken(stage: Stage, shop: Shop) -> None:
    made = await reserved_and_dead(stage, shop, category="FLOOR", quantity=3)
    await a_booking(stage, shop, category="FLOOR", quantity=8, buyer=FRIEND, paid=True)

    assert await reconcile.reconcile(stage.world) == 1
    await stage.work()

    assert await state_of(stage, made.id) == "expired"
    assert await taken(stage, made.id) == []
    assert await states(stage, made.id) == ["voided"]


async def lose_the_hold_for_good(stage: Stage) -> None:
    """Every commit finds the places gone, and a hold finds none."""

    async def lost(**_asked: Any) -> HoldLost:
        return HoldLost()

    stage.world.issuers["local"].commit = lost  # type: ignore[method-assign]  # this one issuer, for this one test


async def test_money_that_was_taken_for_lost_places_is_owed_and_the_buyer_hears_of_it(stage: Stage, shop: Shop) -> None:
    """The network captured by itself, as one does that cannot reserve: only a refund can give that back."""
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
    next(iter(stage.card.attempts.values())).status = "captured"
    await lose_the_hold_for_good(stage)
    stage.clock.advance(seconds=61)

    with pytest.raises(BookingExpired, match="Your money is given back"):
        await resume(stage.world, made.id)

    assert await state_of(stage, made.id) == "expired"
    assert await stage.value("SELECT reason FROM refund WHERE amount = :due", due=DUE) == "late"
    assert (await books(stage))["refunds"] == DUE, "a debt of ours from this moment on"
    with pytest.raises(BookingExpired, match="It is given back"):
        await resume(stage.world, made.id)

    await stage.work()

    assert stage.card.taken() == 0
    assert await books(stage) == {}
    assert len(stage.carrier.inbox(BUYER)) == 1
    assert await free_places(stage, shop.occasions["play/mon"]) == 22


@pytest.mark.parametrize("verb", ["commit", "hold"])
async def test_an_issuer_that_does_not_know_of_the_sale_any_more_costs_nobody_money(
    stage: Stage, shop: Shop, verb: str
) -> None:
    made = await a_booking(stage, shop)
    await lose_the_hold_for_good(stage)

    async def unknown(*_asked: Any, **_names: Any) -> Any:
        raise NotFound("No such occasion is sold here.")

    setattr(stage.world.issuers["local"], verb, unknown)
    with pytest.raises(BookingExpired, match="Nothing was charged"):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])

    assert await states(stage, made.id) == ["voided"]
    assert stage.card.taken() == 0


async def test_e_money_of_lost_places_simply_comes_back(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, DUE, handset=FRIEND)
    made = await a_booking(stage, shop)
    await lose_the_hold_for_good(stage)

    with pytest.raises(BookingExpired, match="Nothing was charged"):
        await pay.pay(stage.world, made.id, [prepaid(FRIEND, pin)])

    assert await balance(stage, FRIEND) == DUE
    assert await stage.value("SELECT count(*) FROM refund") == 0


async def test_a_network_that_neither_voids_nor_says_why_is_asked_again(stage: Stage, shop: Shop) -> None:
    made = await reserved_and_dead(stage, shop, places=shop.seats("play/mon", "A-1"))
    await a_booking(stage, shop, places=shop.seats("play/mon", "A-1"), buyer=FRIEND)
    void = stage.card.void

    async def stubborn(**asked: Any) -> Refused:
        outcome = await void(**asked)
        next(iter(stage.card.attempts.values())).status = "authorized"
        assert not isinstance(outcome, Refused)
        return stage.card._refused(next(iter(stage.card.attempts.values())))

    stage.card.void = stubborn  # type: ignore[method-assign]  # until it comes to its senses
    await reconcile.reconcile(stage.world)
    assert await states(stage, made.id) == ["unknown"]

    stage.card.void = void  # type: ignore[method-assign]  # now
    stage.clock.advance(seconds=61)
    await reconcile.reconcile(stage.world)
    assert await states(stage, made.id) == ["voided"]


async def test_unsettled_payments_are_asked_about_in_turn(stage: Stage, shop: Shop) -> None:
    """One that never ends does not keep the others waiting, whatever the size of a round."""
    made = [await a_booking(stage, shop) for _ in range(3)]
    for one in made:
        stage.card.upset("authorize", Upset.LOST_AFTER)
        await pay.pay(stage.world, one.id, [Tender(GOOD_CARD)])
        stage.clock.advance(seconds=1)
    stage.clock.advance(seconds=61)
    stage.card.upset("lookup", Upset.LOST_BEFORE)

    assert await reconcile.reconcile(stage.world, limit=1) == 0, "the first stays silent"
    stage.clock.advance(seconds=61)
    assert await reconcile.reconcile(stage.world, limit=1) == 1, "it could be asked again; but the second is due"
    assert [await state_of(stage, one.id) for one in made] == ["paying", "paid", "paying"]
    assert await reconcile.reconcile(stage.world, limit=1) == 1, "and the third"
    assert await reconcile.reconcile(stage.world, limit=1) == 1, "now the first again"
    assert [await state_of(stage, one.id) for one in made] == ["paid"] * 3


async def test_bookings_without_a_price_wait_in_turn_too(stage: Stage, second: Stage, shop: Shop) -> None:
    made = [await a_booking(stage, shop, complimentary=True) for _ in range(2)]
    await stage.sql("UPDATE booking SET state = 'paying'")
    stage.clock.advance(seconds=61)
    commit = second.world.issuers["local"].commit
    asked = []

    async def broken(**names: Any) -> Any:
        asked.append(names["key"])
        if len(asked) == 1:
            raise RuntimeError("broken")
        return await commit(**names)

    second.world.issuers["local"].commit = broken  # type: ignore[method-assign]  # this one issuer, for this one test
    assert await reconcile.reconcile(second.world, limit=1) == 0
    assert await reconcile.reconcile(second.world, limit=1) == 1

    assert sorted(asked) == sorted(one.id for one in made)
    await book.expire(stage.world)
    assert await reconcile.reconcile(second.world, limit=1) == 1
    assert [await state_of(stage, one.id) for one in made] == ["paid"] * 2
