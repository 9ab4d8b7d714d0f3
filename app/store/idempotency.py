"""Answers already given: the same key and request gets the stored answer, another request is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

BUSY_SECONDS = 60
KEPT_HOURS = 24


@dataclass(frozen=True, slots=True)
class Fresh:
    """Nobody has asked this before: do it, then store the answer."""


@dataclass(frozen=True, slots=True)
class Stored:
    status: int
    body: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Busy:
    """The first request is still being worked on."""


@dataclass(frozen=True, slots=True)
class Other:
    """The key was used for another request."""


BEGIN = sa.text("""
    INSERT INTO idempotency (scope, key, request_hash, busy_until, created_at)
    VALUES (:scope, :key, :hash, :busy, :now)
    ON CONFLICT (scope, key) DO UPDATE SET busy_until = :busy, request_hash = :hash, created_at = :now,
        status = NULL, body = NULL, media_type = NULL
    WHERE idempotency.created_at < :old
        OR idempotency.status IS NULL AND idempotency.busy_until < :now AND idempotency.request_hash = :hash
    RETURNING key
""")


async def begin(
    tx: AsyncSession, *, scope: str, key: str, request_hash: bytes, now: datetime
) -> Fresh | Stored | Busy | Other:
    """Claim a key. One that somebody died with may be claimed again after a minute, by the same request only."""
    claimed = await tx.execute(
        BEGIN,
        {
            "scope": scope,
            "key": key,
            "hash": request_hash,
            "busy": now + timedelta(seconds=BUSY_SECONDS),
            "old": now - timedelta(hours=KEPT_HOURS),
            "now": now,
        },
    )
    if claimed.first() is not None:
        return Fresh()
    found = await tx.execute(
        sa.text("SELECT request_hash, status, body, media_type FROM idempotency WHERE scope = :scope AND key = :key"),
        {"scope": scope, "key": key},
    )
    row = found.one()
    if row.request_hash != request_hash:
        return Other()
    if row.status is None:
        return Busy()
    return Stored(row.status, row.body, row.media_type)


async def finish(tx: AsyncSession, *, scope: str, key: str, status: int, body: bytes, media_type: str) -> None:
    await tx.execute(
        sa.text(
            "UPDATE idempotency SET status = :status, body = :body, media_type = :media"
            " WHERE scope = :scope AND key = :key"
        ),
        {"scope": scope, "key": key, "status": status, "body": body, "media": media_type},
    )


async def forget(tx: AsyncSession, *, scope: str, key: str) -> None:
    """Give a key back whose request changed nothing, so that the same request may be tried again."""
    await tx.execute(
        sa.text("DELETE FROM idempotency WHERE scope = :scope AND key = :key AND status IS NULL"),
        {"scope": scope, "key": key},
    )


async def purge(tx: AsyncSession, *, now: datetime) -> int:
    """Drop answers older than a day."""
    gone = await tx.execute(
        sa.text("DELETE FROM idempotency WHERE created_at < :old"), {"old": now - timedelta(hours=KEPT_HOURS)}
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]  # the result of a DELETE counts its rows
