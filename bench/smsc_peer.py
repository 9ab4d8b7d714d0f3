"""A client of a message centre that costs next to nothing: octets made once, answers counted by their headers.

The codec of the system would measure itself; here a request is a template with its sequence number put in.
"""

from __future__ import annotations

import asyncio
import struct
import time
from dataclasses import dataclass, field

from bench.client import BenchFailed

HEADER = struct.Struct(">IIII")
SUBMIT_SM, DELIVER_SM, ENQUIRE_LINK = 0x04, 0x05, 0x15
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x01, 0x02, 0x09
RESPONSE = 0x80000000
ANSWER_SECONDS_MAX = 30.0


def bind(command: int, system_id: str, password: str) -> bytes:
    """A bind request's octets."""
    body = system_id.encode() + b"\0" + password.encode() + b"\0" + b"\0" + b"\x34\0\0\0"
    return HEADER.pack(HEADER.size + len(body), command, 0, 1) + body


def submit(
    to: str, *, receipt: bool, text: bytes = b"ID 482910375-6 PIN 491027 https://tickets.example/t/QZ9KD2"
) -> bytes:
    """A submit_sm's octets, of the size of a ticket's message; its sequence number is still 0."""
    addresses = b"\0" + b"\0\x01" + b"1588\0" + b"\x01\x01" + to.encode() + b"\0"
    flags = b"\0\0\0" + b"\0\0" + bytes([receipt]) + b"\0\0\0"
    body = addresses + flags + bytes([len(text)]) + text
    return HEADER.pack(HEADER.size + len(body), SUBMIT_SM, 0, 0) + body


@dataclass(slots=True)
class Run:
    """What one client did: when it began, and each answer's end and time, in seconds."""

    began: float
    ended: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)


class Peer(asyncio.Protocol):
    """One session. Receipts are acknowledged as they come, and counted with their times."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._sent_at: dict[int, float] = {}
        self._sequence = 1
        self._template = b""
        self._window = 0
        self._run: Run | None = None
        self._bound: asyncio.Future[int] = self._loop.create_future()
        self._quiet = asyncio.Event()
        self.told_at: list[float] = []
        self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = transport.write  # type: ignore[attr-defined]  # uvloop's are of no common class
        self.close = transport.close

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._bound.done():
            self._bound.set_exception(BenchFailed(f"the message centre hung up before the bind: {exc}"))
        self._quiet.set()

    async def bind(self, command: int, system_id: str, password: str) -> None:
        """Raises BenchFailed where it is refused."""
        self._write(bind(command, system_id, password))
        if status := await asyncio.wait_for(self._bound, ANSWER_SECONDS_MAX):
            raise BenchFailed(f"the bind was refused with status {status:#x}")

    async def closed_loop(self, template: bytes, *, window: int, seconds: float) -> Run:
        """Keep `window` requests under way for so long; ends when the last is answered."""
        self._start(template)
        self._window = window
        self._write(b"".join(self._next() for _ in range(window)))
        await asyncio.sleep(seconds)
        return await self._finished()

    async def steady(self, template: bytes, *, per_second: float, seconds: float, window: int) -> Run:
        """Ask at a steady rate whatever the answers do, with at most `window` under way.

        A request that has to wait for room counts from when it was due, so that no delay goes unseen.
        """
        run = self._start(template)
        count = int(per_second * seconds)
        sent = 0
        while sent < count:
            now = time.perf_counter()
            due = min(count, int((now - run.began) * per_second) + 1)
            octets = []
            while sent < due and len(self._sent_at) < window:
                octets.append(self._next(asked_at=run.began + sent / per_second))
                sent += 1
            if octets:
                self._write(b"".join(octets))
            await asyncio.sleep(1 / per_second)
        return await self._finished()

    def _start(self, template: bytes) -> Run:
        self._template = template
        self._run = Run(time.perf_counter())
        self._quiet.clear()
        return self._run

    async def _finished(self) -> Run:
        self._window = 0
        self._quiet.clear()
        if self._sent_at:
            await asyncio.wait_for(self._quiet.wait(), ANSWER_SECONDS_MAX)
        assert self._run
        if self.refused or self._sent_at:
            raise BenchFailed(f"{self.refused} messages were refused and {len(self._sent_at)} not answered")
        return self._run

    def _next(self, asked_at: float | None = None) -> bytes:
        self._sequence = self._sequence % 0x7FFFFFFF + 1
        self._sent_at[self._sequence] = time.perf_counter() if asked_at is None else asked_at
        return self._template[:12] + self._sequence.to_bytes(4, "big") + self._template[16:]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        at, out = 0, []
        while len(self._buffer) - at >= HEADER.size:
            length, command, status, sequence = HEADER.unpack_from(self._buffer, at)
            if len(self._buffer) - at < length:
                break
            at += length
            out.append(self._heard(command, status, sequence))
        del self._buffer[:at]
        if octets := b"".join(out):
            self._write(octets)
        if not self._sent_at:
            self._quiet.set()

    def _heard(self, command: int, status: int, sequence: int) -> bytes:
        if command == SUBMIT_SM | RESPONSE:
            now = time.perf_counter()
            asked_at = self._sent_at.pop(sequence)
            assert self._run
            self._run.ended.append(now - self._run.began)
            self._run.took.append(now - asked_at)
            self.refused += status != 0
            return self._next() if self._window else b""
        if command == DELIVER_SM:
            self.told_at.append(time.perf_counter())
            return HEADER.pack(HEADER.size + 1, DELIVER_SM | RESPONSE, 0, sequence) + b"\0"
        if command == ENQUIRE_LINK:
            return HEADER.pack(HEADER.size, ENQUIRE_LINK | RESPONSE, 0, sequence)
        if not self._bound.done():
            self._bound.set_result(status)
        return b""
