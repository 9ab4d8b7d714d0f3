"""What handsets wrote to us, the offer that is open with each of them, and what they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.store.bulk import insert_many
from app.store.database import Tx
from app.store.locks import exclusively
from app.store.sales import TICKET
from app.store.tables import Conversation, Inbox, InboxPart

# --- the inbox ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to keep until it is answered. `sealed` is its text, which may hold a PIN."""

    id: UUID
    channel: str
    message_id: str
    handset: str
    sent_at: datetime
    received_at: datetime
    sealed: bytes
    kid: int


async def keep(tx: Tx, message: NewMessage) -> bool:
    """Write a message; False where the carrier repeats one that is known."""
    on_conflict = "ON CONFLICT (channel, message_id) DO NOTHING RETURNING id"
    return bool(await insert_many(tx, Inbox, [asdict(message)], on_conflict=on_conflict))


ADDRESS_CHARS_MAX = 24


@dataclass(frozen=True, slots=True)
class NewPart:
    """A part of a long message, to keep until the others are there."""

    channel: str
    sender: str
    recipient: str
    reference: int
    total: int
    sequence: int
    data_coding: int
    digest: bytes
    sealed: bytes
    kid: int
    received_at: datetime


_SAME = (
    "channel = :channel AND sender = :sender AND recipient = :recipient AND reference = :reference AND total = :total"
)


async def keep_part(tx: Tx, part: NewPart) -> list[sa.Row[Any]] | None:
    """Write a part; the whole message, in order, where this was the last one of it, and None otherwise.

    A repeated part changes nothing. Another content at the same place begins the message anew: the handset has come
    round to the same reference.
    """
    given = asdict(part)
    await exclusively(tx, f"part:{part.channel}:{part.sender}:{part.recipient}:{part.reference}:{part.total}")
    rows = (await tx.execute(f"SELECT * FROM inbox_part WHERE {_SAME} ORDER BY sequence", given)).all()  # noqa: S608 - our own words
    known = next((row for row in rows if row.sequence == part.sequence), None)
    if known is not None and known.digest == part.digest:
        return None
    if known is not None:
        await tx.execute(f"DELETE FROM inbox_part WHERE {_SAME}", given)  # noqa: S608 - our own words
    await insert_many(tx, InboxPart, [given])
    rows = (await tx.execute(f"SELECT * FROM inbox_part WHERE {_SAME} ORDER BY sequence", given)).all()  # noqa: S608 - our own words
    if len(rows) < part.total:
        return None
    await tx.execute(f"UPDATE inbox_part SET sealed = NULL WHERE {_SAME}", given)  # noqa: S608 - our own words
    return list(rows)


async def purge_parts(tx: Tx, *, before: datetime) -> None:
    """Drop the parts of messages that never became whole, and what is known of those that did."""
    await tx.execute("DELETE FROM inbox_part WHERE received_at < :before", {"before": before})


async def message(tx: Tx, identity: UUID) -> sa.Row[Any] | None:
    return (await tx.execute("SELECT * FROM inbox WHERE id = :id", {"id": identity})).first()


async def count_since(tx: Tx, handset: str, *, since: datetime) -> int:
    """How many messages of a handset came since; who else counts them waits until this transaction ends."""
    await exclusively(tx, f"inbox:{handset}")
    found = await tx.execute(
        "SELECT count(*) FROM inbox WHERE handset = :handset AND received_at > :since",
        {"handset": handset, "since": since},
    )
    return int(found.scalar_one())


async def is_overtaking(tx: Tx, row: sa.Row[Any], *, since: datetime) -> bool:
    """Whether an earlier message of the same handset, not older than `since`, still waits for its answer."""
    found = await tx.execute(
        "SELECT EXISTS (SELECT 1 FROM inbox WHERE handset = :handset AND received_at > :since"
        " AND answered_at IS NULL AND (received_at, id) < (:at, CAST(:id AS uuid)))",
        {"handset": row.handset, "since": since, "at": row.received_at, "id": row.id},
    )
    return bool(found.scalar_one())


