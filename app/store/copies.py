"""Copies of another server's register, kept so that every page which reads an entry reads one here.

The issuer's entry is the truth: a copy takes over its state, its version and what is left of it. That is the one place
where a state is written that no machine of ours has moved. A gate that is copied was never enrolled with us.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.gate import GateState
from app.ports import Entry
from app.store.bulk import insert_many
from app.store.database import Tx
from app.store.tables import Admission

COPY = """
    UPDATE credential SET state = w.state, version = w.version, uses_left = w.uses_left, balance = w.balance
    FROM unnest(CAST(:tickets AS uuid[]), CAST(:states AS varchar[]), CAST(:versions AS integer[]),
        CAST(:uses AS integer[]), CAST(:balances AS bigint[])) AS w(ticket_id, state, version, uses_left, balance)
    WHERE credential.ticket_id = w.ticket_id
        AND (credential.state, credential.version, credential.uses_left, credential.balance)
            IS DISTINCT FROM (w.state, w.version, w.uses_left, w.balance)
"""

GATES = """
    INSERT INTO gate (id, issuer_id, name, state, generation, occasions, created_at)
    SELECT w.id, w.issuer_id,
        -- A gate of our own time with this issuer may have that name already.
        CASE WHEN EXISTS (SELECT 1 FROM gate g WHERE g.issuer_id = w.issuer_id AND g.name = w.name AND g.id <> w.id)
            THEN left(w.name, 90) || ' ' || left(CAST(w.id AS text), 8) ELSE w.name END,
        :state, 0, '[]', :now
    FROM unnest(CAST(:gates AS uuid[]), CAST(:issuers AS uuid[]), CAST(:names AS varchar[])) AS w(id, issuer_id, name)
    ON CONFLICT DO NOTHING
"""


async def missing(tx: Tx, ticket_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these tickets of which there is no copy."""
    found = await tx.execute(
        "SELECT w.id FROM unnest(CAST(:ids AS uuid[])) AS w(id)"
        " WHERE NOT EXISTS (SELECT 1 FROM credential c WHERE c.ticket_id = w.id)",
        {"ids": list(ticket_ids)},
    )
    return set(found.scalars())


async def ours(tx: Tx, ticket_ids: Sequence[UUID], *, name: str) -> dict[UUID, UUID]:
    """The issuers of those tickets that we sold for the server `name`: it may speak of no others."""
    found = await tx.execute(
        "SELECT t.id, t.issuer_id FROM ticket t JOIN issuer i ON i.id = t.issuer_id"
        " WHERE t.id = ANY(:ids) AND i.served_by = :name",
        {"ids": list(ticket_ids), "name": name},
    )
    return {row.id: row.issuer_id for row in found}


async def take_over(tx: Tx, entries: Sequence[Entry], *, now: datetime) -> None:
    """Make the copies of these entries what the issuer's register says, their admissions included."""
    if not entries:
        return
    await tx.execute(
        COPY,
        {
            "tickets": [one.ticket_id for one in entries],
            "states": [one.state.value for one in entries],
            "versions": [one.version for one in entries],
            "uses": [one.uses_left for one in entries],
            "balances": [one.balance for one in entries],
        },
    )
    gates = {seen.gate_id: (one.issuer_id, seen.gate) for one in entries for seen in one.admissions}
    if not gates:
        return
    values = {"gates": list(gates), "issuers": [issuer for issuer, _ in gates.values()]}
    names = [name for _, name in gates.values()]
    await tx.execute(GATES, {**values, "names": names, "state": GateState.PENDING.value, "now": now})
    rows = [
        {
            "ticket_id": one.ticket_id,
            "use_no": seen.use_no,
            "issuer_id": one.issuer_id,
            "gate_id": seen.gate_id,
            "scan_id": seen.scan_id,
            "at": seen.at,
        }
        for one in entries
        for seen in one.admissions
    ]
    await insert_many(tx, Admission, rows, on_conflict="ON CONFLICT DO NOTHING")


async def revoked_there(tx: Tx, ticket_ids: Sequence[UUID]) -> list[sa.Row[Any]]:
    """Tickets that still count here though the issuer refuses them; not those that a refund is just taking back."""
    rows = await tx.execute(
        "SELECT t.id, t.issuer_id, t.booking_id, t.handset FROM ticket t JOIN credential c ON c.ticket_id = t.id"
        " WHERE t.id = ANY(:ids) AND t.state <> 'revoked' AND c.state = 'revoked' AND NOT EXISTS"
        " (SELECT 1 FROM refund r WHERE r.booking_id = t.booking_id AND t.id = ANY(r.ticket_ids) AND r.state = 'asked')"
        " ORDER BY t.id FOR UPDATE OF t",
        {"ids": list(ticket_ids)},
    )
    return list(rows)


SOLD = """
    SELECT t.id, t.issuer_id, t.state, c.version, c.state AS copied, EXISTS (
            SELECT 1 FROM outbox o WHERE o.key = CAST(t.id AS varchar) AND o.done_at IS NULL
                AND o.topic IN ('register', 'revoke', 'suspend')
        ) AS owed
    FROM ticket t JOIN issuer i ON i.id = t.issuer_id LEFT JOIN credential c ON c.ticket_id = t.id
    WHERE i.served_by = :name AND (CAST(:after AS uuid) IS NULL OR t.id > :after) ORDER BY t.id LIMIT :most
"""


async def sold_for(tx: Tx, name: str, *, after: UUID | None, most: int) -> list[sa.Row[Any]]:
    """A page of the tickets we sold for the issuers of one server, by their ids, and whether news of them is owed."""
    return list(await tx.execute(SOLD, {"name": name, "after": after, "most": most}))
