"""Showing: the barcodes of a ticket, made when somebody looks; and who may look."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import barcode
from app.domain import credential
from app.domain.credential import Body, CodeId, Flag, LinkToken, compact_text, signed_text, validity
from app.domain.entry_rules import STATIC, EntryRules, Face
from app.domain.lasting import Lasting
from app.domain.refusals import NotDrawable, NotFound, WrongState
from app.domain.ticket import Kind, TicketState
from app.pins import pin_of_row
from app.store import messages, payments, refunds, register, sales
from app.store.database import Tx
from app.world import World

CLASS_MAX = 0xFFFF
SCALE_MAX = 20


def signed_code(world: World, ticket: sa.Row[Any]) -> str:
    """CT1: verifiable with public keys alone."""
    return signed_text(_body(world, ticket), world.house.keys.signer.sign)


def living_part(world: World, ticket: sa.Row[Any], holder_key: bytes) -> bytes:
    """What the handset with this key needs to show the ticket as a living barcode (CTL), 120 octets.

    `holder_key` is a compressed P-256 point, 33 octets. Signed with the current barcode key, so another each time it
    is asked for; all of them stay good.
    """
    return credential.living_part(_body(world, ticket), holder_key, world.house.keys.signer.sign)


def _body(world: World, ticket: sa.Row[Any]) -> Body:
    """What a barcode says of the ticket, to be signed with the current barcode key."""
    begins, minutes = validity(ticket.valid_from, ticket.valid_until)
    flags = Flag(0)
    if ticket.uses > 1:
        flags |= Flag.MULTI_RIDE
    if ticket.kind == Kind.VOUCHER:
        flags |= Flag.STORED_VALUE
    if ticket.handset != ticket.buyer:
        flags |= Flag.GIFT
    return Body(
        kid=world.house.keys.signer.kid,
        code_id=CodeId(ticket.code),
        occasion_code=ticket.occasion_code,
        class_code=min(ticket.price_position, CLASS_MAX),
        not_before_minute=begins,
        duration_minutes=minutes,
        flags=flags,
    )


def compact_code(world: World, ticket: sa.Row[Any]) -> str:
    """CT0: small enough for the smallest screens."""
    mac = world.house.keys.compact_mac(ticket.kid, issuer_id=ticket.issuer_id, occasion_code=ticket.occasion_code)
    return compact_text(CodeId(ticket.code), mac)


def faces(ticket: sa.Row[Any]) -> frozenset[Face]:
    """The faces that are of any use to its holder: a gate takes them, or, a voucher's PIN, a payment does."""
    taken = EntryRules.of(ticket.entry_rules).opens(bound=ticket.device_id is not None)
    return taken | {Face.PIN} if ticket.kind == Kind.VOUCHER else taken


def is_pictured(ticket: sa.Row[Any]) -> bool:
    """Whether a picture of it opens anything; not where the product wants the living barcode of a handset."""
    return not STATIC.isdisjoint(faces(ticket))


def lasting(ticket: sa.Row[Any], entry: sa.Row[Any] | None) -> Lasting:
    """How long the ticket is good; `entry` is the register's, None where it is another house's or unknown there yet."""
    begun = None if entry is None else entry.activated_until
    return Lasting(
        starts_at=ticket.starts_at,
        ends=ticket.valid_until if begun is None else min(ticket.valid_until, begun),
        timezone=ticket.timezone,
        minutes=EntryRules.of(ticket.entry_rules).window_minutes,
        begun=begun is not None,
        ride=ticket.kind == Kind.RIDE,
    )


async def lasting_of(tx: Tx, ticket: sa.Row[Any]) -> Lasting:
    """How long the ticket is good; the register is asked where its first use may have begun that."""
    if EntryRules.of(ticket.entry_rules).window_minutes is None:
        return lasting(ticket, None)
    found = await register.entries(tx, [ticket.id], issuer_id=ticket.issuer_id)
    return lasting(ticket, next(iter(found), None))


def holders_pin(world: World, ticket: sa.Row[Any]) -> str:
    """The ticket's PIN; empty where it opens nothing."""
    if Face.PIN not in faces(ticket):
        return ""
    return pin_of_row(world.house.keys, ticket).reveal()


@dataclass(frozen=True, slots=True)
class Picture:
    body: bytes
    media_type: str
    etag: str


async def picture(
    world: World, ticket: sa.Row[Any], form: str, *, face: str, scale: int, width: int, height: int
) -> Picture:
    """The barcode as svg, png or wbmp; raises NotDrawable. `face` is ct1 or ct0; a WBMP picks the one that fits."""
    if ticket.state == TicketState.SUSPENDED:
        raise NotDrawable("This ticket's payment is disputed with the bank; it has no barcode until that is decided.")
    if ticket.state != TicketState.VALID:
        raise NotDrawable("This ticket was revoked; it has no barcode any more.")
    if not is_pictured(ticket):
        raise NotDrawable("Gates take this ticket from the handset that has it, not from a picture. Open it there.")
    name = f"{ticket.id}:{ticket.generation}:{world.house.keys.signer.kid}:{form}:{face}:{scale}:{width}x{height}"
    etag = hashlib.sha256(name.encode()).hexdigest()[:32]
    text = signed_code(world, ticket) if face == "ct1" else compact_code(world, ticket)
    if form == "svg":
        return Picture((await asyncio.to_thread(_svg, text)).encode(), "image/svg+xml", etag)
    if form == "png":
        return Picture(await asyncio.to_thread(_png, text, min(scale, SCALE_MAX)), "image/png", etag)
    compact, signed = compact_code(world, ticket), signed_code(world, ticket)
    try:
        body = await asyncio.to_thread(barcode.wbmp_for, barcode.Screen(width, height), compact=compact, signed=signed)
    except ValueError as fault:
        raise NotDrawable(f"{fault}.") from None
    return Picture(body, "image/vnd.wap.wbmp", etag)


