"""Messages in the carrier's file: the SQL that takes, finds, moves and forgets them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mobile_gateway.carrier.ledger import told
from mobile_gateway.carrier.messages import Dlr, Entry, Message, Priority, State, Submission, Way
from mobile_gateway.disk.times import micros, micros_or_none, time, time_or_none

_MESSAGE = (
    "sequence, id, account, key, recipient, sender, user_data, data_coding, esm_class, protocol_id, priority,"
    " registered_delivery, service_type, way, dlr_url, dlr_mask, schedule_at, parts, accepted_at, expires_at,"
    " state, attempts, due_at, ended_at, error, error_code, alerts"
)
_INSERT = f"INSERT INTO message ({_MESSAGE}, fingerprint) VALUES ({', '.join('?' * 28)})"  # noqa: S608 - constant
_SELECT = f"SELECT {_MESSAGE} FROM message"  # noqa: S608 - constant
_URGENT_FIRST = tuple(sorted(Priority, reverse=True))

Row = tuple[Any, ...]
"""SQLite's own types; `_message` gives them back their names."""


class MessageRows:
    """The part of a `Ledger` that keeps messages, over one connection; commits nothing.

    How many there are and wait is counted here, since every submission asks: whoever rolls back says so with `forget`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection.execute
        self._many = connection.executemany
        self._last_sequence: int | None = None
        self._backlogs: dict[str, int] | None = None
        self._kept: int | None = None

    def forget(self) -> None:
        """Count anew: what was counted may have been rolled back."""
        self._last_sequence = None
        self._backlogs = None
        self._kept = None

    def next_sequence(self) -> int:
        if self._last_sequence is None:
            (last,) = self._sql("SELECT max(sequence) FROM message").fetchone()
            self._last_sequence = last or 0
        self._last_sequence += 1
        return self._last_sequence

    def message(self, message_id: str) -> Message | None:
        row = self._sql(f"{_SELECT} WHERE id = ?", (message_id,)).fetchone()
        return _message(row) if row else None

    def message_of_key(self, account: str, key: str) -> tuple[Message, bytes] | None:
        query = f"SELECT fingerprint, {_MESSAGE} FROM message WHERE account = ? AND key = ?"  # noqa: S608 - constant
        row = self._sql(query, (account, key)).fetchone()
        return (_message(row[1:]), row[0]) if row else None

    def add_message(self, message: Message) -> None:
        sent = message.submission
        fingerprint = None if sent.key is None else sent.fingerprint()
        self._sql(_INSERT, (*_row(message), fingerprint))
        if self._kept is not None:
            self._kept += 1
        if self._backlogs is not None:
            self._backlogs[sent.account] = self._backlogs.get(sent.account, 0) + 1

    def save_messages(self, messages: Sequence[Message]) -> None:
        # An end is an end: the WHERE is the second net under the transition table.
        done = self._many(
            "UPDATE message SET state = ?, attempts = ?, due_at = ?, ended_at = ?, error = ?, error_code = ?"
            " WHERE sequence = ? AND state = 'ENROUTE'",
            [
                (
                    one.state,
                    one.attempts,
                    micros_or_none(one.due_at),
                    micros_or_none(one.ended_at),
                    one.error,
                    one.error_code,
                    one.sequence,
                )
                for one in messages
            ],
        )
        assert done.rowcount == len(messages) or not messages
        if self._backlogs is not None:
            for one in messages:
                self._backlogs[one.account] -= one.ended_at is not None

    def replace_message(self, message: Message) -> None:
        sent = message.submission
        done = self._sql(
            "UPDATE message SET user_data = ?, data_coding = ?, esm_class = ?, protocol_id = ?, priority = ?,"
            " registered_delivery = ?, alerts = ?, schedule_at = ?, parts = ?, accepted_at = ?, expires_at = ?,"
            " due_at = ?, attempts = ?, error = ? WHERE sequence = ? AND state = 'ENROUTE'",
            (
                sent.user_data,
                sent.data_coding,
                sent.esm_class,
                sent.protocol_id,
                sent.priority,
                sent.registered_delivery,
                sent.alerts,
                micros_or_none(sent.schedule_at),
                message.parts,
                micros(message.accepted_at),
                micros(message.expires_at),
                micros_or_none(message.due_at),
                message.attempts,
                message.error,
                message.sequence,
            ),
        )
        assert done.rowcount == 1

    def replaceable(self, submission: Submission) -> Message | None:
        found = self.waiting(
            submission.account, sender=submission.sender, to=submission.to, service_type=submission.service_type
        )
        return found[-1] if found else None

    def waiting(self, account: str, *, sender: str, to: str, service_type: str | None) -> list[Message]:
        rows = self._sql(
            f"{_SELECT} WHERE recipient = ? AND due_at IS NOT NULL AND account = ? AND sender = ?"
            " AND (? IS NULL OR service_type = ?) ORDER BY sequence",
            (to, account, sender, service_type, service_type),
        )
        return [_message(row) for row in rows.fetchall()]

    def add_entry(self, message_id: str, entry: Entry) -> None:
        self._sql(
            "INSERT INTO entry (message_id, at, state, note) VALUES (?, ?, ?, ?)",
            (message_id, micros(entry.at), entry.state, entry.note),
        )

    def history(self, message: Message) -> list[Entry]:
        rows = self._sql("SELECT at, state, note FROM entry WHERE message_id = ? ORDER BY sequence", (message.id,))
        return told(message, [Entry(time(at), State(state), note) for at, state, note in rows])

    def due(self, now: datetime, *, limit: int) -> list[Message]:
        query = f"{_SELECT} WHERE priority = ? AND due_at <= ? ORDER BY due_at, sequence LIMIT ?"
        found: list[Message] = []
        for priority in _URGENT_FIRST:
            if (room := limit - len(found)) > 0:
                found += map(_message, self._sql(query, (int(priority), micros(now), room)).fetchall())
        return found

    def next_due(self) -> datetime | None:
        query = "SELECT min(due_at) FROM message WHERE priority = ? AND due_at IS NOT NULL"
        found = [self._sql(query, (int(priority),)).fetchone()[0] for priority in Priority]
        return time_or_none(min((due_at for due_at in found if due_at is not None), default=None))

    def make_due(self, number: str, now: datetime) -> int:
        done = self._sql(
            "UPDATE message SET due_at = ? WHERE recipient = ? AND due_at IS NOT NULL AND error IS NOT NULL",
            (micros(now), number),
        )
        return done.rowcount

    def backlog(self, account: str) -> int:
        return self._waiting_counts().get(account, 0)

    def prune(self, *, ended_before: datetime, keep_max: int, limit: int) -> int:
        extra = max(0, self._count() - keep_max)
        gone = self._forget_ended("ended_at < ?", micros(ended_before), limit)
        gone += self._forget_ended("ended_at > ?", 0, min(extra, limit) - gone)
        return gone

    def _forget_ended(self, clause: str, fact: int, limit: int) -> int:
        if limit <= 0:
            return 0
        ids = self._sql(
            "DELETE FROM message WHERE sequence IN (SELECT sequence FROM message"  # noqa: S608 - constants
            f" WHERE ended_at IS NOT NULL AND {clause} ORDER BY ended_at LIMIT ?) RETURNING id",
            (fact, limit),
        ).fetchall()
        self._many("DELETE FROM entry WHERE message_id = ?", ids)
        self._kept = self._count() - len(ids)
        return len(ids)

    def _count(self) -> int:
        if self._kept is None:
            self._kept = int(self._sql("SELECT count(*) FROM message").fetchone()[0])
        return self._kept

    def _waiting_counts(self) -> dict[str, int]:
        if self._backlogs is None:
            rows = self._sql("SELECT account, count(*) FROM message WHERE due_at IS NOT NULL GROUP BY account")
            self._backlogs = dict(rows.fetchall())
        return self._backlogs


def _row(message: Message) -> Row:
    sent = message.submission
    dlr = sent.dlr
    return (
        message.sequence,
        message.id,
        sent.account,
        sent.key,
        sent.to,
        sent.sender,
        sent.user_data,
        sent.data_coding,
        sent.esm_class,
        sent.protocol_id,
        int(sent.priority),
        sent.registered_delivery,
        sent.service_type,
        sent.way,
        dlr.url if dlr else None,
        dlr.mask if dlr else None,
        micros_or_none(sent.schedule_at),
        message.parts,
        micros(message.accepted_at),
        micros(message.expires_at),
        message.state,
        message.attempts,
        micros_or_none(message.due_at),
        micros_or_none(message.ended_at),
        message.error,
        message.error_code,
        sent.alerts,
    )


def _message(row: Row) -> Message:
    submission = Submission(
        account=row[2],
        key=row[3],
        to=row[4],
        sender=row[5],
        user_data=row[6],
        data_coding=row[7],
        esm_class=row[8],
        protocol_id=row[9],
        priority=row[10],
        registered_delivery=row[11],
        service_type=row[12],
        way=Way(row[13]),
        dlr=None if row[14] is None else Dlr(row[14], row[15]),
        schedule_at=time_or_none(row[16]),
        alerts=bool(row[26]),
    )
    return Message(
        sequence=row[0],
        id=row[1],
        submission=submission,
        parts=row[17],
        accepted_at=time(row[18]),
        expires_at=time(row[19]),
        state=State(row[20]),
        attempts=row[21],
        due_at=time_or_none(row[22]),
        ended_at=time_or_none(row[23]),
        error=row[24],
        error_code=row[25],
    )
