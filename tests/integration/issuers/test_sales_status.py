"""An issuer elsewhere says what is free, holds it, and is asked before anything is sold."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from builders import Stage, a_booking, a_catalogue, a_line, a_price, a_request, free_places, state_of, the_theatre
from postgres import Cluster
from sales_status_kit import change, dates, two_seats
from two_servers_kit import ISSUER, Two, connect, two_servers

from app.domain.booking import BookingRequest
from app.domain.refusals import BadLine, NotOnSale, SoldOut
from app.domain.sale import Why
from app.flows.booking import book, find, mirror
from app.flows.booking.alternatives import Choice
from app.flows.sellers import for_sellers
from app.ports import Part, Wish
from app.store.catalogue import Search

pytest_plugins = ["apart_plugin"]


async def alternatives(two: Two, request: BookingRequest) -> list[Choice]:
    with pytest.raises(SoldOut) as refusal:
        await book.book(two.seller.world, request)
    choices = refusal.value.more["alternatives"]
    assert isinstance(choices, list)
    return choices


# --- what is free ---------------------------------------------------------------------------------------------------


async def test_what_is_free_is_what_the_issuer_says(kept: Two) -> None:
    await a_booking(kept.issuer, kept.shop, places=kept.shop.seats("play/mon", "A-2"))

    found = await find.availability(kept.seller.world, kept.shop.occasions["play/mon"])
    rows, _ = await find.places(
        kept.seller.world, kept.shop.occasions["play/mon"], category=None, section=None, after=-1, limit=3
    )
    plan = await find.plan(kept.seller.world, kept.shop.occasions["play/mon"])

    assert found.counts == {"R": 5, "S": 6, "FLOOR": 10}
    assert found.standing.on_sale
    assert [find.is_free(found, row.pos) for row in rows] == [True, False, True]
    assert [(one.name, one.places, one.free) for one in plan.sections] == [("Stalls", 12, 11), ("", 10, 10)]
    assert await kept.seller.value("SELECT count(*) FROM place WHERE taken_by IS NOT NULL") == 0


async def test_a_listing_asks_once_for_all_its_dates(kept: Two) -> None:
    await a_booking(kept.issuer, kept.shop, of="play/tue", quantity=2)
    kept.line.asked.clear()

    found = await dates(kept)
    again = await dates(kept)
    stubs = await find.stubs(kept.seller.world, Search(limit=10))

    assert [one.availability.counts for one in found] == [
        {"R": 6, "S": 6, "FLOOR": 10},
        {"R": 4, "S": 6},
        {"R": 6, "S": 6},
        {"FREE": 3},
    ]
    assert [one.availability for one in again] == [one.availability for one in found]
    assert {stub.row.slug: stub.standing.on_sale for stub in stubs} == dict.fromkeys(
        ("carnet", "gift", "play", "ride", "talk"), True
    )
    asked = [one.partition("?")[0] for one in kept.line.asked]
    assert asked == ["GET /issuer/v1/stock"] * 3, "for each listing once, and once whether the issuer is there"


async def test_a_hall_that_grew_since_it_was_copied_shows_what_is_known_of_it(two: Two) -> None:
    await change(
        two, occasions=(replace(the_theatre(two.clock.now()).products[0].occasions[0], capacity={"FLOOR": 30}),)
    )

    found = await find.availability(two.seller.world, two.shop.occasions["play/mon"])

    assert found.counts == {"R": 6, "S": 6, "FLOOR": 10}


async def test_a_place_that_was_added_a_moment_ago_is_copied_before_it_is_booked(two: Two) -> None:
    for quantity in (8, 2):
        await a_booking(two.issuer, two.shop, category="FLOOR", quantity=quantity)
    await change(
        two, occasions=(replace(the_theatre(two.clock.now()).products[0].occasions[0], capacity={"FLOOR": 12}),)
    )

    made = await a_booking(two.seller, two.shop, category="FLOOR", quantity=2, paid=True)

    assert await state_of(two.seller, made.id) == "paid"
    taken = await two.issuer.value("SELECT count(*) FROM place WHERE category = 'FLOOR' AND taken_by IS NOT NULL")
    assert taken == 12


async def test_a_date_that_the_issuer_does_not_know_any_more_is_not_on_sale(two: Two) -> None:
    await change(two, occasions=the_theatre(two.clock.now()).products[0].occasions[:1])

    found = {one.row.slug: one.standing.why for one in await dates(two)}

    assert found == {"mon": None, "tue": Why.WITHDRAWN, "wed": Why.WITHDRAWN, "talk": None}


async def test_what_is_not_sold_yet_says_so(two: Two) -> None:
    mon, tue, wed = the_theatre(two.clock.now()).products[0].occasions
    later = two.clock.now() + timedelta(hours=1)
    await change(two, occasions=(replace(mon, sales_from=later), replace(tue, sales_until=later), wed))
    await two.refresh()

    assert [one.standing.why for one in await dates(two)] == [Why.NOT_YET, None, None, None]
    two.clock.advance(hours=1)
    two.seller.forget()
    assert [one.standing.why for one in await dates(two)] == [None, Why.CLOSED, None, None]


# --- holding --------------------------------------------------------------------------------------------------------


async def test_a_hold_is_the_issuers(kept: Two) -> None:
    made = await a_booking(kept.seller, kept.shop, quantity=2)

    held = await kept.issuer.sql("SELECT id FROM place WHERE taken_by IS NOT NULL ORDER BY pos")
    items = await kept.seller.sql("SELECT place_id FROM booking_item WHERE booking_id = :id ORDER BY line", id=made.id)
    assert [row.id for row in held] == [row.place_id for row in items]
    assert len(held) == 2

    await book.cancel(kept.seller.world, made.id)
    assert await free_places(kept.issuer, kept.shop.occasions["play/mon"]) == 22


async def test_second_choices_are_what_the_issuer_has(kept: Two) -> None:
    await a_booking(kept.issuer, kept.shop, quantity=6)
    await a_booking(kept.issuer, kept.shop, of="play/tue", quantity=5)

    choices = await alternatives(kept, two_seats(kept))

    assert [(one.kind.value, one.words) for one in choices] == [
        ("other_category", "S"),
        ("other_category", "FLOOR"),
        ("other_date", "Thu 26 Nov 12:00"),
    ]
    chosen = a_request(choices[2].occasion_id, *choices[2].lines)
    assert (await book.book(kept.seller.world, chosen)).amount.amount == 120_000


async def test_three_who_sell_one_hall_never_sell_a_seat_twice(cluster: Cluster) -> None:
    """The issuer's own box office and two sales servers, all at once, each for more than there is."""
    async with two_servers(cluster, sellers=2) as (issuer, sellers):
        shop = await a_catalogue(issuer)
        for seller in sellers:
            connect(seller, issuer)
            await mirror.refresh(seller.world, ISSUER)

        async def one(stage: Stage) -> int:
            request = a_request(shop.occasions["play/tue"], a_line(shop.price("play/R"), 2))
            try:
                booked = await book.book(stage.world, request)
            except SoldOut:
                return 0
            rows = await stage.sql("SELECT place_id FROM booking_item WHERE booking_id = :id", id=booked.id)
            return len(rows)

        counts = await asyncio.gather(*(one(stage) for stage in (issuer, *sellers) for _ in range(3)))

        assert sum(counts) == 6, "six seats of that category"
        sold = [
            row.place_id for stage in (issuer, *sellers) for row in await stage.sql("SELECT place_id FROM booking_item")
        ]
        assert len(set(sold)) == len(sold) == 6


