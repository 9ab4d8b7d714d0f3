"""The outbox: owed once, leased to one, retried, parked, revived, counted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from builders import Shop, Stage

from app.store import outbox
from app.store.outbox import LEASE_SECONDS, Claimed, Owed
from app.store.topics import Topic


async def owe(stage: Stage, shop: Shop, *keys: str, topic: Topic = Topic.RELEASE) -> list[UUID]:
    owed = [Owed(stage.entropy.uuid(), shop.issuer, topic, key, {"key": key}) for key in keys]
    async with stage.world.transaction() as tx:
        await outbox.put(tx, owed, now=stage.clock.now())
    return [one.id for one in owed]


async def claim(stage: Stage, most: int = 20, **given: Any) -> list[Claimed]:
    async with stage.world.transaction() as tx:
        return await outbox.claim(tx, now=stage.clock.now(), most=most, **given)


async def test_what_is_owed_is_claimed_oldest_first_and_at_most_so_many(stage: Stage, shop: Shop) -> None:
    await owe(stage, shop, "a")
    stage.clock.advance(seconds=1)
    await owe(stage, shop, "b", "c")

    first, rest = await claim(stage, most=1), await claim(stage)

    assert [(one.key, one.topic, one.payload, one.attempts) for one in first] == [("a", Topic.RELEASE, {"key": "a"}, 1)]
    assert {one.key for one in rest} == {"b", "c"}
    assert await claim(stage) == []


async def test_nothing_owed_writes_nothing(stage: Stage, shop: Shop) -> None:
    await owe(stage, shop)

    assert await claim(stage) == []


async def test_the_same_consequence_is_owed_once_per_topic(stage: Stage, shop: Shop) -> None:
    (first,) = await owe(stage, shop, "a")
    await owe(stage, shop, "a")
    await owe(stage, shop, "a", topic=Topic.REVOKE)

    assert {(one.topic, one.key) for one in await claim(stage)} == {(Topic.RELEASE, "a"), (Topic.REVOKE, "a")}
    assert await stage.value("SELECT count(*) FROM outbox WHERE id = :id", id=first) == 1


async def test_a_worker_may_claim_one_topic_only(stage: Stage, shop: Shop) -> None:
    await owe(stage, shop, "a")
    await owe(stage, shop, "b", topic=Topic.REVOKE)

    assert [one.key for one in await claim(stage, topic=Topic.REVOKE)] == ["b"]
    assert [one.key for one in await claim(stage)] == ["a"]


async def test_a_lease_that_runs_out_is_claimed_again(stage: Stage, shop: Shop) -> None:
    await owe(stage, shop, "a")
    await claim(stage)

    stage.clock.advance(seconds=LEASE_SECONDS - 1)
    assert await claim(stage) == []
    stage.clock.advance(seconds=1)
    (again,) = await claim(stage)

    assert again.attempts == 2


async def test_two_claimers_at_once_get_different_work_and_neither_waits(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    await owe(stage, shop, *"abcdef")
    async with stage.world.transaction() as tx:
        mine = await outbox.claim(tx, now=stage.clock.now(), most=4)
        async with asyncio.timeout(30):
            theirs = await claim(second)

    assert (len(mine), len(theirs)) == (4, 2)
    assert not {one.id for one in mine} & {one.id for one in theirs}


async def test_what_is_done_is_never_claimed_again(stage: Stage, shop: Shop) -> None:
    ids = await owe(stage, shop, "a", "b")
    await claim(stage)
    async with stage.world.transaction() as tx:
        await outbox.done(tx, [ids[0]], now=stage.clock.now())

    stage.clock.advance(days=1)

    assert [one.id for one in await claim(stage)] == [ids[1]]


async def test_a_retry_waits_for_its_time_and_keeps_its_reason(stage: Stage, shop: Shop) -> None:
    (identity,) = await owe(stage, shop, "a")
    await claim(stage)
    async with stage.world.transaction() as tx:
        due_at = stage.clock.now() + timedelta(seconds=30)
        await outbox.retry(tx, identity, due_at=due_at, reason="x" * 600)

    assert await claim(stage) == []
    assert await stage.value("SELECT last_error FROM outbox") == "x" * 500
    stage.clock.advance(seconds=30)
    assert [one.attempts for one in await claim(stage)] == [2]


async def test_what_is_buried_is_seen_by_its_issuer_and_revived_from_the_beginning(stage: Stage, shop: Shop) -> None:
    (identity,) = await owe(stage, shop, "a")
    await claim(stage)
    now = stage.clock.now()
    async with stage.world.transaction() as tx:
        await outbox.bury(tx, identity, now=now, reason="no such number")
    stage.clock.advance(days=1)
    assert await claim(stage) == []

    async with stage.world.transaction() as tx:
        (letter,) = await outbox.dead(tx, issuer_id=shop.issuer, most=10)
        assert (letter.id, letter.last_error, letter.dead_at, letter.attempts) == (identity, "no such number", now, 1)
        assert len(await outbox.dead(tx, issuer_id=None, most=10)) == 1
        assert await outbox.dead(tx, issuer_id=UUID(int=1), most=10) == []
        assert await outbox.revive(tx, identity, issuer_id=UUID(int=1), now=stage.clock.now()) is None
        revived = await outbox.revive(tx, identity, issuer_id=shop.issuer, now=stage.clock.now())
        assert revived is not None
        assert (revived.topic, revived.payload) == ("release", {"key": "a"})
        assert await outbox.revive(tx, identity, issuer_id=None, now=stage.clock.now()) is None

    assert [one.attempts for one in await claim(stage)] == [1]


async def test_what_waits_is_counted_with_the_age_of_the_oldest(stage: Stage, shop: Shop) -> None:
    async def waiting() -> tuple[int, float, int]:
        async with stage.world.transaction() as tx:
            return await outbox.waiting(tx, now=stage.clock.now())

    assert await waiting() == (0, 0.0, 0)
    done, dead, _ = await owe(stage, shop, "a", "b", "c")
    stage.clock.advance(seconds=42)
    async with stage.world.transaction() as tx:
        await outbox.done(tx, [done], now=stage.clock.now())
        await outbox.bury(tx, dead, now=stage.clock.now(), reason="x")

    assert await waiting() == (1, 42.0, 1)
    stage.clock.advance(seconds=-100)
    assert await waiting() == (1, 0.0, 1), "a clock that was put back makes nothing due in the past"


async def test_what_was_done_long_ago_is_dropped_and_what_is_owed_or_dead_is_kept(stage: Stage, shop: Shop) -> None:
    done, dead, _ = await owe(stage, shop, "a", "b", "c")
    async with stage.world.transaction() as tx:
        await outbox.done(tx, [done], now=stage.clock.now())
        await outbox.bury(tx, dead, now=stage.clock.now(), reason="x")
    stage.clock.advance(days=400)

    async with stage.world.transaction() as tx:
        await outbox.purge(tx, before=stage.clock.now() - timedelta(days=30))

    assert {row.key for row in await stage.sql("SELECT key FROM outbox")} == {"b", "c"}
