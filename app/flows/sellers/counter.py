"""What an issuer's server does with its register for the sales servers that sell for it.

Each of them sees and touches what it sold itself; of anything else it learns as much as of what there never was.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.gift import Terms
from app.domain.refusals import NotFound
from app.flows.booking.sales_status import LOCAL
from app.ports import Changes, Entry, Host, Issuer, NotReplaced, Registration, Replaced
from app.store import peers
from app.store import register as entries_of
from app.world import World

CHANGES_MAX = 200
"""Entries in one answer about changes; more only where one transaction changed more."""
ADMISSIONS_MAX = 5_000
"""Admissions in one answer about changes, likewise."""
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


async def replace(
    world: World, seller: str, ticket_id: UUID, fresh: Registration, terms: Terms
) -> Replaced | NotReplaced:
    """Let a ticket that `seller` sold become another one; raises NotFound, WrongState."""
    await require_here(world, fresh.issuer_id, fresh.occasion_id)
    return await counter(world, seller).replace(ticket_id=ticket_id, fresh=fresh, terms=terms)


async def changes(world: World, seller: str, *, after: int) -> Changes:
    """What changed of the seller's entries since the cursor `after`, the oldest change first."""
    async with world.transaction() as tx:
        horizon, found = await peers.changed(tx, seller=seller, after=after, most=CHANGES_MAX)
        rows = _page(found)
        admissions = await entries_of.admissions(tx, [row.ticket_id for row in rows])
    more = len(found) >= CHANGES_MAX or len(rows) < len(found)
    return Changes(
        entries=entries_of.told(rows, admissions),
        cursor=rows[-1].changed_in if more else horizon - 1,
        more=more,
        restarted=after >= horizon,
    )


def _page(rows: Sequence[sa.Row[Any]]) -> list[sa.Row[Any]]:
    """The first of these entries, oldest change first, that have no more admissions together than one answer may.

    What one transaction changed is not divided: a reader that goes on after it would miss the rest.
    """
    page: list[sa.Row[Any]] = []
    admissions = 0
    for _, together in groupby(rows, key=lambda row: row.changed_in):
        more = list(together)
        admissions += sum(row.used for row in more)
        if page and admissions > ADMISSIONS_MAX:
            break
        page += more
    return page


async def entries(world: World, seller: str, *, after: UUID | None) -> Sequence[Entry]:
    """A page of all the seller's entries in the order of their ids."""
    async with world.database.statements() as tx:
        rows = await peers.sold_by(tx, seller=seller, after=after, most=ENTRIES_MAX)
    return entries_of.told(rows, ())