# --- old news sells nothing -----------------------------------------------------------------------------------------


async def test_a_price_that_changed_is_the_one_that_is_asked(two: Two) -> None:
    await change(two, prices=(a_price("R", 75_000), a_price("S", 40_000), a_price("FLOOR", 20_000)))
    assert await two.seller.value("SELECT amount FROM price WHERE id = :id", id=two.shop.price("play/R")) == 60_000

    booked = await book.book(two.seller.world, two_seats(two))

    assert booked.amount.amount == 150_000


async def test_what_the_issuer_withdrew_is_not_sold(two: Two) -> None:
    await change(two, occasions=the_theatre(two.clock.now()).products[0].occasions[1:])

    with pytest.raises(NotOnSale, match="no longer sold"):
        await book.book(two.seller.world, two_seats(two))

    assert await two.seller.value("SELECT count(*) FROM booking") == 0


async def test_what_the_issuer_has_never_heard_of_is_not_sold(two: Two) -> None:
    """Its database was set back to a time before the occasion; our copy is whole by its own account."""
    await two.issuer.sql("UPDATE issuer SET served_by = 'another'")

    with pytest.raises(NotOnSale, match="no longer sold"):
        await book.book(two.seller.world, two_seats(two))

    assert await two.seller.value("SELECT bool_and(withdrawn) FROM product")


async def test_a_sale_that_the_issuer_closed_is_closed(two: Two) -> None:
    mon = the_theatre(two.clock.now()).products[0].occasions[0]
    await change(two, occasions=(replace(mon, sales_until=two.clock.now() - timedelta(minutes=1)),))

    with pytest.raises(NotOnSale, match="closed"):
        await book.book(two.seller.world, two_seats(two))


async def test_what_the_issuer_refuses_for_good_is_refused(two: Two) -> None:
    """Here the copy cannot be brought up to date: nothing is sold by it all the same."""
    await change(two, prices=(a_price("R", 75_000), a_price("S", 40_000), a_price("FLOOR", 20_000)))
    await two.issuer.sql("UPDATE issuer SET timezone = 'Mars/Base', revision = gen_random_uuid()")

    with pytest.raises(NotOnSale, match="not sold at that price any more"):
        await book.book(two.seller.world, two_seats(two))


async def test_the_issuer_takes_no_hold_without_a_price_nor_without_an_end(kept: Two) -> None:
    def wish(*parts: Part, hours: float = 1) -> Wish:
        until = kept.clock.now() + timedelta(hours=hours)
        return Wish(UUID(int=9), kept.shop.issuer, kept.shop.occasions["play/mon"], parts, until)

    local = kept.issuer.world.issuers["local"]
    with pytest.raises(BadLine, match="Name the price"):
        await for_sellers.hold(kept.issuer.world, wish(Part("R", 1)), issuer=local)
    with pytest.raises(BadLine, match="90000 seconds"):
        await for_sellers.hold(kept.issuer.world, wish(hours=26), issuer=local)
    cheap = Part("R", 1, (), kept.shop.price("play/R"), 1)
    with pytest.raises(NotOnSale, match="price"):
        await for_sellers.hold(kept.issuer.world, wish(cheap), issuer=local)