async def place_in_hour(tx: Tx, row: sa.Row[Any], *, since: datetime) -> tuple[int, int]:
    """(which message of its handset since then this one is, how many before it were not understood)."""
    found = await tx.execute(
        "SELECT count(*), count(*) FILTER (WHERE heard = 'unclear') FROM inbox"
        " WHERE handset = :handset AND received_at > :since AND (received_at, id) <= (:at, CAST(:id AS uuid))",
        {"handset": row.handset, "since": since, "at": row.received_at, "id": row.id},
    )
    place, unclear = tuple(found.one())
    return int(place), int(unclear)


async def answered(tx: Tx, identity: UUID, *, heard: str, now: datetime) -> bool:
    """Say that a message is answered and forget its text; False where somebody answered it before."""
    done = await tx.execute(
        "UPDATE inbox SET answered_at = :now, heard = :heard, sealed = NULL"
        " WHERE id = :id AND answered_at IS NULL RETURNING id",
        {"id": identity, "heard": heard, "now": now},
    )
    return done.first() is not None


async def purge(tx: Tx, *, before: datetime) -> None:
    """Drop what was answered long ago."""
    await tx.execute("DELETE FROM inbox WHERE answered_at < :before", {"before": before})


# --- conversations --------------------------------------------------------------------------------------------------


async def conversation(tx: Tx, handset: str) -> sa.Row[Any] | None:
    query = "SELECT * FROM conversation WHERE handset = :handset"
    return (await tx.execute(query, {"handset": handset})).first()


async def remember(
    tx: Tx,
    handset: str,
    *,
    language: str,
    now: datetime,
    booking_id: UUID | None = None,
    choices: Sequence[Mapping[str, Any]] | None = None,
) -> UUID | None:
    """Note what the handset may answer to next; returns the booking that it could have said yes to until now."""
    await exclusively(tx, f"conversation:{handset}")
    before = await conversation(tx, handset)
    row = {
        "handset": handset,
        "language": language,
        "booking_id": booking_id,
        "choices": None if choices is None else [*choices],
        "updated_at": now,
    }
    changed = "ON CONFLICT (handset) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in row)
    await insert_many(tx, Conversation, [row], on_conflict=changed)
    left: UUID | None = before.booking_id if before is not None else None
    return left if left != booking_id else None


# --- what a handset asks about --------------------------------------------------------------------------------------


async def occasion_by_code(tx: Tx, code: int) -> UUID | None:
    """The occasion that a short number names."""
    found = await tx.execute("SELECT id FROM occasion WHERE sms_code = :code", {"code": code})
    return found.scalar_one_or_none()


GOOD = (
    "t.state = 'valid' AND least(t.valid_until, c.activated_until) > :now"
    " AND coalesce(c.uses_left, 1) > 0 AND coalesce(c.balance, 1) > 0"
)
"""A ticket that its issuer's register does not know yet is good. (The least of a time and NULL is the time.)"""


async def good_tickets(tx: Tx, handset: str, *, now: datetime, limit: int) -> list[sa.Row[Any]]:
    """What a handset can still use, the next first."""
    rows = await tx.execute(
        f"{TICKET} LEFT JOIN credential c ON c.ticket_id = t.id WHERE t.handset = :handset AND {GOOD}"
        " ORDER BY coalesce(o.starts_at, t.valid_until), t.id LIMIT :limit",
        {"handset": handset, "now": now, "limit": limit},
    )
    return list(rows)


async def ticket_of(tx: Tx, handset: str, number: str) -> sa.Row[Any] | None:
    """The ticket with this number that a handset has or had; of several issuers' the latest."""
    rows = await tx.execute(
        f"{TICKET} WHERE t.handset = :handset AND t.number = :number ORDER BY t.id DESC LIMIT 1",
        {"handset": handset, "number": number},
    )
    return rows.first()


async def balances(tx: Tx, handset: str) -> list[sa.Row[Any]]:
    """The e-money of a handset, at each issuer where it has an account."""
    rows = await tx.execute(
        "SELECT i.name, a.balance, a.currency FROM account a JOIN issuer i ON i.id = a.issuer_id"
        " WHERE a.kind = 'prepaid' AND a.handset = :handset ORDER BY i.slug, a.currency",
        {"handset": handset},
    )
    return list(rows)
