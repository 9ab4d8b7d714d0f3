"""Refunds: money promised back, never more than came, and each ticket's only once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.refund import RefundEvent, RefundReason, RefundState
from app.store import ledger, messages, outbox
from app.store.database import Tx
from app.store.ledger import Posting, clearing
from app.store.messages import NewDelivery
from app.store.moves import move
from app.store.outbox import Owed
from app.store.tables import Refund
from app.store.tables.messages import Purpose
from app.store.tables.money import AccountKind, TransferKind
from app.store.topics import Topic

SYSTEM = "system"
"""Who asked, where nobody did."""


@dataclass(frozen=True, slots=True)
class NewRefund:
    """A refund to write, of one payment; those of one asking name the first of them in `together_with`."""

    id: UUID
    issuer_id: UUID
    booking_id: UUID
    payment_id: UUID
    amount: int
    currency: str
    reason: RefundReason
    asked_by: str
    ticket_ids: tuple[UUID, ...]
    note: str = ""
    used_too: bool = False
    together_with: UUID | None = None


async def add(tx: Tx, wanted: Sequence[NewRefund], *, now: datetime) -> bool:
    """Write refunds as asked for and set their money aside; False, with nothing written, where too little is left."""
    reserved = await tx.execute(
        "UPDATE payment SET refunded = payment.refunded + w.amount"
        " FROM unnest(CAST(:payments AS uuid[]), CAST(:amounts AS bigint[])) AS w(id, amount)"
        " WHERE payment.id = w.id AND payment.state = 'captured' AND payment.refunded + w.amount <= payment.amount"
        " RETURNING payment.id",
        {"payments": [one.payment_id for one in wanted], "amounts": [one.amount for one in wanted]},
    )
    kept = set(reserved.scalars())
    if len(kept) < len(wanted):
        await give_up(tx, [(one.payment_id, one.amount) for one in wanted if one.payment_id in kept])
        return False
    for one in wanted:
        await _write(tx, one, now=now)
    return True


async def give_up(tx: Tx, amounts: Sequence[tuple[UUID, int]]) -> None:
    """Money of these payments, set aside for refunds, that will not go back after all."""
    await tx.execute(
        "UPDATE payment SET refunded = payment.refunded - w.amount"
        " FROM unnest(CAST(:payments AS uuid[]), CAST(:amounts AS bigint[])) AS w(id, amount)"
        " WHERE payment.id = w.id",
        {"payments": [payment for payment, _ in amounts], "amounts": [amount for _, amount in amounts]},
    )


async def _write(tx: Tx, one: NewRefund, *, now: datetime) -> None:
    await tx.execute(
        "INSERT INTO refund (id, issuer_id, booking_id, payment_id, together_with, state, amount, currency, reason,"
        " note, asked_by, ticket_ids, used_too, attempt, created_at, updated_at) VALUES (:id, :issuer, :booking,"
        " :payment, :together_with, :state, :amount, :currency, :reason, :note, :asked_by, :tickets, :used_too, 1,"
        " :now, :now)",
        {
            "id": one.id,
            "issuer": one.issuer_id,
            "booking": one.booking_id,
            "payment": one.payment_id,
            "together_with": one.together_with,
            "state": RefundState.ASKED.value,
            "amount": one.amount,
            "currency": one.currency,
            "reason": one.reason.value,
            "note": one.note,
            "asked_by": one.asked_by,
            "tickets": list(one.ticket_ids),
            "used_too": one.used_too,
            "now": now,
        },
    )


def owed_refund(identity: UUID, issuer_id: UUID, refund_id: UUID, *, key: str) -> Owed:
    """The worker's call to carry a refund on; `key` names the occasion for it."""
    return Owed(identity, issuer_id, Topic.REFUND, key, {"refund": str(refund_id)})


async def owe_late(tx: Tx, payment_id: UUID, *, new_id: Callable[[], UUID], now: datetime) -> UUID | None:
    """The money of a captured payment came too late: the whole of it is owed to the buyer, who hears of it.

    To be called in the transaction that captures the payment. Gives the refund's id; None where it is owed already.
    """
    found = await tx.execute(
        "UPDATE payment SET refunded = payment.amount FROM booking b WHERE payment.id = :id"
        " AND b.id = payment.booking_id AND payment.state = 'captured' AND payment.refunded = 0"
        " RETURNING payment.issuer_id, payment.booking_id, payment.amount, payment.currency, payment.provider, b.buyer",
        {"id": payment_id},
    )
    row = found.first()
    if row is None:
        return None
    refund = NewRefund(
        id=new_id(),
        issuer_id=row.issuer_id,
        booking_id=row.booking_id,
        payment_id=payment_id,
        amount=row.amount,
        currency=row.currency,
        reason=RefundReason.LATE,
        asked_by=SYSTEM,
        ticket_ids=(),
    )
    await _write(tx, refund, now=now)
    await move(tx, Refund, refund.id, RefundEvent.OWE, updated_at=now)
    await ledger.post(tx, [_late(refund, row.provider)], new_id=new_id, now=now)
    told = await tell_buyer(tx, refund.id, row.issuer_id, row.booking_id, row.buyer, now=now)
    message = Owed(new_id(), row.issuer_id, Topic.DELIVER, str(told), {"delivery": str(told)})
    await outbox.put(tx, [message, owed_refund(new_id(), row.issuer_id, refund.id, key=str(refund.id))], now=now)
    return refund.id


