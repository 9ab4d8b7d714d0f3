"""Sales status: what is free and whether it is sold now, asked in one place for issuers near and far.

What pages show is a snapshot, at most a second old and made once for all who ask. An issuer's server that does not
answer is waited for once and shortly: then the last that was heard of it is shown, marked as not on sale for now.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from app.domain import inventory
from app.domain.inventory import Hall
from app.domain.refusals import IssuerAway, NotFound
from app.domain.sale import ON_SALE, Standing, Why, away_words, why_not
from app.ports import Issuer
from app.ports.catalogues import STOCK_ASKED_MAX, CopyRefused, Elsewhere, StockCopy
from app.store import catalogue, mirror, stock
from app.store.stock import Places
from app.store.tables.catalogue import Stock
from app.world import World

Answer = TypeVar("Answer")

LOCAL = "local"
ANSWER_SECONDS_MAX = 1.0
"""How long a page waits for another server to say what is free."""
AWAY_SECONDS = 5
"""How long no page waits again for one that did not answer, unless it is heard of before."""
REMEMBERED_SECONDS = 3_600
"""How long the last known figures of an issuer that is away are shown."""


@dataclass(frozen=True, slots=True)
class Availability:
    """An occasion's free places at one moment, at most a second ago; older where its issuer is away."""

    occasion_id: UUID
    unlimited: bool
    counts: dict[str, int]
    free: bytes
    """One bit per place in plan order, most significant first, 1 is free. Empty in listings of occasions elsewhere."""
    standing: Standing = ON_SALE

    @property
    def total(self) -> int | None:
        return None if self.unlimited else sum(self.counts.values())


def issuer_of(world: World, served_by: str) -> Issuer:
    """The adapter of an issuer; raises IssuerAway for one whose server is in our settings no more."""
    issuer = world.issuers.get(served_by)
    if issuer is None:
        raise IssuerAway(away_words(served_by))
    return issuer


def elsewhere(world: World, served_by: str) -> Elsewhere:
    """The adapter of an issuer that is not in our own database; raises IssuerAway where there is none."""
    issuer = issuer_of(world, served_by)
    if not isinstance(issuer, Elsewhere):
        raise IssuerAway(away_words(served_by))
    return issuer


# --- one occasion ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """One occasion as it is found at this moment. `hall` is None where nothing runs out."""

    row: sa.Row[Any]
    hall: Hall | None
    free: bytes
    """One byte per place, 1 where it is free; empty where that is not known."""
    standing: Standing


async def look(world: World, occasion_id: UUID) -> Look:
    """Ask the issuer what is free; raises NotFound. One that does not answer leaves `free` empty."""
    async with world.transaction() as tx:
        row = await catalogue.offer(tx, occasion_id=occasion_id, product_id=None)
        if row is None:
            raise NotFound("There is no such occasion. It may have been taken off the programme.")
        hall = (await stock.places(tx, occasion_id)).hall if row.stock == Stock.PLACES else None
    standing = Standing(_why_not(row, now=world.clock.now()))
    if hall is None:
        far = await standings(world, [row.served_by])
        return Look(row, None, b"", _worse(far[row.served_by], standing))
    try:
        free = await _status(world, row)
    except IssuerAway:
        return Look(row, hall, b"", await away(world, row.served_by))
    if row.served_by != LOCAL and not hall.spots:  # its places are still being copied
        return Look(row, hall, b"", await away(world, row.served_by))
    # Positions are never given anew: a hall that grew since we copied it has its new places at the end.
    return Look(row, hall, free[: len(hall.spots)].ljust(len(hall.spots), b"\0"), standing)


def _why_not(row: sa.Row[Any], *, now: datetime) -> Why | None:
    return why_not(
        withdrawn=row.withdrawn,
        sales_from=row.sales_from,
        sales_until=row.sales_until,
        starts_at=row.starts_at,
        now=now,
    )


def _worse(far: Standing, near: Standing) -> Standing:
    """What a closed sale says goes before a silence: it will not come back with the server."""
    return near if near.why is not None or far.on_sale else far


