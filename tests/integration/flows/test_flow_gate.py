"""The gate online: in and out, groups, value, windows, living codes, undo, a supervisor's decisions, who is inside."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from builders import Shop, Stage, a_booking, a_gate, a_scan, pin, typed
from door_kit import Phone, Rules, at_the_door, enlarged

from app.domain import damm
from app.domain.credential import CodeId, compact_text, shown
from app.domain.entry_rules import UNLIMITED_USES, Direction, Role
from app.domain.refusals import NotAllowed, NotAuthentic, NotFound
from app.flows import staff
from app.flows.gate import admit, gates
from app.flows.gate import desk as gate_desk
from app.flows.gate.admit_case import Answer
from app.flows.gate.tokens import Enrolled
from app.flows.tickets import register as registering
from app.flows.tickets import show
from app.store import register_find
from app.store.database import Tx
from app.store.tables.register import ScanKind

pytest_plugins = ("door_plugin",)

REDEMPTION, OVERRIDE, CHECK = ScanKind.REDEMPTION, ScanKind.OVERRIDE, ScanKind.CHECK
BOTH_WAYS = {"direction": Direction.BOTH, "area": "hall"}
SUPERVISOR = {"role": Role.SUPERVISOR, "area": "hall"}
WHY = "battery empty, has an ID"


async def undo(stage: Stage, gate: Enrolled, undoes: str, scan_id: str = "undo") -> Answer:
    return await admit.undo(stage.world, gate=gate.caller, scan_id=scan_id, undoes=undoes)


async def entry(stage: Stage, ticket: Any) -> Any:
    return (await stage.sql("SELECT * FROM credential WHERE ticket_id = :id", id=ticket.id))[0]


async def people(stage: Stage, gate: Enrolled) -> dict[str, int]:
    return await gate_desk.occupancy(stage.world, gate.caller)


# --- in and out -----------------------------------------------------------------------------------------------------


async def test_who_leaves_may_come_in_again_and_the_area_counts_both(stage: Stage, shop: Shop, rules: Rules) -> None:
    await rules(reentry=True)
    ticket, gate = await at_the_door(stage, shop, place=BOTH_WAYS)

    told = []
    for direction in (None, Direction.OUT, Direction.OUT, Direction.IN, Direction.IN):
        stage.clock.advance(seconds=60)
        answer = await a_scan(stage, shop, gate, typed(ticket), direction=direction)
        told.append((answer["reason"], answer["ticket"]["inside"], await people(stage, gate)))

    assert told == [
        ("admitted", 1, {"hall": 1}),
        ("left", 0, {}),
        ("not_inside", 0, {}),
        ("reentered", 1, {"hall": 1}),
        ("used", 1, {"hall": 1}),
    ]
    assert await stage.value("SELECT count(*) FROM admission") == 1, "who comes again is no use more"


async def test_without_that_rule_who_left_stays_out(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, place=BOTH_WAYS)
    await a_scan(stage, shop, gate, typed(ticket))
    await a_scan(stage, shop, gate, typed(ticket), direction=Direction.OUT)
    stage.clock.advance(seconds=60)

    assert (await a_scan(stage, shop, gate, typed(ticket)))["reason"] == "used"


async def test_a_gate_for_one_way_lets_nobody_pass_the_other(stage: Stage, shop: Shop) -> None:
    ticket, entrance = await at_the_door(stage, shop)
    way_out = await a_gate(stage, shop, direction=Direction.OUT)
    await a_scan(stage, shop, entrance, typed(ticket), direction=Direction.IN)

    with pytest.raises(NotAllowed, match="only go in by this gate"):
        await a_scan(stage, shop, entrance, typed(ticket), direction=Direction.OUT)
    with pytest.raises(NotAllowed, match="only go out by this gate"):
        await a_scan(stage, shop, way_out, typed(ticket), direction=Direction.IN)
    assert (await a_scan(stage, shop, way_out, typed(ticket)))["reason"] == "left"
    assert [row.kind for row in await stage.sql("SELECT kind FROM scan ORDER BY kind")] == ["admission", "exit"]


async def test_who_is_inside_with_a_ticket_that_is_over_is_not_counted(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, place=BOTH_WAYS)
    await a_scan(stage, shop, gate, typed(ticket))

    stage.clock.time = ticket.valid_until

    assert await people(stage, gate) == {}


async def test_who_is_inside_with_a_ticket_that_was_revoked_leaves_and_is_counted_out(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, place=BOTH_WAYS)
    await a_scan(stage, shop, gate, typed(ticket))
    await registering.revoke(stage.world, ticket.id, reason="lost", free_place=False, tell_holder=False)
    await stage.work()

    answers = [await a_scan(stage, shop, gate, typed(ticket), direction=way) for way in (Direction.OUT, Direction.IN)]

    assert [one["reason"] for one in answers] == ["left", "revoked"]
    assert await people(stage, gate) == {}
    assert await stage.sql("SELECT * FROM audit.i5_admissions_within_uses") == []


# --- groups, windows, passes ----------------------------------------------------------------------------------------


async def test_a_group_comes_in_by_and_by_and_not_one_more(stage: Stage, shop: Shop, rules: Rules) -> None:
    await rules(group=True)
    ticket, gate = await at_the_door(stage, shop)
    await enlarged(stage, ticket, 10)

    answers = [await a_scan(stage, shop, gate, typed(ticket), count=count) for count in (3, 5, 2)]
    stage.clock.advance(seconds=60)
    answers.append(await a_scan(stage, shop, gate, typed(ticket), count=1))

    assert [(one["reason"], one["count"], one["ticket"]["uses_left"]) for one in answers] == [
        ("admitted", 3, 7),
        ("admitted", 5, 2),
        ("admitted", 2, 0),
        ("used", 1, 0),
    ]
    rows = await stage.sql("SELECT use_no, person FROM admission ORDER BY use_no")
    assert [row.use_no for row in rows] == list(range(1, 11))
    assert [row.person for row in rows] == [1, 2, 3, 1, 2, 3, 4, 5, 1, 2]


async def test_more_people_than_uses_are_left_are_all_refused(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, of="carnet/open", category="adult")

    answer = await a_scan(stage, shop, gate, typed(ticket), count=4)

    assert (answer["reason"], answer["ticket"]["uses_left"]) == ("too_few_uses", 3)
    assert await stage.value("SELECT count(*) FROM admission") == 0


async def test_a_pass_tells_no_uses_and_ends_when_its_window_does(stage: Stage, shop: Shop, rules: Rules) -> None:
    await rules(window_minutes=90, pass_back_seconds=600)
    ticket, gate = await at_the_door(stage, shop, of="carnet/open", category="adult")
    await enlarged(stage, ticket, UNLIMITED_USES)
    begun = stage.clock.now()

    told = []
    for minutes in (0, 5, 10, 80):
        stage.clock.time = begun + timedelta(minutes=minutes)
        told.append(await a_scan(stage, shop, gate, typed(ticket)))
    stage.clock.time = begun + timedelta(minutes=90)
    told.append(await a_scan(stage, shop, gate, typed(ticket)))

    assert [one["reason"] for one in told] == ["admitted", "passed_back", "admitted", "admitted", "expired"]
    assert {(one["ticket"]["uses"], one["ticket"]["uses_left"]) for one in told} == {(None, None)}
    assert {one["ticket"]["valid_until"] for one in told} == {(begun + timedelta(minutes=90)).isoformat()}
    assert told[1]["used"] == {"at": begun.isoformat(), "gate": gate.name}


async def test_a_second_look_says_how_long_ago_it_was(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    await a_scan(stage, shop, gate, typed(ticket))
    stage.clock.advance(seconds=4)

    answer = await a_scan(stage, shop, gate, typed(ticket))

    assert (answer["admit"], answer["colour"]) == (False, "amber")
    assert answer["words"] == {"ko": "4초 전에 이미 입장했습니다.", "en": "Already let in 4 s ago."}
    assert answer["used"]["gate"] == gate.name


# --- value ----------------------------------------------------------------------------------------------------------


async def test_a_voucher_is_redeemed_in_parts_and_never_below_zero(stage: Stage, shop: Shop) -> None:
    voucher, till = await at_the_door(stage, shop, of="gift/open", category="gift")

    looks = await a_scan(stage, shop, till, typed(voucher))
    answers = [
        await a_scan(stage, shop, till, typed(voucher), kind=REDEMPTION, amount=amount)
        for amount in (30_000, 20_001, 20_000, 1)
    ]

    assert (looks["reason"], looks["ticket"]["balance"]) == ("voucher", 50_000)
    assert looks["words"]["en"] == "A voucher. Enter an amount to redeem. ₩50,000 is left."
    assert [(one["reason"], one["ticket"]["balance"]) for one in answers] == [
        ("redeemed", 20_000),
        ("balance_too_low", 20_000),
        ("redeemed", 0),
        ("balance_too_low", 0),
    ]
    assert [row.amount for row in await stage.sql("SELECT amount FROM spend ORDER BY amount")] == [20_000, 30_000]


async def test_a_redemption_whose_answer_was_lost_takes_once(stage: Stage, shop: Shop) -> None:
    voucher, till = await at_the_door(stage, shop, of="gift/open", category="gift")

    answers = [
        await a_scan(stage, shop, till, typed(voucher), kind=REDEMPTION, amount=4_500, scan_id="till-1")
        for _ in range(2)
    ]

    assert answers[0] == answers[1]
    assert await stage.value("SELECT balance FROM credential") == 45_500


async def test_an_admission_ticket_has_nothing_to_redeem(stage: Stage, shop: Shop) -> None:
    ticket, till = await at_the_door(stage, shop)

    assert (await a_scan(stage, shop, till, typed(ticket), kind=REDEMPTION, amount=1))["reason"] == "not_a_voucher"


# --- living codes ---------------------------------------------------------------------------------------------------


async def test_a_living_code_lives_half_a_minute_and_on_one_phone(stage: Stage, shop: Shop, rules: Rules) -> None:
    await rules(faces="living_or_pin", retires_static=True)
    ticket, gate = await at_the_door(stage, shop)
    phone, thief = Phone(), Phone()

    unbound = await a_scan(stage, shop, gate, phone.shows(stage, ticket))
    await phone.takes(stage, shop, ticket)
    await thief.takes(stage, shop, ticket)
    texts = (
        thief.shows(stage, ticket),
        phone.shows(stage, ticket, ago=timedelta(seconds=60)),
        show.signed_code(stage.world, ticket),
        phone.shows(stage, ticket),
    )
    told = [await a_scan(stage, shop, gate, text) for text in texts]

    assert [one["reason"] for one in (unbound, *told)] == [
        "unknown", "unknown", "stale_code", "retired_code", "admitted",
    ]  # fmt: skip


async def test_who_is_not_in_the_register_cannot_be_bound(stage: Stage, shop: Shop) -> None:
    with pytest.raises(NotFound):
        await stage.world.issuers["local"].bind(issuer_id=shop.issuer, ticket_id=uuid4(), holder_key=Phone().key)


async def test_a_product_that_wants_the_moving_code_takes_no_picture(stage: Stage, shop: Shop, rules: Rules) -> None:
    await rules(faces="living_or_pin")
    ticket, gate = await at_the_door(stage, shop)

    refused = await a_scan(stage, shop, gate, show.compact_code(stage.world, ticket))

    assert (refused["reason"], refused["colour"], refused["face"]) == ("wrong_face", "amber", "compact")
    assert (await a_scan(stage, shop, gate, typed(ticket)))["admit"]


# --- undo -----------------------------------------------------------------------------------------------------------


async def test_an_undone_admission_leaves_everything_as_it_was(stage: Stage, shop: Shop, rules: Rules) -> None:
    await rules(window_minutes=30)
    ticket, gate = await at_the_door(stage, shop, of="carnet/open", category="adult")
    before = await entry(stage, ticket)
    await a_scan(stage, shop, gate, typed(ticket), scan_id="one", count=2)
    stage.clock.advance(seconds=60)

    answer = await undo(stage, gate, "one")
    after = await entry(stage, ticket)

    assert (answer["reason"], answer["colour"], answer["ticket"]["uses_left"]) == ("undone", "green", 3)
    assert after.version == before.version + 2
    for column in ("uses_left", "inside", "area", "balance", "activated_until", "last_used_at", "last_gate_id"):
        assert getattr(after, column) == getattr(before, column), column
    assert answer["ticket"]["valid_until"] == before.valid_until.isoformat()
    assert await stage.value("SELECT count(*) FROM admission") == 0
    assert (await a_scan(stage, shop, gate, typed(ticket)))["reason"] == "admitted"
    assert await undo(stage, gate, "one") == answer, "asked again, it is the same answer"


async def test_an_admission_is_undone_though_a_handset_took_the_ticket_meanwhile(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    await a_scan(stage, shop, gate, typed(ticket), scan_id="one")
    phone = Phone()
    await phone.takes(stage, shop, ticket)

    answer = await undo(stage, gate, "one")

    found = await entry(stage, ticket)
    assert (answer["reason"], found.uses_left, found.holder_key) == ("undone", 1, phone.key)
    assert (await a_scan(stage, shop, gate, phone.shows(stage, ticket)))["reason"] == "admitted"


async def test_an_admission_is_not_undone_where_the_ticket_was_bound_and_used_since(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    await enlarged(stage, ticket, 3)
    await a_scan(stage, shop, gate, typed(ticket), scan_id="one")
    phone = Phone()
    await phone.takes(stage, shop, ticket)
    await a_scan(stage, shop, await a_gate(stage, shop), phone.shows(stage, ticket), scan_id="two")

    assert (await undo(stage, gate, "one"))["reason"] == "not_undone"
    assert (await entry(stage, ticket)).uses_left == 1


async def test_of_a_ticket_that_lived_on_a_handset_before_it_was_used_a_later_use_is_not_taken_for_that(
    stage: Stage, shop: Shop
) -> None:
    ticket, gate = await at_the_door(stage, shop)
    await enlarged(stage, ticket, 3)
    phone = Phone()
    await phone.takes(stage, shop, ticket)
    await a_scan(stage, shop, gate, phone.shows(stage, ticket), scan_id="one")
    await a_scan(stage, shop, await a_gate(stage, shop), phone.shows(stage, ticket), scan_id="two")

    assert (await undo(stage, gate, "one"))["reason"] == "not_undone"


async def test_an_undone_redemption_is_given_back_once(stage: Stage, shop: Shop) -> None:
    voucher, till = await at_the_door(stage, shop, of="gift/open", category="gift")
    await a_scan(stage, shop, till, typed(voucher), kind=REDEMPTION, amount=50_000, scan_id="one")

    answers = await asyncio.gather(undo(stage, till, "one", "a"), undo(stage, till, "one", "b"))

    assert Counter(one["reason"] for one in answers) == {"undone": 1, "not_undone": 1}
    left = await entry(stage, voucher)
    assert (left.balance, left.uses_left) == (50_000, 1)
    rows = await stage.sql("SELECT amount, reverses FROM spend ORDER BY amount")
    assert [row.amount for row in rows] == [-50_000, 50_000]
    assert rows[0].reverses == f"gate/{till.gate_id}/one"


async def test_an_exit_by_mistake_is_taken_back(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, place=BOTH_WAYS)
    await a_scan(stage, shop, gate, typed(ticket))
    await a_scan(stage, shop, gate, typed(ticket), direction=Direction.OUT, scan_id="out")

    assert (await undo(stage, gate, "out"))["reason"] == "undone"
    assert await people(stage, gate) == {"hall": 1}
    assert await stage.value("SELECT count(*) FROM admission") == 1


@pytest.mark.parametrize(
    "why", ["too late", "another gate", "used since", "revoked since", "a check", "nothing", "a no"]
)
async def test_what_cannot_be_undone_stays(stage: Stage, shop: Shop, why: str) -> None:
    ticket, gate = await at_the_door(stage, shop, of="carnet/open", category="adult")
    other = await a_gate(stage, shop)
    kind = CHECK if why == "a check" else ScanKind.ADMISSION
    text = "hello" if why == "a no" else typed(ticket)
    await a_scan(stage, shop, gate, text, scan_id="one", kind=kind)
    match why:
        case "too late":
            stage.clock.advance(seconds=61)
        case "used since":
            await a_scan(stage, shop, other, typed(ticket))
        case "revoked since":
            await registering.revoke(stage.world, ticket.id, reason="lost", free_place=False, tell_holder=False)
            await stage.work()
    before = await entry(stage, ticket)

    answer = await undo(stage, other if why == "another gate" else gate, "x" if why == "nothing" else "one")

    assert (answer["admit"], answer["reason"]) == (False, "not_undone")
    assert await entry(stage, ticket) == before
    assert await stage.value("SELECT count(*) FROM scan WHERE undone_by IS NOT NULL") == 0


# --- a supervisor ---------------------------------------------------------------------------------------------------


async def test_a_supervisor_lets_in_whom_the_rules_refuse_and_the_journal_says_why(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, place=SUPERVISOR)
    await a_scan(stage, shop, gate, typed(ticket))

    answer = await a_scan(stage, shop, gate, typed(ticket), kind=OVERRIDE, count=2, why=WHY, scan_id="again")

    assert (answer["admit"], answer["reason"], answer["ticket"]["uses_left"]) == (True, "overridden", 0)
    rows = await stage.sql("SELECT use_no, person FROM admission WHERE scan_id = 'again' ORDER BY person")
    assert [tuple(row) for row in rows] == [(None, 1), (None, 2)]
    (said,) = await stage.sql("SELECT * FROM journal WHERE action = 'let in by override'")
    assert (said.actor, said.subject) == (f"gate {gate.name}", f"ticket {ticket.id}")
    assert said.details == {"scan": "again", "people": 2, "beyond": 2, "rules": "already_in", "reason": WHY}
    assert await people(stage, gate) == {"hall": 1}, "who is let in beyond the ticket is counted nowhere"


async def test_an_override_takes_the_uses_there_are_and_can_be_undone(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, place=SUPERVISOR)

    await a_scan(stage, shop, gate, typed(ticket), kind=OVERRIDE, count=2, why=WHY, scan_id="one")
    uses = await stage.sql("SELECT use_no FROM admission ORDER BY person")
    answer = await undo(stage, gate, "one")

    assert [row.use_no for row in uses] == [1, None]
    assert (answer["reason"], answer["ticket"]["uses_left"]) == ("undone", 1)
    assert await stage.value("SELECT count(*) FROM admission") == 0


async def test_letting_in_a_revoked_ticket_is_an_incident(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, place=SUPERVISOR)
    await registering.revoke(stage.world, ticket.id, reason="lost", free_place=False, tell_holder=False)
    await stage.work()

    answer = await a_scan(stage, shop, gate, typed(ticket), kind=OVERRIDE, why=WHY)

    assert answer["reason"] == "overridden"
    (incident,) = await stage.sql("SELECT * FROM incident")
    assert (incident.kind, incident.ticket_id, incident.gate_id) == ("revoked_admitted", ticket.id, gate.gate_id)


async def test_what_is_no_ticket_or_a_voucher_is_not_let_in_by_anybody(stage: Stage, shop: Shop) -> None:
    voucher, gate = await at_the_door(stage, shop, of="gift/open", category="gift", place=SUPERVISOR)

    told = [await a_scan(stage, shop, gate, text, kind=OVERRIDE, why=WHY) for text in (typed(voucher), "hello")]
    nobody = await admit.override(stage.world, gate=gate.caller, scan_id="x", ticket_id=uuid4(), count=1, why=WHY)

    assert [one["reason"] for one in (*told, nobody)] == ["voucher", "unreadable", "unknown"]
    assert await stage.value("SELECT count(*) FROM journal WHERE action = 'let in by override'") == 0


async def test_a_steward_neither_overrides_nor_searches(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)

    with pytest.raises(NotAllowed, match="supervisor"):
        await a_scan(stage, shop, gate, typed(ticket), kind=OVERRIDE, why=WHY)
    with pytest.raises(NotAllowed, match="supervisor"):
        await gate_desk.search(stage.world, gate.caller, digits="5678", name="")
    assert await stage.value("SELECT count(*) FROM scan") == 0


# --- search ---------------------------------------------------------------------------------------------------------


async def test_a_search_by_last_digits_and_name_finds_the_ticket_and_lets_it_in(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, place=SUPERVISOR)
    await stage.sql("""UPDATE credential SET label = label || '{"holder": "Kim Minji"}' """)

    found = {
        (digits, name): len((await gate_desk.search(stage.world, gate.caller, digits=digits, name=name)).found)
        for digits in ("5678", "01012345678", "99995678", "1234")
        for name in ("", "mINJ", "Lee")
    }
    chosen = (await gate_desk.search(stage.world, gate.caller, digits="5678", name="kim")).found[0]
    answer = await admit.override(
        stage.world, gate=gate.caller, scan_id="x", ticket_id=chosen.facts.ticket_id, count=1, why=WHY
    )

    assert {asked for asked, count in found.items() if count} == {
        ("5678", ""), ("5678", "mINJ"), ("01012345678", ""), ("01012345678", "mINJ"),
    }  # fmt: skip
    assert (answer["reason"], answer["ticket"]["id"]) == ("overridden", str(ticket.id))
    rows = await stage.sql("SELECT details FROM journal WHERE action = 'tickets searched' ORDER BY seq")
    assert len(rows) == 13
    assert rows[-1].details == {"digits": "5678", "by_name": True, "found": 1}


MANY = """
    INSERT INTO credential (ticket_id, issuer_id, number, code, generation, kid, kind, product_id, occasion_id,
        occasion_code, label, uses, uses_left, valid_from, valid_until, state, registered_at)
    SELECT gen_random_uuid(), c.issuer_id, lpad(CAST(n AS varchar), 10, '0'), n, 0, c.kid, c.kind, c.product_id,
        c.occasion_id, c.occasion_code, c.label || jsonb_build_object('handset', lpad(CAST(n AS varchar), 4, '0')),
        c.uses, c.uses, c.valid_from, c.valid_until, 'valid', c.registered_at
    FROM credential c CROSS JOIN generate_series(1, 5000) AS n
