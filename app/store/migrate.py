"""Bringing a database to the newest schema, or back: Alembic, driven from here."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

import migrations
from app.store import audit_schema

LOCK = 0x637469636B6574
"""An advisory lock, so that of several processes that start at once one migrates and the others wait."""


def config(connection: Connection) -> Config:
    found = Config()
    found.set_main_option("script_location", str(Path(migrations.__file__).parent))
    found.set_main_option("path_separator", "os")
    found.attributes["connection"] = connection
    return found


async def migrate(engine: AsyncEngine, *, target: str = "head") -> None:
    """Upgrade to `target`; does nothing where it is reached already."""
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        await connection.run_sync(_upgrade, target)


def _upgrade(connection: Connection, target: str) -> None:
    """The audit's views stand on the newest tables only, and are out of the way while tables change."""
    found, newest = _revisions(connection)
    if found != newest:
        audit_schema.drop(connection)
    command.upgrade(config(connection), target)
    found, newest = _revisions(connection)
    if found == newest and not audit_schema.is_newest(connection):
        audit_schema.drop(connection)
        audit_schema.create(connection)


def _revisions(connection: Connection) -> tuple[str | None, str | None]:
    """The revision of the database, and the newest there is."""
    script = ScriptDirectory.from_config(config(connection))
    return MigrationContext.configure(connection).get_current_revision(), script.get_current_head()


class SchemaOutdated(ValueError):
    """The database has not the schema this program was written for; the sentence says what to run."""


async def require_newest(engine: AsyncEngine) -> None:
    """Raises SchemaOutdated, before anything is served from a database that does not fit."""
    async with engine.connect() as connection:
        found, wanted = await connection.run_sync(_revisions)
    if found != wanted:
        has = "no schema yet" if found is None else f"the schema of revision {found}"
        raise SchemaOutdated(f"The database has {has}; this program needs {wanted}. Run `cyberticket migrate`.")


async def downgrade(engine: AsyncEngine, *, target: str) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(audit_schema.drop)
        await connection.run_sync(lambda sync: command.downgrade(config(sync), target))


async def make_revision(engine: AsyncEngine, message: str) -> None:
    """Write a new migration from the difference between models and database, to be read and corrected by hand."""
    async with engine.begin() as connection:
        await connection.run_sync(
            lambda sync: command.revision(config(sync), message=message, autogenerate=True, rev_id=message[:4])
        )
