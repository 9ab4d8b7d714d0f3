"""The ledger: accounts and the transfers between them. A transfer debits one and credits another: all sums are zero."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.store.tables.base import CURRENCY, E164, UUID, check, datetime, key, ref, stored, when


class AccountKind(StrEnum):
    """Whose money it is, or where it is on its way."""

    PREPAID = "prepaid"
    """A handset's e-money: a debt of ours."""
    VOUCHERS = "vouchers"
    """What vouchers can still buy: a debt of ours."""
    PAYABLE = "payable"
    """What the issuer is to be paid: a debt of ours."""
    REFUNDS = "refunds"
    """What buyers are to get back: a debt of ours."""
    CARD = "card"
    """What came by card and is at the payment network."""
    CARRIER = "carrier"
    """What phone bills brought and the carrier holds."""
    EMONEY = "emoney"
    """E-money taken for bookings that are not complete yet."""
    VOUCHER = "voucher"
    """Voucher value taken for bookings that are not complete yet."""
    DISPUTES = "disputes"
    """What banks have taken back and not decided on yet."""
    FEES = "fees"
    """What we earn."""
    NETWORK_FEES = "network_fees"
    """What the payment network earns."""
    CASH = "cash"
    """Where e-money was topped up from."""
    PAID_OUT = "paid_out"
    """What issuers were paid."""
    ASIDE = "aside"
    """E-money set aside for tickets whose hand-over is not finished yet."""


class TransferKind(StrEnum):
    """Why money moves. docs/reference/ledger.md has the accounts of each."""

    TOP_UP = "top_up"
    CHARGE = "charge"
    REFUND = "refund"
    SALE = "sale"
    FACE = "face"
    FEE = "fee"
    FEE_BACK = "fee_back"
    REFUND_DUE = "refund_due"
    REFUND_PAID = "refund_paid"
    REFUND_FAILED = "refund_failed"
    LATE = "late"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    NETWORK_FEE = "network_fee"
    PAYOUT = "payout"
    RESALE = "resale"
    """One handset pays another for a ticket."""
    SET_ASIDE = "set_aside"
    SET_FREE = "set_free"


class Account(SQLModel, table=True):
    """Only prepaid accounts keep a balance: the others would be one hot row for every sale, and are summed instead."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    kind: AccountKind = Field(sa_column=sa.Column("kind", stored(AccountKind, "kind"), nullable=False))
    handset: str | None = Field(default=None, max_length=16)
    currency: str = Field(max_length=3)
    balance: int | None = Field(default=None, sa_type=sa.BigInteger)
    generation: int = 1
    kid: int | None = None
    """Index of the secret that a prepaid account's PIN is derived from."""
    created_at: datetime = when()
    __table_args__ = (
        sa.UniqueConstraint("issuer_id", "kind", "handset", "currency", postgresql_nulls_not_distinct=True),
        sa.Index("ix_account_handset", "handset", postgresql_where=sa.text("kind = 'prepaid'")),
        check("balance", "balance >= 0"),
        check("prepaid", "(kind = 'prepaid') = (handset IS NOT NULL) AND (kind = 'prepaid') = (balance IS NOT NULL)"),
        check("handset", f"handset ~ '{E164}'"),
        check("currency", f"currency ~ '{CURRENCY}'"),
    )


class Transfer(SQLModel, table=True):
    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    key: str = Field(max_length=120)
    kind: TransferKind = Field(sa_column=sa.Column("kind", stored(TransferKind, "kind"), nullable=False))
    debit_id: UUID = ref("account.id", index=True)
    credit_id: UUID = ref("account.id", index=True)
    amount: int = Field(sa_type=sa.BigInteger)
    reverses: str | None = Field(default=None, max_length=120)
    """The key of the charge that a refund gives back, wholly or in part."""
    ticket_id: UUID | None = ref("ticket.id", nullable=True)
    """The voucher that paid a top-up."""
    booking_id: UUID | None = ref("booking.id", nullable=True)
    """The booking it is about, where it is about one."""
    at: datetime = when()
    __table_args__ = (
        sa.UniqueConstraint("key", "issuer_id"),
        sa.Index("ix_transfer_booking", "booking_id", postgresql_where=sa.text("booking_id IS NOT NULL")),
        sa.Index("ix_transfer_at", "issuer_id", "at"),
        sa.Index("uq_transfer_voucher", "ticket_id", unique=True, postgresql_where=sa.text("ticket_id IS NOT NULL")),
        sa.Index("ix_transfer_reverses", "issuer_id", "reverses", postgresql_where=sa.text("reverses IS NOT NULL")),
        check("amount", "amount > 0"),
        check("two_sides", "debit_id <> credit_id"),
    )


class Settlement(SQLModel, table=True):
    """What an issuer was paid, and for which time: each moment is settled once."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    currency: str = Field(max_length=3)
    starts_at: datetime = when()
    ends_at: datetime = when()
    amount: int = Field(sa_type=sa.BigInteger)
    note: str = Field(default="", max_length=200)
    """How it was paid, such as the number of a bank transfer."""
    paid_at: datetime = when()
    __table_args__ = (
        sa.UniqueConstraint("issuer_id", "currency", "starts_at"),
        sa.UniqueConstraint("issuer_id", "currency", "ends_at"),
        check("currency", f"currency ~ '{CURRENCY}'"),
        check("span", "ends_at > starts_at"),
    )
