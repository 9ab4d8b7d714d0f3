"""Keeping a copy of what issuers elsewhere sell: asked for when it has changed, checked as a whole, then written.

A catalogue that cannot be taken over changes nothing: the one before stays, and what is wrong is logged once and shown
by `cyberticket issuers`. Old news sells nothing: each hold asks the issuer, which looks at its own prices and times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from app.domain.refusals import IssuerAway
from app.flows.booking import sales_status
from app.flows.booking.importing import IMPORT_LOCK
from app.ports.catalogues import CopyRefused, Elsewhere, Index, IssuerCopy, Listed
from app.store import mirror
from app.store.importing import refresh_statistics
from app.store.locks import exclusively
from app.world import World

PLACES_AT_ONCE_MAX = 4
"""Halls read from one server at the same time."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a look at another server came to: which issuers were copied anew, and what was wrong."""

    away: bool = False
    copied: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def sources(world: World) -> list[str]:
    """The servers whose issuers we sell for, by name."""
    return sorted(name for name, issuer in world.issuers.items() if isinstance(issuer, Elsewhere))


async def refresh(world: World, served_by: str) -> Refreshed:
    """Bring the copy of one server's catalogue up to date. One that does not answer changes nothing."""
    source = world.issuers[served_by]
    assert isinstance(source, Elsewhere), "what is in our own database is not copied"
    async with world.transaction() as tx:
        known = await mirror.known(tx, served_by)
    index: Index | None = None
    try:
        index = await source.catalogues(etag=known.etag)
        found = Refreshed() if index is None else await _copy(world, source, index)
    except IssuerAway:
        return Refreshed(away=True)
    except CopyRefused as fault:
        found = Refreshed(faults=(str(fault),))
    await sales_status.heard(world, served_by)
    wrong = "; ".join(found.faults) or None
    if wrong != known.fault:
        log.warning("catalogue_refused" if wrong else "catalogue_sound_again", peer=served_by, reason=wrong)
    async with world.transaction() as tx:
        await mirror.heard(tx, served_by, fault=wrong, now=world.clock.now())
        if index is not None:
            await mirror.whole(tx, served_by, etag=index.etag, listed=index.issuers)
    return found


async def _copy(world: World, source: Elsewhere, index: Index) -> Refreshed:
    """Copy each issuer that changed; raises IssuerAway. What is wrong with one keeps no other from being copied."""
    async with world.transaction() as tx:
        had = await mirror.revisions(tx, source.name)
    copied, faults = [], []
    for listed in index.issuers:
        if had.get(listed.id) == listed.revision:
            continue
        try:
            await _copy_issuer(world, source, listed)
            copied.append(listed.slug)
        except CopyRefused as fault:
            faults.append(f"{listed.slug}: {fault}")
    async with world.transaction() as tx:
        for gone in had.keys() - {listed.id for listed in index.issuers}:
            await mirror.withdraw_issuer(tx, gone)
    return Refreshed(copied=tuple(copied), faults=tuple(faults))


async def _copy_issuer(world: World, source: Elsewhere, listed: Listed) -> None:
    """One issuer: its rows in one transaction, then hall by hall its places, those that are sold first before others.

    Until all are here it counts as incomplete, and is read again next time.
    """
    async with world.transaction() as tx:
        await mirror.check_owner(tx, listed.id, listed.slug, served_by=source.name)
    copy = await source.catalogue(issuer_id=listed.id)
    if copy.id != listed.id:
        raise CopyRefused("its server told of another issuer")
    async with world.transaction() as tx:
        await exclusively(tx, IMPORT_LOCK)
        await mirror.write(tx, copy, served_by=source.name, now=world.clock.now())
        had = await mirror.places_had(tx, copy.id)
    wanted = [one.id for one in copy.occasions if one.id in had and had[one.id] != one.revision]
    await _copy_halls(world, source, copy, wanted)
    async with world.transaction() as tx:
        if wanted:
            await refresh_statistics(tx)
        await mirror.complete(tx, copy.id, copy.revision)


async def _copy_halls(world: World, source: Elsewhere, copy: IssuerCopy, wanted: Sequence[UUID]) -> None:
    """The places of these occasions, the nearest date first; raises CopyRefused and IssuerAway."""
    few = asyncio.Semaphore(PLACES_AT_ONCE_MAX)

    async def one(occasion_id: UUID) -> None:
        async with few:
            places = await source.places(occasion_id=occasion_id)
            if places.occasion != occasion_id:
                raise CopyRefused("its server told the places of another occasion")
            async with world.transaction() as tx:
                await mirror.write_places(tx, places, issuer_id=copy.id)
        await world.memory.forget(f"availability:{occasion_id}")

    outcomes = await asyncio.gather(*(one(each) for each in wanted), return_exceptions=True)
    for fault in outcomes:
        if fault is not None:
            raise fault


# --- how it stands --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One issuers' server as an operator sees it; `issuers` are rows of `mirror.counts`."""

    name: str
    heard_at: datetime | None
    etag: str | None
    fault: str | None
    issuers: Sequence[sa.Row[Any]]

    @property
    def wrong(self) -> bool:
        """Something of what it sells cannot be sold here, or is sold by an older catalogue."""
        return self.fault is not None or self.etag is None


async def statuses(world: World) -> list[PeerStatus]:
    """Every server whose issuers we sell for, by name."""
    found = []
    async with world.transaction() as tx:
        for name in sources(world):
            known = await mirror.known(tx, name)
            found.append(PeerStatus(name, known.heard_at, known.etag, known.fault, await mirror.counts(tx, name)))
    return found
