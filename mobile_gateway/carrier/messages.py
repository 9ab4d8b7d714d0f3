"""What the network carries: submissions, messages, their states and the table by which these move."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from mobile_gateway.subscribers import (
    Language,
    Model,
    Subscriber,
    SubscriberState,
    masked,
    new_subscriber,
)

__all__ = [
    "Dlr",
    "Entry",
    "Event",
    "IllegalTransition",
    "Language",
    "Message",
    "Model",
    "Policy",
    "Priority",
    "State",
    "Submission",
    "Subscriber",
    "SubscriberState",
    "Way",
    "accept",
    "advance",
    "backoff",
    "masked",
    "new_subscriber",
]

UDHI = 0x40
"""SMPP 3.4 section 5.2.12: this bit of esm_class says that the user data begins with a header."""


class State(StrEnum):
    """SMPP 3.4 section 5.2.28 message_state, by name. This network reaches all but ACCEPTED and UNKNOWN."""

    ENROUTE = "ENROUTE"
    DELIVERED = "DELIVERED"
    EXPIRED = "EXPIRED"
    DELETED = "DELETED"
    UNDELIVERABLE = "UNDELIVERABLE"
    ACCEPTED = "ACCEPTED"
    UNKNOWN = "UNKNOWN"
    REJECTED = "REJECTED"


class Event(StrEnum):
    """What happens to a message: an attempt's outcome, a wait that is no attempt, or its sender's wish."""

    DELIVER = "deliver"
    DEFER = "defer"
    HOLD = "hold"
    EXPIRE = "expire"
    FAIL = "fail"
    REJECT = "reject"
    CANCEL = "cancel"


TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    State.ENROUTE: {
        Event.DELIVER: State.DELIVERED,
        Event.DEFER: State.ENROUTE,
        Event.HOLD: State.ENROUTE,
        Event.EXPIRE: State.EXPIRED,
        Event.FAIL: State.UNDELIVERABLE,
        Event.REJECT: State.REJECTED,
        Event.CANCEL: State.DELETED,
    },
    State.DELIVERED: {},
    State.EXPIRED: {},
    State.DELETED: {},
    State.UNDELIVERABLE: {},
    State.ACCEPTED: {},
    State.UNKNOWN: {},
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


class Priority(IntEnum):
    """SMPP 3.4 section 5.2.14; among messages that are due the higher goes first."""

    LOWEST = 0
    RAISED = 1
    HIGH = 2
    HIGHEST = 3


class Way(StrEnum):
    """How a message came to the network, and so how its account is told what became of it."""

    SMPP = "smpp"
    HTTP = "http"
    SENDSMS = "sendsms"
    PAP = "pap"


@dataclass(frozen=True, slots=True)
class Dlr:
    """Where and about what a sender of `sendsms` wants to be told: an address with escapes, and Kannel's mask."""

    url: str
    mask: int


BOTH, FAILURE_ONLY, INTERMEDIATE = 1, 2, 0x10
_FINAL_BITS = 0x03
"""SMPP 3.4 section 5.2.17, registered_delivery."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What an account asks the network to carry to one number.

    `user_data` is what the handset gets, in octets: unpacked septets for the GSM alphabet; with a user data header in
    front where `esm_class` has the UDHI bit. Without one it may be longer than a short message: the network cuts it.
    `expires_at` wins over `validity_seconds`; without either the network's own patience counts.
    A `key` makes the submission repeatable: the same key of an account is carried once.
    """

    account: str
    to: str
    sender: str
    user_data: bytes = field(repr=False)
    data_coding: int = 0
    esm_class: int = 0
    protocol_id: int = 0
    priority: int = Priority.LOWEST
    registered_delivery: int = 0
    schedule_at: datetime | None = None
    expires_at: datetime | None = None
    validity_seconds: float | None = None
    service_type: str = ""
    replace_if_present: bool = False
    key: str | None = None
    way: Way = Way.SMPP
    dlr: Dlr | None = None
    alerts: bool = False
    """Whether the sender is told when the handset is back after an attempt that failed (SMPP 3.4 set_dpf)."""

    @property
    def has_header(self) -> bool:
        return bool(self.esm_class & UDHI)

    @property
    def wants_intermediate(self) -> bool:
        """Whether the sender is told of a first attempt that failed for now."""
        return bool(self.registered_delivery & INTERMEDIATE)

    def wants_receipt(self, state: State) -> bool:
        """Whether the sender is told that the message ended in `state`."""
        wish = self.registered_delivery & _FINAL_BITS
        return wish == BOTH or (wish == FAILURE_ONLY and state is not State.DELIVERED)

    def fingerprint(self) -> bytes:
        """Equal for equal requests: tells a repetition from another message under a used key."""
        content = replace(self, key=None, account="")
        return hashlib.sha256(self.user_data + b"\0" + repr(content).encode()).digest()


