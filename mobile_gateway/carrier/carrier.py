"""The carrier: takes a message once, keeps trying until the handset has it or its time is up, and owes a receipt.

Pure: time and ids are inputs, memory is a `Ledger`. A caller wakes it with `deliver` at `next_deadline` or earlier.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mobile_gateway.carrier import receipts
from mobile_gateway.carrier.airing import airs, cut_up
from mobile_gateway.carrier.attempts import FAILED, Outcome, attempt
from mobile_gateway.carrier.faults import Faults
from mobile_gateway.carrier.ledger import Ledger
from mobile_gateway.carrier.messages import Entry, Event, Message, Policy, State, Submission, accept
from mobile_gateway.carrier.outgoing import Outgoing
from mobile_gateway.handset.phone import Phone
from mobile_gateway.subscribers import Subscriber, SubscriberState, masked, new_subscriber
from mobile_gateway.wire.gsm import TextRefused

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """The network has the message. `repeated`: it had it already, under the same key."""

    message: Message
    repeated: bool


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The key already names a message with other content."""


@dataclass(frozen=True, slots=True)
class QueueFull:
    """The account has as many messages waiting as it may (ESME_RMSGQFUL)."""

    waiting: int


@dataclass(frozen=True, slots=True)
class Throttled:
    """The account sends faster than it may (ESME_RTHROTTLED)."""

    retry_after_seconds: float


@dataclass(frozen=True, slots=True)
class TooLong:
    """The user data cannot be cut for the air (ESME_RINVMSGLEN); the sentence says why."""

    why: str


@dataclass(frozen=True, slots=True)
class BadTimes:
    """The message would expire before it may be sent (ESME_RINVEXPIRY), or is scheduled too late (ESME_RINVSCHED)."""

    why: str


Answer = Taken | KeyReused | QueueFull | Throttled | TooLong | BadTimes

SCHEDULE_SECONDS_MAX = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class NoSuchMessage:
    """The account has sent no such message from that address."""


@dataclass(frozen=True, slots=True)
class TooLate:
    """The message came to its end before."""

    state: State


@dataclass(frozen=True, slots=True)
class Cancelled:
    """So many messages will not be delivered any more."""

    count: int


@dataclass(frozen=True, slots=True)
class Replaced:
    """The waiting message has its new content."""

    message: Message


