"""The store of the carrier network: shared commits, a disk that fails, files that are none."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from ledger_kit import CARRIER, NOW, TICKET, a_submission, submit

from mobile_gateway.carrier.carrier import Carrier, Taken
from mobile_gateway.carrier.ledger import Ledger
from mobile_gateway.carrier.messages import Policy
from mobile_gateway.disk.store import Store, StoreFailed, StoreUnusable

pytest_plugins = ["ledger_plugin"]


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store.open(tmp_path)
    yield store
    await store.close()


async def test_what_was_answered_is_in_the_file_of_the_next_start(tmp_path: Path) -> None:
    first = Store.open(tmp_path)
    await first.run(lambda ledger: submit(ledger, "a"))
    await first.close()
    second = Store.open(tmp_path)
    found = await second.run(lambda ledger: ledger.message("m-a"))
    await second.close()
    assert found
    assert found.submission.user_data == TICKET.encode()


async def test_jobs_that_arrive_together_share_commits(store: Store) -> None:
    carrier = Carrier(Policy())
    before = store.commits

    def job(ledger: Ledger, key: str) -> object:
        return carrier.submit(ledger, [(f"m-{key}", a_submission(key))], now=NOW)[0]

    answers = await asyncio.gather(*(store.run(lambda ledger, n=n: job(ledger, str(n))) for n in range(500)))  # type: ignore[misc]  # a default binds n
    assert all(isinstance(answer, Taken) for answer in answers)
    assert store.commits - before < 50
    assert await store.run(lambda ledger: ledger.backlog("demo")) == 500


async def test_a_job_that_fails_takes_back_its_own_work_and_nobody_elses(store: Store) -> None:
    def spoiled(ledger: Ledger) -> None:
        submit(ledger, "spoiled")
        raise ValueError("no")

    good, bad = await asyncio.gather(
        store.run(lambda ledger: submit(ledger, "good")), store.run(spoiled), return_exceptions=True
    )
    assert isinstance(good, Taken)
    assert isinstance(bad, ValueError)
    assert await store.run(lambda ledger: ledger.message("m-spoiled")) is None
    assert await store.run(lambda ledger: ledger.backlog("demo")) == 1
    assert await store.run(lambda ledger: ledger.message("m-good"))


async def test_a_disk_that_fails_promises_nothing_and_the_store_lives_on(store: Store) -> None:
    def disk_full(ledger: Ledger) -> None:
        submit(ledger, "lost")
        raise sqlite3.OperationalError("database or disk is full")

    outcomes = await asyncio.gather(
        store.run(disk_full), store.run(lambda ledger: submit(ledger, "neighbour")), return_exceptions=True
    )
    assert isinstance(outcomes[0], StoreFailed)
    assert await store.run(lambda ledger: ledger.message("m-lost")) is None
    # Promised or refused, but never promised and lost.
    kept = await store.run(lambda ledger: ledger.message("m-neighbour"))
    assert (kept is not None) == isinstance(outcomes[1], Taken)


async def test_an_ended_message_cannot_be_moved_in_the_file_either(store: Store) -> None:
    await store.run(lambda ledger: submit(ledger, "a"))
    enroute = await store.run(lambda ledger: ledger.message("m-a"))
    assert enroute
    await store.run(lambda ledger: CARRIER.deliver(ledger, now=NOW, limit=9))
    with pytest.raises(AssertionError):
        await store.run(lambda ledger: ledger.save_messages([replace(enroute, attempts=9)]))


async def test_a_closed_store_refuses_jobs_with_a_sentence(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    await store.close()
    with pytest.raises(StoreFailed, match="closing"):
        await store.run(lambda ledger: ledger.next_due())


async def test_a_second_gateway_cannot_take_the_same_file(store: Store, tmp_path: Path) -> None:
    await store.run(lambda ledger: ledger.next_due())
    with pytest.raises(StoreUnusable, match="another mobile gateway"):
        Store.open(tmp_path)


async def test_a_file_of_another_schema_or_no_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "gateway.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreUnusable, match="schema 99"):
        Store.open(tmp_path)
    (tmp_path / "gateway.sqlite3").write_bytes(b"this is a letter, not a database" * 100)
    with pytest.raises(StoreUnusable, match="no gateway file"):
        Store.open(tmp_path)


async def test_a_folder_that_cannot_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable, match="choose another data folder"):
        Store.open(tmp_path / "file" / "folder")


async def test_a_store_that_cannot_keep_up_refuses_instead_of_growing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store._jobs, "maxsize", 1)
    jobs = [asyncio.create_task(store.run(lambda ledger: ledger.next_due())) for _ in range(200)]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert refused
    assert all(isinstance(outcome, StoreFailed) for outcome in refused)
    assert await store.run(lambda ledger: ledger.next_due()) is None


async def test_messages_can_be_read_by_their_owner_only(store: Store, tmp_path: Path) -> None:
    await store.run(lambda ledger: submit(ledger, "a"))
    for path in tmp_path.glob("gateway.sqlite3*"):  # noqa: ASYNC240 - nobody else runs in this loop
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
