"""Deliveries and receipts: what was sent to whom, and how far it got."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.delivery import RECEIPT_EVENTS, DeliveryEvent, DeliveryState
from app.store.bulk import insert_many
from app.store.locks import exclusively
from app.store.moves import move_many
from app.store.tables import Delivery
from app.store.tables.messages import Purpose


@dataclass(frozen=True, slots=True)
class NewDelivery:
    id: UUID
    issuer_id: UUID
    purpose: Purpose
    handset: str
    booking_id: UUID | None = None
    ticket_id: UUID | None = None
    account_id: UUID | None = None


async def queue(tx: AsyncSession, deliveries: Sequence[NewDelivery], *, now: datetime) -> None:
    rows = [{**asdict(one), "state": DeliveryState.QUEUED, "queued_at": now} for one in deliveries]
    await insert_many(tx, Delivery, rows)


async def delivery(tx: AsyncSession, identity: UUID) -> sa.Row[Any] | None:
    return (await tx.execute(sa.text("SELECT * FROM delivery WHERE id = :id"), {"id": identity})).first()


async def sent(tx: AsyncSession, identity: UUID, *, channel: str, message_id: str, parts: int, now: datetime) -> None:
    """Record that the network took the message; a receipt that overtook this record is applied at once."""
    await _alone_with(tx, channel, message_id)
    await move_many(
        tx, Delivery, [identity], DeliveryEvent.ACCEPT, channel=channel, message_id=message_id, parts=parts, sent_at=now
    )
    rows = await tx.execute(
        sa.text(
            "SELECT state, at FROM receipt WHERE channel = :channel AND message_id = :message ORDER BY received_at"
        ),
        {"channel": channel, "message": message_id},
    )
    for row in rows.all():
        await _apply(tx, identity, row.state, at=row.at)


async def failed(tx: AsyncSession, identity: UUID, *, reason: str) -> None:
    await move_many(tx, Delivery, [identity], DeliveryEvent.FAIL, reason=reason[:500])


async def requeue(tx: AsyncSession, identity: UUID) -> None:
    """A failed delivery is to be sent once more, as if for the first time."""
    await move_many(tx, Delivery, [identity], DeliveryEvent.REQUEUE, reason=None, channel=None, message_id=None)


async def receive(tx: AsyncSession, *, channel: str, message_id: str, state: str, at: datetime, now: datetime) -> bool:
    """Keep a receipt and move its delivery forward; False when this one is known or names no message of ours (yet)."""
    await _alone_with(tx, channel, message_id)
    fresh = await tx.execute(
        sa.text(
            "INSERT INTO receipt (channel, message_id, state, at, received_at)"
            " VALUES (:channel, :message, :state, :at, :now) ON CONFLICT DO NOTHING RETURNING message_id"
        ),
        {"channel": channel, "message": message_id, "state": state, "at": at, "now": now},
    )
    if fresh.first() is None:
        return False
    found = await tx.execute(
        sa.text("SELECT id FROM delivery WHERE channel = :channel AND message_id = :message"),
        {"channel": channel, "message": message_id},
    )
    identity = found.scalar_one_or_none()
    return identity is not None and await _apply(tx, identity, state, at=at)


async def _alone_with(tx: AsyncSession, channel: str, message_id: str) -> None:
    """A receipt and the record of its message look for each other: at the same moment, each would miss the other."""
    await exclusively(tx, f"message:{channel}:{message_id}")


async def _apply(tx: AsyncSession, identity: UUID, state: str, *, at: datetime) -> bool:
    event = RECEIPT_EVENTS.get(state)
    if event is DeliveryEvent.ARRIVE:
        return bool(await move_many(tx, Delivery, [identity], event, arrived_at=at))
    if event is DeliveryEvent.FAIL:
        return bool(await move_many(tx, Delivery, [identity], event, reason=f"the carrier says {state.lower()}"))
    return False


async def of_booking(tx: AsyncSession, booking_id: UUID) -> list[sa.Row[Any]]:
    rows = await tx.execute(
        sa.text("SELECT * FROM delivery WHERE booking_id = :id ORDER BY queued_at, id"), {"id": booking_id}
    )
    return list(rows)


async def recent(
    tx: AsyncSession, *, issuer_id: UUID | None, state: str | None, after: UUID | None, limit: int
) -> list[sa.Row[Any]]:
    """Deliveries for staff, latest first."""
    rows = await tx.execute(
        sa.text(
            "SELECT * FROM delivery WHERE (CAST(:issuer AS uuid) IS NULL OR issuer_id = :issuer)"
            " AND (CAST(:state AS varchar) IS NULL OR state = :state)"
            " AND (CAST(:after AS uuid) IS NULL OR id < :after) ORDER BY id DESC LIMIT :limit"
        ),
        {"issuer": issuer_id, "state": state, "after": after, "limit": limit},
    )
    return list(rows)


async def resends_since(tx: AsyncSession, ticket_id: UUID, *, since: datetime) -> int:
    """How often the ticket was sent again; who else asks for it waits until this transaction ends."""
    await exclusively(tx, f"resend:{ticket_id}")
    found = await tx.execute(
        sa.text("SELECT count(*) FROM delivery WHERE ticket_id = :id AND purpose = 'resend' AND queued_at > :since"),
        {"id": ticket_id, "since": since},
    )
    return int(found.scalar_one())
