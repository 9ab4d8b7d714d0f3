"""How Alembic reaches the database: a connection handed over by app.migrate, or a URL of its own."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

import app.store.tables  # noqa: F401 - fills the metadata


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True)
    with context.begin_transaction():
        # A migration that has to wait for a lock would stop every sale behind it: give up and try again later.
        context.execute("SET LOCAL lock_timeout = '5s'")
        context.run_migrations()


run(context.config.attributes["connection"])
