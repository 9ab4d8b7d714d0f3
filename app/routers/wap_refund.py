"""Giving a whole booking back on a phone: what returns to where, one press, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.refund import RefundReason
from app.domain.refusals import NotFound, WrongState
from app.flows.returning import refund
from app.routers.pages_refund import BUYER
from app.routers.returning import Return, goes_to, returns
from app.routers.wap_booking import TheVisit, booking_answer
from app.routers.wap_common import deck, name_of, price_of
from app.web.forms import form
from app.web.wap_deck import Form, Item, Link, Words
from app.web.wap_reading import answer

router = APIRouter(prefix="/wap", include_in_schema=False)


def _shown(going: Sequence[Return]) -> str:
    """What a deck has shown, for the press on it: how many tickets, and what they bring back."""
    return f"{len(going)}.{sum(one.amount for one in going)}"


@router.get("/b/{link}/q")
async def refund_deck(visit: TheVisit) -> Response:
    """How many tickets go back, to which means how much returns, and what stays."""
    reader, view = visit.reader, await visit.view()
    offered = await returns(visit.world, view, reader.language)
    going = [one for one in offered if one.may]
    if not going:
        return await booking_answer(visit)
    currency = view.booking.currency
    total = sum(one.amount for one in going)
    items: list[Item] = [Words(reader("refund_sure", n=len(going)), strong=True)]
    items += [
        Words(reader("refund_back", price=price_of(reader, amount, currency), means=reader(f"to_{means}")))
        for means, amount in goes_to(view, total)
    ]
    if len(going) < len(offered):
        items.append(Words(reader("refund_kept", n=len(offered) - len(going))))
    button = reader("refund_do", price=price_of(reader, total, currency))
    items.append(Form(visit.at("/q"), button, (), (("n", _shown(going)),)))
    items.append(Link(reader("refund_keep"), visit.at()))
    return answer(reader, deck(reader, name_of(reader, view.booking.title), *items))


@router.post("/b/{link}/q")
async def give_back(request: Request, visit: TheVisit) -> Response:
    """Return what the deck has shown; where that has changed meanwhile, it is shown again."""
    asked = await form(request)
    view = await visit.view()
    going = [one for one in await returns(visit.world, view, visit.reader.language) if one.may]
    if asked.one("n") != _shown(going):
        return await refund_deck(visit)
    ids = [one.id for one in going]
    with suppress(NotFound, WrongState):  # a gate or another press was faster; the booking's deck says how it stands
        await refund.ask(visit.world, booking_id=view.booking.id, ticket_ids=ids, reason=RefundReason.BUYER, by=BUYER)
    return await booking_answer(visit)
