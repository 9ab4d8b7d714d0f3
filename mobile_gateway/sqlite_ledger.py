"""The carrier's memory as SQL: the only statements of this program, all inside a transaction that `store` opens."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

from mobile_gateway.handset import Held, Mode, Notice, Phone, View
from mobile_gateway.messages import Entry, Language, Message, Model, Receipt, State, Subscriber, SubscriberState
from mobile_gateway.wire.gsm import Coding

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_MESSAGE = (
    "id, account, key, fingerprint, recipient, sender, text, coding, parts, receipt_wanted,"
    " accepted_at, expires_at, state, attempts, due_at, error"
)
_RECEIPT = "message_id, recipient, state, at, parts, error, attempts, due_at"


class SqliteLedger:
    """A `Ledger` over one connection; commits nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection.execute

    # --- messages -----------------------------------------------------------------------------------------------------

    def message(self, message_id: str) -> Message | None:
        row = self._sql(f"SELECT {_MESSAGE} FROM message WHERE id = ?", (message_id,)).fetchone()  # noqa: S608 - constant
        return _message(row) if row else None

    def message_of_key(self, account: str, key: str) -> Message | None:
        query = f"SELECT {_MESSAGE} FROM message WHERE account = ? AND key = ?"  # noqa: S608 - constant
        row = self._sql(query, (account, key)).fetchone()
        return _message(row) if row else None

    def add_message(self, message: Message) -> None:
        self._sql(
            f"INSERT INTO message ({_MESSAGE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant
            (
                message.id,
                message.account,
                message.key,
                message.fingerprint,
                message.to,
                message.sender,
                message.text,
                message.coding,
                message.parts,
                message.receipt_wanted,
                _micros(message.accepted_at),
                _micros(message.expires_at),
                message.state,
                message.attempts,
                _micros_or_none(message.due_at),
                message.error,
            ),
        )

    def save_message(self, message: Message) -> None:
        # An end is an end: the WHERE is the second net under the transition table.
        done = self._sql(
            "UPDATE message SET state = ?, attempts = ?, due_at = ?, error = ? WHERE id = ? AND state = 'ENROUTE'",
            (message.state, message.attempts, _micros_or_none(message.due_at), message.error, message.id),
        )
        assert done.rowcount == 1

    def add_entry(self, message_id: str, entry: Entry) -> None:
        self._sql(
            "INSERT INTO entry (message_id, at, state, note) VALUES (?, ?, ?, ?)",
            (message_id, _micros(entry.at), entry.state, entry.note),
        )

    def history(self, message_id: str) -> list[Entry]:
        rows = self._sql("SELECT at, state, note FROM entry WHERE message_id = ? ORDER BY sequence", (message_id,))
        return [Entry(_time(at), State(state), note) for at, state, note in rows]

    def due(self, now: datetime, *, limit: int) -> list[Message]:
        query = f"SELECT {_MESSAGE} FROM message WHERE due_at <= ? ORDER BY due_at, sequence LIMIT ?"  # noqa: S608 - constant
        return [_message(row) for row in self._sql(query, (_micros(now), limit)).fetchall()]

    def next_due(self) -> datetime | None:
        (due_at,) = self._sql("SELECT min(due_at) FROM message WHERE due_at IS NOT NULL").fetchone()
        return _time_or_none(due_at)

    def make_due(self, number: str, now: datetime) -> int:
        done = self._sql(
            "UPDATE message SET due_at = ? WHERE recipient = ? AND due_at IS NOT NULL", (_micros(now), number)
        )
        return done.rowcount

    def backlog(self, account: str) -> int:
        row = self._sql("SELECT waiting FROM backlog WHERE account = ?", (account,)).fetchone()
        return int(row[0]) if row else 0

    # --- subscribers and their phones ---------------------------------------------------------------------------------

    def subscriber(self, number: str) -> Subscriber | None:
        row = self._sql(
            "SELECT number, state, model, language, created_at, active_at FROM subscriber WHERE number = ?", (number,)
        ).fetchone()
        return _subscriber(row) if row else None

    def save_subscriber(self, subscriber: Subscriber) -> None:
        self._sql(
            "INSERT INTO subscriber (number, state, model, language, created_at, active_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (number) DO UPDATE SET state = excluded.state, model = excluded.model,"
            " language = excluded.language, active_at = excluded.active_at",
            (
                subscriber.number,
                subscriber.state,
                subscriber.model,
                subscriber.language,
                _micros(subscriber.created_at),
                _micros(subscriber.active_at),
            ),
        )

    def subscribers(self, *, limit: int) -> list[Subscriber]:
        rows = self._sql(
            "SELECT number, state, model, language, created_at, active_at FROM subscriber"
            " ORDER BY active_at DESC, number LIMIT ?",
            (limit,),
        )
        return [_subscriber(row) for row in rows.fetchall()]

    def phone(self, subscriber: Subscriber) -> Phone:
        rows = self._sql(
            "SELECT id, sender, text, parts, received_at, opened, stored FROM held WHERE number = ?"
            " ORDER BY sequence DESC",
            (subscriber.number,),
        )
        messages = tuple(
            Held(id_, sender, text, parts, _time(received_at), bool(opened), bool(stored))
            for id_, sender, text, parts, received_at, opened, stored in rows
        )
        row = self._sql("SELECT mode, picked, row, notice FROM view WHERE number = ?", (subscriber.number,)).fetchone()
        view = View(Mode(row[0]), row[1], row[2], Notice(row[3]) if row[3] else None) if row else View()
        return Phone(subscriber.number, subscriber.model, subscriber.language, messages, view)

    def save_phone(self, before: Phone, after: Phone) -> None:
        assert before.number == after.number
        old = {held.id: held for held in before.messages}
        new = {held.id: held for held in after.messages}
        for held in reversed(after.messages):  # oldest first, so that the rows' order is the order of arrival
            if held != old.get(held.id):
                self._save_held(after.number, held)
        for gone in old.keys() - new.keys():
            self._sql("DELETE FROM held WHERE number = ? AND id = ?", (after.number, gone))
        if after.view != before.view:
            view = after.view
            self._sql(
                "INSERT OR REPLACE INTO view (number, mode, picked, row, notice) VALUES (?, ?, ?, ?, ?)",
                (after.number, view.mode, view.picked, view.row, view.notice),
            )

    def _save_held(self, number: str, held: Held) -> None:
        self._sql(
            "INSERT INTO held (number, id, sender, text, parts, received_at, opened, stored)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (number, id) DO UPDATE SET opened = excluded.opened, stored = excluded.stored",
            (
                number,
                held.id,
                held.sender,
                held.text,
                held.parts,
                _micros(held.received_at),
                held.opened,
                held.stored,
            ),
        )

    # --- receipts -----------------------------------------------------------------------------------------------------

    def add_receipt(self, receipt: Receipt) -> None:
        self._sql(
            f"INSERT INTO receipt ({_RECEIPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant
            (
                receipt.message_id,
                receipt.to,
                receipt.state,
                _micros(receipt.at),
                receipt.parts,
                receipt.error,
                receipt.attempts,
                _micros(receipt.due_at),
            ),
        )

    def due_receipts(self, now: datetime, *, limit: int) -> list[Receipt]:
        query = f"SELECT {_RECEIPT} FROM receipt WHERE due_at <= ? ORDER BY due_at, message_id LIMIT ?"  # noqa: S608 - constant
        return [_receipt(row) for row in self._sql(query, (_micros(now), limit)).fetchall()]

    def next_receipt_due(self) -> datetime | None:
        (due_at,) = self._sql("SELECT min(due_at) FROM receipt").fetchone()
        return _time_or_none(due_at)

    def save_receipt(self, receipt: Receipt) -> None:
        self._sql(
            "UPDATE receipt SET attempts = ?, due_at = ? WHERE message_id = ?",
            (receipt.attempts, _micros(receipt.due_at), receipt.message_id),
        )

    def drop_receipt(self, message_id: str) -> None:
        self._sql("DELETE FROM receipt WHERE message_id = ?", (message_id,))


Row = tuple[Any, ...]  # SQLite's own types; each reader below gives them back their names


def _message(row: Row) -> Message:
    return Message(
        id=row[0],
        account=row[1],
        key=row[2],
        fingerprint=row[3],
        to=row[4],
        sender=row[5],
        text=row[6],
        coding=Coding(row[7]),
        parts=row[8],
        receipt_wanted=bool(row[9]),
        accepted_at=_time(row[10]),
        expires_at=_time(row[11]),
        state=State(row[12]),
        attempts=row[13],
        due_at=_time_or_none(row[14]),
        error=row[15],
    )


def _subscriber(row: Row) -> Subscriber:
    number, state, model, language, created_at, active_at = row
    return Subscriber(
        number, SubscriberState(state), Model(model), Language(language), _time(created_at), _time(active_at)
    )


def _receipt(row: Row) -> Receipt:
    message_id, to, state, at, parts, error, attempts, due_at = row
    return Receipt(message_id, to, State(state), _time(at), parts, error, attempts, _time(due_at))


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _micros_or_none(at: datetime | None) -> int | None:
    return None if at is None else _micros(at)


def _time(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND


def _time_or_none(micros: int | None) -> datetime | None:
    return None if micros is None else _time(micros)
