"""Second choices: what else could be had, ranked, each one bookable by the body it carries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain import inventory
from app.domain.booking import BookingRequest, Line
from app.domain.inventory import ALTERNATIVES_MAX, OTHER_DATES_MAX, Alternative
from app.domain.money import Money
from app.domain.wording import moment, said, seat_words
from app.flows.booking import sales_status
from app.store import catalogue, stock
from app.store.stock import Places
from app.store.tables.catalogue import Stock
from app.world import World


@dataclass(frozen=True, slots=True)
class Choice:
    """One second choice: what it is in words, what it costs, and the request that books it."""

    kind: Alternative
    words: str
    amount: Money
    occasion_id: UUID
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The refused request with the facts that second choices are made from."""

    request: BookingRequest
    offer: sa.Row[Any]
    prices: Sequence[sa.Row[Any]]
    own_prices: Sequence[sa.Row[Any]]
    places: Places
    free: bytearray

    def amount(self, prices: Sequence[sa.Row[Any]], lines: Sequence[Line]) -> Money:
        return Money(sum(p.amount * line.quantity for p, line in zip(prices, lines, strict=True)), self.offer.currency)

    @property
    def language(self) -> str:
        return self.request.language


async def rank(
    world: World, request: BookingRequest, offer: sa.Row[Any], prices: Sequence[sa.Row[Any]]
) -> list[Choice]:
    """At most six second choices, the nearest to the wish first, from what is free at this moment."""
    async with world.transaction() as tx:
        places = await stock.places(tx, offer.occasion_id)
        own = (await catalogue.prices(tx, [offer.occasion_id]))[offer.occasion_id]
    free = await _free(world, request, offer, places)
    asked = _Asked(request, offer, prices, own, places, free)
    async with world.transaction() as tx:
        choices = await _near_seats(tx, asked) + await _split_seats(tx, asked) + _other_categories(asked)
    if offer.starts_at is not None:
        choices += await _other_dates(world, asked)
    return choices[:ALTERNATIVES_MAX]


async def _free(world: World, request: BookingRequest, offer: sa.Row[Any], places: Places) -> bytearray:
    """What is free now. A snapshot in which all the refused seats are free is older than the refusal, and made anew."""
    free = await sales_status.free_now(world, offer, offer.occasion_id, places)
    wanted = [places.index[place] for line in request.lines for place in line.places if place in places.index]
    if offer.served_by == sales_status.LOCAL or not wanted or not all(free[pos] for pos in wanted):
        return free
    await world.memory.forget(f"availability:{offer.occasion_id}")
    free = await sales_status.free_now(world, offer, offer.occasion_id, places)
    if all(free[pos] for pos in wanted):
        for pos in wanted:  # the issuer has just said no to them
            free[pos] = 0
    return free


async def _near_seats(tx: Any, asked: _Asked) -> list[Choice]:
    """Chosen seats that are gone: as many side by side nearby, then each lost one replaced by its nearest."""
    found = [lines for rule in (inventory.beside, inventory.nearest) if (lines := _replaced(asked, rule)) is not None]
    distinct = [lines for index, lines in enumerate(found) if lines not in found[:index]]
    return [await _seated(tx, asked, Alternative.NEAREST_SEATS, lines) for lines in distinct]


def _replaced(asked: _Asked, rule: Callable[..., tuple[int, ...] | None]) -> list[Line] | None:
    """The asked lines with other places by `rule`, or None when one of them names none or gets none."""
    lines, free = [], bytearray(asked.free)
    for line in asked.request.lines:
        wanted = [asked.places.index[place] for place in line.places if place in asked.places.index]
        other = rule(asked.places.hall, free, wanted) if wanted else None
        if other is None or len(other) != line.quantity:
            return None
        lines.append(_with_places(asked, line, other, free))
    return lines


async def _split_seats(tx: Any, asked: _Asked) -> list[Choice]:
    """The same number of the same category, not all side by side."""
    lines, free = [], bytearray(asked.free)
    for line, price in zip(asked.request.lines, asked.prices, strict=True):
        if line.places or line.quantity == 1:
            return []
        found = inventory.split(asked.places.hall, free, price.category, line.quantity)
        if found is None:
            return []
        lines.append(_with_places(asked, line, found, free))
    return [await _seated(tx, asked, Alternative.SPLIT_SEATS, lines)]


