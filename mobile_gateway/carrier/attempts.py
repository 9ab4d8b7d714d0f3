"""What one attempt to reach a handset comes to: decided by the message's age, a script, the number, and chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from mobile_gateway.carrier.faults import Fate, Faults
from mobile_gateway.carrier.messages import Event, Message
from mobile_gateway.subscribers import SubscriberState


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to; where it did not succeed why, with a GSM error code (3GPP TS 29.002 section 7.6.1).

    `reached` says that the handset has the message, which it also has when only its acknowledgement got lost.
    """

    event: Event
    error: str | None = None
    code: int = 0
    due_at: datetime | None = None
    reached: bool = False


_DELIVERED = Outcome(Event.DELIVER, reached=True)
_ABSENT = Outcome(Event.DEFER, "handset off or out of reach", 27)
_FULL = Outcome(Event.DEFER, "handset memory full", 32)
_UNKNOWN = Outcome(Event.FAIL, "no such subscriber", 1)
_BARRED = Outcome(Event.REJECT, "subscriber barred", 13)
_LOST = Outcome(Event.DEFER, "lost on the radio link", 34)
_UNACKNOWLEDGED = Outcome(Event.DEFER, "not acknowledged by the handset", 34, reached=True)

FAILED = Outcome(Event.FAIL, "the handset failed to take it", 36)
"""For a phone that breaks on a message."""

_SCRIPTED: Mapping[Fate, Outcome] = {
    Fate.DELIVER: _DELIVERED,
    Fate.ABSENT: _ABSENT,
    Fate.MEMORY_FULL: _FULL,
    Fate.LOST: _LOST,
    Fate.UNACKNOWLEDGED: _UNACKNOWLEDGED,
    Fate.UNKNOWN: _UNKNOWN,
    Fate.BARRED: _BARRED,
}


def attempt(
    message: Message,
    state: SubscriberState,
    *,
    has_room: bool,
    fate: Fate | None = None,
    faults: Faults,
    roaming_seconds: float,
    now: datetime,
) -> Outcome:
    """What happens to `message` at `now`, given its subscriber; decides, changes nothing."""
    if now >= message.expires_at:
        return Outcome(Event.EXPIRE, message.error or "validity period over", message.error_code)
    outcome = _SCRIPTED[fate] if fate else _of_subscriber(message, state, roaming_seconds=roaming_seconds, now=now)
    if not outcome.reached:
        return outcome
    if not has_room:
        return _FULL
    if fate is None and faults.loses(message.sequence, message.attempts):
        return _LOST
    if fate is None and faults.doubles(message.sequence, message.attempts):
        return _UNACKNOWLEDGED
    return outcome


def _of_subscriber(message: Message, state: SubscriberState, *, roaming_seconds: float, now: datetime) -> Outcome:
    match state:
        case SubscriberState.ON | SubscriberState.SINK:
            return _DELIVERED
        case SubscriberState.ROAMING:
            # The visited network takes its time: nothing arrives sooner, and waiting for it is no failure.
            arrives_at = message.accepted_at + timedelta(seconds=roaming_seconds)
            return _DELIVERED if now >= arrives_at else Outcome(Event.HOLD, due_at=arrives_at)
        case SubscriberState.MEMORY_FULL:
            return _FULL
        case SubscriberState.OFF:
            return _ABSENT
        case SubscriberState.UNKNOWN:
            return _UNKNOWN
        case SubscriberState.BARRED:
            return _BARRED
        case _:
            assert_never(state)
