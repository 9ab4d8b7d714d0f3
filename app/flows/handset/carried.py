"""What a handset carries: the tickets it was sent that still open a gate."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.domain.handset import Handset
from app.store import conversations
from app.world import World


async def tickets_of(world: World, handset: Handset, *, limit: int) -> list[sa.Row[Any]]:
    """Tickets of a handset whose number is proven; whoever only says that it is theirs must not see them."""
    async with world.transaction() as tx:
        return await conversations.good_tickets(tx, handset, now=world.clock.now(), limit=limit)
