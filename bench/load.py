"""Load in a closed loop: each client asks, waits for its answer, and asks again, until the time is over."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bench.client import BenchFailed, Connection, connected
from bench.figures import Done, Stretch

WARM_SECONDS = 0.2
LAPS_MIN = 2.0
LONGER_MAX = 2.0
OVERTIME_SECONDS = 30.0

Step = Callable[[Connection, int], Awaitable[None]]
"""One thing a client does, given its connection and its number."""


@dataclass(slots=True)
class Effort:
    """What generating the load cost: its own processor time, and the time it ran."""

    processor_seconds: float = 0.0
    seconds: float = 0.0


@dataclass(slots=True)
class Window:
    """When counting opens and closes.

    It opens when every client has had its first answer: until then fewer are at work than will be. It stays open for
    `seconds`, or longer (at most twice that) where the slowest client would not come round twice in that.
    """

    clients: int
    seconds: float
    earliest: float
    opens: float = math.inf
    closes: float = math.inf
    _firsts: list[float] = field(default_factory=list)

    def first_answer(self, *, ended: float, took: float) -> None:
        """A client has had its first answer."""
        self._firsts.append(took)
        if len(self._firsts) == self.clients:
            wanted = min(max(self.seconds, LAPS_MIN * max(self._firsts)), LONGER_MAX * self.seconds)
            self.opens = max(ended, self.earliest)
            self.closes = self.opens + wanted

    def counts(self, ended: float) -> bool:
        return self.opens <= ended < self.closes


async def drive(url: str, step: Step, *, clients: int, seconds: float, effort: Effort) -> Stretch:
    """Let `clients` repeat `step` for `seconds`, each on a connection of its own. Raises BenchFailed."""
    done: list[tuple[float, float]] = []
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(connected(url)) for _ in range(clients)]
        began, processor = time.perf_counter(), time.process_time()
        window = Window(clients, seconds, earliest=began + WARM_SECONDS)
        try:
            async with asyncio.timeout(LONGER_MAX * seconds + OVERTIME_SECONDS), asyncio.TaskGroup() as tasks:
                for number, line in enumerate(lines):
                    tasks.create_task(_repeat(step, line, number, window, done))
        except TimeoutError:
            raise BenchFailed(f"an answer took longer than {OVERTIME_SECONDS:.0f} s") from None
        except ExceptionGroup as faults:
            raise first_fault(faults) from None
        effort.processor_seconds += time.process_time() - processor
        effort.seconds += time.perf_counter() - began
    counted = tuple(Done(ended - window.opens, took) for ended, took in done if window.counts(ended))
    return Stretch(window.closes - window.opens, counted, uncounted=len(done) - len(counted))


async def _repeat(step: Step, line: Connection, number: int, window: Window, done: list[tuple[float, float]]) -> None:
    first = True
    while (began := time.perf_counter()) < window.closes:
        await step(line, number)
        ended = time.perf_counter()
        done.append((ended, ended - began))
        if first:
            window.first_answer(ended=ended, took=ended - began)
            first = False


def first_fault(faults: ExceptionGroup[Exception]) -> Exception:
    """One client's fault stands for all: they mostly fail for the same reason. A bug is raised as it is."""
    fault: Exception | ExceptionGroup[Exception] = faults
    while isinstance(fault, ExceptionGroup):
        fault = fault.exceptions[0]
    return BenchFailed(f"the system closed a connection: {fault}") if isinstance(fault, OSError) else fault
