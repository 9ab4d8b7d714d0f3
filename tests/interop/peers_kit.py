"""What the tests against real peers share: programs that run for a while, what they tell us, a wire one can look at."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest

PATIENCE_SECONDS = 60.0
STOP_SECONDS = 20.0
SMPP_PORT = 2775
"""What the far end of every tapped session is called in its capture, whichever port it really has."""

T = TypeVar("T")

KANNEL_TOOLS = Path("/usr/lib/kannel/test")

needs_kannel = pytest.mark.skipif(
    shutil.which("bearerbox") is None or not (KANNEL_TOOLS / "test_ppg").exists(),
    reason="kannel and kannel-extras are not installed; the independent gateway judged nothing",
)
needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed; nobody dissected our traffic"
)


def _has_net_smpp() -> bool:
    if shutil.which("perl") is None:
        return False
    return subprocess.run(["perl", "-MNet::SMPP", "-e1"], check=False, capture_output=True).returncode == 0


needs_net_smpp = pytest.mark.skipif(
    not _has_net_smpp(), reason="libnet-smpp-perl is not installed; a whole implementation of SMPP judged nothing"
)
needs_zbar = pytest.mark.skipif(
    shutil.which("zbarimg") is None, reason="zbar-tools are not installed; no barcode was read"
)
needs_libwbxml = pytest.mark.skipif(
    shutil.which("wbxml2xml") is None, reason="libwbxml2-utils is not installed; it did not read our WBXML"
)


def free_port() -> int:
    """A port of loopback that nobody has, for a program that cannot choose one itself."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


async def until(look: Callable[[], Awaitable[T | None]], what: str, *, seconds: float = PATIENCE_SECONDS) -> T:
    """What `look` gives as soon as that is anything; fails with `what` when it takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < deadline, f"after {seconds:.0f} s: {what}"
        await asyncio.sleep(0.02)
    return found


# --- programs -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """A program of ours to stop; its output is in a file."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


def _started(command: Sequence[str | Path], folder: Path) -> Program:
    log = folder / f"{Path(command[0]).name}-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        return Program(
            subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output), log
        )


@asynccontextmanager
async def running(*command: str | Path, folder: Path) -> AsyncIterator[Program]:
    """Run a program for as long as the block lasts; it is stopped by its own id."""
    program = _started(command, folder)
    process = program.process
    try:
        yield program
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait, STOP_SECONDS)


async def output(*command: str | Path) -> str:
    """What a program says that ends by itself."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        told, faults = await process.communicate()
    assert process.returncode == 0, faults.decode(errors="replace")
    return told.decode(errors="replace")


# --- what peers tell us over HTTP -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """One HTTP request."""

    path: str
    query: Mapping[str, list[str]]
    body: bytes

    def octets(self, name: str) -> bytes:
        """A parameter of the address as it was sent."""
        return self.query[name][0].encode("latin-1")

    def __getitem__(self, name: str) -> str:
        return self.octets(name).decode()


@dataclass
class Ear:
    """An HTTP server that says 200 to everything and remembers it."""

    port: int = 0
    heard: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def hears(self, path: str, *, count: int = 1) -> list[Asked]:
        """The first `count` requests to `path`."""

        async def look() -> list[Asked] | None:
            found = [one for one in self.heard if one.path == path]
            return found if len(found) >= count else None

        return await until(look, f"{count} requests to {path} were awaited; there were {self.heard}")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                (
                    int(line.partition(":")[2])
                    for line in head.splitlines()
                    if line.lower().startswith("content-length")
                ),
                0,
            )
            body = await reader.readexactly(length)
            target = urlsplit(head.split(" ", 2)[1])
            self.heard.append(
                Asked(target.path, parse_qs(target.query, keep_blank_values=True, encoding="latin-1"), body)
            )
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a peer that goes away tells nothing
        finally:
            writer.close()


@asynccontextmanager
async def an_ear() -> AsyncIterator[Ear]:
    ear = Ear()
    server = await asyncio.start_server(ear._answer, "127.0.0.1", 0)
    ear.port = server.sockets[0].getsockname()[1]
    try:
        yield ear
    finally:
        server.close()


# --- the wire -------------------------------------------------------------------------------------------------------

_RAW_IP = 101
_PAYLOAD_OCTETS_MAX = 60_000


@dataclass
class _Stream:
    """One tapped connection: its client's port, and how many octets each side has sent."""

    port: int
    sent: dict[bool, int] = field(default_factory=lambda: {True: 1, False: 1})


