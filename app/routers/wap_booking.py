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
from app.domain.refund import RefundReason
from app.domain.refusals import WrongState
from app.domain.ticket import TicketState
from app.domain.wording import moment, seat_words, shortened
from app.flows.booking import book
from app.flows.tickets import show
from app.flows.tickets.show import BookingView
from app.routers.common import TheWorld
from app.routers.confirming import ask_again, bank_of, pause_seconds
from app.routers.pages_booking import last_trouble
from app.routers.returning import returns
from app.routers.wap_common import NAME_CHARS, TheReader, deck, home, name_of, price_of, start_of
from app.routers.wap_number import ProvenNumber
from app.routers.wap_ticket import ticket_link
from app.web.forms import form
from app.web.phrases import clock, masked_phone
from app.web.wap_deck import Deck, Form, Item, Link, Markup, Words, fitted
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

    async def ask_again(self, *, returned: bool = False) -> None:
        """Ask the network how it went, where the booking is being paid."""
        row = await self.row()
        if row.state == BookingState.PAYING:
            await ask_again(self.world, row.id, returned=returned)

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
    """The booking as it stands now; while it is being paid, the network is asked first."""
    await visit.ask_again()
    return await booking_answer(visit, start=start_of(asked_of(request).one("a")))


async def booking_answer(visit: Visit, *, trouble: str = "", status: int = 200, start: int = 0) -> Response:
    """The deck of a booking in its state. `trouble`: why it was not paid just now; `start`: from which ticket on."""
    reader, view = visit.reader, await visit.view()
    state = BookingState(view.booking.state)
    if visit.is_held(view.booking):
        last = last_trouble(view, reader.language)
        return answer(reader, _held(visit, view, trouble or (last.sentence if last else "")), status)
    if state is BookingState.PAID:
        return answer(reader, await _paid(visit, view, start))
    if state is BookingState.PAYING:
        return answer(reader, _waiting(visit, view))
    late = any(one.reason == RefundReason.LATE for one in view.refunds)
    over = BookingState.EXPIRED if state is BookingState.HELD else state
    said = Words(reader("late" if late else over.value), strong=True)
    return answer(reader, deck(reader, reader("name"), said, *_refunds(reader, view), home(reader)))


def _waiting(visit: Visit, view: BookingView) -> Deck:
    """Being confirmed; or the way to the bank that wants to see the buyer, for a phone that can show a bank's page."""
    reader, bank = visit.reader, bank_of(view)
    way: list[Item] = []
    if bank and reader.markup is Markup.XHTML:
        way = [Words(reader("bank_how")), Link(reader("bank"), bank)]
    elif bank:
        way = [Words(reader("bank_elsewhere"))]
    return deck(
        reader,
        reader("name"),
        Words(reader("bank_asks" if bank else "paying" if view.booking.amount else "confirming"), strong=True),
        *way,
        Words(reader("comes")),
        Link(reader("look"), visit.at()),
        again=visit.at(),
        again_seconds=pause_seconds(view, now=visit.world.clock.now()),
    )


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
        items.append(Link(reader("voucher_pays"), visit.at("/v")))
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
    """Where each ticket went; those of this phone can be opened at once, where the network says that it is this.

    What was returned stands below, with where its money is.
    """
    reader = visit.reader
    tickets = await show.tickets(visit.world, view.booking.id)
    rows: list[Item] = []
    for ticket in tickets:
        if ticket.state == TicketState.SUSPENDED:
            said: Item = Words(reader("use_suspended"))
        elif ticket.state != TicketState.VALID:
            continue
        elif ticket.handset == visit.number:
            said = ticket_link(visit.world, reader, ticket)
        else:
            said = Words(reader("sent", number=masked_phone(ticket.handset)))
        rows += [said] if said not in rows else []
    rows += _refunds(reader, view)
    good = any(one.state == TicketState.VALID for one in tickets)
    head = deck(
        reader,
        name_of(reader, view.booking.title),
        Words(reader("paid" if good else "none_good"), strong=True),
        forgets=True,
    )
    foot: list[Item] = (
        [Words(reader("open_message"))] if good and not any(isinstance(one, Link) for one in rows) else []
    )
    if any(one.may for one in await returns(visit.world, view, reader.language)):
        foot.append(Link(reader("refund"), visit.at("/q")))
    return fitted(
        head,
        rows,
        start=min(start, max(len(rows) - 1, 0)),
        more=lambda count: Link(reader("more"), visit.at(a=count)),
        foot=[*foot, home(reader)],
    )


def _refunds(reader: Reader, view: BookingView) -> list[Item]:
    """Each refund with how it stands."""
    return [
        Words(reader(f"refund_{one.state}", price=price_of(reader, one.amount, one.currency))) for one in view.refunds
    ]


@router.post("/b/{link}/x")
async def cancel(request: Request, visit: TheVisit) -> Response:
    """Give the hold up; what is no longer just a hold stays as it is, and its deck says so."""
    await form(request)
    row = await visit.row()
    with suppress(WrongState):
        await book.cancel(visit.world, row.id)
    return await booking_answer(visit)