def _svg(text: str) -> str:
    return barcode.svg(barcode.draw(text))


def _png(text: str, scale: int) -> bytes:
    return barcode.png(barcode.draw(text), scale=scale)


async def ticket(world: World, ticket_id: UUID) -> sa.Row[Any]:
    """Raises NotFound."""
    async with world.transaction() as tx:
        row = await sales.ticket(tx, ticket_id)
    if row is None:
        raise NotFound("There is no such ticket.")
    return row


async def ticket_by_link(world: World, token: str) -> sa.Row[Any]:
    """The ticket behind a message's link; raises NotFound, also for a link of an earlier generation."""
    try:
        digest = LinkToken(token).digest()
    except ValueError:
        raise NotFound("This ticket link is not complete. Open it from the message again.") from None
    async with world.transaction() as tx:
        row = await sales.ticket_by_link(tx, digest)
    if row is None:
        raise NotFound("There is no ticket behind this link.")
    if row.state != TicketState.REVOKED and world.house.keys.was_dropped(row.kid):
        raise WrongState(
            "This ticket is being issued anew: the key behind its codes was withdrawn. The new one comes by message.",
            reason="key_dropped",
        )
    return row


class Use(StrEnum):
    """Whether a ticket still opens a gate, and if not, why not."""

    GOOD = "good"
    GIVEN = "given"
    """With another handset now."""
    SUSPENDED = "suspended"
    """Its payment is disputed: a gate refuses it until the bank has decided."""
    REFUNDED = "refunded"
    """Returned: its money goes back, or has gone."""
    REVOKED = "revoked"
    EXPIRED = "expired"
    USED = "used"


@dataclass(frozen=True, slots=True)
class Card:
    """A ticket as its holder sees it. `pin` is a secret of the holder; it is empty where it opens nothing.

    `uses_left` and `balance` are the register's, None where it is another house's or does not know the ticket yet.
    """

    ticket: sa.Row[Any]
    use: Use
    pin: str = field(repr=False)
    uses_left: int | None
    balance: int | None
    lasting: Lasting

    @property
    def ends(self) -> datetime:
        """With its time, or with the window that its first use began."""
        return self.lasting.ends


async def card(world: World, ticket: sa.Row[Any]) -> Card:
    """What the page behind a message's link shows."""
    async with world.transaction() as tx:
        entry = next(iter(await register.entries(tx, [ticket.id], issuer_id=ticket.issuer_id)), None)
        returned = ticket.state == TicketState.REVOKED and await refunds.is_returned(tx, ticket.id, ticket.booking_id)
    uses_left = entry.uses_left if entry else None
    balance = entry.balance if entry else ticket.balance
    time = lasting(ticket, entry)
    use = Use.REFUNDED if returned else _use_of(ticket, uses_left, balance, time.ends, now=world.clock.now())
    return Card(ticket, use, holders_pin(world, ticket) if use is Use.GOOD else "", uses_left, balance, time)


def _use_of(ticket: sa.Row[Any], uses_left: int | None, balance: int | None, ends: datetime, *, now: datetime) -> Use:
    """Where people may come in again, a ticket whose uses are made is good until its time is over."""
    if ticket.state == TicketState.SUSPENDED:
        return Use.SUSPENDED
    if ticket.state != TicketState.VALID:
        return Use.GIVEN if ticket.given_to else Use.REVOKED
    if balance == 0 or (uses_left == 0 and not EntryRules.of(ticket.entry_rules).reentry):
        return Use.USED
    return Use.EXPIRED if now >= ends else Use.GOOD


@dataclass(frozen=True, slots=True)
class BookingView:
    """A booking with everything its page shows."""

    booking: sa.Row[Any]
    items: list[sa.Row[Any]]
    payments: list[sa.Row[Any]]
    deliveries: list[sa.Row[Any]]
    refunds: list[sa.Row[Any]]


async def booking(world: World, booking_id: UUID) -> BookingView:
    """Raises NotFound."""
    async with world.transaction() as tx:
        row = (await sales.bookings(tx, [booking_id])).get(booking_id)
        if row is None:
            raise NotFound("There is no such booking.")
        items = (await sales.items(tx, [booking_id]))[booking_id]
        return BookingView(
            row,
            items,
            await payments.of_booking(tx, booking_id),
            await messages.of_booking(tx, booking_id),
            await refunds.of_booking(tx, booking_id),
        )


async def booking_by_link(world: World, link_hash: bytes) -> sa.Row[Any]:
    """Raises NotFound."""
    row = await world.database.together(sales.bookings_by_link, link_hash, atomic=False)
    if row is None:
        raise NotFound("There is no booking behind this link.")
    return row


async def tickets(world: World, booking_id: UUID) -> list[sa.Row[Any]]:
    async with world.transaction() as tx:
        return await sales.tickets_of(tx, booking_id)
