"""Giving tickets back from the booking's page: which, one look at what returns to where, and it is done."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.refund import RefundReason
from app.domain.refusals import NotFound, WrongState
from app.flows.returning import refund
from app.flows.tickets import show
from app.flows.tickets.show import BookingView
from app.routers.common import TheWorld
from app.routers.pages_booking import PRIVATE, Link, row_of
from app.routers.returning import Return, goes_to, picked, returns
from app.web.forms import form
from app.web.rendering import page
from app.web.speaking import language_of

router = APIRouter(include_in_schema=False)

BUYER = "buyer"
"""Who asks, where the booking's link does."""


@router.get("/b/{link}/refund")
async def choose_returns(request: Request, world: TheWorld, link: Link) -> Response:
    """The tickets with what each brings back, or why it does not; a booking that has none leads back to its page."""
    view = await show.booking(world, (await row_of(world, link)).id)
    offered = await returns(world, view, language_of(request))
    if not offered:
        return RedirectResponse(f"/b/{link}", 303)
    may = [str(one.id) for one in offered if one.may]
    return _choice(request, link, view, offered, may if len(may) == 1 else ())


def _choice(
    request: Request,
    link: str,
    view: BookingView,
    offered: list[Return],
    chosen: Collection[str],
    *,
    fault: str = "",
    status: int = 200,
) -> Response:
    return page(
        request,
        "booking_refund.html",
        status,
        here=f"/b/{link}/refund",
        headers=PRIVATE,
        link=link,
        view=view,
        returns=offered,
        chosen={one.id for one in offered if str(one.id) in chosen},
        fault=fault,
    )


@router.post("/b/{link}/refund")
async def give_back(request: Request, world: TheWorld, link: Link) -> Response:
    """First shows what is going to happen, and returns the tickets when that is confirmed (`sure`)."""
    asked = await form(request)
    view = await show.booking(world, (await row_of(world, link)).id)
    offered = await returns(world, view, language_of(request))
    chosen = asked.every("ticket")
    going = picked(offered, chosen)
    if not offered:
        return RedirectResponse(f"/b/{link}", 303)
    if not going:
        return _choice(request, link, view, offered, (), fault="changed" if chosen else "missing", status=422)
    if len(going) < len(set(chosen)):
        return _choice(request, link, view, offered, chosen, fault="changed", status=409)
    if not asked.one("sure"):
        return _confirmation(request, link, view, going)
    ids = [one.id for one in going]
    try:
        await refund.ask(world, booking_id=view.booking.id, ticket_ids=ids, reason=RefundReason.BUYER, by=BUYER)
    except (NotFound, WrongState):  # a gate, a gift or another press was faster
        now = await returns(world, await show.booking(world, view.booking.id), language_of(request))
        if now:
            return _choice(request, link, view, now, chosen, fault="changed", status=409)
    return RedirectResponse(f"/b/{link}", 303)


def _confirmation(request: Request, link: str, view: BookingView, going: list[Return]) -> Response:
    total = sum(one.amount for one in going)
    return page(
        request,
        "booking_refund_sure.html",
        here=f"/b/{link}/refund",
        headers=PRIVATE,
        link=link,
        view=view,
        picked=going,
        back=goes_to(view, total),
        total=total,
    )
