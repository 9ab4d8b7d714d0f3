"""The page behind a message's link: the ticket, for any browser since 2005. Whoever has its address has the ticket."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response

from app.domain.refusals import NotDrawable
from app.flows.hands.give import can_be_given, can_be_sent_back
from app.flows.tickets import show
from app.flows.tickets.show import Use
from app.routers.common import TheWorld
from app.routers.tickets import picture_response
from app.web.rendering import page

router = APIRouter(include_in_schema=False)

Token = Annotated[str, Path(max_length=100)]
Etag = Annotated[str | None, Header(alias="If-None-Match", max_length=200)]
PRIVATE = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}


@router.get("/t/{token}")
async def ticket_page(request: Request, world: TheWorld, token: Token) -> Response:
    """The card to show at the gate; one that opens no gate says so and has neither barcode nor PIN."""
    ticket = await show.ticket_by_link(world, token)
    card = await show.card(world, ticket)
    return page(
        request,
        "ticket.html",
        otherwise=ticket.language,
        headers=PRIVATE,
        token=token,
        card=card,
        ticket=ticket,
        pictured=show.is_pictured(ticket),
        giveable=card.use is Use.GOOD and can_be_given(ticket),
        returnable=card.use is Use.GOOD and can_be_sent_back(ticket, now=world.clock.now()),
        early=world.clock.now() < ticket.valid_from,
    )


@router.get("/t/{token}/barcode.{form}")
async def ticket_barcode(  # noqa: PLR0917 - each is a parameter of its own name
    world: TheWorld,
    token: Token,
    form: Literal["svg", "png", "wbmp"],
    width: Annotated[int, Query(ge=29, le=640)] = 128,
    height: Annotated[int, Query(ge=28, le=640)] = 128,
    known: Etag = None,
) -> Response:
    """The barcode alone, drawn when it is looked at; raises NotDrawable for a ticket that opens no gate."""
    ticket = await show.ticket_by_link(world, token)
    if (await show.card(world, ticket)).use is not Use.GOOD:
        raise NotDrawable("This ticket opens no gate any more; it has no barcode.")
    picture = await show.picture(world, ticket, form, face="ct1", scale=8, width=width, height=height)
    answer = picture_response(picture, known)
    answer.headers["Cache-Control"] = "private, no-cache"  # a ticket that is used up is asked for again
    answer.headers["X-Robots-Tag"] = PRIVATE["X-Robots-Tag"]
    return answer
