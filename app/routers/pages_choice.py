"""What a visitor is choosing: the product, its dates and prices, and what an address or a form says was picked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import TICKETS_PER_BOOKING_MAX
from app.domain.refusals import NotFound
from app.domain.ticket import Kind
from app.flows.booking import find
from app.flows.booking.find import FoundOccasion
from app.routers.pages import STOPS_MAX, uuid_of
from app.store.catalogue import Search
from app.web.forms import Fields
from app.world import World

DATES_PER_PAGE: Final = 14


@dataclass(frozen=True, slots=True)
class Offered:
    """A product as its page shows it. `stops` is empty where the fare does not depend on the journey."""

    product: sa.Row[Any]
    dates: list[FoundOccasion]
    later: datetime | None
    chosen: FoundOccasion | None
    stops: list[sa.Row[Any]]
    origin: UUID | None
    destination: UUID | None
    prices: list[sa.Row[Any]]

    @property
    def journey(self) -> tuple[sa.Row[Any], sa.Row[Any]] | None:
        """The two stops, once both are chosen."""
        by_id = {stop.id: stop for stop in self.stops}
        if self.origin in by_id and self.destination in by_id:
            return by_id[self.origin], by_id[self.destination]
        return None

    @property
    def limit(self) -> int:
        return int(min(self.product.booking_limit, TICKETS_PER_BOOKING_MAX))

    def free(self, category: str) -> int | None:
        """How many are left of a category; None where nothing runs out."""
        assert self.chosen is not None, "prices belong to a chosen occasion"
        seen = self.chosen.availability
        return None if seen.unlimited else seen.counts.get(category, 0)

    def tone(self, category: str) -> int:
        """Which of eight colours a category has, by its place in the price list."""
        names = [price.category for price in self.prices]
        return names.index(category) % 8 + 1 if category in names else 8

    @property
    def kept(self) -> dict[str, str]:
        """What has been chosen so far, for the next address."""
        pairs = {"occasion": self.chosen.row.id if self.chosen else None}
        pairs |= {"origin": self.origin, "destination": self.destination}
        return {name: str(value) for name, value in pairs.items() if value is not None}


async def offered(world: World, product_id: UUID, asked: Fields) -> Offered:
    """Raises NotFound."""
    rows = await find.products(world, Search(product_id=product_id))
    if not rows:
        raise NotFound("There is no such product.")
    since = _moment(asked.one("since"))
    found = await find.occasions(world, Search(product_id=product_id, since=since, limit=DATES_PER_PAGE + 1))
    chosen = await _chosen(world, product_id, uuid_of(asked.one("occasion")), found[:DATES_PER_PAGE])
    prices = chosen.prices if chosen else []
    stops: list[sa.Row[Any]] = []
    origin = destination = None
    if rows[0].kind == Kind.RIDE and any(_bound(price) for price in prices):
        stops = await find.stops(world, issuer=rows[0].issuer_slug, words=(), limit=STOPS_MAX)
        origin, destination = uuid_of(asked.one("origin")), uuid_of(asked.one("destination"))
        if asked.one("swap"):
            origin, destination = destination, origin
        prices = []
        if origin and destination:
            prices = await find.journey_prices(world, origin=origin, destination=destination, product_id=product_id)
    later = found[DATES_PER_PAGE].row.starts_at if len(found) > DATES_PER_PAGE else None
    return Offered(rows[0], found[:DATES_PER_PAGE], later, chosen, stops, origin, destination, prices)


def _bound(price: sa.Row[Any]) -> bool:
    return bool(price.origin_zone or price.destination_zone or price.route_id)


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


async def _chosen(
    world: World, product_id: UUID, wanted: UUID | None, dates: Sequence[FoundOccasion]
) -> FoundOccasion | None:
    """The wanted occasion, else the first that is not sold out, else the first."""
    if wanted is not None:
        known = next((one for one in dates if one.row.id == wanted), None)
        if known is not None:
            return known
        for one in await find.occasions(world, Search(product_id=product_id, limit=find.OCCASIONS_LOOKED_AT_MAX)):
            if one.row.id == wanted:
                return one
    return next((one for one in dates if one.availability.total != 0), dates[0] if dates else None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line of the visitor's wish: so many of a price, or these seats."""

    price: sa.Row[Any]
    quantity: int
    seats: tuple[sa.Row[Any], ...] = ()

    @property
    def amount(self) -> int:
        return int(self.price.amount) * self.quantity


async def wanted(world: World, offer: Offered, asked: Fields) -> list[Wanted]:
    """The lines an address or a form names; empty where it names none that can be had here."""
    if offer.chosen is None:
        return []
    places = asked.every("place")
    if places:
        return _seated(offer, await chosen_seats(world, offer, places))
    price = next((one for one in offer.prices if str(one.id) == asked.one("price")), None)
    if price is None:
        return []
    typed = asked.one("quantity") or "1"
    quantity = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 1  # noqa: PLR2004 - the limit has two digits
    return [Wanted(price, max(1, min(quantity, offer.limit)))]


async def chosen_seats(world: World, offer: Offered, places: Sequence[str]) -> list[sa.Row[Any]]:
    """The named places that are seats of the chosen occasion, each once, in the order they were chosen."""
    assert offer.chosen is not None, "seats belong to a chosen occasion"
    identities = [identity for text in places if (identity := uuid_of(text))]
    rows = await find.seats(world, identities[:TICKETS_PER_BOOKING_MAX])
    ordered = [rows[identity] for identity in dict.fromkeys(identities) if identity in rows]
    return [row for row in ordered if row.occasion_id == offer.chosen.row.id and row.numbered]


def _seated(offer: Offered, seats: Sequence[sa.Row[Any]]) -> list[Wanted]:
    lines = []
    for price in offer.prices:
        own = tuple(seat for seat in seats if seat.category == price.category)
        if own:
            lines.append(Wanted(price, len(own), own))
    return lines
