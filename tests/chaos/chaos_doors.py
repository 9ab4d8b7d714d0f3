"""Doors between the parties: what passes is read, so that something can happen at a chosen step of a purchase."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

CHUNK_BYTES = 65_536
SUBMIT_SM, DELIVER_SM = b"\x00\x00\x00\x04", b"\x00\x00\x00\x05"
COMMAND_ID = slice(4, 8)
"""SMPP 3.4 section 3.2: where a PDU says what it is."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a purchase: at which door it is seen, and by what."""

    name: str
    door: str
    pattern: re.Pattern[bytes] | None = None
    """The start of a request."""
    command: bytes | None = None
    """Or the command id of a PDU."""
    back: bool = False
    """Seen in what comes back through the door."""

    def is_in(self, chunk: bytes) -> bool:
        if self.pattern is not None:
            return self.pattern.match(chunk) is not None
        return chunk[COMMAND_ID] == self.command


def _request(name: str, door: str, start: str) -> Step:
    return Step(name, door, re.compile(f"{start} ".encode()))


STEPS = (
    _request("hold", "issuer", "PUT /issuer/v1/holds/[^/ ]+"),
    _request("create", "network", "POST /v1/payment_intents"),
    _request("confirm", "network", "POST /v1/payment_intents/[^/ ]+/confirm"),
    _request("commit", "issuer", "POST /issuer/v1/holds/[^/ ]+/commit"),
    _request("capture", "network", "POST /v1/payment_intents/[^/ ]+/capture"),
    _request("register", "issuer", "PUT /issuer/v1/tickets/[^/ ]+"),
    Step("deliver", "smpp", command=SUBMIT_SM),
    Step("receipt", "smpp", command=DELIVER_SM, back=True),
)
"""From the wish to the message on the handset, in their order."""

Act = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Alarm:
    """Rings once, before the step it waits for goes on; what it does is done by then."""

    step: Step
    act: Act
    rung: asyncio.Event = field(default_factory=asyncio.Event)
    _taken: bool = False

    async def hear(self, door: str, chunk: bytes, *, back: bool) -> None:
        if self._taken or (door, back) != (self.step.door, self.step.back) or not self.step.is_in(chunk):
            return
        self._taken = True
        try:
            await self.act()
        finally:
            self.rung.set()  # also where the victim took this connection with it, and who carries it was told to stop


@dataclass(slots=True)
class Doors:
    """TCP relays that outlive the programs behind them; each connection is made anew."""

    alarm: Alarm | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def opened(self, name: str, to: int) -> AsyncIterator[int]:
        """A door `name` to the port `to`; gives the port it stands open on."""

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            with contextlib.closing(writer):
                await self._pass(name, to, reader, writer)

        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass(self, name: str, to: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to)
            with contextlib.closing(far_writer):
                there = asyncio.create_task(self._carry(name, reader, far_writer, back=False))
                here = asyncio.create_task(self._carry(name, far_reader, writer, back=True))
                try:
                    await asyncio.wait({there, here}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in (there, here):
                        task.cancel()
                    await asyncio.gather(there, here, return_exceptions=True)

    async def _carry(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.alarm is not None:
                    await self.alarm.hear(name, chunk, back=back)
                writer.write(chunk)
                await writer.drain()
