"""Gates as devices over HTTP: invitations, enrolments and tokens, the logs they bring, and what was found in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from app.domain.entry_rules import Direction, Role
from app.domain.gate import Place
from app.flows.gate.gates import Invitation
from app.flows.gate.incidents import in_words
from app.flows.gate.tokens import Enrolled
from app.schemas import examples
from app.schemas.base import In, Out, Text, cursor

COORDINATE = "^[A-Za-z0-9_-]{43}$"


class KeyIn(In):
    """A public key as a JWK (RFC 7517): P-256, these four members and no other."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str = Field(pattern=COORDINATE)
    y: str = Field(pattern=COORDINATE)


class EnrolIn(In):
    model_config = In.model_config | {"json_schema_extra": {"examples": [{"code": examples.CODE}]}}

    code: str = Field(min_length=8, max_length=40)
    key: KeyIn | None = Field(
        default=None,
        description="The device's own public key: its tokens open nothing without it, and it may decide without"
        " network. Left out: an online scanner.",
    )


class EnrolledOut(Out):
    gate: UUID
    name: str
    issuer: str
    token: str
    expires_at: datetime
    bound: bool = Field(description="Whether each request needs a proof of the device's key.")
    generation: int = Field(description="Counts the gate's devices: the log of this one begins with it.")
    role: Role
    direction: Direction
    entrance: str
    area: str
    home: bool

    @classmethod
    def of(cls, one: Enrolled) -> Self:
        caller = one.caller
        return cls(
            gate=one.gate_id,
            name=one.name,
            issuer=one.issuer_slug,
            token=one.token,
            expires_at=one.expires_at,
            bound=caller.bound,
            generation=caller.generation,
            role=caller.role,
            direction=caller.direction,
            entrance=caller.entrance,
            area=caller.area,
            home=caller.home,
        )


class GateIn(In):
    model_config = In.model_config | {
        "json_schema_extra": {"examples": [{"issuer": examples.ISSUER, "name": "Front door"}]}
    }

    issuer: str = Field(max_length=64)
    name: str = Field(min_length=1, max_length=100)
    occasions: tuple[UUID, ...] = Field(default=(), max_length=200, description="None named: all of the issuer's.")
    role: Role = Field(default=Role.STEWARD, description="A supervisor may overrule a no, and search.")
    direction: Direction = Direction.IN
    entrance: str = Field(default="", max_length=40, description="The entrance it stands at.")
    area: str = Field(default="", max_length=40, description="What it leads into; people are counted by it.")
    home: bool = Field(
        default=False,
        description="Whether it alone decides for its entrance without network, where a product says `home`.",
    )

    def place(self) -> Place:
        return Place(self.occasions, self.role, self.direction, self.entrance, self.area, self.home)


class InvitationOut(Out):
    gate: UUID
    code: str
    until: datetime
    link: str = Field(description="What to draw as a QR code for the gate's app: server and code.")
    picture: str = Field(description="The same as SVG.")

    @classmethod
    def of(cls, one: Invitation, picture: str) -> Self:
        return cls(gate=one.gate_id, code=one.code, until=one.until, link=one.link, picture=picture)


class StaffGateOut(Out):
    """A gate and how it is."""

    id: UUID
    name: str
    state: Literal["pending", "enrolled", "revoked"]
    kind: Literal["device", "online_scanner", "none"] = Field(
        description="`device`: has a key of its own; `online_scanner`: has not; `none`: nothing is enrolled."
    )
    role: Role
    direction: Direction
    entrance: str
    area: str
    home: bool
    occasions: list[UUID]
    seen_at: datetime | None = Field(description="When it last fetched its snapshot or brought its log.")
    scans_today: int = Field(description="Since midnight where the issuer is.")
    brought: int = Field(description="How many entries of its log are here.")
    missing: int = Field(description="How many before its last one are not: it has decided and not yet told.")

    @classmethod
    def of(cls, row: sa.Row[Any]) -> Self:
        return cls(
            id=row.id,
            name=row.name,
            state=row.state,
            kind="none" if row.state != "enrolled" else "device" if row.device_key else "online_scanner",
            role=row.role,
            direction=row.direction,
            entrance=row.entrance,
            area=row.area,
            home=row.home,
            occasions=[UUID(one) for one in row.occasions],
            seen_at=row.seen_at,
            scans_today=row.scans_today,
            brought=row.entries,
            missing=row.last_seq - row.entries,
        )


class GatesOut(Out):
    gates: list[StaffGateOut]


ENTRY: dict[str, Any] = {
    "amount": 0,
    "at": "2026-11-22T10:31:04.250Z",
    "by": None,
    "code": "4611686018427387904",
    "count": 1,
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "face": "signed",
    "intent": "enter",
    "knew": 731,
    "number": None,
    "online": False,
    "reason": "admitted",
    "scan_id": "front-door-000018",
    "seq": 18,
    "undoes": None,
}
ENTRIES_MAX = 500


class ScansIn(In):
    """Entries of a gate's log, in any order, also again. A malformed one is refused by itself, the others are taken."""

    model_config = In.model_config | {"json_schema_extra": {"examples": [{"entries": [ENTRY]}]}}

    entries: list[dict[str, Any]] = Field(min_length=1, max_length=ENTRIES_MAX)


class RefusedOut(Out):
    index: int = Field(description="Which of the entries sent, from 0.")
    seq: int | None
    reason: Literal["malformed", "forked", "stopped", "shut_out"]
    words: str


class IncidentOut(Out):
    """Something at a gate that staff should look at."""

    id: UUID
    kind: str
    gate: UUID
    gate_name: str
    scan_id: str
    ticket: UUID | None
    at: datetime = Field(description="When it was, by the gate's clock.")
    words: Text
    details: dict[str, Any]


def incident(row: sa.Row[Any]) -> IncidentOut:
    """An incident as staff and gates read it."""
    return IncidentOut(
        id=row.id,
        kind=row.kind,
        gate=row.gate_id,
        gate_name=row.gate_name,
        scan_id=row.scan_id,
        ticket=row.ticket_id,
        at=row.at,
        words=in_words(row.kind, row.details),
        details=row.details,
    )


class IncidentsOut(Out):
    incidents: list[IncidentOut]


class ScansOut(Out):
    upto: int = Field(description="The highest seq up to which nothing is missing: the gate may forget so far.")
    taken: int = Field(description="How many entries were new.")
    refused: list[RefusedOut]
    incidents: list[IncidentOut] = Field(description="Those of this gate's entries that were sent now.")


class FailedScanOut(Out):
    """A presentation that was refused."""

    gate: UUID
    gate_name: str
    scan_id: str
    kind: str
    reason: str
    words: Text
    ticket: UUID | None
    at: datetime
    offline: bool = Field(description="Whether the gate decided alone and brought it later.")


class FailedScansOut(Out):
    scans: list[FailedScanOut]
    next: str | None = Field(description="Send it as `after` for those before.")

    @classmethod
    def of(cls, rows: Sequence[sa.Row[Any]], *, limit: int) -> Self:
        last = rows[-1] if len(rows) == limit else None
        return cls(
            scans=[
                FailedScanOut(
                    gate=row.gate_id,
                    gate_name=row.gate_name,
                    scan_id=row.scan_id,
                    kind=row.kind,
                    reason=row.reason,
                    words=row.answer["words"],
                    ticket=row.ticket_id,
                    at=row.at,
                    offline=bool(row.answer.get("offline")),
                )
                for row in rows
            ],
            next=None if last is None else cursor(last.at.isoformat(), last.gate_id, last.scan_id),
        )
