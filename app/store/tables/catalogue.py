"""What is sold: issuers, their venues and lines, products, dated occasions and prices."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.domain.ticket import Kind
from app.store.tables.base import CURRENCY, UUID, check, datetime, key, ref, stored, when, words


class Stock(StrEnum):
    """Whether an occasion has places that run out."""

    PLACES = "places"
    UNLIMITED = "unlimited"


class Transfer(StrEnum):
    NEVER = "never"
    FREE = "free"
    FACE_VALUE = "face_value"
    """The receiver may pay for it, and not more than it cost."""


class Refund(StrEnum):
    NEVER = "never"
    UNTIL_START = "until_start"
    UNTIL_USED = "until_used"


class Issuer(SQLModel, table=True):
    """Sells through us: a venue, a transport operator, a voucher issuer."""

    id: UUID = key()
    slug: str = Field(unique=True, max_length=64)
    name: dict[str, str] = words()
    timezone: str = Field(max_length=64)
    currency: str = Field(max_length=3)
    language: str = Field(max_length=8)
    url: str | None = Field(default=None, max_length=500)
    phone: str | None = Field(default=None, max_length=40)
    served_by: str = Field(default="local", max_length=64)
    """Which adapter asks its stock and register: `local`, or a remote one's name."""
    fee_basis_points: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """What we keep of each sale, in hundredths of a percent."""
    revision: UUID | None = Field(default=None, sa_type=sa.Uuid)
    """Of what it sells: an import that changes it changes this. None while a copy of another server's is not whole."""
    created_at: datetime = when()
    __table_args__ = (
        check("currency", f"currency ~ '{CURRENCY}'"),
        check("fee_basis_points", "fee_basis_points BETWEEN 0 AND 10000"),
    )


class Venue(SQLModel, table=True):
    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    slug: str = Field(max_length=64)
    name: dict[str, str] = words()
    address: dict[str, str] = words()
    __table_args__ = (sa.UniqueConstraint("issuer_id", "slug"),)


class Stop(SQLModel, table=True):
    """A station a ride starts or ends at; its zone decides the fare where fares go by zone."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    code: str = Field(max_length=100)
    name: dict[str, str] = words()
    search: str
    zone: str | None = Field(default=None, max_length=100)
    lat: float | None = None
    lon: float | None = None
    __table_args__ = (sa.UniqueConstraint("issuer_id", "code"),)


class Route(SQLModel, table=True):
    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    code: str = Field(max_length=100)
    name: dict[str, str] = words()
    __table_args__ = (sa.UniqueConstraint("issuer_id", "code"),)


class RouteStop(SQLModel, table=True):
    """One station of one pattern of a route: a ride runs from a lower `seq` to a higher one."""

    __tablename__ = "route_stop"
    route_id: UUID = Field(sa_type=sa.Uuid, foreign_key="route.id", primary_key=True, ondelete="CASCADE")
    pattern: int = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    issuer_id: UUID = ref("issuer.id")
    stop_id: UUID = ref("stop.id", index=True)


class Product(SQLModel, table=True):
    """What is sold: admission, a ride, or a voucher."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    slug: str = Field(max_length=100)
    kind: Kind = Field(sa_column=sa.Column("kind", stored(Kind, "kind"), nullable=False))
    title: dict[str, str] = words()
    description: dict[str, str] = words()
    search: str
    venue_id: UUID | None = ref("venue.id", nullable=True)
    uses: int = 1
    face_value: int | None = Field(default=None, sa_type=sa.BigInteger)
    valid_days: int | None = None
    booking_limit: int
    buyer_limit: int | None = None
    transfer: Transfer = Field(sa_column=sa.Column("transfer", stored(Transfer, "transfer"), nullable=False))
    refund: Refund = Field(sa_column=sa.Column("refund", stored(Refund, "refund"), nullable=False))
    transfer_minutes_before: int | None = None
    """Until so many minutes before the start it may change hands; None: until it is over."""
    entry_rules: dict[str, Any] = Field(
        default_factory=dict, sa_column=sa.Column("entry_rules", JSONB, nullable=False, server_default="{}")
    )
    """What a gate goes by: `app.domain.entry_rules.EntryRules`; what is left out is as there."""
    withdrawn: bool = False
    """No longer in the imported catalogue: not sold any more, what was sold stays valid."""
    __table_args__ = (
        sa.UniqueConstraint("issuer_id", "slug"),
        check("uses", "uses BETWEEN 1 AND 1000 OR uses = 9999"),
        check("booking_limit", "booking_limit BETWEEN 1 AND 50"),
        check("buyer_limit", "buyer_limit >= 1"),
        check("face_value", "(kind = 'voucher') = (face_value IS NOT NULL) AND (face_value IS NULL OR face_value > 0)"),
        check("valid_days", "valid_days >= 1"),
        check("transfer_minutes_before", "transfer_minutes_before BETWEEN 0 AND 527040"),
    )


