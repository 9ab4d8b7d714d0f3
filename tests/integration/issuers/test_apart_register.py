"""Tickets that another server sells: registered there, admitted there, and what happens to them told back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from builders import BUYER, Made, a_booking, a_gate, a_scan, pin, typed
from two_servers_kit import ISSUER, SELLER, Cut, Two

from app import worker
from app.domain.credential import shown
from app.domain.entry_rules import Role
from app.domain.refusals import IssuerAway, NotFound, WrongState
from app.flows.gate import admit, gates
from app.flows.paying import emoney, pay
from app.flows.paying.pay import Tender
from app.flows.sellers import counter as selling
from app.flows.sellers import registry
from app.flows.staff import Member
from app.flows.tickets import flowback, register, show
from app.metrics import ISSUER_UP
from app.ports import Changes, Voucher
from app.store.tables.register import ScanKind

pytest_plugins = ("apart_plugin",)

BOSS = Member(UUID(int=1), None, frozenset({"gates", "read", "refund"}), "the box office")


@pytest.fixture
def two(kept: Two) -> Two:
    """None of these tests changes what is sold."""
    return kept


async def sold(two: Two, **given: Any) -> tuple[Made, sa.Row[Any]]:
    """A ticket for Monday that the sales server sold and registered, half an hour after the doors opened."""
    made = await a_booking(two.seller, two.shop, worked=True, **given)
    two.clock.time = made.tickets[0].valid_from + timedelta(minutes=30)
    return made, made.tickets[0]


async def entry(two: Two, ticket: sa.Row[Any]) -> tuple[sa.Row[Any], sa.Row[Any]]:
    """The issuer's entry and the seller's copy."""
    theirs, ours = await two.both("SELECT * FROM credential WHERE ticket_id = :id", id=ticket.id)
    return theirs[0], ours[0]


# --- admitted by what the seller made -------------------------------------------------------------------------------


@pytest.fixture
def faces(two: Two) -> Callable[[sa.Row[Any]], dict[str, str]]:
    def shown_as(ticket: sa.Row[Any]) -> dict[str, str]:
        world = two.seller.world
        return {
            "number and PIN": typed(ticket),
            "CT0": show.compact_code(world, ticket),
            "CT1": show.signed_code(world, ticket),
        }

    return shown_as


async def test_the_issuers_gate_admits_every_face_of_a_ticket_that_the_seller_made(
    two: Two, faces: Callable[[sa.Row[Any]], dict[str, str]]
) -> None:
    made, first = await sold(two, quantity=3)
    gate = await a_gate(two.issuer, two.shop)
    asked = len(two.line.asked)

    texts = [list(faces(ticket).values())[number] for number, ticket in enumerate(made.tickets)]
    told = [await a_scan(two.issuer, two.shop, gate, text) for text in texts]
    again = [await a_scan(two.issuer, two.shop, gate, text) for text in faces(first).values()]

    assert [one["reason"] for one in told] == ["admitted"] * 3
    assert [one["reason"] for one in again] == ["already_in"] * 3
    assert told[0]["ticket"]["title"]["en"] == "The Post Office in Spring"
    assert len(two.line.asked) == asked, "nobody is asked over the network at a gate"


async def test_no_pin_and_no_code_is_kept_at_the_issuer_and_wrong_ones_are_refused(
    two: Two, faces: Callable[[sa.Row[Any]], dict[str, str]]
) -> None:
    _, ticket = await sold(two)
    gate = await a_gate(two.issuer, two.shop)
    rows = await two.issuer.sql("SELECT CAST(c AS text) AS text FROM credential c")
    ours, compact = pin(ticket), faces(ticket)["CT0"]
    wrong = f"{shown(ticket.number)} {(int(ours) + 1) % 10**6:06}"

    forged = compact[:-1] + ("Y" if compact.endswith("Z") else "Z")

    refused = [await a_scan(two.issuer, two.shop, gate, text) for text in (wrong, forged, "5-1 1")]

    assert len(rows) == 1
    assert not [row for row in rows if compact in row.text or f",{ours}," in row.text]
    assert [one["reason"] for one in refused] == ["wrong_pin", "unknown", "unreadable"]


async def test_a_signed_code_counts_under_the_keys_of_the_server_that_sold_the_ticket_alone(
    two: Two, faces: Callable[[sa.Row[Any]], dict[str, str]]
) -> None:
    """Another seller, or the issuer itself, cannot sign for a ticket that is not its own."""
    _, ticket = await sold(two)
    gate = await a_gate(two.issuer, two.shop)
    await two.issuer.sql("UPDATE credential SET seller = 'another'")

    assert (await a_scan(two.issuer, two.shop, gate, faces(ticket)["CT1"]))["reason"] == "unknown"
    await two.issuer.sql("UPDATE credential SET seller = :seller", seller=SELLER)
    assert (await a_scan(two.issuer, two.shop, gate, faces(ticket)["CT1"]))["reason"] == "admitted"


# --- told back ------------------------------------------------------------------------------------------------------


async def test_an_admission_at_the_issuers_gate_is_seen_at_the_seller(two: Two) -> None:
    _, ticket = await sold(two)
    gate = await a_gate(two.issuer, two.shop, name="North")
    before = await show.card(two.seller.world, ticket)
    await a_scan(two.issuer, two.shop, gate, typed(ticket))

    assert await flowback.pull(two.seller.world, ISSUER) == 1
    assert await flowback.pull(two.seller.world, ISSUER) == 0

    theirs, ours = await entry(two, ticket)
    assert (ours.state, ours.version, ours.uses_left) == (theirs.state, theirs.version, 0)
    seen = await two.seller.sql("SELECT a.at, g.name, g.state, g.generation FROM admission a JOIN gate g ON true")
    assert [tuple(row) for row in seen] == [(two.clock.now(), "North", "pending", 0)]
    assert (before.uses_left, (await show.card(two.seller.world, ticket)).uses_left) == (1, 0)
    assert await two.seller.value("SELECT heard_at FROM peer WHERE role = 'issuer'") == two.clock.now()


async def test_a_group_and_whoever_came_beyond_it_are_seen_and_what_was_undone_is_seen_no_more(two: Two) -> None:
    _, ticket = await sold(two, of="carnet/open", category="adult")
    gate = await a_gate(two.issuer, two.shop, role=Role.SUPERVISOR)
    seen = []

    await a_scan(two.issuer, two.shop, gate, typed(ticket), scan_id="group", count=2)
    await flowback.pull(two.seller.world, ISSUER)
    seen.append(await admitted(two))
    await admit.undo(two.issuer.world, gate=gate.caller, scan_id="undo", undoes="group")
    why = "counted twice, all are here"
    await a_scan(two.issuer, two.shop, gate, typed(ticket), scan_id="all", kind=ScanKind.OVERRIDE, count=4, why=why)
    await flowback.pull(two.seller.world, ISSUER)
    seen.append(await admitted(two))

    assert seen == [
        [("group", 1, 1), ("group", 2, 2)],
        [("all", 1, 1), ("all", 2, 2), ("all", 3, 3), ("all", 4, None)],
    ]


async def admitted(two: Two) -> list[tuple[str, int, int | None]]:
    """Scan, person and use of each admission that the seller knows of."""
    rows = await two.seller.sql("SELECT scan_id, person, use_no FROM admission ORDER BY scan_id, person")
    return [(row.scan_id, row.person, row.use_no) for row in rows]


async def test_what_the_issuers_staff_refuse_counts_no_more_at_the_seller_and_its_holder_hears_of_it(two: Two) -> None:
    _, ticket = await sold(two)
    (found,) = await registry.entries(two.issuer.world, issuer_id=two.shop.issuer, typed=shown(ticket.number))
    await registry.revoke(two.issuer.world, BOSS, found.row.ticket_id, reason="the venue said so")

    await flowback.pull(two.seller.world, ISSUER)
    await two.seller.work()

    row = await two.seller.sql("SELECT state, revoked_why FROM ticket")
    assert [tuple(one) for one in row] == [("revoked", "revoked by the issuer")]
    assert len(two.seller.carrier.inbox(BUYER)) == 2
    assert await two.issuer.value("SELECT actor FROM journal") == "the box office"
    with pytest.raises(WrongState, match="already"):
        await registry.revoke(two.issuer.world, BOSS, ticket.id, reason="again")
    with pytest.raises(NotFound):
        await registry.revoke(two.issuer.world, BOSS, UUID(int=5), reason="no such")


async def test_a_ticket_that_a_refund_is_taking_back_is_left_to_the_refund(two: Two) -> None:
    made, ticket = await sold(two)
    await two.seller.sql(
        "INSERT INTO refund (id, issuer_id, booking_id, payment_id, state, amount, currency, reason, note, asked_by,"
        " ticket_ids, used_too, attempt, created_at, updated_at) SELECT :id, issuer_id, booking_id, id, 'asked', 1,"
        " 'KRW', 'buyer', '', 'buyer', ARRAY[CAST(:ticket AS uuid)], false, 1, created_at, created_at FROM payment"
        " WHERE booking_id = :booking",
        id=UUID(int=9),
        ticket=ticket.id,
        booking=made.id,
    )
    await registry.revoke(two.issuer.world, BOSS, ticket.id, reason="lost")

    await flowback.pull(two.seller.world, ISSUER)

    assert await two.seller.value("SELECT state FROM ticket") == "valid"
    assert (await entry(two, ticket))[1].state == "revoked"


async def test_changes_come_page_by_page_and_no_transaction_is_divided_or_missed(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selling, "CHANGES_MAX", 2)
    made, _ = await sold(two, quantity=5)
    late = made.tickets[0]
    await flowback.pull(two.seller.world, ISSUER)

    async with two.issuer.world.transaction() as slow:
        await slow.execute("UPDATE credential SET uses_left = 0 WHERE ticket_id = :id", {"id": late.id})
        for ticket in made.tickets[1:4]:
            await two.issuer.sql("UPDATE credential SET uses_left = 0 WHERE ticket_id = :id", id=ticket.id)
        assert await flowback.pull(two.seller.world, ISSUER) == 0, "one began earlier and has not ended"
    await two.issuer.sql("UPDATE credential SET balance = 1 WHERE uses_left = 0")

    assert await flowback.pull(two.seller.world, ISSUER) == 4
    versions = await two.both("SELECT ticket_id, version, uses_left FROM credential ORDER BY ticket_id")
    assert versions[0] == versions[1]


async def test_two_workers_that_ask_at_once_take_each_page_over_once_and_in_order(two: Two) -> None:
    made, _ = await sold(two, quantity=4)
    gate = await a_gate(two.issuer, two.shop)
    for ticket in made.tickets:
        await a_scan(two.issuer, two.shop, gate, typed(ticket))

    taken = await asyncio.gather(*(flowback.pull(two.seller.world, ISSUER) for _ in range(4)))

    assert sum(taken) == 4
    assert await flowback.compare(two.seller.world, ISSUER) == []


async def test_an_old_page_never_comes_after_a_newer_one(two: Two) -> None:
    """A worker that slept over its page finds the cursor moved, and drops it."""
    _, ticket = await sold(two)
    await flowback.pull(two.seller.world, ISSUER)
    issuer = flowback.distant(two.seller.world, ISSUER)
    gate = await a_gate(two.issuer, two.shop)
    await a_scan(two.issuer, two.shop, gate, typed(ticket))
    genuine = issuer.changes

    async def slept(*, after: int) -> Changes:
        old = await genuine(after=after)
        issuer.changes = genuine  # type: ignore[method-assign]  # the other worker is awake
        await registry.revoke(two.issuer.world, BOSS, ticket.id, reason="lost")
        await flowback.pull(two.seller.world, ISSUER)
        return old

    issuer.changes = slept  # type: ignore[method-assign]  # one worker falls asleep

    await flowback.pull(two.seller.world, ISSUER)

    assert (await entry(two, ticket))[1].state == "revoked"


async def test_a_register_that_was_restored_is_read_from_the_beginning(two: Two) -> None:
    _, ticket = await sold(two)
    await flowback.pull(two.seller.world, ISSUER)
    await two.seller.sql("UPDATE peer SET cursor = cursor + 1000000")
    await two.issuer.sql("UPDATE credential SET uses_left = 0")

    assert await flowback.pull(two.seller.world, ISSUER) == 1

    assert (await entry(two, ticket))[1].uses_left == 0


async def test_an_issuers_server_speaks_of_what_it_sells_and_of_nothing_else(two: Two) -> None:
    """A local issuer's ticket and one of nobody: neither is touched, whatever the other server says of them."""
    _, ticket = await sold(two)
    await two.seller.sql("UPDATE issuer SET served_by = 'local'")
    await two.issuer.sql("UPDATE credential SET state = 'revoked'")

    assert await flowback.pull(two.seller.world, ISSUER) == 0

    assert (await entry(two, ticket))[1].state == "valid"
    assert await two.seller.value("SELECT state FROM ticket") == "valid"


