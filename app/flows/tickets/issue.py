"""Issuing: tickets, their messages and their registration, all in the transaction that makes the booking paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingEvent
from app.domain.credential import CodeId, link_token_for, ticket_number
from app.domain.payment import OPEN, PaymentEvent
from app.domain.ticket import Kind, validity
from app.flows.books import ledger
from app.store import messages, outbox, payments, sales
from app.store.database import Tx
from app.store.messages import NewDelivery
from app.store.moves import move_many
from app.store.outbox import Owed
from app.store.sales import NewTicket
from app.store.tables import Booking, Payment
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World

NUMBER_TRIES_MAX = 8


@dataclass(frozen=True, slots=True)
class Completion:
    """A booking whose money is in, or that costs nothing (no payments): `world` says whose time and chance is used."""

    world: World
    booking_id: UUID
    payment_ids: tuple[UUID, ...] = ()
    """All parts of the attempt that paid it."""
    references: tuple[tuple[UUID, str], ...] = ()
    """Names that a network gave its payments only when it took them."""


async def complete(tx: Tx, asks: Sequence[Completion]) -> list[bool]:
    """PAYING -> PAID with tickets and what is owed for them; False where the attempt had come to its end before.

    The payments move first: an attempt that was given up must not approve a booking that waits for another one.
    """
    world = asks[0].world
    now = world.clock.now()
    asked = await _whole(tx, asks)
    await payments.remember_references(tx, [one for ask in asked for one in ask.references])
    paying = [payment_id for ask in asked for payment_id in ask.payment_ids]
    captured = await move_many(tx, Payment, paying, PaymentEvent.CAPTURE, updated_at=now)
    ready = [ask.booking_id for ask in asked if captured.issuperset(ask.payment_ids)]
    moved = await move_many(tx, Booking, ready, BookingEvent.APPROVE, settled_at=now)
    assert all(ask.booking_id in moved for ask in asked if captured.intersection(ask.payment_ids)), (
        "while an attempt is open its booking waits for it, and for the whole of it"
    )
    await issue(tx, world, sorted(moved), now=now)
    await ledger.sale(tx, world, sorted(moved), now=now)
    return [ask.booking_id in moved for ask in asks]


async def _whole(tx: Tx, asks: Sequence[Completion]) -> list[Completion]:
    """Those whose parts are all open still: one that was given up in part must not be captured in part."""
    several = [payment_id for ask in asks if len(ask.payment_ids) > 1 for payment_id in ask.payment_ids]
    if not several:
        return list(asks)
    states = await payments.states(tx, several, lock=True)
    over = {payment_id for payment_id, state in states.items() if state not in OPEN}
    return [ask for ask in asks if over.isdisjoint(ask.payment_ids)]


async def issue(tx: Tx, world: World, booking_ids: Sequence[UUID], *, now: datetime) -> None:
    """Write the tickets of bookings that have just become paid, and owe their delivery and registration."""
    bookings = await sales.bookings(tx, booking_ids)
    items = await sales.items(tx, booking_ids)
    tickets: list[NewTicket] = []
    for booking_id in booking_ids:
        tickets += [_ticket(world, bookings[booking_id], item, now) for item in items[booking_id]]
    tickets = await write(tx, world, tickets, now=now)
    await owe(tx, world, tickets, now=now)


def _ticket(world: World, booking: sa.Row[Any], item: sa.Row[Any], now: datetime) -> NewTicket:
    identity = world.entropy.uuid()
    keys = world.house.keys
    span = validity(
        issued_at=now,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        admits_from=booking.admits_from,
        admits_until=booking.admits_until,
        doors_at=booking.doors_at,
        valid_days=booking.valid_days,
    )
    return NewTicket(
        id=identity,
        issuer_id=booking.issuer_id,
        booking_id=booking.id,
        item_id=item.id,
        product_id=booking.product_id,
        occasion_id=booking.occasion_id,
        place_id=item.place_id,
        number=ticket_number(world.entropy.bytes(8)),
        code=new_code(world),
        generation=1,
        kid=keys.kid,
        handset=item.handset,
        language=booking.language,
        uses=booking.uses,
        balance=booking.face_value if booking.kind == Kind.VOUCHER else None,
        valid_from=span.starts,
        valid_until=span.ends,
        link_hash=link_token_for(keys.link_mac(keys.kid), ticket_id=identity, generation=1).digest(),
        holder=item.holder,
    )


def new_code(world: World) -> CodeId:
    """63 bits of chance: PostgreSQL's bigint has a sign."""
    return CodeId(int.from_bytes(world.entropy.bytes(8), "big") >> 1)


async def write(tx: Tx, world: World, tickets: Sequence[NewTicket], *, now: datetime) -> list[NewTicket]:
    """Write tickets, giving another number to one whose number was taken."""
    written: list[NewTicket] = []
    waiting = list(tickets)
    for _ in range(NUMBER_TRIES_MAX):
        done = await sales.write_tickets(tx, waiting, now=now)
        written += [ticket for ticket in waiting if ticket.id in done]
        waiting = [
            _renumbered(ticket, ticket_number(world.entropy.bytes(8)), new_code(world))
            for ticket in waiting
            if ticket.id not in done
        ]
        if not waiting:
            return written
    raise RuntimeError(f"no free ticket number in {NUMBER_TRIES_MAX} tries: the issuer's numbers are nearly used up")


def _renumbered(ticket: NewTicket, number: str, code: int) -> NewTicket:
    fields = {name: getattr(ticket, name) for name in NewTicket.__slots__}
    return NewTicket(**{**fields, "number": number, "code": code})


async def owe(tx: Tx, world: World, tickets: Sequence[NewTicket], *, now: datetime) -> None:
    """The patent's "at the same time": one message to the handset and one entry to the issuer, per ticket."""
    deliveries = [
        NewDelivery(
            id=world.entropy.uuid(),
            issuer_id=ticket.issuer_id,
            purpose=Purpose.TICKET,
            handset=ticket.handset,
            booking_id=ticket.booking_id,
            ticket_id=ticket.id,
        )
        for ticket in tickets
    ]
    await messages.queue(tx, deliveries, now=now)
    await outbox.put(tx, [owed_delivery(world, one) for one in deliveries] + [
        Owed(world.entropy.uuid(), one.issuer_id, Topic.REGISTER, str(one.id), {"ticket": str(one.id)})
        for one in tickets
    ], now=now)  # fmt: skip


def owed_delivery(world: World, delivery: NewDelivery) -> Owed:
    payload = {"delivery": str(delivery.id)}
    return Owed(world.entropy.uuid(), delivery.issuer_id, Topic.DELIVER, str(delivery.id), payload)


def label(ticket: sa.Row[Any]) -> Mapping[str, Any]:
    """What the steward is to read when the ticket is presented."""
    return {
        "title": ticket.title,
        "category": ticket.price_name,
        "section": ticket.section,
        "row": ticket.row,
        "seat": ticket.seat,
        "origin": ticket.origin_name,
        "destination": ticket.destination_name,
        "starts_at": ticket.starts_at.isoformat() if ticket.starts_at else None,
        "handset": ticket.handset[-4:],
        "entrance": ticket.entrance,
        "holder": ticket.holder,
    }
