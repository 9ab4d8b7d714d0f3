"""Money that goes back, disputes and statements over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from app.domain.booking import TICKETS_PER_BOOKING_MAX
from app.domain.credential import shown
from app.domain.money import Money
from app.domain.refund import KEPT_WORDS
from app.flows.books.settle import Statement
from app.flows.returning.refund import Quote, Quoted, Refunding
from app.schemas.base import In, MoneyOut, Out, Text

RefundStateName = Literal["asked", "refused", "due", "pending", "succeeded", "failed"]
DisputeStateName = Literal["open", "under_review", "won", "lost"]
Tickets = tuple[UUID, ...]


class ReturnIn(In):
    """Which tickets of the booking go back."""

    model_config = In.model_config | {"json_schema_extra": {"examples": [{}]}}

    tickets: Tickets | None = Field(
        default=None,
        min_length=1,
        max_length=TICKETS_PER_BOOKING_MAX,
        description="Left out: all that may go back now.",
    )


class StaffReturnIn(In):
    booking: UUID
    tickets: Tickets | None = Field(
        default=None, min_length=1, max_length=TICKETS_PER_BOOKING_MAX, description="Left out: all that can go back."
    )
    note: str = Field(min_length=1, max_length=200, description="Why; it stands in the journal.")
    used_too: bool = Field(default=False, description="Used tickets as well; takes the scope `supervise`.")


class ByHandIn(In):
    note: str = Field(
        min_length=1, max_length=200, description="How the buyer got the money; it stands in the journal."
    )


class RefundOut(Out):
    """Money of one payment on its way back."""

    id: UUID
    state: RefundStateName = Field(
        description="`asked`: the tickets are being taken back; `due`: the money goes back; `pending`: the network has"
        " it and will tell; `succeeded`: it is back; `failed`: the box office looks after it; `refused`: it stays."
    )
    amount: MoneyOut
    provider: str
    tickets: list[UUID]
    reason: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: sa.Row[Any]) -> RefundOut:
        return cls(**_refund(row))


def _refund(row: sa.Row[Any]) -> dict[str, Any]:
    same = ("id", "state", "provider", "reason", "created_at", "updated_at")
    return {name: getattr(row, name) for name in same} | {
        "amount": MoneyOut.of(Money(row.amount, row.currency), row.language),
        "tickets": list(row.ticket_ids),
    }


class StaffRefundOut(RefundOut):
    booking: UUID
    asked_by: str
    note: str
    used_too: bool
    attempt: int
    reference: str | None = Field(description="The network's name of the refund.")
    detail: str | None

    @classmethod
    def of(cls, row: sa.Row[Any]) -> StaffRefundOut:
        same = ("asked_by", "note", "used_too", "attempt", "reference", "detail")
        return cls(booking=row.booking_id, **_refund(row), **{name: getattr(row, name) for name in same})


class RefundingOut(Out):
    """What came of asking: one refund for each instrument that had paid."""

    amount: MoneyOut
    refunds: list[RefundOut]

    @classmethod
    def of(cls, found: Refunding) -> RefundingOut:
        amount = MoneyOut.of(found.amount, found.refunds[0].language)
        return cls(amount=amount, refunds=[RefundOut.of(row) for row in found.refunds])


class StaffRefundingOut(Out):
    amount: MoneyOut
    refunds: list[StaffRefundOut]

    @classmethod
    def of(cls, found: Refunding) -> StaffRefundingOut:
        amount = MoneyOut.of(found.amount, found.refunds[0].language)
        return cls(amount=amount, refunds=[StaffRefundOut.of(row) for row in found.refunds])


class ReturnableOut(Out):
    """One ticket: what it cost, and whether that may go back now."""

    ticket: UUID
    number: str
    amount: MoneyOut
    returnable: bool
    reason: str | None = Field(description="Why not, for programs.")
    words: Text | None = Field(description="Why not, for people.")

    @classmethod
    def of(cls, one: Quoted, language: str) -> ReturnableOut:
        words = None
        if one.kept is not None:
            korean, english = KEPT_WORDS[one.kept]
            words = {"ko": korean, "en": english}
        return cls(
            ticket=one.ticket.id,
            number=shown(one.ticket.number),
            amount=MoneyOut.of(one.amount, language),
            returnable=one.kept is None,
            reason=one.kept.value if one.kept is not None else None,
            words=words,
        )


class RefundsOut(Out):
    """What may go back now, and what went or goes back already."""

    returnable: MoneyOut
    tickets: list[ReturnableOut]
    refunds: list[RefundOut]

    @classmethod
    def of(cls, quote: Quote, rows: list[sa.Row[Any]]) -> RefundsOut:
        language = quote.booking.language
        return cls(
            returnable=MoneyOut.of(quote.amount, language),
            tickets=[ReturnableOut.of(one, language) for one in quote.tickets],
            refunds=[RefundOut.of(row) for row in rows],
        )


class DisputeOut(Out):
    id: UUID
    booking: UUID
    provider: str
    reference: str
    state: DisputeStateName
    amount: MoneyOut
    reason: str
    due_by: datetime | None
    withdrawn: bool = Field(description="Whether the bank has the money now.")
    answered: bool = Field(description="Whether evidence was handed in.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: sa.Row[Any]) -> DisputeOut:
        return cls(**_dispute(row))


def _dispute(row: sa.Row[Any]) -> dict[str, Any]:
    same = ("id", "provider", "reference", "state", "reason", "due_by", "withdrawn", "created_at", "updated_at")
    return {name: getattr(row, name) for name in same} | {
        "booking": row.booking_id,
        "amount": MoneyOut.of(Money(row.amount, row.currency)),
        "answered": row.evidence is not None,
    }


class EvidenceOut(Out):
    """What speaks for us. Numbers of handsets are masked."""

    booking: dict[str, str]
    tickets: list[dict[str, str]]
    deliveries: list[dict[str, str]]
    admissions: list[dict[str, str]]


class DisputeWithEvidenceOut(DisputeOut):
    evidence: EvidenceOut = Field(description="What was handed in; before that, what would be now.")

    @classmethod
    def with_evidence(cls, row: sa.Row[Any], pack: Any) -> DisputeWithEvidenceOut:
        return cls(**_dispute(row), evidence=EvidenceOut(**pack))


class StatementLineOut(Out):
    kind: str
    product: str
    title: Text
    count: int = Field(description="Tickets of sales; of what else there is, the postings.")
    amount: MoneyOut


class StatementOut(Out):
    """What happened to what an issuer is to be paid, within a time."""

    issuer: str
    currency: str
    starts_at: datetime
    ends_at: datetime = Field(description="Exclusive.")
    opening: MoneyOut
    lines: list[StatementLineOut]
    closing: MoneyOut
    due: MoneyOut = Field(description="What of the closing balance is still to be paid.")
    paid_at: datetime | None = Field(description="When this very time was settled.")

    @classmethod
    def of(cls, found: Statement) -> StatementOut:
        return cls(
            issuer=found.issuer.slug,
            currency=found.currency,
            starts_at=found.starts_at,
            ends_at=found.ends_at,
            opening=MoneyOut.of(found.money(found.opening)),
            lines=[
                StatementLineOut(
                    kind=line.kind,
                    product=line.product,
                    title=line.title,
                    count=line.count,
                    amount=MoneyOut.of(found.money(line.amount)),
                )
                for line in found.lines
            ],
            closing=MoneyOut.of(found.money(found.closing)),
            due=MoneyOut.of(found.money(found.due)),
            paid_at=found.settled.paid_at if found.settled is not None else None,
        )
