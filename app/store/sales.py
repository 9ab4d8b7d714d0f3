"""Bookings and tickets, many at a time: the hot statements of a sale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingState
from app.domain.gift import Hand
from app.domain.ticket import TicketState
from app.store.bulk import columns_of, insert_many
from app.store.database import Tx
from app.store.locks import exclusively
from app.store.tables import Booking, BookingItem, Ticket


@dataclass(frozen=True, slots=True)
class NewItem:
    id: UUID
    price_id: UUID
    amount: int
    handset: str
    place_id: UUID | None
    origin_id: UUID | None
    destination_id: UUID | None
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class NewBooking:
    """A booking to write; its places are held already under its id. `buyer_limit` counts the product's live tickets."""

    id: UUID
    issuer_id: UUID
    product_id: UUID
    occasion_id: UUID
    language: str
    buyer: str
    amount: int
    currency: str
    expires_at: datetime
    link_hash: bytes
    complimentary: bool
    created_at: datetime
    items: tuple[NewItem, ...]
    buyer_limit: int | None


async def open_bookings(tx: Tx, asks: Sequence[NewBooking]) -> list[None]:
    """Write bookings with their items, whatever their buyers have already. It is one statement."""
    rows = [
        {name: getattr(ask, name) for name in NewBooking.__slots__ if name not in {"items", "buyer_limit"}}
        | {"state": BookingState.HELD}
        for ask in asks
    ]
    items = [
        {**columns_of(item), "issuer_id": ask.issuer_id, "booking_id": ask.id, "line": line}
        for ask in asks
        for line, item in enumerate(ask.items, 1)
    ]
    await insert_many(tx, BookingItem, items, beside=[(Booking, rows)])
    return [None] * len(asks)


async def open_limited(tx: Tx, asks: Sequence[NewBooking]) -> list[int | None]:
    """Write bookings of buyers who may have so many; answers per booking None, or how many more there may still be."""
    refused: dict[UUID, int] = {}
    for ask in asks:
        assert ask.buyer_limit is not None, "only a limit can be reached"
        left = ask.buyer_limit - await _count_of_buyer(tx, ask, [a for a in asks if a.id not in refused])
        if left < len(ask.items):
            refused[ask.id] = max(left, 0)
    await open_bookings(tx, [ask for ask in asks if ask.id not in refused])
    return [refused.get(ask.id) for ask in asks]


async def _count_of_buyer(tx: Tx, ask: NewBooking, together: Sequence[NewBooking]) -> int:
    """Live tickets this buyer has of the product, those of the same batch before this one included.

    The lock makes a second process wait, so that two halves of a limit are not taken at once.
    """
    await exclusively(tx, f"buyer-limit:{ask.product_id}:{ask.buyer}")
    found = await tx.execute(
        "SELECT count(*) FROM booking b JOIN booking_item i ON i.booking_id = b.id"
        " WHERE b.issuer_id = :issuer AND b.buyer = :buyer AND b.product_id = :product AND NOT b.complimentary"
        " AND (b.state IN ('paid', 'paying') OR b.state = 'held' AND b.expires_at > :now)",
        {"issuer": ask.issuer_id, "buyer": ask.buyer, "product": ask.product_id, "now": ask.created_at},
    )
    before = sum(
        len(other.items)
        for other in together[: [other.id for other in together].index(ask.id)]
        if (other.product_id, other.buyer) == (ask.product_id, ask.buyer)
    )
    return int(found.scalar_one()) + before


BOOKING = """
    SELECT b.*, ARRAY(
            SELECT place_id FROM booking_item WHERE booking_id = b.id AND place_id IS NOT NULL ORDER BY line
        ) AS places, i.served_by, i.fee_basis_points, i.slug AS issuer_slug, i.name AS issuer_name, i.timezone,
        p.kind, p.title, p.uses, p.face_value, p.valid_days, p.refund, p.transfer, p.slug AS product_slug,
        o.starts_at, o.ends_at, o.doors_at, o.admits_from, o.admits_until, o.code AS occasion_code,
        o.sms_code, o.slug AS occasion_slug, coalesce(v.name, pv.name) AS venue_name,
        coalesce(v.address, pv.address) AS venue_address
    FROM booking b JOIN issuer i ON i.id = b.issuer_id JOIN product p ON p.id = b.product_id
        JOIN occasion o ON o.id = b.occasion_id
        LEFT JOIN venue v ON v.id = o.venue_id LEFT JOIN venue pv ON pv.id = p.venue_id
"""


