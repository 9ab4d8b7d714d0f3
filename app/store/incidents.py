"""What gates without network brought about, for staff to look at; and the scans that were refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.store.bulk import insert_many
from app.store.database import Tx
from app.store.tables import Incident
from app.store.tables.register import IncidentKind

MERGED = "('double_admission', 'overspent')"
"""Incidents that are so for as long as the whole of what was brought says so: an undo that comes later ends them."""


async def report(tx: Tx, incidents: Sequence[Mapping[str, object]]) -> set[UUID]:
    """Write incidents, each once for its scan; what stays so is told anew, with what is known by now.

    Returns the ids of those that are new.
    """
    rows = await insert_many(
        tx,
        Incident,
        incidents,
        on_conflict="ON CONFLICT (kind, gate_id, scan_id) DO UPDATE SET details = excluded.details"
        f" WHERE incident.kind IN {MERGED} RETURNING id",
    )
    return {row.id for row in rows} & {one["id"] for one in incidents}  # the others are there by ids of their own


async def end(tx: Tx, tickets: Collection[UUID], *, still: Collection[tuple[str, UUID, str]]) -> None:
    """Forget the merged incidents of these tickets that are none any more: those not in `still` (kind, gate, scan)."""
    kinds, gates, scans = zip(*still, strict=True) if still else ((), (), ())
    await tx.execute(
        f"DELETE FROM incident i WHERE i.ticket_id = ANY(:tickets) AND i.kind IN {MERGED}"  # noqa: S608 - a constant of this module
        " AND (i.kind, i.gate_id, i.scan_id) NOT IN (SELECT * FROM"
        " unnest(CAST(:kinds AS varchar[]), CAST(:gates AS uuid[]), CAST(:scans AS varchar[])))",
        {"tickets": list(tickets), "kinds": list(kinds), "gates": list(gates), "scans": list(scans)},
    )


async def count(tx: Tx, *, gate_id: UUID, kind: IncidentKind) -> int:
    found = await tx.execute(
        "SELECT count(*) FROM incident WHERE gate_id = :gate AND kind = :kind", {"gate": gate_id, "kind": kind.value}
    )
    number: int = found.scalar_one()
    return number


async def of_scans(tx: Tx, *, gate_id: UUID, scans: Collection[str]) -> list[sa.Row[Any]]:
    """Incidents of these scans of one gate."""
    rows = await tx.execute(
        "SELECT i.*, g.name AS gate_name FROM incident i JOIN gate g ON g.id = i.gate_id"
        " WHERE i.gate_id = :gate AND i.scan_id = ANY(CAST(:scans AS varchar[])) ORDER BY i.id",
        {"gate": gate_id, "scans": list(scans)},
    )
    return list(rows)


async def listing(
    tx: Tx, *, issuer_id: UUID | None, kind: str | None, after: UUID | None, limit: int
) -> list[sa.Row[Any]]:
    """Incidents of an issuer or of all, the latest first; `after` is the id of the last one the caller has."""
    rows = await tx.execute(
        "SELECT i.*, g.name AS gate_name FROM incident i JOIN gate g ON g.id = i.gate_id"
        " WHERE (CAST(:issuer AS uuid) IS NULL OR i.issuer_id = :issuer)"
        " AND (CAST(:kind AS varchar) IS NULL OR i.kind = :kind) AND (CAST(:after AS uuid) IS NULL OR i.id < :after)"
        " ORDER BY i.id DESC LIMIT :limit",
        {"issuer": issuer_id, "kind": kind, "after": after, "limit": limit},
    )
    return list(rows)


async def refused(
    tx: Tx, *, issuer_id: UUID, gate_id: UUID | None, before: tuple[datetime, UUID, str] | None, limit: int
) -> list[sa.Row[Any]]:
    """Scans of an issuer's gates that were refused, the latest first, from the place `before` on."""
    at, gate, scan = before or (None, None, None)
    rows = await tx.execute(
        "SELECT s.gate_id, g.name AS gate_name, s.scan_id, s.kind, s.reason, s.answer, s.ticket_id, s.at FROM scan s"
        " JOIN gate g ON g.id = s.gate_id WHERE s.issuer_id = :issuer AND NOT s.answer @> '{\"admit\": true}'"
        " AND s.kind <> 'check' AND (CAST(:of AS uuid) IS NULL OR s.gate_id = :of)"
        " AND (CAST(:at AS timestamptz) IS NULL"
        " OR (s.at, s.gate_id, s.scan_id) < (:at, CAST(:gate AS uuid), CAST(:scan AS varchar)))"
        " ORDER BY s.at DESC, s.gate_id DESC, s.scan_id DESC LIMIT :limit",
        {"issuer": issuer_id, "of": gate_id, "at": at, "gate": gate, "scan": scan, "limit": limit},
    )
    return list(rows)
