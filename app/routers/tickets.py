"""Tickets: look, draw, send again, give, revoke."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from app.domain.handset import Handset
from app.flows.delivery import deliver
from app.flows.hands.give import give
from app.flows.tickets import register, show
from app.routers.common import (
    TheGivenTicket,
    TheMember,
    TheOnce,
    TheReadTicket,
    TheRevocableTicket,
    TheSentTicket,
    TheWorld,
)
from app.schemas.base import problems
from app.schemas.tickets import GiftIn, GiftOut, ResentOut, RevokeIn, TicketOut

router = APIRouter(prefix="/tickets", tags=["tickets"])

PICTURES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The barcode.", "content": {"image/svg+xml": {}, "image/png": {}, "image/vnd.wap.wbmp": {}}},
    304: {"description": "The picture you have is still right."},
}
Etag = Annotated[str | None, Header(alias="If-None-Match", max_length=200)]


@router.get("/{ticket_id}", responses=problems(401, 403, 404))
async def read(ticket: TheReadTicket) -> TicketOut:
    """One ticket, without its PIN: that stands in the holder's message."""
    return TicketOut.of(ticket)


@router.get("/{ticket_id}/barcode.{form}", response_class=Response, responses=PICTURES | problems(401, 403, 404))
async def barcode(  # noqa: PLR0917 - each is a query parameter of its own name
    world: TheWorld,
    ticket: TheReadTicket,
    form: Literal["svg", "png", "wbmp"],
    face: Literal["ct1", "ct0"] = "ct1",
    scale: Annotated[int, Query(ge=1, le=20, description="Pixels per module of a PNG.")] = 8,
    width: Annotated[int, Query(ge=29, le=640, description="Screen width in pixels, for a WBMP.")] = 128,
    height: Annotated[int, Query(ge=28, le=640, description="Screen height in pixels, for a WBMP.")] = 128,
    known: Etag = None,
) -> Response:
    """The barcode, drawn when looked at. CT1 is signed and larger; CT0 fits the smallest screens."""
    picture = await show.picture(world, ticket, form, face=face, scale=scale, width=width, height=height)
    return picture_response(picture, known)


def picture_response(picture: show.Picture, known: str | None) -> Response:
    headers = {"ETag": f'"{picture.etag}"', "Cache-Control": "private, max-age=3600"}
    if known == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(picture.body, media_type=picture.media_type, headers=headers)


@router.post(
    "/{ticket_id}/resend", status_code=202, response_model=ResentOut, responses=problems(400, 401, 403, 404, 409, 429)
)
async def resend(world: TheWorld, once: TheOnce, ticket: TheSentTicket) -> Response:
    """Send the ticket's message to its handset once more."""

    async def work() -> ResentOut:
        return ResentOut(delivery=await deliver.resend(world, ticket.id))

    return await once(202, work)


@router.post(
    "/{ticket_id}/gift",
    status_code=201,
    response_model=GiftOut,
    responses=problems(400, 401, 403, 404, 409, 429) | {201: {"model": GiftOut}},
)
async def gift(world: TheWorld, once: TheOnce, ticket: TheGivenTicket, body: GiftIn) -> Response:
    """Give a ticket to another handset: it gets a new one, with what is left, and this one is worth nothing."""

    async def work() -> GiftOut:
        return GiftOut.of(await give(world, ticket.id, Handset(body.handset)))

    return await once(201, work)


@router.post("/{ticket_id}/revoke", status_code=200, responses=problems(401, 403, 404, 409))
async def revoke(world: TheWorld, member: TheMember, ticket: TheRevocableTicket, body: RevokeIn) -> TicketOut:
    """Make a ticket worthless, at gates too. Its money stays: POST /staff/refunds gives it back, then or later."""
    await register.revoke(
        world, ticket.id, reason=body.reason, free_place=body.resell, tell_holder=body.tell, by=member.name
    )
    return TicketOut.of(await show.ticket(world, ticket.id))
