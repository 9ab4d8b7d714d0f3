"""What was asked for, paid and issued: bookings, their items, payments, tickets."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.domain.booking import BookingState
from app.domain.gift import Hand
from app.domain.payment import LIVE, PaymentState
from app.domain.ticket import TicketState
from app.store.tables.base import CURRENCY, E164, UUID, check, datetime, key, ref, state, stored, when

LIVE_PAYMENT = "state IN (" + ", ".join(f"'{one.value}'" for one in sorted(LIVE)) + ")"


class Booking(SQLModel, table=True):
    """Belongs to one issuer; its id is the key of its hold."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    product_id: UUID = ref("product.id")
    occasion_id: UUID = ref("occasion.id", index=True)
    state: BookingState = state(BookingState, "state", BookingState.HELD)
    language: str = Field(max_length=8)
    buyer: str = Field(max_length=16)
    amount: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(max_length=3)
    expires_at: datetime = when()
    link_hash: bytes
    """SHA-256 of the buyer's secret link."""
    created_at: datetime = when()
    settled_at: datetime | None = when(nullable=True)
    complimentary: bool = False
    __table_args__ = (
        sa.UniqueConstraint("link_hash"),
        check("amount", "amount >= 0"),
        check("currency", f"currency ~ '{CURRENCY}'"),
        check("buyer", f"buyer ~ '{E164}'"),
        sa.Index("ix_booking_buyer", "issuer_id", "buyer", "product_id"),
        sa.Index("ix_booking_open", "expires_at", postgresql_where=sa.text("state IN ('held', 'paying')")),
    )


class BookingItem(SQLModel, table=True):
    """One ticket to be: its price, place and the handset it goes to."""

    __tablename__ = "booking_item"
    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    booking_id: UUID = ref("booking.id")
    line: int
    price_id: UUID = ref("price.id")
    amount: int = Field(sa_type=sa.BigInteger)
    handset: str = Field(max_length=16)
    place_id: UUID | None = ref("place.id", nullable=True)
    origin_id: UUID | None = ref("stop.id", nullable=True)
    destination_id: UUID | None = ref("stop.id", nullable=True)
    holder: str | None = Field(default=None, max_length=100)
    """Whose ticket it is to be, for gates that search by name."""
    __table_args__ = (
        sa.UniqueConstraint("booking_id", "line"),
        check("amount", "amount >= 0"),
        check("handset", f"handset ~ '{E164}'"),
        check("journey", "(origin_id IS NULL) = (destination_id IS NULL)"),
    )


class Payment(SQLModel, table=True):
    """One attempt with one instrument, or one part of an attempt that several instruments pay together.

    A booking has at most one attempt in which money may still move.
    """

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    booking_id: UUID = ref("booking.id")
    attempt: int
    part: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """Counts the instruments of one attempt, from 1."""
    provider: str = Field(max_length=20)
    state: PaymentState = state(PaymentState, "state", PaymentState.CREATED)
    amount: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(max_length=3)
    key: str = Field(max_length=100)
    reference: str | None = Field(default=None, max_length=255)
    decline: str | None = Field(default=None, max_length=40)
    detail: str | None = Field(default=None, max_length=500)
    action_url: str | None = Field(default=None, max_length=2_000)
    """Where the buyer's bank wants to see the buyer (3-D Secure)."""
    action_until: datetime | None = when(nullable=True)
    refunded: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    """What refunds have been promised of it, those under way included."""
    created_at: datetime = when()
    updated_at: datetime = when()
    __table_args__ = (
        sa.UniqueConstraint("booking_id", "attempt", "part"),
        sa.UniqueConstraint("key", "issuer_id"),
        sa.Index("uq_payment_live", "booking_id", "part", unique=True, postgresql_where=sa.text(LIVE_PAYMENT)),
        sa.Index("ix_payment_reference", "reference", postgresql_where=sa.text("reference IS NOT NULL")),
        sa.Index(
            "ix_payment_unsettled",
            "updated_at",
            postgresql_where=sa.text("state NOT IN ('captured', 'declined', 'voided', 'refunded')"),
        ),
        check("amount", "amount > 0"),
        check("currency", f"currency ~ '{CURRENCY}'"),
        check("attempt", "attempt >= 1"),
        check("part", "part >= 1"),
        check("refunded", "refunded BETWEEN 0 AND amount"),
        check("action", "state <> 'requires_action' OR action_url IS NOT NULL AND action_until IS NOT NULL"),
    )


class Ticket(SQLModel, table=True):
    """What the holder has. PIN and link are derived from id and generation, and stand nowhere."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    booking_id: UUID = ref("booking.id", index=True)
    item_id: UUID = ref("booking_item.id")
    product_id: UUID = ref("product.id")
    occasion_id: UUID = ref("occasion.id", index=True)
    place_id: UUID | None = ref("place.id", nullable=True)
    number: str = Field(max_length=10)
    code: int = Field(sa_type=sa.BigInteger)
    """63 random bits: the ticket's name inside a barcode."""
    generation: int = 1
    gift_of: UUID | None = Field(default=None, sa_type=sa.Uuid, foreign_key="ticket.id", unique=True)
    """The ticket that was given away and became this one; it can become only one."""
    came_by: Hand = Field(
        default=Hand.SOLD,
        sa_column=sa.Column("came_by", stored(Hand, "came_by"), nullable=False, server_default="sold"),
    )
    """How it came to its handset; every way but the first makes it out of the ticket `gift_of`."""
    kid: int
    """Index of the secret that PIN and link are derived from."""
    handset: str = Field(max_length=16)
    language: str = Field(max_length=8)
    state: TicketState = state(TicketState, "state", TicketState.VALID)
    uses: int
    balance: int | None = Field(default=None, sa_type=sa.BigInteger)
    valid_from: datetime = when()
    valid_until: datetime = when()
    link_hash: bytes
    issued_at: datetime = when()
    revoked_at: datetime | None = when(nullable=True)
    revoked_why: str | None = Field(default=None, max_length=200)
    holder: str | None = Field(default=None, max_length=100)
    """Whose ticket it is, where a name was given."""
    device_id: UUID | None = ref("device.id", nullable=True, index=True)
    """The handset's device that has it as a living barcode: bound once, a new device gets a new ticket."""
    stored_at: datetime | None = when(nullable=True)
    """When a device first took it into its memory."""
    __table_args__ = (
        sa.UniqueConstraint("issuer_id", "number"),
        sa.UniqueConstraint("issuer_id", "code"),
        sa.UniqueConstraint("link_hash"),
        sa.Index("ix_ticket_handset", "handset"),
        sa.Index("uq_ticket_item", "item_id", unique=True, postgresql_where=sa.text("state <> 'revoked'")),
        sa.Index(
            "uq_ticket_place",
            "place_id",
            unique=True,
            postgresql_where=sa.text("state <> 'revoked' AND place_id IS NOT NULL"),
        ),
        check("number", "number ~ '^[0-9]{10}$'"),
        check("code", "code >= 0"),
        check("handset", f"handset ~ '{E164}'"),
        check("uses", "uses >= 1"),
        check("balance", "balance >= 0"),
        check("validity", "valid_until > valid_from"),
        check("generation", "generation BETWEEN 1 AND 255"),
        check("sold", "(came_by = 'sold') = (gift_of IS NULL)"),
    )
