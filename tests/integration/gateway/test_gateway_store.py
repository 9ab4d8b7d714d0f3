"""The file: both ledgers behave alike, commits are shared, a failed job harms nobody, and the file is ours alone."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
import pytest_asyncio

from mobile_gateway.carrier import Carrier, QueueFull, Taken
from mobile_gateway.handset import Key, Mode
from mobile_gateway.ledger import Ledger, MemoryLedger
from mobile_gateway.messages import Entry, Model, Policy, State, Submission, SubscriberState, new_subscriber
from mobile_gateway.sqlite_ledger import SqliteLedger
from mobile_gateway.store import Store, StoreFailed, StoreUnusable
from mobile_gateway.wire.gsm import Coding

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
NUMBER = "+821012345678"
TICKET = "ID 482910375-6 PIN 491027"
CARRIER = Carrier(Policy(queue_max=2))


def a_submission(key: str, text: str = TICKET) -> Submission:
    return Submission("demo", key, NUMBER, "me", text, Coding.GSM, 1, receipt_wanted=True, validity_seconds=60)


def submit(ledger: Ledger, key: str, text: str = TICKET, *, now: datetime = NOW) -> Taken | QueueFull:
    answer = CARRIER.submit(ledger, a_submission(key, text), message_id=f"m-{key}", now=now)
    assert isinstance(answer, Taken | QueueFull)
    return answer


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript((files("mobile_gateway") / "schema.sql").read_text(encoding="utf-8"))
        yield SqliteLedger(connection)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store.open(tmp_path)
    yield store
    await store.close()


# --- the contract of a ledger -----------------------------------------------------------------------------------------


def test_a_message_comes_back_as_it_went_by_id_and_by_key(ledger: Ledger) -> None:
    taken = submit(ledger, "a")
    assert isinstance(taken, Taken)
    assert ledger.message("m-a") == ledger.message_of_key("demo", "a") == taken.message
    assert ledger.message("m-b") is None
    assert ledger.message_of_key("other", "a") is None


def test_due_messages_come_oldest_first_and_up_to_the_limit(ledger: Ledger) -> None:
    submit(ledger, "late", now=NOW + timedelta(seconds=1))
    submit(ledger, "early")
    assert [message.key for message in ledger.due(NOW + timedelta(seconds=2), limit=9)] == ["early", "late"]
    assert [message.key for message in ledger.due(NOW + timedelta(seconds=2), limit=1)] == ["early"]
    assert [message.key for message in ledger.due(NOW, limit=9)] == ["early"]
    assert ledger.next_due() == NOW


def test_the_backlog_counts_what_has_not_ended(ledger: Ledger) -> None:
    submit(ledger, "a")
    submit(ledger, "b")
    assert submit(ledger, "c") == QueueFull(2)
    assert (ledger.backlog("demo"), ledger.backlog("other")) == (2, 0)
    CARRIER.deliver(ledger, now=NOW, limit=1)
    assert ledger.backlog("demo") == 1
    assert isinstance(submit(ledger, "c"), Taken)


def test_waiting_messages_are_brought_forward_for_one_number_only(ledger: Ledger) -> None:
    CARRIER.set_subscriber(ledger, NUMBER, state=SubscriberState.OFF, now=NOW)
    submit(ledger, "a")
    CARRIER.deliver(ledger, now=NOW, limit=9)
    assert ledger.due(NOW, limit=9) == []
    assert ledger.make_due("+10000000", NOW) == 0
    assert ledger.make_due(NUMBER, NOW) == 1
    assert [message.key for message in ledger.due(NOW, limit=9)] == ["a"]


def test_a_phone_remembers_its_messages_its_tickets_and_where_its_holder_was(ledger: Ledger) -> None:
    submit(ledger, "a")
    submit(ledger, "b", "hello")
    CARRIER.deliver(ledger, now=NOW, limit=9)
    for key in (Key.DELETE, Key.STORE, Key.OK):
        CARRIER.press(ledger, NUMBER, key, now=NOW)
    subscriber = ledger.subscriber(NUMBER)
    assert subscriber
    phone = ledger.phone(subscriber)
    assert [(held.id, held.opened, held.stored) for held in phone.messages] == [("m-a", True, True)]
    assert (phone.view.mode, phone.view.picked) == (Mode.OPEN, "m-a")
    assert phone.messages[0].received_at == NOW


def test_the_newest_message_is_first_after_a_reload(ledger: Ledger) -> None:
    submit(ledger, "a")
    submit(ledger, "b")
    CARRIER.deliver(ledger, now=NOW, limit=9)
    subscriber = ledger.subscriber(NUMBER)
    assert subscriber
    assert [held.id for held in ledger.phone(subscriber).messages] == ["m-b", "m-a"]


def test_subscribers_are_listed_by_their_last_activity(ledger: Ledger) -> None:
    for second, number in enumerate(("+10000001", "+10000002", "+10000003")):
        ledger.save_subscriber(new_subscriber(number, now=NOW + timedelta(seconds=second)))
    CARRIER.set_subscriber(ledger, "+10000001", model=Model.SMART, now=NOW + timedelta(seconds=9))
    assert [one.number for one in ledger.subscribers(limit=2)] == ["+10000001", "+10000003"]
    changed = ledger.subscriber("+10000001")
    assert changed
    assert (changed.model, changed.created_at) == (Model.SMART, NOW)


def test_history_is_kept_in_order(ledger: Ledger) -> None:
    submit(ledger, "a")
    ledger.add_entry("m-a", Entry(NOW, State.ENROUTE, "again"))
    assert [entry.note for entry in ledger.history("m-a")] == ["accepted", "again"]
    assert ledger.history("m-b") == []


def test_receipts_wait_are_changed_and_go(ledger: Ledger) -> None:
    submit(ledger, "a")
    CARRIER.deliver(ledger, now=NOW, limit=9)
    due_at = ledger.next_receipt_due()
    assert due_at == NOW + timedelta(seconds=0.05)
    assert ledger.due_receipts(NOW, limit=9) == []
    (receipt,) = ledger.due_receipts(due_at, limit=9)
    later = replace(receipt, attempts=1, due_at=NOW + timedelta(seconds=5))
    ledger.save_receipt(later)
    assert ledger.due_receipts(later.due_at, limit=9) == [later]
    ledger.drop_receipt("m-a")
    assert ledger.next_receipt_due() is None


# --- the store --------------------------------------------------------------------------------------------------------


async def test_what_was_answered_is_in_the_file_of_the_next_start(tmp_path: Path) -> None:
    first = Store.open(tmp_path)
    await first.run(lambda ledger: submit(ledger, "a"))
    await first.close()
    second = Store.open(tmp_path)
    found = await second.run(lambda ledger: ledger.message("m-a"))
    await second.close()
    assert found
    assert found.text == TICKET


async def test_jobs_that_arrive_together_share_commits(store: Store) -> None:
    carrier = Carrier(Policy())
    before = store.commits

    def job(ledger: Ledger, key: str) -> object:
        return carrier.submit(ledger, a_submission(key), message_id=f"m-{key}", now=NOW)

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
        await store.run(lambda ledger: ledger.save_message(replace(enroute, attempts=9)))


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
