"""A gate's snapshot out of the register: whose rows, in which order, and who gets it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from builders import KEYS, Shop, Stage, a_booking, a_gate, pin
from snapshot_kit import Taken, bound_gate, change, ready, sold, taken

from app.domain.refusals import NotAllowed, NotAuthentic, TemporarilyUnavailable
from app.domain.snapshot import State, open_by_code, open_by_pin
from app.flows import staff
from app.flows.gate import gates, snapshot
from app.flows.tickets.register import registration
from app.flows.tickets.show import ticket as shown
from app.store import register
from app.store import snapshot as stored

BOSS = staff.Member(UUID(int=1), None, staff.SCOPES)


# --- whose rows -----------------------------------------------------------------------------------------------------


async def test_a_ticket_opens_by_its_code_and_says_what_a_steward_needs(stage: Stage, shop: Shop) -> None:
    made = await sold(stage, shop, places=shop.seats("play/mon", "A-3"))
    gate = await ready(stage, shop, shop.occasions["play/mon"])

    (opened,) = open_by_code(gate.snapshot, made.tickets[0].code)

    row, header = opened.row, gate.snapshot.header
    assert (row.row, row.seat, row.handset, row.uses) == ("A", "3", "5678", 1)
    assert [gate.snapshot.words(number) for number in (row.category, row.section)] == [{"ko": "R", "en": "R"}, "Stalls"]
    assert header.news.occasions[row.occasion].id == shop.occasions["play/mon"]
    assert header.news.products[shop.products["play"]].title == {
        "ko": "봄날의 우체국",
        "en": "The Post Office in Spring",
    }
    assert header.post.occasions == {shop.occasions["play/mon"]}


async def test_number_and_pin_open_it_with_the_key_that_is_never_in_it(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await sold(stage, shop)).tickets
    gate = await ready(stage, shop)

    key = await gate.pin_key()

    assert [one.code for one in open_by_pin(gate.snapshot, key, ticket.number, pin(ticket))] == [ticket.code]
    assert key not in gate.octets


async def test_only_tickets_of_the_gates_occasions_are_in_it(stage: Stage, shop: Shop) -> None:
    monday, tuesday = await sold(stage, shop), await sold(stage, shop, "play/tue")

    gate = await ready(stage, shop, shop.occasions["play/tue"])

    assert open_by_code(gate.snapshot, monday.tickets[0].code) == ()
    assert len(open_by_code(gate.snapshot, tuesday.tickets[0].code)) == 1


async def test_tickets_that_are_over_when_the_night_ends_are_left_out_then(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)
    tuesday = await sold(stage, shop, "play/tue")
    caller = await bound_gate(stage, shop)
    before = await taken(stage, caller)

    stage.clock.advance(days=3)
    after = await taken(stage, caller)

    assert (len(before.snapshot.rows), len(after.snapshot.rows)) == (2, 1)
    assert len(open_by_code(after.snapshot, tuesday.tickets[0].code)) == 1
    assert before.snapshot.header.edition != after.snapshot.header.edition


async def test_a_snapshot_ends_after_a_day_and_soon_after_its_last_ticket(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)  # in two days from 12:00 until 14:00, where it is 12:00 now
    caller = await bound_gate(stage, shop)

    early = (await taken(stage, caller)).snapshot.header
    stage.clock.advance(days=2, hours=-1)
    late = (await taken(stage, caller)).snapshot.header
    stage.clock.advance(hours=4)
    over = (await taken(stage, caller)).snapshot.header

    assert early.expires_at - early.made_at == timedelta(hours=24)
    assert late.expires_at - late.made_at == timedelta(hours=3)
    assert over.expires_at - over.made_at == timedelta(hours=2)


async def test_what_another_server_sold_has_no_pin_and_no_compact_code_here(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await sold(stage, shop)).tickets
    await change(stage, ticket.id, seller="sales", pin_mac=b"x", compact_mac=b"x")
    gate = await ready(stage, shop)

    (opened,) = open_by_code(gate.snapshot, ticket.code)

    assert gate.snapshot.words(opened.row.seller) == "sales"
    assert opened.row.compact_tag == bytes(6)
    assert gate.snapshot.rows.by_pin == {}


async def test_the_keys_that_verify_barcodes_are_in_it(stage: Stage, shop: Shop) -> None:
    gate = await ready(stage, shop)

    (key,) = gate.snapshot.header.keys[""]

    assert key in [{name: one[name] for name in key} for one in KEYS.jwks()["keys"] if "barcode_kid" in one]


# --- the order ------------------------------------------------------------------------------------------------------


async def test_who_registers_early_and_commits_late_is_not_passed_over(stage: Stage, second: Stage, shop: Shop) -> None:
    made = [await a_booking(stage, shop, paid=True) for _ in range(2)]
    slow, fast = [registration(await shown(stage.world, one.tickets[0].id)) for one in made]
    gate = await ready(stage, shop)
    async with second.database.transaction() as tx:
        await register.register(tx, [slow], now=stage.clock.now())
        async with stage.database.transaction() as other:
            await register.register(other, [fast], now=stage.clock.now())

        meanwhile = await gate.refresh()
        assert (len(meanwhile.flags), len(gate.snapshot.rows)) == (0, 0), "the later one waits for the earlier one"

    await gate.refresh()

    assert [open_by_code(gate.snapshot, one.code)[0].index for one in (slow, fast)] == [0, 1]


async def test_a_revocation_that_commits_late_is_told_by_the_next_status(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    (ticket,), (other,) = [(await sold(stage, shop)).tickets for _ in range(2)]
    gate = await ready(stage, shop)
    await gate.refresh()
    async with second.database.transaction() as tx:
        await register.revoke(tx, ticket.id)
        await change(stage, other.id, uses_left=0)
        board = await gate.refresh()
        assert [board.standing(index).state for index in (0, 1)] == [State.VALID, State.USED_UP]

    board = await gate.refresh()

    assert [board.standing(index).state for index in (0, 1)] == [State.REVOKED, State.USED_UP]


async def test_every_process_makes_the_same_edition(stage: Stage, second: Stage, shop: Shop) -> None:
    for _ in range(3):
        await sold(stage, shop)
    caller = await bound_gate(stage, shop)

    here, there = await snapshot.take(stage.world, caller), await snapshot.take(second.world, caller)

    assert here.body is not None
    assert there.body is not None
    assert (here.etag, here.body[:-64]) == (there.etag, there.body[:-64])
    assert (await snapshot.take(second.world, caller, known=[here.etag])).body is None


async def test_an_edition_grows_in_steps(stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "ROWS_AT_ONCE", 2)
    made = await sold(stage, shop, quantity=5)

    gate = await ready(stage, shop)

    found = {open_by_code(gate.snapshot, one.code)[0].index for one in made.tickets}
    assert found == set(range(5))


async def test_gates_of_the_same_occasions_share_one_edition(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)
    first = await taken(stage, await bound_gate(stage, shop, name="North"))
    other = await taken(stage, await bound_gate(stage, shop, name="South"))
    alone = await taken(stage, await bound_gate(stage, shop, shop.occasions["play/mon"], name="East"))

    assert first.snapshot.header.edition == other.snapshot.header.edition != alone.snapshot.header.edition
    assert first.snapshot.rows.octets == other.snapshot.rows.octets != alone.snapshot.rows.octets
    assert len(stage.world.house.editions) == 2


async def test_editions_that_were_not_asked_for_are_forgotten_first(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "EDITIONS_MAX", 2)
    kept = [
        await taken(stage, await bound_gate(stage, shop, shop.occasions[of], name=of))
        for of in ("play/mon", "play/tue", "play/mon", "play/wed")
    ]

    editions = [one.snapshot.header.edition for one in kept]
    assert list(stage.world.house.editions) == editions[2:]


async def test_a_gate_that_would_wait_too_long_is_told_to_come_back(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sold(stage, shop)
    caller = await bound_gate(stage, shop)
    monkeypatch.setattr(snapshot, "GROWTH_SECONDS", 0.0)
    with pytest.raises(TemporarilyUnavailable, match="Ask again in 10 seconds"):
        await snapshot.take(stage.world, caller)
    monkeypatch.undo()

    assert len((await taken(stage, caller)).snapshot.rows) == 1


# --- who gets it ----------------------------------------------------------------------------------------------------


async def test_an_online_scanner_gets_nothing_to_take_along(stage: Stage, shop: Shop) -> None:
    scanner = (await a_gate(stage, shop)).caller

    for ask in (
        snapshot.take(stage.world, scanner),
        snapshot.status(stage.world, scanner, edition=bytes(16), have=0, after=0),
        snapshot.pin_key(stage.world, scanner, edition=bytes(16)),
    ):
        with pytest.raises(NotAllowed, match="online scanner"):
            await ask


async def test_a_gate_that_was_shut_out_gets_nothing_more(stage: Stage, shop: Shop) -> None:
    gate = await ready(stage, shop)
    await gates.revoke(stage.world, BOSS, gate.caller.gate_id)

    for ask in (snapshot.take(stage.world, gate.caller), gate.status(), gate.pin_key()):
        with pytest.raises(NotAuthentic, match="not enrolled any more"):
            await ask


async def test_it_is_noted_when_a_gate_asked(stage: Stage, shop: Shop) -> None:
    gate = await ready(stage, shop)
    seen = "SELECT seen_at FROM gate WHERE id = :id"
    assert await stage.value(seen, id=gate.caller.gate_id) == stage.clock.now()
    stage.clock.advance(minutes=1)
    await gate.refresh()

    assert await stage.value(seen, id=gate.caller.gate_id) == stage.clock.now()


# --- many at once ---------------------------------------------------------------------------------------------------


async def test_while_tickets_are_sold_every_gate_reaches_the_same_rows(stage: Stage, second: Stage, shop: Shop) -> None:
    here = await taken(stage, await bound_gate(stage, shop, name="North"))
    there = await taken(second, await bound_gate(stage, shop, name="South"))

    async def sell(at: Stage) -> None:
        for _ in range(3):
            await a_booking(at, shop, of="play/tue", category="S", worked=True)

    async def look(gate: Taken) -> None:
        for _ in range(6):
            await gate.refresh()

    await asyncio.gather(sell(stage), sell(second), look(here), look(there))
    await here.refresh()
    await there.refresh()

    assert here.snapshot.rows.octets == there.snapshot.rows.octets
    assert len(here.snapshot.rows) == await stage.value("SELECT count(*) FROM credential") == 6


async def test_the_first_page_begins_before_every_place(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)
    await stage.sql("ALTER TABLE credential DISABLE TRIGGER ALL")
    try:
        await stage.sql("UPDATE credential SET registered_in = 0")
        gate = await ready(stage, shop)
    finally:
        await stage.sql("ALTER TABLE credential ENABLE TRIGGER ALL")

    assert (len(gate.snapshot.rows), (0, UUID(int=0)) > stored.FIRST) == (1, True)
