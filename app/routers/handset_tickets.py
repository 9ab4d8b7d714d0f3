"""A handset's tickets: list, download and keep, move here, send again; and offers to and from other handsets."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response

from app.domain.handset import Handset
from app.flows.hands import offer
from app.flows.handset import carry
from app.routers.common import TheWorld
from app.routers.handset_caller import TheCaller, TheCallersOnce
from app.schemas.base import problems
from app.schemas.handset import (
    AcceptanceIn,
    CarriedOut,
    ListedTicketOut,
    ListedTicketsOut,
    MovedOut,
    OfferIn,
    OfferOut,
    OffersOut,
)
from app.schemas.tickets import ResentOut
from app.store.catalogue import PAGE_MAX

router = APIRouter(prefix="/handset", tags=["handset"])

TicketId = Annotated[UUID, Path()]
OfferId = Annotated[UUID, Path()]
Etag = Annotated[str | None, Header(alias="If-None-Match", max_length=200)]

CARRIED: dict[int | str, dict[str, Any]] = {304: {"description": "The ticket you have is still right."}}


@router.get("/tickets", responses=problems(401))
async def tickets(
    world: TheWorld,
    caller: TheCaller,
    after: Annotated[UUID | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 20,
    ended: Annotated[bool, Query(description="Also those that are revoked or past their time.")] = False,  # noqa: FBT002 - a query parameter
) -> ListedTicketsOut:
    """The tickets of this number, the latest first."""
    rows = await carry.tickets(world, caller, after=after, limit=limit, ended=ended)
    following = rows[-1].id if len(rows) == limit else None
    return ListedTicketsOut(tickets=[ListedTicketOut.listed(row) for row in rows], next=following)


@router.get("/tickets/{ticket_id}", response_model=CarriedOut, responses=CARRIED | problems(401, 404, 409))
async def download(world: TheWorld, caller: TheCaller, ticket_id: TicketId, known: Etag = None) -> Response:
    """The ticket with all that is needed to show it offline; the first time it is bound to this device, and stored."""
    carried = await carry.download(world, caller, ticket_id)
    headers = {"ETag": f'W/"{carried.version}"', "Cache-Control": "private, no-cache"}
    if known is not None and known.removeprefix("W/") == f'"{carried.version}"':
        return Response(status_code=304, headers=headers)
    body = CarriedOut.of(carried).model_dump_json()
    return Response(body, headers=headers, media_type="application/json")


@router.post("/tickets/{ticket_id}/move", status_code=201, responses=problems(401, 404, 409))
async def move(world: TheWorld, caller: TheCaller, ticket_id: TicketId) -> MovedOut:
    """Issue a ticket anew that lives on another device of this number, so that this one can download it."""
    return MovedOut.of(await carry.move(world, caller, ticket_id))


@router.post(
    "/tickets/{ticket_id}/resend",
    status_code=202,
    response_model=ResentOut,
    responses=problems(400, 401, 404, 409, 429),
)
async def resend(world: TheWorld, caller: TheCaller, once: TheCallersOnce, ticket_id: TicketId) -> Response:
    """Send the ticket's message to this number once more."""

    async def work() -> ResentOut:
        return ResentOut(delivery=await carry.resend(world, caller, ticket_id))

    return await once(202, work)


# --- offers ---------------------------------------------------------------------------------------------------------


@router.post("/tickets/{ticket_id}/offers", status_code=201, responses=problems(401, 404, 409, 429))
async def make_offer(world: TheWorld, caller: TheCaller, ticket_id: TicketId, body: OfferIn) -> OfferOut:
    """Offer a ticket to another number, as a gift or for e-money; it stays usable here until it is accepted."""
    await carry.own(world, caller, ticket_id)
    return OfferOut.of(await offer.offer(world, ticket_id, Handset(body.handset), body.asked), caller)


@router.get("/offers", responses=problems(401))
async def offers(world: TheWorld, caller: TheCaller) -> OffersOut:
    """What is on offer to this number now, and what it offers itself, the newest first."""
    found = await offer.of_handset(world, caller.handset)
    return OffersOut(offers=[OfferOut.of(one, caller) for one in found])


@router.post("/offers/{offer_id}/acceptance", status_code=201, responses=problems(401, 402, 404, 409, 423))
async def accept(world: TheWorld, caller: TheCaller, offer_id: OfferId, body: AcceptanceIn) -> MovedOut:
    """Take what is offered to this number, and pay what is asked for it, in one step."""
    return MovedOut.of(await offer.accept(world, offer_id, by=caller.handset, pin=body.pin.get_secret_value()))


@router.post("/offers/{offer_id}/decline", status_code=200, responses=problems(401, 404, 409))
async def decline(world: TheWorld, caller: TheCaller, offer_id: OfferId) -> OfferOut:
    """Leave what is offered to this number with its giver, who is told."""
    return OfferOut.of(await offer.decline(world, offer_id, by=caller.handset), caller)


@router.post("/offers/{offer_id}/withdrawal", status_code=200, responses=problems(401, 404, 409))
async def withdraw(world: TheWorld, caller: TheCaller, offer_id: OfferId) -> OfferOut:
    """Keep the ticket after all."""
    return OfferOut.of(await offer.withdraw(world, offer_id, by=caller.handset), caller)
