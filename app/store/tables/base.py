"""Column helpers: enums by value, aware times, words by language; and the names constraints get."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

CURRENCY = "^[A-Z]{3}$"
E164 = r"^\+[1-9][0-9]{6,14}$"


def stored(enum_type: type[StrEnum], name: str) -> sa.Enum:
    """VARCHAR + CHECK holding values, not names: a new state needs no ALTER TYPE."""
    return sa.Enum(
        enum_type,
        native_enum=False,
        length=20,
        validate_strings=True,
        create_constraint=True,
        name=name,
        values_callable=lambda members: [member.value for member in members],
    )


def state(enum_type: type[StrEnum], name: str, start: StrEnum) -> Any:
    return Field(default=start, sa_column=sa.Column(name, stored(enum_type, name), nullable=False))


def key() -> Any:
    """A UUIDv7 given by the caller: ids come from the World."""
    return Field(sa_column=sa.Column("id", sa.Uuid(), primary_key=True))


def ref(target: str, *, nullable: bool = False, index: bool = False) -> Any:
    default: Any = None if nullable else ...
    return Field(default=default, sa_type=sa.Uuid, foreign_key=target, nullable=nullable, index=index)


def words() -> Any:
    """Text by language: {"ko": "…", "en": "…"}."""
    return Field(sa_type=JSONB, nullable=False)


def when(*, nullable: bool = False, index: bool = False) -> Any:
    return Field(
        default=None if nullable else ...,
        sa_type=sa.DateTime(timezone=True),
        nullable=nullable,
        index=index,
    )


def check(name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=name)


__all__ = [
    "CURRENCY",
    "E164",
    "UUID",
    "SQLModel",
    "check",
    "datetime",
    "key",
    "ref",
    "state",
    "stored",
    "when",
    "words",
]
