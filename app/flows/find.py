"""Finding: what is sold, when, where, for how much, and what is still free."""

from __future__ import annotations

import asyncio
import base64
import json
import string
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain import inventory
from app.domain.plan import Area, Block, Plan, Section, hull
from app.domain.refusals import NotFound
from app.store import catalogue, plans, stock
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


@dataclass(frozen=True, slots=True)
class Stub:
    """A product with the occasion a visitor would take first; None where no date is near enough to be looked at."""

    row: sa.Row[Any]
    occasion: sa.Row[Any] | None
    availability: Availability | None


OCCASIONS_LOOKED_AT_MAX = 400
"""How far ahead a listing looks for each product's next date."""


async def products(world: World, search: Search) -> list[sa.Row[Any]]:
    async with world.transaction() as tx:
        return await catalogue.products(tx, search, now=world.clock.now())


async def stubs(world: World, search: Search) -> list[Stub]:
    """Products, each with its next occasion and what is free of that: a page of the catalogue as visitors see it."""
    now = world.clock.now()
    async with world.transaction() as tx:
        rows = await catalogue.products(tx, search, now=now)
        near = replace(search, cursor=None, limit=OCCASIONS_LOOKED_AT_MAX)
        dates = await catalogue.occasions(tx, near, now=now)
    first = {one.product_id: one for one in reversed(dates)}
    shown = [first.get(row.id) for row in rows]
    free = await asyncio.gather(*(availability(world, one.id) for one in shown if one is not None))
    by_id = {one.occasion_id: one for one in free}
    return [Stub(row, one, by_id[one.id] if one else None) for row, one in zip(rows, shown, strict=True)]


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


async def seats(world: World, identities: Sequence[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Section, row, seat, category and occasion of places a visitor has chosen; unknown ones are left out."""
    async with world.transaction() as tx:
        return await catalogue.seats(tx, identities)


async def plan(world: World, occasion_id: UUID) -> Plan:
    """The hall as pages draw it, from a snapshot that is at most one second old and was made once for all who ask."""
    body = json.loads(await world.memory.shared(f"plan:{occasion_id}", lambda: _draw(world, occasion_id)))
    sections = tuple(
        Section(**{**one, "blocks": tuple(Block(b["category"], _points(b["outline"])) for b in one["blocks"])})
        for one in body["sections"]
    )
    areas = tuple(Area(**{**one, "points": _points(one["points"])}) for one in body["areas"])
    return Plan(body["width"], body["height"], areas, sections)


def _points(pairs: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((x, y) for x, y in pairs)


async def _draw(world: World, occasion_id: UUID) -> bytes:
    async with world.transaction() as tx:
        rows = await plans.rows(tx, occasion_id, now=world.clock.now())
        drawing = await plans.drawing(tx, occasion_id)
    areas = tuple(
        Area(
            **{name: one[name] for name in ("shape", "zone", "x", "y", "width", "height", "rotation")},
            points=_points(one["points"]),
            label=one["label"] or "",
        )
        for one in drawing.get("areas", [])
    )
    drawn = Plan(drawing.get("width", 0.0), drawing.get("height", 0.0), areas, _sections(rows))
    return json.dumps(asdict(drawn)).encode()


def _sections(rows: Sequence[sa.Row[Any]]) -> tuple[Section, ...]:
    """Rows gathered into sections in plan order; seats and standing places of one name stay apart."""
    grouped: dict[tuple[str, bool], list[sa.Row[Any]]] = {}
    for row in rows:
        grouped.setdefault((row.section, row.numbered), []).append(row)
    return tuple(
        Section(
            name=name,
            numbered=numbered,
            places=sum(row.places for row in members),
            free=sum(row.free for row in members),
            blocks=tuple(
                Block(category, _outline([row for row in members if row.category == category]))
                for category in dict.fromkeys(row.category for row in members)
            ),
        )
        for (name, numbered), members in grouped.items()
    )


def _outline(rows: Sequence[sa.Row[Any]]) -> tuple[tuple[float, float], ...]:
    """The line around the ends of rows, those that have a place on the drawing."""
    ends = [end for row in rows for end in ((row.first_x, row.first_y), (row.last_x, row.last_y))]
    return hull(end for end in ends if None not in end)


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


def plain_prices(prices: Sequence[sa.Row[Any]]) -> list[sa.Row[Any]]:
    """Those that a text message can name. A fare between stations needs the stations."""
    return [one for one in prices if not (one.origin_zone or one.destination_zone or one.route_id)]


def sms_codes(number: int | None, prices: Sequence[sa.Row[Any]]) -> dict[UUID, str]:
    """What a text message calls each price of an occasion: 4021 for the first, 4021B for the second, and so on."""
    if number is None:
        return {}
    letters = ["", *string.ascii_uppercase[1:]]
    return {one.id: f"{number}{letter}" for one, letter in zip(plain_prices(prices), letters, strict=False)}


def _bits(free: bytes) -> bytes:
    """Bytes of 0 and 1 packed eight to an octet, most significant bit first."""
    if not free:
        return b""
    padded = free + bytes(-len(free) % 8)
    return int(padded.translate(_DIGITS), 2).to_bytes(len(padded) // 8, "big")


_DIGITS = bytes(0x31 if octet else 0x30 for octet in range(256))
