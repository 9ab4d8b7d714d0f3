"""A catalogue as one server tells it to another: the rows that are sold by, under the ids that both servers use.

An issuer's server writes these shapes, a sales server reads them, and what does not fit them is not let in. Rows of one
issuer stand inside of its own block and name nobody else's: a server cannot speak for an issuer that is not its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal, Protocol, runtime_checkable
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    model_validator,
)

from app.domain.catalogue import ProductKind, Refund, Shape, Transfer
from app.ports.copied import (
    URL_PATTERN,
    Code,
    Colour,
    Currency,
    Entrance,
    Minor,
    Name,
    PlaceText,
    Plain,
    Rules,
    ShortText,
    Slug,
    Timezone,
    TransferMinutes,
    Uses,
    Words,
)

COPY_BYTES_MAX = 32 * 1024 * 1024
"""One answer of another server; an issuer whose catalogue is larger cannot be sold from elsewhere."""
ISSUERS_MAX = 1_000
STOPS_MAX = 50_000
PRODUCTS_MAX = 20_000
OCCASIONS_MAX = 50_000
PRICES_MAX = 100_000
PLACES_MAX = 200_000
STOCK_ASKED_MAX = 50
"""Occasions in one question about what is free: the token that signs it holds the question."""


class Copied(BaseModel):
    """Fields that a newer server adds are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class VenueCopy(Copied):
    id: UUID
    slug: Slug
    name: Name
    address: Words


class StopCopy(Copied):
    id: UUID
    code: Code
    name: Name
    zone: Code | None
    lat: Annotated[float, Field(ge=-90, le=90)] | None
    lon: Annotated[float, Field(ge=-180, le=180)] | None


class RouteCopy(Copied):
    """`patterns`: each order in which the route calls at its stops, by their ids."""

    id: UUID
    code: Code
    name: Name
    patterns: Annotated[list[Annotated[list[UUID], Field(max_length=1_000)]], Field(max_length=1_000)]


class CategoryCopy(Copied):
    name: Plain
    colour: Colour | None


class StandingCopy(Copied):
    zone: Plain
    category: Plain
    capacity: Annotated[int, Field(ge=0, le=PLACES_MAX)]


class AreaCopy(Copied):
    shape: Shape
    zone: Plain
    x: FiniteFloat
    y: FiniteFloat
    width: FiniteFloat
    height: FiniteFloat
    points: Annotated[list[tuple[FiniteFloat, FiniteFloat]], Field(max_length=1_000)]
    rotation: FiniteFloat
    colour: Colour | None
    label: Plain | None


class DrawingCopy(Copied):
    width: FiniteFloat
    height: FiniteFloat
    categories: Annotated[list[CategoryCopy], Field(max_length=200)]
    standing: Annotated[list[StandingCopy], Field(max_length=1_000)]
    areas: Annotated[list[AreaCopy], Field(max_length=5_000)]


class SeatingCopy(Copied):
    id: UUID
    slug: Slug
    name: Plain
    drawing: DrawingCopy


class ProductCopy(Copied):
    id: UUID
    slug: Slug
    kind: ProductKind
    title: Name
    description: Words
    venue_id: UUID | None
    uses: Uses
    face_value: Annotated[int, Field(gt=0, le=10**12)] | None
    valid_days: Annotated[int, Field(ge=1, le=36_500)] | None
    booking_limit: Annotated[int, Field(ge=1, le=50)]
    buyer_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None
    transfer: Transfer
    refund: Refund
    transfer_minutes_before: TransferMinutes | None = None
    entry_rules: Rules = {}

    @model_validator(mode="after")
    def _vouchers_have_a_face(self) -> ProductCopy:
        if (self.kind == "voucher") != (self.face_value is not None):
            raise ValueError("a voucher has a face value, and nothing else has one")
        return self


class OccasionCopy(Copied):
    """`revision` counts changes of its places: they are asked for apart, and only when it has moved."""

    id: UUID
    product_id: UUID
    slug: Code
    code: Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
    stock: Literal["places", "unlimited"]
    starts_at: AwareDatetime | None
    ends_at: AwareDatetime | None
    doors_at: AwareDatetime | None
    admits_from: AwareDatetime | None
    admits_until: AwareDatetime | None
    sales_from: AwareDatetime | None
    sales_until: AwareDatetime | None
    venue_id: UUID | None
    seating_id: UUID | None
    revision: Annotated[int, Field(ge=0, le=2**31 - 1)]

    @model_validator(mode="after")
    def _windows_open_before_they_close(self) -> OccasionCopy:
        windows = (
            (self.starts_at, self.ends_at),
            (self.sales_from, self.sales_until),
            (self.admits_from, self.admits_until),
        )
        if any(first is not None and last is not None and first >= last for first, last in windows):
            raise ValueError("ends before it begins")
        return self


class PriceCopy(Copied):
    id: UUID
    product_id: UUID
    occasion_id: UUID | None
    category: Code
    name: Name
    amount: Minor
    colour: Colour | None
    origin_zone: Code | None
    destination_zone: Code | None
    route_id: UUID | None
    position: Annotated[int, Field(ge=0, le=2**31 - 1)]
    entrance: Entrance = ""


