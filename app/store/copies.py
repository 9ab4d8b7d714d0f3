"""Copies of another server's register, kept so that every page which reads an entry reads one here.

The issuer's entry is the truth: a copy takes over its state, its version and what is left of it. That is the one place
where a state is written that no machine of ours has moved. A gate that is copied was never enrolled with us.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.gate import GateState
from app.ports import Entry
from app.store.database import Tx

COPY = """
    UPDATE credential SET state = w.state, version = w.version, uses_left = w.uses_left, balance = w.balance
    FROM unnest(CAST(:tickets AS uuid[]), CAST(:states AS varchar[]), CAST(:versions AS integer[]),
        CAST(:uses AS integer[]), CAST(:balances AS bigint[])) AS w(ticket_id, state, version, uses_left, balance)
    WHERE credential.ticket_id = w.ticket_id
        AND (credential.state, credential.version, credential.uses_left, credential.balance)
            IS DISTINCT FROM (w.state, w.version, w.uses_left, w.balance)
    RETURNING credential.version <> w.version AS counted
"""

GATES = """
    INSERT INTO gate (id, issuer_id, name, state, generation, occasions, created_at)
    SELECT w.id, w.issuer_id,
        -- A gate of our own time with this issuer, or one that has another name there now, may have that name already.
        CASE WHEN w.again > 1
                OR EXISTS (SELECT 1 FROM gate g WHERE g.issuer_id = w.issuer_id AND g.name = w.name AND g.id <> w.id)
            THEN left(w.name, 60) || ' ' || w.id ELSE w.name END,
        :state, 0, '[]', :now
    FROM (
        SELECT *, row_number() OVER (PARTITION BY issuer_id, name ORDER BY id) AS again
        FROM unnest(CAST(:gates AS uuid[]), CAST(:issuers AS uuid[]), CAST(:names AS varchar[]))
            AS n(id, issuer_id, name)
    ) w
    ON CONFLICT DO NOTHING
"""

TOLD = """
    FROM unnest(CAST(:tickets AS uuid[]), CAST(:uses AS integer[]), CAST(:issuers AS uuid[]), CAST(:gates AS uuid[]),
            CAST(:scans AS varchar[]), CAST(:people AS integer[]), CAST(:times AS timestamptz[]))
        AS w(ticket_id, use_no, issuer_id, gate_id, scan_id, person, at)
"""

UNDONE = f"""
    DELETE FROM admission a WHERE a.ticket_id = ANY(:of) AND NOT EXISTS (
        SELECT 1 {TOLD}
        WHERE (w.ticket_id, w.gate_id, w.scan_id, w.person) = (a.ticket_id, a.gate_id, a.scan_id, a.person)
            AND w.use_no IS NOT DISTINCT FROM a.use_no
    )
"""  # noqa: S608 - rows of this file
"""What was taken back at the issuer's gate is not told any more."""

ADMISSIONS = f"""
    INSERT INTO admission (ticket_id, use_no, issuer_id, gate_id, scan_id, person, at)
    SELECT w.ticket_id, w.use_no, g.issuer_id, g.id, w.scan_id, w.person, w.at {TOLD}
        -- An issuer's server speaks for the gates of that issuer: a scan at another's is not its to tell.
        JOIN gate g ON g.id = w.gate_id AND g.issuer_id = w.issuer_id
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
    told = {
        "tickets": [one.ticket_id for one in entries],
        "states": [one.state.value for one in entries],
        "versions": [one.version for one in entries],
        "uses": [one.uses_left for one in entries],
        "balances": [one.balance for one in entries],
    }
    if any((await tx.execute(COPY, told)).scalars()):
        # A register that was restored counts a version once more, of another change: our trigger counted one further.
        await tx.execute(COPY, told)
    await _take_admissions(tx, entries, now=now)


async def _take_admissions(tx: Tx, entries: Sequence[Entry], *, now: datetime) -> None:
    seen = [(one, each) for one in entries for each in one.admissions]
    people: Counter[tuple[UUID, str]] = Counter()
    persons = []
    for _, each in seen:
        people[each.gate_id, each.scan_id] += 1
        persons.append(people[each.gate_id, each.scan_id])
    told = {
        "tickets": [one.ticket_id for one, _ in seen],
        "issuers": [one.issuer_id for one, _ in seen],
        "uses": [each.use_no for _, each in seen],
        "gates": [each.gate_id for _, each in seen],
        "scans": [each.scan_id for _, each in seen],
        "people": persons,
        "times": [each.at for _, each in seen],
    }
    await tx.execute(UNDONE, {**told, "of": [one.ticket_id for one in entries]})
    gates = {each.gate_id: (one.issuer_id, each.gate) for one, each in seen}
    if gates:
        values = {"gates": list(gates), "issuers": [issuer for issuer, _ in gates.values()]}
        names = [name for _, name in gates.values()]
        await tx.execute(GATES, {**values, "names": names, "state": GateState.PENDING.value, "now": now})
        await tx.execute(ADMISSIONS, told)


async def revoked_there(tx: Tx, ticket_ids: Sequence[UUID]) -> list[sa.Row[Any]]:
    """Tickets that still count here though the issuer refuses them; not those just handed over or returned."""
    rows = await tx.execute(
        "SELECT t.id, t.issuer_id, t.booking_id, t.handset FROM ticket t JOIN credential c ON c.ticket_id = t.id"
        " WHERE t.id = ANY(:ids) AND t.state <> 'revoked' AND c.state = 'revoked' AND NOT EXISTS"
        " (SELECT 1 FROM handover h WHERE h.ticket_id = t.id AND h.state = 'asked') AND NOT EXISTS"
        " (SELECT 1 FROM refund r WHERE r.booking_id = t.booking_id AND t.id = ANY(r.ticket_ids) AND r.state = 'asked')"
        " ORDER BY t.id FOR UPDATE OF t",
        {"ids": list(ticket_ids)},
    )
    return list(rows)


SOLD = """
    SELECT t.id, t.issuer_id, t.state, c.version, c.state AS copied, EXISTS (
            SELECT 1 FROM outbox o WHERE o.key = CAST(t.id AS varchar) AND o.done_at IS NULL
                AND o.topic IN ('register', 'revoke', 'suspend')
        ) OR EXISTS (SELECT 1 FROM handover h WHERE h.ticket_id = t.id AND h.state = 'asked') AS owed
    FROM ticket t JOIN issuer i ON i.id = t.issuer_id LEFT JOIN credential c ON c.ticket_id = t.id
    WHERE i.served_by = :name AND (CAST(:after AS uuid) IS NULL OR t.id > :after) ORDER BY t.id LIMIT :most
"""


async def sold_for(tx: Tx, name: str, *, after: UUID | None, most: int) -> list[sa.Row[Any]]:
    """A page of the tickets we sold for the issuers of one server, by their ids, and whether news of them is owed."""
    return list(await tx.execute(SOLD, {"name": name, "after": after, "most": most}))
