"""What gates do to the register: each change made once, to the very version it was decided on, with its records.

Everything works on many presentations at a time, and on none without a statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.store.bulk import columns_of, insert_many
from app.store.database import Tx
from app.store.tables import Incident

Name = tuple[UUID, str]
"""A scan's name: its gate and the gate's own id for it."""

KNOWN = """
    SELECT w.gate_id, w.scan_id, g.name, g.state, g.generation, g.issuer_id, g.occasions, g.role, g.direction,
        g.entrance, g.area, g.home, s.kind, s.presented, s.answer
    FROM unnest(CAST(:gates AS uuid[]), CAST(:scans AS varchar[])) AS w(gate_id, scan_id)
        JOIN gate g ON g.id = w.gate_id
        LEFT JOIN scan s ON s.gate_id = w.gate_id AND s.scan_id = w.scan_id
"""


async def known(tx: Tx, scans: Sequence[Name]) -> dict[Name, sa.Row[Any]]:
    """The gates of these scans, and what was answered to those that came before (`kind` is None where none was)."""
    gates, names = (list(column) for column in zip(*scans, strict=True))
    return {(row.gate_id, row.scan_id): row for row in await tx.execute(KNOWN, {"gates": gates, "scans": names})}


@dataclass(frozen=True, slots=True)
class Change:
    """An entry as it is to be, if it still is of `version`."""

    ticket_id: UUID
    version: int
    uses_left: int
    inside: int
    area: str
    balance: int | None
    activated_until: datetime | None
    last_used_at: datetime | None
    last_gate_id: UUID | None


@dataclass(frozen=True, slots=True)
class Admitted:
    """One person let in; `use_no` is None for one more than was bought."""

    gate_id: UUID
    scan_id: str
    person: int
    ticket_id: UUID
    use_no: int | None
    issuer_id: UUID


@dataclass(frozen=True, slots=True)
class Spent:
    """Value taken, in minor units, by the scan that `key` names; negative, and `reverses` says of which, given back."""

    issuer_id: UUID
    key: str
    ticket_id: UUID
    amount: int
    reverses: str | None


def spend_key(gate_id: UUID, scan_id: str) -> str:
    """What a redemption at a gate goes by among the spendings of its issuer."""
    return f"gate/{gate_id}/{scan_id}"


@dataclass(frozen=True, slots=True)
class Noted:
    """A presentation with its answer, `answer` and `before` in JSON.

    `needs` is the ticket whose change it was decided by: without that change it is not written.
    """

    gate_id: UUID
    scan_id: str
    issuer_id: UUID
    kind: str
    presented: bytes
    ticket_id: UUID | None
    reason: str
    answer: str
    before: str | None
    needs: UUID | None


CHANGE = """
    WITH changed AS (
        UPDATE credential c SET uses_left = w.uses_left, inside = w.inside, area = w.area, balance = w.balance,
            activated_until = w.activated_until, last_used_at = w.last_used_at, last_gate_id = w.last_gate_id
        FROM unnest(CAST(:ticket_id AS uuid[]), CAST(:version AS integer[]), CAST(:uses_left AS integer[]),
                CAST(:inside AS integer[]), CAST(:area AS varchar[]), CAST(:balance AS bigint[]),
                CAST(:activated_until AS timestamptz[]), CAST(:last_used_at AS timestamptz[]),
                CAST(:last_gate_id AS uuid[]))
            AS w(ticket_id, version, uses_left, inside, area, balance, activated_until, last_used_at, last_gate_id)
        WHERE c.ticket_id = w.ticket_id AND c.version = w.version
        RETURNING c.ticket_id
    ), let_in AS (
        INSERT INTO admission (gate_id, scan_id, person, ticket_id, use_no, issuer_id, at)
        SELECT a.gate_id, a.scan_id, a.person, a.ticket_id, a.use_no, a.issuer_id, :now
        FROM unnest(CAST(:a_gate_id AS uuid[]), CAST(:a_scan_id AS varchar[]), CAST(:a_person AS integer[]),
                CAST(:a_ticket_id AS uuid[]), CAST(:a_use_no AS integer[]), CAST(:a_issuer_id AS uuid[]))
            AS a(gate_id, scan_id, person, ticket_id, use_no, issuer_id) JOIN changed USING (ticket_id)
    ), spent AS (
        INSERT INTO spend (issuer_id, key, ticket_id, amount, reverses, at)
        SELECT s.issuer_id, s.key, s.ticket_id, s.amount, s.reverses, :now
        FROM unnest(CAST(:s_issuer_id AS uuid[]), CAST(:s_key AS varchar[]), CAST(:s_ticket_id AS uuid[]),
                CAST(:s_amount AS bigint[]), CAST(:s_reverses AS varchar[]))
            AS s(issuer_id, key, ticket_id, amount, reverses) JOIN changed USING (ticket_id)
    ), noted AS (
        INSERT INTO scan (gate_id, scan_id, issuer_id, kind, presented, ticket_id, reason, answer, before, at)
        SELECT n.gate_id, n.scan_id, n.issuer_id, n.kind, n.presented, n.ticket_id, n.reason, n.answer, n.before, :now
        FROM unnest(CAST(:n_gate_id AS uuid[]), CAST(:n_scan_id AS varchar[]), CAST(:n_issuer_id AS uuid[]),
                CAST(:n_kind AS varchar[]), CAST(:n_presented AS bytea[]), CAST(:n_ticket_id AS uuid[]),
                CAST(:n_reason AS varchar[]), CAST(:n_answer AS jsonb[]), CAST(:n_before AS jsonb[]),
                CAST(:n_needs AS uuid[]))
            AS n(gate_id, scan_id, issuer_id, kind, presented, ticket_id, reason, answer, before, needs)
        WHERE n.needs IS NULL OR n.needs IN (SELECT ticket_id FROM changed)
    )
    SELECT ticket_id FROM changed
