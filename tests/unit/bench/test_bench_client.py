"""The load generator's HTTP client: answers however they are cut, and everything that is no answer refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bench.client import HEAD_BYTES_MAX, Answer, BenchFailed, connected, take_answer

FIRST = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\ncontent-length: 8\r\n\r\n{"id":1}'
SECOND = b"HTTP/1.1 204 No Content\r\nx-empty:\r\n\r\n"


@pytest.mark.parametrize("cut", range(len(FIRST)))
def test_an_answer_is_taken_only_when_it_is_whole(cut: int) -> None:
    received = bytearray(FIRST[:cut])
    assert take_answer(received) is None
    received += FIRST[cut:]
    assert take_answer(received) == Answer(201, b'{"id":1}')
    assert not received


def test_what_follows_an_answer_is_left_for_the_next() -> None:
    received = bytearray(FIRST + SECOND)
    assert take_answer(received) == Answer(201, b'{"id":1}')
    assert take_answer(received) == Answer(204, b"")
    assert take_answer(received) is None


def test_an_answer_without_a_declared_length_is_refused() -> None:
    with pytest.raises(BenchFailed, match="declared length"):
        take_answer(bytearray(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))


def test_a_head_without_an_end_is_refused() -> None:
    with pytest.raises(BenchFailed, match="longer than"):
        take_answer(bytearray(b"x" * (HEAD_BYTES_MAX + 1)))


def test_an_unexpected_status_tells_what_was_answered() -> None:
    with pytest.raises(BenchFailed, match=r"409.*sold out"):
        Answer(409, b"sold out").json(201)


@asynccontextmanager
async def server(answer: Callable[[bytes], bytes]) -> AsyncIterator[str]:
    """Reads each request's head and body and writes `answer` of it; an empty answer closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            said = answer(head + await reader.readexactly(int(length or b"0")))
            if not said:
                break
            writer.write(said)
        writer.close()

    async def forgiving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    listening = await asyncio.start_server(forgiving, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


async def test_a_request_carries_its_body_its_bearer_and_its_key() -> None:
    heard: list[bytes] = []

    def answer(request: bytes) -> bytes:
        heard.append(request)
        return FIRST

    async with server(answer) as url, connected(url) as line:
        answered = await line.request("POST", "/bookings", {"a": 1}, bearer="secret", key="k" * 8)
        assert answered.json(201) == {"id": 1}
        assert (await line.request("GET", "/again")).status == 201
    assert heard[0].startswith(b"POST /bookings HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"Authorization: Bearer secret\r\n" in heard[0]
    assert b"Idempotency-Key: kkkkkkkk\r\n" in heard[0]
    assert heard[0].endswith(b'Content-Length: 8\r\n\r\n{"a": 1}')
    assert b"Authorization" not in heard[1]


async def test_a_connection_that_ends_before_the_answer_is_an_error() -> None:
    async with server(lambda _: b"") as url, connected(url) as line:
        with pytest.raises(ConnectionError):
            await line.request("GET", "/")
