"""What gates decided without asking, brought and merged: idempotent, in any order, and no clock decides.

An entry of the log is a fact: somebody was let in. So it is never refused for what the register would have said; what
was too much is counted and reported instead. Refused is only what no honest gate can have written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError

from app.domain import gate_log
from app.domain.admission import GREEN, Reason, colour, sentence
from app.domain.entry_rules import Role
from app.domain.gate import GateState
from app.domain.gate_log import BadEntry, Deed, Linked
from app.domain.refusals import NotAuthentic, TemporarilyUnavailable
from app.flows.gate.settle import New, settle
from app.flows.gate.tokens import ENROL_AGAIN, GateCaller
from app.metrics import GATE_ENTRIES, INCIDENTS
from app.store import gate_scans, incidents
from app.store.database import LOST_RACES, Tx
from app.store.tables.register import IncidentKind, ScanKind
from app.world import World

ENTRIES_MAX = 500
TRIES_MAX = 5
LOCK_NOT_AVAILABLE = "55P03"
BUSY = "Other gates are bringing scans of the same tickets. Bring these again in a moment: none of them was taken."
"""How often a batch begins anew because another transaction with the same tickets came first."""
AFTER_SHUT_OUT_MAX = 500
"""How many entries of a gate that was shut out are kept to be looked at: who stole it may write any number."""
CODE_BITS = 63

KINDS = {
    Deed.ENTER: ScanKind.ADMISSION,
    Deed.LEAVE: ScanKind.EXIT,
    Deed.REDEEM: ScanKind.REDEMPTION,
    Deed.OVERRIDE: ScanKind.OVERRIDE,
    Deed.UNDO: ScanKind.UNDO,
    Deed.CHECK: ScanKind.CHECK,
}
FORKED = (
    "This entry contradicts what this device's log told before. Nothing more of this log is taken: keep the device"
    " as it is, and ask staff to invite the gate again."
)
STOPPED = "This device's log was stopped by an entry that contradicts another. Ask staff to invite the gate again."
SHUT_OUT = "This was decided after the gate was shut out. Staff can see it; it uses no ticket."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that was not taken. `index` is its place among those sent; `reason` is for programs."""

    index: int
    seq: int | None
    reason: str
    words: str


@dataclass(frozen=True, slots=True)
class Brought:
    """How a batch was taken: up to which seq nothing is missing, how many were new, what was not taken, and why."""

    upto: int
    taken: int
    refused: Sequence[Refused]
    incidents: Sequence[sa.Row[Any]]


