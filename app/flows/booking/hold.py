"""Holding what a buyer wants: the issuer is asked, near or far, and its word alone counts.

What never runs out is held by nobody in our own house. Elsewhere the issuer is asked all the same: it must be there,
and sell at these prices now, before money is taken for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.refusals import IssuerAway, NotFound, NotOnSale, Refusal
from app.domain.sale import away_words
from app.flows.booking import mirror, sales_status
from app.flows.booking.sales_status import AWAY_SECONDS, LOCAL, issuer_of
from app.flows.outcome import Done
from app.ports import Held, NotAvailable, Wish
from app.ports.catalogues import Elsewhere
from app.store import outbox, sales, stock
from app.store.outbox import Owed
from app.store.tables.catalogue import Stock
from app.store.topics import Topic
from app.world import World

CATCH_UP_SECONDS_MAX = 3.0
"""How long a buyer waits for our copy of a catalogue to become as new as its issuer's."""


async def hold(world: World, offer: sa.Row[Any], wish: Wish, *, fresh: bool) -> Held | NotAvailable | None:
    """Hold what runs out; None where nothing does. Raises NotOnSale and, for one elsewhere, IssuerAway.

    `fresh`: nobody knows the wish's key but us. Then a hold whose answer was lost is given up again, once the issuer is
    heard of; under a key that somebody else may ask by once more it is found, or runs out.
    """
    limited = offer.stock == Stock.PLACES
    if offer.served_by == LOCAL:
        return await world.issuers[LOCAL].hold(wish) if limited else None
    try:
        outcome = await issuer_of(world, offer.served_by).hold(wish)
    except IssuerAway:
        if fresh and limited:
            await _owe_release(world, offer, wish.key)
        raise await away(world, offer.served_by) from None
    except NotFound:
        raise NotOnSale("This is no longer sold.") from None
    await sales_status.heard(world, offer.served_by)
    if not limited:
        return None
    if isinstance(outcome, Held) and not await are_known(world, wish.occasion_id, outcome):
        await release(world, offer, wish.key)
        raise NotOnSale("The hall was changed just now. Choose again in a moment.")
    return outcome


async def are_known(world: World, occasion_id: UUID, held: Held) -> bool:
    """Whether our copy has these places, as places of this occasion: an issuer's server gives nobody else's away.

    It may hold some that were added a moment ago, and of which we have not heard yet.
    """
    async with world.database.statements() as tx:
        return await stock.are_places_of(tx, occasion_id, [place for part in held.places for place in part])


async def away(world: World, served_by: str) -> IssuerAway:
    """What is said to a buyer whose issuer does not answer."""
    standing = await sales_status.away(world, served_by)
    return IssuerAway(
        away_words(served_by), retry_after_seconds=AWAY_SECONDS, issuer=served_by, last_heard=standing.last_heard
    )


async def _owe_release(world: World, offer: sa.Row[Any], key: UUID) -> None:
    payload = {"booking": str(key), "issuer": str(offer.issuer_id), "served_by": offer.served_by}
    owed = Owed(world.entropy.uuid(), offer.issuer_id, Topic.RELEASE, str(key), payload)
    async with world.transaction() as tx:
        await outbox.put(tx, [owed], now=world.clock.now())


async def give_up(world: World, payload: Mapping[str, Any]) -> Done:
    """Tell an issuer that a hold we never heard of is not wanted. It runs out there by itself in any case."""
    key = UUID(payload["booking"])
    async with world.transaction() as tx:
        known = await sales.bookings(tx, [key])
    assert key not in known, "a hold that became a booking is released as that booking"
    await issuer_of(world, payload["served_by"]).release(issuer_id=UUID(payload["issuer"]), key=key)
    return Done()


async def release(world: World, offer: sa.Row[Any], key: UUID) -> None:
    """Free at once what `key` holds, if the issuer is there; else it runs out, or what is owed for it frees it.

    The same where the issuer's server does not know of that issuer any more.
    """
    with suppress(Refusal):
        await issuer_of(world, offer.served_by).release(issuer_id=offer.issuer_id, key=key)


async def caught_up(world: World, served_by: str) -> bool:
    """Whether, after a refusal, our copy of the issuer's catalogue is as new as can be: then asking again makes sense.

    Many buyers who are refused at once share one look.
    """
    if not isinstance(world.issuers.get(served_by), Elsewhere):
        return False

    async def make() -> bytes:
        found = await mirror.refresh(world, served_by)
        return json.dumps(not (found.away or found.faults)).encode()

    try:
        async with asyncio.timeout(CATCH_UP_SECONDS_MAX):
            return bool(json.loads(await world.memory.shared(f"caught-up:{served_by}", make)))
    except TimeoutError:
        return False