# --- away -----------------------------------------------------------------------------------------------------------


async def test_what_an_issuer_must_hear_is_never_given_up_and_is_due_at_once_when_it_answers_again(two: Two) -> None:
    made = await a_booking(two.seller, two.shop, paid=True)
    two.line.down = Cut.BEFORE
    for _ in range(two.seller.world.house.deliver_attempts_max + 3):
        two.clock.advance(seconds=worker.PATIENT_SECONDS_MAX)
        await two.seller.work()
    owed = await two.seller.sql("SELECT * FROM outbox WHERE topic = 'register'")
    assert [(one.done_at, one.dead_at) for one in owed] == [(None, None)]
    assert owed[0].attempts > two.seller.world.house.deliver_attempts_max
    assert owed[0].last_error.startswith("Temporarily not on sale")

    two.line.down = None
    await two.seller.work()
    assert await two.issuer.value("SELECT count(*) FROM credential") == 0
    two.clock.advance(seconds=3)
    await flowback.hurry(two.seller.world, ISSUER, worker.PATIENT)
    await two.seller.work()

    assert await two.issuer.value("SELECT ticket_id FROM credential") == made.tickets[0].id
    assert await flowback.compare(two.seller.world, ISSUER) == []


async def test_a_revocation_waits_for_its_issuer_and_never_overtakes_the_registration(two: Two) -> None:
    made = await a_booking(two.seller, two.shop, paid=True)
    ticket = made.tickets[0]
    two.line.down = Cut.BEFORE
    await register.revoke(two.seller.world, ticket.id, reason="lost", free_place=True, tell_holder=False)
    await two.seller.work()

    two.line.down = None
    for _ in range(2):  # while one asks whether the server is back, the other waits
        two.clock.advance(minutes=10)
        await two.seller.work()

    theirs, _ = await two.both("SELECT state FROM credential")
    assert [row.state for row in theirs] == ["revoked"]
    assert await two.issuer.value("SELECT count(*) FROM place WHERE taken_by IS NOT NULL") == 0
    assert await flowback.compare(two.seller.world, ISSUER) == []


