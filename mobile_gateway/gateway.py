"""The gateway as one ASGI application: the network on its file, its HTTP faces, and whatever else serves it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial

import httpx
from fastapi import APIRouter, FastAPI

from mobile_gateway import wap
from mobile_gateway.addresses import Addresses
from mobile_gateway.api.admin import admin
from mobile_gateway.api.billing import billing
from mobile_gateway.api.edge import Edge
from mobile_gateway.api.phones import phones
from mobile_gateway.api.push import push
from mobile_gateway.api.refusing import add_handlers
from mobile_gateway.api.sendsms import sendsms
from mobile_gateway.api.sms import sms
from mobile_gateway.callbacks import Callback, DlrUrls
from mobile_gateway.carrier.carrier import Carrier
from mobile_gateway.carrier.messages import Way
from mobile_gateway.carrier.origin import Routes
from mobile_gateway.disk.store import Store
from mobile_gateway.network import Clock, Network
from mobile_gateway.pages.routes import pages
from mobile_gateway.phones import Fetcher
from mobile_gateway.ppg.notify import notifying
from mobile_gateway.services import Gateway, Service, utc_now
from mobile_gateway.settings import GatewaySettings
from mobile_gateway.subscribers import Subscriber

CALLBACKS_AT_ONCE_MAX = 20


def new_message_id(now: datetime) -> str:
    """A new name, in order of time: still one of its kind where a client upper-cases it or strips leading zeros."""
    return f"m{int(now.timestamp() * 1000):012x}{secrets.token_hex(10)}"


ROUTERS: tuple[APIRouter, ...] = (sms, sendsms, push, phones, admin, billing, pages())
"""The HTTP faces."""

SERVICES: tuple[Service, ...] = (notifying,)
"""What runs beside HTTP, started in this order and stopped in the other."""


def create_app(
    settings: GatewaySettings,
    *,
    now: Clock = utc_now,
    new_id: Callable[[datetime], str] = new_message_id,
    callback_transport: httpx.AsyncBaseTransport | None = None,
    web_transport: httpx.AsyncBaseTransport | None = None,
    services: Sequence[Service] = SERVICES,
) -> FastAPI:
    """The gateway as an ASGI application; its lifespan opens the file, runs the pumps and the services.

    Raises StoreUnusable at startup. In tests `callback_transport` stands in for the accounts' servers, and
    `web_transport` for the sites that phones visit.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            store = Store.open(settings.data_dir)
            stack.push_async_callback(store.close)
            http = await stack.enter_async_context(_client(settings, callback_transport))
            web = await stack.enter_async_context(
                wap.opened(settings.wap_rules(), subscriber=partial(_subscriber, store), transport=web_transport)
            )
            network = _network(settings, store, now, new_id, web)
            _attach_http(network, settings, http, now)
            app.state.network = network
            app.state.gateway = gateway = Gateway(settings, network, store, http, now, new_id)
            await stack.enter_async_context(network.running())
            for service in services:
                await stack.enter_async_context(service(gateway))
            yield

    app = FastAPI(title="Cyberticket mobile network", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.settings = settings
    for router in ROUTERS:
        app.include_router(router)
    add_handlers(app)
    app.add_middleware(Edge)
    return app


def _network(
    settings: GatewaySettings,
    store: Store,
    now: Clock,
    new_id: Callable[[datetime], str],
    fetcher: Fetcher,
) -> Network:
    return Network(
        Carrier(settings.policy()),
        store,
        now=now,
        new_id=new_id,
        routes=Routes(settings.short_codes, settings.country_code),
        fetcher=fetcher,
        submits_per_second=settings.submits_per_second_max,
        tells_messages_by_http=settings.callback_messages_url is not None,
    )


async def _subscriber(store: Store, number: str) -> Subscriber | None:
    return await store.run(lambda ledger: ledger.subscriber(number))


def _client(settings: GatewaySettings, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,  # what we tell goes where the settings say, not through a proxy of the environment
        timeout=settings.callback_timeout_seconds,
        limits=httpx.Limits(max_connections=CALLBACKS_AT_ONCE_MAX),
    )


def _attach_http(network: Network, settings: GatewaySettings, http: httpx.AsyncClient, now: Clock) -> None:
    """Those who are told over HTTP."""
    network.attach(DlrUrls(http, Addresses(settings.dlr_hosts)), account=None, way=Way.SENDSMS)
    if settings.callback_secret is None:
        return
    callback = Callback(
        http,
        receipts_url=str(settings.callback_url) if settings.callback_url else None,
        messages_url=str(settings.callback_messages_url) if settings.callback_messages_url else None,
        secret=settings.callback_secret,
        now=now,
    )
    network.attach(callback, account=None, way=Way.HTTP)
