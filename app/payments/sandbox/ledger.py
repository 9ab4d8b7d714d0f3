"""The network's memory: one SQLite file, one writer thread, and many requests to a commit.

Requests that arrive while a transaction is being written share the next one, each with its own savepoint and its own
answer, and nobody is answered before the transaction that holds their effect is on disk (WAL, synchronous FULL). A
process killed at any instant therefore forgets nothing that it has answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from app.payments.sandbox.schema import SCHEMA, SCHEMA_VERSION

T = TypeVar("T")
JOBS_PER_COMMIT_MAX = 256
BUSY_SECONDS = 5.0


class LedgerBusy(Exception):
    """Too many requests wait for the database; nothing was done."""


class LedgerUnusable(Exception):
    """The file cannot be opened; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One request's work, and where its answer is awaited."""

    work: Callable[[sqlite3.Connection], object]
    future: asyncio.Future[object]
    loop: asyncio.AbstractEventLoop


_Outcome = tuple[_Job, object, BaseException | None]


class Ledger:
    """The database file, open between `open` and `close`; `run` does one piece of work on it, durably."""

    def __init__(self, path: Path, *, jobs_waiting_max: int) -> None:
        self._path = path
        self._jobs_waiting_max = jobs_waiting_max
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Open or create the file; raises LedgerUnusable."""
        connection = await asyncio.to_thread(_connect, self._path)
        self._thread = threading.Thread(
            target=self._write, args=(connection,), name="payment-network-ledger", daemon=True
        )
        self._thread.start()

    async def close(self) -> None:
        """Finish what waits, then close the file."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(thread.join)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in a transaction and return after it is on disk; its exception undoes its own effect only.

        Raises LedgerBusy when too much waits already.
        """
        assert self._thread is not None, "the ledger is not open"
        if self._jobs.qsize() >= self._jobs_waiting_max:
            raise LedgerBusy
        loop = asyncio.get_running_loop()
        future: asyncio.Future[object] = loop.create_future()
        self._jobs.put(_Job(work, future, loop))
        return await future  # type: ignore[return-value]  # the future holds what `work` returned

    def _write(self, connection: sqlite3.Connection) -> None:
        running = True
        while running:
            batch, running = self._next_batch()
            if batch:
                _deliver(_commit_together(connection, batch))
        connection.close()

    def _next_batch(self) -> tuple[list[_Job], bool]:
        """All that waits, at most JOBS_PER_COMMIT_MAX, and whether there is more to come."""
        batch: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            batch.append(job)
            if len(batch) == JOBS_PER_COMMIT_MAX or self._jobs.empty():
                return batch, True
            job = self._jobs.get()
        return batch, False


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        # EXCLUSIVE keeps the file's lock while this process lives: the keys in use are known to one process only.
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN EXCLUSIVE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except sqlite3.Error as fault:
        connection.close()
        raise LedgerUnusable(
            f"{path} cannot be used ({fault}). Stop the other payment network on this folder, or choose another folder."
        ) from fault
    if version not in {0, SCHEMA_VERSION}:
        connection.close()
        raise LedgerUnusable(f"{path} was made by another version (schema {version}). Choose another folder.")
    return connection


def _commit_together(connection: sqlite3.Connection, batch: list[_Job]) -> list[_Outcome]:
    """One transaction for the batch. When the commit itself fails, nobody's effect happened and all are told."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_one(connection, job) for job in batch]
        connection.execute("COMMIT")
    except sqlite3.Error as fault:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return [(job, None, fault) for job in batch]
    return outcomes


def _one(connection: sqlite3.Connection, job: _Job) -> _Outcome:
    connection.execute("SAVEPOINT job")
    try:
        result, fault = job.work(connection), None
    except Exception as raised:  # noqa: BLE001 - it belongs to the request that asked, which gets it re-raised
        connection.execute("ROLLBACK TO job")
        result, fault = None, raised
    connection.execute("RELEASE job")
    return job, result, fault


def _deliver(outcomes: list[_Outcome]) -> None:
    """Wake the requests, once per event loop."""
    for loop in {job.loop for job, _, _ in outcomes}:
        mine = [outcome for outcome in outcomes if outcome[0].loop is loop]
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, mine)


def _resolve(outcomes: list[_Outcome]) -> None:
    for job, result, fault in outcomes:
        if job.future.done():  # its caller has gone away; the effect stays, as on a real network
            continue
        if fault is not None:
            job.future.set_exception(fault)
        else:
            job.future.set_result(result)
