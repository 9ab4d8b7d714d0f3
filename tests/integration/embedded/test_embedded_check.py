"""Any server, asked once: can it be used, and if not, which sentence says why."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from embedded_support import data_folder, execute

from app.embedded import DatabaseUnavailable, embedded
from app.embedded import check as check_module
from app.embedded.check import check_server

PASSWORD = "correct-horse"


def packet(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def welcome(*, version: str, standby: bool = False) -> bytes:
    """What a server says to a client that it lets in (the protocol's section 54.2.1)."""
    settings = {"server_version": version, "client_encoding": "UTF8", "in_hot_standby": "on" if standby else "off"}
    reports = b"".join(packet(b"S", f"{name}\0{value}\0".encode()) for name, value in settings.items())
    return packet(b"R", struct.pack("!I", 0)) + reports + packet(b"Z", b"I")


def refuses(sqlstate: str) -> bytes:
    return packet(b"E", f"SFATAL\0VFATAL\0C{sqlstate}\0Mthe server's words\0\0".encode())


@asynccontextmanager
async def fake_server(answer: bytes | None) -> AsyncIterator[str]:
    """A server on loopback that says `answer` to every start-up packet, or nothing; yields its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!I", await reader.readexactly(4))
        await reader.readexactly(length - 4)
        if answer is not None:
            writer.write(answer)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql+asyncpg://kim:{PASSWORD}@127.0.0.1:{port}/tickets?ssl=disable"


async def refusal(url: str) -> str:
    with pytest.raises(DatabaseUnavailable) as caught:
        await check_server(url)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


async def test_the_embedded_server_passes_and_the_wrong_password_or_database_does_not() -> None:
    with data_folder() as data:
        rules = data / "postgresql" / "pg_hba.conf"
        rules.write_text(
            f"local all kim scram-sha-256\nlocal all stranger reject\n{rules.read_text()}", encoding="utf-8"
        )
        async with embedded(data) as url:
            await check_server(url)
            await execute(url, f"CREATE ROLE kim LOGIN PASSWORD '{PASSWORD}'")
            await check_server(url.replace("postgres@", f"kim:{PASSWORD}@"))
            assert "refused the password of the user kim; correct it" in await refusal(
                url.replace("postgres@", "kim:no@")
            )
            assert "does not let the user stranger in" in await refusal(url.replace("postgres@", "stranger@"))
            assert "does not let the user ghost in" in await refusal(url.replace("postgres@", "ghost@"))
            assert "has no database nowhere; create it" in await refusal(url.replace("/cyberticket?", "/nowhere?"))
        assert "No PostgreSQL server answers at" in await refusal(url)


async def test_a_port_where_nobody_listens_is_named() -> None:
    async with fake_server(None) as url:
        pass
    port = url.partition("?")[0].rpartition(":")[2].partition("/")[0]
    assert f"No PostgreSQL server answers at 127.0.0.1:{port}; start it" in await refusal(url)


@pytest.mark.parametrize("version", ["9.6.24", "13.14", "14.99 (Debian 14.99-1)"])
async def test_a_server_older_than_15_is_refused(version: str) -> None:
    async with fake_server(welcome(version=version)) as url:
        assert "and Cyberticket needs 15 or newer; upgrade it" in await refusal(url)


@pytest.mark.parametrize("version", ["15.0", "16.4 (Ubuntu 16.4-1)", "19beta1"])
async def test_a_server_of_15_or_newer_passes(version: str) -> None:
    async with fake_server(welcome(version=version)) as url:
        await check_server(url)


async def test_a_standby_is_refused() -> None:
    async with fake_server(welcome(version="17.2", standby=True)) as url:
        assert "is a read-only standby; name the primary" in await refusal(url)


@pytest.mark.parametrize(
    ("sqlstate", "said"),
    [
        ("53100", "The disk of the server at 127.0.0.1"),
        ("53300", "has no connection left; raise its max_connections"),
        ("57P03", "is starting or stopping; wait until it is up"),
        ("42501", "The user kim may not connect to tickets at"),
        ("28000", "does not let the user kim in (the server's words)"),
        ("XX000", "refused (the server's words); correct that"),
    ],
)
async def test_what_the_server_refuses_has_its_sentence(sqlstate: str, said: str) -> None:
    async with fake_server(refuses(sqlstate)) as url:
        assert said in await refusal(url)


async def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "CONNECT_SECONDS_MAX", 0.1)
    async with fake_server(None) as url:
        assert "did not answer in" in await refusal(url)


async def test_something_that_is_no_postgresql_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "CONNECT_SECONDS_MAX", 0.2)
    async with fake_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        assert (await refusal(url)).startswith(("127.0.0.1", "No PostgreSQL"))


async def test_a_server_without_the_tls_that_the_url_asks_for_is_told() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"N")  # no TLS here (section 54.2.12)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        said = await refusal(f"postgresql+asyncpg://kim:{PASSWORD}@127.0.0.1:{port}/tickets?ssl=require")
    assert f"127.0.0.1:{port}" in said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"mysql+aiomysql://kim:{PASSWORD}@db/tickets", "begin it with postgresql+asyncpg://"),
        (f"postgresql://kim:{PASSWORD}@db/tickets", "begin it with postgresql+asyncpg://"),
        (f"{PASSWORD}", "is not a URL; write it as postgresql+asyncpg://"),
        (f"postgresql+asyncpg://kim:{PASSWORD}@db:port/tickets", "is not a URL"),
        (f"postgresql+asyncpg://kim:{PASSWORD}@127.0.0.1/tickets?nonsense=1", "correct CYBERTICKET_DATABASE_URL"),
    ],
)
async def test_a_url_that_cannot_work_is_refused_before_anything_is_asked(url: str, said: str) -> None:
    assert said in await refusal(url)
