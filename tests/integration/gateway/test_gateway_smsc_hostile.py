"""Peers that mean ill or are broken: each gets its answer or is let go, and a healthy session notices nothing."""

from __future__ import annotations

import asyncio
import random
import resource
import socket
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from smsc_kit import HOST, Centre, Raw, a_submit, centre_in, eventually

from mobile_gateway.smsc import Limits
from mobile_gateway.smsc.connection import FAULTS_MAX, WAITING_PAUSE
from mobile_gateway.wire.smpp import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    EnquireLink,
    GenericNack,
    Status,
    encode,
)

pytest_plugins = ["smsc_plugin"]

HEALTHY_SECONDS_MAX, WORST_SECONDS_MAX = 1.0, 10.0
"""Of half the answers, and of all: a machine that runs other tests too may be slow at times."""

GROWTH_KIB_MAX = 30_000


@asynccontextmanager
async def undisturbed(centre: Centre) -> AsyncIterator[None]:
    """A healthy session submits all the while, and waits for its answers no longer than it should."""
    client = await centre.bound()
    waits: list[float] = []
    done = asyncio.Event()

    async def submit() -> None:
        while not done.is_set():
            began = asyncio.get_running_loop().time()
            await client.submit(a_submit(registered_delivery=0))
            waits.append(asyncio.get_running_loop().time() - began)
            await asyncio.sleep(0.005)

    task = asyncio.create_task(submit())
    await asyncio.sleep(0.02)
    try:
        yield
    finally:
        done.set()
        await task
    assert statistics.median(waits) < HEALTHY_SECONDS_MAX
    assert max(waits) < WORST_SECONDS_MAX


def header(length: int, command: int = 4, sequence: int = 9) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in (length, command, 0, sequence))


@pytest.mark.parametrize("length", [0, 1, 15, 0x12001, 0x7FFFFFFF, 0xFFFFFFFF])
async def test_a_length_that_cannot_be_is_answered_and_ends_the_session(centre: Centre, length: int) -> None:
    async with undisturbed(centre):
        peer = await centre.raw(BindTransmitter)
        peer.writer.write(header(length))
        answer = await peer.frame()
        assert isinstance(answer.pdu, GenericNack)
        assert (answer.status, answer.sequence) == (Status.RINVCMDLEN, 9)
        await peer.hung_up()


async def test_a_command_nobody_knows_is_answered_and_the_session_goes_on(centre: Centre) -> None:
    peer = await centre.raw(BindTransmitter)
    peer.writer.write(header(16, command=0x999))
    answer = await peer.frame()
    assert (type(answer.pdu), answer.status, answer.sequence) == (GenericNack, Status.RINVCMDID, 9)
    assert (await peer.ask(a_submit())).status == Status.ROK


async def test_octets_that_dribble_in_one_by_one_are_understood(centre: Centre) -> None:
    async with undisturbed(centre):
        peer = await centre.raw(BindTransmitter)
        for octet in encode(a_submit(), sequence=5):
            peer.writer.write(bytes([octet]))
            await peer.writer.drain()
            await asyncio.sleep(0)
        answer = await peer.frame()
        assert (answer.status, answer.sequence) == (Status.ROK, 5)


async def test_garbage_after_a_bind_ends_that_session_only(centre: Centre) -> None:
    noise = random.Random(7)  # noqa: S311 - the same noise each time, no secret
    async with undisturbed(centre):
        for _ in range(20):
            peer = await centre.raw(BindTransmitter)
            peer.writer.write(b"\xff" + noise.randbytes(4000))
            await peer.hung_up()


async def test_a_peer_that_keeps_breaking_the_protocol_is_let_go(centre: Centre) -> None:
    peer = await centre.raw(BindTransmitter)
    peer.writer.write(header(16, command=0x999) * (FAULTS_MAX - 1))
    for _ in range(FAULTS_MAX - 1):
        await peer.frame()
    assert (await peer.ask(a_submit())).status == Status.ROK  # a word that is right makes up for it
    peer.writer.write(header(16, command=0x999) * FAULTS_MAX)
    await peer.hung_up()


async def test_a_flood_of_wrong_binds_disturbs_nobody(tmp_path: Path) -> None:
    async with centre_in(tmp_path, limits=Limits(unbound_max=10)) as centre, undisturbed(centre):

        async def guess(index: int) -> None:
            peer = await centre.raw()
            try:
                peer.send(BindTransceiver(system_id="demo", password=f"{index:08}"))
                await peer.hung_up()
            except OSError:  # turned away before it could ask
                return

        for start in range(0, 200, 20):
            await asyncio.gather(*(guess(start + index) for index in range(20)))


async def test_of_a_thousand_connections_only_so_many_stay_and_whoever_is_bound_does(tmp_path: Path) -> None:
    limits = Limits(connections_max=60, unbound_max=40)
    async with centre_in(tmp_path, limits=limits) as centre:
        bound = [await centre.bound(BindReceiver) for _ in range(5)]
        async with undisturbed(centre):
            peers: list[Raw] = []
            for _ in range(50):
                peers += [Raw(*pair) for pair in await asyncio.gather(*(connect(centre.port) for _ in range(20)))]
            assert centre.smsc.connections <= 60
            late = await centre.bound()
            assert await late.submit()
        assert not any(client.gone.is_set() for client in bound)
        for peer in peers:
            peer.writer.transport.abort()


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(HOST, port)


async def test_a_peer_that_never_reads_is_let_go_and_costs_little_memory(tmp_path: Path) -> None:
    async with centre_in(tmp_path, limits=Limits(stuck_seconds=0.2)) as centre:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with undisturbed(centre):
            with socket.socket() as small:
                small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                small.setblocking(False)
                await asyncio.get_running_loop().sock_connect(small, (HOST, centre.port))
                peer = Raw(*await asyncio.open_connection(sock=small.dup()))
            centre.raws.append(peer)
            await peer.ask(BindTransmitter(system_id="demo", password="demo1234"))
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's is a read transport too
            asking = encode(EnquireLink(), sequence=1) * 4000

            async def flood() -> None:
                while not peer.writer.transport.is_closing():
                    peer.writer.write(asking)
                    await peer.writer.drain()

            with pytest.raises(ConnectionError):
                await asyncio.wait_for(flood(), 30)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_KIB_MAX


async def test_a_peer_without_a_window_waits_for_the_disk_and_is_not_refused(centre: Centre) -> None:
    peer = await centre.raw(BindTransmitter)
    count = 10 * WAITING_PAUSE
    peer.writer.write(b"".join(encode(a_submit(registered_delivery=0), sequence=1 + index) for index in range(count)))
    statuses = {(await peer.frame()).status for _ in range(count)}
    assert statuses == {Status.ROK}


async def test_a_peer_that_leaves_in_the_middle_of_its_requests_harms_nobody(centre: Centre) -> None:
    async with undisturbed(centre):
        for _ in range(10):
            peer = await centre.raw(BindTransceiver)
            peer.send(*[a_submit()] * 50)
            peer.writer.transport.abort()
        await eventually(lambda: centre.smsc.connections == 1)


async def test_answers_that_nobody_waits_for_are_ignored(centre: Centre) -> None:
    peer = await centre.raw(BindTransceiver)
    for command in (0x80000005, 0x80000015, 0x80000000, 0x80000006):
        peer.writer.write(header(16, command=command, sequence=4711))
    assert (await peer.ask(a_submit())).status == Status.ROK
