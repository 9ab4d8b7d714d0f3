"""An HTTP/1.1 client that costs little: one kept connection, one request at a time, no more than our server speaks.

A general client, httpx for one, can take more processor time for a request than the server takes for its answer, and on
a small machine that time is the server's loss.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

HEAD_BYTES_MAX = 16_384
WORDS_SHOWN_MAX = 300


class BenchFailed(Exception):
    """The measurement would mean nothing; the sentence says what went wrong."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def json(self, *expected: int) -> Any:
        """The body as JSON; raises BenchFailed unless the status is one of `expected`."""
        if self.status not in expected:
            raise BenchFailed(f"expected {expected}, got {self.status}: {self.body[:WORDS_SHOWN_MAX]!r}")
        return json.loads(self.body) if self.body else None


class Connection(asyncio.Protocol):
    """One connection to one server; `request` must not be called again before it has answered."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._received = bytearray()
        self._waiting: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None

    async def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, bearer: str = "", key: str = ""
    ) -> Answer:
        """Send one request, `body` as JSON, `key` as its Idempotency-Key. Raises ConnectionError."""
        assert self._waiting is None, "one request at a time"
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError(f"{self._host} closed the connection")
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n"
        if bearer:
            head += f"Authorization: Bearer {bearer}\r\n"
        if key:
            head += f"Idempotency-Key: {key}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(head.encode("ascii") + b"\r\n" + content)
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # --- asyncio.Protocol -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no common class

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            found = take_answer(self._received)
        except BenchFailed as fault:
            self._give_up(fault)
            return
        if found is not None and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(found)

    def connection_lost(self, exc: Exception | None) -> None:
        self._give_up(exc or ConnectionResetError(f"{self._host} closed the connection in the middle of an answer"))

    def _give_up(self, fault: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(fault)


def take_answer(received: bytearray) -> Answer | None:
    """Take one whole answer off the front of what was received; None while it is not whole. Raises BenchFailed.

    Only bodies of a declared length (RFC 9112 section 6.2) are read: our server streams nothing that is measured.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        if len(received) > HEAD_BYTES_MAX:
            raise BenchFailed(f"an answer's head is longer than {HEAD_BYTES_MAX} bytes")
        return None
    lines = bytes(received[:end]).split(b"\r\n")
    status = int(lines[0].split(b" ", 2)[1])
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
    if b"transfer-encoding" in fields:
        raise BenchFailed("an answer came without a declared length; this client does not read such")
    start, length = end + 4, int(fields.get(b"content-length", b"0"))
    if len(received) < start + length:
        return None
    body = bytes(received[start : start + length])
    del received[: start + length]
    return Answer(status, body)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """A connection to the server of `url`, closed when the block ends."""
    parts = urlsplit(url)
    assert parts.hostname is not None, "our own URLs name a host"
    assert parts.port is not None, "our own URLs name a port"
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: Connection(parts.netloc), parts.hostname, parts.port
    )
    try:
        yield connection
    finally:
        connection.close()
