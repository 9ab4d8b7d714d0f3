"""The carrier: takes a message once, keeps trying until the handset has it or its time is up, and owes a receipt.

Pure: time and ids are inputs, memory is a `Ledger`. A caller wakes it with `deliver` at `next_deadline` or earlier.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from mobile_gateway.handset import Key, Phone, parts_of
from mobile_gateway.ledger import Ledger
from mobile_gateway.messages import (
    Entry,
    Event,
    Language,
    Message,
    Model,
    Policy,
    Receipt,
    State,
    Submission,
    Subscriber,
    SubscriberState,
    accept,
    backoff,
    masked,
    new_subscriber,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """The network has the message. `repeated` says that it had it already, under the same key."""

    message: Message
    repeated: bool


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The key already names a message with other content."""


@dataclass(frozen=True, slots=True)
class QueueFull:
    """The account has as many messages waiting as it may."""

    waiting: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to, and why where it did not succeed."""

    event: Event
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round of attempts did: how many, and the numbers whose phones changed."""

    attempts: int
    numbers: frozenset[str]


def attempt(message: Message, state: SubscriberState, *, has_room: bool, now: datetime) -> Outcome:
    """What happens to `message` at `now`, given its subscriber; decides, changes nothing."""
    if now >= message.expires_at:
        return Outcome(Event.EXPIRE, message.error or "validity period over")
    match state:
        case SubscriberState.ON if has_room:
            return Outcome(Event.DELIVER)
        case SubscriberState.ON | SubscriberState.MEMORY_FULL:
            return Outcome(Event.DEFER, "handset memory full")
        case SubscriberState.OFF:
            return Outcome(Event.DEFER, "handset off or out of reach")
        case SubscriberState.UNKNOWN:
            return Outcome(Event.FAIL, "no such subscriber")
        case SubscriberState.BARRED:
            return Outcome(Event.REJECT, "subscriber barred")
        case _:
            assert_never(state)


