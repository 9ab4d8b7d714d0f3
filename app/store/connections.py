"""Connections to PostgreSQL, and statements on them by the driver alone: each is prepared once per connection.

The layers above the driver cost more than most of our statements take. What comes back is SQLAlchemy's own result, and
what goes wrong its own error, so that nobody needs to know which way a statement went.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import asyncpg
import sqlalchemy as sa
from asyncpg.prepared_stmt import PreparedStatement
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.ext.asyncio import AsyncEngine

WAIT_SECONDS = 10
STATEMENT_SECONDS = 30
LOCK_SECONDS = 5
STATEMENTS_KEPT_MAX = 500
"""Prepared on one connection; a search has many shapes, and each is a statement of its own."""

SESSION = {
    "application_name": "cyberticket",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "jit": "off",
}

NAME = re.compile(r"(?<![:\w\\]):([a-z_]\w*)(?!:)")
"""A parameter in a statement's text; `::` casts, and a colon behind a backslash is one."""


MORE = re.compile(
    r"\bFOR\s+(NO\s+KEY\s+)?(UPDATE|SHARE|KEY\s+SHARE)\b|pg_\w*advisory|set_config|nextval", re.IGNORECASE
)
"""What makes a SELECT more than a look: it lasts until the end of its transaction, or changes something."""


def only_looks(text: str) -> bool:
    """Whether a statement leaves no trace, so that it need not be inside of a transaction.

    Ours are READ COMMITTED: each statement looks anew, and one that ran before BEGIN has seen what it would have after.
    """
    return text.lstrip()[:7].upper() in {"SELECT ", "SELECT\n"} and MORE.search(text) is None


@lru_cache(maxsize=2_000)
def numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """A statement with PostgreSQL's numbers for its named parameters, and the names in their order."""
    names: dict[str, int] = {}
    found = NAME.sub(lambda match: f"${names.setdefault(match[1], len(names) + 1)}", text)
    return found.replace(r"\:", ":"), tuple(names)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement on one connection, the names of its parameters and of its columns."""

    statement: PreparedStatement[Any]
    names: tuple[str, ...]
    columns: SimpleResultMetaData
    only_looks: bool


class Connection:
    """One connection and what is prepared on it."""

    def __init__(self, driver: asyncpg.Connection[Any]) -> None:
        self.driver = driver
        self._prepared: dict[str, Prepared] = {}
        self._to_begin = False

    async def execute(self, text: str, values: Mapping[str, object]) -> sa.Result[Any]:
        """Run one statement with its named `values`; raises DBAPIError."""
        try:
            prepared = self._prepared.get(text) or await self._prepare(text)
            if self._to_begin and not prepared.only_looks:
                self._to_begin = False
                await self.driver.execute("BEGIN")
            rows = await prepared.statement.fetch(*[values[name] for name in prepared.names])
        except asyncpg.InvalidCachedStatementError as fault:
            self._prepared.clear()  # a migration went over us: whoever asks again gets what is new
            raise _told(fault, text, values) from fault
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            raise _told(fault, text, values) from fault
        return IteratorResult(prepared.columns, map(tuple, rows))

    def begin(self) -> None:
        """What follows is one transaction. It begins with the first statement that needs it."""
        self._to_begin = True

    async def end(self, *, commit: bool) -> None:
        """End the transaction one way or the other; raises DBAPIError where it cannot be committed."""
        begun, self._to_begin = not self._to_begin, False
        try:
            if begun and commit:
                await self.driver.execute("COMMIT")
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            raise _told(fault, "the border of a transaction", {}) from fault
        finally:
            if not self.driver.is_closed() and self.driver.is_in_transaction():
                await self.driver.execute("ROLLBACK")

    async def _prepare(self, text: str) -> Prepared:
        if len(self._prepared) >= STATEMENTS_KEPT_MAX:
            self._prepared.clear()
        native, names = numbered(text)
        statement = await self.driver.prepare(native)
        columns = SimpleResultMetaData([column.name for column in statement.get_attributes()])
        found = Prepared(statement, names, columns, only_looks(text))
        self._prepared[text] = found
        return found


def _jsonb(text: str) -> bytes:
    """PostgreSQL's binary form: a version, then the text."""
    return b"\x01" + text.encode()


def _from_jsonb(octets: bytes) -> Any:
    return json.loads(octets[1:])


def _told(fault: Exception, text: str, values: Mapping[str, object]) -> sa.exc.DBAPIError:
    """The driver's error in SQLAlchemy's words, without what people typed: it may end in a log."""
    kind = sa.exc.DBAPIError
    if isinstance(fault, asyncpg.IntegrityConstraintViolationError):
        kind = sa.exc.IntegrityError
    return kind(text, dict(values), fault, hide_parameters=True)


class Connections:
    """As many connections as the engine may have, opened when they are needed, kept until `close`."""

    def __init__(self, engine: AsyncEngine, size: int) -> None:
        self._engine = engine
        self._idle: list[Connection] = []
        self._room = asyncio.Semaphore(size)

    async def lend(self) -> Connection:
        """One for whoever gives it back; raises TimeoutError when none is free for 10 s."""
        if self._room.locked():
            async with asyncio.timeout(WAIT_SECONDS):
                await self._room.acquire()
        else:
            await self._room.acquire()  # at once, and without a timer
        try:
            return self._kept() or await self._open()
        except BaseException:
            self._room.release()
            raise

    def take_back(self, connection: Connection) -> None:
        """Keep it for the next, unless it is closed."""
        if not connection.driver.is_closed():
            self._idle.append(connection)
        self._room.release()

    def _kept(self) -> Connection | None:
        """The one that was used last; what a server that restarted has closed is dropped."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.driver.is_closed():
                return connection
        return None

    async def _open(self) -> Connection:
        """Raises DBAPIError where the server refuses, OSError where there is none."""
        _, options = self._engine.dialect.create_connect_args(self._engine.url)
        known = {name: value for name, value in options.items() if not name.startswith("prepared_statement_")}
        try:
            driver = await asyncpg.connect(**known, server_settings=SESSION)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            raise _told(fault, "connecting", {}) from fault
        await driver.set_type_codec("jsonb", schema="pg_catalog", encoder=_jsonb, decoder=_from_jsonb, format="binary")
        return Connection(driver)

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().driver.close()
