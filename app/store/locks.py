"""Named locks that live as long as a transaction, for work on the same thing that must not go on twice at once."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.store.database import Tx

LOCK_EACH = """
    SELECT pg_advisory_xact_lock(hashtextextended(w.name, 0)) FROM unnest(CAST(:names AS varchar[])) AS w(name)
"""
LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def exclusively(tx: Tx | AsyncSession, name: str) -> None:
    """Wait until no other transaction holds `name`; it is let go with this transaction."""
    await tx.execute(LOCK, {"name": name})


async def exclusively_each(tx: Tx, names: Collection[str]) -> None:
    """The same for each of `names`, always in one order: two who want the same ones wait, never in a ring."""
    await tx.execute(LOCK_EACH, {"names": sorted(names)})