async def _status(world: World, row: sa.Row[Any]) -> bytes:
    issuer = issuer_of(world, row.served_by)
    if row.served_by == LOCAL:
        return await issuer.status(issuer_id=row.issuer_id, occasion_id=row.occasion_id)
    return await _asked(
        world, row.served_by, lambda: issuer.status(issuer_id=row.issuer_id, occasion_id=row.occasion_id)
    )


async def availability(world: World, occasion_id: UUID) -> Availability:
    """What is free, from a snapshot that is at most one second old and was made once for all who ask."""
    body = json.loads(await availability_bytes(world, occasion_id))
    free = base64.b64decode(body["free"]) if body["free"] else b""
    return Availability(occasion_id, body["unlimited"], body["counts"], free, _standing(body))


async def availability_bytes(world: World, occasion_id: UUID) -> bytes:
    """The snapshot as it goes to whoever asks: its cost per request does not depend on the hall."""
    return await world.memory.shared(f"availability:{occasion_id}", lambda: _take_stock(world, occasion_id))


async def _take_stock(world: World, occasion_id: UUID) -> bytes:
    seen = await look(world, occasion_id)
    name = f"availability:{occasion_id}"
    if seen.standing.away:
        known = await world.memory.recall(name)
        before = json.loads(known) if known else _figures(seen, as_of=world.clock.now())
        return json.dumps(before | _told(seen.standing)).encode()
    body = json.dumps(_figures(seen, as_of=world.clock.now()) | _told(seen.standing)).encode()
    if seen.row.served_by != LOCAL:
        await world.memory.keep(name, body, seconds=REMEMBERED_SECONDS)
    return body


def _figures(seen: Look, *, as_of: datetime) -> dict[str, Any]:
    return {
        "occasion": str(seen.row.occasion_id),
        "as_of": as_of.isoformat(),
        "unlimited": seen.hall is None,
        "counts": inventory.free_by_category(seen.hall, seen.free) if seen.hall and seen.free else {},
        "places": len(seen.free),
        "free": base64.b64encode(bits(seen.free)).decode() if seen.free else "",
    }


def _told(standing: Standing) -> dict[str, Any]:
    last_heard = standing.last_heard.isoformat() if standing.last_heard else None
    return {"on_sale": standing.on_sale, "why": standing.why, "last_heard": last_heard}


def _standing(body: dict[str, Any]) -> Standing:
    last_heard = datetime.fromisoformat(body["last_heard"]) if body["last_heard"] else None
    return Standing(Why(body["why"]) if body["why"] else None, last_heard)


async def free_now(world: World, offer: sa.Row[Any], occasion_id: UUID, places: Places) -> bytearray:
    """One byte per place of an occasion of this offer's issuer, as new as can be had: for second choices.

    Of an issuer elsewhere it is the shared snapshot, at most a second old: when many are told no at once, one asks.
    """
    if offer.served_by == LOCAL:
        return bytearray(await world.issuers[LOCAL].status(issuer_id=offer.issuer_id, occasion_id=occasion_id))
    seen = await availability(world, occasion_id)
    return bytearray(not seen.standing.away and is_free(seen, pos) for pos in range(len(places.ids)))


# --- many occasions -------------------------------------------------------------------------------------------------


async def of_all(world: World, rows: Iterable[sa.Row[Any]]) -> dict[UUID, Availability]:
    """The status of listed occasions, as `catalogue.occasions` gives them: few questions to each server."""
    near: list[UUID] = []
    far: dict[str, list[sa.Row[Any]]] = {}
    for row in rows:
        if row.served_by == LOCAL:
            near.append(row.id)
        else:
            far.setdefault(row.served_by, []).append(row)
    asking = [
        _counted(world, served_by, listed[start : start + STOCK_ASKED_MAX])
        for served_by, listed in far.items()
        for start in range(0, len(listed), STOCK_ASKED_MAX)
    ]
    one_by_one = asyncio.gather(*(availability(world, identity) for identity in near))
    counted = await asyncio.gather(*asking)
    found = {one.occasion_id: one for one in await one_by_one}
    return found | {one.occasion_id: one for some in counted for one in some}


