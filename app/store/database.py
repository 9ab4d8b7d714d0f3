"""The database as the flows see it: a transaction is a visible block, hot work shares one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from app.store.connections import SESSION, WAIT_SECONDS, Connection, Connections
from app.store.sharing import Shared

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

POOL_SIZE = 20
LOST_RACES = frozenset({"23505", "40001", "40P01"})
"""SQLSTATE of unique_violation, serialization_failure and deadlock_detected: another transaction came first."""


def make_engine(url: str, *, pool_size: int = POOL_SIZE) -> AsyncEngine:
    """An engine whose connections give up on a lock after 5 s and on a statement after 30 s."""
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        pool_pre_ping=False,
        hide_parameters=True,  # an error is logged: what people typed, and hashes of their links, do not belong there
        connect_args={"server_settings": SESSION},
    )


class Tx:
    """One transaction: everything below the flows works on the one it is given."""

    __slots__ = ("_connection", "database")

    def __init__(self, connection: Connection, database: Database) -> None:
        self._connection = connection
        self.database = database

    async def execute(
        self, statement: str | sa.TextClause, values: Mapping[str, object] | None = None
    ) -> sa.Result[Any]:
        """Run one statement with `:named` values; raises DBAPIError."""
        text = statement if isinstance(statement, str) else statement.text
        return await self._connection.execute(text, values or {})


class _Block:
    """A connection for as long as the block lasts. A class, for a generator takes as long as many a statement does."""

    __slots__ = ("_atomic", "_connection", "_database")

    def __init__(self, database: Database, *, atomic: bool) -> None:
        self._database = database
        self._atomic = atomic

    async def __aenter__(self) -> Tx:
        self._connection = await self._database.connections.lend()
        if self._atomic:
            self._connection.begin()
        return Tx(self._connection, self._database)

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._connection
        try:
            if isinstance(fault, asyncio.CancelledError):
                connection.driver.terminate()  # it may be in the middle of anything
            elif self._atomic:
                await connection.end(commit=fault is None)
        except asyncio.CancelledError:
            connection.driver.terminate()
            raise
        finally:
            self._database.connections.take_back(connection)


class Database:
    """Opens transactions. Those who are one process with `other` use the connections that it has."""

    def __init__(self, engine: AsyncEngine, *, other: Database | None = None) -> None:
        self.engine = engine
        self.connections: Connections = other.connections if other else Connections(engine, _size(engine))
        self._shared = Shared()

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """Commits when the block ends, rolls back when it raises. No network call belongs inside."""
        return _Block(self, atomic=True)

    def statements(self) -> AbstractAsyncContextManager[Tx]:
        """Each statement is a transaction of its own: for reading, and for work of one statement.

        A transaction that reads sees no more than this: ours are READ COMMITTED, and look anew with each statement.
        """
        return _Block(self, atomic=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A transaction for statements that SQLAlchemy builds: imports, where comfort counts for more than speed."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def together(
        self,
        work: Callable[[Tx, Sequence[Ask]], Awaitable[Sequence[Answer | Exception]]],
        ask: Ask,
        *,
        atomic: bool = True,
    ) -> Answer:
        """Answer `ask` in a transaction shared with the others who ask the same `work` meanwhile.

        Work that reads, or writes by one statement, need not be `atomic`: it is spared a BEGIN and a COMMIT.

        Where another process was faster with the same rows it is done once more, and then sees what that one did.
        """

        async def once(asks: Sequence[Ask]) -> Sequence[Answer | Exception]:
            async with self.transaction() if atomic else self.statements() as tx:
                return await work(tx, asks)

        async def run(asks: Sequence[Ask]) -> Sequence[Answer | Exception]:
            try:
                return await once(asks)
            except DBAPIError as fault:
                if getattr(fault.orig, "sqlstate", None) not in LOST_RACES:
                    raise
            return await once(asks)

        return await self._shared.ask(work, run, ask)

    async def close(self) -> None:
        await self.connections.close()
        await self.engine.dispose()


def _size(engine: AsyncEngine) -> int:
    """How many connections the engine was made for."""
    pool = engine.pool
    return pool.size() if isinstance(pool, sa.QueuePool) else POOL_SIZE
