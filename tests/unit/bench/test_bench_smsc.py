"""The message centre's benchmark: its client, its stand-in, and what its table says."""

from __future__ import annotations

import asyncio
import io
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from rich.console import Console

from bench.client import BenchFailed
from bench.figures import Done, Stretch, figure
from bench.smsc import Row, document, stretch, table
from bench.smsc_peer import BIND_TRANSMITTER, DELIVER_SM, ENQUIRE_LINK, HEADER, RESPONSE, Peer, Run, submit
from bench.smsc_standin import StandIn
from mobile_gateway.wire.smpp import Bind, SubmitSm, decode_one
from mobile_gateway.wire.smpp import BindTransmitter as OurBind

SINK = "99100000001"
TEMPLATE = submit(SINK, receipt=True)


@asynccontextmanager
async def a_peer(server: Callable[[], asyncio.Protocol] = StandIn) -> AsyncIterator[Peer]:
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(server, "127.0.0.1", 0)
    async with listening:
        _, peer = await loop.create_connection(Peer, *listening.sockets[0].getsockname())
        try:
            yield peer
        finally:
            peer.close()


class Refusing(StandIn):
    """Refuses everything, as a message centre that throttles does."""

    def data_received(self, data: bytes) -> None:
        for at in range(0, len(data), len(TEMPLATE)):
            _, command, _, sequence = HEADER.unpack_from(data, at)
            self._write(HEADER.pack(HEADER.size, command | RESPONSE, 0x58 if command == 4 else 0, sequence))


def test_the_requests_are_what_the_specification_says() -> None:
    found = decode_one(TEMPLATE[:12] + b"\0\0\0\x07" + TEMPLATE[16:])
    assert isinstance(found.pdu, SubmitSm)
    assert (found.sequence, found.pdu.destination_addr, found.pdu.dest_addr_ton) == (7, SINK, 1)
    assert (found.pdu.registered_delivery, len(found.pdu.short_message)) == (1, 58)


async def test_the_bind_is_what_the_specification_says() -> None:
    heard: list[Bind] = []

    class Listening(StandIn):
        def data_received(self, data: bytes) -> None:
            pdu = decode_one(data).pdu
            assert isinstance(pdu, Bind)
            heard.append(pdu)
            super().data_received(data)

    async with a_peer(Listening) as peer:
        await peer.bind(BIND_TRANSMITTER, "bench", "bench123")
    assert heard == [OurBind(system_id="bench", password="bench123", interface_version=0x34)]


async def test_a_closed_loop_keeps_its_window_full_and_ends_when_the_last_is_answered() -> None:
    async with a_peer() as peer:
        await peer.bind(BIND_TRANSMITTER, "bench", "bench123")
        run = await peer.closed_loop(TEMPLATE, window=5, seconds=0.05)
    assert len(run.ended) == len(run.took) > 5
    assert run.ended == sorted(run.ended)
    assert min(run.took) > 0


async def test_a_steady_rate_is_kept_and_no_wait_goes_unseen() -> None:
    async with a_peer() as peer:
        await peer.bind(BIND_TRANSMITTER, "bench", "bench123")
        began = time.perf_counter()
        run = await peer.steady(TEMPLATE, per_second=400, seconds=0.1, window=10)
        assert time.perf_counter() - began > 0.09
    assert len(run.ended) == 40


async def test_a_message_that_is_refused_ends_the_run() -> None:
    async with a_peer(Refusing) as peer:
        await peer.bind(BIND_TRANSMITTER, "bench", "bench123")
        with pytest.raises(BenchFailed, match="were refused"):
            await peer.closed_loop(TEMPLATE, window=2, seconds=0.02)


async def test_a_bind_that_is_refused_says_so() -> None:
    class Shut(StandIn):
        def data_received(self, data: bytes) -> None:
            self._write(HEADER.pack(HEADER.size, data[7] | RESPONSE, 0x0E, 1))

    async with a_peer(Shut) as peer:
        with pytest.raises(BenchFailed, match="status 0xe"):
            await peer.bind(BIND_TRANSMITTER, "bench", "wrong")


async def test_what_it_is_told_is_acknowledged_and_counted() -> None:
    answers = b""
    answered = asyncio.Event()

    class Telling(StandIn):
        def data_received(self, data: bytes) -> None:
            if data[3] > HEADER.size + 2:
                super().data_received(data)
                self._write(HEADER.pack(HEADER.size, DELIVER_SM, 0, 5) + HEADER.pack(HEADER.size, ENQUIRE_LINK, 0, 6))
            else:
                nonlocal answers
                answers += data
                if len(answers) >= 33:
                    answered.set()

    async with a_peer(Telling) as peer:
        await peer.bind(BIND_TRANSMITTER, "bench", "bench123")
        async with asyncio.timeout(30):
            await answered.wait()
        assert len(peer.told_at) == 1
    assert answers == HEADER.pack(17, 0x80000005, 0, 5) + b"\0" + HEADER.pack(16, 0x80000015, 0, 6)


def test_sessions_are_counted_together_without_the_beginning_and_the_end() -> None:
    one = Run(began=10.0, ended=[0.05, 0.5, 0.9], took=[0.01, 0.02, 0.03])
    two = Run(began=10.1, ended=[0.05, 0.95], took=[0.04, 0.05])
    found = stretch([one, two], 1.0)
    assert found.seconds == pytest.approx(0.9)
    assert [done.took_seconds for done in found.done] == [0.02, 0.03, 0.04]
    assert found.uncounted == 2


def test_the_table_has_the_ratio_where_there_is_something_to_divide_by() -> None:
    ours, theirs = (
        figure([Stretch(1.0, tuple(Done(index / rate, 0.002) for index in range(rate)))]) for rate in (100, 400)
    )
    silent = figure([Stretch(1.0, (Done(0.1, math.nan), Done(0.6, math.nan)))])
    rows = [Row("submit_sm, window 1", ours, theirs), Row("receipts", silent, None)]
    screen = io.StringIO()
    Console(file=screen, width=110).print(table(rows, {"machine": "mine"}))
    drawn = screen.getvalue()
    assert next(word for word in drawn.splitlines() if "submit_sm" in word).split()[3:] == [
        "100",
        "2.0/2.0",
        "400",
        "2.0/2.0",
        "0.250",
    ]
    assert next(word for word in drawn.splitlines() if "receipts" in word).split() == ["receipts", "2"]
    assert "machine: mine" in drawn
    assert document(rows, {"machine": "mine"})["facts"] == {"machine": "mine"}
