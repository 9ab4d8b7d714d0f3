"""Admitting: the same scan gets the same answer first of all; then genuine, for here, for now; then it is counted once.

Gates that ask at the same moment share a transaction: everything below works on many presentations at a time. What is
decided on an entry is done to that very version of it, or decided anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.admission import Reason
from app.domain.credential import NumberAndPin, parse_presented
from app.domain.entry_rules import Direction, Role
from app.domain.gate import GateState
from app.domain.refusals import KeyReused, NotAllowed, NotAuthentic, Refusal
from app.flows.gate.admit_answer import answer, change_of, noted, report
from app.flows.gate.admit_case import (
    INTENTS,
    Answer,
    Case,
    Chosen,
    Found,
    Name,
    Presentation,
    Shown,
    Stand,
    Undone,
    stand_of,
)
from app.flows.gate.admit_identify import again, identify, signers
from app.flows.gate.tokens import GateCaller
from app.store import register_gate
from app.store.database import Tx
from app.store.tables.register import ScanKind
from app.world import World

LATE_MAX = 100
"""How often a batch looks again after somebody else was faster with one of its tickets. Each time somebody was."""
SHUT = "This gate is not enrolled any more. Enrol it again with a new code."
NO_SUPERVISOR = "Only a supervisor's gate may do this. Call the supervisor."


async def present(
    world: World,
    *,
    gate: GateCaller,
    scan_id: str,
    kind: ScanKind,
    text: str,
    count: int = 1,
    amount: int = 0,
    direction: Direction | None = None,
    why: str = "",
) -> Answer:
    """What the gate is to do with what was presented. Raises KeyReused, NotAuthentic, NotAllowed.

    A barcode's signatures are checked before the transaction: they need no database.
    """
    text = text.strip()
    read = parse_presented(text)
    shown = Shown(text, read, await signers(world, read))
    said = [text, *(str(part) for part in (count, amount, direction or "", why))]
    asked = Presentation(
        world=world,
        gate=gate,
        scan_id=scan_id,
        kind=kind,
        what=shown,
        said=_joined([text] if (count, amount, direction, why) == (1, 0, None, "") else said),
        count=count,
        amount=amount,
        why=why,
        direction=direction,
    )
    return await _ask(asked)


async def override(world: World, *, gate: GateCaller, scan_id: str, ticket_id: UUID, count: int, why: str) -> Answer:
    """Let in who has a ticket that a supervisor found by search. Raises KeyReused, NotAuthentic, NotAllowed."""
    said = _joined(["override", str(ticket_id), str(count), why])
    asked = Presentation(world, gate, scan_id, ScanKind.OVERRIDE, Chosen(ticket_id), said, count=count, why=why)
    return await _ask(asked)


async def undo(world: World, *, gate: GateCaller, scan_id: str, undoes: str) -> Answer:
    """Take back what this gate did by the scan `undoes`, within a minute. Raises KeyReused, NotAuthentic."""
    asked = Presentation(world, gate, scan_id, ScanKind.UNDO, Undone(undoes), _joined(["undo", undoes]))
    return await _ask(asked)


async def _ask(asked: Presentation) -> Answer:
    """A scanned code takes one statement that writes, and needs no transaction around it; everything else takes more.

    So the two have lines of their own, and codes do not wait for PINs, which wait for one another.
    """
    plain = isinstance(asked.what, Shown) and not isinstance(asked.what.read, NumberAndPin)
    database = asked.world.database
    if plain and asked.kind is not ScanKind.OVERRIDE:
        return await database.together(admit_codes, asked, atomic=False)
    return await database.together(admit_many, asked)


def _joined(said: Sequence[str]) -> str:
    """All of a request that makes it this one and no other."""
    return "\n".join(said)


Answered = tuple[ScanKind, bytes, Answer]


async def admit_codes(tx: Tx, asks: Sequence[Presentation]) -> list[Answer | Exception]:
    """Answer a batch of scanned codes: each statement by itself, for the one that writes leaves nothing half done."""
    return await admit_many(tx, asks)


async def admit_many(tx: Tx, asks: Sequence[Presentation]) -> list[Answer | Exception]:
    """Answer a batch in its order. A ticket shown twice in it is used as often as it still may be."""
    now = asks[0].world.clock.now()
    known = await register_gate.known(tx, [ask.name for ask in asks])
    stands = {(row.gate_id, row.generation): stand_of(row) for row in known.values() if row.state == GateState.ENROLLED}
    answers: dict[Name, Answered] = {
        name: (ScanKind(row.kind), row.presented, row.answer) for name, row in known.items() if row.kind is not None
    }
    fresh: dict[Name, Case] = {}
    for ask in asks:
        stand = stands.get((ask.gate.gate_id, ask.gate.generation))
        if stand is not None and ask.name not in answers and _refused(ask, stand) is None:
            fresh.setdefault(ask.name, Case(ask, _kind(ask, stand), stand))
    cases = list(fresh.values())
    if cases:
        told = await _settle(tx, cases, await identify(tx, cases, now=now), now=now)
        await report(tx, cases, now=now)
        answers |= {case.ask.name: (case.kind, case.ask.digest, told[case.ask.name]) for case in cases}
    return [_reply(ask, stands.get((ask.gate.gate_id, ask.gate.generation)), answers) for ask in asks]


def _kind(ask: Presentation, stand: Stand) -> ScanKind:
    """People who pass a gate that lets them out leave, whatever it calls the scan."""
    out = ask.direction is Direction.OUT or (ask.direction is None and stand.post.direction is Direction.OUT)
    return ScanKind.EXIT if ask.kind is ScanKind.ADMISSION and out else ask.kind


def _refused(ask: Presentation, stand: Stand) -> Refusal | None:
    """Why this gate may not ask for that at all."""
    kind = _kind(ask, stand)
    if kind is ScanKind.OVERRIDE and stand.post.role is not Role.SUPERVISOR:
        return NotAllowed(NO_SUPERVISOR)
    if ask.direction is not None and not stand.post.lets(INTENTS[kind]):
        wanted, there = ("out", "in") if kind is ScanKind.EXIT else ("in", "out")
        return NotAllowed(f"People only go {there} by this gate. Send them to one where they go {wanted}.")
    return None


def _reply(ask: Presentation, stand: Stand | None, answers: Mapping[Name, Answered]) -> Answer | Exception:
    """The answer to this scan's name, if the name was used for this very scan."""
    if stand is None:
        return NotAuthentic(SHUT)
    if (refused := _refused(ask, stand)) is not None:
        return refused
    kind, digest, told = answers[ask.name]
    if kind is not _kind(ask, stand) or not ask.is_known_by(digest):
        return KeyReused("This scan id was used for another ticket. Give each scan an id of its own.")
    return told


