"""Answers already given: the same key and request gets the stored answer, another request is refused.

Keys are stored as hashes and answers are sealed by whoever stores them: an answer may hold a buyer's link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.store.database import Tx

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


@dataclass(frozen=True, slots=True)
class Claim:
    """A key somebody wants to use: `scope` is who and where, `request_hash` is what."""

    scope: str
    key: str
    request_hash: bytes
    now: datetime
    busy_seconds: int = BUSY_SECONDS
    """How long the claim holds if whoever made it dies."""

    @property
    def name(self) -> tuple[str, str]:
        return self.scope, self.key


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a claim; without a status the key is given back, for nothing was changed."""

    scope: str
    key: str
    status: int | None
    body: bytes = b""
    media_type: str = ""


BEGIN = """
    INSERT INTO idempotency (scope, key, request_hash, busy_until, created_at)
    SELECT w.*, CAST(:busy AS timestamptz), CAST(:now AS timestamptz)
    FROM unnest(CAST(:scopes AS varchar[]), CAST(:keys AS varchar[]), CAST(:hashes AS bytea[])) AS w
    ON CONFLICT (scope, key) DO UPDATE SET busy_until = excluded.busy_until, request_hash = excluded.request_hash,
        created_at = excluded.created_at, status = NULL, body = NULL, media_type = NULL
    WHERE idempotency.created_at < :old
        OR idempotency.status IS NULL AND idempotency.busy_until < :now
            AND idempotency.request_hash = excluded.request_hash
    RETURNING scope, key
"""


async def begin(tx: Tx, claims: Sequence[Claim]) -> list[Fresh | Stored | Busy | Other]:
    """Claim keys. One that somebody died with may be claimed again after a minute, by the same request only."""
    first = {claim.name: claim for claim in reversed(claims)}
    now = max(claim.now for claim in claims)
    rows = await tx.execute(
        BEGIN,
        {
            "scopes": [claim.scope for claim in first.values()],
            "keys": [claim.key for claim in first.values()],
            "hashes": [claim.request_hash for claim in first.values()],
            "busy": now + timedelta(seconds=max(claim.busy_seconds for claim in claims)),
            "old": now - timedelta(hours=KEPT_HOURS),
            "now": now,
        },
    )
    fresh = {(row.scope, row.key) for row in rows}
    known = await _known(tx, [claim for claim in claims if claim.name not in fresh])
    return [
        Fresh()
        if claim.name in fresh and first[claim.name] is claim
        else _standing(claim, known.get(claim.name), first[claim.name])
        for claim in claims
    ]


def _standing(claim: Claim, row: sa.Row[tuple[bytes, int, bytes, str]] | None, first: Claim) -> Stored | Busy | Other:
    if row is None:  # claimed by another request of this very batch
        return Busy() if first.request_hash == claim.request_hash else Other()
    if row.request_hash != claim.request_hash:
        return Other()
    return Busy() if row.status is None else Stored(row.status, row.body, row.media_type)


async def _known(tx: Tx, claims: Sequence[Claim]) -> dict[tuple[str, str], sa.Row[tuple[bytes, int, bytes, str]]]:
    if not claims:
        return {}
    rows = await tx.execute(
        "SELECT i.scope, i.key, i.request_hash, i.status, i.body, i.media_type FROM idempotency i"
        " JOIN unnest(CAST(:scopes AS varchar[]), CAST(:keys AS varchar[])) AS w(scope, key)"
        " ON i.scope = w.scope AND i.key = w.key",
        {"scopes": [claim.scope for claim in claims], "keys": [claim.key for claim in claims]},
    )
    return {(row.scope, row.key): row for row in rows}


async def finish(tx: Tx, answers: Sequence[Answer]) -> list[None]:
    """Store what was answered, or give the key back."""
    given = [answer for answer in answers if answer.status is not None]
    if given:
        await tx.execute(
            "UPDATE idempotency SET status = w.status, body = w.body, media_type = w.media"
            " FROM unnest(CAST(:scopes AS varchar[]), CAST(:keys AS varchar[]), CAST(:statuses AS integer[]),"
            " CAST(:bodies AS bytea[]), CAST(:medias AS varchar[])) AS w(scope, key, status, body, media)"
            " WHERE idempotency.scope = w.scope AND idempotency.key = w.key",
            {
                "scopes": [answer.scope for answer in given],
                "keys": [answer.key for answer in given],
                "statuses": [answer.status for answer in given],
                "bodies": [answer.body for answer in given],
                "medias": [answer.media_type for answer in given],
            },
        )
    for answer in answers:
        if answer.status is None:
            await tx.execute(
                "DELETE FROM idempotency WHERE scope = :scope AND key = :key AND status IS NULL",
                {"scope": answer.scope, "key": answer.key},
            )
    return [None] * len(answers)


async def purge(tx: Tx, *, now: datetime) -> None:
    """Drop answers older than a day, and PIN counters nobody has touched for as long."""
    old = now - timedelta(hours=KEPT_HOURS)
    await tx.execute("DELETE FROM idempotency WHERE created_at < :old", {"old": old})
    await tx.execute("DELETE FROM pin_guard WHERE since < :old", {"old": old})
