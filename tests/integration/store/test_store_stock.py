"""Stock and sales, statement by statement: what one transaction takes, keeps, gives back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from builders import Shop, Stage, a_booking, free_places
from fakes import GOOD_CARD

from app.flows.paying import pay
from app.flows.paying.pay import Tender
from app.ports import Committed, Held, HoldLost, NotAvailable, Part, Wish
from app.store import messages, plans, register_find, register_gate, sales, stock

KEY, OTHER = UUID(int=21), UUID(int=22)


def a_wish(stage: Stage, shop: Shop, *parts: Part, key: UUID = KEY, seconds: int = 60) -> Wish:
    until = stage.clock.now() + timedelta(seconds=seconds)
    return Wish(key, shop.issuer, shop.occasions["play/mon"], parts, until)


async def held_places(stage: Stage, key: UUID = KEY) -> list[str]:
    return [row.guid for row in await stage.sql("SELECT guid FROM place WHERE taken_by = :k ORDER BY pos", k=key)]


# --- statements -----------------------------------------------------------------------------------------------------


async def test_nothing_wanted_takes_and_commits_nothing(stage: Stage) -> None:
    async with stage.world.transaction() as tx:
        assert await stock.take(tx, [], now=stage.clock.now()) == set()
        assert await stock.commit(tx, []) == set()
        assert await register_gate.change(tx, [], admitted=[], spent=[], noted=[], now=stage.clock.now()) == set()
        assert await register_find.by_code(tx, []) == {}
        assert await stock.revision(tx, KEY) == -1


async def test_of_two_who_take_one_place_at_once_the_second_waits_and_goes_without(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    (place,) = shop.seats("play/mon", "A-1")
    now, until = stage.clock.now(), stage.clock.now() + timedelta(minutes=1)

    async def take(key: UUID) -> set[UUID]:
        async with second.world.transaction() as tx:
            return await stock.take(tx, [(place, key, until)], now=now)

    async with stage.world.transaction() as tx:
        assert await stock.take(tx, [(place, KEY, until)], now=now) == {place}
        late = asyncio.create_task(take(OTHER))
        await asyncio.sleep(0.05)
        assert not late.done()

    assert await late == set()
    assert await held_places(stage) == ["A-1"]


async def test_only_its_own_key_commits_or_puts_back_a_place(stage: Stage, shop: Shop) -> None:
    places = shop.seats("play/mon", "A-1", "A-2")
    issuer = stage.world.issuers["local"]
    await issuer.hold(a_wish(stage, shop, Part("R", 2, places)))

    async with stage.world.transaction() as tx:
        assert await stock.commit(tx, [(places[0], OTHER)]) == set()
        await stock.put_back(tx, places, key=OTHER)
        assert await stock.commit(tx, [(places[0], KEY)]) == {places[0]}
        await stock.put_back(tx, [places[0]], key=KEY)

    assert await held_places(stage) == ["A-2"]


# --- the local issuer -----------------------------------------------------------------------------------------------


async def test_the_same_wish_again_gets_the_places_it_has(stage: Stage, shop: Shop) -> None:
    issuer = stage.world.issuers["local"]
    wish = a_wish(stage, shop, Part("R", 2), Part("FLOOR", 1), Part("R", 1, shop.seats("play/mon", "A-1")))

    first = await issuer.hold(wish)
    again = await issuer.hold(wish)

    assert isinstance(first, Held)
    assert isinstance(again, Held)
    assert [set(part) for part in again.places][1:] == [set(part) for part in first.places][1:]
    assert {place for part in again.places for place in part} >= set(first.places[2])
    assert len(await held_places(stage)) == 4


async def test_a_wish_that_is_renewed_keeps_its_places_for_longer(stage: Stage, shop: Shop) -> None:
    issuer = stage.world.issuers["local"]
    await issuer.hold(a_wish(stage, shop, Part("R", 6)))

    await issuer.hold(replace(a_wish(stage, shop, seconds=600), parts=()))
    stage.clock.advance(seconds=300)

    assert isinstance(await issuer.hold(a_wish(stage, shop, Part("R", 1), key=OTHER)), NotAvailable)


async def test_a_sale_outlives_its_hold_and_is_lost_only_to_nobody(stage: Stage, shop: Shop) -> None:
    issuer = stage.world.issuers["local"]
    held = await issuer.hold(a_wish(stage, shop, Part("R", 2)))
    assert isinstance(held, Held)

    assert await issuer.commit(issuer_id=shop.issuer, key=KEY, places=held.places[0]) == Committed()
    await issuer.hold(replace(a_wish(stage, shop, seconds=60), parts=()))  # a renewal that comes too late
    stage.clock.advance(days=1)
    assert await free_places(stage, shop.occasions["play/mon"]) == 20
    assert await issuer.commit(issuer_id=shop.issuer, key=KEY, places=held.places[0]) == Committed(), "again"


async def test_a_hold_of_which_one_place_is_gone_is_lost_and_the_rest_is_free(stage: Stage, shop: Shop) -> None:
    issuer = stage.world.issuers["local"]
    places = shop.seats("play/mon", "A-1", "A-2")
    await issuer.hold(a_wish(stage, shop, Part("R", 2, places)))
    stage.clock.advance(seconds=61)
    await issuer.hold(a_wish(stage, shop, Part("R", 1, places[:1]), key=OTHER))

    assert await issuer.commit(issuer_id=shop.issuer, key=KEY, places=places) == HoldLost()

    assert await held_places(stage, KEY) == []
    assert await held_places(stage, OTHER) == ["A-1"]


async def test_a_hold_that_ran_out_but_that_nobody_took_is_still_sold(stage: Stage, shop: Shop) -> None:
    issuer = stage.world.issuers["local"]
    held = await issuer.hold(a_wish(stage, shop, Part("R", 1)))
    assert isinstance(held, Held)
    stage.clock.advance(hours=1)

    assert await issuer.commit(issuer_id=shop.issuer, key=KEY, places=held.places[0]) == Committed()


@pytest.mark.parametrize("parts", [(Part("R", 3), Part("R", 4)), (Part("S", 1), Part("R", 7)), (Part("BOX", 1),)])
async def test_parts_that_do_not_all_fit_hold_nothing(stage: Stage, shop: Shop, parts: tuple[Part, ...]) -> None:
    outcome = await stage.world.issuers["local"].hold(a_wish(stage, shop, *parts))

    assert outcome == NotAvailable()
    assert await free_places(stage, shop.occasions["play/mon"]) == 22


async def test_sales_status_is_one_byte_per_place_in_plan_order(stage: Stage, shop: Shop) -> None:
    issuer = stage.world.issuers["local"]
    await issuer.hold(a_wish(stage, shop, Part("R", 1, shop.seats("play/mon", "A-2"))))

    free = await issuer.status(issuer_id=shop.issuer, occasion_id=shop.occasions["play/mon"])

    assert list(free) == [1, 0] + [1] * 20
    assert await issuer.status(issuer_id=shop.issuer, occasion_id=shop.occasions["gift/open"]) == b""


async def test_who_is_always_slower_is_told_no_in_the_end(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def others_first(*_args: Any, **_names: Any) -> set[UUID]:
        return set()

    monkeypatch.setattr(stock, "take", others_first)

    outcome = await stage.world.issuers["local"].hold(a_wish(stage, shop, Part("R", 1)))

    assert outcome == NotAvailable()


class _Undo(Exception):
    """Rolls a transaction back."""


async def test_halls_in_memory_are_bounded_and_read_once_until_an_import_changes_them(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    halls: dict[Any, Any] = {}
    monkeypatch.setattr(stock, "HALLS_KEPT_MAX", 2)
    monkeypatch.setattr(stock, "_halls", {stage.database.connections: halls})

    with suppress(_Undo):
        async with stage.world.transaction() as tx:
            for name in ("play/mon", "play/tue", "play/wed", "talk/talk"):
                first = await stock.places(tx, shop.occasions[name])
                assert await stock.places(tx, shop.occasions[name]) is first
            assert set(halls) == {(shop.occasions["play/wed"], 1), (shop.occasions["talk/talk"], 1)}

            await tx.execute(sa.text("UPDATE occasion SET revision = 2"))
            assert await stock.places(tx, shop.occasions["talk/talk"]) is not first
            raise _Undo


# --- plans ----------------------------------------------------------------------------------------------------------


async def test_a_plan_tells_the_places_and_the_ends_of_each_row(stage: Stage, shop: Shop) -> None:
    async with stage.world.transaction() as tx:
        rows = await plans.rows(tx, shop.occasions["play/mon"])

    told = [(row.category, row.numbered, row.positions, row.first_x, row.last_x) for row in rows]
    assert told == [
        ("R", True, [0, 1, 2, 3, 4, 5], 10.0, 60.0),
        ("S", True, [6, 7, 8, 9, 10, 11], 10.0, 60.0),
        ("FLOOR", False, list(range(12, 22)), None, None),
    ]


async def test_a_plan_is_drawn_where_there_is_one(stage: Stage, shop: Shop) -> None:
    async with stage.world.transaction() as tx:
        drawn = await plans.drawing(tx, shop.occasions["play/mon"])
        assert await plans.drawing(tx, shop.occasions["talk/talk"]) == {}

    assert (drawn["width"], drawn["height"]) == (100.0, 100.0)
    assert [category["name"] for category in drawn["categories"]] == ["R", "S"]


# --- sales ----------------------------------------------------------------------------------------------------------


async def test_bookings_and_tickets_are_found_by_what_opens_them(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2, paid=True)
    (ticket, _) = made.tickets

    async with stage.world.transaction() as tx:
        row, none = await sales.bookings_by_link(tx, [await _link_hash(stage, made.id), b"nothing"])
        assert row is not None
        assert (row.id, row.product_slug, row.venue_name["en"]) == (made.id, "play", "Haneul Theatre")
        assert none is None
        found = await sales.ticket_by_number(tx, issuer_id=shop.issuer, number=ticket.number)
        assert found is not None
        assert found.id == ticket.id
        assert await sales.ticket_by_number(tx, issuer_id=KEY, number=ticket.number) is None
        anywhere = await sales.ticket_by_number(tx, issuer_id=None, number=ticket.number)
        assert anywhere is not None
        assert await sales.ticket(tx, KEY) is None
        assert await sales.bookings(tx, [KEY]) == {}


async def _link_hash(stage: Stage, booking_id: UUID) -> bytes:
    return bytes(await stage.value("SELECT link_hash FROM booking WHERE id = :id", id=booking_id))


async def test_of_several_payments_of_one_booking_in_one_process_one_begins(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)

    outcomes = await asyncio.gather(
        *(pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) for _ in range(3)), return_exceptions=True
    )

    assert sum(isinstance(one, pay.Paid) for one in outcomes) == 1
    assert [row.attempt for row in await stage.sql("SELECT attempt FROM payment")] == [1]


async def test_deliveries_are_listed_for_staff_latest_first(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=3, paid=True)

    async def listed(**asked: Any) -> list[UUID]:
        fields: dict[str, Any] = {"issuer_id": None, "state": None, "after": None, "limit": 10}
        async with stage.world.transaction() as tx:
            return [row.id for row in await messages.recent(tx, **fields | asked)]

    everything = await listed()
    assert everything == sorted(everything, reverse=True)
    assert len(everything) == 3
    assert await listed(limit=1) == everything[:1]
    assert await listed(after=everything[0]) == everything[1:]
    assert await listed(issuer_id=shop.issuer, state="queued") == everything
    async with stage.world.transaction() as tx:
        assert [row.id for row in await messages.of_booking(tx, made.id)] == everything[::-1]
    assert await listed(issuer_id=KEY) == await listed(state="failed") == []
