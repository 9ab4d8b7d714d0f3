"""Putting the house together: which database, which Redis, which ways out; the only place that knows them all."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import fakeredis
import httpx
from redis.asyncio import Redis

from app import keys
from app.channels.sms_http import Account, SmsHttp
from app.embedded import check_server, embedded
from app.issuers.local import LocalIssuer
from app.memory import Memory, connect
from app.payments.emoney import Emoney
from app.payments.stripe import Stripe, StripeSettings
from app.settings import Settings
from app.store.database import Database, make_engine
from app.world import House, SystemClock, SystemEntropy, World

CONNECT_SECONDS = 3.0
SMS_SECONDS = 10.0
CONNECTIONS_MAX = 50


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The outside server of the settings, or an embedded one for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        if settings.database_url is not None:
            url = _asyncpg(settings.database_url.get_secret_value())
            await check_server(url)
        else:
            url = await stack.enter_async_context(embedded(settings.data_dir))
        found = Database(make_engine(url))
        stack.push_async_callback(found.close)
        yield found


def _asyncpg(url: str) -> str:
    """Operators write postgresql://…, the driver wants to be named."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+asyncpg://" + url.removeprefix(scheme)
    return url


@asynccontextmanager
async def memory(settings: Settings) -> AsyncIterator[Memory]:
    """The Redis of the settings, or its stand-in in this process."""
    if settings.redis_url is None:
        redis: Redis = fakeredis.FakeAsyncRedis()
    else:
        redis = connect(settings.redis_url.get_secret_value())
    try:
        yield Memory(redis)
    finally:
        await redis.aclose()


def http_client(seconds: float) -> httpx.AsyncClient:
    """A client for one peer: bounded in time and connections, deaf to proxies of the environment."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
        trust_env=False,
        follow_redirects=False,
    )


@asynccontextmanager
async def world(settings: Settings) -> AsyncIterator[World]:
    """Everything a flow may use, opened and closed in order."""
    async with AsyncExitStack() as stack:
        ring = keys.load(settings.keys_folder, create_if_missing=settings.demo)
        store = await stack.enter_async_context(database(settings))
        clock, entropy = SystemClock(), SystemEntropy()
        card_http = await stack.enter_async_context(http_client(10.0))
        sms_http = await stack.enter_async_context(http_client(SMS_SECONDS))
        stripe = Stripe(
            card_http,
            StripeSettings(
                base_url=settings.payment_url,
                secret_key=settings.payment_secret_key,
                minimal_params=settings.payment_minimal_params,
            ),
            chance=random.SystemRandom().random,
        )
        account = Account(settings.sms_url, settings.sms_system_id, settings.sms_password)
        yield World(
            database=store,
            clock=clock,
            entropy=entropy,
            channels={"sms_http": SmsHttp(sms_http, account)},
            payments={"card": stripe, "emoney": Emoney(store, clock, entropy, ring)},
            issuers={"local": LocalIssuer(store, clock)},
            memory=await stack.enter_async_context(memory(settings)),
            house=House(
                keys=ring,
                public_url=settings.public_url.rstrip("/"),
                hold_seconds=settings.hold_seconds,
                hold_grace_seconds=settings.hold_grace_seconds,
                silent_seconds=settings.silent_seconds,
                resends_per_hour_max=settings.resends_per_hour_max,
                deliver_attempts_max=settings.deliver_attempts_max,
                demo=settings.demo,
            ),
        )
