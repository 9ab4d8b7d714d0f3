"""Booking: what is held, for how long, for whom, and what is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from builders import (
    BUYER,
    FRIEND,
    Shop,
    Stage,
    a_booking,
    a_catalogue,
    a_line,
    a_price,
    a_product,
    a_request,
    an_issuer,
    free_places,
    state_of,
)

from app.domain.catalogue import OccasionDraft
from app.domain.refusals import BadLine, LimitExceeded, NotFound, NotOnSale, SoldOut, WrongState
from app.flows.booking import book
from app.flows.paying import pay
from app.flows.paying.pay import Paid, Tender
from app.ports import CardToken
from app.store import sales
from app.store.sales import NewBooking, NewItem

NOWHERE = UUID(int=0)


async def seats_of(stage: Stage, booking_id: UUID) -> list[str]:
    """Row and seat of what a booking has, in plan order."""
    rows = await stage.sql("SELECT row, seat FROM place WHERE taken_by = :id ORDER BY pos", id=booking_id)
    return [f"{row.row}{row.seat}" for row in rows]


# --- what is held ---------------------------------------------------------------------------------------------------


async def test_a_quantity_gets_seats_side_by_side_in_the_middle_of_the_row(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2)

    assert await seats_of(stage, made.id) == ["A3", "A4"]
    assert made.booked.amount.amount == 120_000


async def test_no_single_seat_is_left_stranded_while_it_can_be_avoided(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, places=shop.seats("play/mon", "A-1"), quantity=1)

    made = await a_booking(stage, shop, quantity=3)

    assert await seats_of(stage, made.id) != ["A3", "A4", "A5"]
    assert await seats_of(stage, made.id) in (["A2", "A3", "A4"], ["A4", "A5", "A6"])


async def test_chosen_places_are_the_ones_that_are_held(stage: Stage, shop: Shop) -> None:
    chosen = shop.seats("play/mon", "A-6", "A-1")

    made = await a_booking(stage, shop, quantity=2, places=chosen)

    items = await stage.sql("SELECT place_id FROM booking_item WHERE booking_id = :id ORDER BY line", id=made.id)
    assert tuple(row.place_id for row in items) == chosen


async def test_each_ticket_may_go_to_a_handset_of_its_own(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2, handsets=(BUYER, FRIEND))

    rows = await stage.sql("SELECT handset FROM booking_item WHERE booking_id = :id ORDER BY line", id=made.id)
    assert [row.handset for row in rows] == [BUYER, FRIEND]


async def test_lines_of_several_prices_are_held_together(stage: Stage, shop: Shop) -> None:
    request = a_request(
        shop.occasions["play/mon"],
        a_line(shop.price("play/R"), 1),
        a_line(shop.price("play/S"), 2),
        a_line(shop.price("play/FLOOR"), 3),
    )

    booked = await book.book(stage.world, request)

    assert booked.amount.amount == 60_000 + 2 * 40_000 + 3 * 20_000
    assert await stage.value("SELECT count(*) FROM place WHERE taken_by = :id", id=booked.id) == 6


async def test_all_lines_are_held_or_none(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, category="S", quantity=5)
    before = await free_places(stage, shop.occasions["play/mon"])
    request = a_request(shop.occasions["play/mon"], a_line(shop.price("play/R"), 2), a_line(shop.price("play/S"), 2))

    with pytest.raises(SoldOut):
        await book.book(stage.world, request)

    assert await free_places(stage, shop.occasions["play/mon"]) == before


async def test_what_never_runs_out_takes_no_place(stage: Stage, shop: Shop) -> None:
    booked = await book.book(
        stage.world, a_request(None, a_line(shop.price("carnet/adult"), 2), product=shop.products["carnet"])
    )

    assert booked.amount.amount == 8_000
    assert await stage.value("SELECT count(*) FROM place WHERE taken_by = :id", id=booked.id) == 0


@pytest.mark.parametrize(("origin", "destination", "won"), [("b", "a", 1_200), ("a", "c", 1_000), ("b", "c", 1_000)])
async def test_a_journey_costs_its_narrowest_price(
    stage: Stage, shop: Shop, origin: str, destination: str, won: int
) -> None:
    ends = {"origin_id": shop.stops[origin], "destination_id": shop.stops[destination]}
    right = [await _can_book(stage, shop, price, ends) for price in shop.prices["ride/adult"]]

    assert [amount for amount in right if amount is not None] == [won]


async def _can_book(stage: Stage, shop: Shop, price: UUID, ends: dict[str, Any]) -> int | None:
    line = a_line(price, **ends)
    try:
        booked = await book.book(stage.world, a_request(None, line, product=shop.products["ride"]))
    except BadLine:
        return None
    return booked.amount.amount


# --- for how long ---------------------------------------------------------------------------------------------------


async def test_a_hold_ends_by_the_clock_alone_and_somebody_else_books_it(stage: Stage, shop: Shop) -> None:
    chosen = shop.seats("play/mon", "A-1")
    first = await a_booking(stage, shop, places=chosen)
    assert first.booked.expires_at == stage.clock.now() + timedelta(seconds=600)

    stage.clock.advance(seconds=600 + 90)
    with pytest.raises(SoldOut):
        await a_booking(stage, shop, places=chosen)
    stage.clock.advance(seconds=1)
    second = await a_booking(stage, shop, places=chosen)

    assert await seats_of(stage, second.id) == ["A1"]
    assert await state_of(stage, first.id) == "held", "nothing swept it up"


async def test_sweeping_says_of_bookings_whose_time_ran_out_that_it_did(stage: Stage, shop: Shop) -> None:
    old = await a_booking(stage, shop)
    stage.clock.advance(seconds=601)
    young = await a_booking(stage, shop, category="S")

    assert await book.expire(stage.world) == 1

    assert await state_of(stage, old.id) == "expired"
    assert await state_of(stage, young.id) == "held"
    assert await book.expire(stage.world) == 0


async def test_cancelling_frees_the_places_at_once(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=6)

    await book.cancel(stage.world, made.id)

    assert await state_of(stage, made.id) == "cancelled"
    assert (await a_booking(stage, shop, quantity=6)).id != made.id


async def test_what_is_paid_cannot_be_cancelled(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)

    with pytest.raises(WrongState, match="A paid booking cannot be cancelled"):
        await book.cancel(stage.world, made.id)

    assert await stage.value("SELECT count(*) FROM place WHERE taken_by = :id", id=made.id) == 1


# --- how many -------------------------------------------------------------------------------------------------------


async def test_a_booking_has_at_most_its_products_limit(stage: Stage, shop: Shop) -> None:
    with pytest.raises(LimitExceeded, match="At most 8") as refusal:
        await a_booking(stage, shop, category="FLOOR", quantity=9)

    assert refusal.value.more["limit"] == 8


async def test_a_buyer_has_at_most_the_products_limit_over_all_bookings(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, of="gift/open", category="gift", quantity=3, paid=True)

    with pytest.raises(LimitExceeded, match="you may take 1 more"):
        await a_booking(stage, shop, of="gift/open", category="gift", quantity=2)

    await a_booking(stage, shop, of="gift/open", category="gift", quantity=2, buyer=FRIEND)
    await a_booking(stage, shop, of="gift/open", category="gift", quantity=1)


async def test_a_hold_that_ran_out_no_longer_counts_against_its_buyer(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, of="gift/open", category="gift", quantity=4)
    with pytest.raises(LimitExceeded):
        await a_booking(stage, shop, of="gift/open", category="gift")

    stage.clock.advance(seconds=600)

    await a_booking(stage, shop, of="gift/open", category="gift", quantity=4)


async def test_complimentary_tickets_count_against_no_buyer(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, of="gift/open", category="gift", quantity=4, complimentary=True)

    made = await a_booking(stage, shop, of="gift/open", category="gift", quantity=4)

    assert made.booked.amount.amount == 200_000


@pytest.mark.parametrize("processes", [1, 2])
async def test_two_halves_of_a_limit_are_not_both_taken_at_once(
    stage: Stage, second: Stage, shop: Shop, processes: int
) -> None:
    stages = [stage, second][:processes]

    outcomes = await asyncio.gather(
        *(a_booking(stages[n % processes], shop, of="gift/open", category="gift", quantity=3) for n in range(4)),
        return_exceptions=True,
    )

    assert sum(isinstance(one, LimitExceeded) for one in outcomes) == 3, outcomes
    assert await stage.value("SELECT count(*) FROM booking_item") == 3


async def test_who_is_being_counted_by_another_process_is_counted_after_it(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    now = stage.clock.now()
    item = NewItem(UUID(int=2), shop.price("gift/gift"), 1, BUYER, None, None, None)
    other = NewBooking(
        id=UUID(int=1),
        issuer_id=shop.issuer,
        product_id=shop.products["gift"],
        occasion_id=shop.occasions["gift/open"],
        language="ko",
        buyer=BUYER,
        amount=3,
        currency="KRW",
        expires_at=now + timedelta(minutes=10),
        link_hash=b"another",
        complimentary=False,
        created_at=now,
        items=(item, replace(item, id=UUID(int=3)), replace(item, id=UUID(int=4))),
        buyer_limit=4,
    )
    async with second.world.transaction() as tx:
        assert await sales.open_limited(tx, [other]) == [None]
        asking = asyncio.create_task(a_booking(stage, shop, of="gift/open", category="gift", quantity=2))
        await asyncio.sleep(0.1)
        assert not asking.done()

    with pytest.raises(LimitExceeded, match="you may take 1 more"):
        await asking


async def test_who_is_over_the_limit_keeps_no_place(blank: Stage) -> None:
    at = blank.clock.now() + timedelta(days=1)
    show = a_product(
        "show",
        buyer_limit=1,
        prices=(a_price("FLOOR", 100),),
        occasions=(OccasionDraft("one", at, capacity={"FLOOR": 5}),),
    )
    shop = await a_catalogue(blank, an_issuer(products=(show,)))
    await a_booking(blank, shop, of="show/one", category="FLOOR")

    with pytest.raises(LimitExceeded):
        await a_booking(blank, shop, of="show/one", category="FLOOR")

    assert await free_places(blank, shop.occasions["show/one"]) == 4


# --- what is refused ------------------------------------------------------------------------------------------------


async def test_an_occasion_that_is_nowhere_is_not_found(stage: Stage, shop: Shop) -> None:
    for request in (
        a_request(NOWHERE, a_line(shop.price("play/R"))),
        a_request(None, a_line(shop.price("play/R")), product=NOWHERE),
        a_request(None, a_line(shop.price("play/R")), product=shop.products["play"]),
    ):
        with pytest.raises(NotFound, match="Look at /catalogue/products"):
            await book.book(stage.world, request)


async def test_sales_open_and_close_by_the_clock(blank: Stage) -> None:
    now = blank.clock.now()
    window = OccasionDraft(
        "one",
        now + timedelta(days=9),
        sales_from=now + timedelta(days=1),
        sales_until=now + timedelta(days=2),
        capacity={"FLOOR": 5},
    )
    until_start = OccasionDraft("two", now + timedelta(days=1), capacity={"FLOOR": 5})
    product = a_product("show", prices=(a_price("FLOOR", 100),), occasions=(window, until_start))
    shop = await a_catalogue(blank, an_issuer(products=(product,)))

    with pytest.raises(NotOnSale, match="not opened") as early:
        await a_booking(blank, shop, of="show/one", category="FLOOR")
    assert early.value.more["opens_at"] == now + timedelta(days=1)
    await a_booking(blank, shop, of="show/two", category="FLOOR")
    blank.clock.advance(days=1)
    await a_booking(blank, shop, of="show/one", category="FLOOR")
    with pytest.raises(NotOnSale, match="closed") as begun:
        await a_booking(blank, shop, of="show/two", category="FLOOR")
    assert begun.value.more["closed_at"] == now + timedelta(days=1)
    blank.clock.advance(days=1)
    with pytest.raises(NotOnSale, match="closed"):
        await a_booking(blank, shop, of="show/one", category="FLOOR")


async def test_a_withdrawn_occasion_is_not_sold(blank: Stage) -> None:
    at = blank.clock.now() + timedelta(days=1)
    product = a_product("show", prices=(a_price("FLOOR", 100),), occasions=(OccasionDraft("one", at),))
    shop = await a_catalogue(blank, an_issuer(products=(product,)))
    await a_catalogue(blank, an_issuer(products=(replace(product, occasions=(OccasionDraft("two", at),)),)))

    with pytest.raises(NotOnSale, match="no longer sold"):
        await a_booking(blank, shop, of="show/one", category="FLOOR")


async def test_lines_that_contradict_the_catalogue_are_refused_in_words(stage: Stage, shop: Shop) -> None:
    mon, ride, stops = shop.occasions["play/mon"], shop.products["ride"], shop.stops
    price, fare = shop.price("play/R"), shop.prices["ride/adult"][0]
    journey: dict[str, Any] = {"origin_id": stops["a"], "destination_id": stops["c"]}
    cases = [
        (a_request(mon, a_line(fare)), "does not belong to the occasion"),
        (a_request(None, a_line(fare), product=ride), "name `origin` and `destination`"),
        (a_request(None, a_line(fare, origin_id=stops["a"]), product=ride), "needs both"),
        (a_request(None, a_line(price, **journey), product=ride), "does not hold for this journey"),
        (
            a_request(None, a_line(shop.price("carnet/adult"), 1, NOWHERE), product=shop.products["carnet"]),
            "Nothing is numbered here",
        ),
    ]
    for request, sentence in cases:
        with pytest.raises(BadLine, match=sentence):
            await book.book(stage.world, request)


@pytest.mark.parametrize("choice", [("play/mon", "A-1", "S"), ("play/tue", "A-1", "R"), ("play/mon", "FLOOR#1", "R")])
async def test_a_place_of_another_category_or_day_cannot_be_had_for_this_price(
    stage: Stage, shop: Shop, choice: tuple[str, str, str]
) -> None:
    day, seat, category = choice

    with pytest.raises(SoldOut):
        await a_booking(stage, shop, category=category, places=shop.seats(day, seat))


async def test_the_buyers_link_is_stored_as_a_hash_only(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)

    assert len(made.link) == 22
    assert await stage.value("SELECT link_hash FROM booking WHERE id = :id", id=made.id) == book.link_hash(made.link)


@pytest.mark.parametrize("rounds", range(5))
async def test_of_cancelling_and_paying_at_once_exactly_one_wins(
    stage: Stage, second: Stage, shop: Shop, rounds: int
) -> None:
    del rounds
    made = await a_booking(stage, shop)

    paid, cancelled = await asyncio.gather(
        pay.pay(stage.world, made.id, [Tender(CardToken("pm_card_visa"))]),
        book.cancel(second.world, made.id),
        return_exceptions=True,
    )

    won = isinstance(paid, Paid)
    assert won is isinstance(cancelled, WrongState), (paid, cancelled)
    assert await state_of(stage, made.id) == ("paid" if won else "cancelled")
    assert stage.card.taken() == (60_000 if won else 0)
    assert await stage.value("SELECT count(*) FROM ticket") == won
    assert await stage.value("SELECT count(*) FROM place WHERE taken_by = :id", id=made.id) == won
