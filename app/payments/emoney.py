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
from app.pins import is_pin, pin_of
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
from app.store import emoney, payments, register_pins
from app.store.database import Database, Tx
from app.store.emoney import NewTransfer
from app.store.register_pins import Guard
from app.store.tables.money import AccountKind, TransferKind


@dataclass(frozen=True, slots=True)
class _Ask:
    charge: Charge
    instrument: Prepaid

    @property
    def account(self) -> tuple[UUID, str, str]:
        """Issuer, handset and currency: what names a prepaid account."""
        return self.charge.issuer_id, str(self.instrument.handset), self.charge.amount.currency


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
        refusal = await self._database.together(self._check_pins, _Ask(charge, instrument))
        if refusal is not None:
            return refusal
        return await self._database.together(self._take, _Ask(charge, instrument))

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

    async def _check_pins(self, tx: Tx, asks: Sequence[_Ask]) -> list[Refused | None]:
        """Count the tries before the PINs are looked at, apart from the charge, so that no rollback forgives them.

        Of several tries for one account each counts as if they had come one after the other.
        """
        guards = [(ask.charge.issuer_id, f"e{ask.instrument.handset[1:]}"[:16]) for ask in asks]
        tries = await register_pins.count_pin_tries(tx, guards, now=self._clock.now())
        accounts = await emoney.prepaid(tx, [ask.account for ask in asks], lock=False)
        answers: list[Refused | None] = []
        forgiven: set[Guard] = set()
        for ask, guard in zip(asks, guards, strict=True):
            tries[guard] += 1
            account = accounts.get(ask.account)
            if tries[guard] > PIN_TRIES_MAX:
                answers.append(Refused(Decline.LOCKED, "too many wrong PINs"))
            elif account is None or not self._opens(account, ask.instrument.pin):
                answers.append(Refused(Decline.WRONG_PIN, "no account opens with this number and PIN"))
            else:
                tries[guard] = 0
                forgiven.add(guard)
                answers.append(None)
        await register_pins.forgive_pins(tx, forgiven)
        since = [guard for guard in forgiven for _ in range(tries[guard])]
        if since:
            await register_pins.count_pin_tries(tx, since, now=self._clock.now())
        return answers

    def _opens(self, account: sa.Row[Any], typed: str) -> bool:
        pin = pin_of(
            self._keys,
            issuer_id=account.issuer_id,
            identity=account.id,
            kid=account.kid,
            generation=account.generation,
        )
        return is_pin(pin, typed)

    async def _take(self, tx: Tx, asks: Sequence[_Ask]) -> list[Captured | Refused]:
        """Charge everybody in one transaction: accounts locked in order, balances checked, transfers written."""
        accounts = await emoney.prepaid(tx, [ask.account for ask in asks])
        clearing = {
            (issuer_id, currency): await self._clearing_account(tx, issuer_id, currency)
            for issuer_id, currency in dict.fromkeys((ask.charge.issuer_id, ask.charge.amount.currency) for ask in asks)
        }
        balances = {row.id: row.balance for row in accounts.values()}
        done = await emoney.posted(tx, [ask.charge.key for ask in asks])
        # Whoever gave an attempt up has looked whether it was charged: it must not be after that.
        given_up = await payments.given_up(tx, [ask.charge.key for ask in asks])
        answers: list[Captured | Refused] = []
        transfers: list[NewTransfer] = []
        for ask in asks:
            key, amount = ask.charge.key, ask.charge.amount.amount
            account = accounts.get(ask.account)
            if key in done:
                answers.append(Captured(key))
            elif key in given_up:
                answers.append(Refused(Decline.INVALID, "this attempt was given up"))
            elif account is None or balances[account.id] < amount:
                answers.append(Refused(Decline.INSUFFICIENT_FUNDS, "the balance is smaller than the price"))
            else:
                balances[account.id] -= amount
                transfers.append(
                    NewTransfer(
                        id=self._entropy.uuid(),
                        issuer_id=ask.charge.issuer_id,
                        key=key,
                        kind=TransferKind.CHARGE,
                        debit_id=account.id,
                        credit_id=clearing[ask.charge.issuer_id, ask.charge.amount.currency],
                        amount=amount,
                    )
                )
                answers.append(Captured(key))
        await emoney.post(tx, transfers, now=self._clock.now())
        return answers

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
