"""The message centre as a program of its own: killed without a word, and started again on the same file."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smsc_kit import HOST, Esme, a_submit, eventually

from mobile_gateway.serve import serving
from mobile_gateway.settings import GatewaySettings
from mobile_gateway.smsc.submitting import SUBMISSION_KEY
from mobile_gateway.wire.smpp import BindReceiver, BindTransmitter, MessageState, Status, Tlv

SINK = "99100000001"


@contextmanager
def a_process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The gateway as a program, with its SMPP port; killed at the end unless it ended before."""
    environment = {
        "PATH": os.environ["PATH"],
        "CYBERTICKET_GATEWAY_DATA_DIR": str(folder),
        "CYBERTICKET_GATEWAY_PORT": "0",
        "CYBERTICKET_GATEWAY_SMPP_PORT": "0",
        "CYBERTICKET_GATEWAY_ACCOUNTS": "demo:demo1234",
        "CYBERTICKET_GATEWAY_SINK_PREFIX": "+99",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "mobile_gateway"],
        cwd=Path(__file__).parents[3],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            said = process.stdout.readline() + process.stdout.readline()
            found = re.fullmatch(r"mobile gateway: http://127\.0\.0\.1:\d+\nsmpp: 127\.0\.0\.1:(\d+)\n", said)
            assert found
            yield process, int(found[1])
        finally:
            if process.poll() is None:
                process.kill()


async def connect(port: int) -> Esme:
    _, client = await asyncio.get_running_loop().create_connection(Esme, HOST, port)
    return client


async def test_whatever_was_answered_before_a_kill_is_delivered_and_told_of_after_the_restart(tmp_path: Path) -> None:
    keyed = a_submit(tlvs=(Tlv(SUBMISSION_KEY, b"order 1"),), destination_addr=SINK)
    with a_process(tmp_path) as (process, port):
        client = await connect(port)
        assert await client.bind(BindTransmitter) == Status.ROK
        taken = [await client.submit(keyed)]
        asked = [client.start(a_submit(destination_addr=SINK)) for _ in range(400)]
        await eventually(lambda: sum(answer.done() for answer in asked) >= 100)
        process.kill()
        await client.hung_up()
        taken += [answer.result().pdu.message_id for answer in asked if not answer.exception()]  # type: ignore[attr-defined]  # of submit_sm_resp
    assert len(taken) > 100
    with a_process(tmp_path) as (process, port):
        client = await connect(port)
        assert await client.bind(BindTransmitter) == Status.ROK
        assert await client.submit(keyed) == taken[0]
        receiver = await connect(port)
        assert await receiver.bind(BindReceiver) == Status.ROK
        await receiver.told(len(taken))
        await eventually(lambda: set(taken) <= {receipt.message_id for receipt in receiver.receipts()})
        assert {receipt.state for receipt in receiver.receipts()} == {MessageState.DELIVERED}
        process.terminate()
        await receiver.hung_up()
        assert receiver.unbound_by_peer
        client.transport.abort()
        process.wait(5)


async def test_a_gateway_inside_another_loop_says_where_its_message_centre_is(tmp_path: Path) -> None:
    settings = GatewaySettings(data_dir=tmp_path, port=0, smpp_port=0, accounts="demo:demo1234")
    async with serving(settings) as places:
        assert places.smpp_address == f"127.0.0.1:{places.smpp_port}"
        client = await connect(places.smpp_port)
        assert await client.bind() == Status.ROK
    await client.hung_up()
    assert client.unbound_by_peer
