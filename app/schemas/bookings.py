"""Bookings and payments over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field, SecretStr, model_validator

from app.domain.booking import TICKETS_PER_BOOKING_MAX, BookingRequest, Line
from app.domain.delivery import Profile
from app.domain.handset import Handset, for_holder
from app.flows.alternatives import Choice
from app.flows.book import Booked
from app.ports import CardToken, Instrument, Prepaid
from app.schemas import examples
from app.schemas.base import In, Language, Mobile, MoneyOut, Out, Text


class LineIn(In):
    """So many tickets of one price, or chosen places; for rides the journey; for gifts whose handsets."""

    price: UUID
    quantity: int = Field(default=1, ge=1, le=TICKETS_PER_BOOKING_MAX)
    places: tuple[UUID, ...] = Field(default=(), max_length=TICKETS_PER_BOOKING_MAX)
    handsets: tuple[Mobile, ...] = Field(
        default=(), max_length=TICKETS_PER_BOOKING_MAX, description="One for all tickets of the line, or one for each."
    )
    origin: UUID | None = None
    destination: UUID | None = None

    def line(self) -> Line:
        return Line(
            price_id=self.price,
            quantity=self.quantity,
            places=self.places,
            handsets=tuple(Handset(number) for number in self.handsets),
            origin_id=self.origin,
            destination_id=self.destination,
        )


class BookingIn(In):
    """A booking of one occasion, or of a product that is open-dated."""

    model_config = In.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "occasion": examples.OCCASION,
                    "lines": [{"price": examples.PRICE, "quantity": 2, "handsets": [examples.FRIEND]}],
                    "buyer": examples.HANDSET,
                    "language": "ko",
                },
                {
                    "product": examples.RIDE,
                    "lines": [
                        {
                            "price": examples.RIDE_PRICE,
                            "origin": examples.ORIGIN,
                            "destination": examples.DESTINATION,
                        }
                    ],
                    "buyer": examples.HANDSET,
                    "language": "en",
                },
            ]
        }
    }

    occasion: UUID | None = None
    product: UUID | None = None
    lines: tuple[LineIn, ...] = Field(min_length=1, max_length=10)
    buyer: Mobile = Field(description="The buyer's mobile number; tickets go there unless a line names another.")
    language: Language = "ko"

    @model_validator(mode="after")
    def _one_of_two(self) -> BookingIn:
        if (self.occasion is None) == (self.product is None):
            raise ValueError("name either an occasion or an open-dated product")
        return self

    def request(self, *, complimentary: bool = False) -> BookingRequest:
        return BookingRequest(
            occasion_id=self.occasion,
            product_id=self.product,
            lines=tuple(line.line() for line in self.lines),
            buyer=Handset(self.buyer),
            language=self.language,
            complimentary=complimentary,
        )


class BookedOut(Out):
    """A new hold. Keep `link`: it is the only way to this booking, and it is told once."""

    id: UUID
    link: str
    page: str = Field(description="The booking's page for a browser; whoever has the address has the booking.")
    state: Literal["held"]
    amount: MoneyOut
    expires_at: datetime
    server_time: datetime

    @classmethod
    def of(cls, booked: Booked, *, public_url: str, language: str) -> BookedOut:
        return cls(
            id=booked.id,
            link=booked.link,
            page=f"{public_url}/b/{booked.link}",
            state="held",
            amount=MoneyOut.of(booked.amount, language),
            expires_at=booked.expires_at,
            server_time=booked.now,
        )


def alternative(choice: Choice, request: BookingRequest) -> dict[str, Any]:
    """A second choice as it stands in a sold-out problem: what it is, what it costs, and the body that books it."""
    lines = []
    for line in choice.lines:
        body: dict[str, Any] = {"price": str(line.price_id), "quantity": line.quantity}
        if line.places:
            body["places"] = [str(place) for place in line.places]
        if line.handsets:
            body["handsets"] = list(line.handsets)
        if line.origin_id and line.destination_id:
            body |= {"origin": str(line.origin_id), "destination": str(line.destination_id)}
        lines.append(body)
    return {
        "kind": choice.kind.value,
        "words": choice.words,
        "amount": MoneyOut.of(choice.amount, request.language).model_dump(),
        "body": {
            "occasion": str(choice.occasion_id),
            "lines": lines,
            "buyer": request.buyer,
            "language": request.language,
        },
    }


class ItemOut(Out):
    category: str
    name: Text
    price: MoneyOut
    handset: str = Field(description="Masked: only its owner needs it whole.")
    section: str | None
    row: str | None
    seat: str | None
    origin: Text | None
    destination: Text | None


class DeliveryOut(Out):
    id: UUID
    purpose: str
    handset: str
    channel: str | None
    state: str
    parts: int | None
    reason: str | None
    queued_at: datetime
    sent_at: datetime | None
    arrived_at: datetime | None

    @classmethod
    def of(cls, row: sa.Row[Any]) -> DeliveryOut:
        fields = {name: getattr(row, name) for name in cls.model_fields}
        return cls(**fields | {"handset": for_holder(Handset(row.handset))})


class ProfileIn(In):
    """What a handset can show."""

    model_config = In.model_config | {"json_schema_extra": {"examples": [{"profile": "ems"}]}}

    profile: Profile


class TryOut(Out):
    """One channel asked to carry a message."""

    channel: str
    outcome: str = Field(description="`accepted`, `rejected`: it will not bring it, or `failed`: it was out of reach.")
    reason: str | None
    at: datetime


class StaffDeliveryOut(DeliveryOut):
    tries: list[TryOut] = Field(description="The channels that were asked, in their order.")


class PaymentOut(Out):
    attempt: int
    provider: str
    state: str
    decline: str | None
    created_at: datetime


class BookingOut(Out):
    id: UUID
    state: str
    title: Text
    starts_at: datetime | None
    venue: Text | None
    amount: MoneyOut
    expires_at: datetime
    server_time: datetime
    items: list[ItemOut]
    payments: list[PaymentOut]
    deliveries: list[DeliveryOut]


class CardIn(In):
    kind: Literal["card"]
    token: str = Field(
        min_length=4, max_length=255, pattern=r"^[A-Za-z0-9_]+$", description="From the payment network."
    )


class EmoneyIn(In):
    kind: Literal["emoney"]
    handset: Mobile
    pin: SecretStr = Field(min_length=6, max_length=6, description="From the e-money text message.")


class FreeIn(In):
    """For a booking that costs nothing."""

    kind: Literal["free"]


class PaymentIn(In):
    model_config = In.model_config | {
        "json_schema_extra": {
            "examples": [
                {"instrument": {"kind": "card", "token": "pm_card_visa"}},
                {"instrument": {"kind": "emoney", "handset": examples.HANDSET, "pin": "000000"}},
            ]
        }
    }

    instrument: Annotated[CardIn | EmoneyIn | FreeIn, Field(discriminator="kind")]
    phone: Profile | None = Field(
        default=None,
        description="What the buyer's own phone can show: `sms` text only, `ems` pictures, `wap` links. It stays so"
        " until somebody says otherwise.",
    )

    def port(self) -> Instrument | None:
        match self.instrument:
            case CardIn():
                return CardToken(self.instrument.token)
            case EmoneyIn():
                return Prepaid(Handset(self.instrument.handset), self.instrument.pin.get_secret_value())
            case FreeIn():
                return None


class PaymentResultOut(Out):
    booking: UUID
    state: Literal["paid", "paying"] = Field(description="`paying`: being confirmed; the tickets come by themselves.")