@dataclass(slots=True)
class _Turn:
    """What one statement writes: cases that are decided, and by ticket the one that changes it."""

    decided: list[Case] = field(default_factory=list)
    moving: dict[UUID, Case] = field(default_factory=dict)
    rest: set[Name] = field(default_factory=set)
    """Those whose ticket is to change once more: that is decided when the first change is made."""


async def _settle(tx: Tx, cases: Sequence[Case], found: dict[UUID, Found], *, now: datetime) -> Mapping[Name, Answer]:
    """Decide each case on its entry as those before it leave that, do what was decided, and write the answers given."""
    given: dict[Name, Answer] = {}
    waiting: Sequence[Case] = cases
    late_count = 0
    while waiting:
        turn = _decide(waiting, found, now=now)
        told = {case.ask.name: answer(case, now=now) for case in turn.decided}
        done = await _carry_out(tx, turn, told, now=now)
        given |= told
        found |= {
            ticket_id: case.result for ticket_id, case in turn.moving.items() if ticket_id in done and case.result
        }
        if late := turn.moving.keys() - done:
            # Somebody was faster: another gate, or whoever revoked or gave away the ticket. It is decided anew.
            late_count += 1
            assert late_count <= LATE_MAX, "an entry changes under us every time: one that does not is never late"
            found |= await again(tx, [(turn.moving[ticket_id].ask.gate.issuer_id, ticket_id) for ticket_id in late])
        waiting = [case for case in waiting if case.ask.name in turn.rest or (case.found and case.ticket_id in late)]
    return given


def _decide(waiting: Sequence[Case], found: Mapping[UUID, Found], *, now: datetime) -> _Turn:
    """Decide in order, as if every change were made; a ticket that is to change a second time waits for the first."""
    turn, closed = _Turn(), set[UUID]()
    for case in waiting:
        if case.found is None:
            turn.decided.append(case)
            continue
        ticket_id = case.ticket_id
        before = turn.moving.get(ticket_id)
        if ticket_id not in closed:
            case.decide(
                before.result if before is not None and before.result is not None else found[ticket_id], now=now
            )
            if case.result is not None and before is not None:
                closed.add(ticket_id)
        if ticket_id in closed:
            turn.rest.add(case.ask.name)
            continue
        turn.decided.append(case)
        if case.result is not None:
            turn.moving[ticket_id] = case
    return turn


async def _carry_out(tx: Tx, turn: _Turn, told: Mapping[Name, Answer], *, now: datetime) -> set[UUID]:
    """Make the changes of these cases and write their answers; the tickets whose change was made."""
    written = [change_of(case) for case in turn.moving.values()]
    done = await register_gate.change(
        tx,
        [change for change, _, _ in written],
        admitted=[one for _, admitted, _ in written for one in admitted],
        spent=[one for _, _, spent in written for one in spent],
        noted=[noted(case, told[case.ask.name], needs=_needs(case, turn)) for case in turn.decided],
        now=now,
    )
    undone = [
        (case.undoes.gate_id, case.ask.scan_id, case.undoes.scan_id)
        for case in turn.moving.values()
        if case.undoes is not None and case.reason is Reason.UNDONE and case.undoes.ticket_id in done
    ]
    await register_gate.take_back(tx, undone)
    return done


def _needs(case: Case, turn: _Turn) -> UUID | None:
    return case.ticket_id if case.found is not None and case.ticket_id in turn.moving else None
