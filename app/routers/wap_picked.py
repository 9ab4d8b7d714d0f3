"""What a phone has picked so far, as its addresses carry it in few octets, and what that means in the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from app.flows.booking import find
from app.routers.pages_choice import Offered, Wanted, offered, wanted
from app.routers.wap_common import long, product_of, short
from app.web.forms import Fields
from app.world import World

SEATS_BY_HAND_MAX: Final = 8
"""Every link of a deck repeats the seats that are picked."""
POSITION_DIGITS_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class Picked:
    """A product, and of it as much as is chosen. Seats are picked by their positions in the plan, which are short."""

    product: UUID
    occasion: UUID | None
    origin: UUID | None
    destination: UUID | None
    price: UUID | None
    quantity: str
    positions: tuple[int, ...]

    @property
    def asked(self) -> dict[str, str]:
        """For the next address."""
        ids = {"o": self.occasion, "f": self.origin, "t": self.destination, "r": self.price}
        pairs = {name: short(identity) for name, identity in ids.items() if identity}
        if self.quantity:
            pairs["n"] = self.quantity
        if self.positions:
            pairs["s"] = ".".join(map(str, self.positions))
        return pairs

    def at(self, path: str) -> str:
        return f"/wap/{path}/{short(self.product)}"

    async def offer(self, world: World, *, since: str = "") -> Offered:
        """The product as it is offered, with what is chosen of it; raises NotFound."""
        ids = {"occasion": self.occasion, "origin": self.origin, "destination": self.destination}
        pairs = [(name, str(identity)) for name, identity in ids.items() if identity]
        return await offered(world, self.product, Fields([*pairs, ("since", since)]))

    async def lines(self, world: World, offer: Offered) -> list[Wanted]:
        """What is wanted of the offer: these seats, or so many of a price; empty where that cannot be had."""
        if self.positions:
            seats = await seats_at(world, offer, self.positions)
            return await wanted(world, offer, Fields([("place", str(seat.id)) for seat in seats]))
        return await wanted(world, offer, Fields([("price", str(self.price)), ("quantity", self.quantity)]))


def picked_of(product: str, asked: Fields) -> Picked:
    """Reads an address; what makes no sense was not picked. Raises NotFound where there is no product."""
    texts = [text for text in asked.one("s").split(".") if text.isascii() and text.isdigit()]
    positions = dict.fromkeys(int(text) for text in texts if len(text) <= POSITION_DIGITS_MAX)
    quantity = asked.one("n")
    return Picked(
        product=product_of(product),
        occasion=long(asked.one("o")),
        origin=long(asked.one("f")),
        destination=long(asked.one("t")),
        price=long(asked.one("r")),
        quantity=quantity if quantity.isascii() and quantity.isdigit() and len(quantity) <= len("50") else "",
        positions=tuple(positions)[:SEATS_BY_HAND_MAX],
    )


async def seats_at(world: World, offer: Offered, positions: Sequence[int]) -> list[sa.Row[Any]]:
    """The numbered places at these positions of the chosen occasion, in the order they were picked."""
    if offer.chosen is None:
        return []
    found = []
    for position in positions:
        rows, _ = await find.places(
            world, offer.chosen.row.id, category=None, section=None, after=position - 1, limit=1
        )
        found += [row for row in rows if row.pos == position and row.numbered]
    return found
