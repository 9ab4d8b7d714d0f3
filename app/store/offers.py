"""Offers of tickets to other handsets. One whose time is over, or whose ticket is, is open no more by that alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.gift import OfferEvent, OfferState
from app.store.bulk import columns_of, insert_many
from app.store.database import Tx
from app.store.moves import move_many
from app.store.tables import Offer

LISTED_MAX = 100


@dataclass(frozen=True, slots=True)
class NewOffer:
    """An offer to write. `uses` and `balance` are what the receiver is told is left of the ticket."""

    id: UUID
    issuer_id: UUID
    ticket_id: UUID
    giver: str
    receiver: str
    asked: int
    """Minor units of e-money."""
    currency: str
    uses: int
    balance: int | None
    until: datetime
    link_hash: bytes


async def write(tx: Tx, offer: NewOffer, *, now: datetime) -> None:
    """The caller holds the ticket still, and has looked that no other offer of it is open."""
    await insert_many(tx, Offer, [{**columns_of(offer), "state": OfferState.OPEN, "created_at": now}])


OFFER = """
    SELECT f.*, t.state AS ticket_state, t.number, t.language, t.kid, became.number AS became_number,
        p.title, o.starts_at, r.category, l.section, l.row, l.seat
    FROM offer f JOIN ticket t ON t.id = f.ticket_id LEFT JOIN ticket became ON became.id = f.became
        JOIN product p ON p.id = t.product_id JOIN occasion o ON o.id = t.occasion_id
        JOIN booking_item i ON i.id = t.item_id JOIN price r ON r.id = i.price_id LEFT JOIN place l ON l.id = t.place_id
"""


async def offer(tx: Tx, offer_id: UUID) -> sa.Row[Any] | None:
    return (await tx.execute(f"{OFFER} WHERE f.id = :id", {"id": offer_id})).first()


async def by_link(tx: Tx, link_hash: bytes) -> sa.Row[Any] | None:
    return (await tx.execute(f"{OFFER} WHERE f.link_hash = :hash", {"hash": link_hash})).first()


async def of_ticket(tx: Tx, ticket_id: UUID) -> sa.Row[Any] | None:
    """The offer of a ticket that nobody has answered, be its time over or not."""
    return (await tx.execute(f"{OFFER} WHERE f.ticket_id = :id AND f.state = 'open'", {"id": ticket_id})).first()


async def of_handset(tx: Tx, handset: str, *, now: datetime) -> Sequence[sa.Row[Any]]:
    """What is on offer to a handset now, and what it offers itself, the newest first."""
    rows = await tx.execute(
        f"{OFFER} WHERE (f.receiver = :handset OR f.giver = :handset) AND f.state = 'open' AND f.until > :now"
        " AND t.state = 'valid' ORDER BY f.created_at DESC, f.id LIMIT :limit",
        {"handset": handset, "now": now, "limit": LISTED_MAX},
    )
    return list(rows)


async def take(tx: Tx, offer_id: UUID, *, became: UUID, now: datetime) -> bool:
    """Accepted, if it is still open; False where somebody was faster."""
    return bool(await move_many(tx, Offer, [offer_id], OfferEvent.ACCEPT, became=became, ended_at=now))


async def close(tx: Tx, offer_id: UUID, event: OfferEvent, *, now: datetime) -> bool:
    """Declined or withdrawn, if it is still open; False where somebody was faster."""
    return bool(await move_many(tx, Offer, [offer_id], event, ended_at=now))


async def end(tx: Tx, ticket_id: UUID, *, now: datetime) -> None:
    """Whatever is open of a ticket ends: it went elsewhere, or is offered anew."""
    found = await tx.execute("SELECT id FROM offer WHERE ticket_id = :id AND state = 'open'", {"id": ticket_id})
    await move_many(tx, Offer, list(found.scalars()), OfferEvent.WITHDRAW, ended_at=now)
