"""A booking's life: held, then paying, then paid, or expired, or cancelled; and what may be booked."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.handset import Handset
from app.domain.machine import Machine
from app.domain.money import Money
from app.domain.refusals import BadLine, BookingExpired, LimitExceeded, NotOnSale
from app.domain.sale import Why, why_not


class BookingState(StrEnum):
    HELD = "held"
    PAYING = "paying"
    PAID = "paid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class BookingEvent(StrEnum):
    BEGIN = "begin payment"
    REFUSE = "be refused"
    APPROVE = "be approved"
    EXPIRE = "expire"
    CANCEL = "be cancelled"
    REFUND = "be refunded"


BOOKING = Machine(
    "booking",
    BookingState.HELD,
    {
        BookingEvent.BEGIN: (frozenset({BookingState.HELD}), BookingState.PAYING),
        BookingEvent.REFUSE: (frozenset({BookingState.PAYING}), BookingState.HELD),
        BookingEvent.APPROVE: (frozenset({BookingState.PAYING}), BookingState.PAID),
        BookingEvent.EXPIRE: (frozenset({BookingState.HELD, BookingState.PAYING}), BookingState.EXPIRED),
        BookingEvent.CANCEL: (frozenset({BookingState.HELD}), BookingState.CANCELLED),
        BookingEvent.REFUND: (frozenset({BookingState.PAID}), BookingState.REFUNDED),
    },
)

TICKETS_PER_BOOKING_MAX = 50
HOLDER_CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class Line:
    """What a buyer asks for in one line: so many of one price, or chosen places; and whose handsets."""

    price_id: UUID
    quantity: int
    places: tuple[UUID, ...] = ()
    handsets: tuple[Handset, ...] = ()
    origin_id: UUID | None = None
    destination_id: UUID | None = None
    holder: str | None = None
    """Whose tickets they are to be, for gates that search by name; None where nobody is named."""

    def handset_of(self, index: int, buyer: Handset) -> Handset:
        """Whose handset ticket `index` of this line goes to: one per ticket, one for all, or the buyer's own."""
        if not self.handsets:
            return buyer
        return self.handsets[index] if len(self.handsets) > 1 else self.handsets[0]


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """What the buyer asks for: an occasion, or a product that is open-dated; whose handsets; in which language."""

    occasion_id: UUID | None
    product_id: UUID | None
    lines: tuple[Line, ...]
    buyer: Handset
    language: str
    complimentary: bool = False


@dataclass(frozen=True, slots=True)
class SalesFacts:
    """What decides whether something may be sold now."""

    sales_from: datetime | None
    sales_until: datetime | None
    starts_at: datetime | None
    booking_limit: int
    withdrawn: bool


def on_sale(facts: SalesFacts, *, now: datetime) -> None:
    """Raises NotOnSale where its own times, or its being withdrawn, keep it from being sold now."""
    why = why_not(
        withdrawn=facts.withdrawn,
        sales_from=facts.sales_from,
        sales_until=facts.sales_until,
        starts_at=facts.starts_at,
        now=now,
    )
    if why is Why.WITHDRAWN:
        raise NotOnSale("This is no longer sold.")
    if why is Why.NOT_YET:
        raise NotOnSale("Sales have not opened yet.", opens_at=facts.sales_from)
    if why is Why.CLOSED:
        raise NotOnSale("Sales have closed.", closed_at=facts.sales_until or facts.starts_at)


def may_sell(facts: SalesFacts, lines: Sequence[Line], *, now: datetime) -> None:
    """Raises NotOnSale, LimitExceeded or BadLine, each with what to do instead."""
    on_sale(facts, now=now)
    if not lines:
        raise BadLine("No tickets are asked for; name at least one price and how many.")
    for line in lines:
        _check_line(line)
    count = sum(line.quantity for line in lines)
    limit = min(facts.booking_limit, TICKETS_PER_BOOKING_MAX)
    if count > limit:
        raise LimitExceeded(f"At most {limit} tickets in one booking; you asked for {count}.", limit=limit)
    chosen = [place for line in lines for place in line.places]
    if len(set(chosen)) != len(chosen):
        raise BadLine("The same place is chosen twice.")


def _check_line(line: Line) -> None:
    if line.quantity < 1:
        raise BadLine(f"{line.quantity} tickets cannot be booked; ask for one or more.")
    if line.places and len(line.places) != line.quantity:
        raise BadLine(f"{len(line.places)} places are chosen for {line.quantity} tickets; the two must agree.")
    if len(line.handsets) not in {0, 1, line.quantity}:
        raise BadLine(
            f"{len(line.handsets)} handsets are named for {line.quantity} tickets; name one for all, or one for each."
        )


def holder_name(text: str) -> str:
    """A person's name as gates show it: one line, printable, composed (NFC); raises ValueError with what to do."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise ValueError("a name has at least one character; leave it out instead")
    if len(name) > HOLDER_CHARS_MAX:
        raise ValueError(f"a name has {HOLDER_CHARS_MAX} characters at most; shorten it")
    strange = next((character for character in name if not character.isprintable()), None)
    if strange is not None:
        raise ValueError(f"a name has printable characters only; leave U+{ord(strange):04X} out")
    return name


def total(prices: Sequence[Money]) -> Money:
    """The sum of a booking's prices, which all have one currency. At least one price."""
    amount = prices[0] * 0
    for price in prices:
        amount = amount + price
    return amount


def still_held(state: BookingState, expires_at: datetime, *, now: datetime) -> None:
    """A hold ends by the clock alone, whether or not anything has swept it up: raises BookingExpired."""
    if state is BookingState.EXPIRED or (state is BookingState.HELD and now >= expires_at):
        raise BookingExpired("The time to pay has run out and the places are free again. Book once more.")