def _late(refund: NewRefund, provider: str) -> Posting:
    sides = (clearing(provider), AccountKind.REFUNDS)
    key = f"due-{refund.id}"
    return Posting(refund.issuer_id, key, TransferKind.LATE, *sides, refund.amount, refund.currency, refund.booking_id)


async def tell_buyer(tx: Tx, refund_id: UUID, issuer_id: UUID, booking_id: UUID, buyer: str, *, now: datetime) -> UUID:
    """Queue the message that money goes back: it has the refund's own id, which says what it is about."""
    delivery = NewDelivery(
        id=refund_id, issuer_id=issuer_id, purpose=Purpose.MONEY_BACK, handset=buyer, booking_id=booking_id
    )
    await messages.queue(tx, [delivery], now=now)
    return delivery.id


# --- looking --------------------------------------------------------------------------------------------------------

REFUND = """
    SELECT r.*, m.provider, m.part, m.key AS payment_key, m.reference AS payment_reference, m.amount AS paid,
        b.language, b.buyer, i.slug AS issuer_slug
    FROM refund r JOIN payment m ON m.id = r.payment_id JOIN booking b ON b.id = r.booking_id
        JOIN issuer i ON i.id = r.issuer_id
"""


async def group(tx: Tx, refund_id: UUID) -> list[sa.Row[Any]]:
    """All refunds that were asked for together with this one, the first of them first; empty where there is none."""
    rows = await tx.execute(
        f"{REFUND} WHERE coalesce(r.together_with, r.id) ="  # noqa: S608 - a constant of this file
        " (SELECT coalesce(together_with, id) FROM refund WHERE id = :id)"
        " ORDER BY r.together_with IS NOT NULL, r.id",
        {"id": refund_id},
    )
    return list(rows)


async def locked(tx: Tx, refund_id: UUID) -> sa.Row[Any] | None:
    """A refund, kept as it is until this transaction ends."""
    return (await tx.execute(f"{REFUND} WHERE r.id = :id FOR UPDATE OF r", {"id": refund_id})).first()


async def of_booking(tx: Tx, booking_id: UUID) -> list[sa.Row[Any]]:
    """A booking's refunds, latest first."""
    rows = await tx.execute(f"{REFUND} WHERE r.booking_id = :id ORDER BY r.id DESC", {"id": booking_id})
    return list(rows)


async def is_returned(tx: Tx, ticket_id: UUID, booking_id: UUID) -> bool:
    """Whether a ticket's money goes back, or has gone."""
    found = await tx.execute(
        "SELECT EXISTS (SELECT 1 FROM refund WHERE booking_id = :booking AND :ticket = ANY(ticket_ids)"
        " AND state NOT IN ('asked', 'refused'))",
        {"booking": booking_id, "ticket": ticket_id},
    )
    return bool(found.scalar_one())


async def by_reference(tx: Tx, reference: str) -> list[UUID]:
    """The refunds that a network calls so: one, or none that we know of (yet)."""
    rows = await tx.execute("SELECT id FROM refund WHERE reference = :reference", {"reference": reference})
    return list(rows.scalars())


async def recent(
    tx: Tx, *, issuer_id: UUID | None, state: str | None, after: UUID | None, limit: int
) -> list[sa.Row[Any]]:
    """Refunds for staff, latest first."""
    rows = await tx.execute(
        f"{REFUND} WHERE (CAST(:issuer AS uuid) IS NULL OR r.issuer_id = :issuer)"
        " AND (CAST(:state AS varchar) IS NULL OR r.state = :state)"
        " AND (CAST(:after AS uuid) IS NULL OR r.id < :after) ORDER BY r.id DESC LIMIT :limit",
        {"issuer": issuer_id, "state": state, "after": after, "limit": limit},
    )
    return list(rows)


async def lock_booking(tx: Tx, booking_id: UUID) -> sa.Row[Any] | None:
    """A booking's state and price, kept as they are: refunds of one booking are decided one after the other."""
    query = "SELECT id, state, amount, currency, buyer FROM booking WHERE id = :id FOR UPDATE"
    return (await tx.execute(query, {"id": booking_id})).first()


