"""Deliveries and receipts: what was sent to whom, and how far it got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.delivery import RECEIPT_EVENTS, DeliveryEvent, DeliveryState, Profile, Try, TryOutcome
from app.store.bulk import columns_of, insert_many
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


async def queue(tx: Tx, deliveries: Sequence[NewDelivery], *, now: datetime) -> None:
    rows = [{**columns_of(one), "state": DeliveryState.QUEUED, "queued_at": now} for one in deliveries]
    await insert_many(tx, Delivery, rows)


async def delivery(tx: Tx, identity: UUID) -> sa.Row[Any] | None:
    return (await tx.execute("SELECT * FROM delivery WHERE id = :id", {"id": identity})).first()


@dataclass(frozen=True, slots=True)
class Fell:
    """A message that a channel took and then gave up: the next one is due."""

    delivery_id: UUID
    channel: str
    reason: str


@dataclass(frozen=True, slots=True)
class Names:
    """What a channel calls the message it took: every short message of it by its name on one line of the network."""

    channel: str
    line: str
    message_ids: tuple[str, ...]
    parts: int


async def sent(tx: Tx, identity: UUID, names: Names, *, now: datetime) -> Fell | None:
    """Record that the network took the message; receipts that overtook this record are applied at once."""
    for message_id in sorted(names.message_ids):
        await _alone_with(tx, names.line, message_id)
    first = names.message_ids[0]
    moved = await move_many(
        tx,
        Delivery,
        [identity],
        DeliveryEvent.ACCEPT,
        channel=names.channel,
        message_id=first,
        parts=names.parts,
        sent_at=now,
    )
    if not moved:
        return None
    seq = await tried(tx, identity, Try(names.channel, TryOutcome.ACCEPTED), message_id=first, now=now)
    # A network whose ids come round again means the newest message by one.
    await tx.execute(
        "INSERT INTO delivery_part (channel, message_id, delivery_id, try_seq)"
        " SELECT :line, unnest(CAST(:messages AS varchar[])), :id, :seq ON CONFLICT (channel, message_id)"
        " DO UPDATE SET delivery_id = excluded.delivery_id, try_seq = excluded.try_seq, told = NULL",
        {"line": names.line, "messages": list(names.message_ids), "id": identity, "seq": seq},
    )
    overtaking = await tx.execute(
        "SELECT message_id, state, at FROM receipt WHERE channel = :line AND message_id = ANY(:messages)"
        " ORDER BY received_at",
        {"line": names.line, "messages": list(names.message_ids)},
    )
    fell = None
    for row in overtaking.all():
        applied = await _apply(tx, names.line, row.message_id, row.state, at=row.at)
        fell = applied if isinstance(applied, Fell) else fell
    return fell


async def tried(tx: Tx, identity: UUID, one: Try, *, message_id: str | None = None, now: datetime) -> int:
    """Write down that a channel was asked, and how it answered; gives the number of the try."""
    found = await tx.execute(
        "INSERT INTO delivery_try (delivery_id, seq, channel, outcome, reason, message_id, at)"
        " SELECT :id, coalesce(max(seq), 0) + 1, :channel, :outcome, :reason, :message, :now"
        " FROM delivery_try WHERE delivery_id = :id RETURNING seq",
        {
            "id": identity,
            "channel": one.channel,
            "outcome": one.outcome.value,
            "reason": one.reason[:REASON_CHARS_MAX] or None,
            "message": message_id,
            "now": now,
        },
    )
    return int(found.scalar_one())


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


async def receive(tx: Tx, *, channel: str, message_id: str, state: str, at: datetime, now: datetime) -> bool | Fell:
    """Keep a receipt of this line and move its delivery forward.

    False when it is known, says nothing new or names no message of ours (yet); Fell when the message will not arrive.
    """
    await _alone_with(tx, channel, message_id)
    fresh = await tx.execute(
        "INSERT INTO receipt (channel, message_id, state, at, received_at)"
        " VALUES (:channel, :message, :state, :at, :now) ON CONFLICT DO NOTHING RETURNING message_id",
        {"channel": channel, "message": message_id, "state": state, "at": at, "now": now},
    )
    return False if fresh.first() is None else await _apply(tx, channel, message_id, state, at=at)


async def _alone_with(tx: Tx, line: str, message_id: str) -> None:
    """A receipt and the record of its message look for each other: at the same moment, each would miss the other."""
    await exclusively(tx, f"message:{line}:{message_id}")


async def _apply(tx: Tx, line: str, message_id: str, state: str, *, at: datetime) -> bool | Fell:
    """A part's last word. Its delivery arrives when all parts of one try did, and falls when any of its last will not.

    Parts of one delivery wait for each other at its row, so that the last one sees all.
    """
    event = RECEIPT_EVENTS.get(state)
    if event is None:
        return False
    found = await tx.execute(
        "SELECT delivery.id, delivery.channel FROM delivery"
        " JOIN delivery_part ON delivery_part.delivery_id = delivery.id"
        " WHERE delivery_part.channel = :line AND delivery_part.message_id = :message FOR UPDATE OF delivery",
        {"line": line, "message": message_id},
    )
    delivery = found.first()
    if delivery is None:
        return False
    told = await tx.execute(
        "UPDATE delivery_part SET told = :state WHERE channel = :line AND message_id = :message"
        " AND told IS NULL RETURNING try_seq",
        {"state": state, "line": line, "message": message_id},
    )
    seq = told.scalar_one_or_none()
    if seq is None:
        return False
    if event is DeliveryEvent.ARRIVE:
        whole = await _is_whole(tx, delivery.id, seq, state)
        return whole and bool(await move_many(tx, Delivery, [delivery.id], event, arrived_at=at, reason=None))
    if not await _is_under_way(tx, delivery.id, seq):
        return False
    return Fell(delivery.id, delivery.channel, f"the carrier says {state.lower()}")


async def _is_whole(tx: Tx, delivery_id: UUID, seq: int, state: str) -> bool:
    """Whether every part of one try has come to this end."""
    waiting = await tx.execute(
        "SELECT 1 FROM delivery_part WHERE delivery_id = :id AND try_seq = :seq"
        " AND told IS DISTINCT FROM :state LIMIT 1",
        {"id": delivery_id, "seq": seq, "state": state},
    )
    return waiting.first() is None


async def _is_under_way(tx: Tx, delivery_id: UUID, seq: int) -> bool:
    """Whether the delivery hangs on this try: a later one may be on its way already."""
    present = await tx.execute(
        "SELECT 1 FROM delivery WHERE id = :id AND state = 'sent'"
        " AND :seq = (SELECT max(try_seq) FROM delivery_part WHERE delivery_id = :id)",
        {"id": delivery_id, "seq": seq},
    )
    return present.first() is not None


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