@dataclass(frozen=True, slots=True)
class Changes:
    """What `replace` changes of a waiting message; None stays as it is (SMPP 3.4 section 4.10)."""

    user_data: bytes
    schedule_at: datetime | None = None
    expires_at: datetime | None = None
    registered_delivery: int | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round of attempts did: how many, the numbers whose phones changed, and whether accounts are owed."""

    attempts: int
    numbers: frozenset[str]
    owes: bool


@dataclass(frozen=True, slots=True)
class Carrier:
    """The network's rules for messages; whatever it remembers is in the ledger it is given."""

    policy: Policy

    # --- submitting ---------------------------------------------------------------------------------------------------

    def submit(
        self,
        ledger: Ledger,
        submissions: Sequence[tuple[str, Submission]],
        *,
        now: datetime,
        queue_max: Mapping[str, int] | None = None,
    ) -> list[Answer]:
        """Take on messages, each with the id it gets. The same key and content again is the same message.

        `queue_max` names the accounts whose queues have a limit of their own.
        """
        faults, limits, most = ledger.faults(), queue_max or {}, self.policy.queue_max
        return [
            self._submit_one(ledger, id_, one, now=now, faults=faults, queue_max=limits.get(one.account, most))
            for id_, one in submissions
        ]

    def _submit_one(
        self,
        ledger: Ledger,
        message_id: str,
        submission: Submission,
        *,
        now: datetime,
        faults: Faults,
        queue_max: int,
    ) -> Answer:
        if submission.key is not None and (known := ledger.message_of_key(submission.account, submission.key)):
            found, fingerprint = known
            return Taken(found, repeated=True) if fingerprint == submission.fingerprint() else KeyReused()
        if (waiting := ledger.backlog(submission.account)) >= queue_max:
            return QueueFull(waiting)
        try:
            parts = len(_parts(submission, message_id))
        except TextRefused as fault:
            return TooLong(str(fault))
        sequence = ledger.next_sequence()
        message = accept(
            submission,
            sequence=sequence,
            message_id=message_id,
            parts=parts,
            now=now,
            validity_seconds=self.policy.validity_seconds,
            latency_seconds=faults.delay_seconds(sequence),
        )
        if bad := _bad_times(message, now):
            return bad
        if submission.replace_if_present and (waiting_one := ledger.replaceable(submission)):
            message = replace(message, sequence=waiting_one.sequence, id=waiting_one.id)
            ledger.replace_message(message)
            ledger.add_entry(message.id, Entry(now, State.ENROUTE, "replaced"))
        else:
            ledger.add_message(message)
        if owed := receipts.accepted(message, now=now):
            ledger.add_outgoing([owed])
        return Taken(message, repeated=False)

    # --- asking after, calling back -----------------------------------------------------------------------------------

    def query(self, ledger: Ledger, account: str, message_id: str, *, source: str | None) -> Message | None:
        """A message of `account` from `source` (None: from any of its addresses); another's is as good as none."""
        found = ledger.message(message_id)
        ours = found is not None and found.account == account and source in {None, found.sender}
        return found if ours else None

    def cancel(
        self, ledger: Ledger, account: str, message_id: str, *, source: str | None, now: datetime
    ) -> Cancelled | NoSuchMessage | TooLate:
        """Stop a message that is still under way; its receipt says DELETED."""
        found = self.query(ledger, account, message_id, source=source)
        if found is None:
            return NoSuchMessage()
        if found.state is not State.ENROUTE:
            return TooLate(found.state)
        self._cancel(ledger, [found], now)
        return Cancelled(1)

    def cancel_all(
        self, ledger: Ledger, account: str, *, source: str, to: str, service_type: str | None, now: datetime
    ) -> Cancelled | NoSuchMessage:
        """Stop whatever `source` has under way to `to` (SMPP 3.4 section 4.9: no message_id)."""
        waiting = ledger.waiting(account, sender=source, to=to, service_type=service_type)
        self._cancel(ledger, waiting, now)
        return Cancelled(len(waiting)) if waiting else NoSuchMessage()

    def _cancel(self, ledger: Ledger, found: Sequence[Message], now: datetime) -> None:
        ended = [self._after(message, Outcome(Event.CANCEL, "cancelled by its sender"), now) for message in found]
        ledger.save_messages(ended)
        ledger.add_outgoing(self._owed(ended, ledger.faults(), now))

    def replace(
        self,
        ledger: Ledger,
        account: str,
        message_id: str,
        changes: Changes,
        *,
        source: str | None,
        now: datetime,
    ) -> Replaced | NoSuchMessage | TooLate | TooLong | BadTimes:
        """Give a message that is still under way other content (SMPP 3.4 section 4.10)."""
        found = self.query(ledger, account, message_id, source=source)
        if found is None:
            return NoSuchMessage()
        if found.state is not State.ENROUTE:
            return TooLate(found.state)
        try:
            message = _changed(found, changes, now)
        except TextRefused as fault:
            return TooLong(str(fault))
        if bad := _bad_times(message, now):
            return bad
        ledger.replace_message(message)
        ledger.add_entry(message.id, Entry(now, State.ENROUTE, "replaced"))
        return Replaced(message)

    # --- delivering ---------------------------------------------------------------------------------------------------

    def deliver(self, ledger: Ledger, *, now: datetime, limit: int) -> Delivered:
        """Try every message that is due, most urgent and oldest first, at most `limit`; more may be due afterwards."""
        due = ledger.due(now, limit=limit)
        if not due:
            return Delivered(0, frozenset(), owes=False)
        round_ = _Round(self.policy, ledger, now)
        after = [self._after(message, round_.attempt(message), now) for message in due]
        round_.save()
        ledger.save_messages(after)
        for before, message in zip(due, after, strict=True):
            if message.state is State.ENROUTE and message.error != before.error:
                ledger.add_entry(message.id, Entry(now, State.ENROUTE, message.error or "on its way"))
            receipts.await_return(ledger, message)
        reached = (one.to for one in after if one.state is State.DELIVERED)
        owed = self._owed(after, round_.faults, now) + receipts.returned(ledger, reached, now=now)
        owed += [receipts.notice(one, now=now) for one in after if receipts.is_first_failure(one)]
        ledger.add_outgoing(owed)
        return Delivered(len(due), frozenset(round_.changed), owes=bool(owed))

    def next_deadline(self, ledger: Ledger) -> datetime | None:
        """When the next attempt is due; None while nothing waits."""
        return ledger.next_due()

    def _after(self, message: Message, outcome: Outcome, now: datetime) -> Message:
        return message.after(
            outcome.event,
            now=now,
            retry_seconds=self.policy.retry_seconds,
            error=outcome.error,
            error_code=outcome.code,
            due_at=outcome.due_at,
        )

    def _owed(self, messages: Sequence[Message], faults: Faults, now: datetime) -> list[Outgoing]:
        owed = []
        for message in messages:
            receipt = receipts.final(message, self.policy, now=now)
            if receipt:
                owed.append(receipt)
                if faults.doubles_receipt(message.sequence):
                    owed.append(receipt)
        return owed


