"""Admitting: the same scan gets the same answer first of all; then genuine, for here, for now; then one use is counted.

Gates that ask at the same moment share a transaction: everything below works on many presentations at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import PIN_TRIES_MAX, WORDS, Post, Reason, Register, decide
from app.domain.credential import Compact, NumberAndPin, Presented, Signed, Unreadable, parse_presented, shown
from app.domain.gate import GateState
from app.domain.refusals import KeyReused, NotAuthentic
from app.domain.ticket import TicketState
from app.flows.staff import GateCaller
from app.pins import pin_of
from app.store import register
from app.store.database import Tx
from app.store.tables import Scan
from app.store.tables.register import ScanKind
from app.world import World

Answer = dict[str, Any]
Name = tuple[UUID, str]
"""A scan's name: its gate and the gate's own id for it."""
Device = tuple[UUID, int]
"""A gate and which of its devices: one that was replaced no longer opens."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """One scan at one gate, read but not yet looked up. `genuine` is about a barcode's signature."""

    world: World
    gate_id: UUID
    issuer_id: UUID
    scan_id: str
    kind: ScanKind
    digest: bytes
    read: Presented
    genuine: bool
    generation: int

    @property
    def name(self) -> Name:
        return self.gate_id, self.scan_id

    @property
    def device(self) -> Device:
        return self.gate_id, self.generation


async def present(world: World, *, gate: GateCaller, scan_id: str, kind: ScanKind, text: str) -> Answer:
    """What the gate is to do with what was presented; an admission counts a use. Raises KeyReused, NotAuthentic.

    A barcode's signature is checked before the transaction: it needs no database.
    """
    read = parse_presented(text)
    keys = world.house.keys
    genuine = not isinstance(read, Signed) or read.is_genuine(keys.verifier.verify)
    digest = keys.scan_mac(keys.kid)(text.strip().encode())
    asked = Presentation(world, gate.gate_id, gate.issuer_id, scan_id, kind, digest, read, genuine, gate.generation)
    return await world.database.together(admit_many, asked)


@dataclass(slots=True)
class _Case:
    """One presentation while it is being decided."""

    ask: Presentation
    post: Post
    entry: sa.Row[Any] | None = None
    reason: Reason = Reason.UNKNOWN
    uses_left: int = 0


async def admit_many(tx: Tx, asks: Sequence[Presentation]) -> list[Answer | Exception]:
    """Answer a batch in its order. A ticket shown twice in it is used as often as it still may be."""
    now = asks[0].world.clock.now()
    answers: dict[Name, tuple[ScanKind, bytes, Answer]] = {
        name: (ScanKind(row.kind), row.presented, row.answer)
        for name, row in (await register.answered(tx, [ask.name for ask in asks])).items()
    }
    posts = await _posts(tx, asks)
    fresh = {ask.name: ask for ask in reversed(asks) if ask.name not in answers and ask.device in posts}
    cases = [_Case(ask, posts[ask.device]) for ask in reversed(fresh.values())]
    await _identify(tx, cases, now=now)
    await _use(tx, [case for case in cases if case.reason is Reason.ADMITTED], now=now)
    last = await _last_admissions(tx, cases)
    given = [(case, _answer(case, last, now=now)) for case in cases]
    await _record(tx, given, now=now)
    answers |= {case.ask.name: (case.ask.kind, case.ask.digest, answer) for case, answer in given}
    return [_replay(ask, posts, answers) for ask in asks]


async def _posts(tx: Tx, asks: Iterable[Presentation]) -> dict[Device, Post]:
    """The devices that are still enrolled, with the occasions they open for."""
    rows = await register.gates(tx, {ask.gate_id for ask in asks})
    return {
        (row.id, row.generation): Post(row.id, frozenset(UUID(one) for one in row.occasions))
        for row in rows
        if row.state == GateState.ENROLLED
    }


def _replay(
    ask: Presentation, posts: Mapping[Device, Post], answers: Mapping[Name, tuple[ScanKind, bytes, Answer]]
) -> Answer | Exception:
    """The answer to this scan's name, if the name was used for this very scan."""
    if ask.device not in posts:
        return NotAuthentic("This gate is not enrolled any more. Enrol it again with a new code.")
    kind, digest, answer = answers[ask.name]
    if (kind, digest) != (ask.kind, ask.digest):
        return KeyReused("This scan id was used for another ticket. Give each scan an id of its own.")
    return answer


async def _identify(tx: Tx, cases: Sequence[_Case], *, now: datetime) -> None:
    """Find each presentation's entry in the register and say what it is worth before a use is counted."""
    numbers = [(c.ask.issuer_id, str(c.ask.read.number)) for c in cases if isinstance(c.ask.read, NumberAndPin)]
    codes = [(c.ask.issuer_id, _code(c.ask.read)) for c in cases if isinstance(c.ask.read, Compact | Signed)]
    by_number = await register.by_number(tx, numbers)
    by_code = await register.by_code(tx, codes)
    for case in cases:
        read, issuer_id = case.ask.read, case.ask.issuer_id
        match read:
            case Unreadable():
                case.reason = Reason.UNREADABLE
                continue
            case NumberAndPin():
                entry = by_number.get((issuer_id, str(read.number)))
                refusal = await _check_pin(tx, case.ask, read, entry, now=now)
            case Compact() | Signed():
                entry = by_code.get((issuer_id, _code(read)))
                refusal = None if entry is not None and _is_genuine(case.ask, read, entry) else Reason.UNKNOWN
        if refusal is not None or entry is None:
            case.reason = refusal or Reason.UNKNOWN
            continue
        case.entry, case.uses_left = entry, entry.uses_left
        case.reason = decide(_facts(entry), post=case.post, now=now)


