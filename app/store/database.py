"""The database as the flows see it: a transaction is a visible block, hot work shares one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from app.store.sharing import Shared

Tx = AsyncSession
Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

POOL_SIZE = 20
POOL_WAIT_SECONDS = 10
STATEMENT_SECONDS = 30
LOCK_SECONDS = 5
LOST_RACES = frozenset({"23505", "40001", "40P01"})
"""SQLSTATE of unique_violation, serialization_failure and deadlock_detected: another transaction came first."""


def make_engine(url: str, *, pool_size: int = POOL_SIZE) -> AsyncEngine:
    """An engine whose connections give up on a lock after 5 s and on a statement after 30 s."""
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        pool_pre_ping=False,
        hide_parameters=True,  # an error is logged: what people typed, and hashes of their links, do not belong there
        connect_args={
            "server_settings": {
                "application_name": "cyberticket",
                "lock_timeout": f"{LOCK_SECONDS}s",
                "statement_timeout": f"{STATEMENT_SECONDS}s",
                "idle_in_transaction_session_timeout": "60s",
                "timezone": "UTC",
                "jit": "off",
            },
        },
    )


class Database:
    """Opens transactions. Everything below works on the transaction it is given."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._shared = Shared()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """Commits when the block ends, rolls back when it raises. No network call belongs inside."""
        async with AsyncSession(self.engine, expire_on_commit=False) as tx, tx.begin():
            yield tx

    async def together(
        self, work: Callable[[Tx, Sequence[Ask]], Awaitable[Sequence[Answer | Exception]]], ask: Ask
    ) -> Answer:
        """Answer `ask` in a transaction shared with the others who ask the same `work` meanwhile.

        Where another process was faster with the same rows it is done once more, and then sees what that one did.
        """

        async def once(asks: Sequence[Ask]) -> Sequence[Answer | Exception]:
            async with self.transaction() as tx:
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
        await self.engine.dispose()
