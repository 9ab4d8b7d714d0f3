"""E-money: accounts and the transfers between them. A transfer debits one and credits another, so all sums are zero."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.store.tables.base import CURRENCY, E164, UUID, check, datetime, key, ref, stored, when


class AccountKind(StrEnum):
    """Whose money: a handset's prepaid e-money, sales it paid for, or where it was topped up from."""

    PREPAID = "prepaid"
    SALES = "sales"
    CASH = "cash"
    VOUCHERS = "vouchers"


class TransferKind(StrEnum):
    TOP_UP = "top_up"
    CHARGE = "charge"
    REFUND = "refund"


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
    at: datetime = when()
    __table_args__ = (
        sa.UniqueConstraint("issuer_id", "key"),
        sa.Index("uq_transfer_voucher", "ticket_id", unique=True, postgresql_where=sa.text("ticket_id IS NOT NULL")),
        sa.Index("ix_transfer_reverses", "issuer_id", "reverses", postgresql_where=sa.text("reverses IS NOT NULL")),
        check("amount", "amount > 0"),
        check("two_sides", "debit_id <> credit_id"),
    )
