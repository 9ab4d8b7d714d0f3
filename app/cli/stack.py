"""The whole system in one process: database, payment network, mobile gateway, server and worker, with sample data."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

from pydantic import SecretStr

from app import samples, worker
from app.cli import address
from app.cli.serving import listen, serving
from app.embedded import default_data_dir
from app.flows import staff
from app.flows.booking.importing import import_catalogue
from app.flows.staff import SCOPES
from app.importers.catalogue import read_catalogue
from app.importers.gtfs import read_gtfs
from app.main import create_app
from app.payments.sandbox.events import TYPES
from app.payments.sandbox.server import serving as serving_network
from app.payments.sandbox.settings import NetworkSettings
from app.payments.stripe_news import KINDS
from app.settings import Settings, refuse_unknown
from app.store.migrate import migrate
from app.wiring import world as build_world
from app.world import World
from mobile_gateway.serve import serving as serving_gateway
from mobile_gateway.settings import GatewaySettings

HOST = "127.0.0.1"
SECRET_KEY = "sk_demo_cyberticket"  # noqa: S105 - the demo's, which no real server accepts
PUBLISHABLE_KEY = "pk_demo_cyberticket"
SYSTEM_ID = "cyberticket"
SHORT_CODE = "1588"  # the number of the samples' ticket office, as Korean callers know such numbers
PASSWORD = "demo1234"  # noqa: S105 - the demo's, which no real server accepts
CARRIER_SECRET = "demo-carrier-secret-0123456789"  # noqa: S105 - the demo's, which no real server accepts
WEBHOOK_SECRET = "whsec_demo_cyberticket"  # noqa: S105 - the demo's, which no real server accepts
WEBHOOK_WAIT_SECONDS = 1.0
"""A tenth of the usual wait before a webhook is tried again: nobody watches a demo for days."""
SAMPLES = "Putting on sale a theatre, an arena, a bus line, a voucher and an island's transit feed …"

Say = Callable[[str], None]
Stock = Callable[[World], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the stack is to be started; port 0 takes any free one."""

    data: Path
    port: int = 0
    gateway_port: int = 0
    smpp_port: int = 0
    network_port: int = 0
    receipt_delay_seconds: float = 0.5
    stock: Stock | None = None
    """Puts on sale what there is; by default the samples."""
    apart: bool = False
    """Whether each party is a process of its own, the venues' server among them with its own database."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running system: where its parts are and how to sign in. Everything is reached over HTTP."""

    app_url: str
    gateway_url: str
    network_url: str
    staff_key: str
    publishable_key: str
    issuer_url: str = ""
    """Where the venues' own server is, when it is apart; empty: in the sales server."""
    issuer_staff_key: str = field(default="", repr=False)
    processes: Mapping[str, int] = field(default_factory=dict)
    """The process of each party by its name, when they are apart."""


def demo_data_dir(*, apart: bool = False) -> Path:
    """Beside a real installation's data, never in it; the parties apart keep theirs apart as well."""
    usual = default_data_dir()
    return usual.with_name(f"{usual.name}-demo" + "-apart" * apart)


def free_or(port: int, *, given: bool) -> int:
    """`port` if it can be had, else any free one; a port that was asked for by name is not replaced."""
    if given or port == 0:
        return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return 0
    return port


