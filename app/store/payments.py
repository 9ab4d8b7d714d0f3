"""Payments: attempts begun, challenged, claimed by whoever asks about them; one attempt may have several parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingEvent
from app.domain.payment import PaymentEvent, PaymentState
from app.store.database import Tx
from app.store.moves import move_many, step
from app.store.tables import Booking, Payment

UNSETTLED = "state NOT IN ('captured', 'declined', 'voided', 'refunded')"


@dataclass(frozen=True, slots=True)
class NewPayment:
    """One part of an attempt to write; `id` is also what its key is made from."""

    id: UUID
    issuer_id: UUID
    booking_id: UUID
    part: int
    provider: str
    amount: int
    currency: str
    key: str
    reference: str | None
    created_at: datetime


PAYING, HELD = step(Booking, BookingEvent.BEGIN)

BEGIN = f"""
    WITH begun AS (
        UPDATE booking SET {PAYING} WHERE id IN (
            SELECT id FROM booking WHERE id = ANY(CAST(:booking_id AS uuid[])) AND {HELD} AND expires_at > :now
            ORDER BY id FOR UPDATE
        ) RETURNING id
    )
    INSERT INTO payment (id, issuer_id, booking_id, part, provider, amount, currency, key, reference, created_at,
        updated_at, attempt, state)
    SELECT w.*, w.created_at,
        1 + coalesce((SELECT max(p.attempt) FROM payment p WHERE p.booking_id = w.booking_id), 0), 'submitted'
    FROM unnest(
        CAST(:id AS uuid[]), CAST(:issuer_id AS uuid[]), CAST(:booking_id AS uuid[]), CAST(:part AS integer[]),
        CAST(:provider AS varchar[]), CAST(:amount AS bigint[]), CAST(:currency AS varchar[]), CAST(:key AS varchar[]),
        CAST(:reference AS varchar[]), CAST(:created_at AS timestamptz[])
    ) AS w(id, issuer_id, booking_id, part, provider, amount, currency, key, reference, created_at)
        JOIN begun ON begun.id = w.booking_id
    RETURNING id
"""  # noqa: S608 - words of our own machine


async def begin_payments(tx: Tx, asks: Sequence[tuple[NewPayment, ...]]) -> list[bool]:
    """HELD -> PAYING with the parts that are about to be submitted, where the booking is held and has time left.

    Each ask holds all parts of one attempt. It is one statement; where another attempt was numbered meanwhile it
    breaks a constraint, and nothing of it is done.
    """
    first = {ask[0].booking_id: ask for ask in reversed(asks)}
    parts = [part for ask in first.values() for part in ask]
    values = {name: [getattr(part, name) for part in parts] for name in NewPayment.__slots__}
    rows = await tx.execute(BEGIN, {**values, "now": min(ask[0].created_at for ask in asks)})
    begun = set(rows.scalars())
    return [ask[0].id in begun for ask in asks]


async def of_booking(tx: Tx, booking_id: UUID) -> list[sa.Row[Any]]:
    """The attempts of a booking, latest first; the parts of each in their order."""
    rows = await tx.execute(
        "SELECT * FROM payment WHERE booking_id = :id ORDER BY attempt DESC, part", {"id": booking_id}
    )
    return list(rows)


LAST_ATTEMPT = """
    SELECT * FROM payment
    WHERE booking_id = :id AND attempt = (SELECT max(attempt) FROM payment WHERE booking_id = :id) ORDER BY part
"""
STATES = "SELECT id, state FROM payment WHERE id = ANY(:ids) ORDER BY id"


async def last_attempt(tx: Tx, booking_id: UUID, *, lock: bool = False) -> list[sa.Row[Any]]:
    """The parts of a booking's latest attempt, in their order."""
    query = f"{LAST_ATTEMPT} FOR UPDATE" if lock else LAST_ATTEMPT
    return list(await tx.execute(query, {"id": booking_id}))


async def states(tx: Tx, identities: Sequence[UUID], *, lock: bool) -> dict[UUID, PaymentState]:
    """States of these payments; locked, they stay until this transaction ends."""
    rows = await tx.execute(f"{STATES} FOR UPDATE" if lock else STATES, {"ids": list(identities)})
    return {row.id: PaymentState(row.state) for row in rows}


async def given_up(tx: Tx, keys: Sequence[str]) -> set[str]:
    """Those of `keys` that name an attempt which is no longer its own: somebody else decides what becomes of it.

    The rows stay as they are until this transaction ends; a key that names no payment is nobody's to give up.
    """
    rows = await tx.execute(
        "SELECT key, state FROM payment WHERE key = ANY(:keys) ORDER BY id FOR SHARE", {"keys": list(keys)}
    )
    return {row.key for row in rows if row.state != PaymentState.SUBMITTED}


async def by_key(tx: Tx, key: str) -> sa.Row[Any] | None:
    """The payment with this key, and who keeps the register of its issuer."""
    rows = await tx.execute(
        "SELECT p.*, i.served_by FROM payment p JOIN issuer i ON i.id = p.issuer_id WHERE p.key = :key", {"key": key}
    )
    return rows.first()


