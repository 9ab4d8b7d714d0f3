"""From hand to hand: a gift that goes back to its giver, and for staff everybody who had a ticket."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from app.domain.refusals import NotFound
from app.flows.hands import chain as hands
from app.flows.hands.give import send_back
from app.flows.tickets import show
from app.routers.common import TheGivenTicket, TheMember, TheOnce, TheWorld, TicketId
from app.schemas.base import problems
from app.schemas.offers import ChainOut, LinkOut
from app.schemas.tickets import GiftOut

router = APIRouter()


@router.post(
    "/tickets/{ticket_id}/decline",
    tags=["tickets"],
    status_code=201,
    response_model=GiftOut,
    responses=problems(400, 401, 403, 404, 409) | {201: {"model": GiftOut}},
)
async def decline(world: TheWorld, once: TheOnce, ticket: TheGivenTicket) -> Response:
    """Send a gift back within 48 hours, unused: its giver gets a new ticket, and both are told by message."""

    async def work() -> GiftOut:
        return GiftOut.of(await send_back(world, ticket.id))

    return await once(201, work)


@router.get("/staff/tickets/{ticket_id}/chain", tags=["staff"], responses=problems(401, 403, 404))
async def chain(world: TheWorld, member: TheMember, ticket_id: TicketId) -> ChainOut:
    """Everybody who had this ticket, from its sale to today, whichever of its numbers is named."""
    member.require("read")
    if not member.acts_for((await show.ticket(world, ticket_id)).issuer_id):
        raise NotFound("There is no such ticket.")
    return ChainOut(chain=[LinkOut.of(link) for link in await hands.chain(world, ticket_id)])
