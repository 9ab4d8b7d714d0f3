"""What the network owes its accounts: receipts, and messages that handsets sent; stored until somebody took them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from mobile_gateway.carrier.messages import Dlr, State, Way


class Kind(StrEnum):
    """What is told about a message: that it was taken, that its first attempt failed, how it ended; or a handset's.

    An alert tells that a handset which could not be reached is back.
    """

    ACCEPTED = "accepted"
    NOTICE = "notice"
    RECEIPT = "receipt"
    MESSAGE = "message"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One thing to tell an account. `id` orders them; the same `id` may come again when an answer was lost.

    A receipt or notice names the handset as its `sender` and the message's own sender in `to`, as SMPP swaps them;
    `user_data` and `data_coding` are the original message's, whose start a receipt's text repeats (appendix B).
    A message from a handset has a new `message_id`; its `user_data` may be longer than one short message: `airs` cuts.
    """

    id: int
    account: str
    way: Way
    kind: Kind
    message_id: str
    sender: str
    to: str
    at: datetime
    user_data: bytes = field(repr=False)
    data_coding: int = 0
    esm_class: int = 0
    service_type: str = ""
    submitted_at: datetime | None = None
    state: State | None = None
    parts: int = 1
    error: str | None = None
    error_code: int = 0
    dlr: Dlr | None = None
    attempts: int = 0
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The account has it: never again."""


@dataclass(frozen=True, slots=True)
class NotNow:
    """The account did not take it; it is due again later."""

    why: str


@dataclass(frozen=True, slots=True)
class Unwanted:
    """The account refused it for good; trying again would change nothing."""

    why: str


Told = Forwarded | NotNow | Unwanted


class Sink(Protocol):
    """Somebody who takes what an account is owed: a bound session, an HTTP callback, a push proxy."""

    async def deliver(self, outgoing: Sequence[Outgoing]) -> Sequence[Told]:
        """What became of each, in the same order. May take as long as the peer does; raises nothing."""
        ...
