"""What the issuer's staff read of the register. What servers say to one another is in app.issuers.messages."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.domain.gift import Hand
from app.domain.ticket import Kind, TicketState
from app.flows.sellers.registry import Found
from app.schemas.base import In, Out


class AdmissionOut(Out):
    at: datetime
    gate: str


class EntryLinkOut(Out):
    """One ticket of a chain of hands: how it came to whoever had it, and since when the register knows it."""

    ticket: UUID
    number: str
    how: Hand
    at: datetime
    state: TicketState


class EntryOut(Out):
    """One ticket as a gate would judge it. `seller` is the server that sold it; empty: this one."""

    ticket: UUID
    number: str
    seller: str
    kind: Kind
    state: TicketState
    uses: int
    uses_left: int
    balance: int | None
    valid_from: datetime
    valid_until: datetime
    admissions: list[AdmissionOut]
    chain: list[EntryLinkOut]
    """The tickets that this right has been, from its sale to today."""

    @classmethod
    def of(cls, found: Found) -> EntryOut:
        row = found.row
        return cls(
            ticket=row.ticket_id,
            number=row.number,
            seller=row.seller,
            kind=row.kind,
            state=row.state,
            uses=row.uses,
            uses_left=row.uses_left,
            balance=row.balance,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            admissions=[AdmissionOut(at=one.at, gate=one.gate) for one in found.admissions],
            chain=[
                EntryLinkOut(
                    ticket=one.ticket_id, number=one.number, how=one.came_by, at=one.registered_at, state=one.state
                )
                for one in found.chain
            ],
        )


class RegisterRevocationIn(In):
    reason: str = Field(min_length=1, max_length=200)
