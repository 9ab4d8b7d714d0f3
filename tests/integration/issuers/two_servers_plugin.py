"""Two servers as fixtures; see two_servers_kit. The catalogue is imported and copied once for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from builders import KEYS, Shop, a_catalogue, a_stage
from postgres import Cluster
from two_servers_kit import ISSUER, ISSUER_KEYS, SELLER, Published, Two, connect, two_servers

from app.flows.booking import mirror, sales_status
from app.flows.booking.mirror import Refreshed
from app.trust import Sellers

SEED = 50
"""Ids and tokens of the templates are none that a test makes."""


@dataclass(frozen=True)
class Prepared:
    """Two templates: an issuer's database with the theatre, and a seller's with its copy of that."""

    issuer: Cluster
    seller: Cluster
    shop: Shop


@pytest_asyncio.fixture(scope="session")
async def prepared(cluster: Cluster) -> AsyncIterator[Prepared]:
    async with cluster.database() as first, cluster.database() as second:
        issuer = a_stage(first, seed=SEED, name=ISSUER, sellers=Sellers({SELLER: Published(KEYS)}))
        issuer.world = replace(issuer.world, house=replace(issuer.world.house, keys=ISSUER_KEYS))
        seller = a_stage(second, seed=SEED + 1, clock=issuer.clock, name=SELLER)
        shop = await a_catalogue(issuer)
        connect(seller, issuer)
        assert await mirror.refresh(seller.world, ISSUER) == Refreshed(copied=("haneul",))
        for stage in (issuer, seller):
            await stage.close()
            await stage.database.close()  # a template has no sessions
        yield Prepared(Cluster(first, cluster.numbers), Cluster(second, cluster.numbers), shop)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy is no server that is away."""
    monkeypatch.setattr(sales_status, "ANSWER_SECONDS_MAX", 30.0)


@pytest_asyncio.fixture
async def apart(prepared: Prepared, cluster: Cluster, patient: None) -> AsyncIterator[Two]:
    """Two servers; the theatre is the issuer's, and the seller has not heard of it yet."""
    del patient
    async with two_servers(prepared.issuer, copied=cluster) as (issuer, (seller,)):
        yield Two(issuer, seller, connect(seller, issuer), prepared.shop)


@pytest_asyncio.fixture
async def two(prepared: Prepared, patient: None) -> AsyncIterator[Two]:
    """Two servers; the seller has a copy of the issuer's catalogue."""
    del patient
    async with two_servers(prepared.issuer, copied=prepared.seller) as (issuer, (seller,)):
        yield Two(issuer, seller, connect(seller, issuer), prepared.shop)