class IssuerCopy(Copied):
    """Everything one issuer sells. `revision` is another one as soon as any of it is."""

    id: UUID
    revision: UUID
    slug: Slug
    name: Name
    timezone: Timezone
    currency: Currency
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
    url: Annotated[str, Field(max_length=500, pattern=URL_PATTERN)] | None
    phone: Annotated[str, Field(max_length=40, pattern=r"^\+?[0-9][0-9 ()-]*$")] | None
    venues: Annotated[list[VenueCopy], Field(max_length=PRODUCTS_MAX)]
    stops: Annotated[list[StopCopy], Field(max_length=STOPS_MAX)]
    routes: Annotated[list[RouteCopy], Field(max_length=STOPS_MAX)]
    seatings: Annotated[list[SeatingCopy], Field(max_length=1_000)]
    products: Annotated[list[ProductCopy], Field(max_length=PRODUCTS_MAX)]
    occasions: Annotated[list[OccasionCopy], Field(max_length=OCCASIONS_MAX)]
    prices: Annotated[list[PriceCopy], Field(max_length=PRICES_MAX)]

    @model_validator(mode="after")
    def _names_only_its_own(self) -> IssuerCopy:
        venues, stops, routes, seatings, products, occasions = (
            _ids(what, rows)
            for what, rows in (
                ("venues", self.venues),
                ("stops", self.stops),
                ("routes", self.routes),
                ("seatings", self.seatings),
                ("products", self.products),
                ("occasions", self.occasions),
            )
        )
        _ids("prices", self.prices)
        named = (
            ("venue", venues, [*(one.venue_id for one in self.products), *(one.venue_id for one in self.occasions)]),
            ("stop", stops, [stop for route in self.routes for calls in route.patterns for stop in calls]),
            ("route", routes, [one.route_id for one in self.prices]),
            ("seating", seatings, [one.seating_id for one in self.occasions]),
            ("product", products, [*(one.product_id for one in self.occasions), *(p.product_id for p in self.prices)]),
            ("occasion", occasions, [one.occasion_id for one in self.prices]),
        )
        for what, known, references in named:
            if any(one is not None and one not in known for one in references):
                raise ValueError(f"names a {what} that is not in it")
        return self


class HasId(Protocol):
    @property
    def id(self) -> UUID: ...


def _ids(what: str, rows: Sequence[HasId]) -> set[UUID]:
    found = {row.id for row in rows}
    if len(found) < len(rows):
        raise ValueError(f"has two {what} of one id")
    return found


class Listed(Copied):
    """One issuer of a server and which catalogue it has now."""

    id: UUID
    slug: Slug
    revision: UUID


class IssuersCopy(Copied):
    issuers: Annotated[list[Listed], Field(max_length=ISSUERS_MAX)]


class Index(Copied):
    """All issuers of a server, and the ETag under which this list can be asked for again."""

    issuers: tuple[Listed, ...]
    etag: str


Column = Field(max_length=PLACES_MAX)


class PlacesCopy(Copied):
    """An occasion's places in plan order, column by column: item n of each list is the place at position n."""

    occasion: UUID
    revision: Annotated[int, Field(ge=0, le=2**31 - 1)]
    id: Annotated[list[UUID], Column]
    guid: Annotated[list[Plain], Column]
    category: Annotated[list[Code], Column]
    numbered: Annotated[list[bool], Column]
    section: Annotated[list[PlaceText], Column]
    row: Annotated[list[ShortText], Column]
    seat: Annotated[list[ShortText], Column]
    x: Annotated[list[FiniteFloat | None], Column]
    y: Annotated[list[FiniteFloat | None], Column]
    withdrawn: Annotated[list[bool], Column]

    @model_validator(mode="after")
    def _columns_are_of_one_length(self) -> PlacesCopy:
        columns = (self.guid, self.category, self.numbered, self.section, self.row, self.seat, self.x, self.y)
        if any(len(column) != len(self.id) for column in (*columns, self.withdrawn)):
            raise ValueError("has columns of different lengths")
        if len(set(self.id)) < len(self.id) or len(set(self.guid)) < len(self.guid):
            raise ValueError("has the same place twice")
        return self


class StockCopy(Copied):
    """What is free of one occasion, by category; nothing runs out where it is `unlimited`."""

    occasion: UUID
    unlimited: bool
    counts: dict[str, Annotated[int, Field(ge=0, le=PLACES_MAX)]]


class StocksCopy(Copied):
    as_of: datetime
    stock: Annotated[list[StockCopy], Field(max_length=STOCK_ASKED_MAX)]


class CopyRefused(Exception):
    """What another server told cannot be taken over. The sentence says what was wrong with it, and holds no more."""


@runtime_checkable
class Elsewhere(Protocol):
    """An issuer whose server is another one: what it sells is copied from there, what is free is asked there.

    Each call may raise IssuerAway, and CopyRefused where the answer is not what it should be.
    """

    name: str

    async def catalogues(self, *, etag: str | None) -> Index | None:
        """All its issuers; None when they are as they were under `etag`."""
        ...

    async def catalogue(self, *, issuer_id: UUID) -> IssuerCopy: ...

    async def places(self, *, occasion_id: UUID) -> PlacesCopy: ...

    async def stock(self, *, occasion_ids: Sequence[UUID]) -> Mapping[UUID, StockCopy]:
        """How much is free of each, of STOCK_ASKED_MAX at most; unknown ones are left out. Of none: is it there?"""
        ...
