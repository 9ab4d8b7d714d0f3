"""Giving a ticket away from its page: the receiver's number, one look at what will happen, and it is theirs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.handset import Handset, for_holder
from app.domain.refusals import HandoverPending, TooMany, WrongState
from app.flows.hands.give import can_be_given, can_be_sent_back, give, send_back
from app.flows.tickets import show
from app.flows.tickets.show import Use
from app.routers.common import TheWorld
from app.routers.pages_ticket import PRIVATE
from app.schemas.base import parse_mobile
from app.web.forms import form
from app.web.phrases import typed_phone
from app.web.rendering import page
from app.world import World

router = APIRouter(include_in_schema=False)

Token = Annotated[str, Path(max_length=100)]
NUMBER_CHARS_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class Step:
    """What the page shows: the number as typed, the sentence that is wrong with it, or the number to be confirmed."""

    typed: str = ""
    fault: str = ""
    receiver: str = ""


@router.get("/t/{token}/give")
async def give_page(request: Request, world: TheWorld, token: Token) -> Response:
    """Asks for the number that gets the ticket; one that cannot be given leads back to its page."""
    ticket = await _good(world, token)
    return _step(request, token, ticket, Step()) if ticket else _to_ticket(token)


@router.post("/t/{token}/give")
async def give_away(request: Request, world: TheWorld, token: Token) -> Response:
    """First shows what is going to happen, and gives the ticket away when that is confirmed (`sure`)."""
    asked = await form(request)
    ticket = await _good(world, token)
    if ticket is None:
        return _to_ticket(token)
    typed = asked.one("handset")[:NUMBER_CHARS_MAX]
    receiver, fault = _number(typed, ticket)
    if receiver is None:
        return _step(request, token, ticket, Step(typed, fault), 422)
    if not asked.one("sure"):
        return _step(request, token, ticket, Step(typed, receiver=typed_phone(receiver)))
    try:
        await give(world, ticket.id, receiver)
    except TooMany:
        return _step(request, token, ticket, Step(typed, "too_many"), 429)
    except HandoverPending:
        return _step(request, token, ticket, Step(typed, "under_way"), 409)
    except WrongState:  # a gate or another press was faster; the ticket's page says how it stands
        pass
    return _to_ticket(token)


@router.get("/t/{token}/back")
async def back_page(request: Request, world: TheWorld, token: Token) -> Response:
    """Asks whether a gift is to go back to its giver; one that cannot leads back to its page."""
    ticket = await _good(world, token)
    if ticket is None or not can_be_sent_back(ticket, now=world.clock.now()):
        return _to_ticket(token)
    giver = for_holder(Handset(ticket.given_by))
    return page(
        request,
        "back.html",
        otherwise=ticket.language,
        headers=PRIVATE,
        token=token,
        ticket=ticket,
        giver=giver,
    )


@router.post("/t/{token}/back")
async def give_back(request: Request, world: TheWorld, token: Token) -> Response:
    """Send a gift back when that is confirmed (`sure`); the ticket's page says how it stands."""
    asked = await form(request)
    ticket = await show.ticket_by_link(world, token)
    if asked.one("sure"):
        with suppress(WrongState, HandoverPending):  # used, or pressed twice, or still with its issuer
            await send_back(world, ticket.id)
    return _to_ticket(token)


async def _good(world: World, token: str) -> sa.Row[Any] | None:
    """The ticket behind a link, None where it is past giving; raises NotFound."""
    ticket = await show.ticket_by_link(world, token)
    use = (await show.card(world, ticket)).use
    return ticket if use is Use.GOOD and can_be_given(ticket) else None


def _number(typed: str, ticket: sa.Row[Any]) -> tuple[Handset | None, str]:
    """The receiver, or which sentence is wrong with what was typed."""
    if not typed:
        return None, "number_missing"
    try:
        receiver = parse_mobile(typed)
    except ValueError:
        return None, "number_wrong"
    return (None, "number_own") if receiver == ticket.handset else (receiver, "")


def _step(request: Request, token: str, ticket: sa.Row[Any], step: Step, status: int = 200) -> Response:
    here = f"/t/{token}/give"
    return page(
        request,
        "give.html",
        status,
        here=here,
        otherwise=ticket.language,
        headers=PRIVATE,
        token=token,
        ticket=ticket,
        step=step,
    )


def _to_ticket(token: str) -> Response:
    return RedirectResponse(f"/t/{token}", 303, headers=PRIVATE)