class _Round:
    """One round of attempts: each number and phone is read once and written once."""

    def __init__(self, policy: Policy, ledger: Ledger, now: datetime) -> None:
        self.faults = ledger.faults()
        self.changed: set[str] = set()
        self._policy = policy
        self._ledger = ledger
        self._now = now
        self._subscribers: dict[str, Subscriber | None] = {}
        self._phones: dict[str, tuple[Phone, Phone]] = {}
        self._scripted = ledger.has_scripts()

    def attempt(self, message: Message) -> Outcome:
        """Try one message now; its phone, where it has one, remembers it."""
        subscriber = self._subscriber(message.to)
        state = subscriber.state if subscriber else SubscriberState.UNKNOWN
        phone = self._phone(subscriber) if subscriber and state in _WITH_PHONE else None
        outcome = attempt(
            message,
            state,
            has_room=phone is None or phone.has_room(message.parts),
            fate=self._ledger.next_fate(message.to) if self._scripted else None,
            faults=self.faults,
            roaming_seconds=self._policy.roaming_seconds,
            now=self._now,
        )
        if outcome.reached and phone and subscriber:
            try:
                self._receive(subscriber, phone, message)
            except Exception:
                # One phone's fault must not stop everybody's messages: the next round would only meet it again.
                log.exception("the phone %s failed to take message %s", masked(message.to), message.id)
                return FAILED
        return outcome

    def save(self) -> None:
        """Write what changed."""
        for number in self.changed:
            subscriber = self._subscribers[number]
            assert subscriber
            self._ledger.save_phone(*self._phones[number])
            self._ledger.save_subscriber(replace(subscriber, active_at=self._now))

    def _receive(self, subscriber: Subscriber, phone: Phone, message: Message) -> None:
        after = phone
        for air in airs(message, at=self._now):
            after = after.receive(air)
        before, _ = self._phones[subscriber.number]
        self._phones[subscriber.number] = before, after
        self.changed.add(subscriber.number)

    def _subscriber(self, number: str) -> Subscriber | None:
        """The subscriber, made on the first message where this network knows every number."""
        if number not in self._subscribers:
            found = self._ledger.subscriber(number)
            if found is None and self._policy.sink_prefix and number.startswith(self._policy.sink_prefix):
                found = new_subscriber(number, now=self._now, state=SubscriberState.SINK)
            elif found is None and self._policy.creates_unknown_numbers:
                found = new_subscriber(number, now=self._now)
                self._ledger.save_subscriber(found)
            self._subscribers[number] = found
        return self._subscribers[number]

    def _phone(self, subscriber: Subscriber) -> Phone:
        if subscriber.number not in self._phones:
            phone = self._ledger.phone(subscriber)
            self._phones[subscriber.number] = phone, phone
        return self._phones[subscriber.number][1]


_WITH_PHONE = frozenset({SubscriberState.ON, SubscriberState.ROAMING})


def _parts(submission: Submission, message_id: str) -> tuple[bytes, ...]:
    return cut_up(
        submission.user_data,
        data_coding=submission.data_coding,
        esm_class=submission.esm_class,
        message_id=message_id,
    )


def _changed(found: Message, changes: Changes, now: datetime) -> Message:
    """The waiting message with its new content; raises TextRefused."""
    wish, before = changes.registered_delivery, found.submission
    expires_at = changes.expires_at or found.expires_at
    submission = replace(
        before,
        user_data=changes.user_data,
        schedule_at=changes.schedule_at or before.schedule_at,
        expires_at=expires_at,
        registered_delivery=before.registered_delivery if wish is None else wish,
    )
    return replace(
        found,
        submission=submission,
        parts=len(_parts(submission, found.id)),
        due_at=max(changes.schedule_at, now) if changes.schedule_at else found.due_at,
        expires_at=expires_at,
    )


def _bad_times(message: Message, now: datetime) -> BadTimes | None:
    """Why a message's times cannot be; None where they can."""
    start = message.submission.schedule_at or now
    if start > now + timedelta(seconds=SCHEDULE_SECONDS_MAX):
        return BadTimes("It is scheduled more than 30 days ahead; send it later.")
    if message.expires_at <= max(start, now):
        return BadTimes("It would expire before it may be sent; give it a later end.")
    return None
