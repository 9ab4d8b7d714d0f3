"""One request's hands on the database: a transaction, the time, fresh ids, and the only way to change an intent."""

from __future__ import annotations

import json
import sqlite3
import string
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from app.payments.sandbox.cards import Behaviour, Card
from app.payments.sandbox.errors import Json, missing
from app.payments.sandbox.states import Event, Status, advance

ALPHABET = string.digits + string.ascii_letters
ID_CHARACTERS = 24
ID_ENTROPY_BYTES = 18


class Chance(Protocol):
    """Where unguessable ids come from."""

    def bytes(self, count: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Intent:
    """One row of payment_intents, its columns in the table's order. Amounts are minor units."""

    seq: int
    id: str
    status: Status
    amount: int
    currency: str
    capture_method: str
    payment_method: str | None
    description: str | None
    metadata: str
    client_secret: str
    amount_received: int
    amount_refunded: int
    latest_charge: str | None
    last_payment_error: str | None
    canceled_at: int | None
    cancellation_reason: str | None
    created: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What an event writes beside the status; None leaves a column as it is."""

    payment_method: str | None = None
    amount_received: int | None = None
    latest_charge: str | None = None
    last_payment_error: Json | None = None
    cancellation_reason: str | None = None


def _intent(row: tuple[object, ...]) -> Intent:
    intent = Intent(*row)  # type: ignore[arg-type]  # STRICT tables hold the declared types
    return replace(intent, status=Status(intent.status))


@dataclass(frozen=True, slots=True)
class Till:
    """The transaction of one request. `secret` keys the fingerprints of cards."""

    connection: sqlite3.Connection
    now: datetime
    chance: Chance
    secret: bytes

    @property
    def seconds(self) -> int:
        """The time as the API writes it: Unix seconds."""
        return int(self.now.timestamp())

    def new_id(self, prefix: str) -> str:
        """A random id that cannot be guessed or walked: 142 bits."""
        number = int.from_bytes(self.chance.bytes(ID_ENTROPY_BYTES), "big")
        text = ""
        for _ in range(ID_CHARACTERS):
            number, digit = divmod(number, len(ALPHABET))
            text += ALPHABET[digit]
        return f"{prefix}_{text}"

    def intent(self, intent_id: str, *, param: str = "intent") -> Intent:
        """Raises ApiError 404."""
        row = self.connection.execute("SELECT * FROM payment_intents WHERE id = ?", (intent_id,)).fetchone()
        if row is None:
            raise missing("payment_intent", intent_id[:80], param=param)
        return _intent(row)

    def page(self, *, after: Intent | None, limit: int) -> list[Intent]:
        """The newest first, those made before `after`."""
        seq = after.seq if after else 2**62
        rows = self.connection.execute(
            "SELECT * FROM payment_intents WHERE seq < ? ORDER BY seq DESC LIMIT ?", (seq, limit)
        )
        return [_intent(row) for row in rows]

    def method(self, method_id: str) -> Card:
        """Raises ApiError 404."""
        row = self.connection.execute(
            "SELECT brand, last4, fingerprint, exp_month, exp_year, behaviour FROM payment_methods WHERE id = ?",
            (method_id,),
        ).fetchone()
        if row is None:
            raise missing("payment_method", method_id[:80], param="payment_method")
        brand, last4, fingerprint, exp_month, exp_year, behaviour = row
        return Card(brand, last4, fingerprint, exp_month, exp_year, Behaviour(behaviour))

    def move(self, intent: Intent, event: Event, changes: Changes | None = None) -> Intent:
        """The intent after `event`: the only place that writes a status. Raises IllegalTransition.

        Compare-and-set on the old status, so a stale `intent` can never overwrite a newer one.
        """
        changes = changes or Changes()
        error = changes.last_payment_error
        after = replace(
            intent,
            status=advance(intent.status, event),
            payment_method=None if event is Event.DECLINED else changes.payment_method or intent.payment_method,
            amount_received=intent.amount_received if changes.amount_received is None else changes.amount_received,
            latest_charge=changes.latest_charge or intent.latest_charge,
            last_payment_error=json.dumps(error) if error else None,
            canceled_at=self.seconds if event is Event.CANCELED else None,
            cancellation_reason=changes.cancellation_reason,
        )
        done = self.connection.execute(
            "UPDATE payment_intents SET status = ?, payment_method = ?, amount_received = ?, latest_charge = ?,"
            " last_payment_error = ?, canceled_at = ?, cancellation_reason = ? WHERE id = ? AND status = ?",
            (
                *(after.status, after.payment_method, after.amount_received, after.latest_charge),
                *(after.last_payment_error, after.canceled_at, after.cancellation_reason, intent.id, intent.status),
            ),
        )
        assert done.rowcount == 1, "the intent changed inside its own transaction"
        return after
