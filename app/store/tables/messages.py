"""Messages to handsets and what the carrier said of them."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.domain.delivery import DeliveryState
from app.store.tables.base import E164, UUID, check, datetime, key, ref, state, stored, when


class Purpose(StrEnum):
    """Why a handset gets a message."""

    TICKET = "ticket"
    RESEND = "resend"
    REVOKED = "revoked"
    EMONEY = "emoney"


class Delivery(SQLModel, table=True):
    """One message to one handset. The text is made when it is sent: it holds the PIN, which is stored nowhere."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    booking_id: UUID | None = ref("booking.id", nullable=True, index=True)
    ticket_id: UUID | None = ref("ticket.id", nullable=True, index=True)
    account_id: UUID | None = ref("account.id", nullable=True)
    purpose: Purpose = Field(sa_column=sa.Column("purpose", stored(Purpose, "purpose"), nullable=False))
    handset: str = Field(max_length=16)
    channel: str | None = Field(default=None, max_length=20)
    state: DeliveryState = state(DeliveryState, "state", DeliveryState.QUEUED)
    message_id: str | None = Field(default=None, max_length=100)
    parts: int | None = None
    reason: str | None = Field(default=None, max_length=500)
    queued_at: datetime = when()
    sent_at: datetime | None = when(nullable=True)
    arrived_at: datetime | None = when(nullable=True)
    __table_args__ = (
        sa.Index(
            "uq_delivery_message",
            "channel",
            "message_id",
            unique=True,
            postgresql_where=sa.text("message_id IS NOT NULL"),
        ),
        check("handset", f"handset ~ '{E164}'"),
        check("parts", "parts >= 1"),
    )


class Receipt(SQLModel, table=True):
    """The carrier's word on a message, kept even when it overtakes our own record of having sent it.

    Carriers know no issuers, so this is the one table of facts without one.
    """

    channel: str = Field(max_length=20, primary_key=True)
    message_id: str = Field(max_length=100, primary_key=True)
    state: str = Field(max_length=20, primary_key=True)
    at: datetime = when()
    received_at: datetime = when()
