"""Watching: whether the database answers, and what is still owed."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app.store import outbox
from app.world import World


async def database_answers(world: World) -> bool:
    try:
        async with world.transaction() as tx:
            await tx.execute(sa.text("SELECT 1"))
    except (SQLAlchemyError, OSError):
        return False
    return True


async def outbox_late(world: World) -> int:
    """How much is owed that others would have been given up for long ago."""
    async with world.database.statements() as tx:
        return await outbox.late(tx, attempts_min=world.house.deliver_attempts_max)


async def outbox_waiting(world: World) -> tuple[int, float, int]:
    """(owed, age of the oldest in seconds, dead letters)."""
    async with world.transaction() as tx:
        return await outbox.waiting(tx, now=world.clock.now())