class Tap:
    """A relay that keeps what passes as a capture. The far end may come and go."""

    def __init__(self, upstream: Callable[[], int]) -> None:
        self._upstream = upstream
        self._packets: list[bytes] = []
        self._streams = 0
        self._relays: dict[asyncio.Task[None], tuple[asyncio.Task[None], asyncio.Task[None]]] = {}
        self.port = 0
        self.octets = 0
        """How many have passed."""

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._upstream())
        except OSError:
            writer.close()
            return
        self._streams += 1
        stream = _Stream(40_000 + self._streams)
        ways = (
            asyncio.create_task(self._pass(reader, far_writer, stream, up=True)),
            asyncio.create_task(self._pass(far_reader, writer, stream, up=False)),
        )
        here = asyncio.current_task()
        assert here
        self._relays[here] = ways
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (far_writer, writer):
            end.close()
        del self._relays[here]

    async def close(self) -> None:
        """Hang up on everybody."""
        relays = dict(self._relays)
        for ways in relays.values():
            ways[0].cancel()
        await asyncio.gather(*relays)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: _Stream, *, up: bool
    ) -> None:
        try:
            while octets := await reader.read(_PAYLOAD_OCTETS_MAX):
                self._keep(stream, octets, up=up)
                writer.write(octets)
                await writer.drain()
        except ConnectionError:
            pass  # the other direction ends with it

    def _keep(self, stream: _Stream, octets: bytes, *, up: bool) -> None:
        here, there = (stream.port, SMPP_PORT) if up else (SMPP_PORT, stream.port)
        push_and_ack = 0x18
        segment = struct.pack(
            ">HHIIBBHHH", here, there, stream.sent[up], stream.sent[not up], 5 << 4, push_and_ack, 65_535, 0, 0
        )
        stream.sent[up] += len(octets)
        self.octets += len(octets)
        whole = 20 + len(segment) + len(octets)
        packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, whole, 1, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
        packet += segment + octets
        seconds, rest = divmod(time.time_ns(), 1_000_000_000)
        self._packets.append(struct.pack("<IIII", seconds, rest // 1000, len(packet), len(packet)) + packet)

    def write(self, path: Path) -> Path:
        """The capture so far, as a file for Wireshark."""
        path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, _RAW_IP) + b"".join(self._packets))
        return path


@asynccontextmanager
async def a_tap(upstream: Callable[[], int]) -> AsyncIterator[Tap]:
    """Relay to the port that `upstream` names at the time of each connection."""
    tap = Tap(upstream)
    server = await asyncio.start_server(tap.relay, "127.0.0.1", 0)
    tap.port = server.sockets[0].getsockname()[1]
    try:
        yield tap
    finally:
        server.close()
        await tap.close()


async def dissected(capture: Path, *options: str) -> str:
    """What Wireshark makes of a capture, with every short message taken apart and long ones joined."""
    preferences = ("smpp.decode_sms_over_smpp:GSM 7-bit", "gsm_sms_ud.port_number_udh_means_wsp:TRUE")
    chosen = [word for one in preferences for word in ("-o", one)]
    return await output("tshark", "-r", capture, *chosen, *options)


async def judged(tap: Tap, folder: Path) -> str:
    """Let Wireshark judge all that passed the tap; gives its dissection. Every octet must be part of a sound PDU."""
    octets, capture = tap.octets, tap.write(folder / "judged.pcap")
    assert await dissected(capture, "-Y", "_ws.malformed || _ws.expert.severity == error || !smpp") == ""
    lengths = await dissected(capture, "-T", "fields", "-e", "smpp.command_length")
    assert sum(int(length) for length in lengths.replace(",", "\n").split()) == octets
    return await dissected(capture, "-O", "smpp,gsm_sms,gsm_sms_ud,wsp,wbxml")
