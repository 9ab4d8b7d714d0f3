"""Owing: once tickets are revoked at the issuer their money is a debt, in one transaction with all that follows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.refund import Purse, RefundEvent, RefundReason, RefundState, split
from app.domain.ticket import TicketEvent
from app.flows.books import ledger
from app.flows.owing import owe_messages, to_holder
from app.store import journal, outbox, refunds, sales
from app.store.database import Tx
from app.store.moves import move_many
from app.store.outbox import Owed
from app.store.tables import Refund, Ticket
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World

WHY = "returned; its money goes back"
USED_MEANWHILE = "some of the tickets were used or given away before they could be revoked"


async def owe(world: World, refund_id: UUID, taken: Collection[UUID]) -> list[sa.Row[Any]]:
    """The tickets in `taken` open no gate any more: owe their money, refuse the rest. The refunds as they stand then.

    A ticket that was given on before it was taken back is its receiver's, and counts as not taken.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        (first, *_) = await refunds.group(tx, refund_id)
        await refunds.lock_booking(tx, first.booking_id)
        rows = await refunds.group(tx, refund_id)
        if rows[0].state == RefundState.ASKED:  # else somebody else has done this
            tickets = {one.id: one for one in await refunds.tickets(tx, first.booking_id)}
            back = [tickets[one] for one in first.ticket_ids if one in taken and not tickets[one].given]
            owed = await _fit(tx, rows, back, now=now)
            if back:
                await _consequences(tx, world, rows[0], owed, back, now=now)
            await _remember(tx, rows[0], back, amount=sum(amount for _, amount in owed), now=now)
            rows = await refunds.group(tx, refund_id)
    return rows


async def _fit(
    tx: Tx, rows: Sequence[sa.Row[Any]], back: Sequence[sa.Row[Any]], *, now: datetime
) -> list[tuple[UUID, int]]:
    """Make each refund as large as the tickets that came back, refuse those with nothing left; (id, amount) owed."""
    purses = [Purse(row.id, row.provider, row.amount) for row in rows]
    amounts = dict(split(sum(one.amount for one in back), purses))
    for row in rows:
        amount = amounts.get(row.id, 0)
        if amount < row.amount:
            await refunds.give_up(tx, [(row.payment_id, row.amount - amount)])
            kept_ids = [one.id for one in back] if amount else row.ticket_ids
            await refunds.shrink(tx, row.id, amount=amount or row.amount, ticket_ids=kept_ids, detail=USED_MEANWHILE)
    await move_many(tx, Refund, [row.id for row in rows if row.id not in amounts], RefundEvent.REFUSE, updated_at=now)
    await move_many(tx, Refund, list(amounts), RefundEvent.OWE, updated_at=now)
    return list(amounts.items())


async def _consequences(
    tx: Tx,
    world: World,
    first: sa.Row[Any],
    owed: Sequence[tuple[UUID, int]],
    back: Sequence[sa.Row[Any]],
    *,
    now: datetime,
) -> None:
    """The tickets are worthless here too, the books say what is owed, and everybody hears of it.

    Nothing is owed where only tickets came back that had cost nothing.
    """
    booking = (await sales.bookings(tx, [first.booking_id]))[first.booking_id]
    moved = await move_many(tx, Ticket, [one.id for one in back], TicketEvent.REVOKE, revoked_at=now, revoked_why=WHY)
    before = await refunds.gone_back(tx, booking.id) - sum(amount for _, amount in owed)
    # What an earlier revocation took from a voucher has been its issuer's since then.
    vouchers = [one for one in back if one.id in moved and one.balance is not None]
    value = sum(one.balance if one.balance_left is None else one.balance_left for one in vouchers)
    await ledger.refund_due(tx, world, booking, owed, asking=first.id, before=before, voucher_value=value, now=now)
    if owed:
        told = await refunds.tell_buyer(tx, first.id, booking.issuer_id, booking.id, booking.buyer, now=now)
        letter = Owed(world.entropy.uuid(), booking.issuer_id, Topic.DELIVER, str(told), {"delivery": str(told)})
        await outbox.put(tx, [letter], now=now)
    await _tell_others(tx, world, [one for one in back if one.id in moved and one.handset != booking.buyer], now=now)
    await outbox.put(tx, [_free(world, one) for one in back], now=now)


async def _tell_others(tx: Tx, world: World, tickets: Sequence[sa.Row[Any]], *, now: datetime) -> None:
    """Who is not the buyer cannot know why the ticket opens no gate any more."""
    await owe_messages(tx, world, [to_holder(world, Purpose.REVOKED, one) for one in tickets], now=now)


def _free(world: World, ticket: sa.Row[Any]) -> Owed:
    """Put the ticket's place back on sale; that of a used one stays taken, for somebody sits there."""
    free = [str(ticket.place_id)] if ticket.place_id is not None and not ticket.used else []
    payload = {"ticket": str(ticket.id), "free": free}
    return Owed(world.entropy.uuid(), ticket.issuer_id, Topic.REVOKE, f"refund-{ticket.id}", payload)


async def _remember(tx: Tx, first: sa.Row[Any], back: Sequence[sa.Row[Any]], *, amount: int, now: datetime) -> None:
    """What staff did stands in the journal."""
    if first.reason != RefundReason.STAFF:
        return
    await journal.append(
        tx,
        chain=first.issuer_slug,
        issuer_id=first.issuer_id,
        actor=first.asked_by,
        action="refund" if amount else "refund refused",
        subject=f"booking {first.booking_id}",
        details={
            "refund": str(first.id),
            "amount": amount,
            "currency": first.currency,
            "tickets": [one.number for one in back],
            "used_too": first.used_too,
            "note": first.note,
        },
        now=now,
    )