def _with_places(asked: _Asked, line: Line, found: Sequence[int], free: bytearray) -> Line:
    """The line with these places, which are no longer free for the lines after it."""
    for pos in found:
        free[pos] = 0
    places = tuple(asked.places.ids[pos] for pos in found)
    return Line(line.price_id, line.quantity, places, line.handsets, line.origin_id, line.destination_id, line.holder)


async def _seated(tx: Any, asked: _Asked, kind: Alternative, lines: Sequence[Line]) -> Choice:
    seats = await catalogue.seats(tx, [place for line in lines for place in line.places])
    words = ", ".join(
        seat_words(seats[place].section, seats[place].row, seats[place].seat, asked.language)
        for line in lines
        for place in line.places
    )
    return Choice(kind, words, asked.amount(asked.prices, lines), asked.offer.occasion_id, tuple(lines))


def _other_categories(asked: _Asked) -> list[Choice]:
    """The same occasion in another category, the nearest price first; only for a wish of one line."""
    if len(asked.request.lines) != 1:
        return []
    line, price = asked.request.lines[0], asked.prices[0]
    others = [
        other
        for other in asked.own_prices
        if other.category != price.category
        and _same_journey(price, other)
        and inventory.pick(asked.places.hall, asked.free, other.category, line.quantity) is not None
    ]
    others.sort(key=lambda other: inventory.price_distance(price.amount, other.amount))
    return [
        Choice(
            Alternative.OTHER_CATEGORY,
            said(other.name, asked.language),
            Money(other.amount * line.quantity, other.currency),
            asked.offer.occasion_id,
            (_without_places(line, other),),
        )
        for other in others
    ]


def _same_journey(price: sa.Row[Any], other: sa.Row[Any]) -> bool:
    """Whether another price holds for the journeys of this one."""
    return (other.origin_zone, other.destination_zone, other.route_id) in {
        (price.origin_zone, price.destination_zone, price.route_id),
        (None, None, None),
    }


def _without_places(line: Line, price: sa.Row[Any]) -> Line:
    """The same wish at another price, its places left to the issuer."""
    return Line(price.id, line.quantity, (), line.handsets, line.origin_id, line.destination_id, line.holder)


async def _other_dates(world: World, asked: _Asked) -> list[Choice]:
    """The nearest other dates at which the same categories are free."""
    offer = asked.offer
    async with world.transaction() as tx:
        rows = await catalogue.siblings(
            tx,
            product_id=offer.product_id,
            except_id=offer.occasion_id,
            near=offer.starts_at,
            now=world.clock.now(),
            limit=OTHER_DATES_MAX * 2,
        )
        prices = await catalogue.prices(tx, [row.id for row in rows])
        halls = {row.id: await stock.places(tx, row.id) for row in rows if row.stock == Stock.PLACES}
    free = await asyncio.gather(*(sales_status.free_now(world, offer, one, hall) for one, hall in halls.items()))
    stocks = {one: _Stock(hall, octets) for (one, hall), octets in zip(halls.items(), free, strict=True)}
    choices = []
    for row in rows:
        lines = _same_lines(asked, prices[row.id], stocks.get(row.id))
        if lines is not None:
            by_id = {price.id: price for price in prices[row.id]}
            amount = asked.amount([by_id[line.price_id] for line in lines], lines)
            words = moment(row.starts_at, offer.timezone, asked.language)
            choices.append(Choice(Alternative.OTHER_DATE, words, amount, row.id, tuple(lines)))
        if len(choices) == OTHER_DATES_MAX:
            break
    return choices


@dataclass(frozen=True, slots=True)
class _Stock:
    """The places of another date, and which of them are free."""

    places: Places
    free: bytearray


def _same_lines(asked: _Asked, options: Sequence[sa.Row[Any]], stocked: _Stock | None) -> list[Line] | None:
    """The asked lines on another date, or None when one of them cannot be had there."""
    lines = []
    for line, price in zip(asked.request.lines, asked.prices, strict=True):
        fitting = [one for one in options if one.category == price.category and _same_journey(price, one)]
        if not fitting:
            return None
        other = fitting[0]
        if stocked is not None:
            found = inventory.pick(stocked.places.hall, stocked.free, other.category, line.quantity)
            if found is None:
                return None
            for pos in found:
                stocked.free[pos] = 0
        lines.append(_without_places(line, other))
    return lines
