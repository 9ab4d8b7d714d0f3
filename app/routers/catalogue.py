"""The catalogue: what is sold, when, where, and what is free."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import AwareDatetime

from app.domain.refusals import NotFound
from app.flows.booking import find, sales_status
from app.routers.common import TheWorld
from app.schemas import examples
from app.schemas.base import Storable, cursor, problems, read_cursor
from app.schemas.catalogue import (
    AvailabilityOut,
    OccasionOut,
    OccasionsOut,
    PlaceOut,
    PlacesOut,
    PriceOut,
    ProductDetailOut,
    ProductOut,
    ProductsOut,
    StopOut,
    StopsOut,
)
from app.store.catalogue import PAGE_MAX, Search

router = APIRouter(prefix="/catalogue", tags=["catalogue"], responses=problems())

Kind = Literal["admission", "ride", "voucher"]
Words = Annotated[str, Query(max_length=100, description="Words in any language; all must occur."), Storable]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the page before.")]
Slug = Annotated[str | None, Query(max_length=64), Storable]
Name = Annotated[str | None, Query(max_length=100), Storable]
OccasionId = Annotated[UUID, Path(examples=[examples.OCCASION])]
ProductId = Annotated[UUID, Path(examples=[examples.PRODUCT])]
WORDS_MAX = 8


def _after(text: str | None) -> list[str] | None:
    if text is None:
        return None
    try:
        return read_cursor(text, 2)
    except ValueError as fault:
        raise _bad("after", str(fault)) from None


def _bad(name: str, sentence: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("query", name), "msg": sentence, "type": "value_error"}])


@dataclass(frozen=True, slots=True)
class Asked:
    """What a visitor asks of a listing, checked, with the place it goes on from."""

    search: Search
    after: list[str] | None
    limit: int


async def the_search(  # noqa: PLR0917 - each is a query parameter of its own name
    kind: Kind | None = None,
    q: Words = "",
    issuer: Slug = None,
    place: Annotated[
        str | None, Query(max_length=100, description="Words of the venue or its address."), Storable
    ] = None,
    origin: UUID | None = None,
    destination: UUID | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    price_max: Annotated[int | None, Query(ge=0, le=10**12)] = None,
    after: Cursor = None,
    limit: Limit = 20,
) -> Asked:
    """The query that products and occasions share; one more row than a page has tells whether there is another."""
    _check_journey(origin, destination)
    search = Search(
        kind=kind,
        words=tuple(q.split()[:WORDS_MAX]),
        issuer=issuer,
        place=place,
        origin=origin,
        destination=destination,
        since=since,
        until=until,
        price_max=price_max,
        limit=limit + 1,
    )
    return Asked(search, _after(after), limit)


TheSearch = Annotated[Asked, Depends(the_search)]


@router.get("/products")
async def products(world: TheWorld, asked: TheSearch) -> ProductsOut:
    """Products that match all that is asked; with origin and destination, rides between them with their price."""
    where = asked.after
    search = replace(asked.search, cursor=(where[0], _uuid(where[1])) if where else None)
    rows = await find.products(world, search)
    page = rows[: asked.limit]
    heard = await sales_status.standings(world, [row.served_by for row in page])
    following = cursor(page[-1].slug, page[-1].id) if len(rows) > asked.limit else None
    return ProductsOut(products=[ProductOut.of(row, heard[row.served_by]) for row in page], next=following)


def _check_journey(origin: UUID | None, destination: UUID | None) -> None:
    if (origin is None) != (destination is None):
        raise _bad("destination" if destination is None else "origin", "a journey needs both origin and destination")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _bad("after", "this cursor is not one of ours; start without one") from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise _bad("after", "this cursor is not one of ours; start without one") from None


@router.get("/products/{product_id}", responses=problems(404))
async def product(
    world: TheWorld, product_id: ProductId, origin: UUID | None = None, destination: UUID | None = None
) -> ProductDetailOut:
    """One product; a ride's prices for a journey when origin and destination are given."""
    rows = await find.products(world, Search(product_id=product_id, origin=origin, destination=destination))
    if not rows:
        raise NotFound("There is no such product, or it does not serve this journey.")
    heard = await sales_status.standings(world, [rows[0].served_by])
    shown = ProductOut.of(rows[0], heard[rows[0].served_by])
    short_code = world.house.short_code or None
    try:
        occasion, prices = await find.open_occasion(world, product_id)
    except NotFound:
        return ProductDetailOut(product=shown, occasion=None, prices=[], short_code=short_code)
    codes = find.sms_codes(occasion.sms_code, prices)
    if origin and destination:
        prices = await find.journey_prices(world, origin=origin, destination=destination, product_id=product_id)
    return ProductDetailOut(
        product=shown,
        occasion=occasion.occasion_id,
        prices=[PriceOut.of(row, codes) for row in prices],
        short_code=short_code,
    )


@router.get("/stops")
async def stops(world: TheWorld, q: Words = "", issuer: Slug = None, limit: Limit = PAGE_MAX) -> StopsOut:
    """Stations that rides start and end at."""
    rows = await find.stops(world, issuer=issuer, words=q.split()[:WORDS_MAX], limit=limit)
    return StopsOut(stops=[StopOut.of(row) for row in rows])


@router.get("/occasions")
async def occasions(world: TheWorld, asked: TheSearch, product: UUID | None = None) -> OccasionsOut:
    """Dated occasions by date, then open-dated ones; each with prices and what is free."""
    where = asked.after
    start = (_moment(where[0]), _uuid(where[1])) if where else None
    search = replace(asked.search, product_id=product, cursor=start)
    found = await find.occasions(world, search)
    page = found[: asked.limit]
    following = None
    if len(found) > asked.limit:
        last = page[-1].row
        following = cursor((last.starts_at or datetime.max.replace(tzinfo=UTC)).isoformat(), last.id)
    short_code = world.house.short_code or None
    return OccasionsOut(occasions=[OccasionOut.of(one) for one in page], short_code=short_code, next=following)


@router.get("/occasions/{occasion_id}/places", responses=problems(404))
async def places(  # noqa: PLR0917 - each is a query parameter of its own name
    world: TheWorld,
    occasion_id: OccasionId,
    category: Name = None,
    section: Name = None,
    after: Annotated[int, Query(ge=-1, le=10_000_000)] = -1,
    limit: Limit = PAGE_MAX,
) -> PlacesOut:
    """Places in plan order, each with whether it is free."""
    rows, availability = await find.places(
        world, occasion_id, category=category, section=section, after=after, limit=limit
    )
    following = rows[-1].pos if len(rows) == limit else None
    return PlacesOut(places=[PlaceOut.of(row, availability) for row in rows], next=following)


@router.get("/occasions/{occasion_id}/availability", response_model=AvailabilityOut, responses=problems(404))
async def availability(world: TheWorld, occasion_id: OccasionId) -> Response:
    """What is free, from a snapshot at most a second old that is made once for all who ask."""
    body = await sales_status.availability_bytes(world, occasion_id)
    return Response(body, media_type="application/json", headers={"Cache-Control": "public, max-age=1"})
