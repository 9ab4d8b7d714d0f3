"""Booking: the issuer is asked, the places are held, the booking is written; or second choices are offered."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingEvent, BookingRequest, Line, SalesFacts, may_sell, total
from app.domain.money import Money
from app.domain.refusals import BadLine, LimitExceeded, NotFound, NotOnSale, SoldOut, WrongState
from app.flows.booking import alternatives, hold
from app.flows.booking.sales_status import LOCAL
from app.ports import Held, NotAvailable, Part, Wish
from app.store import catalogue, outbox, sales
from app.store.moves import move_many
from app.store.outbox import Owed
from app.store.sales import NewBooking, NewItem
from app.store.tables import Booking
from app.store.tables.catalogue import Stock
from app.store.topics import Topic
from app.world import World


@dataclass(frozen=True, slots=True)
class Booked:
    """A new hold. `link` is the buyer's secret: it is told once and stored as a hash."""

    id: UUID
    link: str
    amount: Money
    expires_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A request on its way: the booking it is to become, and until when its places are kept."""

    request: BookingRequest
    key: UUID
    until: datetime
    fresh: bool
    """Nobody but us knows the key."""

    def wish(self, priced: Priced) -> Wish:
        parts = tuple(
            Part(price.category, line.quantity, line.places, price.id, price.amount)
            for line, price in zip(self.request.lines, priced.prices, strict=True)
        )
        return Wish(self.key, priced.offer.issuer_id, priced.offer.occasion_id, parts, self.until)


@dataclass(frozen=True, slots=True)
class Priced:
    """A request checked against the catalogue: one price row per line."""

    offer: sa.Row[Any]
    prices: tuple[sa.Row[Any], ...]


async def book(world: World, request: BookingRequest, *, identity: UUID | None = None) -> Booked:
    """Hold places, write the booking (as `identity`); raises NotFound, NotOnSale, BadLine, LimitExceeded, SoldOut.

    Raises IssuerAway where the issuer's own server does not answer: nothing is sold that it was not asked about.
    """
    now = world.clock.now()
    key = identity or world.entropy.uuid()
    expires_at = now + timedelta(seconds=world.house.hold_seconds)
    until = expires_at + timedelta(seconds=world.house.hold_grace_seconds)
    wanted = _Wanted(request, key, until, fresh=identity is None)
    priced = await _price(world, request)
    try:
        held = await _hold(world, wanted, priced)
    except NotOnSale:
        if not await hold.caught_up(world, priced.offer.served_by):
            raise
        # The issuer elsewhere sells by newer news than ours was: now ours is as new as its.
        priced = await _price(world, request)
        held = await _hold(world, wanted, priced)
    return await _write(world, wanted, priced, _items(world, request, priced, held), now=now, expires_at=expires_at)


async def _write(
    world: World, wanted: _Wanted, priced: Priced, items: tuple[NewItem, ...], *, now: datetime, expires_at: datetime
) -> Booked:
    """Write the booking of what is held; raises LimitExceeded, and then nothing is held any more."""
    request, offer = wanted.request, priced.offer
    link = base64.urlsafe_b64encode(world.entropy.bytes(16)).decode().rstrip("=")
    amount = total([Money(item.amount, offer.currency) for item in items])
    booking = NewBooking(
        id=wanted.key,
        issuer_id=offer.issuer_id,
        product_id=offer.product_id,
        occasion_id=offer.occasion_id,
        language=request.language,
        buyer=request.buyer,
        amount=amount.amount,
        currency=amount.currency,
        expires_at=expires_at,
        link_hash=link_hash(link),
        complimentary=request.complimentary,
        created_at=now,
        items=items,
        buyer_limit=offer.buyer_limit,
    )
    if offer.buyer_limit is None or request.complimentary:
        await world.database.together(sales.open_bookings, booking, atomic=False)
    elif (left := await world.database.together(sales.open_limited, booking)) is not None:
        await hold.release(world, offer, wanted.key)
        raise LimitExceeded(
            f"One buyer may have {offer.buyer_limit} of these; you may take {left} more.", limit=offer.buyer_limit
        )
    return Booked(wanted.key, link, amount, expires_at, now)


def link_hash(link: str) -> bytes:
    """What the database knows of a buyer's link."""
    return hashlib.sha256(link.encode()).digest()


