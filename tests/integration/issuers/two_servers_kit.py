"""An issuer's server and a sales server, each with a database of its own, and the line between them that one can cut.

    pytest_plugins = ("two_servers_plugin",)

    async def test_what_one_sells_the_other_has(two: Two) -> None: ...

The issuer's server runs as its own ASGI application and is asked over signed HTTP; only the socket is missing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, cast

import httpx
from builders import KEYS, Shop, Stage, a_stage
from fakes import FakeClock
from postgres import Cluster
from pydantic import SecretStr

from app.flows.booking import mirror
from app.flows.booking.mirror import Refreshed
from app.issuers.remote import RemoteIssuer
from app.issuers.wire import Patience, Us, Wire
from app.keys import KeyRing
from app.main import create_app
from app.settings import Role, Settings
from app.trust import Sellers
from app.world import World

ISSUER, SELLER = "arena", "sales"
ISSUER_KEYS = KeyRing.fresh()
"""The issuer's own ring: it cannot derive what the seller derives."""
IMPATIENT = Patience(connect_seconds=1.0, answer_seconds=5.0, total_seconds=6.0, pauses_seconds=())
"""It tries once; a machine that is busy is no server that is away."""
ISSUER_SETTINGS = Settings(
    demo=True, role=Role.ISSUER, name=ISSUER, public_url="https://arena.example", carrier_secret=SecretStr("0" * 16)
)


class Cut(Enum):
    """How one request goes wrong."""

    BEFORE = "it never arrives"
    AFTER = "it is carried out, and its answer is lost"
    HANGS = "it arrives, and nobody ever answers"
    BROKEN = "it is carried out, and answered with 500"


@dataclass
class Line(httpx.AsyncBaseTransport):
    """The way to one issuer's server. `down` cuts every request; `cuts` are for the next ones, None lets one pass."""

    app: Any
    world: World
    down: Cut | None = None
    cuts: deque[Cut | None] = field(default_factory=deque)
    asked: list[str] = field(default_factory=list)
    """Method and path of every request that was made."""
    statuses: list[int] = field(default_factory=list)
    """Of every answer that was made, heard or not."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.raw_path.decode()}")
        cut = self.cuts.popleft() if self.cuts else self.down
        if cut is Cut.BEFORE:
            raise httpx.ConnectError("the line is cut")
        if cut is Cut.HANGS:
            await asyncio.Event().wait()
        self.app.state.world = self.world
        response = await httpx.ASGITransport(app=self.app).handle_async_request(request)
        self.statuses.append(response.status_code)
        if cut is Cut.BROKEN:
            return httpx.Response(500, request=request)
        if cut is Cut.AFTER:
            await response.aread()
            raise httpx.ReadError("the line is cut")
        return response


@dataclass(frozen=True)
class Published:
    """Where a seller's public keys are: here, at once."""

    keys: KeyRing

    async def fetch(self) -> Mapping[str, Any]:
        return self.keys.jwks()


@dataclass
class Two:
    """Both servers. `shop` is the issuer's catalogue by its natural names; ids are the same on both sides."""

    issuer: Stage
    seller: Stage
    line: Line
    shop: Shop

    @property
    def clock(self) -> FakeClock:
        return self.issuer.clock

    async def refresh(self) -> Refreshed:
        """Let the seller copy what the issuer sells now."""
        return await mirror.refresh(self.seller.world, ISSUER)

    async def later(self) -> None:
        """Time passes: snapshots are old, and who was away is asked again."""
        self.clock.advance(seconds=10)
        for one in (self.issuer, self.seller):
            one.forget()
            await one.redis.flushall()

    async def both(self, statement: str, **values: object) -> tuple[list[Any], list[Any]]:
        """Rows of the issuer's database and of the seller's."""
        return await self.issuer.sql(statement, **values), await self.seller.sql(statement, **values)


ISSUER_APP = create_app(ISSUER_SETTINGS, world=cast("World", None))


def connect(seller: Stage, issuer: Stage, *, name: str = ISSUER, patience: Patience = IMPATIENT) -> Line:
    """Make `seller` sell for the issuers of `issuer`, which it calls `name`."""
    line = Line(ISSUER_APP, issuer.world)
    http = httpx.AsyncClient(transport=line)
    us = Us(seller.world.house.name, seller.world.house.keys, seller.clock, seller.entropy)
    wire = Wire(http, name=name, url="https://arena.example", us=us, patience=patience)
    cast("dict[str, object]", seller.world.issuers)[name] = RemoteIssuer(wire, seller.clock)
    return line


@asynccontextmanager
async def a_server(cluster: Cluster, clock: FakeClock | None = None, **given: Any) -> AsyncIterator[Stage]:
    """One server on a database of its own."""
    async with cluster.database() as url:
        stage = a_stage(url, clock=clock, **given)
        try:
            yield stage
        finally:
            await stage.close()
            await stage.database.close()


@asynccontextmanager
async def two_servers(
    cluster: Cluster, *, sellers: int = 1, copied: Cluster | None = None
) -> AsyncIterator[tuple[Stage, list[Stage]]]:
    """An issuer's server that knows these sales servers, and they it; nothing is connected yet.

    Databases are copies of the template of `cluster`, the sellers' of `copied` where it is given.
    """
    async with AsyncExitStack() as stack:
        names = [SELLER, *(f"{SELLER}-{number}" for number in range(2, sellers + 1))]
        known = Sellers({name: Published(KEYS) for name in names})
        issuer = await stack.enter_async_context(a_server(cluster, name=ISSUER, sellers=known))
        issuer.world = replace(issuer.world, house=replace(issuer.world.house, keys=ISSUER_KEYS))
        made = [
            await stack.enter_async_context(a_server(copied or cluster, issuer.clock, seed=number, name=name))
            for number, name in enumerate(names, 2)
        ]
        yield issuer, made
