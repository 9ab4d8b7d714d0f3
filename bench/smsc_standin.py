"""`python -m bench.smsc_standin`: a message centre that stores nothing. What it reaches is what the machine allows."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from bench.smsc_peer import HEADER, RESPONSE, SUBMIT_SM

NAMES = {SUBMIT_SM: b"m018f3a2b4c5d6e7f\0"}


class StandIn(asyncio.Protocol):
    """Says yes to everything, at once."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = transport.write  # type: ignore[attr-defined]  # uvloop's are of no common class

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self._buffer += data
        at, out = 0, []
        while len(self._buffer) - at >= HEADER.size:
            length, command, _, sequence = HEADER.unpack_from(self._buffer, at)
            if len(self._buffer) - at < length:
                break
            at += length
            if not command & RESPONSE:
                body = NAMES.get(command, b"stand-in\0")
                out.append(HEADER.pack(HEADER.size + len(body), command | RESPONSE, 0, sequence) + body)
        del self._buffer[:at]
        self._write(b"".join(out))


async def serve() -> None:
    """Serve on any free port until the process is ended; says where."""
    server = await asyncio.get_running_loop().create_server(StandIn, "127.0.0.1", 0)
    sys.stdout.write(f"smpp: 127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
