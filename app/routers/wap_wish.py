"""What is to be held, as one field of a form carries it: short, for a deck of second choices holds several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from app.domain.booking import BookingRequest, Line
from app.domain.handset import Handset
from app.domain.refusals import BadLine
from app.routers.pages_choice import Offered, Wanted
from app.routers.wap_common import long, short

PACKED_CHARS_MAX: Final = 1_400
"""More than any deck can carry."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Everything but whose phone. Packed, it is `product~occasion~line~line…`, a line `price.count.from.to.place…`."""

    product: UUID
    occasion: UUID
    lines: tuple[Line, ...]

    def packed(self) -> str:
        return "~".join([short(self.product), short(self.occasion), *map(_packed, self.lines)])

    @classmethod
    def unpacked(cls, text: str) -> Wish:
        """Raises BadLine for what no deck of ours carried; the catalogue's own rules are the booking's to check."""
        first, _, rest = text[:PACKED_CHARS_MAX].partition("~")
        second, _, rest = rest.partition("~")
        product, occasion = long(first), long(second)
        if product is None or occasion is None or not rest:
            raise BadLine("This wish is not complete; choose again.")
        return cls(product, occasion, tuple(map(_line, rest.split("~"))))

    def request(self, buyer: Handset, receiver: Handset | None, language: str) -> BookingRequest:
        """The wish as a booking: every ticket goes to the receiver, or to the buyer where there is none."""
        handsets = () if receiver is None else (receiver,)
        lines = tuple(replace(line, handsets=handsets) for line in self.lines)
        return BookingRequest(self.occasion, None, lines, buyer, language)


def wish_of(offer: Offered, lines: Sequence[Wanted]) -> Wish:
    """What was picked of an offer."""
    assert offer.chosen is not None, "lines belong to a chosen occasion"
    origin, destination = (offer.origin, offer.destination) if offer.stops else (None, None)
    made = tuple(
        Line(one.price.id, one.quantity, tuple(seat.id for seat in one.seats), (), origin, destination) for one in lines
    )
    return Wish(offer.product.id, offer.chosen.row.id, made)


def _packed(line: Line) -> str:
    ends = [short(end) if end else "" for end in (line.origin_id, line.destination_id)]
    return ".".join([short(line.price_id), str(line.quantity), *ends, *map(short, line.places)])


def _line(text: str) -> Line:
    price, count, origin, destination, *places = [*text.split("."), "", "", ""]
    named = [place for place in places if place]
    identity, seats = long(price), [seat for place in named if (seat := long(place))]
    digits = count.isascii() and count.isdigit() and len(count) < len("100")
    if identity is None or not digits or len(seats) != len(named):
        raise BadLine("This wish is not complete; choose again.")
    return Line(identity, int(count), tuple(seats), (), long(origin), long(destination))
