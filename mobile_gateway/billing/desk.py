"""Carrier billing over the gateway's file: each verb is one job, and what it answers is on the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from mobile_gateway.billing.ledger import BillingBook
from mobile_gateway.billing.rules import (
    Ask,
    KeyTaken,
    NotPossible,
    Payment,
    Terms,
    cancel,
    cancel_key,
    charge,
    confirm,
    refund,
)
from mobile_gateway.disk.store import Store

T = TypeVar("T")


class BillingDesk:
    """What an account may do about its payments; None answers that it has no such payment. All raise StoreFailed."""

    def __init__(
        self, store: Store, terms: Terms, *, now: Callable[[], datetime], new_id: Callable[[datetime], str]
    ) -> None:
        self._store = store
        self._terms = terms
        self._now = now
        self._new_id = new_id

    async def charge(self, ask: Ask) -> Payment | KeyTaken:
        now = self._now()
        payment_id = self._new_id(now)

        def job(connection: sqlite3.Connection) -> Payment | KeyTaken:
            return charge(BillingBook(connection), ask, self._terms, payment_id=payment_id, now=now)

        return await self._store.run_sql(job)

    async def payment(self, account: str, payment_id: str) -> Payment | None:
        return await self._of_one(account, payment_id, lambda _, payment, now: payment.at(now))

    async def payment_of_key(self, account: str, key: str) -> Payment | None:
        now = self._now()

        def job(connection: sqlite3.Connection) -> Payment | None:
            found = BillingBook(connection).payment_of_key(account, key)
            return found and found.at(now)

        return await self._store.run_sql(job)

    async def confirm(self, account: str, payment_id: str) -> Payment | NotPossible | None:
        return await self._of_one(account, payment_id, lambda book, payment, now: confirm(book, payment, now=now))

    async def cancel(self, account: str, payment_id: str) -> Payment | NotPossible | None:
        return await self._of_one(account, payment_id, lambda book, payment, now: cancel(book, payment, now=now))

    async def cancel_key(self, account: str, key: str) -> Payment | NotPossible:
        now = self._now()
        payment_id = self._new_id(now)

        def job(connection: sqlite3.Connection) -> Payment | NotPossible:
            book = BillingBook(connection)
            return cancel_key(book, account=account, key=key, terms=self._terms, payment_id=payment_id, now=now)

        return await self._store.run_sql(job)

    async def refund(
        self, account: str, payment_id: str, *, key: str, amount: int
    ) -> Payment | KeyTaken | NotPossible | None:
        return await self._of_one(
            account, payment_id, lambda book, payment, now: refund(book, payment, key=key, amount=amount, now=now)
        )

    async def _of_one(
        self, account: str, payment_id: str, act: Callable[[BillingBook, Payment, datetime], T]
    ) -> T | None:
        now = self._now()

        def job(connection: sqlite3.Connection) -> T | None:
            book = BillingBook(connection)
            payment = book.payment(account, payment_id)
            return None if payment is None else act(book, payment, now)

        return await self._store.run_sql(job)
