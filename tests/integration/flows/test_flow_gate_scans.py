"""What gates decided alone is merged once, whatever came first; what was too much is found and told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from builders import Shop, Stage
from gate_scans_kit import Device, a_device, asked, breaches, everything, number_of, ticket_of, tickets

from app.domain.admission import Reason
from app.domain.entry_rules import Direction, Role
from app.domain.gate_log import Deed
from app.domain.refusals import BadLine, NotAllowed, NotAuthentic, TemporarilyUnavailable
from app.flows import oversee, staff
from app.flows.gate import gates, incidents
from app.flows.gate import scans as gate_scans
from app.flows.gate import tokens as gate_tokens
from app.store import gate_scans as stored
from app.store.database import Tx
from app.store.tables.register import IncidentKind, ScanKind

BOSS = staff.Member(ticket_of(1), None, staff.SCOPES)


async def kinds(stage: Stage) -> list[str]:
    return [row.kind for row in await stage.sql("SELECT kind FROM incident ORDER BY kind, gate_id, scan_id")]


async def left(stage: Stage, code: int) -> tuple[int, int]:
    """Uses left, and people inside."""
    (row,) = await stage.sql("SELECT uses_left, inside FROM credential WHERE code = :code", code=code)
    return row.uses_left, row.inside


# --- one gate -------------------------------------------------------------------------------------------------------


async def test_who_was_let_in_without_network_has_used_the_ticket_once_it_is_brought(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, [3])
    gate = await a_device(stage, shop, area="hall")
    scan = gate.lets_in(code, 2, knew=17)

    brought = await gate.brings()

    assert (brought.upto, brought.taken, brought.refused, brought.incidents) == (1, 1, [], [])
    assert await left(stage, code) == (1, 2)
    people = await stage.sql("SELECT scan_id, person, use_no, knew, at FROM admission ORDER BY person")
    assert [tuple(row) for row in people] == [(scan, n, n, 17, stage.clock.now()) for n in (1, 2)]
    (entry,) = await stage.sql("SELECT area, last_gate_id, last_used_at FROM credential")
    assert tuple(entry) == ("hall", gate.id, stage.clock.now())
    assert await breaches(stage) == []


async def test_the_same_again_is_harmless(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop)
    gate.lets_in(code)
    await gate.brings()
    before = await everything(stage)

    again = await gate.brings([*gate.lines, *gate.lines])

    assert (again.upto, again.taken, again.refused) == (1, 0, [])
    assert await everything(stage) == before


async def test_what_is_missing_is_told_by_the_highest_seq_without_a_gap(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, [9])
    gate = await a_device(stage, shop)
    for _ in range(4):
        gate.lets_in(code)

    assert (await gate.brings([gate.lines[2], gate.lines[3]])).upto == 0
    assert (await gate.brings([gate.lines[0]])).upto == 1
    assert (await gate.brings([gate.lines[1]])).upto == 4
    assert await left(stage, code) == (5, 4)


async def test_a_log_is_not_read_again_up_to_where_it_was_whole(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, [9])
    gate = await a_device(stage, shop, "door")
    for _ in range(4):
        gate.lets_in(code)
    assert (await gate.brings(gate.lines[:2])).upto == 2
    async with stage.database.transaction() as tx:
        await tx.execute("SET LOCAL session_replication_role = replica")
        await tx.execute("DELETE FROM gate_log WHERE seq = 1")

    assert (await gate.brings([gate.lines[3]])).upto == 2
    assert (await gate.brings([gate.lines[2]])).upto == 4


async def test_each_device_of_a_gate_is_told_how_much_of_its_own_log_is_there(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, [9])
    old = await a_device(stage, shop, "door")
    for _ in range(3):
        old.lets_in(code)
    await old.brings(old.lines[:2])
    new = await a_device(stage, shop, "door")
    new.lets_in(code)

    assert [(await one.brings()).upto for one in (new, old, new)] == [1, 3, 1]


async def test_a_no_and_a_look_are_kept_as_scans_and_use_nothing(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop)
    gate.says(Deed.ENTER, Reason.NEEDS_NETWORK, code)
    gate.says(Deed.CHECK, Reason.ADMITTED, code)

    await gate.brings()

    scans = await stage.sql("SELECT kind, reason, answer ->> 'admit' AS admit FROM scan ORDER BY scan_id")
    assert [tuple(row) for row in scans] == [("admission", "needs_network", "false"), ("check", "admitted", "true")]
    assert (await left(stage, code), await kinds(stage)) == ((1, 0), [])


async def test_an_undo_counts_whether_it_comes_after_its_scan_or_before(stage: Stage, shop: Shop) -> None:
    codes = await tickets(stage, shop, [1, 1])
    gate = await a_device(stage, shop)
    for code in codes:
        gate.takes_back(gate.lets_in(code))

    await gate.brings(gate.lines[:2])
    await gate.brings([gate.lines[3]])
    await gate.brings([gate.lines[2]])

    assert [await left(stage, code) for code in codes] == [(1, 0), (1, 0)]
    assert await stage.value("SELECT count(*) FROM admission") == 0
    assert await stage.value("SELECT count(*) FROM scan WHERE undone_by IS NOT NULL") == 2
    assert await stage.value("SELECT last_used_at FROM credential WHERE code = :code", code=codes[0]) is None
    assert await breaches(stage) == []


@pytest.mark.parametrize("asked_first", [False, True], ids=["alone", "asked"])
async def test_an_undo_after_the_minute_takes_nothing_back_and_is_reported(
    stage: Stage, shop: Shop, *, asked_first: bool
) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop, "North")
    if asked_first:
        await asked(stage, gate, code, "s-1")
    else:
        gate.lets_in(code, scan_id="s-1")
    stage.clock.advance(seconds=60, milliseconds=1)
    undo = gate.takes_back("s-1")

    await gate.brings()
    await gate.brings()

    (incident,) = await stage.sql("SELECT kind, scan_id, ticket_id, details FROM incident")
    assert tuple(incident) == ("undone_late", undo, ticket_of(code), {"gate": "North", "undoes": "s-1"})
    assert (await left(stage, code), await breaches(stage)) == ((0, 1), [])


@pytest.mark.parametrize("asked_first", [False, True], ids=["alone", "asked"])
async def test_an_undo_within_the_minute_counts_though_it_is_brought_half_a_day_later(
    stage: Stage, shop: Shop, *, asked_first: bool
) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop)
    if asked_first:
        await asked(stage, gate, code, "s-1")
    else:
        gate.lets_in(code, scan_id="s-1")
    stage.clock.advance(seconds=60)
    gate.takes_back("s-1")
    stage.clock.advance(hours=12)

    await gate.brings()

    assert (await left(stage, code), await kinds(stage)) == ((1, 0), [])


async def test_an_undo_of_long_ago_takes_nothing_back_whatever_time_it_tells(stage: Stage, shop: Shop) -> None:
    codes = await tickets(stage, shop, [1, 1, 1, 1])
    gate = await a_device(stage, shop, role=Role.SUPERVISOR)
    then, ahead = stage.clock.now(), stage.clock.now() + timedelta(days=2)
    gate.lets_in(codes[0], scan_id="old")
    gate.lets_in(codes[1], scan_id="ahead", at=ahead)
    await gate.brings()
    await asked(stage, gate, codes[2], "asked")
    stage.clock.advance(days=2)
    await asked(stage, gate, codes[3], "new", kind=ScanKind.OVERRIDE, why="known here")
    gate.says(Deed.UNDO, Reason.UNDONE, undoes="new", at=then)
    gate.says(Deed.UNDO, Reason.UNDONE, undoes="old", at=then + timedelta(seconds=30))
    gate.says(Deed.UNDO, Reason.UNDONE, undoes="ahead", at=ahead + timedelta(seconds=30))
    gate.says(Deed.UNDO, Reason.UNDONE, undoes="asked", at=then + timedelta(seconds=30))

    await gate.brings()

    assert [await left(stage, code) for code in codes] == [(0, 1)] * 4
    assert (await kinds(stage), await breaches(stage)) == (["undone_late"] * 4, [])


async def test_a_gate_whose_clock_is_wrong_takes_back_within_a_minute_of_its_own(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop)
    fast = stage.clock.now() + timedelta(hours=5)
    gate.lets_in(code, scan_id="s-1", at=fast)
    gate.says(Deed.UNDO, Reason.UNDONE, undoes="s-1", at=fast + timedelta(seconds=59))

    await gate.brings()

    assert (await left(stage, code), await kinds(stage)) == ((1, 0), [])


async def test_what_was_done_more_than_a_day_ago_counts_and_is_reported_once(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, [9])
    gate = await a_device(stage, shop, "North")
    first = gate.lets_in(code)
    gate.says(Deed.ENTER, Reason.USED, code)
    stage.clock.advance(hours=1)
    gate.lets_in(code, 2)
    stage.clock.advance(hours=1, milliseconds=1)
    gate.lets_in(code)
    stage.clock.advance(hours=24)

    brought = await gate.brings()
    await gate.brings()

    (incident,) = await stage.sql("SELECT * FROM incident")
    assert [one.id for one in brought.incidents] == [incident.id]
    assert (incident.kind, incident.scan_id, incident.details["entries"]) == ("brought_late", first, 2)
    assert "brought 2 entries" in incidents.in_words(incident.kind, incident.details)["en"]
    assert (await left(stage, code), await breaches(stage)) == ((5, 4), [])


async def test_who_left_is_outside_and_comes_in_again_for_no_use(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop, direction=Direction.BOTH)
    gate.lets_in(code)
    gate.lets_out(code)
    await gate.brings()
    assert await left(stage, code) == (0, 0)

    gate.says(Deed.ENTER, Reason.REENTERED, code)
    await gate.brings()

    assert (await left(stage, code), await kinds(stage)) == ((0, 1), [])


async def test_a_redemption_takes_what_is_there_and_the_rest_is_reported(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, balance=1_000)
    gate, other = await a_device(stage, shop), await a_device(stage, shop)
    gate.redeems(code, 700)
    other.knew = 5
    later = other.redeems(code, 500)

    await other.brings()
    await gate.brings()

    assert await stage.value("SELECT balance FROM credential") == 0
    assert await stage.value("SELECT sum(amount) FROM spend") == 1_000
    (incident,) = await stage.sql("SELECT kind, gate_id, scan_id, details FROM incident")
    assert (incident.kind, incident.gate_id, incident.scan_id) == ("overspent", other.id, later)
    assert (incident.details["asked"], incident.details["taken"], incident.details["missing"]) == (500, 300, 200)


async def test_a_redemption_that_is_taken_back_gives_its_value_back(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, balance=1_000)
    gate = await a_device(stage, shop)
    scan = gate.redeems(code, 1_000)
    await gate.brings()
    assert await left(stage, code) == (0, 0)
    gate.takes_back(scan)

    await gate.brings()

    assert await stage.value("SELECT balance FROM credential") == 1_000
    assert (await left(stage, code), await stage.value("SELECT count(*) FROM spend")) == ((1, 0), 0)


# --- what was too much ----------------------------------------------------------------------------------------------


async def test_a_ticket_let_in_by_two_gates_is_reported_with_both_and_their_times(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    north, south = await a_device(stage, shop, "North"), await a_device(stage, shop, "South")
    north.knew, south.knew = 8, 3
    extra = north.lets_in(code)
    stage.clock.advance(minutes=1)
    first = south.lets_in(code)

    assert (await north.brings()).incidents == []
    assert (await south.brings()).incidents == []

    (incident,) = await stage.sql("SELECT * FROM incident")
    assert (incident.kind, incident.gate_id, incident.scan_id) == ("double_admission", north.id, extra)
    told = [(one["gate"], one["scan"], one["use"]) for one in incident.details["admissions"]]
    assert told == [("South", first, 1), ("North", extra, None)]
    assert len({one["at"] for one in incident.details["admissions"]}) == 2
    assert await left(stage, code) == (0, 1)
    assert await breaches(stage) == []


async def test_an_undo_that_comes_last_ends_the_report(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    north, south = await a_device(stage, shop), await a_device(stage, shop)
    north.lets_in(code)
    scan = south.lets_in(code)
    await north.brings()
    await south.brings()
    assert await kinds(stage) == ["double_admission"]
    south.takes_back(scan)

    await south.brings()

    assert await kinds(stage) == []
    assert await left(stage, code) == (0, 1)


async def test_two_who_come_in_again_for_one_who_left_are_one_too_many(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    out, north, south = [await a_device(stage, shop, direction=Direction.BOTH) for _ in range(3)]
    await asked(stage, out, code, "in")
    out.lets_out(code, 1)
    await out.brings()
    north.knew = south.knew = 9
    for gate in (north, south):
        gate.says(Deed.ENTER, Reason.REENTERED, code)
        await gate.brings()

    assert await kinds(stage) == ["double_admission"]
    assert await stage.value("SELECT count(*) FROM admission WHERE use_no IS NULL") == 1


async def test_whom_the_register_let_in_comes_before_whom_a_gate_let_in_alone(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    online, alone = await a_device(stage, shop), await a_device(stage, shop)
    alone.lets_in(code)
    assert (await asked(stage, online, code, "s-1"))["admit"]

    await alone.brings()

    people = await stage.sql("SELECT gate_id, use_no FROM admission ORDER BY use_no NULLS LAST")
    assert [tuple(row) for row in people] == [(online.id, 1), (alone.id, None)]
    assert (await kinds(stage), await breaches(stage)) == (["double_admission"], [])


async def test_a_revoked_ticket_uses_nothing_and_is_reported(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, [2])
    gate = await a_device(stage, shop)
    gate.lets_in(code)
    await gate.brings()
    await stage.sql("UPDATE credential SET state = 'revoked'")
    gate.lets_in(code)

    await gate.brings()

    assert await kinds(stage) == ["double_admission", "revoked_admitted"]
    assert await left(stage, code) == (1, 1)
    assert await breaches(stage) == []


async def test_a_ticket_that_is_not_ours_or_not_for_this_gate_is_reported_and_used_nowhere(
    stage: Stage, shop: Shop
) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop, occasions=(shop.occasions["play/tue"],))
    gate.lets_in(code)
    gate.lets_in(999)
    gate.lets_in((1 << 63) + 1)

    await gate.brings()

    assert await kinds(stage) == ["unknown_admitted"] * 3
    assert (await left(stage, code), await stage.value("SELECT count(*) FROM admission")) == ((1, 0), 0)
    assert await breaches(stage) == []


async def test_an_override_by_typed_number_finds_its_ticket(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop, role=Role.SUPERVISOR)
    gate.says(Deed.OVERRIDE, Reason.OVERRIDDEN, number=number_of(code), by="Ms Kim: phone broken")

    await gate.brings()

    assert (await left(stage, code), await kinds(stage)) == ((0, 1), [])


# --- asked and alone ------------------------------------------------------------------------------------------------


async def test_a_scan_that_was_answered_and_decided_alone_too_counts_once(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, [2])
    gate = await a_device(stage, shop)
    await asked(stage, gate, code, "s-1")
    gate.lets_in(code, scan_id="s-1")

    await gate.brings()

    assert await left(stage, code) == (1, 1)
    assert await stage.value("SELECT count(*) FROM admission") == 1


async def test_a_no_that_its_gate_never_heard_gives_way_to_what_the_gate_did(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    first, gate = await a_device(stage, shop), await a_device(stage, shop)
    await asked(stage, first, code, "s-1")
    assert not (await asked(stage, gate, code, "s-2"))["admit"]
    gate.lets_in(code, scan_id="s-2")

    await gate.brings()

    assert await kinds(stage) == ["double_admission"]
    assert await stage.value("SELECT reason FROM scan WHERE scan_id = 's-2'") == "admitted"
    assert await breaches(stage) == []


async def test_an_undo_without_network_takes_back_what_the_register_had_allowed(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, [2])
    (gate, other) = await a_device(stage, shop), await a_device(stage, shop)
    await asked(stage, gate, code, "s-1")
    await asked(stage, other, code, "s-2")
    gate.takes_back("s-1")

    await gate.brings()

    assert await left(stage, code) == (1, 1)
    people = await stage.sql("SELECT gate_id, use_no FROM admission")
    assert [tuple(row) for row in people] == [(other.id, 1)]
    assert await breaches(stage) == []


async def test_an_undo_without_network_gives_back_what_the_register_had_taken(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, balance=1_000)
    gate = await a_device(stage, shop)
    answer = await asked(stage, gate, code, "s-1", kind=ScanKind.REDEMPTION, amount=1_000)
    assert answer["reason"] == "redeemed"
    gate.takes_back("s-1")

    for _ in range(2):
        await gate.brings()

    assert (await stage.value("SELECT balance FROM credential"), await left(stage, code)) == (1_000, (1, 0))
    assert await stage.value("SELECT sum(amount) FROM spend") == 0


# --- what no honest gate wrote --------------------------------------------------------------------------------------


async def test_an_entry_that_cannot_be_read_keeps_no_other_from_being_taken(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop)
    gate.lets_in(code)
    told = gate.lines[0].told()

    brought = await gate_scans.bring(stage.world, gate.caller, [{"seq": 7}, told, {**told, "count": 0}, "?"])

    assert (brought.upto, brought.taken) == (1, 1)
    assert [(one.index, one.seq, one.reason) for one in brought.refused] == [
        (0, 7, "malformed"),
        (2, 1, "malformed"),
        (3, None, "malformed"),
    ]


@pytest.mark.parametrize("how", ["another content", "a broken chain", "before its follower", "a scan named twice"])
async def test_a_log_that_tells_two_stories_is_stopped_and_reported(stage: Stage, shop: Shop, how: str) -> None:
    codes = await tickets(stage, shop, [9, 9])
    gate = await a_device(stage, shop)
    for _ in range(3):
        gate.lets_in(codes[0])
    liar = Device(stage, gate.enrolled, gate.prefix)
    for line in gate.lines[:2]:
        liar.lets_in(codes[1], scan_id=line.entry.scan_id)
    liar.lets_in(codes[1], scan_id=gate.lines[0].entry.scan_id if how == "a scan named twice" else "new")
    had, lies = {
        "another content": (gate.lines[:2], liar.lines[:2]),
        "a broken chain": (gate.lines[:2], liar.lines[2:]),
        "before its follower": (gate.lines[2:], liar.lines[:2]),
        "a scan named twice": (gate.lines[:1], liar.lines[2:]),
    }[how]
    await gate.brings(had)

    brought = await gate.brings(lies)

    assert [one.reason for one in brought.refused][-1] == ("stopped" if how == "another content" else "forked")
    assert await kinds(stage) == ["log_forked"]
    assert {one.reason for one in (await gate.brings([gate.lines[0], gate.lines[2]])).refused} <= {"stopped"}
    assert await kinds(stage) == ["log_forked"]


async def test_a_new_device_of_the_gate_begins_a_new_log(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop, [2])
    old = await a_device(stage, shop, "Door")
    old.lets_in(code)
    new = await a_device(stage, shop, "Door")
    new.lets_in(code)
    stage.clock.advance(seconds=1)

    assert (await new.brings()).upto == 1
    assert (await old.brings()).upto == 1

    assert await left(stage, code) == (0, 2)


async def test_what_a_gate_did_before_it_was_shut_out_counts_and_what_it_did_after_does_not(
    stage: Stage, shop: Shop
) -> None:
    (code,) = await tickets(stage, shop, [5])
    gate = await a_device(stage, shop)
    gate.lets_in(code)
    stage.clock.advance(minutes=1)
    await gates.revoke(stage.world, BOSS, gate.id)
    stage.clock.advance(minutes=1)
    gate.lets_in(code)
    gate.says(Deed.ENTER, Reason.USED, code)

    brought = await gate.brings()

    assert (brought.upto, [one.reason for one in brought.refused]) == (1, ["shut_out", "shut_out"])
    assert (await left(stage, code), await kinds(stage)) == ((4, 1), ["after_shut_out"])


async def test_a_thief_cannot_fill_the_house_with_reports(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_scans, "AFTER_SHUT_OUT_MAX", 2)
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop)
    await gates.revoke(stage.world, BOSS, gate.id)
    stage.clock.advance(minutes=1)
    for _ in range(4):
        gate.lets_in(code)

    await gate.brings(gate.lines[:3])
    await gate.brings(gate.lines[3:])

    assert await kinds(stage) == ["after_shut_out"] * 2


async def test_an_online_scanner_brings_nothing_and_a_gate_that_is_none_neither(stage: Stage, shop: Shop) -> None:
    invitation = await gates.invite(stage.world, issuer_id=shop.issuer, name="scanner")
    scanner = await gate_tokens.enrol(stage.world, invitation.code)
    ghost = gate_tokens.GateCaller(ticket_of(9), shop.issuer, 1, bound=True)

    with pytest.raises(NotAllowed, match="online scanner"):
        await gate_scans.bring(stage.world, scanner.caller, [])
    with pytest.raises(NotAuthentic):
        await gate_scans.bring(stage.world, ghost, [])


async def test_a_clock_that_is_ahead_dates_nothing_later_than_now(stage: Stage, shop: Shop) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop)
    gate.lets_in(code, at=stage.clock.now() + timedelta(days=1))

    await gate.brings()

    assert await stage.value("SELECT last_used_at FROM credential") == stage.clock.now()


# --- at the same moment ---------------------------------------------------------------------------------------------


async def test_two_workers_with_the_same_batch_merge_it_once(stage: Stage, second: Stage, shop: Shop) -> None:
    codes = await tickets(stage, shop, [1] * 20)
    gate = await a_device(stage, shop)
    for code in codes:
        gate.lets_in(code)

    done = await asyncio.gather(*(gate.brings(at=one) for one in (stage, second) for _ in range(2)))

    assert sum(one.taken for one in done) == 20
    assert {one.upto for one in done} == {20}
    assert await stage.value("SELECT sum(uses_left) FROM credential") == 0
    assert await stage.value("SELECT count(*) FROM admission") == 20


async def test_gates_that_bring_one_ticket_at_once_see_each_other(stage: Stage, second: Stage, shop: Shop) -> None:
    codes = await tickets(stage, shop, [1] * 10)
    devices = [await a_device(stage, shop) for _ in range(4)]
    for turn, device in enumerate(devices):
        for code in codes if turn % 2 else reversed(codes):
            device.lets_in(code)

    both = (stage, second)
    await asyncio.gather(*(device.brings(at=both[turn % 2]) for turn, device in enumerate(devices)))

    assert await stage.value("SELECT sum(uses_left) FROM credential") == 0
    assert await stage.value("SELECT count(*) FROM admission WHERE use_no IS NULL") == 30
    assert await kinds(stage) == ["double_admission"] * 30
    assert await breaches(stage) == []


async def test_gates_that_bring_one_voucher_at_once_take_no_more_than_it_had(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    codes = await tickets(stage, shop, [1] * 10, balance=1_000)
    devices = [await a_device(stage, shop) for _ in range(4)]
    for device in devices:
        for code in codes:
            device.redeems(code, 400)

    both = (stage, second)
    await asyncio.gather(*(device.brings(at=both[turn % 2]) for turn, device in enumerate(devices)))

    spent = await stage.sql("SELECT sum(amount) AS amount FROM spend GROUP BY ticket_id")
    assert [row.amount for row in spent] == [1_000] * 10
    assert await stage.value("SELECT sum(balance) FROM credential") == 0
    missing = await stage.value("SELECT sum(CAST(details ->> 'missing' AS integer)) FROM incident")
    assert missing == 4 * 10 * 400 - 10 * 1_000


async def test_a_server_that_dies_in_the_middle_has_taken_nothing_and_takes_all_next_time(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop)
    gate.lets_in(code)
    before = await everything(stage)

    async def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stored, "write_people", dies)
        with pytest.raises(KeyboardInterrupt):
            await gate.brings()
    assert await everything(stage) == before

    assert (await gate.brings()).taken == 1
    assert await left(stage, code) == (0, 1)


async def test_a_merge_that_waits_too_long_for_another_asks_the_gate_to_come_again(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_device(stage, shop)
    gate.lets_in(code)

    async def waits(tx: Tx, *_: object, **__: object) -> None:
        await tx.execute("DO $$ BEGIN RAISE SQLSTATE '55P03'; END $$", {})

    with monkeypatch.context() as patch:
        patch.setattr(stored, "write_people", waits)
        with pytest.raises(TemporarilyUnavailable, match="none of them was taken"):
            await gate.brings()

    assert (await gate.brings()).taken == 1


async def test_a_batch_of_any_size_takes_as_many_statements(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = await tickets(stage, shop, [1] * 100)
    gate = await a_device(stage, shop)
    for code in codes:
        gate.lets_in(code)
    counted: list[str] = []
    execute = Tx.execute

    async def counting(self: Tx, statement: str, values: dict[str, object] | None = None) -> object:
        counted.append(statement)
        return await execute(self, statement, values)

    monkeypatch.setattr(Tx, "execute", counting)
    await gate.brings(gate.lines[:1])
    few = len(counted)
    counted.clear()
    await gate.brings(gate.lines[1:])

    assert len(counted) == few <= 22


# --- what staff see -------------------------------------------------------------------------------------------------


async def test_staff_page_through_the_incidents_and_the_refused_scans_of_their_issuer(stage: Stage, shop: Shop) -> None:
    gate, other = await a_device(stage, shop, area="hall"), await a_device(stage, shop)
    (code,) = await tickets(stage, shop)
    gate.lets_in(code)
    for unknown in (8, 9):
        gate.lets_in(unknown)
    other.says(Deed.ENTER, Reason.EXPIRED, code)
    await gate.brings()
    await other.brings()
    stranger = staff.Member(ticket_of(2), ticket_of(3), staff.SCOPES)
    issuer = await oversee.issuer(stage.world, BOSS, "haneul")

    first = await incidents.listing(stage.world, BOSS, kind=None, after=None, limit=1)
    rest = await incidents.listing(stage.world, BOSS, kind=IncidentKind.UNKNOWN_ADMITTED, after=first[0].id, limit=5)
    scans = await incidents.refused(stage.world, issuer, gate_id=None, before=None, limit=2)
    place = [scans[-1].at.isoformat(), str(scans[-1].gate_id), scans[-1].scan_id]
    more = await incidents.refused(stage.world, issuer, gate_id=gate.id, before=place, limit=9)

    assert [row.gate_id for row in (*first, *rest)] == [gate.id, gate.id]
    assert await incidents.listing(stage.world, stranger, kind=None, after=None, limit=5) == []
    assert {row.reason for row in (*scans, *more)} == {"unknown", "expired"}
    assert len([*scans, *more]) == 3
    assert await incidents.occupancy(stage.world, issuer) == {"hall": 1}
    with pytest.raises(BadLine):
        await incidents.refused(stage.world, issuer, gate_id=None, before=["x", "y", "z"], limit=2)


def test_a_double_admission_names_each_gate_and_time_once() -> None:
    four = [{"gate": "North", "at": "2026-11-22T10:00:00+00:00"}] * 3 + [{"gate": "East", "at": "2026-11-22T10:05:00Z"}]

    words = incidents.in_words("double_admission", {"gate": "East", "beyond": 1, "admissions": four})

    assert words["en"].endswith("Gates and times: North 2026-11-22T10:00:00Z (3), East 2026-11-22T10:05:00Z.")


@pytest.mark.parametrize("kind", list(IncidentKind), ids=lambda kind: kind.value)
def test_every_incident_has_words_in_both_languages(kind: IncidentKind) -> None:
    words = incidents.in_words(kind.value, {"gate": "North"})

    assert set(words) == {"ko", "en"}
    assert all("North" in text and "{" not in text for text in words.values())
