"""The server's life: made, shared, stopped by its last user, and killed in every way without losing a row."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from embedded_support import (
    connect,
    data_folder,
    end,
    eventually,
    execute,
    is_ready,
    is_running,
    own_folder,
    postmaster,
    url_of,
    user_process,
    value,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

import app.embedded as module
from app.embedded import DatabaseUnavailable, embedded, embedded_blocking, locks
from app.embedded.folder import Folder
from app.embedded.server import join

KEEP = "CREATE TABLE kept (row text); INSERT INTO kept VALUES ('표 1장')"


async def test_a_missing_folder_becomes_a_database_that_sqlalchemy_opens() -> None:
    with own_folder() as folder:
        async with embedded(folder / "new" / "data") as url:
            engine = create_async_engine(url)
            async with engine.connect() as connection:
                found = {
                    name: (await connection.execute(text(f"SHOW {name}"))).scalar_one()
                    for name in ("fsync", "synchronous_commit", "TimeZone", "server_encoding", "listen_addresses")
                }
                limits = (await connection.execute(text("SHOW max_connections"))).scalar_one()
                words = (
                    await connection.execute(
                        text("SELECT string_agg(w, '' ORDER BY w) FROM (VALUES ('표'), ('가'), ('나')) AS words(w)")
                    )
                ).scalar_one()
                capital = (await connection.execute(text("SELECT upper('é')"))).scalar_one()
            await engine.dispose()
    assert found == {
        "fsync": "on",
        "synchronous_commit": "on",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
        "listen_addresses": "",
    }
    assert (limits, words, capital) == ("200", "가나표", "É")


async def test_rows_are_there_after_a_restart() -> None:
    with data_folder() as data:
        async with embedded(data) as url:
            await execute(url, KEEP)
        async with embedded(data) as url:
            assert await value(url, "SELECT row FROM kept") == "표 1장"


def test_the_server_runs_until_the_last_of_two_users_has_left() -> None:
    with data_folder() as data:
        first, second = join(data), join(data)
        first.leave()
        assert is_running(data)
        second.leave()
        assert not is_running(data)


def test_leaving_twice_counts_once() -> None:
    with data_folder() as data:
        first, second = join(data), join(data)
        first.leave()
        first.leave()
        assert is_running(data)
        second.leave()


async def test_a_second_process_joins_the_server_and_keeps_it_when_the_first_leaves() -> None:
    with data_folder() as data, user_process(data) as process:
        async with embedded(data) as url:
            assert url_of(process) == url
            started = postmaster(data)
        assert await value(url, "SELECT 1") == 1
        assert postmaster(data) == started
        assert end(process) == (0, "")
        assert not is_running(data)


async def test_a_user_killed_with_9_is_forgotten_and_the_next_one_joins_and_stops_the_server() -> None:
    with data_folder() as data:
        with user_process(data) as process:
            url = url_of(process)
            await execute(url, KEEP)
            process.send_signal(signal.SIGKILL)
            process.wait()
        left_behind = postmaster(data)
        async with embedded(data) as url:
            assert postmaster(data) == left_behind
            assert await value(url, "SELECT row FROM kept") == "표 1장"
        assert not is_running(data)


async def test_a_server_killed_with_9_comes_back_with_every_committed_row() -> None:
    with data_folder() as data:
        with embedded_blocking(data) as url:
            await execute(url, KEEP)
            os.kill(postmaster(data), signal.SIGKILL)
        async with embedded(data) as url:
            assert await value(url, "SELECT row FROM kept") == "표 1장"


async def test_everything_killed_with_9_at_once_comes_back_with_every_committed_row() -> None:
    with data_folder() as data:
        with user_process(data) as process:
            session = await connect(url_of(process))
            await session.execute(KEEP)
            os.kill(postmaster(data), signal.SIGKILL)
            process.send_signal(signal.SIGKILL)
            session.terminate()
        async with embedded(data) as url:
            assert await value(url, "SELECT row FROM kept") == "표 1장"


async def test_a_server_that_dies_under_its_user_is_started_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    with data_folder() as data:
        async with embedded(data) as url:
            await execute(url, KEEP)
            dead = postmaster(data)
            with caplog.at_level(logging.WARNING):
                os.kill(dead, signal.SIGKILL)
                assert await asyncio.to_thread(eventually, lambda: is_ready(data) and postmaster(data) not in {0, dead})
            assert "died; starting it again" in caplog.text
            assert await value(url, "SELECT row FROM kept") == "표 1장"
        assert not is_running(data)


async def test_a_server_that_cannot_be_started_again_is_tried_until_it_can(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    with data_folder() as data:
        version = Folder(data).cluster / "PG_VERSION"
        async with embedded(data) as url:
            await execute(url, KEEP)
            dead = postmaster(data)
            version.rename(data / "hidden")
            os.kill(dead, signal.SIGKILL)
            assert await asyncio.to_thread(eventually, lambda: "is down, next try in" in caplog.text)
            (data / "hidden").rename(version)
            assert await asyncio.to_thread(eventually, lambda: is_ready(data) and postmaster(data) not in {0, dead})
            assert await value(url, "SELECT row FROM kept") == "표 1장"


def test_who_cannot_get_its_turn_says_which_lock_is_held_and_leaves_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locks, "TURN_SECONDS_MAX", 0.05)
    with data_folder() as data:
        member, lock = join(data), Folder(data).start_lock
        with locks.turn(lock):
            with pytest.raises(DatabaseUnavailable, match=f"end the process that holds {lock}"):
                join(data)
            member.leave()
        assert "without stopping it" in caplog.text
        assert is_running(data)
        join(data).leave()
        assert not is_running(data)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the environment of another process as a file")
async def test_neither_a_signal_from_the_keyboard_nor_our_environment_reaches_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("CYBERTICKET_SECRET", "hush")
    with data_folder() as data:
        async with embedded(data) as url:
            assert os.getpgid(postmaster(data)) != os.getpgid(0)
            told = Path(f"/proc/{postmaster(data)}/environ").read_bytes()  # noqa: ASYNC240 - not a disk
            assert b"TZ=UTC" in told
            assert b"PGPORT" not in told
            assert b"hush" not in told
            assert await value(url, "SHOW port") == "5432"


async def test_the_number_of_a_dead_server_that_another_process_has_now_fools_nobody() -> None:
    with data_folder() as data:
        with embedded_blocking(data) as url:
            await execute(url, KEEP)
            folder = Folder(data.resolve())
            remains = (folder.cluster / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[1]
            lock = folder.socket.with_name(f"{folder.socket.name}.lock")
            os.kill(postmaster(data), signal.SIGKILL)
            assert eventually(lambda: not is_running(data))
        # A power cut leaves these; after it, a number may belong to any process: here the test's parent.
        (folder.cluster / "postmaster.pid").write_text(f"{os.getppid()}\n{remains}", encoding="utf-8")
        lock.write_text(f"{os.getppid()}\n{remains}", encoding="utf-8")
        async with embedded(data) as url:
            assert await value(url, "SELECT row FROM kept") == "표 1장"


def test_many_who_start_at_once_share_one_server() -> None:
    with data_folder() as data, ThreadPoolExecutor(8) as pool:
        members = list(pool.map(lambda _: join(data), range(8)))
        log = "".join(path.read_text(encoding="utf-8") for path in Folder(data).logs.iterdir())
        list(pool.map(lambda member: member.leave(), members))
        assert log.count("ready to accept connections") == 2  # once when the folder was made
        assert not is_running(data)


async def test_a_start_that_is_cancelled_leaves_no_server() -> None:
    async def use() -> None:
        async with embedded(data):
            await asyncio.sleep(60)

    with data_folder() as data:
        using = asyncio.create_task(use())
        await asyncio.sleep(0.01)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        assert not is_running(data)


async def test_a_folder_half_made_by_a_killed_process_is_made_anew() -> None:
    with own_folder() as folder:
        data = folder / "data"
        (data / "postgresql.new").mkdir(parents=True)
        (data / "postgresql.new" / "PG_VERSION").write_text("18\n", encoding="ascii")
        data.chmod(0o711)
        async with embedded(data) as url:
            assert await value(url, "SELECT 1") == 1
        assert not (data / "postgresql.new").exists()


async def test_a_database_that_was_dropped_is_made_again() -> None:
    with data_folder() as data:
        with embedded_blocking(data) as url:
            await execute(url.replace("/cyberticket?", "/postgres?"), "DROP DATABASE cyberticket")
        async with embedded(data) as url:
            assert await value(url, "SELECT current_database()") == "cyberticket"


@pytest.mark.parametrize("name", ["with space 표", "a,b:c'd\"e%f", "long" * 40])
async def test_a_folder_of_any_name_has_a_socket_that_others_cannot_reach(name: str) -> None:
    with data_folder() as plain, ExitStack() as stack:
        data = plain.rename(plain.with_name(name))
        stack.callback(data.rename, plain)
        async with embedded(data) as url:
            assert await value(url, "SELECT 1") == 1
            sockets = Folder(data.resolve()).sockets
            assert sockets.stat().st_mode & 0o777 == 0o700
        assert sockets.is_relative_to(data.resolve()) or not sockets.exists()


async def test_the_log_is_bounded_and_holds_no_values() -> None:
    with data_folder() as data:
        logs = Folder(data).logs
        for day in range(10, 30):
            (logs / f"postgresql-202001{day}T000000.log").write_text("old", encoding="ascii")
        async with embedded(data) as url:
            with pytest.raises(Exception, match="duplicate key"):
                await execute(
                    url, "CREATE TABLE t (n text UNIQUE); INSERT INTO t VALUES ('+821012345678'), ('+821012345678')"
                )
        found = sorted(logs.iterdir())
        assert len(found) <= 8  # seven kept and the new one
        written = "".join(path.read_text(encoding="utf-8") for path in found)
        assert "ready to accept connections" in written
        assert "+821012345678" not in written
