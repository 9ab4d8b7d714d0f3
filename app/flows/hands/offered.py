"""An offer as both sides see it: what it is of, what is asked for it, until when, and how it stands now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.credential import LinkToken, link_token_for
from app.domain.gift import OfferState, Standing, standing
from app.domain.handset import Handset
from app.domain.money import Money
from app.domain.refusals import NotFound, WrongState
from app.domain.ticket import TicketState
from app.store import offers
from app.store.database import Tx
from app.world import World

LINK_GENERATION = 1
"""An offer's link is derived as a ticket's is, from the offer's own id, which is no ticket's."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What is on offer, as far as a receiver learns it before it is theirs. `starts_at` is None for open tickets."""

    title: Mapping[str, str]
    starts_at: datetime | None
    category: str
    section: str | None
    row: str | None
    seat: str | None


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer as both sides see it. `became` and `number` are the receiver's ticket, once it is accepted."""

    id: UUID
    issuer_id: UUID
    ticket_id: UUID
    giver: Handset
    receiver: Handset
    thing: Thing
    asked: Money
    until: datetime
    standing: Standing
    language: str
    became: UUID | None = None
    number: str | None = None


async def look(world: World, offer_id: UUID, *, by: Handset) -> Offered:
    """An offer as its giver or its receiver sees it; raises NotFound for anybody else."""
    async with world.transaction() as tx:
        found = await find(tx, offer_id, now=world.clock.now())
    if by not in {found.giver, found.receiver}:
        raise NotFound("There is no such offer.")
    return found


async def by_link(world: World, token: str) -> Offered:
    """The offer behind a message's link; raises NotFound."""
    try:
        digest = LinkToken(token).digest()
    except ValueError:
        raise NotFound("This link is not complete. Open it from the message again.") from None
    async with world.transaction() as tx:
        row = await offers.by_link(tx, digest)
    if row is None:
        raise NotFound("There is no offer behind this link.")
    return offered(row, now=world.clock.now())


async def of_handset(world: World, handset: Handset) -> list[Offered]:
    """What is on offer to a handset now, and what it offers itself, the newest first."""
    now = world.clock.now()
    async with world.transaction() as tx:
        rows = await offers.of_handset(tx, handset, now=now)
    return [offered(row, now=now) for row in rows]


async def find(tx: Tx, offer_id: UUID, *, now: datetime) -> Offered:
    """Raises NotFound."""
    row = await offers.offer(tx, offer_id)
    if row is None:
        raise NotFound("There is no such offer.")
    return offered(row, now=now)


def offered(row: sa.Row[Any], *, now: datetime) -> Offered:
    return Offered(
        id=row.id,
        issuer_id=row.issuer_id,
        ticket_id=row.ticket_id,
        giver=Handset(row.giver),
        receiver=Handset(row.receiver),
        thing=Thing(row.title, row.starts_at, row.category, row.section, row.row, row.seat),
        asked=Money(row.asked, row.currency),
        until=row.until,
        standing=standing(OfferState(row.state), until=row.until, ticket=TicketState(row.ticket_state), now=now),
        language=row.language,
        became=row.became,
        number=row.became_number,
    )


CLOSED = {
    Standing.ACCEPTED: "This offer was accepted already.",
    Standing.DECLINED: "This offer was declined. Ask for another one.",
    Standing.WITHDRAWN: "This offer was withdrawn, or its ticket went elsewhere. Ask for another one.",
    Standing.EXPIRED: "This offer's time is over. Ask for another one.",
}


def closed(found: Offered) -> WrongState:
    """The no to whoever comes when an offer is open no more."""
    assert found.standing is not Standing.OPEN, "what is open refuses nobody"
    return WrongState(CLOSED[found.standing], reason="closed", standing=found.standing.value)


def offer_link(world: World, offer_id: UUID, kid: int) -> LinkToken:
    """The receiver's secret link of an offer; `kid` is its ticket's."""
    return link_token_for(world.house.keys.link_mac(kid), ticket_id=offer_id, generation=LINK_GENERATION)
