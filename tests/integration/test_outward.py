"""Connections to one peer: kept, used again, bounded, replaced when they break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from app.outward import Outward, Plain

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """A server on loopback that counts its connections, answers after `answering`, and may hang up afterwards."""

    def __init__(self) -> None:
        self.connections = 0
        self.hangs_up = False
        self.answering: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await _request(reader):
                await self.answering()
                writer.write(ANSWER)
                await writer.drain()
                if self.hangs_up:
                    break
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> bool:
    try:
        return bool(await reader.readuntil(b"\r\n\r\n"))
    except asyncio.IncompleteReadError:
        return False


@asynccontextmanager
async def peered(*, connections_max: int) -> AsyncIterator[tuple[Peer, Outward, httpx.AsyncClient, str]]:
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    lines = Outward(connections_max=connections_max)
    async with server, Plain(lines) as http:
        yield peer, lines, http, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_who_asks_one_after_the_other_uses_one_connection() -> None:
    async with peered(connections_max=5) as (peer, _, http, url):
        assert [(await http.get(url)).text for _ in range(4)] == ["ok"] * 4
    assert peer.connections == 1


async def test_those_who_ask_at_once_never_have_more_connections_than_allowed() -> None:
    async with peered(connections_max=3) as (peer, _, http, url):
        answers = await asyncio.gather(*(http.get(url) for _ in range(12)))
        assert {answer.status_code for answer in answers} == {200}
    assert peer.connections == 3


async def test_who_waits_too_long_for_a_connection_is_told_so() -> None:
    async with peered(connections_max=1) as (peer, _, http, url):
        let_go = asyncio.Event()
        peer.answering = let_go.wait
        first = asyncio.create_task(http.get(url))
        await asyncio.sleep(0.02)

        with pytest.raises(httpx.PoolTimeout):
            await http.get(url, timeout=httpx.Timeout(5, pool=0.02))

        let_go.set()
        assert (await first).status_code == 200
        assert (await http.get(url)).status_code == 200, "who gave up has taken nothing"


async def test_a_peer_that_hangs_up_is_connected_to_anew() -> None:
    async with peered(connections_max=1) as (peer, _, http, url):
        peer.hangs_up = True
        for _ in range(3):
            assert (await http.get(url)).text == "ok"
            await asyncio.sleep(0.02)
    assert peer.connections == 3


async def test_a_request_that_is_given_up_leaves_its_connection_to_others() -> None:
    async with peered(connections_max=1) as (peer, _, http, url):
        hanging = asyncio.Event()
        peer.answering = hanging.wait
        with pytest.raises(httpx.ReadTimeout):
            await http.get(url, timeout=0.05)

        hanging.set()
        assert (await http.get(url)).text == "ok"


async def test_an_answer_that_nobody_reads_frees_its_connection_when_it_is_closed() -> None:
    async with peered(connections_max=1) as (_, _, http, url):
        async with http.stream("GET", url) as answer:
            await answer.aclose()

        assert (await http.get(url)).text == "ok"


async def test_nothing_is_kept_open_in_the_end() -> None:
    async with peered(connections_max=2) as (_, lines, http, url):
        await asyncio.gather(http.get(url), http.get(url))
        await lines.aclose()
        assert lines._idle == []


# --- the client -----------------------------------------------------------------------------------------------------


def seen(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/moved":
        return httpx.Response(302, headers={"Location": "http://peer.example/there", "Set-Cookie": "a=b"})
    return httpx.Response(200, json={name: request.headers.get(name, "") for name in ("cookie", "authorization")})


async def test_the_client_keeps_no_cookies_and_follows_nobody_unless_told() -> None:
    async with Plain(httpx.MockTransport(seen)) as http:
        assert (await http.get("http://peer.example/moved")).status_code == 302
        assert (await http.get("http://peer.example/")).json() == {"cookie": "", "authorization": ""}
        assert (await http.get("http://peer.example/moved", follow_redirects=True)).status_code == 200


async def test_the_client_signs_in_as_it_is_told() -> None:
    async with Plain(httpx.MockTransport(seen)) as http:
        answer = await http.get("http://peer.example/", auth=httpx.BasicAuth("shop", "secret"))
    assert answer.json()["authorization"] == "Basic c2hvcDpzZWNyZXQ="


async def test_an_answer_that_breaks_off_is_closed_and_told() -> None:
    class Breaking(httpx.AsyncByteStream):
        closed = False

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"half"
            raise httpx.ReadError("gone")

        async def aclose(self) -> None:
            self.closed = True

    body = Breaking()
    async with Plain(httpx.MockTransport(lambda _: httpx.Response(200, stream=body))) as http:
        with pytest.raises(httpx.ReadError):
            await http.get("http://peer.example/")
    assert body.closed
