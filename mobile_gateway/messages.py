"""What the network handles: messages, subscribers and receipts, their states, and the table by which states move."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mobile_gateway.wire.gsm import Coding


class State(StrEnum):
    """SMPP 3.4 section 5.2.28 message_state, by name; those this network can reach."""

    ENROUTE = "ENROUTE"
    DELIVERED = "DELIVERED"
    EXPIRED = "EXPIRED"
    UNDELIVERABLE = "UNDELIVERABLE"
    REJECTED = "REJECTED"


class Event(StrEnum):
    """What an attempt to deliver came to."""

    DELIVER = "deliver"
    DEFER = "defer"
    EXPIRE = "expire"
    FAIL = "fail"
    REJECT = "reject"


TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    State.ENROUTE: {
        Event.DELIVER: State.DELIVERED,
        Event.DEFER: State.ENROUTE,
        Event.EXPIRE: State.EXPIRED,
        Event.FAIL: State.UNDELIVERABLE,
        Event.REJECT: State.REJECTED,
    },
    State.DELIVERED: {},
    State.EXPIRED: {},
    State.UNDELIVERABLE: {},
    State.REJECTED: {},
}


class IllegalTransition(Exception):
    """A bug: somebody moved a message that had already come to its end."""


def advance(state: State, event: Event) -> State:
    """The state after `event`; raises IllegalTransition."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransition(f"a {state} message cannot {event}") from None


class SubscriberState(StrEnum):
    ON = "on"
    OFF = "off"
    MEMORY_FULL = "memory_full"
    UNKNOWN = "unknown"
    BARRED = "barred"


class Model(StrEnum):
    FEATURE = "feature"
    SMART = "smart"


class Language(StrEnum):
    KOREAN = "ko"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One number of the network. `created_at` orders the phones on a page, `active_at` says which still matter."""

    number: str
    state: SubscriberState
    model: Model
    language: Language
    created_at: datetime
    active_at: datetime


def new_subscriber(number: str, *, now: datetime) -> Subscriber:
    """A feature phone that is switched on and speaks its country's language."""
    language = Language.KOREAN if number.startswith("+82") else Language.ENGLISH
    return Subscriber(number, SubscriberState.ON, Model.FEATURE, language, now, now)


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient this network is."""

    retry_seconds: Sequence[float] = (2, 5, 15, 60, 300, 900)
    receipt_delay_seconds: float = 0.05
    receipt_retry_seconds: Sequence[float] = (1, 2, 5, 15, 60, 300)
    receipt_keep_seconds: float = 7 * 86_400.0
    queue_max: int = 10_000
    creates_unknown_numbers: bool = True
    sends_receipts: bool = True

    def __post_init__(self) -> None:
        assert self.retry_seconds
        assert self.receipt_retry_seconds
        assert min(*self.retry_seconds, *self.receipt_retry_seconds, 1) > 0
        assert self.queue_max >= 1


def backoff(schedule: Sequence[float], failures: int) -> timedelta:
    """How long to wait after `failures` failures (1 and up); the last step of the schedule repeats."""
    assert failures >= 1
    return timedelta(seconds=schedule[min(failures, len(schedule)) - 1])


@dataclass(frozen=True, slots=True)
class Submission:
    """What an account asks the network to carry. The same `key` must be carried once."""

    account: str
    key: str
    to: str
    sender: str
    text: str
    coding: Coding
    parts: int
    receipt_wanted: bool
    validity_seconds: int

    def fingerprint(self) -> str:
        """Equal for equal requests: tells a repetition from another message under a used key."""
        content = [self.to, self.sender, self.text, self.receipt_wanted, self.validity_seconds]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Message:
    """A message the network has taken on. `due_at` is its next attempt, None once it came to its end."""

    id: str
    account: str
    key: str
    fingerprint: str
    to: str
    sender: str
    text: str
    coding: Coding
    parts: int
    receipt_wanted: bool
    accepted_at: datetime
    expires_at: datetime
    state: State
    attempts: int
    due_at: datetime | None
    error: str | None

    def after(self, event: Event, *, error: str | None, now: datetime, retry_seconds: Sequence[float]) -> Message:
        """The message once an attempt at `now` came to `event`; raises IllegalTransition."""
        state = advance(self.state, event)
        attempts = self.attempts + (event is not Event.EXPIRE)
        due_at = None
        if state is State.ENROUTE:
            due_at = min(now + backoff(retry_seconds, attempts), self.expires_at)
        return replace(self, state=state, attempts=attempts, due_at=due_at, error=error)


def accept(submission: Submission, *, message_id: str, now: datetime) -> Message:
    """The message that carries `submission`, due at once."""
    return Message(
        id=message_id,
        account=submission.account,
        key=submission.key,
        fingerprint=submission.fingerprint(),
        to=submission.to,
        sender=submission.sender,
        text=submission.text,
        coding=submission.coding,
        parts=submission.parts,
        receipt_wanted=submission.receipt_wanted,
        accepted_at=now,
        expires_at=now + timedelta(seconds=submission.validity_seconds),
        state=State.ENROUTE,
        attempts=0,
        due_at=now,
        error=None,
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a message's history."""

    at: datetime
    state: State
    note: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a message ended, still to be told to the account that sent it."""

    message_id: str
    to: str
    state: State
    at: datetime
    parts: int
    error: str | None
    attempts: int
    due_at: datetime


def masked(number: str) -> str:
    """For logs: +8210****5678."""
    return f"{number[:-8]}****{number[-4:]}" if len(number) > len("+1234567") else "****"