async def test_a_registration_whose_answer_was_lost_has_its_copy_from_the_changes(two: Two) -> None:
    two.line.cuts.extend([None, None, Cut.AFTER])
    made = await a_booking(two.seller, two.shop, worked=True)
    assert await two.issuer.value("SELECT count(*) FROM credential") == 1
    assert await two.seller.value("SELECT count(*) FROM credential") == 0

    two.clock.advance(seconds=3)
    await flowback.pull(two.seller.world, ISSUER)

    theirs, ours = await entry(two, made.tickets[0])
    assert (ours.number, ours.version, ours.seller, ours.pin_mac) == (theirs.number, theirs.version, "", None)


async def test_an_issuer_that_is_in_our_settings_no_more_is_away(two: Two) -> None:
    _, ticket = await sold(two)
    del two.seller.world.issuers[ISSUER]  # type: ignore[attr-defined]  # the operator took it out

    with pytest.raises(IssuerAway):
        await register.register(two.seller.world, ticket.id)
    with pytest.raises(IssuerAway):
        await flowback.pull(two.seller.world, ISSUER)
    assert flowback.all_distant(two.seller.world) == []


# --- the whole of both sides ----------------------------------------------------------------------------------------


async def test_the_whole_of_both_sides_is_compared_and_every_difference_named(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flowback, "PAGE_MAX", 2)
    monkeypatch.setattr(selling, "ENTRIES_MAX", 2)
    made, _ = await sold(two, quantity=5)
    ids = sorted(ticket.id for ticket in made.tickets)
    assert await flowback.compare(two.seller.world, ISSUER) == []

    await two.issuer.sql("UPDATE credential SET ticket_id = :new WHERE ticket_id = :id", id=ids[0], new=UUID(int=7))
    await two.seller.sql("UPDATE credential SET version = 9 WHERE ticket_id = :id", id=ids[1])
    await two.seller.sql("DELETE FROM credential WHERE ticket_id = :id", id=ids[2])
    await two.seller.sql("UPDATE ticket SET state = 'suspended' WHERE id = :id", id=ids[3])
    found = await flowback.compare(two.seller.world, ISSUER)

    assert {one.ticket_id: one.problem for one in found} == {
        UUID(int=7): "in the issuer's register, not sold here",
        ids[0]: "sold here, not in the issuer's register",
        ids[1]: "the copy is version 9, the issuer's entry version 1",
        ids[2]: "the issuer's entry has no copy here",
        ids[3]: "suspended here, valid in the issuer's register",
    }
    assert {one.issuer_id for one in found} == {two.shop.issuer}


