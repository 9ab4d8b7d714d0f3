"""Bookings: hold, look, pay, cancel, and the tickets that come of it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from app.domain.booking import BookingRequest
from app.domain.handset import Handset, for_holder
from app.domain.money import Money
from app.domain.refusals import SoldOut
from app.flows.booking import book
from app.flows.handset import profiles
from app.flows.paying import pay
from app.flows.paying.pay import Challenged, Paid
from app.flows.tickets import show
from app.flows.tickets.show import BookingView
from app.metrics import PAYMENTS
from app.routers.common import TheOnce, TheReadBooking, TheSoldBooking, TheWorld
from app.routers.holding import counted
from app.schemas.base import MoneyOut, problems
from app.schemas.bookings import (
    BookedOut,
    BookingIn,
    BookingOut,
    DeliveryOut,
    ItemOut,
    PaymentIn,
    PaymentOut,
    PaymentResultOut,
    alternative,
)
from app.schemas.tickets import TicketOut, TicketsOut
from app.world import World

router = APIRouter(prefix="/bookings", tags=["bookings"])


@router.post("", status_code=201, response_model=BookedOut, responses=problems(400, 404, 409, 503))
async def create(world: TheWorld, once: TheOnce, body: BookingIn) -> Response:
    """Hold places for a buyer. Sold out answers 409 with `alternatives`, each with the body that books it."""
    return await once(201, lambda: hold(world, body.request()))


async def hold(world: World, request: BookingRequest) -> BookedOut:
    """Book, with second choices as bodies when it is sold out."""
    try:
        booked = await counted(world, request)
    except SoldOut as refusal:
        choices = refusal.more["alternatives"]
        assert isinstance(choices, list), "a sold-out refusal carries its second choices"
        raise SoldOut(refusal.sentence, alternatives=[alternative(choice, request) for choice in choices]) from None
    return BookedOut.of(booked, public_url=world.house.public_url, language=request.language)


@router.get("/{booking_id}", responses=problems(401, 403, 404))
async def read(world: TheWorld, booking_id: TheReadBooking) -> BookingOut:
    """The booking with its items, payment attempts, and where each message is."""
    return booking_out(world, await show.booking(world, booking_id))


def booking_out(world: World, view: BookingView) -> BookingOut:
    row = view.booking
    return BookingOut(
        id=row.id,
        state=row.state,
        title=row.title,
        starts_at=row.starts_at,
        venue=row.venue_name,
        amount=MoneyOut.of(Money(row.amount, row.currency), row.language),
        expires_at=row.expires_at,
        server_time=world.clock.now(),
        items=[
            ItemOut(
                category=item.category,
                name=item.price_name,
                price=MoneyOut.of(Money(item.amount, row.currency), row.language),
                handset=for_holder(Handset(item.handset)),
                holder=item.holder,
                section=item.section,
                row=item.row,
                seat=item.seat,
                origin=item.origin_name,
                destination=item.destination_name,
            )
            for item in view.items
        ],
        payments=[PaymentOut.of(one, row.language) for one in view.payments],
        deliveries=[DeliveryOut.of(one) for one in view.deliveries],
    )


@router.post("/{booking_id}/cancel", status_code=204, responses=problems(401, 403, 404, 409))
async def cancel(world: TheWorld, booking_id: TheSoldBooking) -> None:
    """Give an unpaid booking up; its places are free at once."""
    await book.cancel(world, booking_id)


@router.post(
    "/{booking_id}/payments",
    response_model=PaymentResultOut,
    responses=problems(400, 401, 402, 403, 404, 409, 410, 503),
)
async def create_payment(world: TheWorld, once: TheOnce, booking_id: TheSoldBooking, body: PaymentIn) -> Response:
    """Pay with one instrument, or with several together. Refused answers 402 and keeps the hold: try another instrument
    with a fresh key. `paying` with an `action_url`: the buyer's bank wants to see the buyer first.
    """

    async def work() -> PaymentResultOut:
        if body.phone is not None:
            await profiles.take_for_buyer(world, booking_id, body.phone)
        currency = (await show.booking(world, booking_id)).booking.currency if body.tenders else ""
        back = str(body.return_url or "")
        outcome = await pay.pay(world, booking_id, body.offered(currency), return_url=back)
        PAYMENTS.labels(type(outcome).__name__.lower()).inc()
        return PaymentResultOut(
            booking=booking_id,
            state="paid" if isinstance(outcome, Paid) else "paying",
            action_url=outcome.url if isinstance(outcome, Challenged) else None,
        )

    return await once(200, work)


@router.get("/{booking_id}/tickets", responses=problems(401, 403, 404))
async def tickets(world: TheWorld, booking_id: TheReadBooking) -> TicketsOut:
    """The booking's tickets; none until it is paid."""
    return TicketsOut(tickets=[TicketOut.of(row) for row in await show.tickets(world, booking_id)])
