"""Putting the house together: which database, which Redis, which ways out; the only place that knows them all."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import fakeredis
import httpx
from redis.asyncio import Redis

from app import keys
from app.channels import smpp_address
from app.channels.callbacks import Callbacks
from app.channels.ems import Ems
from app.channels.kannel import Kannel
from app.channels.sms import Sms
from app.channels.sms_http import Account, SmsHttp
from app.channels.wap_push import PushGateway, WapPush
from app.embedded import embedded
from app.embedded.check import check_server
from app.flows import patience
from app.issuers.keyset import KEYS_SECONDS, KeySet
from app.issuers.local import LocalIssuer
from app.issuers.remote import RemoteIssuer
from app.issuers.wire import Us, Wire
from app.keys import living
from app.memory import Memory, connect
from app.outward import Outward, Plain
from app.payments.carrier_billing import CarrierAccount, CarrierBilling
from app.payments.emoney import Emoney
from app.payments.stripe import Stripe, StripeSettings
from app.payments.voucher import Vouchers
from app.ports import Channel, Issuer, PaymentProvider
from app.settings import PREFIX, Role, Settings, SettingsRefused
from app.store.database import Database, make_engine
from app.trust import Sellers
from app.world import House, SystemClock, SystemEntropy, World

CONNECT_SECONDS = 3.0
CARD_SECONDS = 10.0
SMS_SECONDS = 10.0
ISSUER_SECONDS = 5.0
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
        yield Memory(redis, alone=settings.redis_url is None)
    finally:
        await redis.aclose()


def http_client(seconds: float) -> httpx.AsyncClient:
    """A client for one peer: bounded in time and connections, deaf to proxies of the environment."""
    timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
    return Plain(Outward(connections_max=CONNECTIONS_MAX), timeout=timeout)


async def _payments(settings: Settings, stack: AsyncExitStack) -> dict[str, PaymentProvider]:
    """The ways to be paid that another network stands behind; the phone bill only where a carrier is named."""
    card_http = await stack.enter_async_context(http_client(CARD_SECONDS))
    stripe = StripeSettings(
        base_url=settings.payment_url,
        secret_key=settings.payment_secret_key,
        webhook_secrets=settings.payment_webhook_secrets,
        minimal_params=settings.payment_minimal_params,
    )
    found: dict[str, PaymentProvider] = {"card": Stripe(card_http, stripe, chance=random.SystemRandom().random)}
    if settings.carrier_billing_url is not None:
        carrier = CarrierAccount(settings.carrier_billing_url, settings.sms_system_id, settings.sms_password)
        bill_http = await stack.enter_async_context(http_client(carrier.timeout_seconds))
        found["carrier"] = CarrierBilling(bill_http, carrier)
    return found


async def _channels(settings: Settings, stack: AsyncExitStack) -> dict[str, Channel]:
    """The ways to a handset. Raises SettingsRefused for a message centre that cannot be bound to."""
    found: dict[str, Channel] = {}
    callbacks = Callbacks(settings.carrier_secret)
    try:
        smscs = smpp_address.read(settings.sms_smpp.get_secret_value())
    except smpp_address.BadAddress as fault:
        raise SettingsRefused(f"{PREFIX}SMS_SMPP: {fault}") from None
    if smscs:
        found["sms"] = Sms(smscs, chance=random.SystemRandom().random)
    if not smscs or settings.sms_password.get_secret_value():
        http = await stack.enter_async_context(http_client(SMS_SECONDS))
        account = Account(settings.sms_url, settings.sms_system_id, settings.sms_password)
        if settings.sms_http_dialect == "kannel":
            public_url = settings.public_url.rstrip("/")
            found["sms_http"] = Kannel(http, account, public_url=public_url, callbacks=callbacks)
        else:
            found["sms_http"] = SmsHttp(http, account)
    if "sms" in found or settings.sms_http_dialect == "kannel":
        found["ems"] = Ems(found.get("sms") or found["sms_http"])
    if settings.wap_push_url is not None:
        http = await stack.enter_async_context(http_client(SMS_SECONDS))
        found["wap_push"] = WapPush(http, _push_gateway(settings, settings.wap_push_url), callbacks)
    return found


def _push_gateway(settings: Settings, url: str) -> PushGateway:
    own = bool(settings.wap_push_system_id)
    return PushGateway(
        url=url,
        system_id=settings.wap_push_system_id if own else settings.sms_system_id,
        password=settings.wap_push_password if own else settings.sms_password,
        public_url=settings.public_url.rstrip("/"),
    )


async def _distant(settings: Settings, stack: AsyncExitStack, us: Us) -> dict[str, Issuer]:
    """The issuers' own servers that we sell for."""
    found: dict[str, Issuer] = {}
    for name, url in settings.issuers.items():
        http = await stack.enter_async_context(http_client(ISSUER_SECONDS))
        found[name] = RemoteIssuer(Wire(http, name=name, url=url, us=us), us.clock)
    return found


