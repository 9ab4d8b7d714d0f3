"""A gate's snapshot out of the register: whose rows, in which order, and how they stand."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from builders import KEYS, Made, Shop, Stage, a_booking, a_gate, pin
from snapshot_kit import Taken, bound_gate, taken

from app.domain.refusals import NotAllowed, NotAuthentic, TemporarilyUnavailable, WrongState
from app.domain.snapshot import Form, State, open_by_code, open_by_pin, read_snapshot
from app.flows import staff
from app.flows.gate import gates, snapshot
from app.flows.tickets.register import registration
from app.flows.tickets.show import ticket as shown
from app.store import register
from app.store import snapshot as stored

BOSS = staff.Member(UUID(int=1), None, staff.SCOPES)


async def sold(stage: Stage, shop: Shop, of: str = "play/mon", **given: Any) -> Made:
    """One ticket that the register knows."""
    return await a_booking(stage, shop, of=of, category=given.pop("category", "R"), worked=True, **given)


async def ready(stage: Stage, shop: Shop, *occasions: UUID) -> Taken:
    return await taken(stage, await bound_gate(stage, shop, *occasions))


async def change(stage: Stage, ticket_id: UUID, **columns: object) -> None:
    """What gates, bindings and revocations do to an entry."""
    told = ", ".join(f"{name} = :{name}" for name in columns)
    await stage.sql(f"UPDATE credential SET {told} WHERE ticket_id = :id", id=ticket_id, **columns)  # noqa: S608 - names written in this file


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


# --- how they stand -------------------------------------------------------------------------------------------------


async def test_a_status_says_of_each_ticket_how_it_stands(stage: Stage, shop: Shop) -> None:
    made = (await sold(stage, shop, quantity=5)).tickets
    gate = await ready(stage, shop)
    first, used, revoked, suspended, bound = (open_by_code(gate.snapshot, one.code)[0].index for one in made)
    await change(stage, made[1].id, uses_left=0, inside=1)
    await change(stage, made[2].id, state="revoked")
    await change(stage, made[3].id, state="suspended")
    await change(stage, made[4].id, holder_key=b"\x02" + bytes(32))

    board = await gate.refresh()

    states = [board.standing(index).state for index in (first, used, revoked, suspended, bound)]
    assert states == [State.VALID, State.USED_UP, State.REVOKED, State.SUSPENDED, State.VALID]
    assert [board.standing(index).inside for index in (first, used)] == [0, 1]
    assert [board.standing(index).bound for index in (first, bound)] == [False, True]


async def test_uses_balances_and_windows_are_told_in_numbers(stage: Stage, shop: Shop) -> None:
    now = stage.clock.now()
    carnet = (await sold(stage, shop, "carnet/open", category="adult")).tickets[0]
    voucher = (await sold(stage, shop, "gift/open", category="gift")).tickets[0]
    gate = await ready(stage, shop)
    places = [open_by_code(gate.snapshot, one.code)[0].index for one in (carnet, voucher)]
    board = await gate.refresh()
    assert [board.standing(index).left for index in places] == [3, 50_000]

    await change(stage, carnet.id, uses_left=1, last_used_at=now, activated_until=now + timedelta(hours=1))
    await change(stage, voucher.id, balance=0)
    after = [(await gate.refresh()).standing(index) for index in places]

    assert (after[0].left, after[0].last, after[0].until) == (1, now, now + timedelta(hours=1))
    assert (after[1].left, after[1].state) == (0, State.USED_UP)


async def test_tickets_sold_meanwhile_come_with_the_status(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)
    gate = await ready(stage, shop)
    await gate.refresh()
    carnet = (await sold(stage, shop, "carnet/open", category="adult")).tickets[0]

    status = await gate.status()
    board = await gate.refresh()

    (opened,) = open_by_code(gate.snapshot, carnet.code)
    assert (status.form, status.first, status.rows) == (Form.CHANGES, 1, 2)
    assert shop.products["carnet"] in gate.snapshot.header.news.products
    assert board.standing(opened.index).left == 3


async def test_all_rows_are_told_where_that_is_shorter(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await sold(stage, shop, quantity=6)).tickets
    gate = await ready(stage, shop)
    await gate.refresh()
    for ticket in made:
        await change(stage, ticket.id, state="revoked")
    monkeypatch.setattr(snapshot, "SMALL_OCTETS", 0)
    monkeypatch.setattr(snapshot, "full_body", lambda flags, counted: b"" if flags and not [*counted] else b"?" * 99)

    assert (await gate.status()).form is Form.FULL
    monkeypatch.setattr(snapshot, "full_body", lambda *_: b"?" * 99)
    assert (await gate.status()).form is Form.CHANGES


async def test_a_gate_that_knows_everything_is_told_so_in_no_octets(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await sold(stage, shop)).tickets
    gate = await ready(stage, shop)
    board = await gate.refresh()
    edition = gate.snapshot.header.edition

    async def told(known: list[str]) -> tuple[str, bool]:
        found = await snapshot.status(
            stage.world, gate.caller, edition=edition, have=1, after=board.cursor, known=known
        )
        return found.etag, found.body is None

    etag = f'"{edition.hex()}-{board.cursor}"'
    assert await told([etag]) == (etag, True)
    assert (await told(['"other"']))[1] is False
    await change(stage, ticket.id, uses_left=0)
    assert (await told([etag]))[1] is False


# --- when a snapshot is another one ---------------------------------------------------------------------------------


async def test_within_an_hour_the_same_snapshot_is_not_sent_twice(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)
    caller = await bound_gate(stage, shop)
    told = await snapshot.take(stage.world, caller)
    stage.clock.advance(minutes=40)

    assert (await snapshot.take(stage.world, caller, known=['"x"', told.etag])).body is None
    await sold(stage, shop)
    more = await snapshot.take(stage.world, caller, known=[told.etag])
    stage.clock.advance(minutes=21)
    later = await snapshot.take(stage.world, caller, known=[more.etag])

    assert len({told.etag, more.etag, later.etag}) == 3


async def test_a_new_rule_of_a_product_makes_another_snapshot(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)
    caller = await bound_gate(stage, shop)
    before = await snapshot.take(stage.world, caller)
    own = "SELECT entry_rules FROM product WHERE id = :id"
    rules = await stage.value(own, id=shop.products["play"])
    change_rules = "UPDATE product SET entry_rules = CAST(:rules AS jsonb) WHERE id = :id"
    try:
        await stage.sql(change_rules, rules='{"reentry": true}', id=shop.products["play"])
        after = await snapshot.take(stage.world, caller, known=[before.etag])
    finally:
        await stage.sql(
            "UPDATE product SET entry_rules = :rules WHERE id = :id", rules=json.dumps(rules), id=shop.products["play"]
        )

    assert after.body is not None
    header = read_snapshot(after.body, KEYS.verifier.verify).header
    assert header.news.products[shop.products["play"]].rules.reentry


async def test_last_nights_edition_is_kept_up_for_a_day_and_no_longer(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await sold(stage, shop, "play/wed")).tickets
    gate = await ready(stage, shop)
    await gate.refresh()
    key = await gate.pin_key()
    stage.clock.advance(days=1)
    await change(stage, ticket.id, uses_left=0)

    board = await gate.refresh()
    assert (board.standing(0).state, await gate.pin_key()) == (State.USED_UP, key)
    stage.clock.advance(days=1)

    with pytest.raises(WrongState, match="Fetch the snapshot again"):
        await gate.status()
    with pytest.raises(WrongState, match="Fetch the snapshot again"):
        await gate.pin_key()


async def test_the_edition_of_other_occasions_is_not_told(stage: Stage, shop: Shop) -> None:
    all_of_them = await ready(stage, shop)
    one = await taken(stage, await bound_gate(stage, shop, shop.occasions["play/mon"], name="South"))

    with pytest.raises(WrongState):
        await snapshot.pin_key(stage.world, one.caller, edition=all_of_them.snapshot.header.edition)


async def test_a_gate_that_knows_more_than_a_database_that_was_put_back_begins_anew(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)
    gate = await ready(stage, shop)
    board = await gate.refresh()

    for ahead in ({"after": board.cursor + 1_000}, {"have": 2}):
        with pytest.raises(WrongState, match=r"was put back\. Fetch the snapshot again"):
            await gate.status(**ahead)


async def test_each_edition_has_a_key_of_its_own(stage: Stage, shop: Shop) -> None:
    caller = await bound_gate(stage, shop)
    today = await taken(stage, caller)
    stage.clock.advance(days=1)
    tomorrow = await taken(stage, caller)

    assert await today.pin_key() != await tomorrow.pin_key()


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
