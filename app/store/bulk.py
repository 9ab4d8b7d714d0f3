"""Many rows by one statement whose text does not depend on their number, so that it is prepared once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel


@lru_cache(maxsize=256)
def _statement(model: type[SQLModel], columns: tuple[str, ...], on_conflict: str) -> sa.TextClause:
    table = sa.inspect(model).local_table
    arrays = ", ".join(f"CAST(:{name} AS {_pg_type(table.c[name].type)}[])" for name in columns)
    names = ", ".join(columns)
    return sa.text(f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}) {on_conflict}")  # noqa: S608 - names come from our own tables


PG_TYPES: tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...] = (
    (sa.Uuid, "uuid"),
    (sa.String, "varchar"),
    (sa.BigInteger, "bigint"),
    (sa.Integer, "integer"),
    (sa.DateTime, "timestamptz"),
    (sa.Boolean, "boolean"),
    (sa.LargeBinary, "bytea"),
    (JSONB, "jsonb"),
)
"""Enums are strings here; a kind of column that is missing cannot be written in bulk."""


def _pg_type(kind: sa.types.TypeEngine[Any]) -> str:
    plain = kind.impl_instance if isinstance(kind, sa.types.TypeDecorator) else kind
    return next(name for known, name in PG_TYPES if isinstance(plain, known))


def _plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False)
    return value


async def insert_many(
    tx: AsyncSession, model: type[SQLModel], rows: Sequence[Mapping[str, object]], *, on_conflict: str = ""
) -> int:
    """Insert rows that all have the same columns; returns how many were written. `on_conflict` is SQL of ours."""
    if not rows:
        return 0
    columns = tuple(rows[0])
    parameters = {name: [_plain(row[name]) for row in rows] for name in columns}
    result = await tx.execute(_statement(model, columns, on_conflict), parameters)
    return int(result.rowcount)  # type: ignore[attr-defined]  # the result of an INSERT counts its rows
