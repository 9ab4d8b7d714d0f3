"""The patent's four parties as processes of their own: started, awaited until they answer, stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from app.cli import address
from app.cli.serving import listen
from app.cli.stack import (
    CARRIER_SECRET,
    HOST,
    PASSWORD,
    PUBLISHABLE_KEY,
    SAMPLES,
    SECRET_KEY,
    SHORT_CODE,
    SYSTEM_ID,
    WEBHOOK_SECRET,
    WEBHOOK_WAIT_SECONDS,
    Plan,
    Say,
    Stack,
    Stock,
    import_island,
    import_venues,
    make_private,
    running,
)
from app.flows import staff
from app.flows.booking import mirror
from app.flows.staff import SCOPES
from app.settings import PREFIX, Settings, refuse_unknown
from app.store.migrate import migrate
from app.wiring import database as build_database
from app.wiring import world as build_world
from app.world import World

START_SECONDS = 120
STOP_SECONDS = 20
LOOK_SECONDS = 0.1
LINE_CHARS_MAX = 300
ISSUER, SELLER = "venues", "tickets"
"""The names under which the venues' server and the sales server know each other."""


@contextlib.asynccontextmanager
async def starting(plan: Plan, *, say: Say = lambda _: None) -> AsyncIterator[Stack]:
    """Everything up, in this process or each party in one of its own."""
    async with apart(plan, say=say) if plan.apart else running(plan, say=say) as stack:
        yield stack


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where each party listens, on this machine alone."""

    app: int
    issuer: int
    network: int
    gateway: int
    smpp: int

    def url(self, party: str) -> str:
        return f"http://{HOST}:{getattr(self, party)}"


@dataclass(frozen=True, slots=True)
class Party:
    """One program, and where it writes what it has to say."""

    words: tuple[str, ...]
    env: Mapping[str, str]
    output: Path

    def program(self) -> list[str]:
        return [sys.executable, "-m", "app.cli"]

    def start(self) -> subprocess.Popen[bytes]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        with self.output.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - our own program, and words of this module
                [*self.program(), *self.words],
                env={**inherited, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us, who stop them in order
            )


@contextlib.asynccontextmanager
async def apart(plan: Plan, *, say: Say = lambda _: None) -> AsyncIterator[Stack]:
    """Sales server, venues' server, payment network and mobile gateway, each with its own data; and two workers."""
    refuse_unknown()
    make_private(plan.data)
    ports = free_addresses(plan)
    sales, issuer = sales_env(plan.data / "sales", ports), issuer_env(plan.data / "issuer", ports)
    async with contextlib.AsyncExitStack() as stack:
        say("Making two databases, one for the venues and one for the sales server …")
        issuer_key = await prepared(stack, issuer, plan.stock or import_venues)
        key = await prepared(stack, sales, nothing if plan.stock else import_island)
        say(SAMPLES)
        say("Starting sales server, venues' server, payment network, mobile gateway and two workers, each by itself …")
        processes: dict[str, subprocess.Popen[bytes]] = {}
        stack.push_async_callback(_stop, processes, say)
        for name, party in parties(plan.data, ports, sales, issuer).items():
            processes[name] = party.start()
        for name, env in (("sales", sales), ("issuer", issuer)):
            write_env(plan.data / f"{name}.env", env)
        await _up(plan.data, ports, sales, since=datetime.now(UTC))
        yield Stack(
            app_url=ports.url("app"),
            gateway_url=ports.url("gateway"),
            network_url=ports.url("network"),
            staff_key=key,
            publishable_key=PUBLISHABLE_KEY,
            issuer_url=ports.url("issuer"),
            issuer_staff_key=issuer_key,
            processes={name: process.pid for name, process in processes.items()},
        )


def write_env(file: Path, env: Mapping[str, str]) -> None:
    """What a server is told, for a shell to read: `set -a; . FILE`, and any command is about that server."""
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in env.items()), encoding="utf-8")


