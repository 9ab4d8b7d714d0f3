"""Carrier billing: what a subscriber buys from others and pays with the phone bill, within a limit each month.

Shaped after CAMARA Carrier Billing: reserve, then confirm or cancel; or take at once; then perhaps refund. All of it is
idempotent by the account's key. Pure rules over a `Book`; what they decide is written by whoever holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from mobile_gateway.subscribers import SubscriberState, masked


class PaymentState(StrEnum):
    """CAMARA's paymentStatus, as far as this network has it. `expired` is read off the clock and never written."""

    RESERVED = "reserved"
    SUCCEEDED = "succeeded"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class PaymentEvent(StrEnum):
    CONFIRM = "be confirmed"
    CANCEL = "be cancelled"
    REFUND = "be refunded"


TRANSITIONS: Mapping[PaymentState, Mapping[PaymentEvent, PaymentState]] = {
    PaymentState.RESERVED: {
        PaymentEvent.CONFIRM: PaymentState.SUCCEEDED,
        PaymentEvent.CANCEL: PaymentState.CANCELLED,
    },
    # What was done already is done again without effect.
    PaymentState.SUCCEEDED: {
        PaymentEvent.CONFIRM: PaymentState.SUCCEEDED,
        PaymentEvent.REFUND: PaymentState.SUCCEEDED,
    },
    PaymentState.DENIED: {},
    PaymentState.CANCELLED: {PaymentEvent.CANCEL: PaymentState.CANCELLED},
    PaymentState.EXPIRED: {PaymentEvent.CANCEL: PaymentState.CANCELLED},
}


class Denial(StrEnum):
    """Why the carrier does not charge this subscriber."""

    UNKNOWN_SUBSCRIBER = "unknown_subscriber"
    BARRED_SUBSCRIBER = "barred_subscriber"
    OTHER_CURRENCY = "other_currency"
    MONTHLY_LIMIT = "monthly_limit"


