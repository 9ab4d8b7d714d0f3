"""The programs of the house as processes of their own, to be killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

from app.cli.shop import Shop
from app.cli.stack import CARRIER_SECRET, PASSWORD, PUBLISHABLE_KEY, SECRET_KEY, SYSTEM_ID

COMMAND = (sys.executable, "-m", "app.cli")
START_SECONDS = 110


@contextlib.contextmanager
def data_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-e2e-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cyberticket(
    *words: str, env: dict[str, str] | None = None, seconds: float = 90
) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [*COMMAND, *words],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@dataclass(slots=True)
class Program:
    """One party as a process."""

    words: tuple[str, ...]
    env: dict[str, str]
    log: IO[bytes]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *self.words], env={**os.environ, **self.env}, stdout=self.log, stderr=self.log
        )

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)


@dataclass(slots=True)
class Parties:
    """Sales server with its worker, payment network, mobile gateway: four processes and a database beside them."""

    data: Path
    app_port: int = field(default_factory=free_port)
    gateway_port: int = field(default_factory=free_port)
    network_port: int = field(default_factory=free_port)
    programs: dict[str, Program] = field(default_factory=dict)

    @property
    def app_url(self) -> str:
        return f"http://127.0.0.1:{self.app_port}"

    @property
    def env(self) -> dict[str, str]:
        return {
            "CYBERTICKET_DEMO": "true",
            "CYBERTICKET_DATA_DIR": str(self.data / "app"),
            "CYBERTICKET_PUBLIC_URL": self.app_url,
            "CYBERTICKET_PORT": str(self.app_port),
            "CYBERTICKET_PAYMENT_URL": f"http://127.0.0.1:{self.network_port}",
            "CYBERTICKET_PAYMENT_SECRET_KEY": SECRET_KEY,
            "CYBERTICKET_SMS_URL": f"http://127.0.0.1:{self.gateway_port}",
            "CYBERTICKET_SMS_PASSWORD": PASSWORD,
            "CYBERTICKET_CARRIER_SECRET": CARRIER_SECRET,
            "CYBERTICKET_SILENT_SECONDS": "2",
            "CYBERTICKET_RECONCILE_SECONDS": "0.5",
            "CYBERTICKET_WORKER_POLL_SECONDS": "0.2",
            "CYBERTICKET_LOG_LEVEL": "WARNING",
        }

    def add(self, name: str, *words: str) -> None:
        log = (self.data / f"{name}.log").open("ab")
        self.programs[name] = Program(words, self.env, log)
        self.programs[name].start()

    def start(self) -> None:
        gateway = ("--http-port", str(self.gateway_port), "--data", str(self.data / "gateway"))
        account = ("--smpp-port", "0", "--account", f"{SYSTEM_ID}:{PASSWORD}")
        callback = ("--callback", f"{self.app_url}/carrier/receipts", "--callback-secret", CARRIER_SECRET)
        self.add("gateway", "mobile-gateway", *gateway, *account, *callback)
        keys = ("--secret-key", SECRET_KEY, "--publishable-key", PUBLISHABLE_KEY)
        where = ("--port", str(self.network_port), "--data", str(self.data / "network"))
        self.add("network", "payment-network", *where, *keys)
        self.add("app", "serve")
        self.add("worker", "worker")

    async def ready(self, http: httpx.AsyncClient) -> None:
        """Wait until every party answers."""
        deadline = time.monotonic() + START_SECONDS
        for port in (self.gateway_port, self.network_port, self.app_port):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200:
                        break
                if time.monotonic() > deadline:
                    raise AssertionError(self.logs())
                await asyncio.sleep(0.05)

    def logs(self) -> str:
        return "\n".join(f"== {log.name}\n{log.read_text()[-2000:]}" for log in self.data.glob("*.log"))


@contextlib.asynccontextmanager
async def parties() -> AsyncIterator[tuple[Parties, Shop]]:
    """All of them up on an imported sample catalogue, and somebody who uses them; all stopped at the end."""
    with data_folder() as folder:
        house = Parties(folder)
        for words in (("migrate",), ("import", "catalogue", "app/samples/catalogue.yaml")):
            done = await asyncio.to_thread(cyberticket, *words, env=house.env)
            assert done.returncode == 0, done.stderr
        key = await asyncio.to_thread(
            cyberticket, "staff-key", "e2e", *(f"--scope={scope}" for scope in ("read", "gates", "sell")), env=house.env
        )
        assert key.returncode == 0, key.stderr
        house.start()
        try:
            async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
                await house.ready(http)
                yield house, shop_of(house, http, key.stdout.split()[-1])
        finally:
            for program in house.programs.values():
                if program.process is not None and program.process.poll() is None:
                    program.stop()
                program.log.close()


def shop_of(house: Parties, http: httpx.AsyncClient, staff_key: str) -> Shop:
    return Shop(
        app_url=house.app_url,
        gateway_url=f"http://127.0.0.1:{house.gateway_port}",
        network_url=f"http://127.0.0.1:{house.network_port}",
        publishable_key=PUBLISHABLE_KEY,
        staff_key=staff_key,
        http=http,
        patience_seconds=30,
    )


async def charges(shop: Shop) -> list[dict[str, Any]]:
    """Everything the payment network has captured and not given back."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        _, page = await shop.call(
            "GET", f"{shop.network_url}/v1/payment_intents", bearer=SECRET_KEY, params={"limit": "100", **after}
        )
        found += [intent for intent in page["data"] if intent["status"] == "succeeded"]
        if not page["has_more"]:
            return found
        after = {"starting_after": page["data"][-1]["id"]}


def read_json(file: Path) -> dict[str, str]:
    content: dict[str, str] = json.loads(file.read_text())
    return content
