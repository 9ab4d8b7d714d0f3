"""When messages reach handsets: the mobile gateway tells of each handset that changed, as an event stream."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bench.client import BenchFailed

DATA = b"data: "


@dataclass(slots=True)
class Arrivals:
    """The moment (of `time.perf_counter`) at which each handset first changed."""

    at: dict[str, float] = field(default_factory=dict)

    async def wait_for(self, handsets: Iterable[str], *, seconds_max: float) -> None:
        """Wait until all of these have changed; raises BenchFailed."""
        missing = set(handsets)
        deadline = time.monotonic() + seconds_max
        while missing := {handset for handset in missing if handset not in self.at}:
            if time.monotonic() > deadline:
                raise BenchFailed(f"{len(missing)} messages did not reach their handsets within {seconds_max:.0f} s")
            await asyncio.sleep(0.02)


@asynccontextmanager
async def arrivals(gateway_url: str) -> AsyncIterator[Arrivals]:
    """Listen for as long as the block lasts; it begins when the gateway has said hello."""
    parts = urlsplit(gateway_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET /handsets/events HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode("ascii"))
    async with asyncio.timeout(10):
        while b"event: hello" not in await reader.readline():
            pass
    heard = Arrivals()
    listening = asyncio.create_task(_listen(reader, heard))
    try:
        yield heard
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        writer.close()


async def _listen(reader: asyncio.StreamReader, heard: Arrivals) -> None:
    """Each event is a chunk of its own (RFC 9112 section 7.1), so its lines are whole; lines of sizes are passed by."""
    while line := await reader.readline():
        if line.startswith(DATA) and (number := json.loads(line.removeprefix(DATA)).get("number")):
            heard.at.setdefault(number, time.perf_counter())
