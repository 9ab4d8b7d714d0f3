"""Finding: what is sold, when, where, for how much, and what is still free."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain import inventory
from app.domain.refusals import NotFound
from app.store import catalogue, stock
from app.store.catalogue import Search
from app.store.tables.catalogue import Stock
from app.world import World


@dataclass(frozen=True, slots=True)
class Availability:
    """An occasion's free places at one moment, at most a second ago."""

    occasion_id: UUID
    unlimited: bool
    counts: dict[str, int]
    free: bytes
    """One bit per place in plan order, most significant first, 1 is free."""

    @property
    def total(self) -> int | None:
        return None if self.unlimited else sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class FoundOccasion:
    row: sa.Row[Any]
    prices: list[sa.Row[Any]]
    availability: Availability


async def products(world: World, search: Search) -> list[sa.Row[Any]]:
    async with world.transaction() as tx:
        return await catalogue.products(tx, search, now=world.clock.now())


async def occasions(world: World, search: Search) -> list[FoundOccasion]:
    """Occasions with prices and what is free of each."""
    async with world.transaction() as tx:
        rows = await catalogue.occasions(tx, search, now=world.clock.now())
        prices = await catalogue.prices(tx, [row.id for row in rows])
    return [FoundOccasion(row, prices[row.id], await availability(world, row.id)) for row in rows]


async def occasion(world: World, occasion_id: UUID) -> tuple[sa.Row[Any], list[sa.Row[Any]]]:
    """One occasion with its product's facts and its prices; raises NotFound."""
    async with world.transaction() as tx:
        row = await catalogue.offer(tx, occasion_id=occasion_id, product_id=None)
        if row is None:
            raise NotFound("There is no such occasion. It may have been taken off the programme.")
        return row, (await catalogue.prices(tx, [occasion_id]))[occasion_id]


async def open_occasion(world: World, product_id: UUID) -> tuple[sa.Row[Any], list[sa.Row[Any]]]:
    """The open-dated occasion of a ride or voucher with its prices; raises NotFound."""
    async with world.transaction() as tx:
        row = await catalogue.offer(tx, occasion_id=None, product_id=product_id)
        if row is None:
            raise NotFound("There is no such product, or it is sold by date: choose an occasion.")
        return row, (await catalogue.prices(tx, [row.occasion_id]))[row.occasion_id]


async def journey_prices(world: World, *, origin: UUID, destination: UUID, product_id: UUID) -> list[sa.Row[Any]]:
    async with world.transaction() as tx:
        return await catalogue.journey_prices(tx, origin=origin, destination=destination, product_id=product_id)


async def stops(world: World, *, issuer: str | None, words: Sequence[str], limit: int) -> list[sa.Row[Any]]:
    async with world.transaction() as tx:
        return await catalogue.stops(tx, issuer=issuer, words=words, limit=limit)


async def places(
    world: World, occasion_id: UUID, *, category: str | None, section: str | None, after: int, limit: int
) -> tuple[list[sa.Row[Any]], Availability]:
    """One page of places in plan order, and what is free."""
    found = await availability(world, occasion_id)
    async with world.transaction() as tx:
        rows = await catalogue.place_page(tx, occasion_id, category=category, section=section, after=after, limit=limit)
    return rows, found


def is_free(availability: Availability, pos: int) -> bool:
    octet, bit = divmod(pos, 8)
    return octet < len(availability.free) and bool(availability.free[octet] & (0x80 >> bit))


async def availability(world: World, occasion_id: UUID) -> Availability:
    """What is free, from a snapshot that is at most one second old and was made once for all who ask."""
    body = json.loads(await availability_bytes(world, occasion_id))
    return Availability(
        occasion_id, body["unlimited"], body["counts"], base64.b64decode(body["free"]) if body["free"] else b""
    )


async def availability_bytes(world: World, occasion_id: UUID) -> bytes:
    """The snapshot as it goes to whoever asks: its cost per request does not depend on the hall."""
    return await world.memory.shared(f"availability:{occasion_id}", lambda: _take_stock(world, occasion_id))


async def _take_stock(world: World, occasion_id: UUID) -> bytes:
    async with world.transaction() as tx:
        row = await catalogue.offer(tx, occasion_id=occasion_id, product_id=None)
        if row is None:
            raise NotFound("There is no such occasion. It may have been taken off the programme.")
        hall = (await stock.places(tx, occasion_id)).hall if row.stock == Stock.PLACES else None
    if hall is None:
        counts: dict[str, int] = {}
        free = b""
    else:
        free = await world.issuers[row.served_by].status(issuer_id=row.issuer_id, occasion_id=occasion_id)
        counts = inventory.free_by_category(hall, free)
    return json.dumps(
        {
            "occasion": str(occasion_id),
            "as_of": world.clock.now().isoformat(),
            "unlimited": hall is None,
            "counts": counts,
            "places": len(free),
            "free": base64.b64encode(_bits(free)).decode() if free else "",
        }
    ).encode()


def _bits(free: bytes) -> bytes:
    """Bytes of 0 and 1 packed eight to an octet, most significant bit first."""
    if not free:
        return b""
    padded = free + bytes(-len(free) % 8)
    return int(padded.translate(_DIGITS), 2).to_bytes(len(padded) // 8, "big")


_DIGITS = bytes(0x31 if octet else 0x30 for octet in range(256))
