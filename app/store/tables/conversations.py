"""What handsets write to us, and the one offer that is open with each of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.store.tables.base import E164, UUID, check, datetime, key, ref, when


class Inbox(SQLModel, table=True):
    """One message from a handset. Carriers know no issuers, so it names none; its id names what comes of it.

    It may hold a PIN, so the text is sealed and forgotten as soon as the message is answered.
    """

    id: UUID = key()
    channel: str = Field(max_length=20)
    message_id: str = Field(max_length=100)
    handset: str = Field(max_length=16)
    sent_at: datetime = when()
    received_at: datetime = when()
    sealed: bytes | None = None
    kid: int
    """Index of the secret that the text is sealed with."""
    heard: str | None = Field(default=None, max_length=20)
    """What the message turned out to ask for, once it is answered."""
    answered_at: datetime | None = when(nullable=True)
    __table_args__ = (
        sa.UniqueConstraint("channel", "message_id"),
        sa.Index("ix_inbox_handset", "handset", "received_at"),
        check("handset", f"handset ~ '{E164}'"),
        check("answered_whole", "(answered_at IS NULL) = (heard IS NULL)"),
        check("forgotten", "(answered_at IS NULL) = (sealed IS NOT NULL)"),
    )


class InboxPart(SQLModel, table=True):
    """One part of a long message, kept until the others have come. Sealed like a whole one, and forgotten with it.

    What a whole message was made of stays known for a while, without its content, so that a repeated part adds nothing.
    """

    __tablename__ = "inbox_part"
    channel: str = Field(max_length=20, primary_key=True)
    sender: str = Field(max_length=24, primary_key=True)
    recipient: str = Field(max_length=24, primary_key=True)
    reference: int = Field(primary_key=True)
    total: int = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    data_coding: int
    digest: bytes
    """A keyed digest of the content: the sender may come round to the same reference with another message."""
    sealed: bytes | None = None
    kid: int
    received_at: datetime = when(index=True)
    __table_args__ = (check("sequence", "sequence BETWEEN 1 AND total"),)


class Conversation(SQLModel, table=True):
    """Where we are with one number: its language, the booking it may say yes to, or the second choices it may pick."""

    handset: str = Field(max_length=16, primary_key=True)
    language: str = Field(max_length=8)
    booking_id: UUID | None = ref("booking.id", nullable=True)
    choices: list[Any] | None = Field(
        default=None, sa_column=sa.Column("choices", JSONB(none_as_null=True), nullable=True)
    )
    updated_at: datetime = when()
    __table_args__ = (
        check("handset", f"handset ~ '{E164}'"),
        check("one_question", "booking_id IS NULL OR choices IS NULL"),
    )
