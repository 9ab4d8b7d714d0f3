"""Shared transactions: who arrives meanwhile goes together, each with an answer, a fault, or a leave of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest
import sqlalchemy as sa
from builders import Stage
from hypothesis import given
from hypothesis import strategies as st

from app.store.database import LOST_RACES, Tx
from app.store.sharing import TOGETHER_MAX, Shared


class Work:
    """Doubles numbers; refuses 13 as a value, breaks on 666, and hangs until it is let go if asked to."""

    def __init__(self) -> None:
        self.boards: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, asks: Sequence[int]) -> Sequence[int | Exception]:
        self.boards.append(list(asks))
        await self.gate.wait()
        await asyncio.sleep(0)
        if 666 in asks:
            raise RuntimeError("a broken request")
        return [ValueError("unlucky") if ask == 13 else ask * 2 for ask in asks]


async def test_a_lone_request_goes_at_once() -> None:
    work = Work()

    assert await Shared().ask("kind", work, 4) == 8

    assert work.boards == [[4]]


async def test_who_arrives_while_a_transaction_is_in_flight_shares_the_next_one() -> None:
    work, shared = Work(), Shared()
    work.gate.clear()
    asks = [asyncio.create_task(shared.ask("kind", work, n)) for n in range(5)]
    await asyncio.sleep(0.01)
    assert work.boards == [[0, 1, 2, 3, 4]], "all of one turn of the loop go together"
    late = [asyncio.create_task(shared.ask("kind", work, n)) for n in (7, 8, 9)]
    await asyncio.sleep(0.01)
    work.gate.set()

    assert await asyncio.gather(*asks, *late) == [0, 2, 4, 6, 8, 14, 16, 18]
    assert work.boards == [[0, 1, 2, 3, 4], [7, 8, 9]]


async def test_no_more_than_so_many_go_together() -> None:
    work, shared = Work(), Shared()

    answers = await asyncio.gather(*(shared.ask("kind", work, n) for n in range(1_000, 1_000 + TOGETHER_MAX + 5)))

    assert [len(board) for board in work.boards] == [TOGETHER_MAX, 5]
    assert answers == [2 * n for n in range(1_000, 1_000 + TOGETHER_MAX + 5)]


async def test_each_kind_of_work_has_a_line_of_its_own() -> None:
    slow, quick, shared = Work(), Work(), Shared()
    slow.gate.clear()
    waiting = asyncio.create_task(shared.ask("slow", slow, 1))
    await asyncio.sleep(0)

    assert await shared.ask("quick", quick, 2) == 4

    slow.gate.set()
    assert await waiting == 2


async def test_an_answer_that_is_a_fault_is_raised_to_its_own_asker_only() -> None:
    work, shared = Work(), Shared()

    answers = await asyncio.gather(*(shared.ask("kind", work, n) for n in (1, 13, 3)), return_exceptions=True)

    assert answers[0] == 2
    assert isinstance(answers[1], ValueError)
    assert answers[2] == 6


async def test_one_request_that_breaks_everything_harms_nobody_else() -> None:
    work, shared = Work(), Shared()

    answers = await asyncio.gather(*(shared.ask("kind", work, n) for n in (1, 666, 3)), return_exceptions=True)

    assert (answers[0], answers[2]) == (2, 6)
    assert isinstance(answers[1], RuntimeError)
    assert work.boards == [[1, 666, 3], [1], [666], [3]]
    assert await shared.ask("kind", work, 5) == 10, "the line goes on"


async def test_who_leaves_while_waiting_is_not_served_and_holds_nobody_up() -> None:
    work, shared = Work(), Shared()
    work.gate.clear()
    first = asyncio.create_task(shared.ask("kind", work, 1))
    await asyncio.sleep(0.01)
    leaver, stayer = (asyncio.create_task(shared.ask("kind", work, n)) for n in (2, 3))
    await asyncio.sleep(0.01)
    leaver.cancel()
    await asyncio.sleep(0)
    work.gate.set()

    assert [await first, await stayer] == [2, 6]
    assert leaver.cancelled()
    assert work.boards == [[1], [3]]


async def test_a_line_whose_every_request_has_left_does_no_work() -> None:
    work, shared = Work(), Shared()
    work.gate.clear()
    first = asyncio.create_task(shared.ask("kind", work, 1))
    await asyncio.sleep(0.01)
    leaver = asyncio.create_task(shared.ask("kind", work, 2))
    await asyncio.sleep(0.01)
    leaver.cancel()
    work.gate.set()
    await first
    await asyncio.sleep(0.01)

    assert work.boards == [[1]]


async def test_who_leaves_while_being_served_holds_nobody_up() -> None:
    work, shared = Work(), Shared()
    work.gate.clear()
    leaver, stayer = (asyncio.create_task(shared.ask("kind", work, n)) for n in (2, 3))
    await asyncio.sleep(0.01)
    leaver.cancel()
    await asyncio.sleep(0)
    work.gate.set()

    assert await stayer == 6
    assert leaver.cancelled()


async def test_work_that_forgets_an_answer_is_a_fault_and_nobody_waits_for_ever() -> None:
    async def forgetful(asks: Sequence[int]) -> Sequence[int | Exception]:
        return list(asks)[:-1]

    shared = Shared()

    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(shared.ask("kind", forgetful, n) for n in (1, 2)), return_exceptions=True)

    assert [type(one) for one in answers] == [AssertionError, AssertionError]


@given(st.lists(st.sampled_from([1, 2, 3, 13, 666]), max_size=12))
def test_whatever_comes_together_each_gets_what_it_would_get_alone(asks: list[int]) -> None:
    async def together() -> list[int | BaseException]:
        shared, work = Shared(), Work()
        return await asyncio.gather(*(shared.ask("kind", work, n) for n in asks), return_exceptions=True)

    with asyncio.Runner() as runner:
        answers = runner.run(together())

    expected = {13: ValueError, 666: RuntimeError}
    for ask, answer in zip(asks, answers, strict=True):
        assert isinstance(answer, expected[ask]) if ask in expected else answer == ask * 2


# --- on the database ------------------------------------------------------------------------------------------------


async def test_a_request_that_breaks_its_transaction_leaves_the_others_committed(stage: Stage) -> None:
    async def write(tx: Tx, asks: Sequence[str]) -> list[str | Exception]:
        for ask in asks:
            await tx.execute(
                sa.text(
                    "INSERT INTO idempotency (scope, key, request_hash, busy_until, created_at)"
                    " VALUES ('s', :key, '', now(), CAST(:at AS timestamptz))"
                ),
                {"key": ask, "at": stage.clock.now() if ask != "bad" else None},
            )
        return list(asks)

    answers = await asyncio.gather(
        *(stage.database.together(write, ask) for ask in ("a", "bad", "b")), return_exceptions=True
    )

    assert answers[0] == "a"
    assert isinstance(answers[1], sa.exc.IntegrityError)
    assert answers[2] == "b"
    assert {row.key for row in await stage.sql("SELECT key FROM idempotency")} == {"a", "b"}


@pytest.mark.parametrize("sqlstate", sorted(LOST_RACES))
async def test_a_race_that_was_lost_is_run_once_more(stage: Stage, sqlstate: str) -> None:
    tries: list[int] = []

    async def loses_first(tx: Tx, asks: Sequence[int]) -> list[int | Exception]:
        tries.append(1)
        if len(tries) == 1:
            await tx.execute(sa.text(f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$"))
        return [ask * 2 for ask in asks]

    assert await stage.database.together(loses_first, 4) == 8
    assert len(tries) == 2


async def test_a_race_that_is_lost_twice_and_any_other_fault_are_told(stage: Stage) -> None:
    tries: list[str] = []

    async def fails(tx: Tx, asks: Sequence[str]) -> list[str | Exception]:
        tries.append(asks[0])
        await tx.execute(sa.text(f"DO $$ BEGIN RAISE SQLSTATE '{asks[0]}'; END $$"))
        return list(asks)

    with pytest.raises(sa.exc.IntegrityError):
        await stage.database.together(fails, "23505")
    with pytest.raises(sa.exc.DBAPIError):
        await stage.database.together(fails, "22012")
    assert tries == ["23505", "23505", "22012"]


async def test_an_error_of_the_database_does_not_tell_what_was_asked(stage: Stage) -> None:
    with pytest.raises(sa.exc.DBAPIError) as fault:
        await stage.sql("SELECT CAST(:number AS varchar)::integer", number="+821012345678 PIN 491027")

    told = str(fault.value)
    assert "hide_parameters" in told
    assert isinstance(fault.value.orig, asyncpg.DataError)