async def payments(tx: Tx, booking_id: UUID) -> list[sa.Row[Any]]:
    """The captured payments of a booking, and what of each neither went back nor was taken by a bank."""
    rows = await tx.execute(
        """
            SELECT m.id, m.provider, m.part, m.amount, greatest(0, m.amount - m.refunded - (
                SELECT coalesce(sum(d.amount), 0) FROM dispute d WHERE d.payment_id = m.id AND d.withdrawn
            )) AS remaining
            FROM payment m WHERE m.booking_id = :id AND m.state = 'captured' ORDER BY m.part
        """,
        {"id": booking_id},
    )
    return list(rows)


async def tickets(tx: Tx, booking_id: UUID) -> list[sa.Row[Any]]:
    """A booking's tickets with what each cost, what the register (or our copy of it) says of its use, and its refund.

    `refund_state` is that of a refund which was not refused; a ticket has at most one.
    """
    rows = await tx.execute(
        """
            SELECT t.id, t.number, t.state, t.handset, t.language, t.place_id, t.gift_of, t.booking_id, t.issuer_id,
                t.balance, i.amount, i.line,
                EXISTS (SELECT 1 FROM ticket g WHERE g.gift_of = t.id) AS given,
                t.gift_of IS NOT NULL AND t.handset <> i.handset AS received,
                -- By whoever had it: one right may have been several tickets, from hand to hand or issued anew.
                EXISTS (
                    SELECT 1 FROM ticket one JOIN credential x ON x.ticket_id = one.id
                    WHERE one.item_id = t.item_id AND one.booking_id = :id
                        AND (x.uses_left < x.uses OR x.balance < one.balance)
                ) AS used,
                c.uses_left, c.balance AS balance_left,
                (SELECT r.state FROM refund r WHERE r.booking_id = t.booking_id AND t.id = ANY(r.ticket_ids)
                    AND r.state <> 'refused' LIMIT 1) AS refund_state
            FROM ticket t JOIN booking_item i ON i.id = t.item_id LEFT JOIN credential c ON c.ticket_id = t.id
            WHERE t.booking_id = :id ORDER BY i.line, t.id
        """,
        {"id": booking_id},
    )
    return list(rows)


async def voucher_value(tx: Tx, ticket_id: UUID) -> int:
    """What a voucher can still buy, by the register or our copy of it, in minor units."""
    found = await tx.execute(
        "SELECT coalesce(c.balance, t.balance, 0) FROM ticket t LEFT JOIN credential c ON c.ticket_id = t.id"
        " WHERE t.id = :id",
        {"id": ticket_id},
    )
    return int(found.scalar_one())


async def shrink(tx: Tx, refund_id: UUID, *, amount: int, ticket_ids: Sequence[UUID], detail: str) -> None:
    """Some of the tickets turned out not to be returnable: the refund is of the others alone."""
    await tx.execute(
        "UPDATE refund SET amount = :amount, ticket_ids = :tickets, detail = :detail WHERE id = :id",
        {"id": refund_id, "amount": amount, "tickets": list(ticket_ids), "detail": detail},
    )


async def gone_back(tx: Tx, booking_id: UUID) -> int:
    """Minor units of a booking's refunds that are owed or were paid, for tickets."""
    found = await tx.execute(
        "SELECT coalesce(sum(amount), 0) FROM refund WHERE booking_id = :id AND reason <> 'late'"
        " AND state NOT IN ('asked', 'refused')",
        {"id": booking_id},
    )
    return int(found.scalar_one())


async def whole_payments(tx: Tx, booking_id: UUID) -> list[UUID]:
    """The captured payments of a booking of which everything has gone back."""
    rows = await tx.execute(
        "SELECT m.id FROM payment m WHERE m.booking_id = :id AND m.state = 'captured' AND m.amount ="
        " (SELECT coalesce(sum(amount), 0) FROM refund r WHERE r.payment_id = m.id AND r.state = 'succeeded')",
        {"id": booking_id},
    )
    return list(rows.scalars())


FORGOTTEN = """
    SELECT * FROM (
        SELECT DISTINCT coalesce(r.together_with, r.id) AS id, r.issuer_id FROM refund r
        WHERE r.state IN ('asked', 'due', 'pending') AND r.updated_at < :before
    ) open
    WHERE NOT EXISTS (
        SELECT 1 FROM outbox o WHERE o.topic = 'refund' AND o.payload->>'refund' = open.id::text
            AND (o.done_at IS NULL AND o.dead_at IS NULL OR o.key = open.id || :turn)
    )
    ORDER BY id LIMIT :limit
"""


async def forgotten(tx: Tx, *, before: datetime, turn: str, limit: int) -> list[sa.Row[Any]]:
    """Refunds that are open since `before` and that no worker is called to: the first ones of their askings.

    Those that a worker has been called to this `turn`, under a key that ends with it, have had theirs: many whose bank
    takes days keep no other waiting.
    """
    return list(await tx.execute(FORGOTTEN, {"before": before, "turn": turn, "limit": limit}))


async def failed(tx: Tx) -> int:
    """How many refunds failed and wait for a person."""
    return int((await tx.execute("SELECT count(*) FROM refund WHERE state = 'failed'")).scalar_one())
