"""Load in a closed loop: each client asks, waits for its answer, and asks again, until the time is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.client import BenchFailed, Connection, connected
from bench.figures import Done, Stretch

WARM_SECONDS = 0.25
"""What ends in this time is not counted: connections are new, and no client has an answer on its way."""

OVERTIME_SECONDS = 30.0

Step = Callable[[Connection, int], Awaitable[None]]
"""One thing a client does, given its connection and its number."""


@dataclass(slots=True)
class Effort:
    """What generating the load cost: its own processor time, and the time it ran."""

    processor_seconds: float = 0.0
    seconds: float = 0.0


async def drive(url: str, step: Step, *, clients: int, seconds: float, effort: Effort) -> Stretch:
    """Let `clients` repeat `step` for `seconds`, each on a connection of its own. Raises BenchFailed."""
    done: list[Done] = []
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(connected(url)) for _ in range(clients)]
        opens = time.perf_counter() + WARM_SECONDS
        closes = opens + seconds

        async def repeat(number: int, line: Connection) -> None:
            while (began := time.perf_counter()) < closes:
                await step(line, number)
                ended = time.perf_counter()
                if opens <= ended < closes:
                    done.append(Done(ended - opens, ended - began))

        began, processor = time.perf_counter(), time.process_time()
        try:
            async with asyncio.timeout(WARM_SECONDS + seconds + OVERTIME_SECONDS), asyncio.TaskGroup() as tasks:
                for number, line in enumerate(lines):
                    tasks.create_task(repeat(number, line))
        except TimeoutError:
            raise BenchFailed(f"an answer took longer than {OVERTIME_SECONDS:.0f} s") from None
        effort.processor_seconds += time.process_time() - processor
        effort.seconds += time.perf_counter() - began
    return Stretch(seconds, tuple(done))
