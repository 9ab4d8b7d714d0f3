"""One request's hands on the database: a transaction, the time, fresh ids, and what the rows say."""

from __future__ import annotations

import sqlite3
import string
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from app.payments.sandbox.cards import Behaviour, Card
from app.payments.sandbox.errors import missing
from app.payments.sandbox.faults import Fault
from app.payments.sandbox.states import Status, Task

ALPHABET = string.digits + string.ascii_letters
ID_CHARACTERS = 24
LETTERS = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
"""Each byte as a letter or digit; eight of the 62 come up a little more often, which costs a tenth of a bit."""


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
    return_url: str | None
    next_action: str | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator has set about money and time. Fees are kept of each captured charge, in minor units."""

    fee_basis_points: int = 0
    fee_fixed_minor_units: int = 0
    dispute_fee_minor_units: int = 0
    later_seconds: float = 10.0
    dispute_days: int = 9
    return_origins: tuple[str, ...] = ()


def as_intent(row: tuple[object, ...]) -> Intent:
    intent = Intent(*row)  # type: ignore[arg-type]  # STRICT tables hold the declared types
    return replace(intent, status=Status(intent.status))


@dataclass(frozen=True, slots=True)
class Till:
    """The transaction of one request. `secret` keys the fingerprints of cards.

    `base_url` is where the caller reaches this network, `key` the caller's Idempotency-Key. `stirred` is not empty once
    there is something to do after the commit: an event to send, or a task with a time. `scripted` are the faults that a
    card has brought.
    """

    connection: sqlite3.Connection
    now: datetime
    chance: Chance
    secret: bytes
    rules: Rules = Rules()
    base_url: str = ""
    key: str | None = None
    stirred: list[str] = field(default_factory=list)
    scripted: list[Fault] = field(default_factory=list)

    @property
    def seconds(self) -> int:
        """The time as the API writes it: Unix seconds."""
        return int(self.now.timestamp())

    def new_id(self, prefix: str) -> str:
        """A random id that cannot be guessed or walked: 142 bits."""
        return f"{prefix}_{self.chance.bytes(ID_CHARACTERS).translate(LETTERS).decode()}"

    def intent(self, intent_id: str, *, param: str = "intent") -> Intent:
        """Raises ApiError 404."""
        row = self.connection.execute("SELECT * FROM payment_intents WHERE id = ?", (intent_id,)).fetchone()
        if row is None:
            raise missing("payment_intent", intent_id[:80], param=param)
        return as_intent(row)

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

    def later(self, task: Task, subject: str, *, seconds: float) -> None:
        """Promise to do `task` in so many seconds."""
        self.connection.execute(
            "INSERT INTO tasks (kind, subject, due) VALUES (?, ?, ?)", (task, subject, self.now.timestamp() + seconds)
        )
        self.stirred.append(task)
