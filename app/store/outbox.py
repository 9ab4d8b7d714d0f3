"""Consequences still owed: written with their fact, claimed by lease, done once, retried, or parked with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel

from app.store.bulk import Rows, insert_many
from app.store.database import Tx
from app.store.tables import Outbox
from app.store.topics import Topic

LEASE_SECONDS = 30
ERROR_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Owed:
    """One consequence to write: `key` names it, so that the same one is owed once.

    What a handset wrote, and the reply to it, may belong to no issuer.
    """

    id: UUID
    issuer_id: UUID | None
    topic: Topic
    key: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claimed:
    """One consequence somebody has leased: nobody else carries it out until the lease runs out."""

    id: UUID
    issuer_id: UUID | None
    topic: Topic
    key: str
    payload: Mapping[str, Any]
    attempts: int


async def put(
    tx: Tx, owed: Sequence[Owed], *, now: datetime, beside: Sequence[tuple[type[SQLModel], Rows]] = ()
) -> None:
    """Write consequences into the transaction of their facts; one that is owed already stays as it is.

    `beside` are rows of other tables that go in the same statement.
    """
    if not owed:
        return
    rows = [
        {
            "id": one.id,
            "issuer_id": one.issuer_id,
            "topic": one.topic,
            "key": one.key,
            "payload": dict(one.payload),
            "created_at": now,
            "due_at": now,
            "attempts": 0,
        }
        for one in owed
    ]
    await insert_many(tx, Outbox, rows, on_conflict="ON CONFLICT (topic, key) DO NOTHING", beside=beside)


CLAIM = """
    UPDATE outbox SET lease_until = :lease_until, attempts = attempts + 1
    WHERE id IN (
        SELECT id FROM outbox
        WHERE done_at IS NULL AND dead_at IS NULL AND due_at <= :now {of_topic}
          AND (lease_until IS NULL OR lease_until <= :now)
        ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
    )
    RETURNING id, issuer_id, topic, key, payload, attempts
"""
CLAIM_ANY = CLAIM.format(of_topic="")
CLAIM_OF_TOPIC = CLAIM.format(of_topic="AND topic = :topic")


async def claim(tx: Tx, *, now: datetime, most: int, topic: Topic | None = None) -> list[Claimed]:
    """Lease up to `most` due consequences, of one topic or of any, oldest first. It is one statement."""
    values = {"now": now, "lease_until": now + timedelta(seconds=LEASE_SECONDS), "most": most}
    if topic is None:
        rows = await tx.execute(CLAIM_ANY, values)
    else:
        rows = await tx.execute(CLAIM_OF_TOPIC, {**values, "topic": topic.value})
    return [Claimed(row.id, row.issuer_id, Topic(row.topic), row.key, row.payload, row.attempts) for row in rows]


async def done(tx: Tx, ids: Sequence[UUID], *, now: datetime) -> None:
    await tx.execute(
        "UPDATE outbox SET done_at = :now, lease_until = NULL, last_error = NULL WHERE id = ANY(:ids)",
        {"ids": list(ids), "now": now},
    )


async def carried_out(tx: Tx, topic: Topic, key: str, *, now: datetime) -> None:
    """Somebody else has done what is owed under this key."""
    await tx.execute(
        "UPDATE outbox SET done_at = :now, lease_until = NULL, last_error = NULL"
        " WHERE topic = :topic AND key = :key AND done_at IS NULL AND dead_at IS NULL",
        {"topic": topic.value, "key": key, "now": now},
    )


async def retry(tx: Tx, identity: UUID, *, due_at: datetime, reason: str) -> None:
    await tx.execute(
        "UPDATE outbox SET due_at = :due, lease_until = NULL, last_error = :reason WHERE id = :id",
        {"id": identity, "due": due_at, "reason": reason[:ERROR_CHARS_MAX]},
    )


async def bury(tx: Tx, identity: UUID, *, now: datetime, reason: str) -> None:
    """Park a consequence that cannot be carried out, for staff to see and to revive."""
    await tx.execute(
        "UPDATE outbox SET dead_at = :now, lease_until = NULL, last_error = :reason WHERE id = :id",
        {"id": identity, "now": now, "reason": reason[:ERROR_CHARS_MAX]},
    )


async def revive(tx: Tx, identity: UUID, *, issuer_id: UUID | None, now: datetime) -> sa.Row[Any] | None:
    """Try a dead letter again from the beginning; None when there is no such dead letter of this issuer."""
    result = await tx.execute(
        "UPDATE outbox SET dead_at = NULL, due_at = :now, attempts = 0 WHERE id = :id AND dead_at IS NOT NULL"
        " AND (CAST(:issuer AS uuid) IS NULL OR issuer_id = :issuer) RETURNING topic, payload",
        {"id": identity, "issuer": issuer_id, "now": now},
    )
    return result.first()


async def dead(tx: Tx, *, issuer_id: UUID | None, most: int) -> list[sa.Row[Any]]:
    rows = await tx.execute(
        "SELECT id, topic, key, attempts, last_error, created_at, dead_at FROM outbox WHERE dead_at IS NOT NULL"
        " AND (CAST(:issuer AS uuid) IS NULL OR issuer_id = :issuer) ORDER BY dead_at DESC LIMIT :most",
        {"issuer": issuer_id, "most": most},
    )
    return list(rows)


async def waiting(tx: Tx, *, now: datetime) -> tuple[int, float, int]:
    """(due or leased, seconds the oldest has been due, dead) for the metrics."""
    row = (
        await tx.execute(
            "SELECT count(*) FILTER (WHERE dead_at IS NULL) AS owed,"
            " coalesce(extract(epoch FROM :now - min(due_at) FILTER (WHERE dead_at IS NULL)), 0) AS age,"
            " count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead FROM outbox WHERE done_at IS NULL",
            {"now": now},
        )
    ).one()
    return int(row.owed), max(0.0, float(row.age)), int(row.dead)


async def late(tx: Tx, *, attempts_min: int) -> int:
    """How many were tried so often already and are still owed."""
    found = await tx.execute(
        "SELECT count(*) FROM outbox WHERE done_at IS NULL AND dead_at IS NULL AND attempts >= :least",
        {"least": attempts_min},
    )
    return int(found.scalar_one())


async def hurry(tx: Tx, topics: Sequence[Topic], *, served_by: str, now: datetime) -> None:
    """Let what is owed to the issuers of one server be due at once: it answers again."""
    await tx.execute(
        "UPDATE outbox SET due_at = :now FROM issuer i WHERE i.id = outbox.issuer_id AND i.served_by = :served_by"
        " AND topic = ANY(:topics) AND done_at IS NULL AND dead_at IS NULL AND due_at > :now",
        {"topics": [topic.value for topic in topics], "served_by": served_by, "now": now},
    )


async def purge(tx: Tx, *, before: datetime) -> None:
    """Drop what was carried out long ago; dead letters stay until staff deal with them."""
    await tx.execute("DELETE FROM outbox WHERE done_at < :before", {"before": before})
