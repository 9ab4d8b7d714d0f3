"""Connections of our own: what is written is what is run, what was cut off is not used again, and none is lost."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from builders import Stage

from app.store import connections
from app.store.connections import numbered, only_looks
from app.store.database import Database, Tx, make_engine

BACKEND = "SELECT pg_backend_pid()"


async def backend(database: Database) -> int:
    async with database.transaction() as tx:
        return int((await tx.execute(BACKEND)).scalar_one())


@pytest.mark.parametrize(
    ("written", "run", "names"),
    [
        ("SELECT 1", "SELECT 1", ()),
        ("a = :a AND b = :b OR a < :a", "a = $1 AND b = $2 OR a < $1", ("a", "b")),
        ("a::int = :a::int", "a::int = :a::int", ()),
        ("CAST(:a_1 AS varchar[])", "CAST($1 AS varchar[])", ("a_1",)),
        (r"'\:a' || :b", "':a' || $1", ("b",)),
        ("at '12:30:00'", "at '12:30:00'", ()),
    ],
    ids=["none", "twice", "cast", "array", "escaped", "time"],
)
def test_named_parameters_are_numbered_and_nothing_else(written: str, run: str, names: tuple[str, ...]) -> None:
    assert numbered(written) == (run, names)


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("SELECT 1", True),
        ("\n   select a\n FROM b WHERE c = 'for sale'", True),
        ("SELECT a FROM b FOR UPDATE", False),
        ("SELECT a FROM b FOR UPDATE OF b SKIP LOCKED", False),
        ("SELECT a FROM b\n FOR NO KEY\n UPDATE", False),
        ("SELECT a FROM b FOR KEY SHARE", False),
        ("SELECT pg_advisory_xact_lock(1)", False),
        ("SELECT pg_try_advisory_xact_lock(1)", False),
        ("SELECT set_config('a', 'b', true)", False),
        ("WITH a AS (DELETE FROM b RETURNING c) SELECT c FROM a", False),
        ("SET LOCAL a = 'b'", False),
        ("UPDATE a SET b = 1", False),
    ],
    ids=lambda value: str(value)[-24:].strip(),
)
def test_only_what_leaves_no_trace_runs_outside_of_a_transaction(text: str, looks: bool) -> None:  # noqa: FBT001 - a column of the table
    assert only_looks(text) is looks


async def test_a_transaction_begins_with_the_first_statement_that_needs_it(stage: Stage) -> None:
    async with stage.database.transaction() as tx:
        driver = tx._connection.driver
        await tx.execute("SELECT 1")
        assert not driver.is_in_transaction()
        await tx.execute("SELECT pg_advisory_xact_lock(1)")
        assert driver.is_in_transaction()
        await tx.execute("SELECT 1")
        assert driver.is_in_transaction()

    assert not driver.is_in_transaction()


async def test_a_connection_is_used_again_and_its_statements_stay_prepared(stage: Stage) -> None:
    first = await backend(stage.database)
    count = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT pg_backend_pid()'"

    assert await backend(stage.database) == first
    assert await stage.value(count) == 1


async def test_a_block_that_raises_leaves_nothing_and_its_connection_is_clean(stage: Stage) -> None:
    async def breaks() -> None:
        async with stage.database.transaction() as tx:
            await tx.execute("UPDATE place SET taken_by = id")
            raise LookupError

    with pytest.raises(LookupError):
        await breaks()

    assert await stage.value("SELECT count(*) FROM place WHERE taken_by IS NOT NULL") == 0


async def test_who_is_cancelled_in_the_middle_takes_the_connection_along(database_url: str) -> None:
    database = Database(make_engine(database_url, pool_size=1))
    first = await backend(database)

    async def sleeps() -> None:
        async with database.transaction() as tx:
            await tx.execute("SELECT pg_sleep(20)")

    sleeper = asyncio.create_task(sleeps())
    await asyncio.sleep(0.05)
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper

    assert await backend(database) != first
    await database.close()


async def test_who_is_cancelled_while_it_commits_takes_the_connection_along(
    stage: Stage, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(make_engine(database_url, pool_size=1))
    first = await backend(database)
    committing = asyncio.Event()

    async def commits_for_ever(_: connections.Connection, *, commit: bool) -> None:
        assert commit
        committing.set()
        await asyncio.Event().wait()

    async def changes() -> None:
        async with database.transaction() as tx:
            await tx.execute("UPDATE place SET taken_by = id")

    with monkeypatch.context() as patch:
        patch.setattr(connections.Connection, "end", commits_for_ever)
        changing = asyncio.create_task(changes())
        await committing.wait()
        changing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await changing

    assert await backend(database) != first
    assert await stage.value("SELECT count(*) FROM place WHERE taken_by IS NOT NULL") == 0
    await database.close()


async def test_a_connection_that_the_server_closed_is_replaced(stage: Stage, database_url: str) -> None:
    database = Database(make_engine(database_url, pool_size=1))
    first = await backend(database)

    await stage.sql("SELECT pg_terminate_backend(:pid)", pid=first)
    await asyncio.sleep(0.05)

    assert await backend(database) != first
    await database.close()


async def test_a_commit_that_nobody_answers_is_an_error_of_the_database(stage: Stage, database_url: str) -> None:
    database = Database(make_engine(database_url, pool_size=1))

    async def loses_its_server() -> None:
        async with database.transaction() as tx:
            await tx.execute("UPDATE place SET taken_by = id")
            pid = (await tx.execute(BACKEND)).scalar_one()
            await stage.sql("SELECT pg_terminate_backend(:pid)", pid=pid)
            await asyncio.sleep(0.05)

    with pytest.raises(sa.exc.DBAPIError):
        await loses_its_server()

    assert await stage.value("SELECT count(*) FROM place WHERE taken_by IS NOT NULL") == 0
    assert await backend(database), "the next one gets a connection that works"
    await database.close()


async def test_who_waits_too_long_for_a_connection_is_told(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WAIT_SECONDS", 0.05)
    database = Database(make_engine(database_url, pool_size=1))

    async with database.transaction():
        with pytest.raises(TimeoutError):
            await backend(database)

    assert await backend(database)
    await database.close()


async def test_a_server_that_refuses_is_told_as_any_error_of_the_database(database_url: str) -> None:
    database = Database(make_engine(database_url.replace("test_", "no_such_"), pool_size=1))

    with pytest.raises(sa.exc.DBAPIError):
        await backend(database)
    await database.close()


async def test_a_migration_under_a_prepared_statement_fails_it_once(blank: Stage) -> None:
    look = "SELECT * FROM pin_guard"
    await blank.sql(look)
    await blank.sql("ALTER TABLE pin_guard ADD COLUMN more integer")

    with pytest.raises(sa.exc.DBAPIError):
        await blank.sql(look)

    assert await blank.sql(look) == []


async def test_prepared_statements_are_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STATEMENTS_KEPT_MAX", 2)

    async def kept(tx: Tx) -> int:
        return len(tx._connection._prepared)

    async with stage.database.transaction() as tx:
        for number in range(5):
            await tx.execute(f"SELECT {number}")
            assert await kept(tx) <= 2


async def test_statements_alone_are_each_a_transaction(stage: Stage) -> None:
    async with stage.database.statements() as tx:
        begun = [(await tx.execute("SELECT now()")).scalar_one() for _ in range(2)]

    assert begun[0] < begun[1]