# --- what is not done here ------------------------------------------------------------------------------------------


async def test_gates_of_an_issuer_with_a_server_of_its_own_are_set_up_there(two: Two) -> None:
    _, ticket = await sold(two)
    gate = await a_gate(two.issuer, two.shop)
    await a_scan(two.issuer, two.shop, gate, typed(ticket))
    await flowback.pull(two.seller.world, ISSUER)

    with pytest.raises(WrongState, match=r"there at https://arena\.example"):
        await a_gate(two.seller, two.shop)
    with pytest.raises(WrongState, match="a server of its own, arena"):
        await gates.revoke(two.seller.world, BOSS, gate.gate_id)


async def test_a_voucher_of_another_servers_register_pays_and_is_never_doubled_into_e_money(two: Two) -> None:
    _, voucher = await sold(two, of="gift/open", category="gift")

    with pytest.raises(WrongState, match="Pay with the voucher itself"):
        await emoney.redeem(two.seller.world, issuer_id=two.shop.issuer, handset=BUYER, presented=typed(voucher))
    paying = [Tender(Voucher(voucher.number, pin(voucher)))]
    play = await a_booking(two.seller, two.shop, of="play/wed", category="S")
    await pay.pay(two.seller.world, play.id, paying)
    await flowback.pull(two.seller.world, ISSUER)

    theirs, ours = await entry(two, voucher)
    assert (theirs.balance, ours.balance) == (10_000, 10_000)
    assert await two.seller.value("SELECT count(*) FROM account WHERE kind = 'prepaid'") == 0


