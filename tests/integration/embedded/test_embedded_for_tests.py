"""The server that the other tests use: fresh databases from one template."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import asyncpg
import pytest
from embedded_support import execute, is_running, value
from postgres import template_cluster
from sqlalchemy import make_url


def migrate(url: str) -> None:
    """As a migration would run: blocking, here in a thread with a loop of its own."""
    statement = "CREATE TABLE products (name text); INSERT INTO products VALUES ('ride')"
    worker = threading.Thread(target=lambda: asyncio.run(execute(url, statement)))
    worker.start()
    worker.join()


async def test_each_database_is_a_copy_of_the_template_and_of_nothing_else() -> None:
    with template_cluster(migrate) as cluster:
        async with cluster.database() as first, cluster.database() as second:
            await execute(first, "DELETE FROM products")
            assert await value(first, "SELECT count(*) FROM products") == 0
            assert await value(second, "SELECT count(*) FROM products") == 1
            assert await value(second, "SHOW fsync") == "off"
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await value(first, "SELECT 1")
        folder = make_url(cluster.template).query["host"]
        assert isinstance(folder, str)
    assert not is_running_below(folder)


def is_running_below(sockets: str) -> bool:
    data = Path(sockets).parent
    return data.exists() and is_running(data)
