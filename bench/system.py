"""Starting, pausing and stopping the system under load, and what its process takes of the machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from app.embedded import embedded_blocking
from bench.client import BenchFailed

START_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 30.0
ROOT = Path(__file__).parents[1]
ON_DISK = "/var/tmp"  # noqa: S108 - the folder made there is ours alone


@dataclass(frozen=True, slots=True)
class Server:
    """Where the embedded PostgreSQL's socket is, in the words of libpq."""

    host: str
    port: str
    user: str


@dataclass(frozen=True, slots=True)
class System:
    """The running system. `start_seconds` is from nothing, an empty folder, to a shop that answers."""

    process: asyncio.subprocess.Process
    app: str
    gateway: str
    staff_key: str
    postgres: Server
    data: Path
    """The folder with its keys and its database."""
    start_seconds: float

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stand still, so that whoever else is measured in the block has the machine to itself."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def processor_seconds(self) -> float | None:
        """What the process has taken of the processor since it began; None where the kernel keeps no /proc."""
        try:
            text = Path(f"/proc/{self.process.pid}/stat").read_text("ascii")
        except OSError:
            return None
        user, kernel = text.rpartition(")")[2].split()[11:13]  # proc_pid_stat(5): utime and stime, after the name
        return (int(user) + int(kernel)) / os.sysconf("SC_CLK_TCK")

    async def memory_mib(self) -> float:
        """Resident memory of the process, in MiB."""
        asked = await asyncio.create_subprocess_exec(
            "ps", "-o", "rss=", "-p", str(self.process.pid), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await asked.communicate()
        return int(said) / 1024


@asynccontextmanager
async def system(*, profile: Path | None = None) -> AsyncIterator[System]:
    """Start everything in a new folder, give it, stop it, and remove the folder."""
    folder = await asyncio.to_thread(_new_folder)
    data = folder / "data"
    try:
        began = time.perf_counter()
        process = await _start(data, profile)
        try:
            await _told(process, "up")
            start_seconds = time.perf_counter() - began
            # We join the database: when the system is gone it is we who were its last user, however the system ended.
            with embedded_blocking(data) as url:
                told = await _told(process, "ready")
                try:
                    app, gateway, staff_key = (told[name] for name in ("app", "gateway", "staff_key"))
                    yield System(process, app, gateway, staff_key, _server(url), data, start_seconds)
                finally:
                    await _stop(process)
        finally:
            await _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _new_folder() -> Path:
    """On a disk: /tmp may be memory, where a commit costs nothing. The database's own user must be able to enter."""
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-bench-", dir=ON_DISK))
    folder.chmod(0o711)
    return folder


async def _start(data: Path, profile: Path | None) -> asyncio.subprocess.Process:
    """Its own session keeps a Ctrl-C for us alone; its settings are the demo's, whatever our environment says."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CYBERTICKET_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.server", str(data), *([str(profile)] if profile else [])),
        cwd=ROOT,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def _told(process: asyncio.subprocess.Process, event: str) -> dict[str, str]:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            line = await process.stdout.readline()
    except TimeoutError:
        raise BenchFailed(f"the system did not start within {START_SECONDS_MAX:.0f} s") from None
    if not line:
        raise BenchFailed("the system ended while it started; see what it said above")
    told: dict[str, str] = json.loads(line)
    assert told["event"] == event, told
    return told


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask it to end by ending its input; kill it when it does not."""
    if process.returncode is not None:
        return
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _server(url: str) -> Server:
    parts = make_url(url)
    host, port = parts.query["host"], parts.query["port"]
    assert isinstance(host, str)
    assert isinstance(port, str)
    return Server(host, port, parts.username or "postgres")
