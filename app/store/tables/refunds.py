"""Money on its way back: refunds, disputes, and what payment networks told us."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from app.domain.dispute import DisputeState
from app.domain.refund import RefundReason, RefundState
from app.ports import NewsKind
from app.store.tables.base import CURRENCY, UUID, check, datetime, key, ref, state, stored, when


class Refund(SQLModel, table=True):
    """Money of one payment that goes back to its buyer, for some tickets or for none at all (late money)."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    booking_id: UUID = ref("booking.id", index=True)
    payment_id: UUID = ref("payment.id", index=True)
    together_with: UUID | None = ref("refund.id", nullable=True, index=True)
    """The first of those asked for together, where a booking paid by several instruments goes back by each of them."""
    state: RefundState = state(RefundState, "state", RefundState.ASKED)
    amount: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(max_length=3)
    reason: RefundReason = Field(sa_column=sa.Column("reason", stored(RefundReason, "reason"), nullable=False))
    note: str = Field(default="", max_length=200)
    asked_by: str = Field(max_length=100)
    """Who asked: `buyer`, `system`, or the name of a staff key."""
    ticket_ids: list[UUID] = Field(sa_type=ARRAY(sa.Uuid), nullable=False)
    """The tickets it is for, revoked before the money goes."""
    used_too: bool = False
    """Whether a supervisor lets used tickets be refunded."""
    attempt: int = 1
    """Counts the tries, each with a key of its own: a refund that failed may be tried again."""
    reference: str | None = Field(default=None, max_length=255)
    detail: str | None = Field(default=None, max_length=500)
    created_at: datetime = when()
    updated_at: datetime = when()
    __table_args__ = (
        sa.Index("ix_refund_open", "updated_at", postgresql_where=sa.text("state NOT IN ('succeeded', 'refused')")),
        sa.Index("ix_refund_reference", "reference", postgresql_where=sa.text("reference IS NOT NULL")),
        check("amount", "amount > 0"),
        check("attempt", "attempt >= 1"),
        check("currency", f"currency ~ '{CURRENCY}'"),
    )


class Dispute(SQLModel, table=True):
    """A payment that its holder's bank has taken back, or may."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id", index=True)
    booking_id: UUID = ref("booking.id")
    payment_id: UUID = ref("payment.id", index=True)
    provider: str = Field(max_length=20)
    reference: str = Field(max_length=255)
    state: DisputeState = state(DisputeState, "state", DisputeState.OPEN)
    amount: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(max_length=3)
    reason: str = Field(max_length=60)
    due_by: datetime | None = when(nullable=True)
    withdrawn: bool = False
    """Whether its money has left us."""
    evidence: dict[str, Any] | None = Field(default=None, sa_column=sa.Column("evidence", JSONB(none_as_null=True)))
    """What was handed in: receipts of deliveries, admissions."""
    created_at: datetime = when()
    updated_at: datetime = when()
    __table_args__ = (
        sa.UniqueConstraint("provider", "reference"),
        check("amount", "amount > 0"),
        check("currency", f"currency ~ '{CURRENCY}'"),
    )


class PaymentEvent(SQLModel, table=True):
    """What a payment network told us by webhook, once per event. It is a hint: the object itself was asked for."""

    __tablename__ = "payment_event"
    provider: str = Field(max_length=20, primary_key=True)
    event_id: str = Field(max_length=255, primary_key=True)
    kind: NewsKind = Field(sa_column=sa.Column("kind", stored(NewsKind, "kind"), nullable=False))
    reference: str = Field(max_length=255)
    received_at: datetime = when(index=True)
