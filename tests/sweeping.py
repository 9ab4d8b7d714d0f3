"""A shared database, put back as it was: what was sold is deleted, the catalogue stays."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

CATALOGUE = (
    "issuer",
    "venue",
    "stop",
    "route",
    "route_stop",
    "product",
    "occasion",
    "price",
    "seating",
    "seating_place",
    "place",
)
"""Tables that keep their rows."""

_KEPT = ", ".join(f"'{table}'" for table in (*CATALOGUE, "alembic_version"))

# In the server, for a test waits for it: thirty statements sent one by one take four times as long.
_EMPTIED = sa.text(
    f"""
    DO $$
    DECLARE name text;
    BEGIN
      FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ({_KEPT}) LOOP
        EXECUTE format('DELETE FROM %I', name);
      END LOOP;
    END $$
    """  # noqa: S608 - constants
)
_FREED = sa.text("UPDATE place SET taken_by = NULL, held_until = NULL WHERE taken_by IS NOT NULL")


async def emptied(connection: AsyncConnection) -> None:
    """Delete everything but the catalogue, and give every place back; in the caller's transaction."""
    await connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
    await connection.execute(_EMPTIED)
    await connection.execute(_FREED)
