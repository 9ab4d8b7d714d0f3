"""The system under load, in a process of its own: `python -m bench.server FOLDER [PROFILE]`, started by the benchmark.

It is what `cyberticket demo` starts, without the delay of receipts. It tells in lines of JSON how far it is, and ends
when its standard input does, so that it never outlives whoever started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import cProfile
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from app import logs, samples
from app.cli.serving import run
from app.cli.stack import Plan, import_samples, running
from app.flows.booking.importing import import_catalogue
from app.importers.catalogue import read_catalogue
from app.world import World

CATALOGUE = Path(__file__).parent / "catalogue.yaml"


def main(data: Path, profile: Path | None) -> None:
    logs.configure("WARNING")
    run(_serve(data, profile))


@contextlib.contextmanager
def _profiled(file: Path | None) -> Iterator[None]:
    """Write what this thread did in the block, the whole event loop included, as cProfile's figures."""
    if file is None:
        yield
        return
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        yield
    finally:
        profiler.disable()
        profiler.dump_stats(file)


async def _serve(data: Path, profile: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def read_on() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    loop.add_reader(sys.stdin.fileno(), read_on)

    async def stock(world: World) -> None:
        await import_samples(world)
        shop = data / "bench-catalogue"
        shop.mkdir(exist_ok=True)
        for file in (CATALOGUE, samples.ARENA):
            shutil.copy(file, shop)
        draft, _ = read_catalogue(shop / CATALOGUE.name, now=datetime.now(UTC))
        await import_catalogue(world, draft)

    async with running(Plan(data=data, receipt_delay_seconds=0.0, stock=stock)) as stack:
        _tell("up")
        _tell("ready", app=stack.app_url, gateway=stack.gateway_url, staff_key=stack.staff_key)
        with _profiled(profile):
            await stop.wait()


def _tell(event: str, **facts: str) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
