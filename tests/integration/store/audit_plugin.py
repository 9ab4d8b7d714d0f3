"""The busy house in a database that the tests of one module share, and that none of them changes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from audit_kit import Busy, do_business
from builders import a_catalogue, a_stage
from postgres import Cluster
from sqlalchemy.ext.asyncio import AsyncConnection


@pytest_asyncio.fixture(scope="module")
async def busy(cluster: Cluster) -> AsyncIterator[Busy]:
    async with cluster.database() as url:
        stage = a_stage(url)
        shop = await a_catalogue(stage)
        await do_business(stage, shop)
        yield Busy(stage, shop)
        await stage.close()
        await stage.database.close()


@pytest_asyncio.fixture
async def spoiled(busy: Busy) -> AsyncIterator[AsyncConnection]:
    """The busy house's database, where anything may be done to the rows: it is all undone after the test."""
    async with busy.stage.database.engine.connect() as connection:
        await connection.exec_driver_sql(f"SET LOCAL audit.clock = '{busy.stage.clock.now().isoformat()}'")
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection
        await connection.rollback()
