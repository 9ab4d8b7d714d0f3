"""Many rows by one statement whose text does not depend on their number, so that it is prepared once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from app.store.database import Tx


@lru_cache(maxsize=256)
def _statement(model: type[SQLModel], columns: tuple[str, ...], on_conflict: str = "", prefix: str = "") -> str:
    table = sa.inspect(model).local_table
    arrays = ", ".join(f"CAST(:{prefix}{name} AS {pg_type(table.c[name].type)}[])" for name in columns)
    names = ", ".join(columns)
    return f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}) {on_conflict}"  # noqa: S608 - names come from our own tables


@lru_cache(maxsize=256)
def _with(besides: tuple[str, ...], statement: str) -> str:
    """The statement with others that run in it."""
    return f"WITH {', '.join(f'w{number} AS ({one})' for number, one in enumerate(besides))} {statement}"


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


def pg_type(kind: sa.types.TypeEngine[Any]) -> str:
    plain = kind.impl_instance if isinstance(kind, sa.types.TypeDecorator) else kind
    return next(name for known, name in PG_TYPES if isinstance(plain, known))


def _plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False)
    return value


def columns_of(row: Any) -> dict[str, object]:
    """The fields of a slotted dataclass; `dataclasses.asdict` would copy every value, however deep."""
    return {name: getattr(row, name) for name in row.__slots__}


Rows = Sequence[Mapping[str, object]]


async def insert_many(
    tx: Tx,
    model: type[SQLModel],
    rows: Rows,
    *,
    on_conflict: str = "",
    beside: Sequence[tuple[type[SQLModel], Rows]] = (),
    update: tuple[str, Mapping[str, object]] | None = None,
) -> list[sa.Row[Any]]:
    """Insert rows that all have the same columns; returns what `on_conflict`, SQL of ours, asks for by RETURNING.

    In the same statement go the rows of other tables in `beside`, and an `update`: SQL of ours with its values.
    """
    if not rows:
        return []
    besides: list[str] = []
    parameters: dict[str, object] = {}
    for number, (other, others) in enumerate(beside):
        prefix = f"w{number}_"
        besides.append(_statement(other, tuple(others[0]), prefix=prefix))
        parameters |= _columns(others, prefix)
    if update is not None:
        besides.append(update[0])
        parameters |= update[1]
    text = _statement(model, tuple(rows[0]), on_conflict)
    return list(await tx.execute(_with(tuple(besides), text) if besides else text, parameters | _columns(rows)))


def _columns(rows: Rows, prefix: str = "") -> dict[str, list[object]]:
    return {f"{prefix}{name}": [_plain(row[name]) for row in rows] for name in rows[0]}
