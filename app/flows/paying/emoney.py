"""E-money: topped up by staff or by a voucher; the handset is told its balance and its PIN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import PIN_TRIES_MAX
from app.domain.credential import NumberAndPin, parse_presented
from app.domain.handset import Handset
from app.domain.money import Money
from app.domain.refusals import BadLine, Locked, NotEnoughValue, NotFound, WrongState
from app.flows.booking.sales_status import LOCAL
from app.flows.tickets.issue import owed_delivery
from app.pins import pin_of
from app.store import emoney, messages, outbox, register, register_pins, sales
from app.store.database import Tx
from app.store.emoney import NewTransfer
from app.store.messages import NewDelivery
from app.store.tables.messages import Purpose
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
        topped = await _add(tx, world, issuer_id, handset, amount, AccountKind.CASH, key, None)
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
        topped = await _add(
            tx, world, issuer_id, handset, amount, AccountKind.VOUCHERS, f"voucher-{voucher.id}", voucher.id
        )
    await world.memory.wake()
    return topped


async def _voucher(world: World, issuer_id: UUID, shown: NumberAndPin) -> sa.Row[Any]:
    """The voucher that number and PIN open; the try is counted before the PIN is looked at. Raises NotFound, Locked."""
    async with world.transaction() as tx:
        tries = await register_pins.count_pin_try(tx, issuer_id=issuer_id, number=shown.number, now=world.clock.now())
        voucher = await sales.ticket_by_number(tx, issuer_id=issuer_id, number=shown.number)
        if voucher is not None and tries <= PIN_TRIES_MAX:
            pin = pin_of(
                world.house.keys,
                issuer_id=voucher.issuer_id,
                identity=voucher.id,
                kid=voucher.kid,
                generation=voucher.generation,
            )
            if pin == shown.pin and voucher.kind == "voucher":
                await register_pins.forgive_pin(tx, issuer_id=issuer_id, number=shown.number)
                return voucher
    if tries > PIN_TRIES_MAX:
        raise Locked("Too many wrong PINs: this number is locked for 10 minutes.")
    raise NotFound("There is no voucher with this number and PIN.")


async def _add(  # noqa: PLR0917 - the one place where money comes in; every part of it is named by its type
    tx: Tx,
    world: World,
    issuer_id: UUID,
    handset: Handset,
    amount: Money,
    source: AccountKind,
    key: str,
    voucher_id: UUID | None,
) -> ToppedUp:
    now = world.clock.now()
    account = await emoney.open_account(
        tx,
        new_id=world.entropy.uuid,
        issuer_id=issuer_id,
        kind=AccountKind.PREPAID,
        currency=amount.currency,
        now=now,
        handset=handset,
        kid=world.house.keys.kid,
    )
    if key in await emoney.posted(tx, [key]):
        return ToppedUp(account.id, amount, Money(account.balance, amount.currency))
    debit = await emoney.account_id(
        tx, new_id=world.entropy.uuid, issuer_id=issuer_id, kind=source, currency=amount.currency, now=now
    )
    transfer = NewTransfer(
        id=world.entropy.uuid(),
        issuer_id=issuer_id,
        key=key,
        kind=TransferKind.TOP_UP,
        debit_id=debit,
        credit_id=account.id,
        amount=amount.amount,
        ticket_id=voucher_id,
    )
    await emoney.post(tx, [transfer], now=now)
    delivery = NewDelivery(
        id=world.entropy.uuid(),
        issuer_id=issuer_id,
        purpose=Purpose.EMONEY,
        handset=handset,
        account_id=account.id,
    )
    await messages.queue(tx, [delivery], now=now)
    await outbox.put(tx, [owed_delivery(world, delivery)], now=now)
    return ToppedUp(account.id, amount, Money(account.balance + amount.amount, amount.currency))