async def _sellers(settings: Settings, stack: AsyncExitStack) -> Sellers:
    """The sales servers that may sell for our issuers, and where each publishes its keys."""
    if not settings.sellers:
        return Sellers()
    http = await stack.enter_async_context(http_client(KEYS_SECONDS))
    return Sellers({name: KeySet(http, url) for name, url in settings.sellers.items()})


def _house(settings: Settings, ring: keys.KeyRing, sellers: Sellers) -> House:
    """What the operator decided, as the flows see it."""
    return House(
        keys=ring,
        public_url=settings.public_url.rstrip("/"),
        hold_seconds=settings.hold_seconds,
        hold_grace_seconds=settings.hold_grace_seconds,
        challenge_seconds=settings.challenge_seconds,
        silent_seconds=settings.silent_seconds,
        resends_per_hour_max=settings.resends_per_hour_max,
        gifts_per_hour_max=settings.gifts_per_hour_max,
        codes_per_asker_hour_max=settings.codes_per_asker_hour_max,
        code_prefixes=settings.code_prefixes,
        proxies=settings.proxies,
        heard_per_hour_max=settings.heard_per_hour_max,
        short_code=settings.short_code,
        deliver_attempts_max=settings.deliver_attempts_max,
        rung_attempts_max=settings.rung_attempts_max,
        defend_disputes=settings.defend_disputes,
        demo=settings.demo,
        sells=settings.role is not Role.ISSUER,
        issues=settings.role is not Role.SALES,
        name=settings.server_name,
        sellers=sellers,
    )


@asynccontextmanager
async def _following(ring: keys.KeyRing, folder: Path, seen: living.Stamp) -> AsyncIterator[None]:
    """Keys that are rotated or dropped while we run are taken up, for as long as the block lasts."""
    task = asyncio.create_task(living.follow(ring, folder, seen=seen))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def world(settings: Settings) -> AsyncIterator[World]:
    """Everything a flow may use, opened and closed in order."""
    async with AsyncExitStack() as stack:
        seen = living.stamp(settings.keys_folder)
        ring = keys.load(settings.keys_folder, create_if_missing=settings.demo)
        store = await stack.enter_async_context(database(settings))
        clock, entropy = SystemClock(), SystemEntropy()
        outside = await _payments(settings, stack) if settings.role is not Role.ISSUER else {}
        issuers: dict[str, Issuer] = {"local": LocalIssuer(store, clock)}
        issuers |= await _distant(settings, stack, Us(settings.server_name, ring, clock, entropy))
        own: dict[str, PaymentProvider] = {
            "emoney": Emoney(store, clock, entropy, ring),
            "voucher": Vouchers(store, clock, entropy, ring, issuers),
        }
        found = World(
            database=store,
            clock=clock,
            entropy=entropy,
            channels=await _channels(settings, stack) if settings.role is not Role.ISSUER else {},
            payments={**outside, **own},
            issuers=issuers,
            memory=await stack.enter_async_context(memory(settings)),
            house=_house(settings, ring, await _sellers(settings, stack)),
        )
        await stack.enter_async_context(_following(ring, settings.keys_folder, seen))
        stack.push_async_callback(patience.finish)  # before anything that it works with is closed
        yield found