async def bookings(tx: Tx, identities: Sequence[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Bookings with what is needed of issuer, product, occasion and venue."""
    rows = await tx.execute(f"{BOOKING} WHERE b.id = ANY(:ids)", {"ids": list(identities)})
    return {row.id: row for row in rows}


async def bookings_by_link(tx: Tx, link_hashes: Sequence[bytes]) -> list[sa.Row[Any] | None]:
    """The booking behind each link."""
    rows = await tx.execute(f"{BOOKING} WHERE b.link_hash = ANY(:hashes)", {"hashes": list(link_hashes)})
    found = {row.link_hash: row for row in rows}
    return [found.get(link_hash) for link_hash in link_hashes]


async def shut_links(tx: Tx, buyer: str, *, issuer_id: UUID | None, chance: bytes) -> None:
    """Put what nobody can know behind which link the buyer's paid bookings are, of one issuer or of all."""
    await tx.execute(
        "UPDATE booking SET link_hash = sha256(booking.link_hash || CAST(:chance AS bytea)) FROM issuer i"
        " WHERE booking.issuer_id = i.id AND (CAST(:issuer AS uuid) IS NULL OR i.id = :issuer)"
        " AND booking.buyer = :buyer AND booking.state IN ('paid', 'paying')",
        {"buyer": buyer, "issuer": issuer_id, "chance": chance},
    )


async def bookings_to_pay(tx: Tx, identities: Sequence[UUID]) -> list[sa.Row[Any] | None]:
    """Each booking with its `places`; None where there is none."""
    found = await bookings(tx, identities)
    return [found.get(identity) for identity in identities]


async def items(tx: Tx, booking_ids: Sequence[UUID]) -> dict[UUID, list[sa.Row[Any]]]:
    """The items of each booking with their price's and place's words."""
    rows = await tx.execute(
        """
            SELECT i.*, r.category, r.name AS price_name, r.amount AS price_amount,
                l.section, l.row, l.seat, l.numbered, so.name AS origin_name, sd.name AS destination_name
            FROM booking_item i JOIN price r ON r.id = i.price_id LEFT JOIN place l ON l.id = i.place_id
                LEFT JOIN stop so ON so.id = i.origin_id LEFT JOIN stop sd ON sd.id = i.destination_id
            WHERE i.booking_id = ANY(:ids) ORDER BY i.booking_id, i.line
        """,
        {"ids": list(booking_ids)},
    )
    found: dict[UUID, list[sa.Row[Any]]] = {identity: [] for identity in booking_ids}
    for row in rows:
        found[row.booking_id].append(row)
    return found


async def move_items(tx: Tx, places: Sequence[tuple[UUID, UUID]]) -> None:
    """Give items other places of their category: (item, place) pairs."""
    identities, others = (list(column) for column in zip(*places, strict=True))
    await tx.execute(
        "UPDATE booking_item SET place_id = w.place_id FROM unnest(CAST(:items AS uuid[]), CAST(:places AS uuid[]))"
        " AS w(item_id, place_id) WHERE booking_item.id = w.item_id",
        {"items": identities, "places": others},
    )


# --- tickets --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewTicket:
    id: UUID
    issuer_id: UUID
    booking_id: UUID
    item_id: UUID
    product_id: UUID
    occasion_id: UUID
    place_id: UUID | None
    number: str
    code: int
    generation: int
    kid: int
    handset: str
    language: str
    uses: int
    balance: int | None
    valid_from: datetime
    valid_until: datetime
    link_hash: bytes
    gift_of: UUID | None = None
    came_by: Hand = Hand.SOLD
    holder: str | None = None
    """Whose it is; who gets it later is not that person."""


async def write_tickets(tx: Tx, tickets: Sequence[NewTicket], *, now: datetime) -> set[UUID]:
    """Write tickets; a number or code that is taken leaves its ticket out, to be tried again with another."""
    rows = [{**columns_of(ticket), "state": TicketState.VALID, "issued_at": now} for ticket in tickets]
    on_conflict = "ON CONFLICT (issuer_id, number) DO NOTHING RETURNING id"
    return {row.id for row in await insert_many(tx, Ticket, rows, on_conflict=on_conflict)}


TICKET = """
    SELECT t.*, i.served_by, i.slug AS issuer_slug, i.name AS issuer_name, i.timezone, i.currency,
        p.kind, p.title, p.face_value, p.transfer, p.transfer_minutes_before, p.entry_rules, p.slug AS product_slug,
        o.starts_at, o.code AS occasion_code,
        o.doors_at, o.slug AS occasion_slug, coalesce(v.name, pv.name) AS venue_name,
        coalesce(v.address, pv.address) AS venue_address,
        r.category, r.name AS price_name, r.position AS price_position, r.entrance, bi.amount,
        l.section, l.row, l.seat, l.numbered, so.name AS origin_name, sd.name AS destination_name, b.buyer,
        b.link_hash AS booking_link_hash,
        giver.handset AS given_by, gift.id AS given_as, gift.number AS given_number,
        gift.handset AS passed_to, gift.came_by AS passed_how,
        CASE WHEN gift.handset <> t.handset THEN gift.handset END AS given_to,
        t.gift_of IS NOT NULL AND t.handset <> bi.handset AS received
    FROM ticket t JOIN issuer i ON i.id = t.issuer_id JOIN product p ON p.id = t.product_id
        JOIN occasion o ON o.id = t.occasion_id JOIN booking b ON b.id = t.booking_id
        JOIN booking_item bi ON bi.id = t.item_id JOIN price r ON r.id = bi.price_id
        LEFT JOIN venue v ON v.id = o.venue_id LEFT JOIN venue pv ON pv.id = p.venue_id
        LEFT JOIN place l ON l.id = t.place_id
        LEFT JOIN stop so ON so.id = bi.origin_id LEFT JOIN stop sd ON sd.id = bi.destination_id
        LEFT JOIN ticket giver ON giver.id = t.gift_of LEFT JOIN ticket gift ON gift.gift_of = t.id
"""


async def tickets_of(tx: Tx, booking_id: UUID) -> list[sa.Row[Any]]:
    rows = await tx.execute(f"{TICKET} WHERE t.booking_id = :id ORDER BY bi.line, t.id", {"id": booking_id})
    return list(rows)


async def ticket(tx: Tx, ticket_id: UUID) -> sa.Row[Any] | None:
    return (await tx.execute(f"{TICKET} WHERE t.id = :id", {"id": ticket_id})).first()


async def tickets(tx: Tx, identities: Sequence[UUID]) -> list[sa.Row[Any] | None]:
    """Each of these tickets; None where there is none."""
    rows = await tx.execute(f"{TICKET} WHERE t.id = ANY(:ids)", {"ids": list(identities)})
    found = {row.id: row for row in rows}
    return [found.get(identity) for identity in identities]


async def ticket_by_link(tx: Tx, link_hash: bytes) -> sa.Row[Any] | None:
    return (await tx.execute(f"{TICKET} WHERE t.link_hash = :hash", {"hash": link_hash})).first()


async def ticket_by_number(tx: Tx, *, issuer_id: UUID | None, number: str) -> sa.Row[Any] | None:
    """By the number a person types; without an issuer only where the number names one ticket."""
    rows = (
        await tx.execute(
            f"{TICKET} WHERE t.number = :number AND (CAST(:issuer AS uuid) IS NULL OR t.issuer_id = :issuer)",
            {"number": number, "issuer": issuer_id},
        )
    ).all()
    return rows[0] if len(rows) == 1 else None


async def run_out(tx: Tx, *, now: datetime, limit: int) -> list[sa.Row[Any]]:
    """Held bookings whose time is over, and whether anybody tried to pay them."""
    rows = await tx.execute(
        "SELECT id, issuer_id, EXISTS (SELECT 1 FROM payment p WHERE p.booking_id = b.id) AS tried FROM booking b"
        " WHERE state = 'held' AND expires_at < :now ORDER BY expires_at LIMIT :limit",
        {"now": now, "limit": limit},
    )
    return list(rows)
