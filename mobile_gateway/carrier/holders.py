"""What people do with their phones, and what is switched about a number. Pure: memory is a `Ledger`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from mobile_gateway.carrier import receipts
from mobile_gateway.carrier.ledger import Ledger
from mobile_gateway.handset.phone import Phone, Pressed
from mobile_gateway.subscribers import Language, Model, Subscriber, SubscriberState, new_subscriber


def set_subscriber(
    ledger: Ledger,
    number: str,
    *,
    now: datetime,
    state: SubscriberState | None = None,
    model: Model | None = None,
    language: Language | None = None,
) -> Subscriber:
    """Make or change a number; what is None stays. What waits for a phone that changed is tried again at once."""
    before = ledger.subscriber(number) or new_subscriber(number, now=now)
    after = replace(
        before,
        state=state or before.state,
        model=model or before.model,
        language=language or before.language,
        active_at=now,
    )
    ledger.save_subscriber(after)
    if after.state is not before.state or after.model is not before.model:
        ledger.make_due(number, now)
    if after.state in _REACHABLE:
        ledger.add_outgoing(receipts.returned(ledger, [number], now=now))
    return after


_REACHABLE = frozenset({SubscriberState.ON, SubscriberState.ROAMING, SubscriberState.SINK})


def act(ledger: Ledger, number: str, what: Callable[[Phone], Pressed], *, now: datetime) -> Pressed | None:
    """The phone after `what`, remembered; None where there is no such phone.

    A phone that is off stays as it is. Room that was freed brings what waited for it.
    """
    subscriber = ledger.subscriber(number)
    if subscriber is None:
        return None
    before = ledger.phone(subscriber)
    if subscriber.state is SubscriberState.OFF:
        return Pressed(before)
    pressed = what(before)
    ledger.save_phone(before, pressed.phone)
    subscriber = replace(subscriber, active_at=now)
    if pressed.phone.parts_used < before.parts_used:
        ledger.make_due(number, now)
        # The switch "memory full" plays a full phone, so it ends as that would: when something is deleted.
        if subscriber.state is SubscriberState.MEMORY_FULL:
            subscriber = replace(subscriber, state=SubscriberState.ON)
    ledger.save_subscriber(subscriber)
    return pressed
