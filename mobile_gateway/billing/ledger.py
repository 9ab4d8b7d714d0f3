"""The phone bills as SQL: a `billing.Book` over one connection, inside a transaction that `store` opens."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from mobile_gateway.billing.rules import Denial, Payment, PaymentState, Refund
from mobile_gateway.disk.times import micros, time
from mobile_gateway.subscribers import SubscriberState

_PAYMENT = (
    "id, account, key, number, amount, currency, description, immediate, state, month, made_at, expires_at, denial,"
    " refunded"
)


class BillingBook:
    """The bills behind one connection; commits nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection.execute

    def subscriber_state(self, number: str) -> SubscriberState | None:
        row = self._sql("SELECT state FROM subscriber WHERE number = ?", (number,)).fetchone()
        return SubscriberState(row[0]) if row else None

    def payment(self, account: str, payment_id: str) -> Payment | None:
        query = f"SELECT {_PAYMENT} FROM bill_payment WHERE id = ? AND account = ?"  # noqa: S608 - constant
        row = self._sql(query, (payment_id, account)).fetchone()
        return _payment(row) if row else None

    def payment_of_key(self, account: str, key: str) -> Payment | None:
        query = f"SELECT {_PAYMENT} FROM bill_payment WHERE account = ? AND key = ?"  # noqa: S608 - constant
        row = self._sql(query, (account, key)).fetchone()
        return _payment(row) if row else None

    def add_payment(self, payment: Payment) -> None:
        self._sql(
            f"INSERT INTO bill_payment ({_PAYMENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant
            (
                payment.id,
                payment.account,
                payment.key,
                payment.number,
                payment.amount,
                payment.currency,
                payment.description,
                payment.immediate,
                payment.state,
                payment.month,
                micros(payment.made_at),
                micros(payment.expires_at),
                payment.denial,
                payment.refunded,
            ),
        )

    def save_payment(self, payment: Payment) -> None:
        # An end is an end: the WHERE is the second net under the transition table.
        done = self._sql(
            "UPDATE bill_payment SET state = ?, refunded = ? WHERE id = ? AND state IN ('reserved', ?)",
            (payment.state, payment.refunded, payment.id, payment.state),
        )
        assert done.rowcount == 1

    def owed(self, number: str, month: str, now: datetime) -> int:
        row = self._sql(
            "SELECT coalesce(sum(amount - refunded), 0) FROM bill_payment WHERE number = ? AND month = ?"
            " AND state IN ('reserved', 'succeeded') AND (state = 'succeeded' OR expires_at > ?)",
            (number, month, micros(now)),
        ).fetchone()
        return int(row[0])

    def refund_of_key(self, account: str, key: str) -> Refund | None:
        row = self._sql(
            "SELECT account, key, payment_id, amount, at FROM bill_refund WHERE account = ? AND key = ?", (account, key)
        ).fetchone()
        return Refund(row[0], row[1], row[2], row[3], time(row[4])) if row else None

    def add_refund(self, refund: Refund) -> None:
        self._sql(
            "INSERT INTO bill_refund (account, key, payment_id, amount, at) VALUES (?, ?, ?, ?, ?)",
            (refund.account, refund.key, refund.payment_id, refund.amount, micros(refund.at)),
        )


def _payment(row: tuple[Any, ...]) -> Payment:
    return Payment(
        id=row[0],
        account=row[1],
        key=row[2],
        number=row[3],
        amount=row[4],
        currency=row[5],
        description=row[6],
        immediate=bool(row[7]),
        state=PaymentState(row[8]),
        month=row[9],
        made_at=time(row[10]),
        expires_at=time(row[11]),
        denial=Denial(row[12]) if row[12] else None,
        refunded=row[13],
    )
