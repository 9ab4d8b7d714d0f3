"""An offer's page: what is offered, from whom and for what; taken or declined by whoever has the message's link."""

from __future__ import annotations

from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.gift import Standing
from app.domain.handset import for_holder
from app.domain.refusals import HandoverPending, Locked, NotEnoughValue, PaymentRefused, Refusal, WrongState
from app.flows.hands import offer
from app.flows.hands.offered import Offered
from app.flows.tickets import show
from app.routers.common import TheWorld
from app.routers.pages_ticket import PRIVATE
from app.web.forms import form
from app.web.rendering import page
from app.world import World

router = APIRouter(include_in_schema=False)

Token = Annotated[str, Path(max_length=100)]
PIN_CHARS_MAX: Final = 12
STAYS: Final = frozenset({"used_up", "inside", "too_late", "suspended", "used_since", "under_way"})
"""Reasons that have words of their own; of the others no receiver can do more than ask the giver."""


@router.get("/o/{token}")
async def offer_page(request: Request, world: TheWorld, token: Token) -> Response:
    """The offer as it stands; one that is open has buttons."""
    found = await offer.by_link(world, token)
    return await _page(request, world, token, found)


@router.post("/o/{token}")
async def answer(request: Request, world: TheWorld, token: Token) -> Response:
    """Take it (`take`) or decline it (`decline`); what stands in the way is said where it was asked for."""
    asked = await form(request)
    found = await offer.by_link(world, token)
    try:
        if asked.one("decline"):
            await offer.decline(world, found.id, by=found.receiver)
        elif asked.one("take"):
            await offer.accept(world, found.id, by=found.receiver, pin=asked.one("pin")[:PIN_CHARS_MAX])
    except (PaymentRefused, Locked, NotEnoughValue, HandoverPending) as no:
        return await _page(request, world, token, found, no)
    except WrongState as no:
        if no.more["reason"] != "closed":
            return await _page(request, world, token, found, no)
    return RedirectResponse(f"/o/{token}", 303, headers=PRIVATE)


def _fault(no: Refusal | None) -> str:
    """The name of the sentence that says what is wrong."""
    match no:
        case None:
            return ""
        case PaymentRefused():
            return "wrong_pin"
        case Locked():
            return "locked"
        case NotEnoughValue():
            return "too_little"
        case HandoverPending():
            return "under_way"
        case _:
            reason = str(no.more["reason"])
            return reason if reason in STAYS else "elsewhere"


async def _page(request: Request, world: World, token: str, found: Offered, no: Refusal | None = None) -> Response:
    ticket: sa.Row[Any] = await show.ticket(world, found.ticket_id)
    return page(
        request,
        "offer.html",
        200 if no is None else 409,
        here=f"/o/{token}",
        otherwise=found.language,
        headers=PRIVATE,
        token=token,
        offered=found,
        open=found.standing is Standing.OPEN,
        giver=for_holder(found.giver),
        ticket=ticket,
        lasting=(await show.card(world, ticket)).lasting,
        fault=_fault(no),
        missing=0 if no is None else no.more.get("missing", 0),
    )
