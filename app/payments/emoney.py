"""E-money: prepaid accounts tied to a handset number, in our own ledger. It cannot reserve, so authorising takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import PIN_TRIES_MAX
from app.domain.money import Money
from app.keys import KeyRing
from app.pins import is_pin, pin_of_row
from app.ports import (
    Authorized,
    Captured,
    Charge,
    Clock,
    Decline,
    Entropy,
    Prepaid,
    Prepared,
    Refunded,
    Refused,
    Unknown,
    Voided,
)
from app.store import emoney, register_pins
from app.store.database import Database, Tx
from app.store.emoney import BeforeCharge, Charging, NewTransfer
from app.store.register_pins import Guard, Tries
from app.store.tables.money import AccountKind, TransferKind


@dataclass(frozen=True, slots=True)
class _Ask:
    charge: Charge
    instrument: Prepaid

    @property
    def account(self) -> tuple[UUID, str, str]:
        """Issuer, handset and currency: what names a prepaid account."""
        return self.charge.issuer_id, str(self.instrument.handset), self.charge.amount.currency

    @property
    def guard(self) -> Guard:
        """What its wrong PINs are counted by."""
        return self.charge.issuer_id, f"e{self.instrument.handset[1:]}"[:16]

    @property
    def named(self) -> Charging:
        return Charging(self.charge.key, self.charge.amount.currency, self.guard)


class Emoney:
    """The ledger as a payment provider. Its key is its reference: nothing has to be committed before it is asked."""

    name = "emoney"

    def __init__(self, database: Database, clock: Clock, entropy: Entropy, keys: KeyRing) -> None:
        self._database = database
        self._clock = clock
        self._entropy = entropy
        self._keys = keys

    async def prepare(self, charge: Charge) -> Prepared | Refused | Unknown:
        if not isinstance(charge.instrument, Prepaid):
            return Refused(Decline.INVALID, "not e-money")
        return Prepared(None)

    async def authorize(self, charge: Charge, *, reference: str | None) -> Authorized | Captured | Refused | Unknown:
        del reference
        instrument = charge.instrument
        if not isinstance(instrument, Prepaid):
            return Refused(Decline.INVALID, "not e-money")
        return await self._database.together(self._charge, _Ask(charge, instrument))

    async def capture(self, *, reference: str, amount: Money, key: str) -> Captured | Refused | Unknown:
        del amount, key
        return Captured(reference)

    async def void(self, *, reference: str, key: str) -> Voided | Refused | Unknown:
        """Give back whatever the charge took; a charge that never was is void already."""
        async with self._database.transaction() as tx:
            charge = await emoney.lock_transfer(tx, reference)
            if charge is None:
                return Voided(reference)
            left = charge.amount - await emoney.refunded(tx, issuer_id=charge.issuer_id, key=reference)
            if left and key not in await emoney.posted(tx, [key]):
                await self._give_back(tx, charge, left, key)
            return Voided(reference)

    async def refund(self, *, reference: str, amount: Money, key: str) -> Refunded | Refused | Unknown:
        async with self._database.transaction() as tx:
            charge = await emoney.lock_transfer(tx, reference)
            if charge is None:
                return Refused(Decline.INVALID, "no such charge")
            if key in await emoney.posted(tx, [key]):
                return Refunded(key)
            left = charge.amount - await emoney.refunded(tx, issuer_id=charge.issuer_id, key=reference)
            if amount.amount > left:
                return Refused(Decline.INVALID, f"only {left} of the charge is left to give back")
            await self._give_back(tx, charge, amount.amount, key)
            return Refunded(key)

    async def lookup(
        self, *, reference: str | None, key: str
    ) -> Prepared | Authorized | Captured | Voided | Refused | Unknown:
        name = reference or key
        async with self._database.transaction() as tx:
            charge = (await emoney.posted(tx, [name])).get(name)
            if charge is None:  # a reference is only given out with a charge; without one nothing was taken yet
                return Prepared(None) if reference is None else Refused(Decline.INVALID, "no such charge")
            back = await emoney.refunded(tx, issuer_id=charge.issuer_id, key=name)
            return Voided(name) if back == charge.amount else Captured(name)

    async def lookup_refund(self, *, reference: str) -> Refunded | Refused:
        async with self._database.statements() as tx:
            posted = await emoney.posted(tx, [reference])
        return Refunded(reference) if reference in posted else Refused(Decline.INVALID, "no such refund")

    def _opens(self, account: sa.Row[Any], typed: str) -> bool:
        return is_pin(pin_of_row(self._keys, account), typed)

    async def _charge(self, tx: Tx, asks: Sequence[_Ask]) -> list[Captured | Refused]:
        """Charge everybody in one transaction: accounts locked in order, PINs and balances checked, transfers written.

        Whoever else tries a PIN of these accounts waits, and then sees what was counted here: guessing in parallel
        gains nothing. Of several tries in here each counts as if they had come one after the other.
        """
        accounts = await emoney.prepaid(tx, [ask.account for ask in asks])
        facts = await emoney.before_charges(tx, [ask.named for ask in asks], now=self._clock.now())
        balances = {row.id: row.balance for row in accounts.values()}
        tries = Tries({ask.guard: facts[ask.charge.key].tries for ask in asks})
        answers: list[Captured | Refused] = []
        transfers: list[NewTransfer] = []
        for ask in asks:
            account = accounts.get(ask.account)
            if tries.add(ask.guard) > PIN_TRIES_MAX:
                answers.append(Refused(Decline.LOCKED, "too many wrong PINs"))
            elif account is None or not self._opens(account, ask.instrument.pin):
                answers.append(Refused(Decline.WRONG_PIN, "no account opens with this number and PIN"))
            else:
                tries.forgive(ask.guard)
                fact = facts[ask.charge.key]
                answers.append(_settled(ask.charge, fact, balances[account.id]))
                if isinstance(answers[-1], Captured) and not fact.posted:
                    fact.posted = True
                    balances[account.id] -= ask.charge.amount.amount
                    transfers.append(await self._transfer(tx, ask, account.id, fact.clearing))
        await register_pins.write_tries(tx, tries, now=self._clock.now())
        await emoney.post(tx, transfers, now=self._clock.now())
        return answers

    async def _transfer(self, tx: Tx, ask: _Ask, account_id: UUID, clearing: UUID | None) -> NewTransfer:
        charge = ask.charge
        return NewTransfer(
            id=self._entropy.uuid(),
            issuer_id=charge.issuer_id,
            key=charge.key,
            kind=TransferKind.CHARGE,
            debit_id=account_id,
            credit_id=clearing or await self._clearing_account(tx, charge.issuer_id, charge.amount.currency),
            amount=charge.amount.amount,
        )

    async def _clearing_account(self, tx: Tx, issuer_id: UUID, currency: str) -> UUID:
        return await emoney.account_id(
            tx,
            new_id=self._entropy.uuid,
            issuer_id=issuer_id,
            kind=AccountKind.EMONEY,
            currency=currency,
            now=self._clock.now(),
        )

    async def _give_back(self, tx: Tx, charge: sa.Row[Any], amount: int, key: str) -> None:
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


def _settled(charge: Charge, fact: BeforeCharge, balance: int) -> Captured | Refused:
    """What becomes of a charge whose PIN is right."""
    if fact.posted:
        return Captured(charge.key)
    if fact.given_up:
        return Refused(Decline.INVALID, "this attempt was given up")
    if balance < charge.amount.amount:
        return Refused(Decline.INSUFFICIENT_FUNDS, "the balance is smaller than the price")
    return Captured(charge.key)
