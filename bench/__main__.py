"""`python -m bench`: start the system, measure it and PostgreSQL in turns, and print both in one table."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.cli.serving import run
from bench.baseline import Pgbench
from bench.client import BenchFailed
from bench.figures import Stretch, figure
from bench.groups import GROUPS, SHARES, Bench
from bench.load import Effort
from bench.office import Office
from bench.system import System, system
from bench.table import Line, document, table

ROUNDS = 2
"""Every row is measured, then every row again: a machine that slows down slows both sides of a ratio."""

CLIENTS_MAX = 256
WIDTH_MIN = 140
SETTLE_SECONDS = 0.05
PRACTICE_SECONDS = 0.4
"""Each row is done once before it counts: connections of the pool are opened, statements prepared, code loaded."""


def bench(
    seconds: Annotated[float, typer.Option(min=1, max=30, help="How long each row is measured in all.")] = 6.0,
    clients: Annotated[str, typer.Option(help="Numbers of clients, with commas between.")] = "1,8,32",
    only: Annotated[str, typer.Option(help=f"Groups, with commas between: {', '.join(GROUPS)}.")] = ",".join(GROUPS),
    file: Annotated[Path | None, typer.Option("--json", help="Write the figures here, too.")] = None,
    profile: Annotated[
        Path | None, typer.Option(help="Write cProfile's figures of the system here; it runs at half its speed then.")
    ] = None,
) -> None:
    """Measure sale, admission, availability and delivery beside pgbench on the same server in the same run."""
    counts = _numbers(clients)
    groups = _groups(only)
    console = Console(width=max(Console().width, WIDTH_MIN))
    try:
        lines, facts = run(_measured(console, groups, counts, seconds, profile and profile.resolve()))
    except BenchFailed as fault:
        console.print(f"Nothing to show: {fault}", style="red", markup=False)
        raise typer.Exit(1) from None
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None
    console.print(table(lines, counts, facts))
    if file is not None:
        file.write_text(json.dumps(document(lines, facts), indent=2) + "\n", encoding="utf-8")


def _numbers(text: str) -> Sequence[int]:
    try:
        counts = [int(word) for word in text.split(",")]
    except ValueError:
        counts = [0]
    if not all(1 <= count <= CLIENTS_MAX for count in counts) or len(set(counts)) != len(counts):
        raise typer.BadParameter(f"--clients takes different numbers from 1 to {CLIENTS_MAX}, such as 1,8,32")
    return counts


def _groups(text: str) -> Sequence[str]:
    named = {word.strip() for word in text.split(",")}
    if unknown := sorted(named - GROUPS.keys()):
        raise typer.BadParameter(f"--only takes any of {', '.join(GROUPS)}; {', '.join(unknown)} is none of them")
    return [name for name in GROUPS if name in named]


async def _measured(
    console: Console, groups: Sequence[str], counts: Sequence[int], seconds: float, profile: Path | None
) -> tuple[Sequence[Line], Mapping[str, str]]:
    """Everything between starting and stopping the system. Raises BenchFailed."""
    task = asyncio.current_task()
    assert task is not None, "asyncio.run makes one"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # so that it cleans up, as on Ctrl-C
    began, load_before, effort = time.monotonic(), os.getloadavg()[0], Effort()
    console.print("Starting the system on an empty database …", style="dim")
    async with system(profile=profile) as running:
        fresh_mib = await running.memory_mib()
        pgbench = Pgbench(running.postgres)
        await pgbench.make()
        workshop = Bench(Office(running, max(counts)), pgbench, effort)
        lines: list[Line] = []
        hurried: list[str] = []
        for group in groups:
            console.print(f"Measuring {group} …", style="dim")
            found, rounds = await _group(workshop, group, counts, seconds)
            lines += found
            hurried += [group] if rounds < ROUNDS else []
        facts = {
            **await _machine(pgbench, load_before),
            "system": await _system(running, fresh_mib),
            "rounds": f"{ROUNDS}" + (f", but 1 of {', '.join(hurried)}: a round took too long" if hurried else ""),
            "load generator": f"{effort.processor_seconds / max(effort.seconds, 1e-9):.0%} of one core while it ran",
        }
    return lines, facts | {"run": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {time.monotonic() - began:.0f} s in all"}


async def _group(workshop: Bench, group: str, counts: Sequence[int], seconds: float) -> tuple[list[Line], int]:
    """All rows of a group in turns, once per round and number of clients; and how many rounds its time sufficed for."""
    deadline = time.monotonic() + seconds * SHARES[group]
    rows = await GROUPS[group](workshop)
    stretches: dict[tuple[str, int], list[Stretch]] = {(row.name, count): [] for row in rows for count in counts}
    for row in rows:
        await row.measure(max(counts), PRACTICE_SECONDS)
    rounds, took = 0, 0.0
    while rounds < ROUNDS and (rounds == 0 or time.monotonic() + took < deadline):
        began = time.monotonic()
        for count in counts:
            for row in rows:
                stretches[row.name, count].append(await row.measure(count, seconds / ROUNDS / len(counts)))
                await asyncio.sleep(SETTLE_SECONDS)
        rounds, took = rounds + 1, time.monotonic() - began
    lines = [
        Line(group, row.name, row.against, {count: figure(stretches[row.name, count]) for count in counts})
        for row in rows
    ]
    return lines, rounds


async def _machine(pgbench: Pgbench, load_before: float) -> Mapping[str, str]:
    settings = await pgbench.settings()
    return {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, load {load_before:.1f} before",
        "python": f"{platform.python_version()} {platform.python_implementation()}",
        "postgresql": f"{settings['server_version']}, fsync {settings['fsync']},"
        f" synchronous_commit {settings['synchronous_commit']}",
    }


async def _system(running: System, fresh_mib: float) -> str:
    """Server, worker, payment network and mobile gateway together: they are one process here, as in the demo."""
    return (
        f"up in {running.start_seconds:.1f} s on an empty folder; {fresh_mib:.0f} MiB when ready,"
        f" {await running.memory_mib():.0f} MiB at the end (server, worker and both emulators in one process)"
    )


if __name__ == "__main__":
    if not __debug__:
        sys.exit("Run the benchmark without -O: the system relies on its assertions, and so do its figures.")
    typer.run(bench)