async def _price(world: World, request: BookingRequest) -> Priced:
    """The catalogue's facts for a request, which may be sold; raises NotFound, NotOnSale, LimitExceeded and BadLine."""
    wanted = (request.occasion_id, request.product_id)
    offered = await world.database.together(catalogue.offers, wanted, atomic=False)
    if offered is None:
        raise NotFound(
            "There is no such occasion or product. Look at /catalogue/products; what is sold by date is booked by"
            " its occasion."
        )
    offer = offered.row
    if offer.kind == "ride" and any(line.origin_id for line in request.lines):
        async with world.database.statements() as tx:
            prices = tuple([await _journey_price(tx, offer, line) for line in request.lines])
    else:
        known = {price.id: price for price in offered.prices}
        prices = tuple(_known_price(known, line) for line in request.lines)
    facts = SalesFacts(offer.sales_from, offer.sales_until, offer.starts_at, offer.booking_limit, offer.withdrawn)
    may_sell(facts, request.lines, now=world.clock.now())
    return Priced(offer, prices)


def _known_price(known: dict[UUID, sa.Row[Any]], line: Line) -> sa.Row[Any]:
    price = known.get(line.price_id)
    if price is None:
        raise BadLine("This price does not belong to the occasion; take one from its `prices`.")
    if price.origin_zone or price.destination_zone or price.route_id:
        raise BadLine("This price is for certain journeys: name `origin` and `destination`.")
    return price


async def _journey_price(tx: Any, offer: sa.Row[Any], line: Line) -> sa.Row[Any]:
    if line.origin_id is None or line.destination_id is None:
        raise BadLine("A journey needs both `origin` and `destination`.")
    rows = await catalogue.journey_prices(
        tx, origin=line.origin_id, destination=line.destination_id, product_id=offer.product_id
    )
    price = next((row for row in rows if row.id == line.price_id), None)
    if price is None:
        raise BadLine("This price does not hold for this journey; ask /catalogue/products with origin and destination.")
    return price


async def _hold(world: World, wanted: _Wanted, priced: Priced) -> Held | None:
    """Hold what runs out; None where nothing does. Raises SoldOut with second choices, NotOnSale and IssuerAway."""
    request, offer = wanted.request, priced.offer
    if offer.stock != Stock.PLACES and any(line.places for line in request.lines):
        raise BadLine("Nothing is numbered here: ask for a quantity, not for places.")
    outcome = await hold.hold(world, offer, wanted.wish(priced), fresh=wanted.fresh)
    if isinstance(outcome, NotAvailable):
        choices = await alternatives.rank(world, request, offer, priced.prices)
        raise SoldOut(
            "What you asked for is no longer available." + (" These are:" if choices else " Nothing else is left."),
            alternatives=choices,
        )
    return outcome


def _items(world: World, request: BookingRequest, priced: Priced, held: Held | None) -> tuple[NewItem, ...]:
    items = []
    for number, (line, price) in enumerate(zip(request.lines, priced.prices, strict=True)):
        places: Sequence[UUID | None] = held.places[number] if held else [None] * line.quantity
        items += [
            NewItem(
                id=world.entropy.uuid(),
                price_id=price.id,
                amount=0 if request.complimentary else price.amount,
                handset=line.handset_of(index, request.buyer),
                place_id=place,
                origin_id=line.origin_id,
                destination_id=line.destination_id,
                holder=line.holder,
            )
            for index, place in enumerate(places)
        ]
    return tuple(items)


async def cancel(world: World, booking_id: UUID) -> None:
    """Give a hold up: its places are free at once; raises WrongState when it is no longer just a hold."""
    now = world.clock.now()
    async with world.transaction() as tx:
        moved = await move_many(tx, Booking, [booking_id], BookingEvent.CANCEL)
        row = (await sales.bookings(tx, [booking_id]))[booking_id]
        if moved and row.served_by != LOCAL:  # it may not hear us now
            await outbox.put(tx, [_owed_release(world, row)], now=now)
    if not moved:
        raise WrongState(f"A {row.state} booking cannot be cancelled; only one that waits for payment can.")
    await hold.release(world, row, booking_id)
    await world.memory.forget(f"availability:{row.occasion_id}")


def _owed_release(world: World, row: sa.Row[Any]) -> Owed:
    return Owed(world.entropy.uuid(), row.issuer_id, Topic.RELEASE, str(row.id), {"booking": str(row.id)})


async def expire(world: World, *, limit: int = 200) -> int:
    """Say of bookings whose time ran out that it did. Their places were free already, by the clock.

    Only where somebody tried to pay may they be kept without an end: those are released.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        rows = await sales.run_out(tx, now=now, limit=limit)
        expired = await move_many(tx, Booking, [row.id for row in rows], BookingEvent.EXPIRE)
        owed = [_owed_release(world, row) for row in rows if row.tried and row.id in expired]
        await outbox.put(tx, owed, now=now)
        return len(expired)
