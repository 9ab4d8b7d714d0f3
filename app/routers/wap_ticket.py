"""A ticket on a phone: its card with number, PIN and barcode, to be kept; and all tickets of a proven number."""

from __future__ import annotations

from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from app.domain.catalogue import USES_MAX
from app.domain.credential import shown
from app.domain.refusals import NotDrawable
from app.domain.wording import seat_words
from app.flows.delivery import compose
from app.flows.handset import carried
from app.flows.tickets import show
from app.flows.tickets.show import Card, Use
from app.routers.common import TheWorld
from app.routers.wap_common import NAME_CHARS, TheReader, deck, home, name_of, price_of, start_of
from app.routers.wap_number import ProvenNumber
from app.web.phrases import masked_phone
from app.web.wap_deck import Deck, Item, Link, Picture, Words, fitted
from app.web.wap_reading import Reader, answer, asked_of
from app.world import World

router = APIRouter(prefix="/wap", include_in_schema=False)

Token = Annotated[str, Path(max_length=100)]
TICKETS_MAX: Final = 50


def ticket_link(world: World, reader: Reader, ticket: sa.Row[Any]) -> Link:
    """Opens a ticket's card: who follows it has the ticket, so it is for its holder's phone alone."""
    token = compose.link_of(world, ticket).rpartition("/")[2]
    where = seat_words(ticket.section, ticket.row, ticket.seat, reader.language)
    words = f"{reader('show', number=shown(ticket.number))} {where}".rstrip()
    return Link(words, reader.to(f"/wap/t/{token}"))


@router.get("/mine")
async def my_tickets(request: Request, world: TheWorld, reader: TheReader, number: ProvenNumber) -> Response:
    """The tickets of the phone that asks; whose number is only typed gets none, for anybody could type it."""
    if number is None:
        return answer(reader, deck(reader, reader("mine"), Words(reader("unproven")), home(reader)), 403)
    rows: list[Item] = []
    for ticket in await carried.tickets_of(world, number, limit=TICKETS_MAX):
        link = ticket_link(world, reader, ticket)
        rows.append(Link(f"{name_of(reader, ticket.title)} {link.label}", link.href))
    empty = [] if rows else [Words(reader("no_tickets", number=masked_phone(number)))]
    made = fitted(
        deck(reader, reader("mine"), *empty),
        rows,
        start=min(start_of(asked_of(request).one("a")), max(len(rows) - 1, 0)),
        more=lambda count: Link(reader("more"), reader.to("/wap/mine", a=count)),
        foot=[home(reader)],
    )
    return answer(reader, made)


@router.get("/t/{token}.wbmp")
async def ticket_picture(world: TheWorld, reader: TheReader, token: Token) -> Response:
    """The barcode as a picture of just this phone's screen; raises NotDrawable for a ticket that opens no gate."""
    ticket = await show.ticket_by_link(world, token)
    if (await show.card(world, ticket)).use is not Use.GOOD:
        raise NotDrawable("This ticket opens no gate any more; it has no barcode.")
    screen = reader.screen
    drawn = await show.picture(world, ticket, "wbmp", face="ct0", scale=1, width=screen.width, height=screen.height)
    headers = {"Cache-Control": "private, no-cache", "ETag": f'"{drawn.etag}"', "X-Robots-Tag": "noindex, nofollow"}
    return Response(drawn.body, media_type=drawn.media_type, headers=headers)


@router.get("/t/{token}")
async def ticket_deck(world: TheWorld, reader: TheReader, token: Token) -> Response:
    """The card to keep and to show at the gate; one that opens no gate says so and has neither PIN nor barcode."""
    ticket = await show.ticket_by_link(world, token)
    card = await show.card(world, ticket)
    return answer(reader, _card(reader, card, f"/wap/t/{token}.wbmp"))


def _card(reader: Reader, card: Card, picture: str) -> Deck:
    ticket = card.ticket
    about = _about(reader, card)
    if card.use is not Use.GOOD:
        said = Words(reader(f"use_{card.use.value}"), strong=True)
        return deck(reader, name_of(reader, ticket.title), said, *about, home(reader))
    number = reader("number", number=shown(ticket.number))
    return deck(
        reader,
        name_of(reader, ticket.title),
        *([Picture(picture, reader("barcode"))] if show.is_pictured(ticket) else []),
        Words(number, strong=True),
        Words(reader("pin_is", pin=card.pin), strong=True) if card.pin else Words(reader("in_the_app")),
        *about,
        *([Words(reader("save"))] if card.pin else []),
        home(reader),
    )


def _about(reader: Reader, card: Card) -> list[Item]:
    """What, when and where, which seat, and what is left of it."""
    ticket = card.ticket
    words = [name_of(reader, ticket.title, NAME_CHARS)]
    words.append(card.lasting.words(reader.language))
    if ticket.venue_name:
        words.append(name_of(reader, ticket.venue_name))
    words.append(seat_words(ticket.section, ticket.row, ticket.seat, reader.language))
    if ticket.origin_name:
        ends = {"origin": ticket.origin_name, "destination": ticket.destination_name}
        words.append(reader("journey", **{end: name_of(reader, name) for end, name in ends.items()}))
    if card.balance is not None:
        words.append(reader("balance", price=price_of(reader, card.balance, ticket.currency)))
    elif 1 < ticket.uses <= USES_MAX and card.uses_left is not None:
        words.append(reader("uses", n=card.uses_left))
    return [Words(line) for line in words if line]
