"""Who is the first to say a name: one of all who say it, until it is forgotten."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from app.memory import Memory, connect


async def test_of_many_who_say_a_name_at_once_one_is_the_first(redis: Redis) -> None:
    one, two = Memory(redis), Memory(redis)

    answers = await asyncio.gather(*(memory.first("proof", seconds=60) for memory in [one, two] * 10))

    assert sum(answers) == 1
    assert await one.first("another", seconds=60)


async def test_a_name_is_forgotten_after_its_time(redis: Redis) -> None:
    memory = Memory(redis)
    assert await memory.first("proof", seconds=1)
    left_ms = await redis.pttl("cyberticket:first:proof")

    assert 0 < left_ms <= 1_000


async def test_a_memory_that_nobody_shares_asks_nobody_who_was_first() -> None:
    away = connect("redis://127.0.0.1:1/0")
    memory = Memory(away, alone=True)

    assert [await memory.first("proof", seconds=60) for _ in range(3)] == [True, False, False]
    assert await memory.first("another", seconds=60)
    await away.aclose()


async def test_a_memory_that_nobody_shares_forgets_each_name_after_its_own_time() -> None:
    away = connect("redis://127.0.0.1:1/0")
    memory = Memory(away, alone=True)

    assert await memory.first("long", seconds=60)
    assert [await memory.first("short", seconds=0) for _ in range(3)] == [True, True, True]
    assert not await memory.first("long", seconds=60)
    await away.aclose()


async def test_without_redis_everybody_is_the_first() -> None:
    away = connect("redis://127.0.0.1:1/0")

    assert await Memory(away).first("proof", seconds=60)
    assert await Memory(away).first("proof", seconds=60)
    await away.aclose()
