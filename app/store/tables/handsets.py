"""The handset's own side: enrolled devices, codes it signs in with, and its tickets on their way to other handsets."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.domain.gift import Hand, HandoverState, OfferState
from app.domain.sign_in import SignInPurpose
from app.store.tables.base import E164, UUID, check, datetime, key, ref, state, stored, when


class Device(SQLModel, table=True):
    """An enrolled device of a handset: an app with a key pair whose private half never leaves it."""

    id: UUID = key()
    handset: str = Field(max_length=16)
    name: str = Field(max_length=60)
    public_key: bytes
    """P-256, compressed, 33 octets."""
    thumbprint: str = Field(max_length=43)
    """RFC 7638, by which its tokens name the key."""
    created_at: datetime = when()
    seen_at: datetime = when()
    revoked_at: datetime | None = when(nullable=True)
    __table_args__ = (
        sa.UniqueConstraint("thumbprint"),
        sa.Index("ix_device_handset", "handset", postgresql_where=sa.text("revoked_at IS NULL")),
        check("handset", f"handset ~ '{E164}'"),
        check("public_key", "octet_length(public_key) = 33"),
    )


class SignIn(SQLModel, table=True):
    """A one-time code sent to a handset. The six digits are derived from the id, and stand nowhere."""

    __tablename__ = "sign_in"
    id: UUID = key()
    handset: str = Field(max_length=16)
    purpose: SignInPurpose = Field(sa_column=sa.Column("purpose", stored(SignInPurpose, "purpose"), nullable=False))
    language: str = Field(max_length=8)
    kid: int
    """Index of the secret that the digits are derived from."""
    asked_from: str = Field(max_length=64)
    """A keyed digest of the asker's address, for limits."""
    subject: str = Field(default="", max_length=64)
    """What the code is bound to: the thumbprint of the key that it enrolled, or the other number of a change."""
    tries: int = 0
    until: datetime = when()
    used_at: datetime | None = when(nullable=True)
    created_at: datetime = when()
    __table_args__ = (
        sa.Index("ix_sign_in_handset", "handset", "created_at"),
        sa.Index("ix_sign_in_asked_from", "asked_from", "created_at"),
        check("handset", f"handset ~ '{E164}'"),
        check("tries", "tries >= 0"),
    )


class Offer(SQLModel, table=True):
    """A ticket offered to another handset, for nothing or for e-money; a ticket has one open offer at most."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    ticket_id: UUID = ref("ticket.id")
    giver: str = Field(max_length=16)
    receiver: str = Field(max_length=16)
    asked: int = Field(default=0, sa_type=sa.BigInteger)
    """Minor units of e-money that the receiver pays the giver."""
    currency: str = Field(max_length=3)
    uses: int
    """How many uses the receiver was told of."""
    balance: int | None = Field(default=None, sa_type=sa.BigInteger)
    """What of a voucher the receiver was told of, in minor units."""
    state: OfferState = state(OfferState, "state", OfferState.OPEN)
    until: datetime = when()
    link_hash: bytes
    """SHA-256 of the receiver's secret link."""
    became: UUID | None = ref("ticket.id", nullable=True)
    """The receiver's ticket."""
    created_at: datetime = when()
    ended_at: datetime | None = when(nullable=True)
    __table_args__ = (
        sa.Index("uq_offer_open", "ticket_id", unique=True, postgresql_where=sa.text("state = 'open'")),
        sa.Index("ix_offer_receiver", "receiver", "state"),
        sa.Index("ix_offer_giver", "giver", "created_at"),
        sa.UniqueConstraint("link_hash"),
        check("asked", "asked >= 0"),
        check("giver", f"giver ~ '{E164}'"),
        check("receiver", f"receiver ~ '{E164}' AND receiver <> giver"),
        check("became", "(state = 'accepted') = (became IS NOT NULL)"),
    )


class Handover(SQLModel, table=True):
    """A ticket that changes hands while its register is another server's: asked there, and ended by the answer.

    Its id is the new ticket's. Number and code are drawn here first, for the issuer has to learn them.
    """

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    ticket_id: UUID = ref("ticket.id", index=True)
    receiver: str = Field(max_length=16)
    came_by: Hand = Field(sa_column=sa.Column("came_by", stored(Hand, "came_by"), nullable=False))
    """How the receiver comes to it."""
    why: str = Field(max_length=200)
    """What staff read of the old ticket afterwards."""
    tell_giver: bool
    """Whether who had it is told by message."""
    offer_id: UUID | None = ref("offer.id", nullable=True)
    """The offer that was accepted; what it asks for is set aside."""
    number: str = Field(max_length=10)
    code: int = Field(sa_type=sa.BigInteger)
    generation: int
    kid: int
    state: HandoverState = state(HandoverState, "state", HandoverState.ASKED)
    reason: str | None = Field(default=None, max_length=20)
    """Why the ticket stayed where it is: the name of a `Stays`."""
    created_at: datetime = when()
    ended_at: datetime | None = when(nullable=True)
    __table_args__ = (
        sa.Index("uq_handover_asked", "ticket_id", unique=True, postgresql_where=sa.text("state = 'asked'")),
        sa.UniqueConstraint("issuer_id", "number"),
        sa.UniqueConstraint("issuer_id", "code"),
        check("number", "number ~ '^[0-9]{10}$'"),
        check("code", "code >= 0"),
        check("generation", "generation BETWEEN 2 AND 255"),
        check("receiver", f"receiver ~ '{E164}'"),
        check("handed", "came_by <> 'sold'"),
        check("refused", "(state = 'refused') = (reason IS NOT NULL)"),
        check("ended", "(state = 'asked') = (ended_at IS NULL)"),
    )