"""


async def change(
    tx: Tx,
    changes: Sequence[Change],
    *,
    admitted: Sequence[Admitted],
    spent: Sequence[Spent],
    noted: Sequence[Noted],
    now: datetime,
) -> set[UUID]:
    """Make these changes, and write who was let in and what was spent by them, and what was answered; which were made.

    One statement does it, so that no answer is kept whose change was not made, nor a change without its answer. One is
    not made where the entry has changed since it was read: whoever decided decides anew. A ticket stands in one call
    once only. The same (gate, scan) twice breaks the primary key, and with it everything here.
    """
    if not changes and not noted:
        return set()
    ordered = sorted(changes, key=lambda one: one.ticket_id)  # two processes with the same tickets do not embrace
    values = _columns("", Change, ordered) | _columns("a_", Admitted, admitted)
    values |= _columns("s_", Spent, spent) | _columns("n_", Noted, noted)
    return set((await tx.execute(CHANGE, {**values, "now": now})).scalars())


def _columns(prefix: str, kind: Any, rows: Sequence[Any]) -> dict[str, object]:
    return {f"{prefix}{name}": [getattr(row, name) for row in rows] for name in kind.__slots__}


# --- undo -----------------------------------------------------------------------------------------------------------


async def undoable(tx: Tx, scans: Sequence[Name]) -> dict[Name, sa.Row[Any]]:
    """Scans that changed something and were not taken back: when, of which ticket, and what was there before."""
    if not scans:
        return {}
    gates, names = (list(column) for column in zip(*dict.fromkeys(scans), strict=True))
    rows = await tx.execute(
        "SELECT s.gate_id, s.scan_id, s.ticket_id, s.kind, s.at, s.before FROM scan s"
        " JOIN unnest(CAST(:gates AS uuid[]), CAST(:scans AS varchar[])) AS w(gate_id, scan_id)"
        " ON s.gate_id = w.gate_id AND s.scan_id = w.scan_id WHERE s.before IS NOT NULL AND s.undone_by IS NULL",
        {"gates": gates, "scans": names},
    )
    return {(row.gate_id, row.scan_id): row for row in rows}


TAKE_BACK = """
    WITH gone AS (
        SELECT * FROM unnest(CAST(:gates AS uuid[]), CAST(:scans AS varchar[]), CAST(:undoes AS varchar[]))
            AS w(gate_id, scan_id, undoes)
    ), let_out AS (
        DELETE FROM admission USING gone WHERE (admission.gate_id, admission.scan_id) = (gone.gate_id, gone.undoes)
    )
    UPDATE scan SET undone_by = gone.scan_id FROM gone WHERE (scan.gate_id, scan.scan_id) = (gone.gate_id, gone.undoes)
"""


async def take_back(tx: Tx, undone: Sequence[tuple[UUID, str, str]]) -> None:
    """Take back what (gate, scan, the scan it undoes) name: their admissions go, and who did it is noted."""
    if undone:
        gates, scans, undoes = (list(column) for column in zip(*undone, strict=True))
        await tx.execute(TAKE_BACK, {"gates": gates, "scans": scans, "undoes": undoes})


# --- incidents ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewIncident:
    """Something that staff should look at; `kind` is a value of IncidentKind."""

    id: UUID
    issuer_id: UUID
    kind: str
    gate_id: UUID
    scan_id: str
    ticket_id: UUID | None
    details: dict[str, object]
    at: datetime


async def report(tx: Tx, incidents: Sequence[NewIncident]) -> None:
    """Write incidents, each once for its scan."""
    rows = [columns_of(one) for one in incidents]
    await insert_many(tx, Incident, rows, on_conflict="ON CONFLICT (kind, gate_id, scan_id) DO NOTHING")


# --- looking --------------------------------------------------------------------------------------------------------


async def occupancy(tx: Tx, issuer_id: UUID, *, now: datetime) -> dict[str, int]:
    """How many people are inside, by area: the sum over the tickets that are not over yet, no counter of its own."""
    rows = await tx.execute(
        "SELECT area, sum(inside) AS people FROM credential"
        " WHERE issuer_id = :issuer AND inside > 0 AND coalesce(activated_until, valid_until) > :now"
        " GROUP BY area ORDER BY area",
        {"issuer": issuer_id, "now": now},
    )
    return {row.area: int(row.people) for row in rows}