class Occasion(SQLModel, table=True):
    """One dated occurrence of a product, or its open-dated validity (no `starts_at`)."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    product_id: UUID = ref("product.id")
    slug: str = Field(max_length=100)
    code: int = Field(sa_type=sa.BigInteger)
    """32 random bits that name the occasion inside a barcode."""
    sms_code: int | None = Field(default=None, unique=True)
    """The short number by which a text message asks for it, over all issuers: they share one short code."""
    stock: Stock = Field(sa_column=sa.Column("stock", stored(Stock, "stock"), nullable=False))
    starts_at: datetime | None = when(nullable=True, index=True)
    ends_at: datetime | None = when(nullable=True)
    doors_at: datetime | None = when(nullable=True)
    admits_from: datetime | None = when(nullable=True)
    admits_until: datetime | None = when(nullable=True)
    sales_from: datetime | None = when(nullable=True)
    sales_until: datetime | None = when(nullable=True)
    venue_id: UUID | None = ref("venue.id", nullable=True)
    seating_id: UUID | None = ref("seating.id", nullable=True)
    withdrawn: bool = False
    revision: int = 0
    """Counts imports that changed the places, so that a cached hall is known to be old; -1 while a copy has none."""
    __table_args__ = (
        sa.UniqueConstraint("product_id", "slug"),
        sa.UniqueConstraint("issuer_id", "code"),
        check("code", "code BETWEEN 0 AND 4294967295"),
        check("sms_code", "sms_code > 1000"),
        check("ends_after_start", "ends_at > starts_at"),
        check("sales_window", "sales_until > sales_from"),
        check("admits_window", "admits_until > admits_from"),
    )


class Price(SQLModel, table=True):
    """A category of a product, or of one occasion of it; a ride's price may be bound to zones or a route."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    product_id: UUID = ref("product.id")
    occasion_id: UUID | None = ref("occasion.id", nullable=True, index=True)
    category: str = Field(max_length=100)
    name: dict[str, str] = words()
    amount: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(max_length=3)
    colour: str | None = Field(default=None, max_length=9)
    origin_zone: str | None = Field(default=None, max_length=100)
    destination_zone: str | None = Field(default=None, max_length=100)
    route_id: UUID | None = ref("route.id", nullable=True)
    position: int = 0
    entrance: str = Field(default="", max_length=40, sa_column_kwargs={"server_default": ""})
    """The entrance that its tickets are for; empty: any."""
    withdrawn: bool = False
    __table_args__ = (
        sa.UniqueConstraint(
            "product_id",
            "occasion_id",
            "category",
            "origin_zone",
            "destination_zone",
            "route_id",
            name="uq_price_natural",
            postgresql_nulls_not_distinct=True,
        ),
        check("amount", "amount >= 0"),
        check("currency", f"currency ~ '{CURRENCY}'"),
    )
