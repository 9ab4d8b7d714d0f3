"""Bookings and payments over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import AfterValidator, Field, HttpUrl, SecretStr, field_validator, model_validator

from app.domain.booking import TICKETS_PER_BOOKING_MAX, BookingRequest, Line, holder_name
from app.domain.credential import Unreadable, parse_number
from app.domain.delivery import Profile
from app.domain.handset import Handset, for_holder
from app.domain.money import AMOUNT_MAX, Money
from app.domain.payment import PARTS_MAX, PaymentState
from app.flows.booking.alternatives import Choice
from app.flows.booking.book import Booked
from app.flows.paying.pay import Tender
from app.ports import CardToken, Prepaid, Voucher
from app.schemas import examples
from app.schemas.base import In, Language, Mobile, MoneyOut, Out, Text

HolderName = Annotated[str, Field(max_length=400), AfterValidator(holder_name)]


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
    name: HolderName | None = Field(
        default=None,
        description="Whose tickets they are: shown at the gate, where a supervisor can search by it.",
    )

    def line(self) -> Line:
        return Line(
            price_id=self.price,
            quantity=self.quantity,
            places=self.places,
            handsets=tuple(Handset(number) for number in self.handsets),
            origin_id=self.origin,
            destination_id=self.destination,
            holder=self.name,
        )


class BookingIn(In):
    """A booking of one occasion, or of a product that is open-dated."""

    model_config = In.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "occasion": examples.OCCASION,
                    "lines": [
                        {"price": examples.PRICE, "quantity": 2, "handsets": [examples.FRIEND], "name": "김하늘"}
                    ],
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
        if line.holder:
            body["name"] = line.holder
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
    holder: str | None = Field(description="Whose ticket it is, where the booking named somebody.")
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
    """One attempt with one instrument; an attempt that several pay together has as many parts."""

    attempt: int
    part: int
    provider: str
    state: str
    amount: MoneyOut
    decline: str | None
    action_url: str | None = Field(description="Where the buyer's bank wants to see the buyer, while it does.")
    created_at: datetime

    @classmethod
    def of(cls, row: sa.Row[Any], language: str) -> PaymentOut:
        fields = {name: getattr(row, name) for name in cls.model_fields}
        fields["amount"] = MoneyOut.of(Money(row.amount, row.currency), language)
        if row.state != PaymentState.REQUIRES_ACTION:
            fields["action_url"] = None
        return cls(**fields)


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


class VoucherIn(In):
    kind: Literal["voucher"]
    number: str = Field(min_length=10, max_length=32, description="Ten digits, such as 482910375-1.")
    pin: SecretStr = Field(min_length=6, max_length=6, description="From the voucher's text message.")

    @field_validator("number")
    @classmethod
    def _is_number(cls, value: str) -> str:
        read = parse_number(value)
        if isinstance(read, Unreadable):
            raise ValueError(read.words("en"))  # noqa: TRY004 - pydantic's way to say that a value is wrong
        return read


class FreeIn(In):
    """For a booking that costs nothing."""

    kind: Literal["free"]


Amount = Annotated[
    int | None,
    Field(default=None, ge=1, le=AMOUNT_MAX, description="Minor units; left out: the rest."),
]


class CardTenderIn(CardIn):
    amount: Amount


class EmoneyTenderIn(EmoneyIn):
    amount: Amount


class VoucherTenderIn(VoucherIn):
    amount: Amount


TenderIn = Annotated[CardTenderIn | EmoneyTenderIn | VoucherTenderIn, Field(discriminator="kind")]


class PaymentIn(In):
    """How a booking is paid: with one `instrument`, or with several `tenders` together, all charged or none."""

    model_config = In.model_config | {
        "json_schema_extra": {
            "examples": [
                {"instrument": {"kind": "card", "token": "pm_card_visa"}},
                {"instrument": {"kind": "emoney", "handset": examples.HANDSET, "pin": "000000"}},
                {
                    "tenders": [
                        {"kind": "emoney", "handset": examples.HANDSET, "pin": "000000", "amount": 10_000},
                        {"kind": "card", "token": "pm_card_visa"},
                    ],
                    "return_url": "https://shop.example/thanks",
                },
            ]
        }
    }

    instrument: Annotated[CardIn | EmoneyIn | VoucherIn | FreeIn, Field(discriminator="kind")] | None = None
    tenders: tuple[TenderIn, ...] = Field(
        default=(),
        max_length=PARTS_MAX,
        description="Instead of one instrument: what each pays. One may leave its amount out and pays the rest.",
    )
    return_url: HttpUrl | None = Field(
        default=None,
        description="Where the payment network brings the buyer's browser back to, should the bank want to see the"
        " buyer. Without one a payment that needs this is refused.",
    )
    phone: Profile | None = Field(
        default=None,
        description="What the buyer's own phone can show: `sms` text only, `ems` pictures, `wap` links. It stays so"
        " until somebody says otherwise.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> PaymentIn:
        if (self.instrument is None) == (not self.tenders):
            raise ValueError("name either one instrument or several tenders")
        return self

    def offered(self, currency: str) -> tuple[Tender, ...]:
        """What is offered in payment, in the booking's currency; nothing for what costs nothing."""
        if self.instrument is not None:
            found = _instrument(self.instrument)
            return () if found is None else (Tender(found, None),)
        return tuple(
            Tender(found, None if one.amount is None else Money(one.amount, currency))
            for one in self.tenders
            if (found := _instrument(one)) is not None
        )


def _instrument(given: CardIn | EmoneyIn | VoucherIn | FreeIn) -> CardToken | Prepaid | Voucher | None:
    match given:
        case CardIn():
            return CardToken(given.token)
        case EmoneyIn():
            return Prepaid(Handset(given.handset), given.pin.get_secret_value())
        case VoucherIn():
            return Voucher(given.number, given.pin.get_secret_value())
        case FreeIn():
            return None


class PaymentResultOut(Out):
    booking: UUID
    state: Literal["paid", "paying"] = Field(description="`paying`: being confirmed; the tickets come by themselves.")
    action_url: str | None = Field(
        default=None, description="Send the buyer's browser here: the bank wants to see the buyer before it pays."
    )
