"""Seating plans as pages draw them: what stands around the seats, and where the rows of each section are."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.store.database import Tx

ROWS = """
    SELECT section, category, numbered, array_agg(pos ORDER BY pos) AS positions,
        (array_agg(x ORDER BY pos))[1] AS first_x, (array_agg(y ORDER BY pos))[1] AS first_y,
        (array_agg(x ORDER BY pos DESC))[1] AS last_x, (array_agg(y ORDER BY pos DESC))[1] AS last_y
    FROM place WHERE occasion_id = :id AND NOT withdrawn
    GROUP BY section, category, numbered, row ORDER BY min(pos)
"""


async def rows(tx: Tx, occasion_id: UUID) -> list[sa.Row[Any]]:
    """The rows of an occasion's sections in plan order: their places, and their ends on the drawing."""
    return list(await tx.execute(ROWS, {"id": occasion_id}))


async def drawing(tx: Tx, occasion_id: UUID) -> dict[str, Any]:
    """Size, stage and walls of the plan an occasion was made with; empty where it has none."""
    found = await tx.execute(
        "SELECT s.drawing FROM occasion o JOIN seating s ON s.id = o.seating_id WHERE o.id = :id",
        {"id": occasion_id},
    )
    drawn: dict[str, Any] | None = found.scalar_one_or_none()
    return drawn or {}
