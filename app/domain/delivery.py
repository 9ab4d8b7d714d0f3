"""A delivery: one message to one handset, from the queue to the phone, down a ladder of channels if need be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.entry_rules import Face
from app.domain.machine import Machine


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryEvent(StrEnum):
    ACCEPT = "be accepted"
    ARRIVE = "arrive"
    FALL = "fall to the next channel"
    FAIL = "fail"
    REQUEUE = "be queued again"


DELIVERY = Machine(
    "delivery",
    DeliveryState.QUEUED,
    {
        DeliveryEvent.ACCEPT: (frozenset({DeliveryState.QUEUED}), DeliveryState.SENT),
        # A receipt may overtake the answer to the message it belongs to.
        DeliveryEvent.ARRIVE: (frozenset({DeliveryState.QUEUED, DeliveryState.SENT}), DeliveryState.DELIVERED),
        # A channel took it and could not bring it: the next one is asked.
        DeliveryEvent.FALL: (frozenset({DeliveryState.SENT}), DeliveryState.QUEUED),
        # Staff revive a dead letter.
        DeliveryEvent.REQUEUE: (frozenset({DeliveryState.FAILED}), DeliveryState.QUEUED),
        DeliveryEvent.FAIL: (frozenset({DeliveryState.QUEUED, DeliveryState.SENT}), DeliveryState.FAILED),
    },
)

RECEIPT_EVENTS = {
    "DELIVERED": DeliveryEvent.ARRIVE,
    "EXPIRED": DeliveryEvent.FAIL,
    "DELETED": DeliveryEvent.FAIL,
    "UNDELIVERABLE": DeliveryEvent.FAIL,
    "REJECTED": DeliveryEvent.FAIL,
}
"""Final message states (SMPP 3.4 section 5.2.28) and what they mean for a delivery; other states are on the way."""

BACKOFF_SECONDS = (1, 2, 5, 15, 60, 300, 900, 3600)
ATTEMPTS_MAX = 12


def backoff_seconds(attempts: int) -> int:
    """How long to wait after the given number of failed tries."""
    return BACKOFF_SECONDS[min(attempts, len(BACKOFF_SECONDS)) - 1] if attempts else 0


# --- the ladder -----------------------------------------------------------------------------------------------------


class Profile(StrEnum):
    """What a handset can take, the least first."""

    SMS = "sms"
    EMS = "ems"
    WAP = "wap"
    APP = "app"


class TryOutcome(StrEnum):
    """How one channel answered: it took the message; it will not bring it; or it could not be asked."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Try:
    """One channel asked once."""

    channel: str
    outcome: TryOutcome
    reason: str = ""


PLAIN = ("sms", "sms_http")
"""The channels whose message any handset can show: number and PIN as text. They end every ladder."""

RICH = {Profile.EMS: "ems", Profile.WAP: "wap_push"}
"""What comes before them, for a message that has more to show than its text."""

SHOWS = {"ems": frozenset({Face.COMPACT}), "wap_push": frozenset({Face.COMPACT, Face.PIN})}
"""What of a ticket these show; who looks at it sees nothing else."""


def ladder(profile: Profile, configured: Collection[str], *, faces: frozenset[Face]) -> tuple[str, ...]:
    """The channels for one message to one handset, the preferred one first.

    `faces` are those of the message's ticket that open a gate; none for a message that shows no ticket. A channel that
    could show only what opens nothing is not asked.
    """
    rich = RICH.get(profile)
    preferred = (rich,) if rich and faces & SHOWS[rich] else ()
    return tuple(channel for channel in (*preferred, *PLAIN) if channel in configured)


def next_channel(rungs: Sequence[str], tries: Sequence[Try], *, failures_max: int) -> str | None:
    """Whom to ask now: the first channel that has neither refused nor been out of reach too often.

    Where all have, one that was only out of reach is better than none. None: every channel refused.
    """
    refused = {one.channel for one in tries if one.outcome is TryOutcome.REJECTED}
    left = [channel for channel in rungs if channel not in refused]
    for channel in left:
        failures = sum(one.channel == channel and one.outcome is TryOutcome.FAILED for one in tries)
        if failures < failures_max:
            return channel
    return left[-1] if left else None


def reasons(tries: Sequence[Try]) -> str:
    """Why it did not arrive, in a sentence: each channel's last word, named where several were asked."""
    last = {one.channel: one.reason for one in tries if one.reason}
    if len(last) == 1:
        return next(iter(last.values()))
    return "; ".join(f"{channel}: {reason}" for channel, reason in last.items())
