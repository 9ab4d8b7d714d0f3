"""The issuer's side: the register of issued credentials, its gates, and what was presented to them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.domain.admission import Reason
from app.domain.entry_rules import Direction, Role
from app.domain.gate import GateState
from app.domain.gift import Hand
from app.domain.ticket import Kind, TicketState
from app.store.tables.base import UUID, check, datetime, key, ref, state, stored, when


class ScanKind(StrEnum):
    """What a gate asked for. A check looks; everything else changes what is left of the ticket, or says why not."""

    CHECK = "check"
    ADMISSION = "admission"
    EXIT = "exit"
    REDEMPTION = "redemption"
    UNDO = "undo"
    OVERRIDE = "override"


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
    """The transaction that changed it last: what sellers and gates read on from. Set by the same trigger."""
    registered_in: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    """The transaction that wrote it first: the order of a snapshot's rows, which only grows. Set likewise."""
    entrance: str = Field(default="", max_length=40, sa_column_kwargs={"server_default": ""})
    """The entrance it is for; empty: any."""
    inside: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many people of it are in now."""
    carried: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many of them were in with the ticket that was issued anew as this one: their uses are that one's."""
    area: str = Field(default="", max_length=40, sa_column_kwargs={"server_default": ""})
    """Where they are."""
    activated_until: datetime | None = when(nullable=True)
    """When the window ends that the first use began, for products that have one."""
    last_used_at: datetime | None = when(nullable=True)
    last_gate_id: UUID | None = ref("gate.id", nullable=True)
    holder_key: bytes | None = None
    """The public key (P-256, compressed, 33 octets) of the handset that has it as a living barcode."""
    replaces: UUID | None = Field(default=None, sa_type=sa.Uuid, unique=True)
    """The entry that became this one, and no other; the chain of them is the chain of hands."""
    came_by: Hand = Field(
        default=Hand.SOLD,
        sa_column=sa.Column("came_by", stored(Hand, "came_by"), nullable=False, server_default="sold"),
    )
    """How it came to whoever has it."""
    __table_args__ = (
        # Each seller draws its own numbers: two may draw the same, and the PIN tells their tickets apart.
        sa.UniqueConstraint("issuer_id", "number", "seller"),
        sa.UniqueConstraint("issuer_id", "code", "seller"),
        check("version", "version >= 1"),
        check("elsewhere", "seller = '' OR pin_mac IS NOT NULL AND compact_mac IS NOT NULL"),
        sa.Index("ix_credential_changed", "seller", "changed_in", postgresql_where=sa.text("seller <> ''")),
        check("uses_left", "uses_left BETWEEN 0 AND uses"),
        check("balance", "balance >= 0"),
        check("inside", "inside BETWEEN 0 AND uses - uses_left + carried"),
        check("carried", "carried >= 0 AND (carried = 0 OR came_by = 'reissued')"),
        check("holder_key", "octet_length(holder_key) = 33"),
        check("first", "(came_by = 'sold') = (replaces IS NULL)"),
        sa.Index("ix_credential_occasion", "occasion_id", "registered_in"),
        sa.Index("ix_credential_occasion_changed", "occasion_id", "changed_in"),
        sa.Index("ix_credential_inside", "issuer_id", "area", postgresql_where=sa.text("inside > 0")),
        # A supervisor's search: by the last four digits of the holder's number, which the label has.
        sa.Index("ix_credential_handset", "issuer_id", sa.text("(label ->> 'handset')")),
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
    role: Role = Field(
        default=Role.STEWARD,
        sa_column=sa.Column("role", stored(Role, "role"), nullable=False, server_default="steward"),
    )
    direction: Direction = Field(
        default=Direction.IN,
        sa_column=sa.Column("direction", stored(Direction, "direction"), nullable=False, server_default="in"),
    )
    entrance: str = Field(default="", max_length=40, sa_column_kwargs={"server_default": ""})
    """The entrance it stands at."""
    area: str = Field(default="", max_length=40, sa_column_kwargs={"server_default": ""})
    """What it leads into."""
    home: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """Whether it is the one gate of its entrance that may decide alone under the policy `home`."""
    device_key: bytes | None = None
    """The public key (P-256, compressed, 33 octets) of the device that enrolled; None: an online scanner."""
    seen_at: datetime | None = when(nullable=True)
    """When it last fetched its snapshot or brought its scans."""
    turned_at: datetime | None = when(nullable=True)
    """When its device was shut out last, by a revocation or by the invitation of another one."""
    brought_generation: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Of which device `brought_upto` is: the one that brought last."""
    brought_upto: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Up to this seq nothing of that device's log is missing here: the log is read on from there."""
    created_at: datetime = when()
    __table_args__ = (
        sa.UniqueConstraint("issuer_id", "name"),
        check("device_key", "octet_length(device_key) = 33"),
        sa.Index(
            "uq_gate_home",
            "issuer_id",
            "entrance",
            unique=True,
            postgresql_where=sa.text("home AND state <> 'revoked'"),
        ),
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
    """A keyed hash of what was presented, behind the index of its secret; never the text: it may hold a PIN."""
    ticket_id: UUID | None = Field(default=None, sa_type=sa.Uuid)
    reason: Reason = Field(sa_column=sa.Column("reason", stored(Reason, "reason"), nullable=False))
    answer: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    at: datetime = when()
    undone_by: str | None = Field(default=None, max_length=64)
    """The scan of the same gate that took it back."""
    before: dict[str, Any] | None = Field(
        default=None, sa_column=sa.Column("before", JSONB(none_as_null=True), nullable=True)
    )
    """What it changed of the entry, as that was before: what an undo puts back. None where it changed nothing."""
    __table_args__ = (sa.Index("ix_scan_ticket", "ticket_id", "at"), sa.Index("ix_scan_issuer", "issuer_id", "at"))


class Admission(SQLModel, table=True):
    """One person let in. A use of a ticket is written once; one beyond what was bought has no `use_no`.

    Only gates without network, or a supervisor, can let in more people than a ticket is for: those rows are the double
    admissions that are reported.
    """

    gate_id: UUID = Field(sa_type=sa.Uuid, foreign_key="gate.id", primary_key=True)
    scan_id: str = Field(max_length=64, primary_key=True)
    person: int = Field(default=1, primary_key=True, sa_column_kwargs={"server_default": "1"})
    """Counts the people of one scan, from 1."""
    ticket_id: UUID = Field(sa_type=sa.Uuid, foreign_key="credential.ticket_id")
    use_no: int | None = None
    issuer_id: UUID = ref("issuer.id")
    at: datetime = when()
    knew: int | None = Field(default=None, sa_type=sa.BigInteger)
    """What the gate knew of the register when it decided alone: the cursor of its snapshot. None: it asked."""
    __table_args__ = (
        sa.UniqueConstraint("ticket_id", "use_no"),
        check("use_no", "use_no >= 1"),
        check("person", "person >= 1"),
        sa.Index("ix_admission_extra", "issuer_id", "at", postgresql_where=sa.text("use_no IS NULL")),
    )


class GateLog(SQLModel, table=True):
    """What gates decided without asking, entry by entry as they brought it: only ever added to."""

    __tablename__ = "gate_log"
    gate_id: UUID = Field(sa_type=sa.Uuid, foreign_key="gate.id", primary_key=True)
    generation: int = Field(primary_key=True)
    """Which of the gate's devices: a new one counts from 1 again."""
    seq: int = Field(primary_key=True)
    issuer_id: UUID = ref("issuer.id")
    scan_id: str = Field(max_length=64)
    entry: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    digest: bytes
    """SHA-256 of the entry with the digest before it: a log that was changed does not fit."""
    undoes: str | None = Field(default=None, max_length=64)
    """The scan of the same gate that it takes back, where that was done."""
    received_at: datetime = when()
    __table_args__ = (
        check("seq", "seq >= 1"),
        sa.Index("ix_gate_log_issuer", "issuer_id", "received_at"),
        sa.Index("ix_gate_log_scan", "gate_id", "scan_id"),
        sa.Index("ix_gate_log_undoes", "gate_id", "undoes", postgresql_where=sa.text("undoes IS NOT NULL")),
    )


class IncidentKind(StrEnum):
    """What gates without network may bring about, or bring."""

    DOUBLE_ADMISSION = "double_admission"
    REVOKED_ADMITTED = "revoked_admitted"
    OVERSPENT = "overspent"
    UNKNOWN_ADMITTED = "unknown_admitted"
    LOG_FORKED = "log_forked"
    PIN_GUESSING = "pin_guessing"
    AFTER_SHUT_OUT = "after_shut_out"
    BROUGHT_LATE = "brought_late"
    UNDONE_LATE = "undone_late"


class Incident(SQLModel, table=True):
    """Something at a gate that staff should look at; once for each scan that it is about."""

    id: UUID = key()
    issuer_id: UUID = ref("issuer.id")
    kind: IncidentKind = Field(sa_column=sa.Column("kind", stored(IncidentKind, "kind"), nullable=False))
    gate_id: UUID = ref("gate.id")
    scan_id: str = Field(max_length=64)
    ticket_id: UUID | None = Field(default=None, sa_type=sa.Uuid)
    details: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    at: datetime = when()
    __table_args__ = (
        sa.UniqueConstraint("gate_id", "scan_id", "kind"),
        sa.Index("ix_incident_issuer", "issuer_id", "at"),
        sa.Index("ix_incident_ticket", "ticket_id"),
    )


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
