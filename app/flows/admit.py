"""Admitting: the same scan gets the same answer first of all; then genuine, for here, for now; then one use is counted.

Gates that ask at the same moment share a transaction: everything below works on many presentations at a time.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import PIN_TRIES_MAX, WORDS, Post, Reason, Register, decide
from app.domain.credential import Compact, NumberAndPin, Pin, Presented, Signed, Unreadable, parse_presented, shown
from app.domain.gate import GateState
from app.domain.refusals import KeyReused, NotAuthentic
from app.domain.ticket import TicketState
from app.flows import peers
from app.flows.staff import GateCaller
from app.keys import KeyRing
from app.pins import code_digest, pin_digest, pin_of
from app.store import register
from app.store.database import Tx
from app.store.tables import Scan
from app.store.tables.register import ScanKind
from app.world import World

Answer = dict[str, Any]
TOO_LATE = {
    TicketState.VALID: Reason.USED,
    TicketState.SUSPENDED: Reason.SUSPENDED,
    TicketState.REVOKED: Reason.REVOKED,
}
"""Why the use that was there a moment ago is not there any more."""
Name = tuple[UUID, str]
"""A scan's name: its gate and the gate's own id for it."""
Device = tuple[UUID, int]
"""A gate and which of its devices: one that was replaced no longer opens."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """One scan at one gate, read but not yet looked up.

    `signers` are the sellers under whose public keys a barcode's signature holds; ours is the empty name.
    """

    world: World
    gate_id: UUID
    issuer_id: UUID
    scan_id: str
    kind: ScanKind
    digest: bytes
    read: Presented
    signers: frozenset[str]
    generation: int
    text: str = field(repr=False)

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
    text = text.strip()
    read = parse_presented(text)
    keys = world.house.keys
    asked = Presentation(
        world=world,
        gate_id=gate.gate_id,
        issuer_id=gate.issuer_id,
        scan_id=scan_id,
        kind=kind,
        digest=keys.scan_mac(keys.kid)(text.encode()),
        read=read,
        signers=await _signers(world, read),
        generation=gate.generation,
        text=text,
    )
    return await world.database.together(admit_many, asked)


async def _signers(world: World, read: Presented) -> frozenset[str]:
    """Who signed this barcode: we, or other servers whose public keys we have; nobody is asked for them now."""
    if not isinstance(read, Signed):
        return frozenset()
    rings = {"": world.house.keys.verifier, **await peers.barcode_keys(world)}
    return frozenset(seller for seller, ring in rings.items() if read.is_genuine(ring.verify))


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
        entry: sa.Row[Any] | Reason
        match read:
            case Unreadable():
                entry = Reason.UNREADABLE
            case NumberAndPin():
                entry = await _check_pin(tx, case.ask, read, by_number.get((issuer_id, str(read.number)), []), now=now)
            case Compact() | Signed():
                found = by_code.get((issuer_id, _code(read)), [])
                entry = next((one for one in found if _is_genuine(case.ask, read, one)), Reason.UNKNOWN)
        if isinstance(entry, Reason):
            case.reason = entry
            continue
        case.entry, case.uses_left = entry, entry.uses_left
        case.reason = decide(_facts(entry), post=case.post, now=now)


def _code(read: Compact | Signed) -> int:
    """The code a barcode names; one beyond our 63 bits names none of ours."""
    code = int(read.code_id if isinstance(read, Compact) else read.body.code_id)
    return code if code < 1 << 63 else -1


def _is_genuine(ask: Presentation, read: Compact | Signed, entry: sa.Row[Any]) -> bool:
    """Whether this code is this entry's. A signature counts only under the keys of the server that sold the ticket."""
    if isinstance(read, Signed):
        return entry.seller in ask.signers and read.body.occasion_code == entry.occasion_code
    keys = ask.world.house.keys
    if entry.seller:
        digest = code_digest(keys.foreign_mac(entry.kid), entry.ticket_id, ask.text)
        return hmac.compare_digest(digest, entry.compact_mac)
    mac = keys.compact_mac(entry.kid, issuer_id=entry.issuer_id, occasion_code=entry.occasion_code)
    return read.is_genuine(mac)


async def _check_pin(
    tx: Tx, ask: Presentation, read: NumberAndPin, found: Sequence[sa.Row[Any]], *, now: datetime
) -> sa.Row[Any] | Reason:
    """The entry that number and PIN name together, for two sellers may have drawn one number.

    The try is counted first; unknown numbers are counted and computed for like known ones, so they look the same.
    """
    keys = ask.world.house.keys
    tries = await register.count_pin_try(tx, issuer_id=ask.issuer_id, number=read.number, now=now)
    if not found:
        pin_of(keys, issuer_id=ask.issuer_id, identity=ask.gate_id, kid=keys.kid, generation=0)
    right = [entry for entry in found if _is_right(keys, entry, read.pin)]
    if tries > PIN_TRIES_MAX:
        return Reason.LOCKED
    if not right:
        return Reason.WRONG_PIN if found else Reason.UNKNOWN
    await register.forgive_pin(tx, issuer_id=ask.issuer_id, number=read.number)
    return right[0]


def _is_right(keys: KeyRing, entry: sa.Row[Any], pin: Pin) -> bool:
    if entry.seller:
        digest = pin_digest(keys.foreign_mac(entry.kid), entry.ticket_id, pin.reveal())
        return hmac.compare_digest(digest, entry.pin_mac)
    return pin == pin_of(
        keys, issuer_id=entry.issuer_id, identity=entry.ticket_id, kid=entry.kid, generation=entry.generation
    )


def _facts(entry: sa.Row[Any]) -> Register:
    return Register(
        ticket_id=entry.ticket_id,
        occasion_id=entry.occasion_id,
        state=TicketState(entry.state),
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
        late = {ticket_id: case for ticket_id, case in first.items() if ticket_id not in used}
        states = await register.states(tx, list(late))
        for ticket_id, case in late.items():
            # Somebody was faster: another gate, or whoever revoked the ticket.
            case.reason, case.uses_left = TOO_LATE[TicketState(states[ticket_id])], 0
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
