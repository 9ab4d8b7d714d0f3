"""`python -m bench.smsc`: the message centre beside a stand-in that stores nothing, in turns, in one table."""

from __future__ import annotations

import asyncio
import json
import math
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from bench.client import BenchFailed
from bench.figures import Done, Figure, Stretch, figure, ratio
from bench.smsc_peer import BIND_RECEIVER, BIND_TRANSMITTER, Peer, Run, submit
from bench.system import ON_DISK, ROOT

START_SECONDS_MAX = 30.0
DRAIN_SECONDS_MAX = 60.0
SYSTEM_ID, PASSWORD = "bench", "bench123"
SINK = "99100000001"
WINDOWS = (1, 10, 50, 100)
STEADY_PER_SECOND, STEADY_WINDOW = 2_500, 50
BINDS, BINDS_WINDOW = 50, 10
WARM_SHARE = 0.1
"""So much of each run does not count: connections are new, and the first receipts are not due yet."""


@dataclass(frozen=True, slots=True)
class Party:
    """A message centre under load: its process and its port."""

    process: asyncio.subprocess.Process
    port: int

    async def peer(self, command: int) -> Peer:
        """A new session."""
        _, peer = await asyncio.get_running_loop().create_connection(Peer, "127.0.0.1", self.port)
        await peer.bind(command, SYSTEM_ID, PASSWORD)
        return peer

    def memory_mib(self) -> float:
        """Resident memory; not a number where the kernel keeps no /proc."""
        try:
            lines = Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines()
        except OSError:
            return math.nan
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


