"""A real PostgreSQL for the tests: one server for the run (each xdist worker its own), a fresh database for each test.

Nothing is synced to the disk: these databases do not outlive the run, and a commit takes a tenth of the time.

    @pytest.fixture(scope="session")
    def cluster() -> Iterator[Cluster]:
        with template_cluster(migrate) as cluster:
            yield cluster

    @pytest.fixture
    async def database(cluster: Cluster) -> AsyncIterator[str]:
        async with cluster.database() as url:
            yield url
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

from app.embedded import embedded_blocking

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made there is private
MEMORY_BYTES_MIN = 2 * 1024**3

UNSAFE_AND_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server; `template` is the URL of the database that each new one is a copy of."""

    template: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def new_database(self) -> str:
        """The URL of a fresh copy of the template, in about 15 ms (in memory; 100 ms on a disk).

        Nobody may be connected to the template.
        """
        name = f"test_{next(self.numbers)}"
        source = make_url(self.template).database
        # Copying files is the faster way where nothing is synced; the strategy that writes the log takes twice as long.
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy")
        return make_url(self.template).set(database=name).render_as_string(hide_password=False)

    async def drop(self, url: str) -> None:
        """Drop a database that `new_database` made, with the sessions it still has."""
        await self._administer(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """A fresh copy for the block."""
        url = await self.new_database()
        try:
            yield url
        finally:
            await self.drop(url)

    async def _administer(self, statement: str) -> None:
        url = make_url(self.template)
        connection = await asyncpg.connect(
            host=url.query["host"], port=int(str(url.query["port"])), user=url.username, database="postgres"
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def template_cluster(migrate: Callable[[str], None] = lambda _: None) -> Iterator[Cluster]:
    """Start a server in a folder of its own; `migrate(url)` fills the template, and leaves no session open there."""
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-test-", dir=fastest_place()))
    folder.chmod(0o711)  # as root the server is another user, which passes through here
    try:
        with embedded_blocking(folder / "data", settings=UNSAFE_AND_FAST) as url:
            migrate(url)
            yield Cluster(template=url)
    finally:
        shutil.rmtree(folder)


def fastest_place() -> Path | None:
    """Memory if there is plenty of it (a container's /dev/shm often holds 64 MB only), else the usual place."""
    try:
        plenty = shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN
    except OSError:
        return None
    return MEMORY if plenty and os.access(MEMORY, os.W_OK) else None
