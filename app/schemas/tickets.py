"""Tickets, gates, messages and e-money over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import AwareDatetime, Field, SecretStr

from app.domain.credential import shown
from app.domain.handset import Handset, for_holder
from app.flows.hands.give import Given
from app.schemas import examples
from app.schemas.base import In, Mobile, MoneyOut, Out, Text


class TicketOut(Out):
    id: UUID
    state: str
    kind: str
    number: str
    title: Text
    starts_at: datetime | None
    valid_from: datetime
    valid_until: datetime
    venue: Text | None
    category: str
    section: str | None
    row: str | None
    seat: str | None
    origin: Text | None
    destination: Text | None
    uses: int = Field(description="How often it may be used; 9999 is a pass, whose time runs out instead.")
    handset: str

    @classmethod
    def of(cls, row: sa.Row[Any]) -> TicketOut:
        return cls(
            id=row.id,
            state=row.state,
            kind=row.kind,
            number=shown(row.number),
            title=row.title,
            starts_at=row.starts_at,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            venue=row.venue_name,
            category=row.category,
            section=row.section,
            row=row.row,
            seat=row.seat,
            origin=row.origin_name,
            destination=row.destination_name,
            uses=row.uses,
            handset=for_holder(Handset(row.handset)),
        )


class TicketsOut(Out):
    tickets: list[TicketOut]


class RevokeIn(In):
    model_config = In.model_config | {"json_schema_extra": {"examples": [{"reason": "lost phone", "resell": False}]}}

    reason: str = Field(min_length=1, max_length=200)
    resell: bool = Field(default=False, description="Put its place back on sale.")
    tell: bool = Field(default=True, description="Tell the holder by message.")


class GiftIn(In):
    model_config = In.model_config | {"json_schema_extra": {"examples": [{"handset": examples.FRIEND}]}}

    handset: Mobile = Field(description="Who gets it.")


class GiftOut(Out):
    """The new ticket, which only its own holder may look at."""

    ticket: UUID
    handset: str

    @classmethod
    def of(cls, given: Given) -> GiftOut:
        return cls(ticket=given.id, handset=for_holder(given.handset))


class ResentOut(Out):
    delivery: UUID


class ReceiptIn(In):
    """The carrier's word on one message."""

    model_config = In.model_config | {"extra": "ignore"}

    message_id: str = Field(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")
    state: str = Field(min_length=1, max_length=20, pattern="^[A-Z_]+$")
    at: AwareDatetime


class PreviewIn(In):
    model_config = In.model_config | {"json_schema_extra": {"examples": [{"text": "안녕하십니까"}]}}

    text: str = Field(min_length=1, max_length=2_000)


class PreviewOut(Out):
    coding: str
    parts: list[str]
    units_per_part: list[int]
    cost: int


class TopUpIn(In):
    model_config = In.model_config | {
        "json_schema_extra": {
            "examples": [{"issuer": examples.ISSUER, "handset": examples.HANDSET, "amount": 50_000, "currency": "KRW"}]
        }
    }

    issuer: str = Field(max_length=64)
    handset: Mobile
    amount: int = Field(ge=1, le=10_000_000, description="In minor units.")
    currency: Literal["KRW", "USD", "EUR", "JPY", "GBP"]


class RedeemIn(In):
    model_config = In.model_config | {
        "json_schema_extra": {
            "examples": [{"issuer": examples.ISSUER, "handset": examples.HANDSET, "voucher": examples.VOUCHER}]
        }
    }

    issuer: str = Field(max_length=64)
    handset: Mobile
    voucher: SecretStr = Field(min_length=16, max_length=60, description="Number and PIN of a gift voucher.")


class ToppedUpOut(Out):
    added: MoneyOut
    balance: MoneyOut


class DeadLetterOut(Out):
    id: UUID
    topic: str
    attempts: int
    reason: str | None
    created_at: datetime
    dead_at: datetime


class DeadLettersOut(Out):
    dead_letters: list[DeadLetterOut]


class HealthOut(Out):
    status: Literal["ok"]


class ReadyOut(Out):
    status: Literal["ready", "not ready"]
    database: bool
    redis: bool
