"""Registering and revoking: the issuer learns of each ticket sold, and of each that no longer counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.refusals import NotFound, WrongState
from app.domain.ticket import Kind, TicketEvent
from app.flows.booking.sales_status import LOCAL, issuer_of
from app.flows.books import ledger
from app.flows.outcome import Done
from app.flows.owing import owe_messages, to_holder
from app.flows.tickets.issue import label
from app.flows.tickets.show import compact_code
from app.pins import pin_of_row
from app.ports import Registration
from app.store import journal, refunds, sales
from app.store import register as entries
from app.store.database import Tx
from app.store.moves import move_many
from app.store.outbox import Owed
from app.store.tables import Ticket
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World


async def register(world: World, ticket_id: UUID) -> Done:
    """Tell the issuer of a ticket sold; the issuer keeps what it already has. Raises IssuerAway.

    Of an entry in another server's register a copy is kept here, which the issuer's changes then keep up to date.
    """
    ticket = await world.database.together(sales.tickets, ticket_id, atomic=False)
    assert ticket is not None, "a ticket to register was written with its registration"
    issuer = issuer_of(world, ticket.served_by)
    if ticket.served_by == LOCAL:
        await issuer.register(registration(ticket))
        return Done()
    await issuer.register(_with_secrets(world, ticket))
    async with world.transaction() as tx:
        await entries.register(tx, [registration(ticket)], now=world.clock.now())
    return Done()


def _with_secrets(world: World, ticket: sa.Row[Any]) -> Registration:
    """With what its holder shows: another server cannot derive that, and keeps no more than digests of it."""
    pin = pin_of_row(world.house.keys, ticket)
    return replace(registration(ticket), pin=pin.reveal(), compact=compact_code(world, ticket))


def registration(ticket: sa.Row[Any]) -> Registration:
    """What the issuer learns of a ticket."""
    return Registration(
        ticket_id=ticket.id,
        issuer_id=ticket.issuer_id,
        number=ticket.number,
        code=ticket.code,
        generation=ticket.generation,
        kid=ticket.kid,
        kind=Kind(ticket.kind),
        product_id=ticket.product_id,
        occasion_id=ticket.occasion_id,
        occasion_code=ticket.occasion_code,
        label=label(ticket),
        uses=ticket.uses,
        balance=ticket.balance,
        valid_from=ticket.valid_from,
        valid_until=ticket.valid_until,
        entrance=ticket.entrance,
    )


async def revoke(
    world: World, ticket_id: UUID, *, reason: str, free_place: bool, tell_holder: bool, by: str = "staff"
) -> None:
    """Make a ticket worthless here and now, owe the issuer the news; raises NotFound, WrongState.

    Its money stays where it is: staff may still return it (flows/returning/refund_desk.py). `by` stands in the journal.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
        if ticket is None:
            raise NotFound("There is no such ticket.")
        moved = await move_many(tx, Ticket, [ticket_id], TicketEvent.REVOKE, revoked_at=now, revoked_why=reason[:200])
        if not moved:
            raise WrongState("This ticket was revoked already.")
        payload = {"ticket": str(ticket_id), "free": [str(ticket.place_id)] if free_place and ticket.place_id else []}
        owed = [Owed(world.entropy.uuid(), ticket.issuer_id, Topic.REVOKE, str(ticket_id), payload)]
        told = [to_holder(world, Purpose.REVOKED, ticket)] if tell_holder else []
        await owe_messages(tx, world, told, now=now, also=owed)
        await _remember(tx, world, ticket, reason, by)
    await world.memory.wake()


async def _remember(tx: Tx, world: World, ticket: sa.Row[Any], reason: str, by: str) -> None:
    """What a revoked voucher could still buy is its issuer's from now on; who revoked stands in the journal."""
    now = world.clock.now()
    if ticket.kind == Kind.VOUCHER and (left := await refunds.voucher_value(tx, ticket.id)):
        await ledger.voided(tx, world, ticket, left, now=now)
    await journal.append(
        tx,
        chain=ticket.issuer_slug,
        issuer_id=ticket.issuer_id,
        actor=by,
        action="ticket revoked",
        subject=f"ticket {ticket.id}",
        details={"number": ticket.number, "reason": reason},
        now=now,
    )


async def tell_revoked(world: World, ticket_id: UUID, free: list[UUID]) -> Done:
    """Tell the issuer. The ticket is registered first, so that a revocation cannot be overtaken by it."""
    await register(world, ticket_id)
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
    assert ticket is not None, "a revoked ticket stays on the books"
    await issuer_of(world, ticket.served_by).revoke(
        issuer_id=ticket.issuer_id, ticket_id=ticket_id, key=ticket.booking_id, free=free
    )
    return Done()


async def release(world: World, booking_id: UUID) -> Done:
    """Tell the issuer that a booking wants nothing of it any more."""
    async with world.transaction() as tx:
        booking = (await sales.bookings(tx, [booking_id]))[booking_id]
    if booking.state in {"expired", "cancelled"}:
        await issuer_of(world, booking.served_by).release(issuer_id=booking.issuer_id, key=booking_id)
    return Done()
