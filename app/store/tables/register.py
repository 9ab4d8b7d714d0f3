"""The issuer's side: the register of issued credentials, its gates, and what was presented to them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.domain.admission import Reason
from app.domain.gate import GateState
from app.domain.ticket import Kind, TicketState
from app.store.tables.base import UUID, check, datetime, key, ref, state, stored, when


class ScanKind(StrEnum):
    """A check looks, an admission uses."""

    CHECK = "check"
    ADMISSION = "admission"


class Credential(SQLModel, table=True):
    """One entry of the issuer's register: what a gate compares a presented ticket with.

    The register may be another party's, so no foreign key leads from here to the sales server's tables.
    """

    ticket_id: UUID = Field(sa_type=sa.Uuid, primary_key=True)
    issuer_id: UUID = ref("issuer.id")
    number: str = Field(max_length=10)
    code: int = Field(sa_type=sa.BigInteger)
    generation: int
    kid: int
    """Index of the secret that the PIN and the compact code are derived from."""
    kind: Kind = Field(sa_column=sa.Column("kind", stored(Kind, "kind"), nullable=False))
    product_id: UUID = Field(sa_type=sa.Uuid)
    occasion_id: UUID = Field(sa_type=sa.Uuid)
    occasion_code: int = Field(sa_type=sa.BigInteger)
    label: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    """What the steward reads: title, seat, category, journey, by language."""
    uses: int
    uses_left: int
    balance: int | None = Field(default=None, sa_type=sa.BigInteger)
    valid_from: datetime = when()
    valid_until: datetime = when()
    state: TicketState = state(TicketState, "state", TicketState.VALID)
    registered_at: datetime = when()
    seller: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
    """Which sales server sold it; empty: the one this register belongs to."""
    pin_mac: bytes | None = None
    """A keyed digest of the PIN of a ticket that another server sold; ours are derived."""
    compact_mac: bytes | None = None
    """A keyed digest of its compact barcode, likewise."""
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """Counts the changes of this entry. A trigger does, so that no statement can forget."""
    changed_in: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    """The transaction that changed it last: what sellers read on from. Set by the same trigger."""
    __table_args__ = (
        # Each seller draws its own numbers: two may draw the same, and the PIN tells their tickets apart.
        sa.UniqueConstraint("issuer_id", "number", "seller"),
        sa.UniqueConstraint("issuer_id", "code", "seller"),
        check("version", "version >= 1"),
        check("elsewhere", "seller = '' OR pin_mac IS NOT NULL AND compact_mac IS NOT NULL"),
        sa.Index("ix_credential_changed", "seller", "changed_in", postgresql_where=sa.text("seller <> ''")),
        check("uses_left", "uses_left BETWEEN 0 AND uses"),
        check("balance", "balance >= 0"),
        sa.Index("ix_credential_occasion", "occasion_id"),
    )


class Gate(SQLModel, table=True):
    """An enrolled device of an issuer."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    name: str = Field(max_length=100)
    state: GateState = state(GateState, "state", GateState.PENDING)
    generation: int = 0
    """Counts invitations: a token of an earlier device does not open for the one that replaced it."""
    enrolment_hash: bytes | None = None
    enrolment_until: datetime | None = when(nullable=True)
    occasions: list[str] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    """Ids of the occasions it opens for; empty means all of its issuer's."""
    created_at: datetime = when()
    __table_args__ = (
        sa.UniqueConstraint("issuer_id", "name"),
        sa.Index(
            "uq_gate_enrolment", "enrolment_hash", unique=True, postgresql_where=sa.text("enrolment_hash IS NOT NULL")
        ),
    )


class Scan(SQLModel, table=True):
    """Every presentation to a gate with the answer it got: the same (gate, scan) again is answered from here."""

    gate_id: UUID = Field(sa_type=sa.Uuid, foreign_key="gate.id", primary_key=True)
    scan_id: str = Field(max_length=64, primary_key=True)
    issuer_id: UUID = ref("issuer.id")
    kind: ScanKind = Field(sa_column=sa.Column("kind", stored(ScanKind, "kind"), nullable=False))
    presented: bytes
    """A keyed hash of what was presented, never the text: it may hold a PIN."""
    ticket_id: UUID | None = Field(default=None, sa_type=sa.Uuid)
    reason: Reason = Field(sa_column=sa.Column("reason", stored(Reason, "reason"), nullable=False))
    answer: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    at: datetime = when()
    __table_args__ = (sa.Index("ix_scan_ticket", "ticket_id", "at"), sa.Index("ix_scan_issuer", "issuer_id", "at"))


class Admission(SQLModel, table=True):
    """One accepted presentation. A use of a ticket is written once."""

    ticket_id: UUID = Field(sa_type=sa.Uuid, foreign_key="credential.ticket_id", primary_key=True)
    use_no: int = Field(primary_key=True)
    issuer_id: UUID = ref("issuer.id")
    gate_id: UUID = ref("gate.id")
    scan_id: str = Field(max_length=64)
    at: datetime = when()
    __table_args__ = (sa.UniqueConstraint("gate_id", "scan_id"), check("use_no", "use_no >= 1"))


class PinGuard(SQLModel, table=True):
    """Wrong PINs by number: a try is counted before the PIN is looked at, so parallel guesses gain nothing."""

    __tablename__ = "pin_guard"
    issuer_id: UUID = Field(sa_type=sa.Uuid, foreign_key="issuer.id", primary_key=True)
    number: str = Field(max_length=16, primary_key=True)
    tries: int
    since: datetime = when()
    __table_args__ = (check("tries", "tries >= 0"),)


class Spend(SQLModel, table=True):
    """Value taken from a voucher, or given back to it, once per key."""

    issuer_id: UUID = Field(sa_type=sa.Uuid, foreign_key="issuer.id", primary_key=True)
    key: str = Field(max_length=120, primary_key=True)
    ticket_id: UUID | None = Field(default=None, sa_type=sa.Uuid, foreign_key="credential.ticket_id", index=True)
    amount: int = Field(sa_type=sa.BigInteger)
    """Minor units; negative where they came back; 0 and no ticket for a key that was given up and took nothing."""
    reverses: str | None = Field(default=None, max_length=120, index=True)
    """The key of the spending that it gives back."""
    at: datetime = when()
    __table_args__ = (
        check("ticket", "(amount = 0) = (ticket_id IS NULL)"),
        check("direction", "(amount < 0) = (reverses IS NOT NULL)"),
    )
