"""The two ledgers: one in memory, one in a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files

import pytest

from mobile_gateway.carrier.ledger import Ledger, MemoryLedger
from mobile_gateway.disk.ledger import SqliteLedger


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript((files("mobile_gateway.disk") / "schema.sql").read_text(encoding="utf-8"))
        yield SqliteLedger(connection)
