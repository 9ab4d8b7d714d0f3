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
from app.flows.books.ledger import PaidPart
from app.flows.owing import owe_messages, to_holder
from app.store import payments, sales
from app.store.database import Tx
from app.store.moves import move_many
from app.store.outbox import Owed
from app.store.sales import NewTicket
from app.store.tables import Booking, Payment
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World

NUMBER_TRIES_MAX = 8
OWED_FOR_TICKETS = (Topic.DELIVER, Topic.REGISTER)


@dataclass(frozen=True, slots=True)
class Completion:
    """A booking whose money is in, or that costs nothing (no payments): `world` says whose time and chance is used."""

    world: World
    booking: sa.Row[Any]
    """As `sales.bookings` gives it; what is read of it here does not change once it is there."""
    parts: tuple[PaidPart, ...] = ()
    """All of the attempt that paid it, in their order."""
    references: tuple[tuple[UUID, str], ...] = ()
    """Names that a network gave its payments only when it took them."""

    @property
    def booking_id(self) -> UUID:
        identity: UUID = self.booking.id
        return identity

    @property
    def payment_ids(self) -> list[UUID]:
        return [part.payment_id for part in self.parts]


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
    by_booking = {ask.booking_id: ask for ask in asked}
    paid = [by_booking[identity] for identity in sorted(moved)]
    count = await issue(tx, world, [ask.booking for ask in paid], now=now)
    sold = [ledger.Sold(ask.booking, ask.parts, count[ask.booking_id]) for ask in paid]
    await ledger.sale(tx, world, sold, now=now)
    return [ask.booking_id in moved for ask in asks]


async def _whole(tx: Tx, asks: Sequence[Completion]) -> list[Completion]:
    """Those whose parts are all open still: one that was given up in part must not be captured in part."""
    several = [payment_id for ask in asks if len(ask.payment_ids) > 1 for payment_id in ask.payment_ids]
    if not several:
        return list(asks)
    states = await payments.states(tx, several, lock=True)
    over = {payment_id for payment_id, state in states.items() if state not in OPEN}
    return [ask for ask in asks if over.isdisjoint(ask.payment_ids)]


async def issue(tx: Tx, world: World, bookings: Sequence[sa.Row[Any]], *, now: datetime) -> dict[UUID, int]:
    """Write the tickets of bookings that have just become paid, and owe their delivery and registration.

    Gives how many tickets each of them has.
    """
    items = await sales.items(tx, [booking.id for booking in bookings])
    tickets = [_ticket(world, booking, item, now) for booking in bookings for item in items[booking.id]]
    await owe(tx, world, await write(tx, world, tickets, now=now), now=now)
    return {identity: len(found) for identity, found in items.items()}


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
    entries = [
        Owed(world.entropy.uuid(), one.issuer_id, Topic.REGISTER, str(one.id), {"ticket": str(one.id)})
        for one in tickets
    ]
    told = [to_holder(world, Purpose.TICKET, one) for one in tickets]
    await owe_messages(tx, world, told, now=now, also=entries)


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
