"""A ticket: what the holder has. Its uses and balance are counted by the issuer's register, not here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.machine import Machine


class Kind(StrEnum):
    """What a product sells."""

    ADMISSION = "admission"
    RIDE = "ride"
    VOUCHER = "voucher"


class TicketState(StrEnum):
    VALID = "valid"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class TicketEvent(StrEnum):
    SUSPEND = "be suspended"
    RESUME = "be resumed"
    REVOKE = "be revoked"


GENERATION_MAX = 255
"""How often one right can go from handset to handset: the generation is an octet of what gates keep."""

TICKET = Machine(
    "ticket",
    TicketState.VALID,
    {
        # Its payment is disputed: gates refuse it until the dispute is over.
        TicketEvent.SUSPEND: (frozenset({TicketState.VALID}), TicketState.SUSPENDED),
        TicketEvent.RESUME: (frozenset({TicketState.SUSPENDED}), TicketState.VALID),
        TicketEvent.REVOKE: (frozenset({TicketState.VALID, TicketState.SUSPENDED}), TicketState.REVOKED),
    },
)


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when a gate may take a ticket; until is exclusive."""

    starts: datetime
    ends: datetime


ADMISSION_TAIL = timedelta(hours=6)
OPEN_DATED_DAYS = 365


def validity(
    *,
    issued_at: datetime,
    starts_at: datetime | None,
    ends_at: datetime | None,
    admits_from: datetime | None,
    admits_until: datetime | None,
    doors_at: datetime | None,
    valid_days: int | None,
) -> Validity:
    """A dated ticket opens with the doors and closes with the show; an open-dated one runs from its sale."""
    if starts_at is None:
        return Validity(issued_at, issued_at + timedelta(days=valid_days or OPEN_DATED_DAYS))
    opens = admits_from or doors_at or starts_at - timedelta(hours=2)
    closes = admits_until or ends_at or starts_at + ADMISSION_TAIL
    return Validity(opens, max(closes, opens + timedelta(minutes=1)))