async def test_a_ticket_that_we_sold_is_revoked_as_a_ticket_and_not_in_the_register(two: Two) -> None:
    await two.seller.sql("UPDATE issuer SET served_by = 'local'")
    made = await a_booking(two.seller, two.shop, worked=True)

    with pytest.raises(WrongState, match="revoke the ticket itself"):
        await registry.revoke(two.seller.world, BOSS, made.tickets[0].id, reason="lost")


# --- the workers ----------------------------------------------------------------------------------------------------


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what a worker does beside us."""
    for _ in range(1_000):
        if await true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to pass")


async def test_the_workers_of_both_sides_keep_them_together_by_themselves(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The issuer's worker fetches the seller's keys; the seller's takes over what happens at the issuer's gates."""
    monkeypatch.setattr(worker, "ISSUER_POLL_SECONDS", 0.02)
    monkeypatch.setattr(worker, "ISSUER_AWAY_SECONDS", 0.02)
    made = await a_booking(two.seller, two.shop, paid=True)
    two.line.down = Cut.BEFORE
    issuing = asyncio.create_task(worker.run(two.issuer.world, poll_seconds=0.05))
    selling_too = asyncio.create_task(worker.run(two.seller.world, poll_seconds=0.05))
    try:

        async def keys_are_there() -> bool:
            return bool(await two.issuer.value("SELECT count(*) FROM peer WHERE jwks IS NOT NULL"))

        async def registered() -> bool:
            two.clock.advance(seconds=1)
            return bool(await two.issuer.value("SELECT count(*) FROM credential"))

        async def seen() -> bool:
            return bool(await two.seller.value("SELECT count(*) FROM credential WHERE uses_left = 0"))

        await until(keys_are_there)
        assert ISSUER_UP.labels(ISSUER)._value.get() == 0
        two.line.down = None
        await until(registered)
        two.clock.time = made.tickets[0].valid_from
        await a_scan(two.issuer, two.shop, await a_gate(two.issuer, two.shop), typed(made.tickets[0]))
        await until(seen)
        assert ISSUER_UP.labels(ISSUER)._value.get() == 1
    finally:
        for task in (issuing, selling_too):
            task.cancel()
        await asyncio.gather(issuing, selling_too, return_exceptions=True)
