"""Disputes: payments that a bank has taken back, or may."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.dispute import DisputeState
from app.store.bulk import columns_of, insert_many
from app.store.database import Tx
from app.store.tables import Dispute


@dataclass(frozen=True, slots=True)
class NewDispute:
    """A dispute to write, once by the name that its network gives it."""

    id: UUID
    issuer_id: UUID
    booking_id: UUID
    payment_id: UUID
    provider: str
    reference: str
    amount: int
    currency: str
    reason: str
    due_by: datetime | None


async def disputed_payment(tx: Tx, *, provider: str, reference: str) -> sa.Row[Any] | None:
    """The payment that a network calls so."""
    found = await tx.execute(
        "SELECT id, issuer_id, booking_id FROM payment WHERE reference = :reference AND provider = :provider",
        {"reference": reference, "provider": provider},
    )
    return found.first()


DISPUTE = """
    SELECT d.*, i.slug AS issuer_slug FROM dispute d JOIN issuer i ON i.id = d.issuer_id
"""


async def opened(tx: Tx, one: NewDispute, *, now: datetime) -> sa.Row[Any]:
    """The dispute of this name, written where it is new, and locked: whoever hears of it as well waits."""
    row = columns_of(one) | {
        "state": DisputeState.OPEN,
        "withdrawn": False,
        "created_at": now,
        "updated_at": now,
    }
    await insert_many(tx, Dispute, [row], on_conflict="ON CONFLICT (provider, reference) DO NOTHING")
    found = await tx.execute(
        f"{DISPUTE} WHERE d.provider = :provider AND d.reference = :reference FOR UPDATE OF d",
        {"provider": one.provider, "reference": one.reference},
    )
    return found.one()


async def dispute(tx: Tx, identity: UUID) -> sa.Row[Any] | None:
    return (await tx.execute(f"{DISPUTE} WHERE d.id = :id", {"id": identity})).first()


async def recent(
    tx: Tx, *, issuer_id: UUID | None, state: str | None, after: UUID | None, limit: int
) -> list[sa.Row[Any]]:
    """Disputes for staff, latest first."""
    rows = await tx.execute(
        f"{DISPUTE} WHERE (CAST(:issuer AS uuid) IS NULL OR d.issuer_id = :issuer)"
        " AND (CAST(:state AS varchar) IS NULL OR d.state = :state)"
        " AND (CAST(:after AS uuid) IS NULL OR d.id < :after) ORDER BY d.id DESC LIMIT :limit",
        {"issuer": issuer_id, "state": state, "after": after, "limit": limit},
    )
    return list(rows)


async def set_withdrawn(tx: Tx, identity: UUID, *, withdrawn: bool, now: datetime) -> None:
    """Whether the bank has the money."""
    await tx.execute(
        "UPDATE dispute SET withdrawn = :withdrawn, updated_at = :now WHERE id = :id",
        {"id": identity, "withdrawn": withdrawn, "now": now},
    )


async def keep_evidence(tx: Tx, identity: UUID, evidence: Mapping[str, object], *, now: datetime) -> None:
    """What was handed in to the bank."""
    await tx.execute(
        "UPDATE dispute SET evidence = CAST(:evidence AS jsonb), updated_at = :now WHERE id = :id",
        {"id": identity, "evidence": json.dumps(evidence, ensure_ascii=False), "now": now},
    )


async def is_held(tx: Tx, booking_id: UUID) -> bool:
    """Whether a bank has money of this booking and has not decided."""
    found = await tx.execute(
        "SELECT 1 FROM dispute WHERE booking_id = :id AND withdrawn AND state IN ('open', 'under_review') LIMIT 1",
        {"id": booking_id},
    )
    return found.first() is not None


async def living_tickets(tx: Tx, booking_id: UUID) -> Sequence[sa.Row[Any]]:
    """A booking's tickets that are not revoked, and whether anything is left to use of them."""
    rows = await tx.execute(
        """
            SELECT t.id, t.issuer_id, t.booking_id, t.number, t.state, t.handset, t.place_id, b.currency,
                coalesce(c.uses_left > 0 AND coalesce(c.balance, 1) > 0, true) AS left_to_use,
                coalesce(c.balance, t.balance) AS balance_left
            FROM ticket t JOIN booking b ON b.id = t.booking_id LEFT JOIN credential c ON c.ticket_id = t.id
            WHERE t.booking_id = :id AND t.state <> 'revoked' ORDER BY t.id
        """,
        {"id": booking_id},
    )
    return list(rows)
