"""A booking's decks, from hold to tickets, whatever became of it. The address is the buyer's key, as on the pages."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from app.domain.booking import BookingState
from app.domain.handset import Handset
from app.domain.payment import PaymentState, refused_sentence
from app.domain.refusals import WrongState
from app.domain.ticket import TicketState
from app.domain.wording import moment, seat_words, shortened
from app.flows import book, show
from app.flows.show import BookingView
from app.routers.common import TheWorld
from app.routers.wap_common import NAME_CHARS, TheReader, deck, home, name_of, price_of, start_of
from app.routers.wap_number import ProvenNumber
from app.routers.wap_ticket import ticket_link
from app.web.forms import form
from app.web.phrases import clock, masked_phone
from app.web.wap_deck import Deck, Form, Item, Link, Words, fitted
from app.web.wap_reading import Reader, answer, asked_of
from app.world import World

router = APIRouter(prefix="/wap", include_in_schema=False)

CARRIER: Final = "carrier"
"""The way to be paid that is the phone bill."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at a booking: the phone, its number where that is proven, and the booking's secret link."""

    world: World
    reader: Reader
    number: Handset | None
    link: str = field(repr=False)

    def at(self, step: str = "", **asked: object) -> str:
        return self.reader.to(f"/wap/b/{self.link}{step}", **asked)

    async def row(self) -> sa.Row[Any]:
        """Raises NotFound."""
        return await show.booking_by_link(self.world, book.link_hash(self.link))

    async def view(self) -> BookingView:
        return await show.booking(self.world, (await self.row()).id)

    def is_held(self, row: sa.Row[Any]) -> bool:
        return bool(row.state == BookingState.HELD and self.world.clock.now() < row.expires_at)

    def may_bill(self, row: sa.Row[Any]) -> bool:
        """Whether the phone bill can pay: only for the buyer, and only where the network says who that is."""
        return CARRIER in self.world.payments and self.number is not None and row.buyer == self.number


async def the_visit(
    world: TheWorld, reader: TheReader, number: ProvenNumber, link: Annotated[str, Path(max_length=100)]
) -> Visit:
    return Visit(world, reader, number, link)


TheVisit = Annotated[Visit, Depends(the_visit)]


@router.get("/b/{link}")
async def read_booking(request: Request, visit: TheVisit) -> Response:
    """The booking as it stands now."""
    return await booking_answer(visit, start=start_of(asked_of(request).one("a")))


async def booking_answer(visit: Visit, *, trouble: str = "", status: int = 200, start: int = 0) -> Response:
    """The deck of a booking in its state. `trouble`: why it was not paid just now; `start`: from which ticket on."""
    reader, view = visit.reader, await visit.view()
    state = BookingState(view.booking.state)
    if visit.is_held(view.booking):
        return answer(reader, _held(visit, view, trouble or _last_trouble(view, reader)), status)
    if state is BookingState.PAID:
        return answer(reader, await _paid(visit, view, start))
    if state is BookingState.PAYING:
        waiting = (Words(reader("paying"), strong=True), Link(reader("look"), visit.at()))
        return answer(reader, deck(reader, reader("name"), *waiting, again=visit.at()))
    over = BookingState.EXPIRED if state is BookingState.HELD else state
    return answer(reader, deck(reader, reader("name"), Words(reader(over.value), strong=True), home(reader)))


def _last_trouble(view: BookingView, reader: Reader) -> str:
    """What the last attempt was refused for: it stands with the attempt."""
    last = view.payments[0] if view.payments else None
    declined = last is not None and last.state == PaymentState.DECLINED
    return refused_sentence(last.decline or "", reader.language) if declined and last is not None else ""


def _held(visit: Visit, view: BookingView, trouble: str) -> Deck:
    """The sum, until when it is kept, and the means to pay, all on the first screen; or what was wrong before them.

    What is bought and for whom stands below: it was on the deck before.
    """
    reader, row = visit.reader, view.booking
    items: list[Item] = [Words(trouble, strong=True)] if trouble else []
    items.append(Words(reader("total", price=price_of(reader, row.amount, row.currency)), strong=True))
    items.append(Words(reader("held", time=clock(row.expires_at, row.timezone))))
    if row.amount == 0:
        items.append(Form(visit.at("/f"), reader("take")))
    else:
        items.append(Words(reader("pay_how")))
        items.append(Link(reader("emoney"), visit.at("/e")))
        if visit.may_bill(row):
            items.append(Link(reader("bill"), visit.at("/m")))
        items.append(Link(reader("card"), visit.at("/k")))
    items.append(Form(visit.at("/x"), reader("give_up")))
    items += _bought(reader, view)
    receivers = sorted({masked_phone(one.handset) for one in view.items})
    items.append(Words(reader("for_phone", number=shortened(", ".join(receivers), NAME_CHARS))))
    return deck(reader, name_of(reader, row.title), *items)


def _bought(reader: Reader, view: BookingView) -> list[Item]:
    """What, when, how many and which seats."""
    row = view.booking
    lines: list[Item] = [Words(name_of(reader, row.title, NAME_CHARS))]
    if row.starts_at is not None:
        lines.append(Words(moment(row.starts_at, row.timezone, reader.language)))
    seats = [seat_words(one.section, one.row, one.seat, reader.language) for one in view.items if one.seat]
    count = reader("tickets", n=len(view.items))
    lines.append(Words(f"{count} {shortened(', '.join(seats), NAME_CHARS)}".rstrip()))
    return lines


async def _paid(visit: Visit, view: BookingView, start: int) -> Deck:
    """Where each ticket went; those of this phone can be opened at once, where the network says that it is this."""
    reader = visit.reader
    rows: list[Item] = []
    for ticket in await show.tickets(visit.world, view.booking.id):
        if ticket.handset == visit.number and ticket.state == TicketState.VALID:
            rows.append(ticket_link(visit.world, reader, ticket))
        else:
            said = Words(reader("sent", number=masked_phone(ticket.handset)))
            rows += [said] if said not in rows else []
    head = deck(reader, name_of(reader, view.booking.title), Words(reader("paid"), strong=True), forgets=True)
    message = [] if any(isinstance(one, Link) for one in rows) else [Words(reader("open_message"))]
    return fitted(
        head,
        rows,
        start=min(start, max(len(rows) - 1, 0)),
        more=lambda count: Link(reader("more"), visit.at(a=count)),
        foot=[*message, home(reader)],
    )


@router.post("/b/{link}/x")
async def cancel(request: Request, visit: TheVisit) -> Response:
    """Give the hold up; what is no longer just a hold stays as it is, and its deck says so."""
    await form(request)
    row = await visit.row()
    with suppress(WrongState):
        await book.cancel(visit.world, row.id)
    return await booking_answer(visit)