@dataclass(slots=True)
class _Batch:
    """One batch while it is being merged."""

    gate: sa.Row[Any]
    caller: GateCaller
    now: datetime
    fresh: list[tuple[int, Linked]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    reports: list[New] = field(default_factory=list)

    @property
    def generation(self) -> int:
        return self.caller.generation

    def refuse(self, index: int, linked: Linked, reason: str, words: str) -> None:
        self.refused.append(Refused(index, linked.entry.seq, reason, words))


async def bring(world: World, gate: GateCaller, told: Sequence[object]) -> Brought:
    """Take entries of a gate's log, also again and in any order; raises NotAllowed for an online scanner, NotAuthentic.

    One that cannot be read is refused by itself: it does not keep the others from being taken.
    """
    gate.require_bound()
    assert len(told) <= ENTRIES_MAX, "the schema has the same limit"
    linked: list[tuple[int, Linked]] = []
    malformed: list[Refused] = []
    for index, one in enumerate(told):
        try:
            linked.append((index, gate_log.read_linked(one)))
        except BadEntry as fault:
            seq = one.get("seq") if isinstance(one, Mapping) else None
            malformed.append(Refused(index, seq if type(seq) is int else None, "malformed", str(fault)))
    done, reports = await _again(world, gate, linked)
    GATE_ENTRIES.labels("taken").inc(done.taken)
    GATE_ENTRIES.labels("refused").inc(len(malformed) + len(done.refused))
    for one in reports:
        INCIDENTS.labels(one.kind.value).inc()
        log.warning("gate_incident", kind=one.kind.value, gate=str(one.gate_id), scan=one.scan_id)
    refused = sorted([*malformed, *done.refused], key=lambda one: one.index)
    return Brought(done.upto, done.taken, refused, done.incidents)


async def _again(world: World, gate: GateCaller, linked: Sequence[tuple[int, Linked]]) -> tuple[Brought, Sequence[New]]:
    """Merge in one transaction; where another one came first with the same tickets, once more, after it."""
    for left in reversed(range(TRIES_MAX)):
        try:
            async with world.transaction() as tx:
                return await _merge(tx, world, gate, linked)
        except DBAPIError as fault:
            state = getattr(fault.orig, "sqlstate", None)
            if state == LOCK_NOT_AVAILABLE:
                raise TemporarilyUnavailable(BUSY) from None
            if not left or state not in LOST_RACES:
                raise
    raise AssertionError("the last try returns or raises")


async def _merge(
    tx: Tx, world: World, gate: GateCaller, linked: Sequence[tuple[int, Linked]]
) -> tuple[Brought, Sequence[New]]:
    now = world.clock.now()
    row = await gate_scans.begin(tx, gate.gate_id, now=now)
    if row is None or row.generation < gate.generation:
        raise NotAuthentic(ENROL_AGAIN)
    batch = _Batch(row, gate, now)
    await _choose(tx, batch, linked)
    if batch.fresh:
        await _keep(tx, batch)
        await settle(tx, row, await _record(tx, batch), batch.reports, now=now)
    new = await _tell(tx, world, batch.reports)
    upto = await gate_scans.upto(tx, row, generation=batch.generation)
    names = {one.entry.scan_id for _, one in linked}
    found = await incidents.of_scans(tx, gate_id=row.id, scans=names)
    return Brought(upto, len(batch.fresh), batch.refused, found), new


async def _tell(tx: Tx, world: World, reports: Sequence[New]) -> list[New]:
    """Write incidents; those that nobody knew yet."""
    named = {world.entropy.uuid(): one for one in reports}
    new = await incidents.report(tx, [one.row(identity) for identity, one in named.items()])
    return [one for identity, one in named.items() if identity in new]


# --- which entries are taken ----------------------------------------------------------------------------------------


async def _choose(tx: Tx, batch: _Batch, linked: Sequence[tuple[int, Linked]]) -> None:
    """Sort out those that are here already, those that nobody honest wrote, and those that came too late."""
    if not linked:
        return
    gate_id, generation = batch.gate.id, batch.generation
    halted = await gate_scans.stopped(tx, gate_id=gate_id, generation=generation)
    here = await gate_scans.beside(
        tx, gate_id=gate_id, generation=generation, seqs={one.entry.seq for _, one in linked}
    )
    names = await gate_scans.named(tx, gate_id=gate_id, scans={one.entry.scan_id for _, one in linked})
    chain = _Chain(
        gate_log.beginning(gate_id=gate_id, generation=generation),
        {seq: Linked(gate_log.read(row.entry), row.digest) for seq, row in here.items()},
        {scan_id: seq if of == generation else 0 for scan_id, (of, seq) in names.items()},
    )
    late = _shut_at(batch)
    for index, one in sorted(linked, key=lambda pair: pair[1].entry.seq):
        if chain.knows(one):
            continue
        if halted:
            batch.refuse(index, one, "stopped", STOPPED)
        elif not chain.takes(one):
            halted = True
            batch.refuse(index, one, "forked", FORKED)
            batch.reports.append(_report(batch, one, IncidentKind.LOG_FORKED, {"generation": generation}))
        elif late is not None and one.entry.at > late:
            batch.refuse(index, one, "shut_out", SHUT_OUT)
            await _after_shut_out(tx, batch, one)
        else:
            chain.add(one)
            batch.fresh.append((index, one))


@dataclass(slots=True)
class _Chain:
    """What is here of a log around the entries that were sent, with those taken meanwhile."""

    beginning: bytes
    here: dict[int, Linked]
    scans: dict[str, int]
    """The seq of each scan's entry; 0 where it is an older device's."""

    def knows(self, one: Linked) -> bool:
        there = self.here.get(one.entry.seq)
        return there is not None and there.digest == one.digest and there.entry == one.entry

    def takes(self, one: Linked) -> bool:
        """Whether it fits to its neighbours, as far as they are here, and stands in nobody's place."""
        seq = one.entry.seq
        before = self.here.get(seq - 1)
        previous = self.beginning if seq == 1 else before.digest if before else None
        after = self.here.get(seq + 1)
        return (
            seq not in self.here
            and one.entry.scan_id not in self.scans
            and (previous is None or gate_log.follows(previous, one))
            and (after is None or gate_log.follows(one.digest, after))
        )

    def add(self, one: Linked) -> None:
        self.here[one.entry.seq] = one
        self.scans[one.entry.scan_id] = one.entry.seq


def _shut_at(batch: _Batch) -> datetime | None:
    """When this device was shut out; None while it is the gate's own."""
    gate = batch.gate
    if gate.generation == batch.generation and gate.state == GateState.ENROLLED:
        return None
    when: datetime = gate.turned_at or batch.now
    return when


async def _after_shut_out(tx: Tx, batch: _Batch, one: Linked) -> None:
    if not one.entry.done:
        return
    new = sum(report.kind is IncidentKind.AFTER_SHUT_OUT for report in batch.reports)
    before = await incidents.count(tx, gate_id=batch.gate.id, kind=IncidentKind.AFTER_SHUT_OUT)
    if before + new < AFTER_SHUT_OUT_MAX:
        details = {"generation": batch.generation, "intent": one.entry.intent.value, "code": _code(one)}
        batch.reports.append(_report(batch, one, IncidentKind.AFTER_SHUT_OUT, details))


def _report(
    batch: _Batch, one: Linked, kind: IncidentKind, details: Mapping[str, object], ticket_id: UUID | None = None
) -> New:
    """An incident of one entry."""
    entry, gate = one.entry, batch.gate
    told = {"gate": gate.name, "seq": entry.seq, "people": entry.count, **details}
    return New(kind, gate.issuer_id, gate.id, entry.scan_id, ticket_id, told, min(entry.at, batch.now))


def _code(one: Linked) -> str | None:
    """Whether a code was read, never which: an incident is read by more people than a ticket."""
    return None if one.entry.code is None else "read"


# --- what is written of them ----------------------------------------------------------------------------------------


async def _keep(tx: Tx, batch: _Batch) -> None:
    rows = [
        {
            "gate_id": batch.gate.id,
            "generation": batch.generation,
            "seq": one.entry.seq,
            "issuer_id": batch.gate.issuer_id,
            "scan_id": one.entry.scan_id,
            "entry": one.entry.told(),
            "digest": one.digest,
            "undoes": one.entry.undoes if one.entry.done else None,
            "received_at": batch.now,
        }
        for _, one in batch.fresh
    ]
    await gate_scans.keep(tx, rows)


async def _record(tx: Tx, batch: _Batch) -> set[UUID]:
    """Write the entries' scans, and take back what they undo; the tickets that are to be settled."""
    issuer_id, gate_id = batch.gate.issuer_id, batch.gate.id
    entries = [one.entry for _, one in batch.fresh]
    codes = {one.code for one in entries if one.code is not None and one.code < 1 << CODE_BITS}
    numbers = {one.number for one in entries if one.code is None and one.number is not None}
    by_code = await gate_scans.by_code(tx, issuer_id=issuer_id, codes=codes) if codes else {}
    by_number = await gate_scans.by_number(tx, issuer_id=issuer_id, numbers=numbers) if numbers else {}
    scans = []
    for _, one in batch.fresh:
        code, number = one.entry.code, one.entry.number
        found = by_code.get(code) if code is not None else by_number.get(number) if number is not None else None
        scans.append(_scan(batch, one, found))
    await gate_scans.record(tx, scans)
    undoes = {one.undoes for one in entries if one.undoes is not None and one.done}
    names = undoes | {one.scan_id for one in entries}
    await gate_scans.take_back(tx, gate_id=gate_id, issuer_id=issuer_id, scans=names, now=batch.now)
    await _report_late(tx, batch, names)
    return await gate_scans.tickets_of(tx, gate_id=gate_id, scans=names)


async def _report_late(tx: Tx, batch: _Batch, names: Collection[str]) -> None:
    """Tell of what was done long before it is brought, which counts, and of undos that come too late, which do not."""
    gate, limit = batch.gate, batch.now - timedelta(hours=gate_log.LATE_HOURS)
    old = [one for _, one in batch.fresh if one.entry.done and one.entry.intent is not Deed.UNDO]
    old = sorted((one for one in old if one.entry.at < limit), key=lambda one: one.entry.seq)
    if old:
        moments = [one.entry.at.isoformat() for one in old]
        details = {"entries": len(old), "first": min(moments), "last": max(moments)}
        batch.reports.append(_report(batch, old[0], IncidentKind.BROUGHT_LATE, details))
    for row in await gate_scans.late_undos(tx, gate_id=gate.id, scans=names):
        told = {"gate": gate.name, "undoes": row.undoes}
        at = min(row.at, batch.now)
        kind = IncidentKind.UNDONE_LATE
        batch.reports.append(New(kind, gate.issuer_id, gate.id, row.scan_id, row.ticket_id, told, at))


def _scan(batch: _Batch, one: Linked, found: sa.Row[Any] | None) -> dict[str, object]:
    """An entry as a scan; what it did with a ticket that is none of the gate's is an incident, and uses nothing."""
    entry = one.entry
    reason, done = entry.reason, entry.done
    may = _may(batch.caller, entry.intent)
    foreign = found is not None and not _serves(batch.gate, found) and entry.intent is not Deed.OVERRIDE
    if done and entry.intent is not Deed.UNDO and (not may or found is None or foreign):
        why = "not_allowed" if not may else "other_occasion" if foreign else "unknown"
        details = {"intent": entry.intent.value, "why": why, "by": entry.by}
        batch.reports.append(_report(batch, one, IncidentKind.UNKNOWN_ADMITTED, details))
        reason, done, found = Reason.WRONG_OCCASION if why == "other_occasion" else Reason.UNKNOWN, False, None
    if done and found is not None and found.state != "valid" and entry.intent in {Deed.ENTER, Deed.OVERRIDE}:
        details = {"state": found.state, "by": entry.by}
        batch.reports.append(_report(batch, one, IncidentKind.REVOKED_ADMITTED, details, found.ticket_id))
    return {
        "gate_id": batch.gate.id,
        "scan_id": entry.scan_id,
        "issuer_id": batch.gate.issuer_id,
        "kind": KINDS[entry.intent],
        "presented": one.digest,
        "ticket_id": None if found is None else found.ticket_id,
        "reason": reason,
        "answer": _answer(entry, reason, admit=done or (entry.intent is Deed.CHECK and reason in GREEN)),
        "at": min(entry.at, batch.now),
    }


def _may(gate: GateCaller, deed: Deed) -> bool:
    """Whether a gate of this role may do that at all: a steward's overrules nothing, online as in its log.

    Else a steward could use tickets up by their numbers alone, and learn from the incidents which numbers there are.
    """
    return deed is not Deed.OVERRIDE or gate.role is Role.SUPERVISOR


def _serves(gate: sa.Row[Any], found: sa.Row[Any]) -> bool:
    return not gate.occasions or str(found.occasion_id) in gate.occasions


def _answer(entry: gate_log.Entry, reason: Reason, *, admit: bool) -> dict[str, object]:
    """The gate's own verdict, in the shape of the register's."""
    return {
        "admit": admit,
        "reason": reason.value,
        "colour": colour(reason).value,
        "words": {language: sentence(reason, language) for language in ("ko", "en")},
        "at": entry.at.isoformat(),
        "face": entry.face.value if entry.face else None,
        "count": entry.count,
        "ticket": None,
        "used": None,
        "offline": True,
    }
