"""Messages to handsets, what the carrier said of them, and how each handset wants them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.domain.delivery import DeliveryState, Profile, TryOutcome
from app.store.tables.base import E164, UUID, check, datetime, key, ref, state, stored, when


class Purpose(StrEnum):
    """Why a handset gets a message."""

    TICKET = "ticket"
    RESEND = "resend"
    REVOKED = "revoked"
    EMONEY = "emoney"
    GIFT = "gift"
    """A ticket that somebody gave to this handset."""
    GIVEN = "given"
    """To the giver: the ticket is with another handset now."""
    REPLY = "reply"
    """An answer to a message of the handset's own."""
    MONEY_BACK = "money_back"
    """To the buyer: money goes back, for tickets returned or because it came too late."""
    SIGN_IN = "sign_in"
    """The six digits that prove a number."""
    OFFER = "offer"
    """To the receiver: somebody offers a ticket."""
    DECLINED = "declined"
    """To the giver: the offer was declined, the ticket is still theirs."""
    REISSUED = "reissued"
    """The ticket anew: the old codes do not count any more."""


class Delivery(SQLModel, table=True):
    """One message to one handset. The text is made when it is sent: it holds the PIN, which is stored nowhere.

    A reply belongs to a conversation with the house, not always with an issuer; it alone may have none.
    """

    id: UUID = key()
    issuer_id: UUID | None = ref("issuer.id", nullable=True)
    booking_id: UUID | None = ref("booking.id", nullable=True, index=True)
    ticket_id: UUID | None = ref("ticket.id", nullable=True, index=True)
    account_id: UUID | None = ref("account.id", nullable=True)
    sign_in_id: UUID | None = ref("sign_in.id", nullable=True)
    offer_id: UUID | None = ref("offer.id", nullable=True)
    purpose: Purpose = Field(sa_column=sa.Column("purpose", stored(Purpose, "purpose"), nullable=False))
    reply: dict[str, Any] | None = Field(
        default=None, sa_column=sa.Column("reply", JSONB(none_as_null=True), nullable=True)
    )
    """What a reply says: kind, language and facts, none of them a secret. Its text is made when it is sent."""
    handset: str = Field(max_length=16)
    channel: str | None = Field(default=None, max_length=20)
    state: DeliveryState = state(DeliveryState, "state", DeliveryState.QUEUED)
    message_id: str | None = Field(default=None, max_length=100)
    parts: int | None = None
    reason: str | None = Field(default=None, max_length=500)
    queued_at: datetime = when()
    sent_at: datetime | None = when(nullable=True)
    arrived_at: datetime | None = when(nullable=True)
    tried: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many of its tries belong to earlier rounds: staff may have a failed message go through all channels again."""
    __table_args__ = (
        check("tried", "tried >= 0"),
        check("handset", f"handset ~ '{E164}'"),
        check("parts", "parts >= 1"),
        check("reply", "(purpose = 'reply') = (reply IS NOT NULL)"),
        check("issuer", "issuer_id IS NOT NULL OR purpose IN ('reply', 'sign_in')"),
        check("sign_in", "(purpose = 'sign_in') = (sign_in_id IS NOT NULL)"),
        check("offer", "(purpose IN ('offer', 'declined')) = (offer_id IS NOT NULL)"),
    )


class DeliveryTry(SQLModel, table=True):
    """One channel asked to carry a delivery: the ladder's history, in the order of `seq`."""

    __tablename__ = "delivery_try"
    delivery_id: UUID = Field(sa_type=sa.Uuid, foreign_key="delivery.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(primary_key=True)
    channel: str = Field(max_length=20)
    outcome: TryOutcome = Field(sa_column=sa.Column("outcome", stored(TryOutcome, "outcome"), nullable=False))
    reason: str | None = Field(default=None, max_length=500)
    message_id: str | None = Field(default=None, max_length=100)
    at: datetime = when()
    __table_args__ = (check("seq", "seq >= 1"),)


class DeliveryPart(SQLModel, table=True):
    """One short message of a delivery, under the name that its receipts have. `channel` names the network's line."""

    __tablename__ = "delivery_part"
    channel: str = Field(max_length=20, primary_key=True)
    message_id: str = Field(max_length=100, primary_key=True)
    delivery_id: UUID = ref("delivery.id", index=True)
    try_seq: int
    """The try that it was sent by."""
    told: str | None = Field(default=None, max_length=20)
    """The network's last word on it, where that was final."""


class HandsetProfile(SQLModel, table=True):
    """What payload a handset takes, and who said so. A handset without a row takes plain messages."""

    __tablename__ = "handset_profile"
    handset: str = Field(max_length=16, primary_key=True)
    profile: Profile = Field(sa_column=sa.Column("profile", stored(Profile, "profile"), nullable=False))
    source: str = Field(max_length=40)
    updated_at: datetime = when()
    __table_args__ = (check("handset", f"handset ~ '{E164}'"),)


class Receipt(SQLModel, table=True):
    """The carrier's word on a message, kept even when it overtakes our own record of having sent it.

    Carriers know no issuers, so this is the one table of facts without one.
    """

    channel: str = Field(max_length=20, primary_key=True)
    message_id: str = Field(max_length=100, primary_key=True)
    state: str = Field(max_length=20, primary_key=True)
    at: datetime = when()
    received_at: datetime = when()
