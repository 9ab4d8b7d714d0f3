"""Refunds for buyers: what may go back, and asking for it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from app.domain.refund import RefundReason
from app.flows.returning import refund
from app.routers.common import TheOnce, TheReadBooking, TheReturnedBooking, TheWorld
from app.schemas.base import problems
from app.schemas.money import RefundingOut, RefundsOut, ReturnIn

router = APIRouter(prefix="/bookings", tags=["bookings"])


@router.get("/{booking_id}/refunds", responses=problems(401, 403, 404))
async def look(world: TheWorld, booking_id: TheReadBooking) -> RefundsOut:
    """What of the booking may go back now, ticket by ticket, with why not; and the refunds there are."""
    return RefundsOut.of(await refund.quote(world, booking_id), await refund.of_booking(world, booking_id))


@router.post(
    "/{booking_id}/refunds", status_code=201, response_model=RefundingOut, responses=problems(400, 401, 403, 404, 409)
)
async def ask(world: TheWorld, once: TheOnce, booking_id: TheReturnedBooking, body: ReturnIn) -> Response:
    """Return tickets within the product's rule. They open no gate from now on; the money goes back as it came."""

    async def work() -> RefundingOut:
        found = await refund.ask(
            world, booking_id=booking_id, ticket_ids=body.tickets, reason=RefundReason.BUYER, by="buyer"
        )
        return RefundingOut.of(found)

    return await once(201, work)
