"""What may be forgotten: one snapshot for all who ask, wake-ups that may be lost, limits that never stop a sale."""

from __future__ import annotations

import asyncio
import time

import fakeredis
import pytest
from redis.asyncio import Redis

from app.memory import ANY_TOPIC, Memory, connect


def counted(body: bytes = b"snapshot") -> tuple[list[int], object]:
    calls: list[int] = []

    async def make() -> bytes:
        calls.append(1)
        await asyncio.sleep(0.02)
        return body

    return calls, make


async def test_a_snapshot_is_made_once_for_all_who_ask_at_the_same_time(redis: Redis) -> None:
    memory, (calls, make) = Memory(redis), counted()
    found = await asyncio.gather(*(memory.shared("hall", make) for _ in range(50)))  # type: ignore[arg-type]  # a coroutine function
    assert set(found) == {b"snapshot"}
    assert len(calls) == 1


async def test_another_process_shares_the_snapshot_for_what_is_left_of_its_second(redis: Redis) -> None:
    first, second = Memory(redis), Memory(redis)
    calls, make = counted()
    await first.shared("hall", make)  # type: ignore[arg-type]  # a coroutine function
    assert await second.shared("hall", make) == b"snapshot"  # type: ignore[arg-type]  # a coroutine function
    assert len(calls) == 1


async def test_a_snapshot_is_at_most_a_second_old(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.memory.SHARED_SECONDS", 0.05)
    memory, (calls, make) = Memory(redis), counted()
    await memory.shared("hall", make)  # type: ignore[arg-type]  # a coroutine function
    await asyncio.sleep(0.08)
    await memory.shared("hall", make)  # type: ignore[arg-type]  # a coroutine function
    assert len(calls) == 2


async def test_a_fault_in_making_one_reaches_all_who_asked_and_is_not_kept(redis: Redis) -> None:
    memory = Memory(redis)

    async def fails() -> bytes:
        await asyncio.sleep(0.01)
        raise LookupError("no such hall")

    found = await asyncio.gather(*(memory.shared("hall", fails) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [LookupError] * 3
    _, make = counted()
    assert await memory.shared("hall", make) == b"snapshot"  # type: ignore[arg-type]  # a coroutine function


async def test_whoever_changed_something_sees_it_at_once(redis: Redis) -> None:
    memory, (calls, make) = Memory(redis), counted()
    await memory.shared("hall", make)  # type: ignore[arg-type]  # a coroutine function
    await memory.forget("hall")
    await memory.shared("hall", make)  # type: ignore[arg-type]  # a coroutine function
    assert len(calls) == 2


async def test_the_oldest_snapshots_make_room(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.memory.KEPT_MAX", 2)
    memory, (_, make) = Memory(redis), counted()
    for hall in "abc":
        await memory.shared(hall, make)  # type: ignore[arg-type]  # a coroutine function
    assert list(memory._kept) == ["b", "c"]


async def test_a_waiting_worker_is_woken(redis: Redis) -> None:
    memory = Memory(redis)
    async with memory.wakes() as wait:
        waiting = asyncio.ensure_future(wait(60.0))
        await asyncio.sleep(0.05)
        await memory.wake()
        await waiting


async def test_those_who_wake_workers_at_the_same_moment_do_it_by_one_message_with_all_their_topics(
    redis: Redis,
) -> None:
    memory = Memory(redis)
    async with memory.wakes() as wait:
        await wait(0.05)
        await asyncio.gather(memory.wake("deliver"), memory.wake("deliver", "register"), memory.wake("news"))
        assert await wait(5.0) == {"deliver", "register", "news"}
        assert await wait(0.05) == set(), "there was one message"
        await memory.wake()
        assert await wait(5.0) == {ANY_TOPIC}


async def test_a_worker_that_nobody_wakes_looks_by_itself(redis: Redis) -> None:
    async with Memory(redis).wakes() as wait:
        started = time.monotonic()
        await wait(0.1)
    assert time.monotonic() - started > 0.05


async def test_a_limit_lets_so_many_through_and_no_more(redis: Redis) -> None:
    memory = Memory(redis)
    assert [await memory.allow("resend", most=2, seconds=3_600) for _ in range(3)] == [True, True, False]


async def test_without_redis_everything_goes_on() -> None:
    memory = Memory(connect("unix:///nonexistent/redis.sock"))
    calls, make = counted()
    assert await memory.shared("hall", make) == b"snapshot"  # type: ignore[arg-type]  # a coroutine function
    assert len(calls) == 1
    await memory.wake()
    await memory.forget("hall")
    assert await memory.allow("resend", most=0, seconds=60)
    assert not await memory.alive()
    async with memory.wakes() as wait:
        waiting = time.monotonic()
        await wait(0.05)
        assert time.monotonic() - waiting >= 0.04
    await memory.redis.aclose()


async def test_redis_that_answers_is_alive(redis: Redis) -> None:
    assert await Memory(redis).alive()


# --- what is kept for longer ----------------------------------------------------------------------------------------


async def test_what_is_kept_is_recalled_until_it_is_dropped(redis: Redis) -> None:
    memory, other = Memory(redis), Memory(redis)
    assert await memory.recall("news") is None

    await memory.keep("news", b"good", seconds=60)
    assert await other.recall("news") == b"good"
    assert 0 < await redis.pttl("cyberticket:kept:news") <= 60_000

    await other.drop("news")
    assert await memory.recall("news") is None


async def test_without_redis_nothing_is_kept_and_nobody_is_hurt() -> None:
    memory = Memory(connect("unix:///nonexistent/redis.sock"))

    await memory.keep("news", b"good", seconds=60)
    await memory.drop("news")

    assert await memory.recall("news") is None
    await memory.redis.aclose()


@pytest.mark.parametrize("turns", range(8))
async def test_who_is_cancelled_while_it_begins_to_listen_ends(turns: int) -> None:
    """A worker that is stopped just after its start must not stay."""
    memory = Memory(fakeredis.FakeAsyncRedis())

    async def listen() -> None:
        async with memory.wakes() as wait:
            while True:
                await wait(0.05)

    listening = asyncio.create_task(listen())
    for _ in range(turns):
        await asyncio.sleep(0)
    listening.cancel()
    done, _ = await asyncio.wait({listening}, timeout=30)
    assert done
