"""The catalogue over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from app.domain.money import Money
from app.domain.sale import Standing, Why
from app.flows.booking.find import FoundOccasion, sms_codes
from app.flows.booking.sales_status import Availability, is_free
from app.schemas.base import MoneyOut, Out, Text

OnSale = Annotated[bool, Field(description="Whether it can be booked now.")]
NotSold = Annotated[
    Why | None,
    Field(description="Why not. `issuer_away`: its own server does not answer for now; what it sold stays valid."),
]
LastHeard = Annotated[
    datetime | None, Field(description="When the server of an issuer that is away last answered; null when it is not.")
]


class PriceOut(Out):
    id: UUID
    category: str
    name: Text
    price: MoneyOut
    colour: str | None
    sms: str | None = Field(default=None, description="The code to buy it by text message: BUY and this; null: not so.")

    @classmethod
    def of(cls, row: sa.Row[Any], codes: Mapping[UUID, str] = MappingProxyType({})) -> PriceOut:
        money = MoneyOut.of(Money(row.amount, row.currency))
        return cls(
            id=row.id,
            category=row.category,
            name=row.name,
            price=money,
            colour=row.colour,
            sms=codes.get(row.id),
        )


class ProductOut(Out):
    id: UUID
    issuer: str
    issuer_name: Text
    kind: str
    slug: str
    title: Text
    description: Text
    venue: Text | None
    from_price: MoneyOut
    uses: int = Field(description="Rides or entries on one ticket; 9999 is a pass, whose time runs out instead.")
    next_at: datetime | None = Field(description="The next date; null for what is open-dated.")
    dates: int
    booking_limit: int
    on_sale: bool = Field(description="Whether its issuer can be asked; each occasion says besides whether it is sold.")
    why: NotSold
    last_heard: LastHeard

    @classmethod
    def of(cls, row: sa.Row[Any], standing: Standing) -> ProductOut:
        return cls(
            id=row.id,
            issuer=row.issuer_slug,
            issuer_name=row.issuer_name,
            kind=row.kind,
            slug=row.slug,
            title=row.title,
            description=row.description,
            venue=row.venue_name,
            from_price=MoneyOut.of(Money(row.from_amount, row.currency)),
            uses=row.uses,
            next_at=row.next_at,
            dates=row.dates,
            booking_limit=row.booking_limit,
            on_sale=standing.on_sale,
            why=standing.why,
            last_heard=standing.last_heard,
        )


class ProductsOut(Out):
    products: list[ProductOut]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class ProductDetailOut(Out):
    product: ProductOut
    occasion: UUID | None = Field(description="The open-dated occasion to book; null for what is sold by date.")
    prices: list[PriceOut] = Field(description="With origin and destination: what that journey costs.")
    short_code: str | None = Field(description="The number to text a code to; null where none is known.")


class AvailabilityOut(Out):
    occasion: UUID
    as_of: datetime = Field(description="When this was so: a second ago at most, unless `why` is `issuer_away`.")
    on_sale: OnSale
    why: NotSold
    last_heard: LastHeard
    unlimited: bool
    counts: dict[str, int] = Field(description="Free places by category.")
    places: int
    free: str = Field(description="Base64 of one bit per place in plan order, most significant first; 1 is free.")


class OccasionOut(Out):
    id: UUID
    product: UUID
    issuer: str
    kind: str
    title: Text
    venue: Text | None
    starts_at: datetime | None
    ends_at: datetime | None
    doors_at: datetime | None
    timezone: str
    unlimited: bool
    on_sale: OnSale
    why: NotSold
    last_heard: LastHeard
    free: dict[str, int] = Field(description="Free places by category, at most a second ago.")
    prices: list[PriceOut]

    @classmethod
    def of(cls, found: FoundOccasion) -> OccasionOut:
        row = found.row
        codes = sms_codes(row.sms_code, found.prices)
        return cls(
            id=row.id,
            product=row.product_id,
            issuer=row.issuer_slug,
            kind=row.kind,
            title=row.title,
            venue=row.venue_name,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            doors_at=row.doors_at,
            timezone=row.timezone,
            unlimited=found.availability.unlimited,
            on_sale=found.standing.on_sale,
            why=found.standing.why,
            last_heard=found.standing.last_heard,
            free=found.availability.counts,
            prices=[PriceOut.of(price, codes) for price in found.prices],
        )


class OccasionsOut(Out):
    occasions: list[OccasionOut]
    short_code: str | None = Field(description="The number to text a code to; null where none is known.")
    next: str | None


class PlaceOut(Out):
    id: UUID
    pos: int
    category: str
    numbered: bool
    section: str
    row: str
    seat: str
    x: float | None
    y: float | None
    free: bool

    @classmethod
    def of(cls, row: sa.Row[Any], availability: Availability) -> PlaceOut:
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "free"}
        return cls(**fields, free=is_free(availability, row.pos))


class PlacesOut(Out):
    places: list[PlaceOut]
    next: int | None = Field(description="Pass as `after` for the next page; null on the last.")


class StopOut(Out):
    id: UUID
    issuer: str
    issuer_name: Text
    code: str
    name: Text
    zone: str | None
    lat: float | None
    lon: float | None

    @classmethod
    def of(cls, row: sa.Row[Any]) -> StopOut:
        return cls(
            id=row.id,
            issuer=row.issuer_slug,
            issuer_name=row.issuer_name,
            code=row.code,
            name=row.name,
            zone=row.zone,
            lat=row.lat,
            lon=row.lon,
        )


class StopsOut(Out):
    stops: list[StopOut]
