"""The decks on which seats are picked by hand: a section, a row of it, then seats one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.plan import Section
from app.domain.wording import seat_words, shortened
from app.flows.booking import find
from app.routers.common import TheWorld
from app.routers.pages_choice import Offered
from app.routers.pages_choose import sales_state
from app.routers.wap_choose import categories, title_of
from app.routers.wap_common import LABEL_CHARS, NAME_CHARS, TheReader, deck, home, price_of, start_of
from app.routers.wap_picked import SEATS_BY_HAND_MAX, Picked, picked_of, seats_at
from app.web.wap_deck import Deck, Item, Link, Words, fitted
from app.web.wap_reading import Reader, answer, asked_of
from app.world import World

router = APIRouter(prefix="/wap", include_in_schema=False)

SEATS_READ_AT_ONCE: Final = 1_000


@router.get("/s/{product}")
async def seats_deck(request: Request, world: TheWorld, reader: TheReader, product: str) -> Response:
    """Whichever is still to be picked; what is picked already stands above, with the way on."""
    asked = asked_of(request)
    picked = picked_of(product, asked)
    offer = await picked.offer(world)
    if offer.chosen is None or offer.chosen.row.seating_id is None or sales_state(world, offer) is not None:
        return answer(reader, categories(world, reader, picked, offer, 0), private=False)
    picked = replace(picked, occasion=offer.chosen.row.id, price=None, quantity="")
    head = deck(reader, title_of(reader, offer), *await _picked_so_far(world, reader, picked, offer))
    if len(picked.positions) >= min(offer.limit, SEATS_BY_HAND_MAX):
        full = Words(reader("pick_max", n=len(picked.positions)))
        return answer(reader, replace(head, items=(*head.items, full, home(reader))), private=False)
    step = _Picking(reader, picked, head, start_of(asked.one("a")))
    plan = await find.plan(world, offer.chosen.row.id)
    sections = [one for one in plan.sections if one.numbered]
    x = 0 if len(sections) == 1 else _index(asked.one("x"), len(sections))
    if x is None:
        return answer(reader, step.section(sections), private=False)
    rows = await _rows(world, offer, sections[x])
    y = 0 if len(rows) == 1 else _index(asked.one("y"), len(rows))
    made = step.row(rows, x=x) if y is None else step.seat(rows[y][1], offer, x=x, y=y)
    return answer(reader, made, private=False)


def _index(text: str, count: int) -> int | None:
    """A place in a list as an address names it; None for what is not in it."""
    return start_of(text) if text.isascii() and text.isdigit() and start_of(text) < count else None


async def _picked_so_far(world: World, reader: Reader, picked: Picked, offer: Offered) -> list[Item]:
    if not picked.positions:
        return []
    seats = await seats_at(world, offer, picked.positions)
    words = ", ".join(seat_words(one.section, one.row, one.seat, reader.language) for one in seats)
    return [
        Words(reader("picked", seats=shortened(words, 2 * NAME_CHARS))),
        Link(reader("enough"), reader.to(picked.at("w"), **picked.asked)),
    ]


async def _rows(world: World, offer: Offered, section: Section) -> list[tuple[str, list[sa.Row[Any]]]]:
    """The rows of a section in plan order, each with its free seats."""
    assert offer.chosen is not None, "seats belong to a chosen occasion"
    places: list[sa.Row[Any]] = []
    full, after = True, -1
    while full:
        page, availability = await find.places(
            world, offer.chosen.row.id, category=None, section=section.name, after=after, limit=SEATS_READ_AT_ONCE
        )
        places += [one for one in page if one.numbered]
        full = len(page) == SEATS_READ_AT_ONCE
        after = page[-1].pos if page else after
    return [
        (name or "", [one for one in seats if find.is_free(availability, one.pos)])
        for name, seats in groupby(places, key=lambda one: one.row)
    ]


@dataclass(frozen=True, slots=True)
class _Picking:
    """One step of picking: the phone, what is picked, the top of the deck, and from which row on it lists."""

    reader: Reader
    picked: Picked
    head: Deck
    start: int

    def listed(self, name: str, rows: Sequence[Item], **at: int) -> Deck:
        """What can be picked next, under the sentence `name`."""
        reader, picked = self.reader, self.picked
        return fitted(
            replace(self.head, items=(*self.head.items, Words(reader(name if rows else "none_here")))),
            rows,
            start=min(self.start, max(len(rows) - 1, 0)),
            more=lambda count: Link(reader("more"), reader.to(picked.at("s"), **picked.asked, **at, a=count)),
            foot=[home(reader)],
        )

    def link(self, label: str, picked: Picked, **at: int) -> Link:
        return Link(label, self.reader.to(picked.at("s"), **picked.asked, **at))

    def section(self, sections: Sequence[Section]) -> Deck:
        links = [
            self.link(f"{shortened(one.name, LABEL_CHARS)} {self.reader('left', n=one.free)}", self.picked, x=index)
            for index, one in enumerate(sections)
            if one.free
        ]
        return self.listed("sections", links)

    def row(self, rows: Sequence[tuple[str, list[sa.Row[Any]]]], *, x: int) -> Deck:
        words = self.reader
        links = [
            self.link(
                f"{words('row', row=shortened(name, LABEL_CHARS))} {words('left', n=len(free))}", self.picked, x=x, y=y
            )
            for y, (name, free) in enumerate(rows)
            if free
        ]
        return self.listed("rows", links, x=x)

    def seat(self, free: Sequence[sa.Row[Any]], offer: Offered, **at: int) -> Deck:
        prices = {price.category: price for price in offer.prices}
        links = []
        for seat in free:
            price = prices.get(seat.category)
            if price is not None and seat.pos not in self.picked.positions:
                name = self.reader("seat", seat=shortened(seat.seat or "", LABEL_CHARS))
                further = replace(self.picked, positions=(*self.picked.positions, seat.pos))
                links.append(self.link(f"{name} {price_of(self.reader, price.amount, price.currency)}", further, **at))
        return self.listed("seats", links, **at)
