"""Chores: what one worker does for all from time to time, whichever of them comes first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.store.database import Tx


async def claim(tx: Tx, name: str, *, every: timedelta, now: datetime) -> bool:
    """Whether the chore is the caller's to do now; if so it is nobody else's until `every` has passed.

    Whoever dies over it leaves it undone until then.
    """
    taken = await tx.execute(
        "INSERT INTO chore (name, begun_at) VALUES (:name, :now) ON CONFLICT (name)"
        " DO UPDATE SET begun_at = excluded.begun_at WHERE chore.begun_at <= :before RETURNING name",
        {"name": name, "now": now, "before": now - every},
    )
    return taken.first() is not None


async def ended(tx: Tx, name: str, outcome: Mapping[str, object], *, now: datetime) -> None:
    """Write down how it went."""
    await tx.execute(
        "UPDATE chore SET ended_at = :now, outcome = CAST(:outcome AS jsonb) WHERE name = :name",
        {"name": name, "now": now, "outcome": json.dumps(outcome)},
    )


async def last(tx: Tx, name: str) -> sa.Row[Any] | None:
    """When it ended the last time, and how; None where it never did."""
    found = await tx.execute(
        "SELECT ended_at, outcome FROM chore WHERE name = :name AND ended_at IS NOT NULL", {"name": name}
    )
    return found.first()
