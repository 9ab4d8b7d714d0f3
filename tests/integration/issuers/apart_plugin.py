"""Two servers that many tests stand on one after the other: copied once, swept after each test.

Its connections stay warm and no catalogue is imported again, which is most of the speed. A test that changes the
catalogue takes `two` of two_servers_plugin; whose server an issuer is, is put back here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest_asyncio
import sqlalchemy as sa
from builders import KEYS, Shop, Stage, a_catalogue, a_stage
from postgres import Cluster
from sweeping import emptied
from two_servers_kit import ISSUER, ISSUER_KEYS, SELLER, Published, Two, connect

from app.flows.booking import mirror
from app.issuers.wire import Patience
from app.store.database import Database, make_engine
from app.trust import Sellers

pytest_plugins = ("two_servers_plugin",)

AT_ONCE = Patience(connect_seconds=20, answer_seconds=20, total_seconds=30, pauses_seconds=())
"""One try, and all the time that a busy machine may take for it."""


@dataclass
class Houses:
    """The two databases, and what the issuer sells."""

    issuer: Database
    seller: Database
    urls: tuple[str, str]
    shop: Shop

    def open(self) -> Two:
        issuer = a_stage(self.urls[0], database=self.issuer, name=ISSUER, sellers=Sellers({SELLER: Published(KEYS)}))
        issuer.world = replace(issuer.world, house=replace(issuer.world.house, keys=ISSUER_KEYS))
        seller = a_stage(self.urls[1], database=self.seller, seed=2, clock=issuer.clock, name=SELLER)
        return Two(issuer, seller, connect(seller, issuer, patience=AT_ONCE), self.shop)

    async def sweep(self) -> None:
        for database, served_by in ((self.issuer, "local"), (self.seller, ISSUER)):
            async with database.engine.begin() as connection:
                await emptied(connection)
                await connection.execute(sa.text("UPDATE issuer SET served_by = :name"), {"name": served_by})


@pytest_asyncio.fixture(scope="session")
async def houses(cluster: Cluster) -> AsyncIterator[Houses]:
    async with cluster.database() as first, cluster.database() as second:
        issuer, seller = (Database(make_engine(url, pool_size=8)) for url in (first, second))
        importing = a_stage(first, database=issuer)
        found = Houses(issuer, seller, (first, second), await a_catalogue(importing))
        two = found.open()
        assert (await mirror.refresh(two.seller.world, ISSUER)).copied == ("haneul",)
        for stage in (importing, two.issuer, two.seller):
            await stage.close()
        await found.sweep()  # what was asked for the copy has used tokens that the first test would make again
        yield found
        await issuer.close()
        await seller.close()


@pytest_asyncio.fixture
async def kept(houses: Houses) -> AsyncIterator[Two]:
    """Both servers with the theatre's catalogue, and nothing sold."""
    two = houses.open()
    yield two
    stages: tuple[Stage, ...] = (two.issuer, two.seller)
    for stage in stages:
        await stage.close()
    await houses.sweep()
