"""Named locks that live as long as a transaction, for rare work that must not run twice at once."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.store.database import Tx

LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def exclusively(tx: Tx | AsyncSession, name: str) -> None:
    """Wait until no other transaction holds `name`; it is let go with this transaction."""
    await tx.execute(LOCK, {"name": name})
