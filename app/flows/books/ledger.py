"""The books: which accounts each step of money touches. docs/reference/ledger.md is the same as a table.

Each function posts inside the transaction of the fact it is about, so that the books never lag behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain import ledger as rules
from app.domain.dispute import DisputeState
from app.domain.ticket import Kind
from app.store import ledger
from app.store.database import Tx
from app.store.ledger import Posting, clearing
from app.store.tables.money import AccountKind, TransferKind
from app.world import World


@dataclass(frozen=True, slots=True)
class PaidPart:
    """A payment that was taken: what came in, in minor units, and by whom."""

    payment_id: UUID
    provider: str
    amount: int


@dataclass(frozen=True, slots=True)
class Sold:
    """A booking that was just paid, by these parts of one attempt, and how many tickets it has."""

    booking: sa.Row[Any]
    parts: Sequence[PaidPart]
    tickets: int


async def sale(tx: Tx, world: World, sold: Sequence[Sold], *, now: datetime) -> None:
    """Bookings that were paid in this transaction: what came in belongs to the issuer, and our fee to us.

    Their payments are captured already. One statement for all of them together.
    """
    postings = [posting for one in sold for posting in _sale(one)]
    await ledger.post(tx, postings, new_id=world.entropy.uuid, now=now)


def _sale(sold: Sold) -> Iterator[Posting]:
    """The postings of one booking: its payments, then what a voucher's price differs from its face, or our fee."""
    row = sold.booking
    is_voucher = row.kind == Kind.VOUCHER
    face = (row.face_value or 0) * sold.tickets

    def posting(key: str, kind: TransferKind, debit: AccountKind, credit: AccountKind, amount: int) -> Posting:
        return Posting(row.issuer_id, key, kind, debit, credit, amount, row.currency, row.id)

    for part in sold.parts:
        source, owed_to = clearing(part.provider), owed_for(row.kind)
        yield posting(f"sale-{part.payment_id}", TransferKind.SALE, source, owed_to, part.amount)
    if is_voucher and row.amount > face:
        more = row.amount - face
        yield posting(f"face-{row.id}", TransferKind.FACE, AccountKind.VOUCHERS, AccountKind.PAYABLE, more)
    elif is_voucher and row.amount < face:
        less = face - row.amount
        yield posting(f"face-{row.id}", TransferKind.FACE, AccountKind.PAYABLE, AccountKind.VOUCHERS, less)
    elif not is_voucher and (fee := rules.fee(row.amount, row.fee_basis_points)):
        yield posting(f"fee-{row.id}", TransferKind.FEE, AccountKind.PAYABLE, AccountKind.FEES, fee)


def owed_for(kind: str) -> AccountKind:
    """To whom we owe what was paid for a product: to its issuer, or to whoever holds the voucher."""
    return AccountKind.VOUCHERS if kind == Kind.VOUCHER else AccountKind.PAYABLE


# --- money that goes back -------------------------------------------------------------------------------------------


async def refund_due(
    tx: Tx,
    world: World,
    booking: sa.Row[Any],
    refunds: Sequence[tuple[UUID, int]],
    *,
    asking: UUID,
    before: int,
    voucher_value: int,
    now: datetime,
) -> None:
    """Refunds (id, amount) of one `asking` are owed; with each goes back its share of our fee.

    `before` minor units of the booking went back earlier; `voucher_value` is what its revoked vouchers could still buy.
    """
    kept = await ledger.amount_of(tx, issuer_id=booking.issuer_id, key=f"fee-{booking.id}")

    def posting(key: str, kind: TransferKind, debit: AccountKind, credit: AccountKind, amount: int) -> Posting:
        return Posting(booking.issuer_id, key, kind, debit, credit, amount, booking.currency, booking.id)

    postings = []
    for refund_id, amount in refunds:
        postings.append(
            posting(f"due-{refund_id}", TransferKind.REFUND_DUE, owed_for(booking.kind), AccountKind.REFUNDS, amount)
        )
        back = rules.fee_back(kept, price=booking.amount, before=before, refunded=amount) if kept else 0
        if back:
            postings.append(
                posting(f"feeback-{refund_id}", TransferKind.FEE_BACK, AccountKind.FEES, AccountKind.PAYABLE, back)
            )
        before += amount
    if booking.kind == Kind.VOUCHER:
        more = voucher_value - sum(amount for _, amount in refunds)
        sides = (AccountKind.VOUCHERS, AccountKind.PAYABLE) if more > 0 else (AccountKind.PAYABLE, AccountKind.VOUCHERS)
        if more:
            postings.append(posting(f"faceback-{asking}", TransferKind.FACE, *sides, abs(more)))
    await ledger.post(tx, postings, new_id=world.entropy.uuid, now=now)


