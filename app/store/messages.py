"""Deliveries: what is to be sent to whom, what was tried, and how far it got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.delivery import DeliveryEvent, DeliveryState, Profile, Try
from app.store.bulk import Rows, columns_of, insert_many
from app.store.database import Tx
from app.store.locks import exclusively
from app.store.moves import move_many
from app.store.tables import Delivery
from app.store.tables.messages import Purpose

REASON_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to owe. A reply says what in `reply`, and alone may have no issuer."""

    id: UUID
    issuer_id: UUID | None
    purpose: Purpose
    handset: str
    booking_id: UUID | None = None
    ticket_id: UUID | None = None
    account_id: UUID | None = None
    sign_in_id: UUID | None = None
    offer_id: UUID | None = None
    reply: Mapping[str, Any] | None = None


def queued(deliveries: Sequence[NewDelivery], *, now: datetime) -> tuple[type[Delivery], Rows]:
    """Deliveries as rows: they are written with what is owed for them, see `outbox.put`."""
    return Delivery, [{**columns_of(one), "state": DeliveryState.QUEUED, "queued_at": now} for one in deliveries]


async def queue(tx: Tx, deliveries: Sequence[NewDelivery], *, now: datetime) -> None:
    """Write deliveries where what is owed for them is written apart."""
    await insert_many(tx, *queued(deliveries, now=now))


async def delivery(tx: Tx, identity: UUID) -> sa.Row[Any] | None:
    return (await tx.execute("SELECT * FROM delivery WHERE id = :id", {"id": identity})).first()


TO_SEND = """
    SELECT d.*, p.profile AS wanted, (
            SELECT coalesce(jsonb_agg(jsonb_build_array(t.seq, t.channel, t.outcome, t.reason) ORDER BY t.seq), '[]')
            FROM delivery_try t WHERE t.delivery_id = d.id
        ) AS tries
    FROM delivery d LEFT JOIN handset_profile p ON p.handset = d.handset WHERE d.id = ANY(:ids)
"""


async def to_send(tx: Tx, identities: Sequence[UUID]) -> list[sa.Row[Any] | None]:
    """Deliveries with what their handsets take (`wanted`) and what was tried: (seq, channel, outcome, reason) each."""
    rows = await tx.execute(TO_SEND, {"ids": list(identities)})
    found = {row.id: row for row in rows}
    return [found.get(identity) for identity in identities]


async def tried(tx: Tx, identity: UUID, one: Try, *, now: datetime) -> int:
    """Write down that a channel was asked, and how it answered; gives the number of the try."""
    return (await tried_each(tx, [(identity, one, None)], now=now))[identity]


async def tried_each(tx: Tx, tries: Sequence[tuple[UUID, Try, str | None]], *, now: datetime) -> dict[UUID, int]:
    """The same for one try each of several deliveries, with the message's name where it was taken."""
    found = await tx.execute(
        "INSERT INTO delivery_try (delivery_id, seq, channel, outcome, reason, message_id, at)"
        " SELECT w.id, 1 + coalesce((SELECT max(t.seq) FROM delivery_try t WHERE t.delivery_id = w.id), 0),"
        " w.channel, w.outcome, w.reason, w.message, CAST(:now AS timestamptz)"
        " FROM unnest(CAST(:ids AS uuid[]), CAST(:channels AS varchar[]), CAST(:outcomes AS varchar[]),"
        " CAST(:reasons AS varchar[]), CAST(:messages AS varchar[])) AS w(id, channel, outcome, reason, message)"
        " RETURNING delivery_id, seq",
        {
            "ids": [identity for identity, _, _ in tries],
            "channels": [one.channel for _, one, _ in tries],
            "outcomes": [one.outcome.value for _, one, _ in tries],
            "reasons": [one.reason[:REASON_CHARS_MAX] or None for _, one, _ in tries],
            "messages": [message for _, _, message in tries],
            "now": now,
        },
    )
    return {row.delivery_id: row.seq for row in found}


async def tries(tx: Tx, identities: Sequence[UUID]) -> list[sa.Row[Any]]:
    """What was tried for these deliveries, each in its order."""
    rows = await tx.execute(
        "SELECT * FROM delivery_try WHERE delivery_id = ANY(:ids) ORDER BY delivery_id, seq",
        {"ids": list(identities)},
    )
    return list(rows)


async def failed(tx: Tx, identity: UUID, *, reason: str) -> None:
    await move_many(tx, Delivery, [identity], DeliveryEvent.FAIL, reason=reason[:REASON_CHARS_MAX])


async def fall(tx: Tx, identity: UUID) -> None:
    """Back into the queue, for the next channel."""
    await move_many(tx, Delivery, [identity], DeliveryEvent.FALL, channel=None, message_id=None, parts=None)


async def requeue(tx: Tx, identity: UUID) -> None:
    """A failed delivery is to be sent once more, as if for the first time."""
    await move_many(tx, Delivery, [identity], DeliveryEvent.REQUEUE, reason=None, channel=None, message_id=None)
    await tx.execute(
        "UPDATE delivery SET tried ="
        " (SELECT coalesce(max(seq), 0) FROM delivery_try WHERE delivery_id = :id) WHERE id = :id",
        {"id": identity},
    )


# --- how a handset wants its messages -------------------------------------------------------------------------------


async def profile(tx: Tx, handset: str) -> Profile:
    """What the handset takes, as far as we were told."""
    found = await tx.execute("SELECT profile FROM handset_profile WHERE handset = :handset", {"handset": handset})
    return Profile(found.scalar_one_or_none() or Profile.SMS)


async def set_profile(tx: Tx, handset: str, wanted: Profile, *, source: str, now: datetime) -> None:
    """The latest word counts, whoever says it."""
    await tx.execute(
        "INSERT INTO handset_profile (handset, profile, source, updated_at)"
        " VALUES (:handset, :profile, :source, :now) ON CONFLICT (handset)"
        " DO UPDATE SET profile = excluded.profile, source = excluded.source, updated_at = excluded.updated_at",
        {"handset": handset, "profile": wanted.value, "source": source, "now": now},
    )


async def of_booking(tx: Tx, booking_id: UUID) -> list[sa.Row[Any]]:
    rows = await tx.execute("SELECT * FROM delivery WHERE booking_id = :id ORDER BY queued_at, id", {"id": booking_id})
    return list(rows)


async def recent(
    tx: Tx, *, issuer_id: UUID | None, state: str | None, after: UUID | None, limit: int
) -> list[sa.Row[Any]]:
    """Deliveries for staff, latest first."""
    rows = await tx.execute(
        "SELECT * FROM delivery WHERE (CAST(:issuer AS uuid) IS NULL OR issuer_id = :issuer)"
        " AND (CAST(:state AS varchar) IS NULL OR state = :state)"
        " AND (CAST(:after AS uuid) IS NULL OR id < :after) ORDER BY id DESC LIMIT :limit",
        {"issuer": issuer_id, "state": state, "after": after, "limit": limit},
    )
    return list(rows)


async def resends_since(tx: Tx, ticket_id: UUID, *, since: datetime) -> int:
    """How often the ticket was sent again; who else asks for it waits until this transaction ends."""
    await exclusively(tx, f"resend:{ticket_id}")
    found = await tx.execute(
        "SELECT count(*) FROM delivery WHERE ticket_id = :id AND purpose = 'resend' AND queued_at > :since",
        {"id": ticket_id, "since": since},
    )
    return int(found.scalar_one())
