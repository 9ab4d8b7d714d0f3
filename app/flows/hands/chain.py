"""The chain of hands: who had one right, from its sale to today, for the issuer's staff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.gift import Hand
from app.domain.handset import Handset, for_holder
from app.domain.money import Money
from app.domain.refusals import NotFound
from app.domain.ticket import TicketState
from app.store import hands
from app.world import World


@dataclass(frozen=True, slots=True)
class Link:
    """One ticket of a chain. `handset` is masked; `why` says what ended it, empty for the one that is good."""

    id: UUID
    number: str
    handset: str
    how: Hand
    at: datetime
    state: TicketState
    ended_at: datetime | None
    why: str
    bought_by: str = ""
    """Who paid for it, masked; only at the first."""
    paid: Money | None = None
    """What this handset paid the one before."""


async def chain(world: World, ticket_id: UUID) -> Sequence[Link]:
    """The tickets that one right has been, first to last, whichever of them is named; raises NotFound."""
    async with world.transaction() as tx:
        rows = await hands.chain(tx, ticket_id)
    if not rows:
        raise NotFound("There is no such ticket.")
    return [
        Link(
            id=row.id,
            number=row.number,
            handset=for_holder(Handset(row.handset)),
            how=Hand(row.came_by),
            at=row.issued_at,
            state=TicketState(row.state),
            ended_at=row.revoked_at,
            why=row.revoked_why or "",
            bought_by=for_holder(Handset(row.buyer)) if row.came_by == Hand.SOLD else "",
            paid=Money(row.asked, row.currency) if row.asked else None,
        )
        for row in rows
    ]
