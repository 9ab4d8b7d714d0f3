"""Four parties and their workers as processes, with doors between them, and what is done to them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from chaos_doors import Alarm, Doors, Step

from app.cli import apart
from app.cli.apart import Addresses, Party
from app.cli.shop import Shop
from app.cli.stack import PUBLISHABLE_KEY, SECRET_KEY, Plan, import_venues

HUNG_SECONDS = 2.5
DOWN_SECONDS = 0.3
START_SECONDS = 40
SIGHT_SECONDS = 90
"""How long a step is waited for: the buyers buy all the time."""
QUICK = {
    "CYBERTICKET_SILENT_SECONDS": "6",
    "CYBERTICKET_RECONCILE_SECONDS": "0.5",
    "CYBERTICKET_WORKER_POLL_SECONDS": "0.2",
    "CYBERTICKET_LOG_LEVEL": "ERROR",
}


@dataclass(slots=True)
class Running:
    """One party, which can be killed, hung and started again."""

    name: str
    party: Party
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = self.party.start()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def kill(self) -> None:
        """kill -9, and a supervisor that starts it again."""
        self.signal(signal.SIGKILL)
        await self._again()

    async def restart(self) -> None:
        """As an operator does it: asked to end, then started again."""
        self.signal(signal.SIGTERM)
        await self._again()

    async def hang(self) -> None:
        """Nothing moves for a while, as on a machine that is out of memory; its connections stay open."""
        self.signal(signal.SIGSTOP)
        await asyncio.sleep(HUNG_SECONDS)
        self.signal(signal.SIGCONT)

    async def _again(self) -> None:
        assert self.process is not None
        await asyncio.to_thread(self.process.wait, 30)
        await asyncio.sleep(DOWN_SECONDS)
        self.start()


VERBS = ("kill", "hang", "restart")


@dataclass(slots=True)
class House:
    """All parties, and how to reach them."""

    data: Path
    ports: Addresses
    doors: Doors
    sales: Mapping[str, str]
    issuer: Mapping[str, str]
    parties: dict[str, Running] = field(default_factory=dict)

    async def ready(self, http: httpx.AsyncClient) -> None:
        """Wait until every party that listens answers."""
        deadline = time.monotonic() + START_SECONDS
        for party in ("network", "gateway", "issuer", "app"):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"{self.ports.url(party)}/healthz")).status_code == 200:
                        break
                assert time.monotonic() < deadline, f"{party} does not come up\n{self.logs()}"
                await asyncio.sleep(0.05)

    async def suffer(self, step: Step, victim: str, verb: str) -> None:
        """When the next purchase comes to `step`, do `verb` to the victim before the step goes on."""
        act = getattr(self.parties[victim], verb)
        done: asyncio.Task[None] | None = None

        async def begin() -> None:
            nonlocal done
            done = asyncio.create_task(act())
            await asyncio.sleep(0.02)  # the signal is out before the step goes on

        alarm = Alarm(step, begin)
        self.doors.alarm = alarm
        try:
            async with asyncio.timeout(SIGHT_SECONDS):
                await alarm.rung.wait()
        except TimeoutError:
            raise AssertionError(f"nobody came to {step.name!r}\n{self.logs()}") from None
        finally:
            self.doors.alarm = None
        assert done is not None
        await done

    def logs(self) -> str:
        return "\n".join(f"== {log.name}\n{log.read_text()[-1500:]}" for log in sorted(self.data.glob("*.log")))

    def command(self, env: Mapping[str, str], *words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """One command of the house of `env`, to its end."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CYBERTICKET_")}
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *words],
            env={**clean, **env},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-chaos-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def a_house(*, sabotage: str | None = None) -> AsyncIterator[tuple[House, Shop]]:
    """Everything up on the sample programme, and who uses it; `sabotage` spoils the sales server on purpose."""
    with _folder() as folder:
        async with contextlib.AsyncExitStack() as stack:
            real = apart.free_addresses(Plan(folder))
            doors = Doors()
            seen = replace(
                real,
                issuer=await stack.enter_async_context(doors.opened("issuer", real.issuer)),
                network=await stack.enter_async_context(doors.opened("network", real.network)),
                smpp=await stack.enter_async_context(doors.opened("smpp", real.smpp)),
            )
            sales = apart.sales_env(folder / "sales", seen) | QUICK
            issuer = apart.issuer_env(folder / "issuer", real) | QUICK
            issuer_key = await apart.prepared(stack, issuer, import_venues)
            key = await apart.prepared(stack, sales, apart.nothing)
            house = House(folder, real, doors, sales, issuer)
            stack.push_async_callback(_stop, house)
            for name, party in apart.parties(folder, real, sales, issuer).items():
                spoiled = sabotage is not None and name.startswith("sales")
                house.parties[name] = Running(name, Sabotaged.of(party, str(sabotage)) if spoiled else party)
                house.parties[name].start()
            http = await stack.enter_async_context(
                httpx.AsyncClient(timeout=20, trust_env=False, limits=httpx.Limits(max_connections=300))
            )
            await house.ready(http)
            shop = _shop(house, http, key, issuer_key)
            await _whole_programme(house, shop)
            yield house, shop


async def _whole_programme(house: House, shop: Shop) -> None:
    """Wait until the arena, the largest of the venues' halls, is on sale at the sales server: it comes last."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        found = (await shop.get("/catalogue/occasions", issuer="gaon-arena", limit=50))["occasions"]
        if found and all(any(one["free"].values()) for one in found):
            return
        assert time.monotonic() < deadline, f"the venues' programme is not on sale: {found}\n{house.logs()}"
        await asyncio.sleep(0.2)


@dataclass(frozen=True, slots=True)
class Sabotaged(Party):
    """A party that one of the sabotages of chaos_sabotage.py was done to."""

    name: str = ""

    @classmethod
    def of(cls, party: Party, name: str) -> Sabotaged:
        return cls(party.words, party.env, party.output, name)

    def program(self) -> list[str]:
        return [sys.executable, str(Path(__file__).parent / "chaos_sabotage.py"), self.name]


async def _stop(house: House) -> None:
    for running in house.parties.values():
        if running.process is not None and running.process.poll() is None:
            running.signal(signal.SIGCONT)
            running.signal(signal.SIGKILL)
            await asyncio.to_thread(running.process.wait, 30)


def _shop(house: House, http: httpx.AsyncClient, key: str, issuer_key: str) -> Shop:
    return Shop(
        app_url=house.ports.url("app"),
        gateway_url=house.ports.url("gateway"),
        network_url=house.ports.url("network"),
        publishable_key=PUBLISHABLE_KEY,
        staff_key=key,
        http=http,
        issuer_url=house.ports.url("issuer"),
        issuer_staff_key=issuer_key,
        patience_seconds=60,
    )


async def intents(shop: Shop) -> list[dict[str, Any]]:
    """Every payment the network knows."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        _, page = await shop.call(
            "GET", f"{shop.network_url}/v1/payment_intents", bearer=SECRET_KEY, params={"limit": "100", **after}
        )
        found += page["data"]
        if not page["has_more"]:
            return found
        after = {"starting_after": page["data"][-1]["id"]}
