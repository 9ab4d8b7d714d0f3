"""Second choices: each one is posted as it stands, with no other knowledge, and books."""

from __future__ import annotations

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
    a_hall,
    a_line,
    a_price,
    a_product,
    a_request,
    an_issuer,
)

from app.domain.booking import BookingRequest
from app.domain.catalogue import OccasionDraft
from app.domain.refusals import SoldOut
from app.flows.booking import book
from app.flows.booking.alternatives import Choice
from app.schemas.bookings import BookingIn, alternative


async def refused(stage: Stage, request: BookingRequest) -> list[Choice]:
    """The second choices to a request that cannot be had."""
    with pytest.raises(SoldOut) as refusal:
        await book.book(stage.world, request)
    choices = refusal.value.more["alternatives"]
    assert isinstance(choices, list)
    return choices


async def follow(stage: Stage, body: dict[str, Any]) -> tuple[UUID, int]:
    """Post a body as a client would, knowing nothing but it: the booking and how many tickets it has."""
    booked = await book.book(stage.world, BookingIn.model_validate_json(_as_sent(body)).request())
    count = await stage.value("SELECT count(*) FROM booking_item WHERE booking_id = :id", id=booked.id)
    assert booked.amount.amount
    return booked.id, int(count)


def _as_sent(body: dict[str, Any]) -> bytes:
    return BookingIn.model_validate(body).model_dump_json(exclude_none=True).encode()


async def follow_all(stage: Stage, request: BookingRequest, choices: list[Choice]) -> list[str]:
    """Book each choice by its own body and give it up again; returns the kinds."""
    wanted = sum(line.quantity for line in request.lines)
    for choice in choices:
        body = alternative(choice, request)["body"]
        identity, count = await follow(stage, body)
        assert count == wanted
        row = (await stage.sql("SELECT amount, buyer, language FROM booking WHERE id = :id", id=identity))[0]
        assert (row.amount, row.buyer, row.language) == (choice.amount.amount, request.buyer, request.language)
        await book.cancel(stage.world, identity)
    return [choice.kind.value for choice in choices]


async def test_a_sold_out_category_offers_others_by_price_then_the_nearest_days(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, quantity=6)
    request = a_request(shop.occasions["play/mon"], a_line(shop.price("play/R"), 2))

    choices = await refused(stage, request)

    assert await follow_all(stage, request, choices) == ["other_category", "other_category", "other_date", "other_date"]
    assert [choice.words for choice in choices] == ["S", "FLOOR", "Wed 25 Nov 12:00", "Thu 26 Nov 12:00"]
    assert [choice.amount.amount for choice in choices] == [80_000, 40_000, 120_000, 120_000]


async def test_seats_that_are_not_side_by_side_any_more_are_offered_apart(stage: Stage, shop: Shop) -> None:
    for seat in ("A-2", "A-5"):
        await a_booking(stage, shop, places=shop.seats("play/mon", seat))
    request = a_request(shop.occasions["play/mon"], a_line(shop.price("play/R"), 3, handsets=(FRIEND,)), language="ko")

    choices = await refused(stage, request)

    assert (await follow_all(stage, request, choices))[0] == "split_seats"
    assert choices[0].words == "Stalls A열 1번, Stalls A열 3번, Stalls A열 4번"
    assert choices[0].lines[0].handsets == (FRIEND,)


async def test_chosen_seats_that_are_gone_are_replaced_by_the_nearest_ones(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, places=shop.seats("play/mon", "A-3"))
    request = a_request(
        shop.occasions["play/mon"], a_line(shop.price("play/R"), 2, *shop.seats("play/mon", "A-2", "A-3"))
    )

    choices = await refused(stage, request)

    assert (await follow_all(stage, request, choices))[:2] == ["nearest_seats", "nearest_seats"]
    assert choices[0].words == "Stalls row A seat 1, Stalls row A seat 2", "together"
    assert choices[1].words == "Stalls row A seat 2, Stalls row A seat 4", "one kept"


async def test_two_lines_of_chosen_seats_are_not_offered_one_seat_twice(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, quantity=2, places=shop.seats("play/mon", "A-1", "A-2"))
    price = shop.price("play/R")
    seats = shop.seats("play/mon", "A-1", "A-2")
    request = a_request(
        shop.occasions["play/mon"],
        a_line(price, 1, seats[0], handsets=(BUYER,)),
        a_line(price, 1, seats[1], handsets=(FRIEND,)),
    )

    choices = await refused(stage, request)

    assert (await follow_all(stage, request, choices))[0] == "nearest_seats"


async def test_two_lines_of_one_category_are_not_offered_one_seat_twice_apart(stage: Stage, shop: Shop) -> None:
    for seat in ("A-2", "A-5"):
        await a_booking(stage, shop, places=shop.seats("play/mon", seat))
    price = shop.price("play/R")
    request = a_request(
        shop.occasions["play/mon"], a_line(price, 2, handsets=(BUYER,)), a_line(price, 2, handsets=(FRIEND,))
    )

    choices = await refused(stage, request)

    assert (await follow_all(stage, request, choices))[0] == "split_seats"


