"""One SQLite file, one thread, group commit: jobs that arrive while a transaction is under way share the next one.

A job's answer is given only after its commit is on the disk (WAL, synchronous=FULL), so what was promised survives
kill -9. Each job runs in a savepoint of its own: one that fails takes none of its neighbours with it.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from importlib.resources import files
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

from mobile_gateway.carrier.ledger import Ledger
from mobile_gateway.disk.ledger import SqliteLedger

T = TypeVar("T")

SCHEMA_VERSION = 2
SCHEMA_FILES = ("disk/schema.sql", "ppg/ppg.sql", "billing/billing.sql")
JOBS_PER_COMMIT_MAX = 256
JOBS_WAITING_MAX = 10_000
CLOSE_SECONDS_MAX = 10.0
LOCK_SECONDS_MAX = 1.0


class StoreUnusable(Exception):
    """The file cannot be ours; the sentence says what to do."""


class StoreFailed(Exception):
    """The disk did not take it, nothing was kept; the same may be asked again later."""


class _Asked(Protocol):
    """A job with the caller that waits for it."""

    loop: asyncio.AbstractEventLoop

    def perform(self, connection: sqlite3.Connection, ledger: SqliteLedger) -> None: ...

    def settle(self, commit_fault: StoreFailed | None) -> None: ...


class Store:
    """The carrier's file. Open it, `run` jobs on it from one event loop, close it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.commits = 0
        self._connection = connection
        self._jobs: queue.Queue[_Asked | None] = queue.Queue(JOBS_WAITING_MAX)
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="gateway-store", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open or make `gateway.sqlite3` in `folder`; raises StoreUnusable."""
        path = folder / "gateway.sqlite3"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made by us first, so that messages (tickets!) are never readable by others.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as fault:
            raise StoreUnusable(f"{path} cannot be written ({fault.strerror}); choose another data folder") from fault
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCK_SECONDS_MAX)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    async def run(self, job: Callable[[Ledger], T]) -> T:
        """Run `job` in a transaction and answer once it is on the disk; raises what the job raises, or StoreFailed.

        A job must not keep the ledger, nor wait for anything, nor take long: all others wait for it.
        """
        if self._closing:
            raise StoreFailed("the store is closing; ask again when the gateway is back")
        asked = _Job(job, asyncio.get_running_loop())
        try:
            self._jobs.put_nowait(asked)
        except queue.Full:
            raise StoreFailed(f"{JOBS_WAITING_MAX} jobs wait for the disk; ask again in a second") from None
        return await asked.answer

    async def run_sql(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """As `run`, for whoever keeps tables of its own in this file (see SCHEMA_FILES)."""
        return await self.run(lambda _: job(self._connection))

    async def close(self) -> None:
        """Finish what waits and close the file."""
        self._closing = True
        await asyncio.to_thread(self._jobs.put, None)
        await asyncio.to_thread(self._thread.join, CLOSE_SECONDS_MAX)
        assert not self._thread.is_alive(), "a job hangs in the store"

    def _work(self) -> None:
        ledger = SqliteLedger(self._connection)
        with closing(self._connection):
            while jobs := self._next_jobs():
                fault = self._commit(jobs, ledger)
                _settle(jobs, fault)

    def _next_jobs(self) -> list[_Asked]:
        """Whatever waits by now, at least one job; none once the store is closed and all is done."""
        jobs: list[_Asked] = []
        while len(jobs) < JOBS_PER_COMMIT_MAX:
            try:
                job = self._jobs.get(block=not jobs)
            except queue.Empty:
                break
            if job is None:
                if jobs:
                    self._jobs.put(None)  # first what came before it
                break
            jobs.append(job)
        return jobs

    def _commit(self, jobs: list[_Asked], ledger: SqliteLedger) -> StoreFailed | None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                job.perform(self._connection, ledger)
            self._connection.execute("COMMIT")
        except sqlite3.Error as fault:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            ledger.forget()
            return StoreFailed(f"the disk did not take it ({fault}); nothing was kept, ask again later")
        self.commits += 1
        return None


class _Job(Generic[T]):
    def __init__(self, act: Callable[[Ledger], T], loop: asyncio.AbstractEventLoop) -> None:
        self.answer: asyncio.Future[T] = loop.create_future()
        self.loop = loop
        self._act = act
        self._values: list[T] = []
        self._fault: Exception | None = None

    def perform(self, connection: sqlite3.Connection, ledger: SqliteLedger) -> None:
        connection.execute("SAVEPOINT job")
        try:
            self._values.append(self._act(ledger))
        except sqlite3.OperationalError:
            raise  # the disk, not the job: nobody's work of this commit may be promised
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is the asker's, and the thread must live
            self._fault = fault
            connection.execute("ROLLBACK TO job")
            ledger.forget()
        connection.execute("RELEASE job")

    def settle(self, commit_fault: StoreFailed | None) -> None:
        if self.answer.done():  # the asker gave up waiting
            return
        fault = commit_fault or self._fault
        if fault is not None:
            self.answer.set_exception(fault)
        else:
            self.answer.set_result(self._values[0])


def _settle(jobs: list[_Asked], fault: StoreFailed | None) -> None:
    """Answer every asker, waking each event loop once: waking costs more than answering."""

    def answer(some: list[_Asked]) -> None:
        for job in some:
            job.settle(fault)

    for loop in {job.loop for job in jobs}:
        # RuntimeError: the loop is gone, and with it whoever asked.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(answer, [job for job in jobs if job.loop is loop])


def _schema() -> str:
    """The tables of everybody who keeps something in this file."""
    folder = files("mobile_gateway")
    return "\n".join(folder.joinpath(*name.split("/")).read_text(encoding="utf-8") for name in SCHEMA_FILES)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Take the file for ourselves alone, durable, in our schema; raises StoreUnusable."""
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(f"BEGIN; {_schema()} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            raise StoreUnusable(
                f"{path} has schema {version} and this program knows {SCHEMA_VERSION}; choose another data folder"
            )
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as fault:
        raise StoreUnusable(
            f"{path} cannot be used ({fault}). If another mobile gateway has it, stop that one or choose another folder"
        ) from fault
    except sqlite3.DatabaseError as fault:
        raise StoreUnusable(f"{path} is no gateway file ({fault}); choose another data folder") from fault