"""


async def test_a_search_among_many_tickets_reads_those_with_the_digits_alone(stage: Stage, shop: Shop) -> None:
    await at_the_door(stage, shop)
    asked: dict[str, Any] = {"occasions": [], "digits": "82104321", "name": "", "now": stage.clock.now(), "most": 21}
    async with stage.database.transaction() as tx:
        await tx.execute(MANY)
        steps = await tx.execute(f"EXPLAIN {register_find.SEARCH}", {**asked, "issuer": shop.issuer})
        plan = "\n".join(steps.scalars())
        found = await register_find.search(tx, issuer_id=shop.issuer, **asked)

    assert "ix_credential_handset" in plan, plan
    assert "Seq Scan on credential" not in plan, plan
    assert [row.code for row in found] == [4321]


async def test_a_search_finds_what_its_gate_opens_for_and_tells_when_there_is_more(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, place=SUPERVISOR, of="play/mon", category="R", quantity=6)
    for of, category, quantity in (("play/tue", "R", 6), ("play/wed", "R", 6), ("play/tue", "S", 6)):
        await a_booking(stage, shop, of=of, category=category, quantity=quantity, worked=True)
    monday = await a_gate(stage, shop, shop.occasions["play/mon"], role=Role.SUPERVISOR)

    everything = await gate_desk.search(stage.world, gate.caller, digits="5678", name="")
    mondays = await gate_desk.search(stage.world, monday.caller, digits="5678", name="")
    stage.clock.time = ticket.valid_until
    over = await gate_desk.search(stage.world, monday.caller, digits="5678", name="")

    assert (len(everything.found), everything.more) == (gate_desk.FOUND_MAX, True)
    assert (len(mondays.found), mondays.more) == (6, False)
    assert over.found == []


async def test_a_gate_that_was_shut_out_learns_nothing(stage: Stage, shop: Shop) -> None:
    _, gate = await at_the_door(stage, shop, place=SUPERVISOR)
    boss = staff.Member(uuid4(), None, frozenset({"gates"}))
    await gates.revoke(stage.world, boss, gate.gate_id)

    with pytest.raises(NotAuthentic):
        await people(stage, gate)
    with pytest.raises(NotAuthentic):
        await gate_desk.search(stage.world, gate.caller, digits="5678", name="")


# --- PINs -----------------------------------------------------------------------------------------------------------


async def statements_of(
    stage: Stage, shop: Shop, gate: Enrolled, text: str, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The first words of each statement that a scan takes."""
    asked: list[str] = []
    execute = Tx.execute

    async def noted(self: Tx, statement: Any, values: Any = None) -> Any:
        asked.append(" ".join(str(statement).split())[:40])
        return await execute(self, statement, values)

    with monkeypatch.context() as patch:
        patch.setattr(Tx, "execute", noted)
        await a_scan(stage, shop, gate, text)
    return asked