DENIAL_WORDS: Mapping[Denial, str] = {
    Denial.UNKNOWN_SUBSCRIBER: "This number has no phone bill; pay otherwise.",
    Denial.BARRED_SUBSCRIBER: "This subscriber may not buy on the phone bill; pay otherwise.",
    Denial.OTHER_CURRENCY: "This carrier bills in another currency; pay otherwise.",
    Denial.MONTHLY_LIMIT: "This would go beyond the subscriber's monthly limit; pay otherwise, or wait for next month.",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms this carrier bills. Amounts are minor units of its one currency."""

    currency: str
    monthly_limit: int
    reserve_seconds: float
    zone: tzinfo
    """Where midnight ends a month."""
    knows_every_number: bool = True
    """Whether a number that was never used is a subscriber all the same."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What an account wants charged. `key` names the payment; `immediate` takes it at once, else it is reserved."""

    account: str
    key: str
    number: str
    amount: int
    currency: str
    description: str
    immediate: bool

    def __post_init__(self) -> None:
        assert self.amount > 0

    def __repr__(self) -> str:
        return f"Ask({self.account}, {self.key}, {masked(self.number)}, {self.amount} {self.currency})"


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment on a phone bill. `number` is None where its key was cancelled before anybody asked for it."""

    id: str
    account: str
    key: str
    number: str | None = field(repr=False)
    amount: int
    currency: str
    description: str
    immediate: bool
    state: PaymentState
    month: str
    """The bill it stands on, such as 2026-11."""
    made_at: datetime
    expires_at: datetime
    denial: Denial | None = None
    refunded: int = 0

    def at(self, now: datetime) -> Payment:
        """As it stands at `now`: a reservation nobody confirmed in time has run out."""
        if self.state is PaymentState.RESERVED and self.expires_at <= now:
            return replace(self, state=PaymentState.EXPIRED)
        return self

    def answers(self, ask: Ask) -> bool:
        """Whether it is the payment that `ask` asks for once more."""
        same = (self.number, self.amount, self.currency, self.description, self.immediate)
        return same == (ask.number, ask.amount, ask.currency, ask.description, ask.immediate)


@dataclass(frozen=True, slots=True)
class Refund:
    """Money of a payment given back, once per key."""

    account: str
    key: str
    payment_id: str
    amount: int
    at: datetime


@dataclass(frozen=True, slots=True)
class KeyTaken:
    """The key names something else already; nothing was done."""


@dataclass(frozen=True, slots=True)
class NotPossible:
    """The payment cannot do this in its state; nothing was done. `why` is a sentence."""

    why: str


class Book(Protocol):
    """One transaction's view of the bills."""

    def subscriber_state(self, number: str) -> SubscriberState | None: ...

    def payment_of_key(self, account: str, key: str) -> Payment | None: ...

    def add_payment(self, payment: Payment) -> None: ...

    def save_payment(self, payment: Payment) -> None:
        """Write what an event changed: state and refunded."""
        ...

    def owed(self, number: str, month: str, now: datetime) -> int:
        """Minor units on the number's bill of that month: reserved and not run out, or taken and not given back."""
        ...

    def refund_of_key(self, account: str, key: str) -> Refund | None: ...

    def add_refund(self, refund: Refund) -> None: ...


def charge(book: Book, ask: Ask, terms: Terms, *, payment_id: str, now: datetime) -> Payment | KeyTaken:
    """Reserve or take an amount, or deny it; the same key again answers what became of the first."""
    if known := book.payment_of_key(ask.account, ask.key):
        if known.number is None or known.answers(ask):
            return known.at(now)
        return KeyTaken()
    month = month_of(now, terms)
    denial = _denial(book, ask, terms, month, now)
    granted = PaymentState.SUCCEEDED if ask.immediate else PaymentState.RESERVED
    payment = Payment(
        id=payment_id,
        account=ask.account,
        key=ask.key,
        number=ask.number,
        amount=ask.amount,
        currency=ask.currency,
        description=ask.description,
        immediate=ask.immediate,
        state=PaymentState.DENIED if denial else granted,
        month=month,
        made_at=now,
        expires_at=now + timedelta(seconds=terms.reserve_seconds),
        denial=denial,
    )
    book.add_payment(payment)
    return payment


def month_of(at: datetime, terms: Terms) -> str:
    """The bill that something bought at `at` stands on."""
    return at.astimezone(terms.zone).strftime("%Y-%m")


def _denial(book: Book, ask: Ask, terms: Terms, month: str, now: datetime) -> Denial | None:
    state = book.subscriber_state(ask.number)
    if state is SubscriberState.UNKNOWN or (state is None and not terms.knows_every_number):
        return Denial.UNKNOWN_SUBSCRIBER
    if state is SubscriberState.BARRED:
        return Denial.BARRED_SUBSCRIBER
    if ask.currency != terms.currency:
        return Denial.OTHER_CURRENCY
    if book.owed(ask.number, month, now) + ask.amount > terms.monthly_limit:
        return Denial.MONTHLY_LIMIT
    return None


def confirm(book: Book, payment: Payment, *, now: datetime) -> Payment | NotPossible:
    """Take what was reserved; again is harmless."""
    return _move(book, payment.at(now), PaymentEvent.CONFIRM)


def cancel(book: Book, payment: Payment, *, now: datetime) -> Payment | NotPossible:
    """Let go of what was reserved; again is harmless."""
    return _move(book, payment.at(now), PaymentEvent.CANCEL)


def cancel_key(
    book: Book, *, account: str, key: str, terms: Terms, payment_id: str, now: datetime
) -> Payment | NotPossible:
    """Cancel the payment of a key; where there is none, make sure that there never will be.

    Whoever lost the answer of a charge ends it so for good, even if the charge is still on its way.
    """
    if known := book.payment_of_key(account, key):
        return cancel(book, known, now=now)
    never = Payment(
        id=payment_id,
        account=account,
        key=key,
        number=None,
        amount=0,
        currency=terms.currency,
        description="",
        immediate=False,
        state=PaymentState.CANCELLED,
        month=month_of(now, terms),
        made_at=now,
        expires_at=now,
    )
    book.add_payment(never)
    return never


def refund(book: Book, payment: Payment, *, key: str, amount: int, now: datetime) -> Payment | KeyTaken | NotPossible:
    """Give back `amount` of what was taken, once per key, and never more than was taken."""
    assert amount > 0
    if known := book.refund_of_key(payment.account, key):
        return payment if (known.payment_id, known.amount) == (payment.id, amount) else KeyTaken()
    standing = payment.at(now)
    if PaymentEvent.REFUND not in TRANSITIONS[standing.state]:
        return _impossible(standing, PaymentEvent.REFUND)
    left = payment.amount - payment.refunded
    if amount > left:
        return NotPossible(f"Only {left} of {payment.amount} is left to give back; ask for at most that.")
    after = replace(payment, refunded=payment.refunded + amount)
    book.add_refund(Refund(payment.account, key, payment.id, amount, now))
    book.save_payment(after)
    return after


def _move(book: Book, payment: Payment, event: PaymentEvent) -> Payment | NotPossible:
    to = TRANSITIONS[payment.state].get(event)
    if to is None:
        return _impossible(payment, event)
    if to is payment.state:
        return payment
    after = replace(payment, state=to)
    book.save_payment(after)
    return after


def _impossible(payment: Payment, event: PaymentEvent) -> NotPossible:
    return NotPossible(f"This payment is {payment.state} and cannot {event}; look at it again.")
