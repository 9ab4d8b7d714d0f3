"""Tickets from hand to hand over HTTP, for the issuer's staff."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.domain.credential import TicketNumber, shown
from app.flows.hands.chain import Link
from app.schemas.base import MoneyOut, Out


class LinkOut(Out):
    """One of the tickets that a right has been; all but the last are worth nothing."""

    ticket: UUID
    number: str
    handset: str = Field(description="Masked, as everywhere.")
    how: str = Field(description="How it came there: sold, given, offered, resold, reissued or declined.")
    at: datetime
    state: str
    ended_at: datetime | None
    why: str = Field(description="What ended it; empty for the one that is good.")
    bought_by: str = Field(description="Who paid for it, masked; empty but for the first.")
    paid: MoneyOut | None = Field(description="The e-money that this handset paid the one before.")

    @classmethod
    def of(cls, link: Link) -> LinkOut:
        return cls(
            ticket=link.id,
            number=shown(TicketNumber(link.number)),
            handset=link.handset,
            how=link.how.value,
            at=link.at,
            state=link.state.value,
            ended_at=link.ended_at,
            why=link.why,
            bought_by=link.bought_by,
            paid=None if link.paid is None else MoneyOut.of(link.paid),
        )


class ChainOut(Out):
    """The hands one right went through, first to last."""

    chain: list[LinkOut]