async def refund_paid(tx: Tx, world: World, refund: sa.Row[Any], *, by_hand: bool = False, now: datetime) -> None:
    """A refund arrived: by the way the money came, or by hand out of our own cash."""
    source = AccountKind.CASH if by_hand else clearing(refund.provider)
    await _step(
        tx,
        world,
        refund,
        f"paid-{refund.id}-{refund.attempt}",
        TransferKind.REFUND_PAID,
        (AccountKind.REFUNDS, source),
        now,
    )


async def refund_failed(tx: Tx, world: World, refund: sa.Row[Any], *, now: datetime) -> None:
    """A refund that had arrived came back: it is owed again."""
    await _step(
        tx,
        world,
        refund,
        f"failed-{refund.id}-{refund.attempt}",
        TransferKind.REFUND_FAILED,
        (clearing(refund.provider), AccountKind.REFUNDS),
        now,
    )


# --- disputes -------------------------------------------------------------------------------------------------------


async def disputed(tx: Tx, world: World, dispute: sa.Row[Any], *, now: datetime) -> None:
    """A bank took the money of a payment back."""
    sides = (AccountKind.DISPUTES, clearing(dispute.provider))
    await _step(tx, world, dispute, f"dispute-{dispute.id}", TransferKind.DISPUTE, sides, now)


async def dispute_won(tx: Tx, world: World, dispute: sa.Row[Any], *, now: datetime) -> None:
    """The bank gave it back; what was written off as lost before, and is won on appeal, is the issuer's again."""
    lost = dispute.state == DisputeState.LOST
    sides = (clearing(dispute.provider), AccountKind.PAYABLE if lost else AccountKind.DISPUTES)
    await _step(tx, world, dispute, f"won-{dispute.id}", TransferKind.DISPUTE_WON, sides, now)


async def dispute_lost(tx: Tx, world: World, dispute: sa.Row[Any], *, now: datetime) -> None:
    """The bank keeps it: the issuer's sale was none."""
    sides = (AccountKind.PAYABLE, AccountKind.DISPUTES)
    await _step(tx, world, dispute, f"lost-{dispute.id}", TransferKind.DISPUTE_LOST, sides, now)


async def voided(tx: Tx, world: World, ticket: sa.Row[Any], value: int, *, now: datetime) -> None:
    """A voucher was revoked without its money going back: what it could still buy is its issuer's."""
    key, sides = f"void-{ticket.id}", (AccountKind.VOUCHERS, AccountKind.PAYABLE)
    posting = Posting(ticket.issuer_id, key, TransferKind.FACE, *sides, value, ticket.currency, ticket.booking_id)
    await ledger.post(tx, [posting], new_id=world.entropy.uuid, now=now)


async def _step(  # noqa: PLR0917 - the callers are above
    tx: Tx,
    world: World,
    row: sa.Row[Any],
    key: str,
    kind: TransferKind,
    sides: tuple[AccountKind, AccountKind],
    now: datetime,
) -> None:
    """Post the whole amount of a refund or a dispute from one account to another."""
    posting = Posting(row.issuer_id, key, kind, *sides, row.amount, row.currency, row.booking_id)
    await ledger.post(tx, [posting], new_id=world.entropy.uuid, now=now)
