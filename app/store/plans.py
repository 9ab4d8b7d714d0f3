"""Seating plans as pages draw them: what stands around the seats, and each section's outline and free places."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.store.database import Tx
from app.store.stock import FREE

ROWS = f"""
    SELECT section, category, numbered, count(*) AS places, count(*) FILTER (WHERE {FREE}) AS free,
        (array_agg(x ORDER BY pos))[1] AS first_x, (array_agg(y ORDER BY pos))[1] AS first_y,
        (array_agg(x ORDER BY pos DESC))[1] AS last_x, (array_agg(y ORDER BY pos DESC))[1] AS last_y
    FROM place WHERE occasion_id = :id AND NOT withdrawn
    GROUP BY section, category, numbered, row ORDER BY min(pos)
"""  # noqa: S608 - a constant of the stock module


async def rows(tx: Tx, occasion_id: UUID, *, now: datetime) -> list[sa.Row[Any]]:
    """The rows of an occasion's sections in plan order: their ends on the drawing, and how many places are free."""
    return list(await tx.execute(ROWS, {"id": occasion_id, "now": now}))


async def drawing(tx: Tx, occasion_id: UUID) -> dict[str, Any]:
    """Size, stage and walls of the plan an occasion was made with; empty where it has none."""
    found = await tx.execute(
        "SELECT s.drawing FROM occasion o JOIN seating s ON s.id = o.seating_id WHERE o.id = :id",
        {"id": occasion_id},
    )
    drawn: dict[str, Any] | None = found.scalar_one_or_none()
    return drawn or {}
