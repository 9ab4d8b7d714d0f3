"""Phone bills in dictionaries, and a carrier's terms, for tests of the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from mobile_gateway.billing import rules as billing
from mobile_gateway.billing.rules import Ask, KeyTaken, Payment, PaymentState, Refund, Terms
from mobile_gateway.subscribers import SubscriberState

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
NUMBER = "+821012345678"
TERMS = Terms(currency="KRW", monthly_limit=100_000, reserve_seconds=600, zone=ZoneInfo("Asia/Seoul"))


class MemoryBook:
    """A `billing.Book` that forgets."""

    def __init__(self) -> None:
        self.states: dict[str, SubscriberState] = {}
        self.payments: dict[tuple[str, str], Payment] = {}
        self.refunds: dict[tuple[str, str], Refund] = {}

    def subscriber_state(self, number: str) -> SubscriberState | None:
        return self.states.get(number)

    def payment_of_key(self, account: str, key: str) -> Payment | None:
        return self.payments.get((account, key))

    def add_payment(self, payment: Payment) -> None:
        assert (payment.account, payment.key) not in self.payments
        self.payments[payment.account, payment.key] = payment

    def save_payment(self, payment: Payment) -> None:
        assert (payment.account, payment.key) in self.payments
        self.payments[payment.account, payment.key] = payment

    def owed(self, number: str, month: str, now: datetime) -> int:
        counted = {PaymentState.RESERVED, PaymentState.SUCCEEDED}
        standing = [one.at(now) for one in self.payments.values() if (one.number, one.month) == (number, month)]
        return sum(one.amount - one.refunded for one in standing if one.state in counted)

    def refund_of_key(self, account: str, key: str) -> Refund | None:
        return self.refunds.get((account, key))

    def add_refund(self, refund: Refund) -> None:
        assert (refund.account, refund.key) not in self.refunds
        self.refunds[refund.account, refund.key] = refund


ids = (f"b{number:08}" for number in count(1))


def an_ask(key: str = "k1", **changes: Any) -> Ask:
    """A reservation of 30,000 won, a third of what TERMS allow a month and a little less."""
    ask = Ask("demo", key, NUMBER, 30_000, "KRW", "two tickets", immediate=False)
    return replace(ask, **changes)


def charge(book: billing.Book, ask: Ask, *, now: datetime = NOW, terms: Terms = TERMS) -> Payment:
    """What became of a charge whose key is its own."""
    payment = billing.charge(book, ask, terms, payment_id=next(ids), now=now)
    assert not isinstance(payment, KeyTaken)
    return payment
