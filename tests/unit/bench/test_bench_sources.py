"""Where figures come from beside the clock: pgbench's log, a ticket's picture, the gateway's events."""

from __future__ import annotations

import asyncio

import pytest

from app import barcode
from bench.arrivals import arrivals
from bench.barcodes import pixels, text_of
from bench.baseline import stretch_of_log
from bench.client import BenchFailed
from bench.figures import figure
from bench.groups import stretch_of_arrivals

LOG = ["0 1 2000 0 1700000000 900000", "1 1 500000 0 1700000001 100000", "0 2 1000 0 1700000000 950000"]


def test_pgbenchs_log_begins_when_its_first_transaction_began() -> None:
    found = stretch_of_log(LOG, seconds=1.0)
    assert [one.ended_seconds for one in found.done] == pytest.approx([0.3, 0.5, 0.35], abs=1e-6)
    assert [one.took_seconds for one in found.done] == pytest.approx([0.002, 0.5, 0.001])


def test_pgbench_that_did_nothing_has_a_rate_of_nothing() -> None:
    assert figure([stretch_of_log([], seconds=1.0)]).per_second == 0.0


@pytest.mark.parametrize("side", [128, 200, 203])
def test_a_tickets_picture_is_read_back(side: int) -> None:
    said = "C04HMASW9NF6YZANP92XAFVY2"
    picture = barcode.wbmp(barcode.draw(said, barcode.Level.L), barcode.Screen(side, side))
    assert text_of(picture) == said


def test_a_picture_with_nothing_on_it_is_refused() -> None:
    with pytest.raises(BenchFailed, match="0 barcodes"):
        text_of(b"\0\0\x20\x20" + b"\xff" * 4 * 32)


def test_a_side_of_a_picture_may_take_two_octets_and_a_row_ends_inside_one() -> None:
    width, height, grey = pixels(b"\0\0\x81\x01\x01" + b"\xff" * 16 + b"\x7f")
    assert (width, height) == (129, 1)
    assert grey == b"\xff" * 128 + b"\0"


def test_messages_are_counted_from_the_first_payment_to_the_last_arrival() -> None:
    found = stretch_of_arrivals({"a": 10.0, "b": 10.5}, {"a": 10.2, "b": 12.0, "somebody": 9.0})
    assert [one.took_seconds for one in found.done] == pytest.approx([0.2, 1.5])
    assert found.seconds == pytest.approx(2.0, abs=1e-3)
    assert figure([found]).count == 2


def test_a_message_seen_before_its_sale_is_answered_took_no_time() -> None:
    found = stretch_of_arrivals({"a": 10.0, "b": 10.1}, {"a": 10.4, "b": 10.05})
    assert found.done[1].took_seconds == 0.0


def chunk(text: str) -> bytes:
    return f"{len(text):x}\r\n{text}\r\n".encode()


async def test_handsets_are_heard_of_when_they_first_change() -> None:
    told = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("event: hello\ndata: {}\n\n"))
        await told.wait()
        for number in ("+821020000001", "+821020000002", "+821020000001"):
            writer.write(chunk(f'event: handset\ndata: {{"number": "{number}"}}\n\n'))
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening, arrivals(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}") as heard:
        assert not heard.at
        told.set()
        await heard.wait_for(["+821020000001", "+821020000002"], seconds_max=5)
        assert set(heard.at) == {"+821020000001", "+821020000002"}
        with pytest.raises(BenchFailed, match="1 messages did not reach"):
            await heard.wait_for(["+821020000009"], seconds_max=0)
