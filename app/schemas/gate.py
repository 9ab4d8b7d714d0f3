"""What gates ask online, and the verdicts they get."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from app.domain.admission import Colour, Reason
from app.domain.entry_rules import AMOUNT_MAX, Face
from app.domain.leaks import leaks
from app.schemas import examples
from app.schemas.base import In, Out, Text

COUNT_MAX = 100
"""People of one scan."""
SCANNED = "482910375-1 491027"

ScanId = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$", description="This gate's own name for this scan."),
]
Presented = Annotated[str, Field(max_length=512, description="What was scanned, or the typed number and PIN.")]
Count = Annotated[int, Field(ge=1, le=COUNT_MAX, description="How many people.")]


class CheckIn(In):
    model_config = In.model_config | {
        "json_schema_extra": {"examples": [{"scan_id": "gate-1-000017", "presented": SCANNED}]}
    }

    scan_id: ScanId
    presented: Presented
    count: Count = 1


class AdmissionIn(CheckIn):
    direction: Literal["in", "out"] | None = Field(
        default=None, description="For a gate that people pass both ways; left out: in, or the gate's own."
    )


class RedemptionIn(In):
    model_config = In.model_config | {
        "json_schema_extra": {"examples": [{"scan_id": "till-2-000004", "presented": SCANNED, "amount": 4_500}]}
    }

    scan_id: ScanId
    presented: Presented
    amount: int = Field(ge=1, le=AMOUNT_MAX, description="In minor units of the voucher's currency.")


class UndoIn(In):
    model_config = In.model_config | {
        "json_schema_extra": {"examples": [{"scan_id": "gate-1-000018", "undoes": "gate-1-000017"}]}
    }

    scan_id: ScanId
    undoes: ScanId = Field(description="The scan of this gate that is to be taken back.")


class OverrideIn(In):
    """Somebody let in by a supervisor: either what was presented, or a ticket that a search found."""

    model_config = In.model_config | {
        "json_schema_extra": {
            "examples": [{"scan_id": "gate-1-000019", "ticket": examples.TICKET, "reason": "battery empty, has ID"}]
        }
    }

    scan_id: ScanId
    presented: Presented | None = None
    ticket: UUID | None = Field(default=None, description="From POST /gate/search.")
    count: Count = 1
    reason: str = Field(min_length=3, max_length=200, description="Why, for the journal.")

    @field_validator("reason")
    @classmethod
    def _may_be_kept(cls, reason: str) -> str:
        if leaks(reason):
            raise ValueError("leave numbers of phones and cards, PINs and links out: the reason is kept for good")
        return reason

    @model_validator(mode="after")
    def _one_of_them(self) -> OverrideIn:
        if (self.presented is None) == (self.ticket is None):
            raise ValueError("give either what was presented or a ticket")
        return self


class SearchIn(In):
    model_config = In.model_config | {"json_schema_extra": {"examples": [{"digits": "5678", "name": "김"}]}}

    digits: str = Field(pattern="^[0-9]{4,15}$", description="The last digits of the handset's number, four or more.")
    name: str = Field(default="", max_length=100, description="A part of the holder's name.")


class GateTicketOut(Out):
    """A ticket as a steward reads it."""

    id: UUID
    number: str
    kind: str
    title: Text
    category: Text | None
    section: str | None
    row: str | None
    seat: str | None
    origin: Text | None
    destination: Text | None
    starts_at: datetime | None
    handset: str = Field(description="The last four digits.")
    holder: str | None = Field(description="Whose ticket it is, where a name was given.")
    entrance: str = Field(description="The entrance it is for; empty: any.")
    uses: int | None = Field(description="How often it may be used; null for a pass, whose time runs out instead.")
    uses_left: int | None
    inside: int = Field(description="How many of its people are in.")
    balance: int | None = Field(description="What is left of a voucher, in minor units.")
    valid_from: datetime
    valid_until: datetime


class UsedOut(Out):
    at: datetime
    gate: str | None


class VerdictOut(Out):
    """Open or not, why, and what the steward should read. The same scan again gets the very same verdict."""

    admit: bool
    reason: Reason
    colour: Colour
    words: Text
    at: datetime
    face: Face | None = Field(description="How the ticket was shown.")
    count: int
    ticket: GateTicketOut | None
    used: UsedOut | None = Field(description="When and where it was let in before, where that is why.")


class FoundOut(GateTicketOut):
    state: Literal["valid", "suspended", "revoked"]


class SearchOut(Out):
    tickets: list[FoundOut]
    more: bool = Field(description="Whether there are more than these: type more digits, or a name.")


class AreaOut(Out):
    area: str = Field(description="What the gates lead into; empty: they name nothing.")
    inside: int


class OccupancyOut(Out):
    """How many people are inside, by area: those of tickets that are not over yet, less those who left."""

    areas: list[AreaOut]
    inside: int = Field(description="All of them.")
    at: datetime

    @classmethod
    def of(cls, people: Mapping[str, int], *, at: datetime) -> Self:
        areas = [AreaOut(area=area, inside=inside) for area, inside in people.items()]
        return cls(areas=areas, inside=sum(people.values()), at=at)
