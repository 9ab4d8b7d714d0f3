"""What accounts are owed, in the carrier's file: kept until somebody took it, found by the way it goes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mobile_gateway.carrier.messages import Dlr, State, Way
from mobile_gateway.carrier.outgoing import Kind, Outgoing
from mobile_gateway.disk.times import micros, micros_or_none, time, time_or_none

_OUTGOING = (
    "account, way, kind, message_id, sender, recipient, at, user_data, data_coding, esm_class, service_type,"
    " submitted_at, state, parts, error, error_code, dlr_url, dlr_mask, attempts, due_at"
)
_INSERT = f"INSERT INTO outgoing ({_OUTGOING}) VALUES ({', '.join('?' * 20)})"  # noqa: S608 - constant
_SELECT = f"SELECT id, {_OUTGOING} FROM outgoing"  # noqa: S608 - constant

# Each clause has its index. That of all accounts leaves out SMPP, where an account that is away may be owed a lot.
_OF_ONE = "way = ? AND account = ?"
_OF_ALL = "way = ? AND way <> 'smpp'"


class OutgoingRows:
    """The part of a `Ledger` that keeps what is owed, over one connection; commits nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection.execute
        self._many = connection.executemany

    def add_outgoing(self, owed: Sequence[Outgoing]) -> None:
        if owed:
            self._many(_INSERT, [_row(one) for one in owed])

    def due_outgoing(self, way: str, account: str | None, now: datetime, *, limit: int) -> list[Outgoing]:
        clause, facts = _clause(way, account)
        query = f"{_SELECT} WHERE {clause} AND due_at <= ? ORDER BY due_at, id LIMIT ?"
        return [_outgoing(row) for row in self._sql(query, (*facts, micros(now), limit)).fetchall()]

    def next_outgoing_due(self, way: str, account: str | None, *, after: datetime | None = None) -> datetime | None:
        clause, facts = _clause(way, account)
        query = f"SELECT min(due_at) FROM outgoing WHERE {clause} AND due_at > ?"  # noqa: S608 - constant
        (due_at,) = self._sql(query, (*facts, -1 if after is None else micros(after))).fetchone()
        return time_or_none(due_at)

    def make_outgoing_due(self, way: str, account: str | None, now: datetime) -> None:
        clause, facts = _clause(way, account)
        query = f"UPDATE outgoing SET due_at = ? WHERE {clause} AND attempts > 0 AND due_at > ?"  # noqa: S608 - constant
        self._sql(query, (micros(now), *facts, micros(now)))

    def save_outgoing(self, changed: Sequence[Outgoing]) -> None:
        self._many(
            "UPDATE outgoing SET attempts = ?, due_at = ? WHERE id = ?",
            [(one.attempts, micros_or_none(one.due_at), one.id) for one in changed],
        )

    def drop_outgoing(self, ids: Sequence[int]) -> None:
        self._many("DELETE FROM outgoing WHERE id = ?", [(id_,) for id_ in ids])

    def add_alert(self, number: str, account: str, address: str) -> None:
        self._sql("INSERT OR IGNORE INTO alert (number, account, address) VALUES (?, ?, ?)", (number, account, address))

    def has_alerts(self) -> bool:
        return self._sql("SELECT 1 FROM alert LIMIT 1").fetchone() is not None

    def take_alerts(self, number: str) -> list[tuple[str, str]]:
        return self._sql("DELETE FROM alert WHERE number = ? RETURNING account, address", (number,)).fetchall()

    def give_up_outgoing(self, older_than: datetime) -> int:
        # Ids follow the order in which things came to be owed, so the oldest are found without an index on `at`.
        done = self._sql(
            "DELETE FROM outgoing WHERE id IN (SELECT id FROM outgoing ORDER BY id LIMIT 1000) AND at < ?",
            (micros(older_than),),
        )
        return done.rowcount


def _clause(way: str, account: str | None) -> tuple[str, tuple[str, ...]]:
    return (_OF_ALL, (way,)) if account is None else (_OF_ONE, (way, account))


def _row(one: Outgoing) -> tuple[Any, ...]:
    return (
        one.account,
        one.way,
        one.kind,
        one.message_id,
        one.sender,
        one.to,
        micros(one.at),
        one.user_data,
        one.data_coding,
        one.esm_class,
        one.service_type,
        micros_or_none(one.submitted_at),
        one.state,
        one.parts,
        one.error,
        one.error_code,
        one.dlr.url if one.dlr else None,
        one.dlr.mask if one.dlr else None,
        one.attempts,
        micros_or_none(one.due_at),
    )


def _outgoing(row: tuple[Any, ...]) -> Outgoing:
    return Outgoing(
        id=row[0],
        account=row[1],
        way=Way(row[2]),
        kind=Kind(row[3]),
        message_id=row[4],
        sender=row[5],
        to=row[6],
        at=time(row[7]),
        user_data=row[8],
        data_coding=row[9],
        esm_class=row[10],
        service_type=row[11],
        submitted_at=time_or_none(row[12]),
        state=State(row[13]) if row[13] else None,
        parts=row[14],
        error=row[15],
        error_code=row[16],
        dlr=None if row[17] is None else Dlr(row[17], row[18]),
        attempts=row[19],
        due_at=time_or_none(row[20]),
    )
