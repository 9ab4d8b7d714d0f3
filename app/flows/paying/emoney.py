"""E-money: topped up by staff or by a voucher; the handset is told its balance and its PIN."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import PIN_TRIES_MAX
from app.domain.credential import NumberAndPin, Pin, parse_presented
from app.domain.handset import Handset
from app.domain.money import Money
from app.domain.refusals import BadLine, Locked, NotEnoughValue, NotFound, WrongState
from app.domain.ticket import Kind
from app.flows.booking.sales_status import LOCAL
from app.flows.owing import of_emoney, owe_messages
from app.pins import pin_of_row
from app.store import emoney, register, register_pins, sales
from app.store.database import Tx
from app.store.emoney import NewTransfer
from app.store.tables.money import AccountKind, TransferKind
from app.world import World


@dataclass(frozen=True, slots=True)
class ToppedUp:
    account_id: UUID
    added: Money
    balance: Money


async def top_up(world: World, *, issuer_id: UUID, handset: Handset, amount: Money, key: str) -> ToppedUp:
    """Staff took cash, or knows why: add money to the handset's account, made when it is missing."""
    if amount.amount <= 0:
        raise BadLine("A top-up adds at least one minor unit; give a positive amount.")
    async with world.transaction() as tx:
        topped = await _add(tx, world, _Income(issuer_id, handset, amount, AccountKind.CASH, key))
    await world.memory.wake()
    return topped


async def redeem(world: World, *, issuer_id: UUID, handset: Handset, presented: str) -> ToppedUp:
    """Turn a gift voucher, by its number and PIN, wholly into e-money of a handset; a voucher does this once.

    Raises BadLine, NotFound, Locked, NotEnoughValue, and WrongState for one of another server's register.
    """
    shown = parse_presented(presented)
    if not isinstance(shown, NumberAndPin):
        raise BadLine("Give the voucher's number and PIN, such as 482910375-1 491027.")
    voucher = await _voucher(world, issuer_id, shown)
    if voucher.served_by != LOCAL:
        # Its value is in another server's register: it could not be taken there and be added here as one.
        raise WrongState("This voucher is in the register of its issuer's own server. Pay with the voucher itself.")
    async with world.transaction() as tx:
        used = await register.empty_voucher(tx, voucher.id)
        if used is None:
            raise NotEnoughValue("This voucher is used up or revoked.")
        amount = Money(used, voucher.currency)
        key = f"voucher-{voucher.id}"
        topped = await _add(tx, world, _Income(issuer_id, handset, amount, AccountKind.VOUCHERS, key, voucher.id))
    await world.memory.wake()
    return topped


async def _voucher(world: World, issuer_id: UUID, shown: NumberAndPin) -> sa.Row[Any]:
    """The voucher that number and PIN open; the try is counted before the PIN is looked at. Raises NotFound, Locked."""
    async with world.transaction() as tx:
        tries = await register_pins.count_pin_try(tx, issuer_id=issuer_id, number=shown.number, now=world.clock.now())
        voucher = await sales.ticket_by_number(tx, issuer_id=issuer_id, number=shown.number)
        if voucher is not None and tries <= PIN_TRIES_MAX and _opens(world, voucher, shown.pin):
            await register_pins.forgive_pin(tx, issuer_id=issuer_id, number=shown.number)
            return voucher
    if tries > PIN_TRIES_MAX:
        raise Locked("Too many wrong PINs: this number is locked for 10 minutes.")
    raise NotFound("There is no voucher with this number and PIN.")


def _opens(world: World, ticket: sa.Row[Any], pin: Pin) -> bool:
    return ticket.kind == Kind.VOUCHER and pin_of_row(world.house.keys, ticket) == pin


@dataclass(frozen=True, slots=True)
class _Income:
    """Money that comes into a handset's e-money, and where it comes from; `key` names it for ever."""

    issuer_id: UUID
    handset: Handset
    amount: Money
    source: AccountKind
    key: str
    voucher_id: UUID | None = None


async def _add(tx: Tx, world: World, income: _Income) -> ToppedUp:
    """The one place where e-money comes in: added once per key, and told to the handset."""
    now = world.clock.now()
    account = await emoney.open_account(
        tx,
        new_id=world.entropy.uuid,
        issuer_id=income.issuer_id,
        kind=AccountKind.PREPAID,
        currency=income.amount.currency,
        now=now,
        handset=income.handset,
        kid=world.house.keys.kid,
    )
    before = Money(account.balance, income.amount.currency)
    if income.key in await emoney.posted(tx, [income.key]):
        return ToppedUp(account.id, income.amount, before)
    await _post(tx, world, income, account.id, now=now)
    await owe_messages(tx, world, [of_emoney(world, account, income.handset)], now=now)
    return ToppedUp(account.id, income.amount, before + income.amount)


async def _post(tx: Tx, world: World, income: _Income, account_id: UUID, *, now: datetime) -> None:
    debit = await emoney.account_id(
        tx,
        new_id=world.entropy.uuid,
        issuer_id=income.issuer_id,
        kind=income.source,
        currency=income.amount.currency,
        now=now,
    )
    transfer = NewTransfer(
        id=world.entropy.uuid(),
        issuer_id=income.issuer_id,
        key=income.key,
        kind=TransferKind.TOP_UP,
        debit_id=debit,
        credit_id=account_id,
        amount=income.amount.amount,
        ticket_id=income.voucher_id,
    )
    await emoney.post(tx, [transfer], now=now)
