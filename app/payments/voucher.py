"""Vouchers as a means of payment: the balance is at the issuer's register, near or far; the books are here.

A voucher cannot reserve, so authorising takes it. The key of the attempt names the spending at the register: it is
done once however often it is asked for, and once it is given back it is never done again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import PIN_TRIES_MAX
from app.domain.money import Money
from app.domain.refusals import IssuerAway, Refusal
from app.domain.ticket import Kind, TicketState
from app.keys import KeyRing
from app.pins import is_pin, pin_of_row
from app.ports import (
    Authorized,
    Captured,
    Charge,
    Clock,
    Decline,
    Entropy,
    Issuer,
    NotSpent,
    Prepared,
    Refunded,
    Refused,
    Unknown,
    Voided,
    Voucher,
)
from app.store import emoney, ledger, payments, register_pins, sales
from app.store.database import Database, Tx
from app.store.emoney import NewTransfer
from app.store.ledger import Posting
from app.store.tables.money import AccountKind, TransferKind

AWAY = Unknown("the issuer of the voucher does not answer")


@dataclass(frozen=True, slots=True)
class _Opened:
    """A voucher whose number and PIN are right."""

    ticket_id: UUID
    served_by: str


class Vouchers:
    """Voucher balances as a payment provider. Its key is its reference."""

    name = "voucher"

    def __init__(
        self, database: Database, clock: Clock, entropy: Entropy, keys: KeyRing, issuers: Mapping[str, Issuer]
    ) -> None:
        self._database = database
        self._clock = clock
        self._entropy = entropy
        self._keys = keys
        self._issuers = issuers

    async def prepare(self, charge: Charge) -> Prepared | Refused | Unknown:
        if not isinstance(charge.instrument, Voucher):
            return Refused(Decline.INVALID, "not a voucher")
        return Prepared(None)

    async def authorize(self, charge: Charge, *, reference: str | None) -> Authorized | Captured | Refused | Unknown:
        """Take the amount from the voucher, then write it down."""
        del reference
        if not isinstance(charge.instrument, Voucher):
            return Refused(Decline.INVALID, "not a voucher")
        opened = await self._open(charge, charge.instrument)
        if isinstance(opened, Refused):
            return opened
        failed = await self._spend(charge, opened)
        if failed is not None:
            return failed
        async with self._database.transaction() as tx:
            if not await payments.given_up(tx, [charge.key]):
                await self._post_charge(tx, charge)
                return Captured(charge.key)
        return Unknown("this attempt was given up while the voucher was asked for; whoever did so gives it back")

    async def capture(self, *, reference: str, amount: Money, key: str) -> Captured | Refused | Unknown:
        del amount, key
        return Captured(reference)

    async def void(self, *, reference: str, key: str) -> Voided | Refused | Unknown:
        """Give back whatever the charge took, and see to it that it takes nothing any more."""
        async with self._database.statements() as tx:
            payment = await payments.by_key(tx, reference)
        if payment is None:
            return Voided(reference)
        # What is not on our books may have been taken all the same: the register knows by the key.
        if not await self._unspend(payment, payment.amount, key):
            return AWAY
        async with self._database.transaction() as tx:
            charge = await emoney.lock_transfer(tx, reference)
            if charge is not None and key not in await emoney.posted(tx, [key]):
                await self._post_back(tx, charge, charge.amount, key)
        return Voided(reference)

    async def refund(self, *, reference: str, amount: Money, key: str) -> Refunded | Refused | Unknown:
        """Give a part back, or all; first on the voucher, then on the books."""
        async with self._database.statements() as tx:
            payment = await payments.by_key(tx, reference)
            charge = (await emoney.posted(tx, [reference])).get(reference)
            done = key in await emoney.posted(tx, [key])
            left = charge.amount - await emoney.refunded(tx, issuer_id=charge.issuer_id, key=reference) if charge else 0
        if done:
            return Refunded(key)
        if payment is None or charge is None:
            return Refused(Decline.INVALID, "no such charge")
        if amount.amount > left:
            return Refused(Decline.INVALID, f"only {left} of the charge is left to give back")
        if not await self._unspend(payment, amount.amount, key):
            return AWAY
        async with self._database.transaction() as tx:
            await emoney.lock_transfer(tx, reference)
            if key not in await emoney.posted(tx, [key]):
                await self._post_back(tx, charge, amount.amount, key)
        return Refunded(key)

    async def lookup(
        self, *, reference: str | None, key: str
    ) -> Prepared | Authorized | Captured | Voided | Refused | Unknown:
        """What our books say; a charge that is not on them is not complete, and may be voided by its key."""
        name = reference or key
        async with self._database.statements() as tx:
            charge = (await emoney.posted(tx, [name])).get(name)
            if charge is None:  # a reference is only given out with a charge
                return Prepared(None) if reference is None else Refused(Decline.INVALID, "no such charge")
            back = await emoney.refunded(tx, issuer_id=charge.issuer_id, key=name)
        return Voided(name) if back == charge.amount else Captured(name)

    async def lookup_refund(self, *, reference: str) -> Refunded | Refused:
        async with self._database.statements() as tx:
            posted = await emoney.posted(tx, [reference])
        return Refunded(reference) if reference in posted else Refused(Decline.INVALID, "no such refund")

    async def _open(self, charge: Charge, shown: Voucher) -> _Opened | Refused:
        """The voucher that number and PIN open. The try is counted before the PIN is looked at, and stays counted."""
        now, issuer_id = self._clock.now(), charge.issuer_id
        async with self._database.transaction() as tx:
            tries = await register_pins.count_pin_try(tx, issuer_id=issuer_id, number=shown.number, now=now)
            if tries > PIN_TRIES_MAX:
                return Refused(Decline.LOCKED, "too many wrong PINs")
            ticket = await sales.ticket_by_number(tx, issuer_id=issuer_id, number=shown.number)
            if ticket is None or not self._is_pin(ticket, shown.pin):
                return Refused(Decline.WRONG_PIN, "no voucher opens with this number and PIN")
            await register_pins.forgive_pin(tx, issuer_id=issuer_id, number=shown.number)
        if ticket.kind != Kind.VOUCHER or ticket.currency != charge.amount.currency:
            return Refused(Decline.INVALID, "this ticket does not pay for anything")
        if ticket.state != TicketState.VALID or not ticket.valid_from <= now < ticket.valid_until:
            return Refused(Decline.INVALID, "this voucher counts no more")
        return _Opened(ticket.id, ticket.served_by)

    def _is_pin(self, ticket: sa.Row[Any], typed: str) -> bool:
        return is_pin(pin_of_row(self._keys, ticket), typed)

    async def _spend(self, charge: Charge, opened: _Opened) -> Refused | Unknown | None:
        """Take the amount at the register; None once it has it."""
        issuer = self._issuers.get(opened.served_by)
        if issuer is None:  # its server is in our settings no more
            return AWAY
        try:
            spent = await issuer.spend(
                issuer_id=charge.issuer_id, ticket_id=opened.ticket_id, amount=charge.amount.amount, key=charge.key
            )
        except IssuerAway:
            return AWAY
        except Refusal as refusal:  # an issuer elsewhere that does not know of the voucher
            return Refused(Decline.INVALID, refusal.sentence)
        if isinstance(spent, NotSpent):
            return Refused(Decline.INSUFFICIENT_FUNDS, f"only {spent.left} is left on the voucher")
        return None

    async def _unspend(self, payment: sa.Row[Any], amount: int, key: str) -> bool:
        """Whether the register has the amount again; once per key."""
        issuer = self._issuers.get(payment.served_by)
        if issuer is None:
            return False
        try:
            await issuer.unspend(issuer_id=payment.issuer_id, key=payment.key, amount=amount, back_key=key)
        except Refusal:  # away, or of another mind than when it took the money: asked again until it gives it back
            return False
        return True

    async def _post_charge(self, tx: Tx, charge: Charge) -> None:
        """What the voucher can still buy is less, and what it paid is on its way to a booking; once per key."""
        posting = Posting(
            charge.issuer_id,
            charge.key,
            TransferKind.CHARGE,
            AccountKind.VOUCHERS,
            AccountKind.VOUCHER,
            charge.amount.amount,
            charge.amount.currency,
        )
        await ledger.post(tx, [posting], new_id=self._entropy.uuid, now=self._clock.now())

    async def _post_back(self, tx: Tx, charge: sa.Row[Any], amount: int, key: str) -> None:
        transfer = NewTransfer(
            id=self._entropy.uuid(),
            issuer_id=charge.issuer_id,
            key=key,
            kind=TransferKind.REFUND,
            debit_id=charge.credit_id,
            credit_id=charge.debit_id,
            amount=amount,
            reverses=charge.key,
        )
        await emoney.post(tx, [transfer], now=self._clock.now())