def parties(data: Path, ports: Addresses, sales: Mapping[str, str], issuer: Mapping[str, str]) -> dict[str, Party]:
    """The programs by their names, in the order in which they start."""
    network = (
        *("payment-network", "--port", str(ports.network), "--data", str(data / "payment-network")),
        *("--secret-key", SECRET_KEY, "--publishable-key", PUBLISHABLE_KEY, "--return-origin", ports.url("app")),
        *("--webhook", f"{ports.url('app')}/payments/news/stripe", "--webhook-secret", WEBHOOK_SECRET),
    )
    gateway = (
        *("mobile-gateway", "--http-port", str(ports.gateway), "--smpp-port", str(ports.smpp)),
        *("--data", str(data / "mobile-gateway"), "--account", f"{SYSTEM_ID}:{PASSWORD}"),
        *("--callback", f"{ports.url('app')}/carrier/receipts", "--callback-secret", CARRIER_SECRET),
    )
    carrier = {
        "CYBERTICKET_GATEWAY_SHORT_CODES": f"{SHORT_CODE}:{SYSTEM_ID}",
        "CYBERTICKET_GATEWAY_CALLBACK_MESSAGES_URL": f"{ports.url('app')}/carrier/messages",
        "CYBERTICKET_GATEWAY_WAP_HOME_URL": f"{ports.url('app')}/wap",
        "CYBERTICKET_GATEWAY_PUSH_NOTIFY_ALLOW": HOST,
    }
    patience = {"CYBERTICKET_NETWORK_WEBHOOK_FIRST_WAIT_SECONDS": str(WEBHOOK_WAIT_SECONDS)}
    serve = ("serve", "--role")
    return {
        "payment-network": Party(network, patience, data / "payment-network.log"),
        "mobile-gateway": Party(gateway, carrier, data / "mobile-gateway.log"),
        "issuer": Party((*serve, "issuer"), issuer, data / "issuer.log"),
        "issuer-worker": Party(("worker",), issuer, data / "issuer-worker.log"),
        "sales": Party((*serve, "sales"), sales, data / "sales.log"),
        "sales-worker": Party(("worker",), sales, data / "sales-worker.log"),
    }


def sales_env(data: Path, ports: Addresses) -> dict[str, str]:
    """What the sales server and its worker are told."""
    return _common(data, ports.app, role="sales", name=SELLER) | {
        "CYBERTICKET_ISSUERS": f"{ISSUER}={ports.url('issuer')}",
        "CYBERTICKET_PAYMENT_URL": ports.url("network"),
        "CYBERTICKET_PAYMENT_SECRET_KEY": SECRET_KEY,
        "CYBERTICKET_PAYMENT_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "CYBERTICKET_SMS_URL": ports.url("gateway"),
        "CYBERTICKET_SMS_SYSTEM_ID": SYSTEM_ID,
        "CYBERTICKET_SMS_PASSWORD": PASSWORD,
        "CYBERTICKET_SMS_SMPP": f"smpp://{SYSTEM_ID}:{PASSWORD}@{HOST}:{ports.smpp}?name=demo",
        "CYBERTICKET_CARRIER_SECRET": CARRIER_SECRET,
        "CYBERTICKET_CARRIER_BILLING_URL": ports.url("gateway"),
        "CYBERTICKET_WAP_PUSH_URL": f"{ports.url('gateway')}/pap",
        "CYBERTICKET_SHORT_CODE": SHORT_CODE,
        "CYBERTICKET_WAP_GATEWAYS": HOST,
    }


def issuer_env(data: Path, ports: Addresses) -> dict[str, str]:
    """What the venues' server and its worker are told."""
    return _common(data, ports.issuer, role="issuer", name=ISSUER) | {
        "CYBERTICKET_SELLERS": f"{SELLER}={ports.url('app')}",
    }


def _common(data: Path, port: int, *, role: str, name: str) -> dict[str, str]:
    return {
        "CYBERTICKET_DEMO": "true",
        "CYBERTICKET_ROLE": role,
        "CYBERTICKET_NAME": name,
        "CYBERTICKET_DATA_DIR": str(data),
        "CYBERTICKET_PUBLIC_URL": f"http://{HOST}:{port}",
        "CYBERTICKET_PORT": str(port),
        "CYBERTICKET_LOG_LEVEL": os.environ.get("CYBERTICKET_LOG_LEVEL", "WARNING"),
    }


