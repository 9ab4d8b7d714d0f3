"""Idempotency keys: fresh, stored, busy, or used for something else; forgotten after a day."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

import pytest
from builders import Stage

from app.domain.refusals import KeyBusy, KeyReused
from app.flows.once import Reply, once
from app.store import idempotency
from app.store.idempotency import BUSY_SECONDS, KEPT_HOURS, Answer, Busy, Claim, Fresh, Other, Stored
from app.world import World


def a_claim(stage: Stage, key: str = "k", request: bytes = b"body", scope: str = "POST /x") -> Claim:
    return Claim(scope, key, request, stage.clock.now())


async def begin(stage: Stage, *claims: Claim) -> list[Fresh | Stored | Busy | Other]:
    async with stage.world.transaction() as tx:
        return await idempotency.begin(tx, claims)


async def finish(stage: Stage, *answers: Answer) -> None:
    async with stage.world.transaction() as tx:
        await idempotency.finish(tx, answers)


async def test_a_key_is_fresh_then_busy_then_stored(stage: Stage) -> None:
    claim = a_claim(stage)
    assert await begin(stage, claim) == [Fresh()]
    assert await begin(stage, claim) == [Busy()]

    await finish(stage, Answer("POST /x", "k", 201, b"made", "application/json"))

    assert await begin(stage, claim) == [Stored(201, b"made", "application/json")]


async def test_a_key_used_for_another_request_is_told_apart_at_every_stage(stage: Stage) -> None:
    await begin(stage, a_claim(stage))
    assert await begin(stage, a_claim(stage, request=b"other")) == [Other()]
    await finish(stage, Answer("POST /x", "k", 201, b"made", "application/json"))
    assert await begin(stage, a_claim(stage, request=b"other")) == [Other()]


async def test_the_same_key_of_another_caller_or_route_is_another_key(stage: Stage) -> None:
    await begin(stage, a_claim(stage))

    assert await begin(stage, a_claim(stage, scope="POST /y", request=b"other")) == [Fresh()]


async def test_the_same_key_several_times_in_one_batch_is_fresh_once(stage: Stage) -> None:
    claims = [a_claim(stage), a_claim(stage), a_claim(stage, request=b"other"), a_claim(stage, key="k2")]

    assert await begin(stage, *claims) == [Fresh(), Busy(), Other(), Fresh()]


async def test_a_key_that_somebody_died_with_is_fresh_again_after_a_minute_for_the_same_request(
    stage: Stage,
) -> None:
    await begin(stage, a_claim(stage))
    stage.clock.advance(seconds=BUSY_SECONDS)
    assert await begin(stage, a_claim(stage)) == [Busy()]

    stage.clock.advance(seconds=1)

    assert await begin(stage, a_claim(stage, request=b"other")) == [Other()]
    assert await begin(stage, a_claim(stage)) == [Fresh()]
    assert await begin(stage, a_claim(stage)) == [Busy()]


async def test_a_key_that_is_given_back_is_fresh(stage: Stage) -> None:
    await begin(stage, a_claim(stage))

    await finish(stage, Answer("POST /x", "k", None))

    assert await begin(stage, a_claim(stage, request=b"other")) == [Fresh()]


async def test_an_answer_that_is_stored_is_not_given_back(stage: Stage) -> None:
    await begin(stage, a_claim(stage))
    await finish(stage, Answer("POST /x", "k", 201, b"made", "application/json"))

    await finish(stage, Answer("POST /x", "k", None))

    assert await begin(stage, a_claim(stage)) == [Stored(201, b"made", "application/json")]


async def test_after_a_day_a_key_is_anybodys(stage: Stage) -> None:
    await begin(stage, a_claim(stage))
    await finish(stage, Answer("POST /x", "k", 201, b"made", "application/json"))
    stage.clock.advance(hours=KEPT_HOURS)
    assert await begin(stage, a_claim(stage)) == [Stored(201, b"made", "application/json")]

    stage.clock.advance(seconds=1)

    assert await begin(stage, a_claim(stage, request=b"other")) == [Fresh()]


async def test_old_answers_and_old_pin_counters_are_purged(stage: Stage) -> None:
    issuer = await stage.value("SELECT id FROM issuer")
    await begin(stage, a_claim(stage, "old"))
    for number, at in (("old", stage.clock.now()), ("new", stage.clock.now() + timedelta(hours=KEPT_HOURS))):
        await stage.sql(
            "INSERT INTO pin_guard (issuer_id, number, tries, since) VALUES (:issuer, :number, 1, :at)",
            issuer=issuer,
            number=number,
            at=at,
        )
    stage.clock.advance(hours=KEPT_HOURS, seconds=1)
    await begin(stage, a_claim(stage, "new"))

    async with stage.world.transaction() as tx:
        await idempotency.purge(tx, now=stage.clock.now())

    assert await stage.value("SELECT string_agg(key, ',') FROM idempotency") == "new"
    assert await stage.value("SELECT string_agg(number, ',') FROM pin_guard") == "new"


# --- as the routers use it ------------------------------------------------------------------------------------------

MADE = Reply(201, b'{"link": "secret"}', "application/json")


async def ask(stage: Stage, reply: Reply | Exception = MADE, *, request: bytes = b"body") -> Reply:
    async def work() -> Reply:
        await asyncio.sleep(0.02)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return await once(stage.world, scope="POST /x", key="a-key-of-mine", request=request, work=work)


async def test_a_request_is_carried_out_once_and_its_answer_replayed(stage: Stage) -> None:
    first = await ask(stage)
    again = await ask(stage, RuntimeError("it must not be carried out again"))

    assert (first.status, first.body, first.replayed) == (201, MADE.body, False)
    assert (again.status, again.body, again.media_type, again.replayed) == (201, MADE.body, "application/json", True)


async def test_the_stored_answer_can_be_read_by_who_has_the_key_only(stage: Stage) -> None:
    await ask(stage)

    row = (await stage.sql("SELECT key, body FROM idempotency"))[0]

    assert b"secret" not in row.body
    assert row.key != "a-key-of-mine"


async def test_a_request_that_breaks_gives_its_key_back(stage: Stage) -> None:
    with pytest.raises(RuntimeError):
        await ask(stage, RuntimeError("bug"))

    assert (await ask(stage)).replayed is False


async def test_a_request_whose_caller_hangs_up_gives_its_key_back(stage: Stage) -> None:
    begun = asyncio.Event()

    async def endless() -> Reply:
        begun.set()
        await asyncio.Event().wait()
        return MADE

    task = asyncio.create_task(once(stage.world, scope="POST /x", key="a-key-of-mine", request=b"body", work=endless))
    await asyncio.wait_for(begun.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (await ask(stage)).replayed is False


async def test_of_many_at_once_one_is_carried_out_and_the_others_are_told_to_wait(stage: Stage, second: Stage) -> None:
    told = asyncio.Event()

    async def work() -> Reply:
        await told.wait()
        return MADE

    def asking(world: World, request: bytes = b"body") -> asyncio.Task[Reply]:
        return asyncio.create_task(once(world, scope="POST /x", key="a-key-of-mine", request=request, work=work))

    tasks = [asking([stage, second][n % 2].world) for n in range(6)]
    for refused in itertools.islice(asyncio.as_completed(tasks), 5):
        with pytest.raises(KeyBusy):
            await refused
    (carried_out,) = [task for task in tasks if not task.done()]
    with pytest.raises(KeyReused):
        await asking(second.world, b"another")
    told.set()
    assert await carried_out == MADE
