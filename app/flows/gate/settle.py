"""Tickets made what all that was done with them says. The rules are in app.domain.gate_merge; these are the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import Reason
from app.domain.gate_log import Deed
from app.domain.gate_merge import Brought, Last, Name, Person, Settled, Standing
from app.domain.gate_merge import settle as merged
from app.store import gate_scans, incidents
from app.store.database import Tx
from app.store.gate_scans import Facts
from app.store.register_gate import spend_key
from app.store.tables.register import IncidentKind

TOLD_MAX = 100
"""How many people of one ticket an incident lists: the last ones, in the order of the merge."""


@dataclass(frozen=True, slots=True)
class New:
    """An incident that is to be written."""

    kind: IncidentKind
    issuer_id: UUID
    gate_id: UUID
    scan_id: str
    ticket_id: UUID | None
    details: Mapping[str, object]
    at: datetime

    def row(self, identity: UUID) -> dict[str, object]:
        return {
            "id": identity,
            "issuer_id": self.issuer_id,
            "kind": self.kind,
            "gate_id": self.gate_id,
            "scan_id": self.scan_id,
            "ticket_id": self.ticket_id,
            "details": self.details,
            "at": self.at,
        }


@dataclass(slots=True)
class _Ticket:
    """One ticket with all its facts."""

    entry: sa.Row[Any]
    asked: sa.Row[Any] | None
    brought: Sequence[Brought]
    people: Sequence[sa.Row[Any]]
    taken: Mapping[str, int]
    """What redemptions of the logs have taken by now, by the key of the spending."""
    gates: Mapping[UUID, str]
    """What its gates are called."""

    def standing(self) -> Standing:
        entry, asked = self.entry, self.asked
        taken = sum(self.taken.values())
        last = None
        if asked is not None and asked.last_at is not None:
            last = Last(asked.last_at, asked.last_gate_id, asked.last_area)
        elif entry.before_at is not None:
            last = Last(entry.before_at, entry.before_gate_id, entry.before_area)
        return Standing(
            uses=entry.uses,
            valid_until=entry.valid_until,
            asked=[_person(row) for row in self.people if row.knew is None],
            net=asked.net if asked is not None else 0,
            carried=entry.carried,
            handed=entry.handed,
            balance=None if entry.balance is None else entry.balance + taken,
            window_minutes=entry.window_minutes,
            activated_until=entry.activated_until,
            first_at=asked.first_at if asked is not None else None,
            last=last,
            closed=entry.state == "revoked",
            held=sum(row.knew is not None and row.use_no is not None for row in self.people),
            taken=taken,
        )


async def settle(
    tx: Tx, gate: sa.Row[Any], tickets: set[UUID], reports: MutableSequence[New], *, now: datetime
) -> None:
    """Merge what is known of `tickets`, write what that changes, and add the incidents to `reports`."""
    if not tickets:
        return
    found = _gathered(await gate_scans.facts(tx, tickets))
    settled = {ticket_id: merged(one.standing(), one.brought) for ticket_id, one in found.items()}
    await _write(tx, gate.issuer_id, found, settled, now=now)
    still = [new for ticket_id, one in found.items() for new in _incidents(gate, one, settled[ticket_id])]
    await incidents.end(tx, tickets, still={(new.kind.value, new.gate_id, new.scan_id) for new in still})
    reports.extend(still)


def _gathered(facts: Facts) -> dict[UUID, _Ticket]:
    brought, people, taken = (_by_ticket(rows) for rows in (facts.brought, facts.people, facts.taken))
    return {
        row.ticket_id: _Ticket(
            entry=row,
            asked=facts.asked.get(row.ticket_id),
            brought=[_brought(one) for one in brought[row.ticket_id]],
            people=people[row.ticket_id],
            taken={one.key: one.amount for one in taken[row.ticket_id]},
            gates={one.gate_id: one.gate for one in (*brought[row.ticket_id], *people[row.ticket_id])},
        )
        for row in facts.entries
    }


def _by_ticket(rows: Sequence[sa.Row[Any]]) -> dict[UUID, list[sa.Row[Any]]]:
    found: dict[UUID, list[sa.Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.ticket_id].append(row)
    return found


def _brought(row: sa.Row[Any]) -> Brought:
    entry = row.entry
    return Brought(
        gate_id=row.gate_id,
        scan_id=row.scan_id,
        generation=row.generation,
        seq=row.seq,
        knew=entry["knew"],
        intent=Deed(entry["intent"]),
        at=row.at,
        again=entry["reason"] == Reason.REENTERED,
        count=entry["count"],
        amount=entry["amount"],
        area=row.area,
    )


def _person(row: sa.Row[Any]) -> Person:
    return Person(row.gate_id, row.scan_id, row.person, row.at, row.use_no, row.knew)


async def _write(
    tx: Tx, issuer_id: UUID, found: Mapping[UUID, _Ticket], settled: Mapping[UUID, Settled], *, now: datetime
) -> None:
    """Entries, people and spendings as they are to be; what is so already stays untouched.

    People who lose a use go before the entry has more left, and who gets one comes after it has fewer.
    """
    gone: list[sa.Row[Any]] = []
    come: list[tuple[UUID, Person]] = []
    taken: dict[str, tuple[UUID, int]] = {}
    none: list[str] = []
    for ticket_id, one in found.items():
        wanted = settled[ticket_id]
        there = {_person(row): row for row in one.people}
        gone += [row for person, row in there.items() if person not in wanted.people]
        come += [(ticket_id, person) for person in wanted.people if person not in there]
        keys = {spend_key(*name): amount for name, amount in wanted.taken.items()}
        taken |= {key: (ticket_id, amount) for key, amount in keys.items() if one.taken.get(key) != amount}
        none += [key for key in one.taken if key not in keys]
    await gate_scans.write_entries(tx, settled)
    await gate_scans.write_people(tx, gone=gone, come=come, issuer_id=issuer_id)
    await gate_scans.write_taken(tx, issuer_id=issuer_id, taken=taken, none=none, now=now)


# --- what was too much ----------------------------------------------------------------------------------------------


def _incidents(gate: sa.Row[Any], ticket: _Ticket, settled: Settled) -> list[New]:
    """What of this ticket was given away that was not there, each with the scan that came last in the order."""
    found: list[New] = []
    by_name: dict[Name, Brought] = {one.name: one for one in ticket.brought}
    people = _people_told(ticket, settled)
    for name, count in settled.beyond.items():
        details = {"gate": ticket.gates[name[0]], "beyond": count, "uses": ticket.entry.uses, "admissions": people}
        found.append(_new(IncidentKind.DOUBLE_ADMISSION, gate, ticket, by_name[name], details))
    for name, amount in settled.short.items():
        asked = by_name[name].amount
        details = {"gate": ticket.gates[name[0]], "asked": asked, "taken": asked - amount, "missing": amount}
        found.append(_new(IncidentKind.OVERSPENT, gate, ticket, by_name[name], details))
    return found


def _new(kind: IncidentKind, gate: sa.Row[Any], ticket: _Ticket, one: Brought, details: Mapping[str, object]) -> New:
    return New(kind, gate.issuer_id, one.gate_id, one.scan_id, ticket.entry.ticket_id, details, one.at)


def _people_told(ticket: _Ticket, settled: Settled) -> list[dict[str, object]]:
    """Everybody whom the ticket let in, in the order of the merge; whose use is null came beyond it."""
    return [
        {
            "gate": ticket.gates[one.gate_id],
            "gate_id": str(one.gate_id),
            "scan": one.scan_id,
            "at": one.at.isoformat(),
            "use": one.use_no,
            "asked": one.knew is None,
        }
        for one in settled.people[-TOLD_MAX:]
    ]