def free_addresses(plan: Plan) -> Addresses:
    """Ports that nobody has at this moment; those of the plan are kept."""
    wanted = (plan.port, 0, plan.network_port, plan.gateway_port, plan.smpp_port)
    with contextlib.ExitStack() as taken:
        listeners = [taken.enter_context(listen(HOST, port)) for port in wanted]
        return Addresses(*(listener.getsockname()[1] for listener in listeners))


async def prepared(stack: contextlib.AsyncExitStack, env: Mapping[str, str], stock: Stock) -> str:
    """A database with its schema and what is on sale, kept up until the end; gives a staff key."""
    settings = _settings(env)
    make_private(settings.data_dir)
    address.note(settings.data_dir, settings.public_url)
    database = await stack.enter_async_context(build_database(settings))
    await migrate(database.engine)
    async with build_world(settings) as world:
        await stock(world)
        return await staff.make_key(world, issuer=None, name="demo", scopes=sorted(SCOPES), days=1)


def _settings(env: Mapping[str, str]) -> Settings:
    given = {name.removeprefix(PREFIX).lower(): value for name, value in env.items()}
    return Settings(**given, database_url=None, redis_url=None)  # type: ignore[arg-type]  # pydantic reads each value


async def nothing(world: World) -> None:
    """All that is sold belongs to the venues."""


async def _up(data: Path, ports: Addresses, sales: Mapping[str, str], *, since: datetime) -> None:
    """Wait until every party answers and the sales server has all of the venues' programme; raises OSError."""
    places = [f"{ports.url(party)}/healthz" for party in ("network", "gateway", "issuer", "app")]
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        try:
            async with asyncio.timeout(START_SECONDS):
                for url in places:
                    await _answers(http, url)
                await _copied(sales, since)
                await on_sale(http, ports)
        except TimeoutError:
            raise OSError(f"Not everything came up within {START_SECONDS} s. {_last_words(data)}") from None


async def _copied(sales: Mapping[str, str], since: datetime) -> None:
    """Until the sales server's worker has read the whole catalogue of the venues, halls and all."""
    async with build_world(_settings(sales)) as world:
        while True:
            found = await mirror.statuses(world)
            if all(one.etag and one.heard_at and one.heard_at >= since for one in found):
                return
            await asyncio.sleep(LOOK_SECONDS)


def _last_words(data: Path) -> str:
    """The last line of each log: a story's logs are gone when it ends."""
    logs = {log.name: log.read_text(encoding="utf-8", errors="replace").splitlines() for log in data.glob("*.log")}
    return " ".join(f"{name}: {lines[-1][:LINE_CHARS_MAX]}" for name, lines in sorted(logs.items()) if lines)


async def _answers(http: httpx.AsyncClient, url: str) -> None:
    while True:
        with contextlib.suppress(httpx.TransportError):
            if (await http.get(url)).is_success:
                return
        await asyncio.sleep(LOOK_SECONDS)


async def on_sale(http: httpx.AsyncClient, ports: Addresses) -> None:
    """Until the sales server shows a date of the venues with free places."""
    while True:
        answer = await http.get(f"{ports.url('app')}/catalogue/occasions", params={"kind": "admission", "limit": 1})
        if answer.is_success and any(
            one["on_sale"] and any(one["free"].values()) for one in answer.json()["occasions"]
        ):
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _stop(processes: Mapping[str, subprocess.Popen[bytes]], say: Say) -> None:
    """Ask all parties to end, the workers and servers first; one that does not is killed."""
    for process in reversed(list(processes.values())):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGCONT)  # whoever was hung hears it too
    for name, process in processes.items():
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            say(f"{name} did not stop within {STOP_SECONDS} s and was killed.")
            process.kill()
            process.wait()
