"""Every ticket at several gates at once: how many get in, and how long gates wait for their answers."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bench.client import Answer, BenchFailed, Connection, connected
from bench.load import first_fault

GATES_PER_TICKET = (2, 3)
AGAIN_SHARE = 0.1
DROPPED_SHARE = 0.05
AHEAD = 4
"""How many scans may wait at a gate: more, and a ticket would not be at its gates at once."""
DROP_SECONDS = 0.002
"""How long a gate waits before it loses its line: long enough for the server to begin."""
LAPSE_SECONDS_MAX = 120.0

ADMISSIONS = "/gate/admissions"
CHECKS = "/gate/checks"
YES = b'"admit":true'


@dataclass(frozen=True, slots=True)
class Showing:
    """A ticket shown at a gate: `again` sends the same scan twice, `dropped` loses the first answer and asks again."""

    ticket: int
    gate: int
    scan_id: str
    again: bool = False
    dropped: bool = False


def showings(tickets: int, gates: int, *, seed: int) -> Iterator[Showing]:
    """Each ticket at two or three gates, one after the other; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - the same ones each time
    for ticket in range(tickets):
        for gate in chance.sample(range(gates), min(gates, chance.choice(GATES_PER_TICKET))):
            luck = chance.random()
            again, dropped = luck < AGAIN_SHARE, AGAIN_SHARE <= luck < AGAIN_SHARE + DROPPED_SHARE
            yield Showing(ticket, gate, f"{seed}-{ticket}-{gate}", again=again, dropped=dropped)


@dataclass(slots=True)
class Storm:
    """What came of it. `let_in` are the scans with a yes, by ticket; times are of whole answers, in seconds."""

    seconds: float = 0.0
    scans: int = 0
    repeated: int = 0
    dropped: int = 0
    let_in: defaultdict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    took: list[float] = field(default_factory=list)

    @property
    def admissions(self) -> int:
        return sum(len(scans) for scans in self.let_in.values())

    @property
    def twice(self) -> int:
        """Tickets that more than one scan let in."""
        return sum(len(scans) > 1 for scans in self.let_in.values())


@dataclass(frozen=True, slots=True)
class Door:
    """One gate with its token; `line` is renewed when it is lost."""

    url: str
    token: str
    texts: Sequence[str]
    storm: Storm
    stack: AsyncExitStack

    async def connect(self) -> Connection:
        return await self.stack.enter_async_context(connected(self.url))

    async def work(self, coming: asyncio.Queue[Showing | None]) -> None:
        """Show what comes until nothing does. Raises BenchFailed where the same scan had two answers."""
        line = await self.connect()
        while (one := await coming.get()) is not None:
            if one.dropped:
                await self._drop(line, one)
                line = await self.connect()
            began = time.perf_counter()
            answer = await self._ask(line, one)
            self.storm.took.append(time.perf_counter() - began)
            self.storm.scans += 1
            if one.again:
                self.storm.repeated += 1
                if (await self._ask(line, one)).json(200) != answer.json(200):
                    raise BenchFailed(f"the scan {one.scan_id} was answered in two ways")
            if YES in answer.body:
                self.storm.let_in[one.ticket].append(one.scan_id)

    async def _ask(self, line: Connection, one: Showing) -> Answer:
        body = {"scan_id": one.scan_id, "presented": self.texts[one.ticket]}
        answer = await line.request("POST", ADMISSIONS, body, bearer=self.token)
        answer.json(200)
        return answer

    async def _drop(self, line: Connection, one: Showing) -> None:
        """Ask, and lose the line: whether the server did anything, the gate cannot know."""
        self.storm.dropped += 1
        asked = asyncio.create_task(self._ask(line, one))
        await asyncio.wait([asked], timeout=DROP_SECONDS)
        line.close()
        await asyncio.gather(asked, return_exceptions=True)


async def storm(url: str, tokens: Sequence[str], texts: Sequence[str], planned: Iterable[Showing]) -> Storm:
    """Show the tickets at the gates, each gate one after the other. Raises BenchFailed."""
    found = Storm()
    async with AsyncExitStack() as stack:
        doors = [Door(url, token, texts, found, stack) for token in tokens]
        queues: list[asyncio.Queue[Showing | None]] = [asyncio.Queue(AHEAD) for _ in tokens]
        began = time.perf_counter()
        try:
            async with asyncio.TaskGroup() as tasks:
                for door, queue in zip(doors, queues, strict=True):
                    tasks.create_task(door.work(queue))
                for one in planned:
                    await queues[one.gate].put(one)
                for queue in queues:
                    await queue.put(None)
        except ExceptionGroup as faults:
            raise first_fault(faults) from None
        found.seconds = time.perf_counter() - began
    return found


# --- a steady load --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a steady load."""

    path: str
    token: str
    scan_id: str
    text: str


async def steady(url: str, asked: Sequence[Asked], *, rate: float, lines: int) -> dict[str, list[float]]:
    """Send these, `rate` each second whatever the answers take; seconds from when each was due, by path.

    A request that finds no free line waits for one, and that counts. Raises BenchFailed.
    """
    took: dict[str, list[float]] = {one.path: [] for one in asked}
    coming = itertools.count()
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(connected(url)) for _ in range(lines)]
        began = time.perf_counter()

        async def work(line: Connection) -> None:
            while (number := next(coming)) < len(asked):
                one, due = asked[number], began + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                body = {"scan_id": one.scan_id, "presented": one.text}
                (await line.request("POST", one.path, body, bearer=one.token)).json(200)
                took[one.path].append(time.perf_counter() - due)

        try:
            async with asyncio.timeout(len(asked) / rate + LAPSE_SECONDS_MAX), asyncio.TaskGroup() as tasks:
                for line in connections:
                    tasks.create_task(work(line))
        except TimeoutError:
            raise BenchFailed(f"half the load took {LAPSE_SECONDS_MAX:.0f} s longer than it should") from None
        except ExceptionGroup as faults:
            raise first_fault(faults) from None
    return took
