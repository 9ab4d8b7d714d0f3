"""Paying another handset for its ticket: e-money from the receiver to the giver, in the transaction of the ticket."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.domain.admission import PIN_TRIES_MAX
from app.domain.money import Money
from app.domain.refusals import Locked, NotEnoughValue, PaymentRefused
from app.flows.hands.offered import Offered
from app.flows.tickets.issue import owed_delivery
from app.pins import is_pin, pin_of
from app.store import emoney, messages, outbox, register_pins
from app.store.database import Tx
from app.store.emoney import NewTransfer
from app.store.messages import NewDelivery
from app.store.tables.messages import Purpose
from app.store.tables.money import AccountKind, TransferKind
from app.world import World


async def check_pin(world: World, found: Offered, typed: str) -> None:
    """Whether the receiver's e-money opens; the try is counted before, so that no rollback forgives it.

    The giver's account is made here where it is missing: later both are locked, always in one order.
    """
    guard = f"e{found.receiver[1:]}"[:16]  # the same as wherever e-money is paid with
    now = world.clock.now()
    async with world.transaction() as tx:
        tries = await register_pins.count_pin_try(tx, issuer_id=found.issuer_id, number=guard, now=now)
        names = (found.issuer_id, str(found.receiver), found.asked.currency)
        account = (await emoney.prepaid(tx, [names], lock=False)).get(names)
        right = account is not None and tries <= PIN_TRIES_MAX and _opens(world, account, typed)
        if right:
            await register_pins.forgive_pin(tx, issuer_id=found.issuer_id, number=guard)
            await _open_account(tx, world, found, now=now)
    if tries > PIN_TRIES_MAX:
        raise Locked("Too many wrong PINs: your e-money is locked for 10 minutes. The offer stays open meanwhile.")
    if not right:
        raise PaymentRefused(
            "Your number has no e-money with this PIN. Look for the PIN in the message of your last top-up.",
            reason="wrong_pin",
            expires_at=found.until,
        )


def _opens(world: World, account: sa.Row[Any], typed: str) -> bool:
    pin = pin_of(
        world.house.keys,
        issuer_id=account.issuer_id,
        identity=account.id,
        kid=account.kid,
        generation=account.generation,
    )
    return is_pin(pin, typed)


async def _open_account(tx: Tx, world: World, found: Offered, *, now: datetime) -> None:
    await emoney.open_account(
        tx,
        new_id=world.entropy.uuid,
        issuer_id=found.issuer_id,
        kind=AccountKind.PREPAID,
        currency=found.asked.currency,
        now=now,
        handset=found.giver,
        kid=world.house.keys.kid,
    )


async def pay(tx: Tx, world: World, found: Offered, ticket: sa.Row[Any], *, now: datetime) -> None:
    """Move the price from the receiver's e-money to the giver's, who is told the new balance."""
    names = [(found.issuer_id, str(one), found.asked.currency) for one in (found.receiver, found.giver)]
    accounts = await emoney.prepaid(tx, names)
    payer, payee = accounts[names[0]], accounts[names[1]]
    missing = found.asked.amount - payer.balance
    if missing > 0:
        have, lacking = (Money(one, found.asked.currency).words("en") for one in (payer.balance, missing))
        raise NotEnoughValue(
            f"Your e-money here is {have}, and {lacking} are missing. Top it up, and accept again.",
            have=payer.balance,
            missing=missing,
            currency=found.asked.currency,
        )
    transfer = NewTransfer(
        id=world.entropy.uuid(),
        issuer_id=found.issuer_id,
        key=f"resale-{found.id}",
        kind=TransferKind.RESALE,
        debit_id=payer.id,
        credit_id=payee.id,
        amount=found.asked.amount,
        booking_id=ticket.booking_id,
    )
    await emoney.post(tx, [transfer], now=now)
    told = NewDelivery(
        id=world.entropy.uuid(),
        issuer_id=found.issuer_id,
        purpose=Purpose.EMONEY,
        handset=found.giver,
        account_id=payee.id,
    )
    await messages.queue(tx, [told], now=now)
    await outbox.put(tx, [owed_delivery(world, told)], now=now)