Measure = Callable[[Party, float], Awaitable[Stretch]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: ours, and the stand-in's where it can do the same."""

    name: str
    ours: Figure
    theirs: Figure | None


def bench(
    seconds: Annotated[float, typer.Option(min=1, max=60, help="How long each row is measured on each side.")] = 3.0,
    file: Annotated[Path | None, typer.Option("--json", help="Write the figures here, too.")] = None,
) -> None:
    """Measure how fast the message centre stores, answers and tells, beside one that stores nothing."""
    console = Console(width=max(Console().width, 110))
    try:
        rows, facts = uvloop.run(_measured(console, seconds))
    except BenchFailed as fault:
        console.print(f"Nothing to show: {fault}", style="red", markup=False)
        raise typer.Exit(1) from None
    console.print(table(rows, facts))
    if file is not None:
        file.write_text(json.dumps(document(rows, facts), indent=2) + "\n", encoding="utf-8")


async def _measured(console: Console, seconds: float) -> tuple[Sequence[Row], Mapping[str, str]]:
    began, load_before = time.monotonic(), os.getloadavg()[0]
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(_gateway())
        theirs = await stack.enter_async_context(_started("-m", "bench.smsc_standin", environment={}))
        fresh_mib = ours.memory_mib()
        rows = []
        for name, measure, both in _plan():
            console.print(f"Measuring {name} …", style="dim")
            found = await measure(ours, seconds)
            await _drained(ours)
            beside = figure([await measure(theirs, seconds)]) if both else None
            rows.append(Row(name, figure([found]), beside))
        facts = {
            "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()},"
            f" load {load_before:.1f} before",
            "python": f"{platform.python_version()} {platform.python_implementation()}",
            "memory": f"{fresh_mib:.0f} MiB when ready, {ours.memory_mib():.0f} MiB after"
            f" {sum(row.ours.count for row in rows):,} messages",
            "run": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {time.monotonic() - began:.0f} s in all",
        }
    return rows, facts


def _plan() -> list[tuple[str, Measure, bool]]:
    """Every row, how it is measured, and whether the stand-in can do the same."""
    plan: list[tuple[str, Measure, bool]] = [
        (f"submit_sm, window {window}", _closed(window), True) for window in WINDOWS
    ]
    plan.append((f"submit_sm, {BINDS} sessions of window {BINDS_WINDOW}", _many, True))
    plan.append((f"submit_sm, steady {STEADY_PER_SECOND:,}/s, window {STEADY_WINDOW}", _steady, True))
    plan.append(("receipts to one receiver, window 10", _receipts, False))
    return plan


# --- the rows ---------------------------------------------------------------------------------------------------------


def _closed(window: int) -> Measure:
    async def measure(party: Party, seconds: float) -> Stretch:
        peer = await party.peer(BIND_TRANSMITTER)
        run = await peer.closed_loop(submit(SINK, receipt=False), window=window, seconds=seconds)
        peer.close()
        return stretch([run], seconds)

    return measure


async def _many(party: Party, seconds: float) -> Stretch:
    peers = [await party.peer(BIND_TRANSMITTER) for _ in range(BINDS)]
    template = submit(SINK, receipt=False)
    runs = await asyncio.gather(*(peer.closed_loop(template, window=BINDS_WINDOW, seconds=seconds) for peer in peers))
    for peer in peers:
        peer.close()
    return stretch(runs, seconds)


async def _steady(party: Party, seconds: float) -> Stretch:
    peer = await party.peer(BIND_TRANSMITTER)
    template = submit(SINK, receipt=False)
    run = await peer.steady(template, per_second=STEADY_PER_SECOND, seconds=seconds, window=STEADY_WINDOW)
    peer.close()
    return stretch([run], seconds)


async def _receipts(party: Party, seconds: float) -> Stretch:
    """Submit first, then bind the receiver: it finds everything waiting."""
    sender = await party.peer(BIND_TRANSMITTER)
    await sender.closed_loop(submit(SINK, receipt=True), window=STEADY_WINDOW, seconds=seconds)
    await _drained(party)
    receiver = await party.peer(BIND_RECEIVER)
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    told = [at - began for at in receiver.told_at]
    sender.close()
    receiver.close()
    if not told:
        raise BenchFailed("no receipt came")
    # What is told has no time of its own: the peer's answer is instant.
    over = min(seconds, max(told))
    return Stretch(over, tuple(Done(at, math.nan) for at in told if at < over))


def stretch(runs: Sequence[Run], seconds: float) -> Stretch:
    """What several sessions did together, without the beginning and what ended late."""
    warm = seconds * WARM_SHARE
    first = min(run.began for run in runs)
    done = [
        Done(run.began - first + ended - warm, took)
        for run in runs
        for ended, took in zip(run.ended, run.took, strict=True)
    ]
    counted = tuple(one for one in done if 0 <= one.ended_seconds < seconds - warm)
    return Stretch(seconds - warm, counted, uncounted=len(done) - len(counted))


async def _drained(party: Party) -> None:
    """Wait until the network has delivered what it took: its process is idle again."""
    async with asyncio.timeout(DRAIN_SECONDS_MAX):
        before = _ticks(party)
        while True:
            await asyncio.sleep(0.25)
            after = _ticks(party)
            if after - before <= 1:
                return
            before = after


def _ticks(party: Party) -> int:
    """What the process took of the processor, in ticks of a hundredth of a second."""
    try:
        text = Path(f"/proc/{party.process.pid}/stat").read_text("ascii")
    except OSError:
        return 0
    user, kernel = text.rpartition(")")[2].split()[11:13]
    return int(user) + int(kernel)


# --- the parties ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _gateway() -> AsyncIterator[Party]:
    """The mobile gateway as a program of its own, on an empty folder on a disk."""
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-bench-", dir=ON_DISK))
    settings = {
        "DATA_DIR": str(folder),
        "PORT": "0",
        "SMPP_PORT": "0",
        "ACCOUNTS": f"{SYSTEM_ID}:{PASSWORD}",
        "SINK_PREFIX": f"+{SINK[:2]}",
        "QUEUE_MAX": "1000000",
        "RECEIPT_DELAY_SECONDS": "0",
    }
    environment = {f"CYBERTICKET_GATEWAY_{name}": value for name, value in settings.items()}
    try:
        async with _started("-m", "mobile_gateway", environment=environment) as party:
            yield party
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _started(*words: str, environment: Mapping[str, str]) -> AsyncIterator[Party]:
    """A program that says `smpp: HOST:PORT` when it is ready; ended with the block. Raises BenchFailed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CYBERTICKET_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, env={**inherited, **environment}, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Party(process, await _port(process))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            while line := await process.stdout.readline():
                if line.startswith(b"smpp: "):
                    return int(line.rpartition(b":")[2])
    except TimeoutError:
        raise BenchFailed(f"a message centre did not start within {START_SECONDS_MAX:.0f} s") from None
    raise BenchFailed("a message centre ended while it started; see what it said above")


# --- the table --------------------------------------------------------------------------------------------------------


def table(rows: Sequence[Row], facts: Mapping[str, str]) -> Table:
    """Rates per second, p50/p99 in milliseconds, and how much of the stand-in's rate ours is."""
    drawn = Table(
        title="The message centre beside a stand-in that stores nothing",
        caption="\n".join(f"{name}: {said}" for name, said in facts.items()),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    drawn.add_column("", no_wrap=True)
    for heading in ("stored\n/s", "p50/p99\nms", "stand-in\n/s", "p50/p99\nms", "ratio\n"):
        drawn.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        beside = (*_cells(row.theirs), f"{ratio(row.ours, row.theirs):.3f}") if row.theirs else ("",) * 3
        drawn.add_row(row.name, *_cells(row.ours), *beside)
    return drawn


def _cells(found: Figure) -> tuple[str, str]:
    times = "" if math.isnan(found.p50_ms) else f"{found.p50_ms:.1f}/{found.p99_ms:.1f}"
    return f"{found.per_second:,.0f}", times


def document(rows: Sequence[Row], facts: Mapping[str, str]) -> Mapping[str, object]:
    """The same for programs."""
    return {"facts": dict(facts), "rows": [asdict(row) for row in rows]}


if __name__ == "__main__":
    if not __debug__:
        sys.exit("Run the benchmark without -O: the system relies on its assertions, and so do its figures.")
    typer.run(bench)
