"""What an issuer's server does with its register for the sales servers that sell for it.

Each of them sees and touches what it sold itself; of anything else it learns as much as of what there never was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.refusals import NotFound
from app.domain.ticket import TicketState
from app.ports import Changes, Entry, Host, Issuer, Registration, Seen
from app.store import peers
from app.store import register as entries_of
from app.world import World

LOCAL = "local"
CHANGES_MAX = 200
"""Entries in one answer about changes; more only where one transaction changed more."""
ENTRIES_MAX = 500


def counter(world: World, seller: str) -> Issuer:
    """Our stock and register as `seller` may touch them."""
    local = world.issuers[LOCAL]
    assert isinstance(local, Host), "stock and register are in our own database"
    return local.for_seller(seller, world.house.keys)


async def require_here(world: World, issuer_id: UUID, occasion_id: UUID | None = None) -> None:
    """Raises NotFound for an issuer that is served elsewhere as for none, and for an occasion that is not its own."""
    async with world.database.statements() as tx:
        if not await peers.sells_here(tx, issuer_id=issuer_id, occasion_id=occasion_id):
            raise NotFound("No such issuer, or no such occasion of it, has its stock here. See /issuer/v1/catalogue.")


async def register(world: World, seller: str, registration: Registration) -> None:
    """Take a ticket that `seller` sold into the register; raises NotFound, WrongState."""
    await require_here(world, registration.issuer_id, registration.occasion_id)
    await counter(world, seller).register(registration)


async def changes(world: World, seller: str, *, after: int) -> Changes:
    """What changed of the seller's entries since the cursor `after`, the oldest change first."""
    async with world.transaction() as tx:
        horizon, rows = await peers.changed(tx, seller=seller, after=after, most=CHANGES_MAX)
        admissions = await entries_of.admissions(tx, [row.ticket_id for row in rows])
    seen: dict[UUID, list[Seen]] = {}
    for one in admissions:
        seen.setdefault(one.ticket_id, []).append(Seen(one.use_no, one.gate_id, one.gate, one.scan_id, one.at))
    more = len(rows) >= CHANGES_MAX
    return Changes(
        entries=[_entry(row, seen.get(row.ticket_id, ())) for row in rows],
        cursor=rows[-1].changed_in if more else horizon - 1,
        more=more,
        restarted=after >= horizon,
    )


async def entries(world: World, seller: str, *, after: UUID | None) -> Sequence[Entry]:
    """A page of all the seller's entries in the order of their ids."""
    async with world.database.statements() as tx:
        rows = await peers.sold_by(tx, seller=seller, after=after, most=ENTRIES_MAX)
    return [_entry(row, ()) for row in rows]


def _entry(row: sa.Row[Any], seen: Sequence[Seen]) -> Entry:
    return Entry(
        row.ticket_id, row.issuer_id, TicketState(row.state), row.version, row.uses_left, row.balance, tuple(seen)
    )
