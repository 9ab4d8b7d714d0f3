"""The carrier's memory as SQL, all inside a transaction that `store` opens: numbers, phones and what is set here.

Messages are in `sqlite_messages`, what accounts are owed in `sqlite_outgoing`.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from typing import Any

from mobile_gateway.carrier.faults import AccountRules, Fate, Faults, Script
from mobile_gateway.disk.messages import MessageRows
from mobile_gateway.disk.outgoing import OutgoingRows
from mobile_gateway.disk.times import micros, time
from mobile_gateway.handset.memory import held_body, held_of, phone_of, rest_body
from mobile_gateway.handset.phone import Phone
from mobile_gateway.subscribers import Language, Model, Subscriber, SubscriberState

_SUBSCRIBER = "number, state, model, language, created_at, active_at"


class SqliteLedger(MessageRows, OutgoingRows):
    """A `Ledger` over one connection; commits nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._sql = connection.execute
        self._many = connection.executemany

    # --- subscribers and their phones ---------------------------------------------------------------------------------

    def subscriber(self, number: str) -> Subscriber | None:
        row = self._sql(f"SELECT {_SUBSCRIBER} FROM subscriber WHERE number = ?", (number,)).fetchone()  # noqa: S608 - constant
        return _subscriber(row) if row else None

    def save_subscriber(self, subscriber: Subscriber) -> None:
        self._sql(
            f"INSERT INTO subscriber ({_SUBSCRIBER}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 - constant
            " ON CONFLICT (number) DO UPDATE SET state = excluded.state, model = excluded.model,"
            " language = excluded.language, active_at = excluded.active_at",
            (
                subscriber.number,
                subscriber.state,
                subscriber.model,
                subscriber.language,
                micros(subscriber.created_at),
                micros(subscriber.active_at),
            ),
        )

    def subscribers(self, *, limit: int) -> list[Subscriber]:
        query = f"SELECT {_SUBSCRIBER} FROM subscriber ORDER BY active_at DESC, number LIMIT ?"  # noqa: S608 - constant
        return [_subscriber(row) for row in self._sql(query, (limit,)).fetchall()]

    def phone(self, subscriber: Subscriber) -> Phone:
        rows = self._sql("SELECT body FROM held WHERE number = ? ORDER BY sequence DESC", (subscriber.number,))
        held = [held_of(body) for (body,) in rows.fetchall()]
        rest = self._sql("SELECT body FROM phone WHERE number = ?", (subscriber.number,)).fetchone()
        return phone_of(subscriber.number, subscriber.model, subscriber.language, rest[0] if rest else None, held)

    def save_phone(self, before: Phone, after: Phone) -> None:
        assert before.number == after.number
        old = {held.id: held for held in before.messages}
        new = {held.id: held for held in after.messages}
        changed = [held for held in reversed(after.messages) if held is not old.get(held.id)]
        # Oldest first, so that the rows' order is the order of arrival.
        self._many(
            "INSERT INTO held (number, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (number, id) DO UPDATE SET body = excluded.body",
            [(after.number, held.id, held_body(held)) for held in changed],
        )
        gone = [(after.number, id_) for id_ in old.keys() - new.keys()]
        self._many("DELETE FROM held WHERE number = ? AND id = ?", gone)
        if (rest := rest_body(after)) != rest_body(before):
            self._sql("INSERT OR REPLACE INTO phone (number, body) VALUES (?, ?)", (after.number, rest))

    # --- what is set about the network --------------------------------------------------------------------------------

    def faults(self) -> Faults:
        body = self._setting("faults")
        return Faults.of_json(body) if body else Faults()

    def set_faults(self, faults: Faults) -> None:
        self._set("faults", faults.to_json())

    def rules(self, account: str) -> AccountRules:
        body = self._setting(f"account {account}")
        return AccountRules(**json.loads(body)) if body else AccountRules()

    def set_rules(self, account: str, rules: AccountRules) -> None:
        self._set(f"account {account}", json.dumps(asdict(rules)))

    def has_scripts(self) -> bool:
        return self._sql("SELECT 1 FROM script LIMIT 1").fetchone() is not None

    def script(self, number: str) -> Script:
        row = self._sql("SELECT body FROM script WHERE number = ?", (number,)).fetchone()
        return Script.of_json(row[0]) if row else Script(())

    def set_script(self, number: str, script: Script) -> None:
        if script.steps:
            self._sql("INSERT OR REPLACE INTO script (number, body) VALUES (?, ?)", (number, script.to_json()))
        else:
            self._sql("DELETE FROM script WHERE number = ?", (number,))

    def next_fate(self, number: str) -> Fate | None:
        fate, left = self.script(number).next()
        if fate:
            self.set_script(number, left)
        return fate

    def _setting(self, name: str) -> str | None:
        row = self._sql("SELECT body FROM setting WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _set(self, name: str, body: str) -> None:
        self._sql("INSERT OR REPLACE INTO setting (name, body) VALUES (?, ?)", (name, body))


def _subscriber(row: tuple[Any, ...]) -> Subscriber:
    number, state, model, language, created_at, active_at = row
    return Subscriber(
        number, SubscriberState(state), Model(model), Language(language), time(created_at), time(active_at)
    )