async def test_where_nothing_at_all_is_left_it_says_so(blank: Stage) -> None:
    at = blank.clock.now() + timedelta(days=1)
    product = a_product(
        "show", prices=(a_price("FLOOR", 100),), occasions=(OccasionDraft("one", at, capacity={"FLOOR": 1}),)
    )
    shop = await a_catalogue(blank, an_issuer(products=(product,)))
    request = a_request(shop.occasions["show/one"], a_line(shop.price("show/FLOOR")))
    await book.book(blank.world, request)

    with pytest.raises(SoldOut, match="Nothing else is left") as refusal:
        await book.book(blank.world, request)

    assert refusal.value.more["alternatives"] == []


async def test_a_split_wish_that_no_longer_fits_is_not_offered_apart(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, quantity=4)
    request = a_request(shop.occasions["play/mon"], a_line(shop.price("play/R"), 3))

    kinds = [choice.kind.value for choice in await refused(stage, request)]

    assert "split_seats" not in kinds
    assert "other_category" in kinds


async def test_seats_of_which_none_was_known_have_no_neighbours(stage: Stage, shop: Shop) -> None:
    request = a_request(shop.occasions["play/mon"], a_line(shop.price("play/R"), 1, UUID(int=7)))

    kinds = [choice.kind.value for choice in await refused(stage, request)]

    assert "nearest_seats" not in kinds


async def test_other_days_are_those_that_are_on_sale_and_have_it_the_nearest_first(blank: Stage) -> None:
    now = blank.clock.now()

    def day(number: int, **more: Any) -> OccasionDraft:
        return OccasionDraft(f"d{number}", now + timedelta(days=number), capacity={"FLOOR": 1}, **more)

    product = a_product(
        "show",
        prices=(a_price("FLOOR", 100), a_price("R", 300)),
        occasions=(
            day(1),
            day(2, sales_from=now + timedelta(days=1)),
            day(3, prices=(a_price("R", 300),)),
            OccasionDraft("d4", now + timedelta(days=4), capacity={"FLOOR": 1}),
            day(5),
            OccasionDraft("d6", now + timedelta(days=6)),
            day(7),
            day(8),
        ),
    )
    shop = await a_catalogue(blank, an_issuer(products=(product,)))
    for taken in ("show/d5", "show/d4"):
        await a_booking(blank, shop, of=taken, category="FLOOR")
    request = a_request(shop.occasions["show/d5"], a_line(shop.price("show/FLOOR")))

    choices = await refused(blank, request)

    assert [choice.occasion_id for choice in choices] == [
        shop.occasions["show/d6"],
        shop.occasions["show/d7"],
        shop.occasions["show/d8"],
    ]
    await follow_all(blank, request, choices)


async def test_three_other_days_are_enough(blank: Stage) -> None:
    now = blank.clock.now()
    days = tuple(OccasionDraft(f"d{n}", now + timedelta(days=n), capacity={"FLOOR": 1}) for n in range(1, 9))
    product = a_product("show", prices=(a_price("FLOOR", 100),), occasions=days)
    shop = await a_catalogue(blank, an_issuer(products=(product,)))
    await a_booking(blank, shop, of="show/d4", category="FLOOR")
    request = a_request(shop.occasions["show/d4"], a_line(shop.price("show/FLOOR")))

    choices = await refused(blank, request)

    assert [choice.occasion_id for choice in choices] == [shop.occasions[f"show/d{n}"] for n in (3, 5, 2)]


async def test_every_wish_in_a_crowded_hall_gets_only_choices_that_can_be_had(blank: Stage) -> None:
    """Walks through halls that fill up, and follows everything that is offered on the way."""
    now = blank.clock.now()
    days = tuple(OccasionDraft(f"d{n}", now + timedelta(days=n), seating="hall", capacity={"FLOOR": 2}) for n in (1, 2))
    product = a_product("play", prices=(a_price("R", 300), a_price("S", 200), a_price("FLOOR", 100)), occasions=days)
    shop = await a_catalogue(blank, an_issuer(seatings=(a_hall(seats=5),), products=(product,)))
    offered = 0
    for taken in ("A-2", "A-4", "B-3", "B-1", "FLOOR#1", "B-5", "A-1", "FLOOR#2", "A-5", "A-3", "B-2"):
        category = {"A": "R", "B": "S", "F": "FLOOR"}[taken[0]]
        await a_booking(blank, shop, of="play/d1", category=category, places=shop.seats("play/d1", taken))
        for wish in ("R", "S", "FLOOR"):
            request = a_request(shop.occasions["play/d1"], a_line(shop.price(f"play/{wish}"), 2))
            try:
                booked = await book.book(blank.world, request)
            except SoldOut as refusal:
                choices = refusal.more["alternatives"]
                assert isinstance(choices, list)
                offered += len(await follow_all(blank, request, choices))
            else:
                await book.cancel(blank.world, booked.id)
    assert offered > 40
