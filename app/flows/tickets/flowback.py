"""What comes back from an issuer's own server: admissions, revocations and spendings of the tickets we sold for it.

The sales server asks, and keeps a cursor: it can be away as long as it likes and misses nothing. Who wants to be sure
compares the whole of both sides, entry by entry.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from app.domain.refusals import IssuerAway
from app.domain.sale import away_words
from app.domain.ticket import TicketEvent
from app.flows.owing import owe_messages, to_holder
from app.flows.tickets.register import registration
from app.ports import Distant, Entry
from app.store import copies, handovers, outbox, peers, sales
from app.store import register as entries
from app.store.database import Tx
from app.store.moves import move_many
from app.store.tables import Ticket
from app.store.tables.messages import Purpose
from app.store.tables.peers import PeerRole
from app.store.topics import Topic
from app.world import World

WHY = "revoked by the issuer"
HEARD_AGAIN = timedelta(seconds=5)
"""How old the moment may grow that is written down as the last one an issuer was heard of."""
PAGE_MAX = 500

log = structlog.get_logger()


def distant(world: World, name: str) -> Distant:
    """The adapter of an issuer's own server; raises IssuerAway where our settings do not name it."""
    issuer = world.issuers.get(name)
    if not isinstance(issuer, Distant):
        raise IssuerAway(away_words(name))
    return issuer


def all_distant(world: World) -> list[str]:
    """The names of the issuers' servers that we sell for."""
    return [name for name, issuer in world.issuers.items() if isinstance(issuer, Distant)]


# --- changes --------------------------------------------------------------------------------------------------------


async def pull(world: World, name: str) -> int:
    """Take over what has changed at an issuer's server since the last time; how many entries. Raises IssuerAway."""
    taken = 0
    while True:
        async with world.transaction() as tx:
            cursor = (await peers.find(tx, name, PeerRole.ISSUER)).cursor
        told = await distant(world, name).changes(after=cursor)
        after = 0 if told.restarted else told.cursor
        found = [] if told.restarted else told.entries
        if told.restarted:
            log.warning("issuer_restored", issuer=name, cursor=cursor)
        now = world.clock.now()
        async with world.transaction() as tx:
            await peers.hear(tx, name, PeerRole.ISSUER, now=now, after=now - HEARD_AGAIN)
            # Two workers may have asked at once: the one that moves the cursor takes the page over, whole and in order.
            if after != cursor and await peers.advance(tx, name, before=cursor, after=after):
                taken += await take_over(tx, world, name, found, now=now)
        if not told.more and not told.restarted:
            return taken


async def take_over(tx: Tx, world: World, name: str, found: Sequence[Entry], *, now: datetime) -> int:
    """Make our copies of these entries what the issuer's server `name` says; how many are of tickets we sold for it."""
    ids = [one.ticket_id for one in found]
    ours = await copies.ours(tx, ids, name=name)
    coming = await handovers.coming(tx, [one for one in ids if one not in ours])
    if strange := [one for one in ids if one not in ours and one not in coming]:
        log.error("issuer_has_a_ticket_we_never_sold", issuer=name, count=len(strange), first=str(strange[0]))
    for ticket_id in await copies.missing(tx, list(ours)):
        # The registration arrived there, its answer never did: the copy is made now.
        ticket = await sales.ticket(tx, ticket_id)
        assert ticket is not None, "it was found a moment ago, and no ticket is ever deleted"
        await entries.register(tx, [registration(ticket)], now=now)
    await copies.take_over(tx, [one for one in found if ours.get(one.ticket_id) == one.issuer_id], now=now)
    await heed(tx, world, sorted(ours), now=now)
    return len(ours)


async def heed(tx: Tx, world: World, ticket_ids: Sequence[UUID], *, now: datetime) -> None:
    """Revoke here what the issuer refuses, by the copies we have; not what is being handed over or returned."""
    await _revoke(tx, world, await copies.revoked_there(tx, ticket_ids), now=now)


async def _revoke(tx: Tx, world: World, rows: Sequence[sa.Row[Any]], *, now: datetime) -> None:
    """What the issuer refuses counts here no longer, and its holder is told."""
    moved = await move_many(tx, Ticket, [row.id for row in rows], TicketEvent.REVOKE, revoked_at=now, revoked_why=WHY)
    told = [to_holder(world, Purpose.REVOKED, row) for row in rows if row.id in moved]
    await owe_messages(tx, world, told, now=now)


async def hurry(world: World, name: str, topics: Collection[Topic]) -> None:
    """An issuer's server answers again: what is owed to it is carried out now, not when its next try comes."""
    async with world.transaction() as tx:
        await outbox.hurry(tx, sorted(topics), served_by=name, now=world.clock.now())
    await world.memory.wake()


# --- the whole of both sides ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """One ticket of which our books and the issuer's register do not say the same."""

    issuer_id: UUID
    ticket_id: UUID
    problem: str


async def compare(world: World, name: str) -> list[Difference]:
    """Where our tickets and their entries at an issuer's server differ, by id, state and version; raises IssuerAway.

    A ticket of which news is still owed is no difference, nor is one that has gone when it is looked at again: on a
    busy day the two sides are never read at the same moment.
    """
    found = await _compare(world, name)
    if not found:
        return []
    still = {one.ticket_id for one in await _compare(world, name)}
    async with world.transaction() as tx:
        coming = await handovers.coming(tx, sorted(still))
    return [one for one in found if one.ticket_id in still - coming]


async def _compare(world: World, name: str) -> list[Difference]:
    """Read both sides page by page in the order of their ids."""
    await pull(world, name)
    ours, theirs = _ours(world, name), _theirs(world, name)
    found: list[Difference] = []
    mine, other = await anext(ours, None), await anext(theirs, None)
    while mine is not None or other is not None:
        if other is None or (mine is not None and mine.id < other.ticket_id):
            assert mine is not None, "one of the two is there"
            if not mine.owed:
                found.append(Difference(mine.issuer_id, mine.id, "sold here, not in the issuer's register"))
            mine = await anext(ours, None)
        elif mine is None or other.ticket_id < mine.id:
            found.append(Difference(other.issuer_id, other.ticket_id, "in the issuer's register, not sold here"))
            other = await anext(theirs, None)
        else:
            if not mine.owed and (problem := _differs(mine, other)):
                found.append(Difference(mine.issuer_id, mine.id, problem))
            mine, other = await anext(ours, None), await anext(theirs, None)
    return found


def _differs(mine: sa.Row[Any], other: Entry) -> str | None:
    if mine.state != other.state:
        return f"{mine.state} here, {other.state} in the issuer's register"
    if mine.version is None:
        return "the issuer's entry has no copy here"
    if mine.version != other.version:
        return f"the copy is version {mine.version}, the issuer's entry version {other.version}"
    return None


async def _ours(world: World, name: str) -> AsyncIterator[sa.Row[Any]]:
    after: UUID | None = None
    while True:
        async with world.transaction() as tx:
            rows = await copies.sold_for(tx, name, after=after, most=PAGE_MAX)
        for row in rows:
            yield row
        if len(rows) < PAGE_MAX:
            return
        after = rows[-1].id


async def _theirs(world: World, name: str) -> AsyncIterator[Entry]:
    after: UUID | None = None
    while page := await distant(world, name).entries(after=after):
        for one in page:
            yield one
        after = page[-1].ticket_id
