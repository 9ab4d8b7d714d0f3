"""What the push proxy gateway remembers, as SQL over the carrier's file: pushes, and how each address fared."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mobile_gateway.carrier.messages import State
from mobile_gateway.disk.times import micros, time
from mobile_gateway.wire.pap import Code, MessageState

NAME = "Cyberticket push proxy gateway"
"""How this gateway calls itself to initiators."""

FORGOTTEN_AT_ONCE_MAX = 20

_STATES = {
    State.ENROUTE: (MessageState.PENDING, Code.ACCEPTED),
    State.DELIVERED: (MessageState.DELIVERED, Code.OK),
    State.EXPIRED: (MessageState.EXPIRED, Code.SERVICE_UNAVAILABLE),
    State.DELETED: (MessageState.CANCELLED, Code.OK),
    State.UNDELIVERABLE: (MessageState.UNDELIVERABLE, Code.SERVICE_FAILURE),
    State.REJECTED: (MessageState.REJECTED, Code.FORBIDDEN),
    State.ACCEPTED: (MessageState.PENDING, Code.ACCEPTED),
    State.UNKNOWN: (MessageState.UNKNOWN, Code.SERVICE_FAILURE),
}


def fared(state: State) -> tuple[MessageState, Code]:
    """What a message's state is called for its push, and the code that goes with it."""
    return _STATES[state]


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address of a push as it stands: `at` is when it came to this state. Without a message it was refused."""

    address: str
    message_id: str | None
    state: MessageState
    code: Code
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Push:
    """A push that was taken on, and its recipients in the order they were named."""

    account: str
    push_id: str
    received_at: datetime
    notify_to: str | None
    recipients: tuple[Recipient, ...]


class PushBook:
    """The pushes behind one connection, inside a transaction that `store` opens; commits nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection.execute

    def add(self, push: Push) -> bool:
        """Keep a new push; False where the account has used its push-id before."""
        added = self._sql(
            "INSERT INTO push (account, push_id, received_at, notify_to) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (push.account, push.push_id, micros(push.received_at), push.notify_to),
        )
        if not added.rowcount:
            return False
        for place, one in enumerate(push.recipients):
            self._sql(
                "INSERT INTO push_address VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (added.lastrowid, place, one.address, one.message_id, one.state, one.code, one.reason, micros(one.at)),
            )
        return True

    def push(self, account: str, push_id: str) -> Push | None:
        row = self._sql(
            "SELECT sequence, received_at, notify_to FROM push WHERE account = ? AND push_id = ?", (account, push_id)
        ).fetchone()
        if row is None:
            return None
        return Push(account, push_id, time(row[1]), row[2], tuple(self._recipients(row[0])))

    def push_of_message(self, message_id: str) -> tuple[Push, Recipient] | None:
        """The push that a message carries, and the recipient it is for."""
        row = self._sql(
            "SELECT account, push_id FROM push JOIN push_address ON push = sequence WHERE message_id = ?", (message_id,)
        ).fetchone()
        found = self.push(*row) if row else None
        if found is None:
            return None
        return found, next(one for one in found.recipients if one.message_id == message_id)

    def save(self, recipients: Sequence[Recipient]) -> None:
        """Write how these fared; each has a message."""
        for one in recipients:
            self._sql(
                "UPDATE push_address SET state = ?, code = ?, reason = ?, at = ? WHERE message_id = ?",
                (one.state, one.code, one.reason, micros(one.at), one.message_id),
            )

    def forget(self, received_before: datetime) -> None:
        """Drop a few of the pushes that came before then."""
        self._sql(
            "DELETE FROM push WHERE sequence IN (SELECT sequence FROM push WHERE received_at < ? ORDER BY received_at"
            " LIMIT ?)",
            (micros(received_before), FORGOTTEN_AT_ONCE_MAX),
        )

    def _recipients(self, sequence: int) -> list[Recipient]:
        rows = self._sql(
            "SELECT address, message_id, state, code, reason, at FROM push_address WHERE push = ? ORDER BY place",
            (sequence,),
        )
        return [
            Recipient(address, message_id, MessageState(state), Code(code), reason, time(at))
            for address, message_id, state, code, reason, at in rows
        ]