@dataclass(frozen=True, slots=True)
class Message:
    """A message the network has taken on.

    `sequence` orders messages as they were taken. `due_at` is the next attempt, None once the message came to its end;
    then `ended_at` says when. `noted` says that an intermediate notification was given.
    """

    sequence: int
    id: str
    submission: Submission
    parts: int
    accepted_at: datetime
    expires_at: datetime
    state: State = State.ENROUTE
    attempts: int = 0
    due_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = None
    error_code: int = 0

    @property
    def account(self) -> str:
        return self.submission.account

    @property
    def to(self) -> str:
        return self.submission.to

    @property
    def sender(self) -> str:
        return self.submission.sender

    def after(
        self,
        event: Event,
        *,
        now: datetime,
        retry_seconds: Sequence[float],
        error: str | None = None,
        error_code: int = 0,
        due_at: datetime | None = None,
    ) -> Message:
        """The message once `event` happened at `now`; raises IllegalTransition. `due_at` wins over the schedule."""
        state = advance(self.state, event)
        attempts = self.attempts + (event not in _NO_ATTEMPT)
        ended_at = None if state is State.ENROUTE else now
        next_due: datetime | None = None
        if state is State.ENROUTE:
            next_due = min(due_at or now + backoff(retry_seconds, attempts), self.expires_at)
        return Message(
            self.sequence,
            self.id,
            self.submission,
            self.parts,
            self.accepted_at,
            self.expires_at,
            state,
            attempts,
            next_due,
            ended_at,
            error,
            error_code,
        )


_NO_ATTEMPT = frozenset({Event.EXPIRE, Event.CANCEL, Event.HOLD})
"""Events that are no failed or successful try: a message on hold merely is not there yet."""


def accept(
    submission: Submission,
    *,
    sequence: int,
    message_id: str,
    parts: int,
    now: datetime,
    validity_seconds: float,
    latency_seconds: float = 0,
) -> Message:
    """The message that carries `submission`: due at once, or when its schedule and the network's latency say.

    `validity_seconds` is the network's own patience, for submissions that do not say.
    """
    start = max(submission.schedule_at or now, now)
    seconds = validity_seconds if submission.validity_seconds is None else submission.validity_seconds
    expires_at = submission.expires_at or start + timedelta(seconds=seconds)
    return Message(
        sequence=sequence,
        id=message_id,
        submission=submission,
        parts=parts,
        accepted_at=now,
        expires_at=expires_at,
        due_at=min(start + timedelta(seconds=latency_seconds), expires_at) if latency_seconds else start,
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a message's history."""

    at: datetime
    state: State
    note: str


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient this network is, and whom it knows."""

    retry_seconds: Sequence[float] = (2, 5, 15, 60, 300, 900)
    validity_seconds: float = 2 * 86_400.0
    roaming_seconds: float = 3.0
    receipt_delay_seconds: float = 0.5
    receipt_retry_seconds: Sequence[float] = (1, 2, 5, 15, 60, 300)
    receipt_keep_seconds: float = 7 * 86_400.0
    keep_seconds: float = 7 * 86_400.0
    keep_messages_max: int = 1_000_000
    queue_max: int = 10_000
    creates_unknown_numbers: bool = True
    sink_prefix: str | None = None
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