async def test_wrong_and_unknown_take_the_same_statements(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, gate = await at_the_door(stage, shop)
    wrong = f"{shown(ticket.number)} {(int(pin(ticket)) + 1) % 10**6:06}"

    unknown = await statements_of(stage, shop, gate, "482910375-1 491027", monkeypatch)

    assert await statements_of(stage, shop, gate, wrong, monkeypatch) == unknown
    assert await statements_of(stage, shop, gate, typed(ticket), monkeypatch) == unknown
    assert len(unknown) == 5
    code = show.compact_code(stage.world, ticket)
    assert len(await statements_of(stage, shop, gate, code, monkeypatch)) <= 4


def numbers(count: int) -> list[str]:
    """Numbers that nobody has, each with a PIN."""
    nines = (str(nine) for nine in range(300_000_000, 300_000_000 + count))
    return [f"{digits}{damm.check_digit(digits)} 000000" for digits in nines]


async def test_of_guesses_all_over_the_numbers_twenty_a_second_are_looked_at(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    ticket, _ = await at_the_door(stage, shop)
    posts = [await a_gate(stage, shop) for _ in range(4)]

    answers = await asyncio.gather(
        *(a_scan([stage, second][n % 2], shop, posts[n % 4], text) for n, text in enumerate(numbers(60)))
    )
    busy = await a_scan(stage, shop, posts[0], typed(ticket))
    stage.clock.advance(seconds=2)

    assert Counter(one["reason"] for one in answers) == {"unknown": 20, "locked": 40}
    assert (busy["reason"], busy["ticket"]) == ("locked", None)
    assert busy["words"]["en"].startswith("Too many wrong PINs at the gates right now.")
    assert (await a_scan(stage, shop, posts[0], typed(ticket)))["reason"] == "admitted"


async def test_a_gate_that_guesses_is_reported_once(stage: Stage, shop: Shop) -> None:
    gate, other = await a_gate(stage, shop), await a_gate(stage, shop)
    for text in numbers(35):
        await a_scan(stage, shop, gate, text)
        stage.clock.advance(seconds=2)
    await a_scan(stage, shop, other, "482910375-1 491027")

    (incident,) = await stage.sql("SELECT * FROM incident")
    assert (incident.kind, incident.gate_id, incident.details) == ("pin_guessing", gate.gate_id, {"gate": gate.name})
    assert await stage.value("SELECT count(*) FROM scan WHERE reason = 'unknown'") == 36


async def test_right_pins_are_no_guesses(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)

    for _ in range(25):
        await a_scan(stage, shop, gate, typed(ticket), kind=CHECK)

    assert (await a_scan(stage, shop, gate, typed(ticket)))["admit"]
    assert await stage.value("SELECT count(*) FROM pin_guard") == 0


# --- races ----------------------------------------------------------------------------------------------------------


async def test_64_gates_let_in_200_tickets_once_each(stage: Stage, second: Stage, shop: Shop) -> None:
    """Each ticket is shown at three gates at once."""
    ticket, _ = await at_the_door(stage, shop)
    columns = ", ".join(
        row.column_name
        for row in await stage.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'credential'"
            " AND column_name NOT IN ('ticket_id', 'code', 'number')"
        )
    )
    await stage.sql(
        f"INSERT INTO credential (ticket_id, number, code, {columns})"  # noqa: S608 - names of our own columns
        f" SELECT gen_random_uuid(), lpad(CAST(n AS varchar), 10, '0'), n, {columns}"
        " FROM credential, generate_series(1, 199) AS n WHERE ticket_id = :id",
        id=ticket.id,
    )
    rows = await stage.sql("SELECT * FROM credential ORDER BY code")
    posts = [await a_gate(stage, shop) for _ in range(64)]
    keys = stage.world.house.keys
    mac = keys.compact_mac(ticket.kid, issuer_id=shop.issuer, occasion_code=ticket.occasion_code)
    texts = [compact_text(CodeId(row.code), mac) for row in rows]

    answers = await asyncio.gather(
        *(
            a_scan([stage, second][n % 2], shop, posts[(n * 7 + turn) % 64], text)
            for turn in range(3)
            for n, text in enumerate(texts)
        )
    )

    assert Counter(one["reason"] for one in answers) == {"admitted": 200, "used": 400}
    admitted = Counter(one["ticket"]["id"] for one in answers if one["admit"])
    assert set(admitted.values()) == {1}
    assert await stage.value("SELECT count(*) FROM admission") == len(admitted) == 200


async def test_two_processes_race_for_the_last_won(stage: Stage, second: Stage, shop: Shop) -> None:
    voucher, till = await at_the_door(stage, shop, of="gift/open", category="gift")
    other = await a_gate(stage, shop)
    code = show.compact_code(stage.world, voucher)

    answers = await asyncio.gather(
        *(
            a_scan([stage, second][n % 2], shop, [till, other][n % 2], code, kind=REDEMPTION, amount=15_000)
            for n in range(10)
        )
    )

    assert Counter(one["reason"] for one in answers) == {"redeemed": 3, "balance_too_low": 7}
    assert await stage.value("SELECT balance FROM credential") == 5_000
    assert await stage.value("SELECT sum(amount) FROM spend") == 45_000


async def test_two_processes_race_for_the_last_person_inside(stage: Stage, second: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, place=BOTH_WAYS)
    other = await a_gate(stage, shop, **BOTH_WAYS)
    code = show.compact_code(stage.world, ticket)
    await a_scan(stage, shop, gate, code)

    answers = await asyncio.gather(
        *(a_scan([stage, second][n % 2], shop, [gate, other][n % 2], code, direction=Direction.OUT) for n in range(10))
    )

    assert Counter(one["reason"] for one in answers) == {"left": 1, "not_inside": 9}
    assert await people(stage, gate) == {}


async def test_an_undo_and_a_use_race_and_one_of_them_is_first(stage: Stage, second: Stage, shop: Shop) -> None:
    """Either the undo comes too late, or the other gate has a whole ticket before it."""
    ticket, gate = await at_the_door(stage, shop, of="carnet/open", category="adult")
    other = await a_gate(stage, shop)
    code = show.compact_code(stage.world, ticket)
    for turn in range(5):
        await a_scan(stage, shop, gate, code, scan_id=f"{turn}")
        undone, used = await asyncio.gather(
            undo(stage, gate, f"{turn}", f"undo-{turn}"),
            a_scan(second, shop, other, code, scan_id=f"used-{turn}"),
        )
        left = await entry(stage, ticket)
        rows = await stage.value("SELECT count(*) FROM admission")
        assert used["admit"]
        assert left.uses - left.uses_left == left.inside == rows == (1 if undone["reason"] == "undone" else 2)
        await stage.sql("DELETE FROM admission")
        await stage.sql("UPDATE credential SET uses_left = uses, inside = 0, last_used_at = NULL")
