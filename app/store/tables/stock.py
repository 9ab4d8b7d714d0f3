"""Stock, the issuer's: one row per place. A place is free, held until a moment, or sold; there is no counter."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.store.tables.base import UUID, check, datetime, key, ref, when


class Seating(SQLModel, table=True):
    """A seating plan as imported; an occasion copies its places."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    drawing: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    """What pages draw beside the seats: size, category colours, stage and walls, standing areas."""
    __table_args__ = (sa.UniqueConstraint("issuer_id", "slug"),)


class SeatingPlace(SQLModel, table=True):
    __tablename__ = "seating_place"
    seating_id: UUID = Field(sa_type=sa.Uuid, foreign_key="seating.id", primary_key=True, ondelete="CASCADE")
    pos: int = Field(primary_key=True)
    issuer_id: UUID = ref("issuer.id")
    guid: str = Field(max_length=200)
    category: str = Field(max_length=100)
    numbered: bool
    section: str = Field(max_length=100)
    row: str = Field(max_length=50)
    seat: str = Field(max_length=50)
    x: float | None = None
    y: float | None = None
    __table_args__ = (sa.UniqueConstraint("seating_id", "guid"), check("pos", "pos >= 0"))


class Place(SQLModel, table=True):
    """One unit of stock on an occasion.

    Free: `taken_by` is null, or `held_until` has passed. Held: both are set. Sold: `taken_by` without `held_until`.
    One row has one owner, so overselling cannot be written down.
    """

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    occasion_id: UUID = ref("occasion.id")
    pos: int
    guid: str = Field(max_length=200)
    category: str = Field(max_length=100)
    numbered: bool
    section: str = Field(max_length=100)
    row: str = Field(max_length=50)
    seat: str = Field(max_length=50)
    x: float | None = None
    y: float | None = None
    taken_by: UUID | None = Field(default=None, sa_type=sa.Uuid)
    """The hold's key: the booking's id."""
    held_until: datetime | None = when(nullable=True)
    withdrawn: bool = False
    __table_args__ = (
        sa.UniqueConstraint("occasion_id", "pos"),
        sa.UniqueConstraint("occasion_id", "guid"),
        check("held_by_somebody", "held_until IS NULL OR taken_by IS NOT NULL"),
        check("pos", "pos >= 0"),
        sa.Index(
            "ix_place_unsold",
            "occasion_id",
            "category",
            "pos",
            postgresql_where=sa.text("taken_by IS NULL OR held_until IS NOT NULL"),
        ),
        sa.Index("ix_place_taken_by", "taken_by", postgresql_where=sa.text("taken_by IS NOT NULL")),
    )