@contextlib.asynccontextmanager
async def running(plan: Plan, *, say: Say = lambda _: None) -> AsyncIterator[Stack]:
    """Start everything, give it, and stop it in order when the block ends."""
    refuse_unknown()
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(listen(HOST, plan.port))
        app_url = f"http://{HOST}:{listener.getsockname()[1]}"
        make_private(plan.data)
        address.note(plan.data, app_url)
        say("Starting the payment network and the mobile gateway …")
        network_url = await stack.enter_async_context(serving_network(_network(plan, app_url)))
        gateway = await stack.enter_async_context(serving_gateway(_gateway(plan, app_url)))
        settings = Settings(
            demo=True,
            data_dir=plan.data,
            public_url=app_url,
            payment_url=network_url,
            payment_secret_key=SecretStr(SECRET_KEY),
            payment_webhook_secrets=(SecretStr(WEBHOOK_SECRET),),
            sms_url=gateway.base_url,
            sms_system_id=SYSTEM_ID,
            sms_password=SecretStr(PASSWORD),
            sms_smpp=SecretStr(f"smpp://{SYSTEM_ID}:{PASSWORD}@{HOST}:{gateway.smpp_port}?name=demo"),
            carrier_secret=SecretStr(CARRIER_SECRET),
            carrier_billing_url=gateway.base_url,
            wap_push_url=f"{gateway.base_url}/pap",
            short_code=SHORT_CODE,
            wap_gateways=(ip_network(HOST),),
            database_url=_secret_from("CYBERTICKET_DATABASE_URL"),
            redis_url=_secret_from("CYBERTICKET_REDIS_URL"),
        )
        say("Starting the database …")
        world = await stack.enter_async_context(build_world(settings))
        await migrate(world.database.engine)
        say(SAMPLES)
        await (plan.stock or import_samples)(world)
        key = await staff.make_key(world, issuer=None, name="demo", scopes=sorted(SCOPES), days=1)
        working = asyncio.create_task(worker.run(world, poll_seconds=settings.worker_poll_seconds))
        stack.push_async_callback(_stop, working)
        await stack.enter_async_context(serving(create_app(settings, world=world), listener))
        yield Stack(app_url, gateway.base_url, network_url, key, PUBLISHABLE_KEY)


def _secret_from(name: str) -> SecretStr | None:
    value = os.environ.get(name)
    return SecretStr(value) if value else None


def make_private(data: Path) -> None:
    """The data folder, which PostgreSQL's own user must be able to enter; what is secret in it is closed by itself."""
    data.mkdir(parents=True, exist_ok=True, mode=0o711)


def _network(plan: Plan, app_url: str) -> NetworkSettings:
    return NetworkSettings(
        data_dir=plan.data / "payment-network",
        port=plan.network_port,
        secret_key=SecretStr(SECRET_KEY),
        publishable_key=PUBLISHABLE_KEY,
        allowed_return_origins=(app_url,),
        webhook_urls=(f"{app_url}/payments/news/stripe",),
        webhook_events=tuple(name for name in TYPES if name in KINDS),
        webhook_secrets=(SecretStr(WEBHOOK_SECRET),),
        webhook_first_wait_seconds=WEBHOOK_WAIT_SECONDS,
    )


def _gateway(plan: Plan, app_url: str) -> GatewaySettings:
    return GatewaySettings(
        data_dir=plan.data / "mobile-gateway",
        port=plan.gateway_port,
        smpp_port=plan.smpp_port,
        accounts={SYSTEM_ID: SecretStr(PASSWORD)},
        short_codes={SHORT_CODE: SYSTEM_ID},
        callback_url=f"{app_url}/carrier/receipts",
        callback_messages_url=f"{app_url}/carrier/messages",
        wap_home_url=f"{app_url}/wap",
        callback_secret=SecretStr(CARRIER_SECRET),
        push_notify_allow=(HOST,),
        receipt_delay_seconds=plan.receipt_delay_seconds,
    )


async def import_samples(world: World) -> None:
    """The sample catalogue, with dates from today on, and the sample transit feed."""
    await import_venues(world)
    await import_island(world)


async def import_venues(world: World) -> None:
    catalogue, _ = await asyncio.to_thread(read_catalogue, samples.CATALOGUE, now=datetime.now(UTC))
    await import_catalogue(world, catalogue)


async def import_island(world: World) -> None:
    feed, _ = await asyncio.to_thread(read_gtfs, samples.ISLAND_BUS, carnet=10, discount_percent=10)
    await import_catalogue(world, feed)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
