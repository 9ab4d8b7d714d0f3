"""Paying another handset for its ticket: e-money from the receiver to the giver, in the transaction of the ticket.

Where that is not the transaction in which it was agreed to, the price is set aside in between: it can be spent once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import PIN_TRIES_MAX
from app.domain.money import Money
from app.domain.refusals import Locked, NotEnoughValue, PaymentRefused
from app.flows.hands.offered import Offered, find
from app.flows.owing import of_emoney, owe_messages
from app.pins import is_pin, pin_of_row
from app.store import emoney, register_pins
from app.store.database import Tx
from app.store.emoney import NewTransfer
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
    return is_pin(pin_of_row(world.house.keys, account), typed)


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


async def pay(tx: Tx, world: World, offer_id: UUID, ticket: sa.Row[Any], *, now: datetime) -> None:
    """Move the price from the receiver's e-money to the giver's, who is told the new balance; raises NotEnoughValue."""
    found = await find(tx, offer_id, now=now)
    payer, payee = await _accounts(tx, found)
    _may_pay(found, payer)
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
    await owe_messages(tx, world, [of_emoney(world, payee, found.giver)], now=now)


async def _accounts(tx: Tx, found: Offered) -> tuple[sa.Row[Any], sa.Row[Any]]:
    """The receiver's e-money and the giver's, locked."""
    names = [(found.issuer_id, str(one), found.asked.currency) for one in (found.receiver, found.giver)]
    accounts = await emoney.prepaid(tx, names)
    return accounts[names[0]], accounts[names[1]]


def _may_pay(found: Offered, payer: sa.Row[Any]) -> None:
    missing = found.asked.amount - payer.balance
    if missing > 0:
        have, lacking = (Money(one, found.asked.currency).words("en") for one in (payer.balance, missing))
        raise NotEnoughValue(
            f"Your e-money here is {have}, and {lacking} are missing. Top it up, and accept again.",
            have=payer.balance,
            missing=missing,
            currency=found.asked.currency,
        )


# --- while an issuer's own server is asked --------------------------------------------------------------------------


async def set_aside(
    tx: Tx, world: World, offer_id: UUID, handover_id: UUID, ticket: sa.Row[Any], *, now: datetime
) -> None:
    """Take the price of a ticket out of the receiver's e-money until its hand-over ends; raises NotEnoughValue."""
    found = await find(tx, offer_id, now=now)
    payer, _ = await _accounts(tx, found)
    _may_pay(found, payer)
    await _post(tx, world, found, TransferKind.SET_ASIDE, handover_id=handover_id, ticket=ticket, now=now)


async def set_free(
    tx: Tx, world: World, offer_id: UUID, handover_id: UUID, ticket: sa.Row[Any], *, now: datetime
) -> None:
    """Put back what was set aside: it is paid then, or stays the receiver's."""
    found = await find(tx, offer_id, now=now)
    await _post(tx, world, found, TransferKind.SET_FREE, handover_id=handover_id, ticket=ticket, now=now)


async def _post(
    tx: Tx,
    world: World,
    found: Offered,
    kind: TransferKind,
    *,
    handover_id: UUID,
    ticket: sa.Row[Any],
    now: datetime,
) -> None:
    payer, _ = await _accounts(tx, found)
    aside = await emoney.account_id(
        tx,
        new_id=world.entropy.uuid,
        issuer_id=found.issuer_id,
        kind=AccountKind.ASIDE,
        currency=found.asked.currency,
        now=now,
    )
    sides = (payer.id, aside) if kind is TransferKind.SET_ASIDE else (aside, payer.id)
    transfer = NewTransfer(
        id=world.entropy.uuid(),
        issuer_id=found.issuer_id,
        key=f"{'aside' if kind is TransferKind.SET_ASIDE else 'free'}-{handover_id}",
        kind=kind,
        debit_id=sides[0],
        credit_id=sides[1],
        amount=found.asked.amount,
        booking_id=ticket.booking_id,
    )
    await emoney.post(tx, [transfer], now=now)
