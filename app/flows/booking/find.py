"""Finding: what is sold, when, where, for how much, and what is still free."""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.plan import Area, Block, Plan, Section, hull
from app.domain.refusals import NotFound
from app.domain.sale import Standing
from app.flows.booking import sales_status
from app.flows.booking.sales_status import Availability, availability, is_free
from app.store import catalogue, plans
from app.store.catalogue import Search
from app.world import World

__all__ = [
    "OCCASIONS_LOOKED_AT_MAX",
    "Availability",
    "FoundOccasion",
    "Stub",
    "availability",
    "is_free",
    "journey_prices",
    "occasion",
    "occasions",
    "open_occasion",
    "places",
    "plain_prices",
    "plan",
    "products",
    "seats",
    "sms_codes",
    "stops",
    "stubs",
]


@dataclass(frozen=True, slots=True)
class FoundOccasion:
    row: sa.Row[Any]
    prices: list[sa.Row[Any]]
    availability: Availability

    @property
    def standing(self) -> Standing:
        """Whether it is sold now."""
        return self.availability.standing


@dataclass(frozen=True, slots=True)
class Stub:
    """A product with the occasion a visitor would take first; None where no date is near enough to be looked at."""

    row: sa.Row[Any]
    occasion: sa.Row[Any] | None
    availability: Availability | None
    standing: Standing
    """Of that occasion; without one, whether the product's issuer can be asked at all."""


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
    found = await sales_status.of_all(world, [one for one in shown if one is not None])
    heard = await sales_status.standings(world, [row.served_by for row in rows])
    made = []
    for row, one in zip(rows, shown, strict=True):
        seen = found[one.id] if one is not None else None
        made.append(Stub(row, one, seen, seen.standing if seen else heard[row.served_by]))
    return made


async def occasions(world: World, search: Search) -> list[FoundOccasion]:
    """Occasions with prices and what is free of each."""
    async with world.transaction() as tx:
        rows = await catalogue.occasions(tx, search, now=world.clock.now())
        prices = await catalogue.prices(tx, [row.id for row in rows])
    found = await sales_status.of_all(world, rows)
    return [FoundOccasion(row, prices[row.id], found[row.id]) for row in rows]


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
    """The hall as pages draw it, made once a second for all who ask, from what was free at most a second before."""
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
    seen = await availability(world, occasion_id)
    async with world.transaction() as tx:
        rows = await plans.rows(tx, occasion_id)
        drawing = await plans.drawing(tx, occasion_id)
    areas = tuple(
        Area(
            **{name: one[name] for name in ("shape", "zone", "x", "y", "width", "height", "rotation")},
            points=_points(one["points"]),
            label=one["label"] or "",
        )
        for one in drawing.get("areas", [])
    )
    sections = _sections(rows, seen)
    drawn = Plan(drawing.get("width", 0.0), drawing.get("height", 0.0), areas, sections)
    return json.dumps(asdict(drawn)).encode()


def _sections(rows: Sequence[sa.Row[Any]], seen: Availability) -> tuple[Section, ...]:
    """Rows gathered into sections in plan order; seats and standing places of one name stay apart."""
    grouped: dict[tuple[str, bool], list[sa.Row[Any]]] = {}
    for row in rows:
        grouped.setdefault((row.section, row.numbered), []).append(row)
    return tuple(
        Section(
            name=name,
            numbered=numbered,
            places=sum(len(row.positions) for row in members),
            free=sum(is_free(seen, pos) for row in members for pos in row.positions),
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


def plain_prices(prices: Sequence[sa.Row[Any]]) -> list[sa.Row[Any]]:
    """Those that a text message can name. A fare between stations needs the stations."""
    return [one for one in prices if not (one.origin_zone or one.destination_zone or one.route_id)]


def sms_codes(number: int | None, prices: Sequence[sa.Row[Any]]) -> dict[UUID, str]:
    """What a text message calls each price of an occasion: 4021 for the first, 4021B for the second, and so on."""
    if number is None:
        return {}
    letters = ["", *string.ascii_uppercase[1:]]
    return {one.id: f"{number}{letter}" for one, letter in zip(plain_prices(prices), letters, strict=False)}
