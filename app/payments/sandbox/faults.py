"""What may go wrong on purpose: where, what, how often. Every decision hangs on a seed and a count alone.

A script is set by the admin API (`POST /admin/faults`) or comes with a card of `cards.FAULTY_CARDS`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import blake2b
from sqlite3 import Connection

from app.payments.sandbox.cards import Behaviour


class Where(StrEnum):
    """The operation that meets the fault. `any` is every call of the API, `network` is every page too."""

    CREATE = "create"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    RETRIEVE = "retrieve"
    ANY = "any"
    NETWORK = "network"
    WEBHOOK = "webhook"


class What(StrEnum):
    """What happens. The last four happen to webhooks, the others to requests."""

    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    HANG = "hang"
    DELAY = "delay"
    ERROR_500_BEFORE = "error_500_before"
    ERROR_500_AFTER = "error_500_after"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    LOSE = "lose"


AT_WEBHOOKS = frozenset({What.DUPLICATE, What.REORDER, What.LOSE, What.DELAY})
AT_REQUESTS = frozenset(What) - {What.DUPLICATE, What.REORDER, What.LOSE}

OF_CARD = {Behaviour(what): what for what in AT_REQUESTS}
"""The fault that a card of `cards.FAULTY_CARDS` brings to the first confirmation of an intent."""

CARD_HANG_MILLISECONDS = 30_000
CARD_DELAY_MILLISECONDS = 3_000
BROUGHT = "flt_pi_"
BROUGHT_MAX = 10_000
"""Payments begun with a faulty card and not confirmed yet; beyond it the oldest lose their fault."""
COLUMNS = "id, at, what, times, milliseconds, percent, seed, intent, event_type, seen, met, until"


@dataclass(frozen=True, slots=True)
class Fault:
    """One script: the next `times` requests it fits meet it, each with a chance of `percent`.

    `seen` counts those it fitted, `met` those it struck. `intent` narrows it to one payment, `event_type` to one kind
    of event. `until` (Unix seconds) is set for a hang of the whole network: it ends by itself.
    """

    id: str
    at: Where
    what: What
    times: int = 1
    milliseconds: int = 0
    percent: int = 100
    seed: int = 0
    intent: str | None = None
    event_type: str | None = None
    seen: int = 0
    met: int = 0
    until: float | None = None

    @property
    def brought(self) -> bool:
        """Whether it came with a card rather than by the admin API."""
        return self.id.startswith(BROUGHT)

    @property
    def over(self) -> bool:
        return self.met >= self.times

    def fits(self, at: Where, *, intent: str | None = None, event_type: str | None = None) -> bool:
        """Whether this script is about such a request or event."""
        if self.over or self.at is Where.NETWORK:
            return False
        here = self.at is at or (self.at is Where.ANY and at is not Where.WEBHOOK)
        return here and self.intent in {None, intent} and self.event_type in {None, event_type}

    def meet(self) -> tuple[bool, Fault]:
        """Whether the next one it fits is struck, and the script after it. The seed alone decides."""
        facts = f"{self.seed} {self.at} {self.what} {self.seen}".encode()
        rolled = int.from_bytes(blake2b(facts, digest_size=6).digest()) * 100 // 2**48
        struck = rolled < self.percent
        return struck, replace(self, seen=self.seen + 1, met=self.met + struck)


def of_card(intent_id: str, what: What) -> Fault:
    """What a faulty card brings to the first confirmation of its intent."""
    waits = {What.HANG: CARD_HANG_MILLISECONDS, What.DELAY: CARD_DELAY_MILLISECONDS}
    return Fault(f"flt_{intent_id}", Where.CONFIRM, what, milliseconds=waits.get(what, 0), intent=intent_id)


def keep(connection: Connection, *faults: Fault) -> None:
    """Write scripts down as they stand, and forget those that have run out."""
    for fault in faults:
        connection.execute("DELETE FROM faults WHERE id = ?", (fault.id,))
        if not fault.over:
            connection.execute(
                f"INSERT INTO faults ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                tuple(getattr(fault, column) for column in COLUMNS.split(", ")),
            )


def bring(connection: Connection, fault: Fault) -> None:
    """Write down what a card brings, and forget the oldest that nobody has met."""
    keep(connection, fault)
    connection.execute(
        "DELETE FROM faults WHERE id LIKE ? AND rowid <= (SELECT max(rowid) FROM faults) - ?",
        (f"{BROUGHT}%", BROUGHT_MAX),
    )


def kept(connection: Connection) -> list[Fault]:
    """The scripts that have not run out, the oldest first."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM faults ORDER BY rowid")  # noqa: S608 - a constant
    return [replace(fault, at=Where(fault.at), what=What(fault.what)) for fault in (Fault(*row) for row in rows)]