async def _counted(world: World, served_by: str, rows: Sequence[sa.Row[Any]]) -> list[Availability]:
    identities = sorted(row.id for row in rows)
    digest = hashlib.sha256(b"".join(one.bytes for one in identities)).hexdigest()
    name = f"stock:{served_by}:{digest}"
    body = json.loads(await world.memory.shared(name, lambda: _count(world, served_by, identities, name)))
    told = _standing(body)
    now = world.clock.now()
    found = []
    for row in rows:
        known = body["stock"].get(str(row.id))
        own = Standing(_why_not(row, now=now) or (None if known or told.away else Why.WITHDRAWN))
        counts = known["counts"] if known else {}
        found.append(Availability(row.id, row.stock == Stock.UNLIMITED, counts, b"", _worse(told, own)))
    return found


async def _count(world: World, served_by: str, identities: Sequence[UUID], name: str) -> bytes:
    try:
        known = await _asked(world, served_by, lambda: elsewhere(world, served_by).stock(occasion_ids=identities))
    except IssuerAway:
        standing = await away(world, served_by)
        kept = await world.memory.recall(name)
        return json.dumps((json.loads(kept) if kept else {"stock": {}}) | _told(standing)).encode()
    body = json.dumps({"stock": {str(one): _plain(told) for one, told in known.items()}} | _told(ON_SALE)).encode()
    await world.memory.keep(name, body, seconds=REMEMBERED_SECONDS)
    return body


def _plain(told: StockCopy) -> dict[str, Any]:
    return {"counts": told.counts}


async def standings(world: World, served_by: Iterable[str]) -> dict[str, Standing]:
    """Whether these adapters' issuers can be asked at all; those in our own house always can."""
    names = sorted(set(served_by))
    bodies = await asyncio.gather(*(_heard(world, name) for name in names))
    return dict(zip(names, bodies, strict=True))


async def _heard(world: World, served_by: str) -> Standing:
    if served_by == LOCAL:
        return ON_SALE

    async def make() -> bytes:
        try:
            await _asked(world, served_by, lambda: elsewhere(world, served_by).stock(occasion_ids=()))
        except IssuerAway:
            return json.dumps(_told(await away(world, served_by))).encode()
        return json.dumps(_told(ON_SALE)).encode()

    return _standing(json.loads(await world.memory.shared(f"standing:{served_by}", make)))


# --- asking elsewhere -----------------------------------------------------------------------------------------------


async def _asked(world: World, served_by: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of another server, if it comes soon; raises IssuerAway, at once if it was away a moment ago."""
    if await world.memory.recall(f"away:{served_by}") is not None:
        raise IssuerAway(away_words(served_by))
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            return await ask()
    except (IssuerAway, CopyRefused, TimeoutError):
        await world.memory.keep(f"away:{served_by}", b"1", seconds=AWAY_SECONDS)
        raise IssuerAway(away_words(served_by)) from None


async def heard(world: World, served_by: str) -> None:
    """It answered: pages need not go without it any longer."""
    await world.memory.drop(f"away:{served_by}")


async def away(world: World, served_by: str) -> Standing:
    """How an issuer stands whose server does not answer."""
    async with world.transaction() as tx:
        return Standing(Why.ISSUER_AWAY, await mirror.last_heard(tx, served_by))


# --- bits -----------------------------------------------------------------------------------------------------------


def is_free(availability: Availability, pos: int) -> bool:
    octet, bit = divmod(pos, 8)
    return octet < len(availability.free) and bool(availability.free[octet] & (0x80 >> bit))


def bits(free: bytes) -> bytes:
    """Bytes of 0 and 1 packed eight to an octet, most significant bit first."""
    if not free:
        return b""
    padded = free + bytes(-len(free) % 8)
    return int(padded.translate(_DIGITS), 2).to_bytes(len(padded) // 8, "big")


_DIGITS = bytes(0x31 if octet else 0x30 for octet in range(256))
