"""Telling others over HTTP: how long one of them may keep us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from mobile_gateway.callbacks import ask

PATIENCE_SECONDS = 0.2


async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with a header that never ends, each octet of it well before any read gives up."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    try:
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(PATIENCE_SECONDS / 20)
    except ConnectionError:
        writer.close()


@pytest.fixture
async def dribbler() -> AsyncIterator[str]:
    server = await asyncio.start_server(dribble, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_who_answers_octet_by_octet_is_not_waited_for(dribbler: str) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, trust_env=False) as client, asyncio.timeout(30):
        with pytest.raises(TimeoutError) as waited:
            await ask(client, httpx.Request("GET", dribbler))
    assert waited.value.__cause__ is not None, "our own patience ended, not the test's"
