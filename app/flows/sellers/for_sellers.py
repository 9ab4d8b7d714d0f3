"""What an issuer's server does for sales servers: it tells its catalogue and what is free, and holds places.

Each time by its own books: the copy that a seller has of them may be old.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.domain.booking import SalesFacts, on_sale
from app.domain.refusals import BadLine, NotFound, NotOnSale
from app.domain.sale import HOLD_SECONDS_MAX
from app.flows.booking import sales_status
from app.flows.booking.sales_status import LOCAL, Availability
from app.ports import Held, Issuer, NotAvailable, Wish
from app.ports.catalogues import ISSUERS_MAX, IssuersCopy, Listed
from app.store import catalogue, exporting
from app.store.catalogue import Offered
from app.store.tables.catalogue import Stock
from app.world import World

FORM = "1"
"""Of the answers: another one makes every seller read all of them again."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer with its strong ETag, quotes included; no body where the asker has it already."""

    etag: str
    body: bytes | None


async def issuers(world: World, *, known: Sequence[str] = ()) -> Told:
    """Who sells here, and which catalogue each has now. `known` are the ETags that the asker has."""
    async with world.database.statements() as tx:
        rows = await exporting.issuers(tx, most=ISSUERS_MAX)
    digest = hashlib.sha256(b"".join(row.id.bytes + row.revision.bytes for row in rows)).hexdigest()[:32]
    etag = f'"{FORM}-{digest}"'
    if etag in known:
        return Told(etag, None)
    listed = IssuersCopy(issuers=[Listed(id=row.id, slug=row.slug, revision=row.revision) for row in rows])
    return Told(etag, listed.model_dump_json().encode())


async def catalogue_of(world: World, issuer_id: UUID, *, known: Sequence[str] = ()) -> Told:
    """Everything one issuer sells; raises NotFound."""
    async with world.database.statements() as tx:
        revision = await exporting.revision(tx, issuer_id)
        if revision is not None and f'"{FORM}-{revision}"' in known:
            return Told(f'"{FORM}-{revision}"', None)
        row = await exporting.catalogue(tx, issuer_id)
    if row is None:
        raise NotFound("No such issuer has its stock here. See /issuer/v1/catalogue.")
    return Told(f'"{FORM}-{row.revision}"', row.body.encode())


async def places_of(world: World, occasion_id: UUID, *, known: Sequence[str] = ()) -> Told:
    """An occasion's places in plan order; raises NotFound. What is free of them is not told here."""
    async with world.database.statements() as tx:
        revision = await exporting.places_revision(tx, occasion_id)
        if revision is not None and f'"{FORM}-{revision}"' in known:
            return Told(f'"{FORM}-{revision}"', None)
        row = await exporting.places(tx, occasion_id)
    if row is None:
        raise NotFound("No such occasion has places here. See /issuer/v1/catalogue.")
    return Told(f'"{FORM}-{row.revision}"', row.body.encode())


async def stock_of(world: World, occasion_ids: Sequence[UUID]) -> list[Availability]:
    """How much is free of each occasion, at most a second ago; unknown ones and those of others are left out."""
    async with world.database.statements() as tx:
        ours = await exporting.sold(tx, occasion_ids)
    return list(await asyncio.gather(*(sales_status.availability(world, one) for one in ours)))


async def hold(world: World, wish: Wish, *, issuer: Issuer | None = None) -> Held | NotAvailable:
    """Hold for a sales server, at our own times and prices; raises NotFound, NotOnSale and BadLine.

    `issuer` is our stock as that seller may touch it.

    A wish without parts renews what its key holds. For what never runs out nothing is held: the answer says that it is
    sold at these prices now.
    """
    if wish.until > world.clock.now() + timedelta(seconds=HOLD_SECONDS_MAX):
        raise BadLine(f"A hold may last {HOLD_SECONDS_MAX} seconds at most.")
    wanted = (wish.occasion_id, None)
    offered: Offered | None = await world.database.together(catalogue.offers, wanted, atomic=False)
    if offered is None or offered.row.issuer_id != wish.issuer_id or offered.row.served_by != LOCAL:
        raise NotFound("No such occasion is sold here.")
    if wish.parts:
        _check(world, wish, offered)
        if offered.row.stock == Stock.UNLIMITED:
            return Held(((),) * len(wish.parts))
    return await (issuer or world.issuers[LOCAL]).hold(wish)


def _check(world: World, wish: Wish, offered: Offered) -> None:
    """Whether it is sold now, at the prices that the seller has in its copy."""
    row = offered.row
    facts = SalesFacts(row.sales_from, row.sales_until, row.starts_at, row.booking_limit, row.withdrawn)
    on_sale(facts, now=world.clock.now())
    prices = {price.id: price for price in offered.prices}
    for part in wish.parts:
        if part.price_id is None:
            raise BadLine("Name the price each part is sold at.")
        price = prices.get(part.price_id)
        if price is None or (price.category, price.amount) != (part.category, part.amount):
            raise NotOnSale("This is not sold at that price any more. Read the catalogue again.")