def _code(read: Compact | Signed) -> int:
    """The code a barcode names; one beyond our 63 bits names none of ours."""
    code = int(read.code_id if isinstance(read, Compact) else read.body.code_id)
    return code if code < 1 << 63 else -1


def _is_genuine(ask: Presentation, read: Compact | Signed, entry: sa.Row[Any]) -> bool:
    if isinstance(read, Signed):
        return ask.genuine and read.body.occasion_code == entry.occasion_code
    mac = ask.world.house.keys.compact_mac(entry.kid, issuer_id=entry.issuer_id, occasion_code=entry.occasion_code)
    return read.is_genuine(mac)


async def _check_pin(
    tx: Tx, ask: Presentation, read: NumberAndPin, entry: sa.Row[Any] | None, *, now: datetime
) -> Reason | None:
    """Count the try first; unknown numbers are counted and computed for like known ones, so they look the same."""
    keys = ask.world.house.keys
    tries = await register.count_pin_try(tx, issuer_id=ask.issuer_id, number=read.number, now=now)
    pin = pin_of(
        keys,
        issuer_id=ask.issuer_id,
        identity=entry.ticket_id if entry is not None else ask.gate_id,
        kid=entry.kid if entry is not None else keys.kid,
        generation=entry.generation if entry is not None else 0,
    )
    right = pin == read.pin
    if tries > PIN_TRIES_MAX:
        return Reason.LOCKED
    if entry is None:
        return Reason.UNKNOWN
    if not right:
        return Reason.WRONG_PIN
    await register.forgive_pin(tx, issuer_id=ask.issuer_id, number=read.number)
    return None


def _facts(entry: sa.Row[Any]) -> Register:
    return Register(
        ticket_id=entry.ticket_id,
        occasion_id=entry.occasion_id,
        revoked=entry.state != TicketState.VALID,
        uses_left=entry.uses_left,
        valid_from=entry.valid_from,
        valid_until=entry.valid_until,
    )


async def _use(tx: Tx, cases: Sequence[_Case], *, now: datetime) -> None:
    """Count one use for each admission, each ticket once per statement; who comes too late is told it is used."""
    waiting = [case for case in cases if case.ask.kind is ScanKind.ADMISSION]
    while waiting:
        first = {_ticket_id(case): case for case in reversed(waiting)}
        used = await register.use(
            tx, [(ticket_id, case.ask.gate_id, case.ask.scan_id) for ticket_id, case in first.items()], now=now
        )
        for ticket_id, case in first.items():
            if ticket_id in used:
                case.uses_left = used[ticket_id].uses_left
            else:
                case.reason, case.uses_left = Reason.USED, 0
        waiting = [case for case in waiting if first[_ticket_id(case)] is not case]


def _ticket_id(case: _Case) -> UUID:
    assert case.entry is not None, "an admitted ticket is in the register"
    ticket_id: UUID = case.entry.ticket_id
    return ticket_id


async def _last_admissions(tx: Tx, cases: Sequence[_Case]) -> dict[UUID, sa.Row[Any]]:
    used = [_ticket_id(case) for case in cases if case.reason is Reason.USED]
    return await register.last_admissions(tx, used)


def _answer(case: _Case, last: Mapping[UUID, sa.Row[Any]], *, now: datetime) -> Answer:
    """The verdict with all a steward needs; a wrong PIN learns nothing about the ticket."""
    korean, english = WORDS[case.reason]
    answer: Answer = {
        "admit": case.reason is Reason.ADMITTED,
        "reason": case.reason.value,
        "words": {"ko": korean, "en": english},
        "at": now.isoformat(),
        "ticket": None,
        "used": None,
    }
    if isinstance(case.ask.read, Unreadable):
        answer["words"] = {"ko": case.ask.read.words("ko"), "en": case.ask.read.words("en")}
    if case.entry is not None:
        entry = case.entry
        answer["ticket"] = {
            "number": shown(entry.number),
            "kind": entry.kind,
            **entry.label,
            "uses": entry.uses,
            "uses_left": case.uses_left,
            "balance": entry.balance,
            "valid_from": entry.valid_from.isoformat(),
            "valid_until": entry.valid_until.isoformat(),
        }
        if case.reason is Reason.USED and (before := last.get(entry.ticket_id)):
            answer["used"] = {"at": before.at.isoformat(), "gate": before.gate}
    return answer


async def _record(tx: Tx, given: Sequence[tuple[_Case, Answer]], *, now: datetime) -> None:
    scans = [
        Scan(
            gate_id=case.ask.gate_id,
            scan_id=case.ask.scan_id,
            issuer_id=case.ask.issuer_id,
            kind=case.ask.kind,
            presented=case.ask.digest,
            ticket_id=case.entry.ticket_id if case.entry is not None else None,
            reason=case.reason,
            answer=answer,
            at=now,
        )
        for case, answer in given
    ]
    await register.record(tx, scans)