@dataclass(frozen=True, slots=True)
class Carrier:
    """The network's rules; whatever it remembers is in the ledger it is given."""

    policy: Policy

    # --- messages -----------------------------------------------------------------------------------------------------

    def submit(
        self, ledger: Ledger, submission: Submission, *, message_id: str, now: datetime
    ) -> Taken | KeyReused | QueueFull:
        """Take on a message. The same key and content again is the same message; it is never carried twice."""
        known = ledger.message_of_key(submission.account, submission.key)
        if known:
            return Taken(known, repeated=True) if known.fingerprint == submission.fingerprint() else KeyReused()
        if (waiting := ledger.backlog(submission.account)) >= self.policy.queue_max:
            return QueueFull(waiting)
        message = accept(submission, message_id=message_id, now=now)
        ledger.add_message(message)
        ledger.add_entry(message.id, Entry(now, State.ENROUTE, "accepted"))
        return Taken(message, repeated=False)

    def deliver(self, ledger: Ledger, *, now: datetime, limit: int) -> Delivered:
        """Try every message that is due, oldest first, at most `limit`; more may be due afterwards."""
        due = ledger.due(now, limit=limit)
        changed = {message.to for message in due if self._deliver_one(ledger, message, now)}
        return Delivered(len(due), frozenset(changed))

    def next_deadline(self, ledger: Ledger) -> datetime | None:
        """When the next attempt is due; None while nothing waits."""
        return ledger.next_due()

    def _deliver_one(self, ledger: Ledger, message: Message, now: datetime) -> bool:
        subscriber = self._addressee(ledger, message.to, now)
        state = subscriber.state if subscriber else SubscriberState.UNKNOWN
        phone = ledger.phone(subscriber) if subscriber else None
        outcome = attempt(message, state, has_room=phone is not None and phone.has_room(message.parts), now=now)
        after = message.after(outcome.event, error=outcome.error, now=now, retry_seconds=self.policy.retry_seconds)
        ledger.save_message(after)
        if after.state is not State.ENROUTE or after.error != message.error:
            ledger.add_entry(message.id, Entry(now, after.state, outcome.error or "on the handset"))
        if outcome.event is Event.DELIVER:
            assert phone
            assert subscriber
            received = phone.receive(message.id, message.sender, parts_of(message.id, message.text), now=now)
            ledger.save_phone(phone, received)
            ledger.save_subscriber(replace(subscriber, active_at=now))
        if after.state is not State.ENROUTE:
            self._owe_receipt(ledger, after, now)
        return outcome.event is Event.DELIVER

    def _addressee(self, ledger: Ledger, number: str, now: datetime) -> Subscriber | None:
        """The subscriber, made on the first message where this network knows every number."""
        subscriber = ledger.subscriber(number)
        if subscriber is None and self.policy.creates_unknown_numbers:
            subscriber = new_subscriber(number, now=now)
            ledger.save_subscriber(subscriber)
        return subscriber

    # --- receipts -----------------------------------------------------------------------------------------------------

    def _owe_receipt(self, ledger: Ledger, message: Message, now: datetime) -> None:
        if not (message.receipt_wanted and self.policy.sends_receipts):
            return
        due_at = now + timedelta(seconds=self.policy.receipt_delay_seconds)
        receipt = Receipt(message.id, message.to, message.state, now, message.parts, message.error, 0, due_at)
        ledger.add_receipt(receipt)

    def receipts_told(self, ledger: Ledger, told: Sequence[tuple[Receipt, bool]], *, now: datetime) -> None:
        """Each receipt with whether its account acknowledged it: those are done, the others are due again later."""
        for receipt, acknowledged in told:
            if acknowledged:
                ledger.drop_receipt(receipt.message_id)
                continue
            failures = receipt.attempts + 1
            due_at = now + backoff(self.policy.receipt_retry_seconds, failures)
            if due_at > receipt.at + timedelta(seconds=self.policy.receipt_keep_seconds):
                log.warning("receipt of %s to %s given up", receipt.message_id, masked(receipt.to))
                ledger.add_entry(receipt.message_id, Entry(now, receipt.state, "receipt never acknowledged; given up"))
                ledger.drop_receipt(receipt.message_id)
            else:
                ledger.save_receipt(replace(receipt, attempts=failures, due_at=due_at))

    # --- subscribers and their phones ---------------------------------------------------------------------------------

    def set_subscriber(
        self,
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
        return after

    def press(self, ledger: Ledger, number: str, key: Key, *, now: datetime) -> Phone | None:
        """Press a key of a phone; None where there is no such phone."""
        return self._act(ledger, number, lambda phone: phone.press(key), now=now)

    def store(self, ledger: Ledger, number: str, message_id: str, *, now: datetime) -> Phone | None:
        """Keep one message's ticket in the phone's memory; None where there is no such phone."""
        return self._act(ledger, number, lambda phone: phone.store(message_id), now=now)

    def delete(self, ledger: Ledger, number: str, message_id: str, *, now: datetime) -> Phone | None:
        """Forget one message, as its holder would; None where there is no such phone."""
        return self._act(ledger, number, lambda phone: phone.delete(message_id), now=now)

    def _act(self, ledger: Ledger, number: str, act: Callable[[Phone], Phone], *, now: datetime) -> Phone | None:
        """The phone after `act`, remembered. A phone that is off stays as it is; freed room brings what waited."""
        subscriber = ledger.subscriber(number)
        if subscriber is None:
            return None
        before = ledger.phone(subscriber)
        if subscriber.state is SubscriberState.OFF:
            return before
        after = act(before)
        ledger.save_phone(before, after)
        freed = after.parts_used < before.parts_used
        subscriber = replace(subscriber, active_at=now)
        if freed:
            ledger.make_due(number, now)
            # The switch "memory full" plays a full phone, so it ends as that would: when something is deleted.
            if subscriber.state is SubscriberState.MEMORY_FULL:
                subscriber = replace(subscriber, state=SubscriberState.ON)
        ledger.save_subscriber(subscriber)
        return after