async def by_references(tx: Tx, names: Sequence[tuple[str, str]]) -> list[sa.Row[Any] | None]:
    """The payments that networks know by these names: (provider, reference) each."""
    rows = await tx.execute(
        "SELECT * FROM payment WHERE reference = ANY(:references) AND provider = ANY(:providers)",
        {"references": [reference for _, reference in names], "providers": [provider for provider, _ in names]},
    )
    found = {(row.provider, row.reference): row for row in rows}
    return [found.get(name) for name in names]


async def remember_references(tx: Tx, named: Sequence[tuple[UUID, str]]) -> None:
    """Keep the names that a network gave payments only when it took them: (payment, reference) pairs."""
    if not named:
        return
    identities, references = (list(column) for column in zip(*named, strict=True))
    await tx.execute(
        "UPDATE payment SET reference = w.reference FROM unnest(CAST(:ids AS uuid[]), CAST(:references AS varchar[]))"
        " AS w(id, reference) WHERE payment.id = w.id",
        {"ids": identities, "references": references},
    )


# --- a challenge by the buyer's bank --------------------------------------------------------------------------------


async def challenges(tx: Tx, booking_id: UUID) -> int:
    """How many payments of this booking have met a challenge."""
    found = await tx.execute(
        "SELECT count(*) FROM payment WHERE booking_id = :id AND action_until IS NOT NULL", {"id": booking_id}
    )
    return int(found.scalar_one())


async def challenge(tx: Tx, identity: UUID, *, url: str, until: datetime, now: datetime) -> bool:
    """The buyer is to go to `url` before `until`; False where the payment waits for no such thing any more."""
    also = {"action_url": url, "action_until": until, "updated_at": now}
    return bool(await move_many(tx, Payment, [identity], PaymentEvent.CHALLENGE, **also))


async def extend(tx: Tx, booking_id: UUID, *, until: datetime) -> None:
    """Let the buyer have until then at least."""
    await tx.execute(
        "UPDATE booking SET expires_at = greatest(expires_at, :until) WHERE id = :id",
        {"id": booking_id, "until": until},
    )


# --- claiming: who asks the network about an attempt says so first --------------------------------------------------


async def claim(tx: Tx, booking_id: UUID, *, now: datetime, silent: datetime, asked: datetime) -> bool:
    """Whether the booking's last attempt may be asked about now; if so, nobody but the asker goes on with it.

    It may where its bank was to see the buyer, where it was given up as unclear before `asked`, or where nothing has
    moved since `silent`: a part that was submitted just now belongs to a request that is alive.
    """
    parts = await last_attempt(tx, booking_id, lock=True)
    free = [
        part.state == PaymentState.REQUIRES_ACTION
        or (part.state in {PaymentState.UNKNOWN, PaymentState.AUTHORIZED} and part.updated_at <= asked)
        or part.updated_at < silent
        for part in parts
    ]
    if not any(free):
        return False
    await _take_over(tx, parts, now=now)
    return True


async def claim_silent(tx: Tx, *, now: datetime, before: datetime, limit: int) -> list[UUID]:
    """Bookings with a part in which nothing has moved since `before`, oldest first; claimed for the caller.

    What was asked about goes to the end of the queue: one that never ends keeps no other waiting.
    """
    rows = await tx.execute(
        f"SELECT booking_id FROM payment WHERE {UNSETTLED} AND updated_at < :before"  # noqa: S608 - a constant of this module
        " ORDER BY updated_at LIMIT :limit",
        {"before": before, "limit": limit},
    )
    bookings = list(dict.fromkeys(rows.scalars()))
    found = await tx.execute(
        "SELECT id, booking_id, state, updated_at FROM payment"  # noqa: S608 - a constant of this module
        f" WHERE booking_id = ANY(:ids) AND {UNSETTLED} ORDER BY id FOR UPDATE",
        {"ids": bookings},
    )
    parts = found.all()
    # What another one claimed while we waited for its rows is not silent any more.
    silent = {part.booking_id for part in parts if part.updated_at < before}
    await _take_over(tx, [part for part in parts if part.booking_id in silent], now=now)
    return [booking_id for booking_id in bookings if booking_id in silent]


async def _take_over(tx: Tx, parts: Sequence[sa.Row[Any]], *, now: datetime) -> None:
    """From now on nobody who began these parts may take money for them without asking (see `given_up`)."""
    submitted = [part.id for part in parts if part.state == PaymentState.SUBMITTED]
    await move_many(tx, Payment, submitted, PaymentEvent.LOSE_SIGHT, updated_at=now)
    others = [part.id for part in parts if part.state != PaymentState.SUBMITTED]
    await tx.execute(
        f"UPDATE payment SET updated_at = :now WHERE id = ANY(:ids) AND {UNSETTLED}",  # noqa: S608 - a constant of this module
        {"ids": others, "now": now},
    )


async def claim_free(tx: Tx, *, before: datetime, until: datetime, limit: int) -> list[UUID]:
    """Bookings that cost nothing and that somebody died with before they were complete, the longest waiting first.

    Nobody pays one of these any more, so the moment at which it would run out only says whose turn it is: `until`, a
    whole hold from now, puts those that are looked at behind all the others.
    """
    rows = await tx.execute(
        "UPDATE booking SET expires_at = :until WHERE id IN (SELECT id FROM booking"
        " WHERE state = 'paying' AND amount = 0 AND created_at < :before"
        " ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING id",
        {"until": until, "before": before, "limit": limit},
    )
    return list(rows.scalars())
