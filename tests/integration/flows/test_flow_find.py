"""Finding: availability is a snapshot at most a second old, made once for all who ask."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from builders import Shop, Stage, a_booking
from hypothesis import given
from hypothesis import strategies as st

from app.domain.refusals import NotFound
from app.flows.booking import book, find
from app.flows.booking.sales_status import Availability, bits, is_free
from app.store.catalogue import Search

NOWHERE = UUID(int=6)


async def test_what_is_free_is_told_by_category_and_by_place(stage: Stage, shop: Shop) -> None:
    occasion = shop.occasions["play/mon"]
    await a_booking(stage, shop, places=shop.seats("play/mon", "A-2"))

    found = await find.availability(stage.world, occasion)

    assert found.counts == {"R": 5, "S": 6, "FLOOR": 10}
    assert found.total == 21
    assert [is_free(found, pos) for pos in range(4)] == [True, False, True, True]
    assert not is_free(found, 10_000)


async def test_what_never_runs_out_has_no_counts(stage: Stage, shop: Shop) -> None:
    found = await find.availability(stage.world, shop.occasions["gift/open"])

    assert (found.unlimited, found.counts, found.total, found.free) == (True, {}, None, b"")


async def test_many_who_ask_at_once_cost_one_look(stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = stage.world.issuers["local"]
    looks: list[UUID] = []
    status = issuer.status

    async def counted(**asked: Any) -> bytes:
        looks.append(asked["occasion_id"])
        return await status(**asked)

    monkeypatch.setattr(issuer, "status", counted)

    found = await asyncio.gather(*(find.availability(stage.world, shop.occasions["play/mon"]) for _ in range(200)))

    assert len({one.free for one in found}) == 1
    assert looks == [shop.occasions["play/mon"]]


async def test_who_cancels_sees_the_place_free_at_once(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    assert (await find.availability(stage.world, shop.occasions["play/mon"])).counts["R"] == 5

    await book.cancel(stage.world, made.id)

    assert (await find.availability(stage.world, shop.occasions["play/mon"])).counts["R"] == 6


async def test_occasions_are_listed_with_prices_and_what_is_free(stage: Stage, shop: Shop) -> None:
    assert shop.occasions
    found = await find.occasions(stage.world, Search(kind="admission", limit=2))

    assert [one.row.slug for one in found] == ["mon", "tue"]
    assert [price.category for price in found[0].prices] == ["R", "S", "FLOOR"]
    assert found[0].availability.total == 22
    assert found[1].availability.counts == {"R": 6, "S": 6}


async def test_a_page_of_places_comes_with_what_is_free(stage: Stage, shop: Shop) -> None:
    rows, found = await find.places(
        stage.world, shop.occasions["play/mon"], category="S", section=None, after=-1, limit=2
    )

    assert [row.guid for row in rows] == ["B-1", "B-2"]
    assert found.total == 22


async def test_one_occasion_and_an_open_dated_product_come_with_their_prices(stage: Stage, shop: Shop) -> None:
    row, prices = await find.occasion(stage.world, shop.occasions["play/mon"])
    assert (row.product_slug, [price.amount for price in prices]) == ("play", [60_000, 40_000, 20_000])
    row, prices = await find.open_occasion(stage.world, shop.products["gift"])
    assert (row.occasion_id, [price.amount for price in prices]) == (shop.occasions["gift/open"], [50_000])


async def test_what_is_nowhere_is_not_found(stage: Stage, shop: Shop) -> None:
    with pytest.raises(NotFound):
        await find.occasion(stage.world, NOWHERE)
    with pytest.raises(NotFound):
        await find.availability(stage.world, NOWHERE)
    with pytest.raises(NotFound, match="sold by date"):
        await find.open_occasion(stage.world, shop.products["play"])


async def test_stations_are_found(stage: Stage, shop: Shop) -> None:
    rows = await find.stops(stage.world, issuer="haneul", words=["market"], limit=5)

    assert [row.id for row in rows] == [shop.stops["b"]]


@given(st.lists(st.integers(0, 1), max_size=70))
def test_a_bit_says_what_its_byte_said(free: list[int]) -> None:
    packed = Availability(NOWHERE, unlimited=False, counts={}, free=bits(bytes(free)))

    assert [int(is_free(packed, pos)) for pos in range(len(free))] == free
    assert not any(is_free(packed, pos) for pos in range(len(free), len(free) + 20))
