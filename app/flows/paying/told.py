"""What the one who pays a booking is told of it, from our own books alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingState, still_held
from app.domain.payment import INTERRUPTED, PaymentState, refused_sentence
from app.domain.refusals import BookingExpired, NotFound, PaymentRefused, WrongState
from app.flows.paying.parts import Challenged, Paid, Pending
from app.store import payments, sales
from app.world import World


async def told(world: World, booking_id: UUID) -> Paid | Pending | Challenged:
    """How the payment of a booking stands.

    Raises PaymentRefused where the last attempt came to nothing and another may be made, BookingExpired, WrongState
    where there is nothing to tell of a payment, and NotFound.
    """
    async with world.database.statements() as tx:
        booking = (await sales.bookings(tx, [booking_id])).get(booking_id)
        parts = await payments.last_attempt(tx, booking_id)
    if booking is None:
        raise NotFound("There is no such booking.")
    state = BookingState(booking.state)
    if state is BookingState.PAID:
        return Paid()
    if state is BookingState.PAYING:
        return _under_way(world, parts)
    if any(part.state == PaymentState.CAPTURED for part in parts) and state is BookingState.EXPIRED:
        raise BookingExpired("The money came when the places were gone. It is given back; you need do nothing.")
    still_held(state, booking.expires_at, now=world.clock.now())
    if state is BookingState.HELD and parts:
        reason = next((part.decline for part in parts if part.decline), INTERRUPTED)
        raise refusal(booking, reason, until=booking.expires_at)
    raise WrongState(f"This booking is {state.value}; no payment is under way.")


def _under_way(world: World, parts: Sequence[sa.Row[Any]]) -> Pending | Challenged:
    for part in parts:
        if part.state == PaymentState.REQUIRES_ACTION and part.action_until > world.clock.now():
            return Challenged(part.action_url)
    return Pending()


def refusal(booking: sa.Row[Any], reason: str, *, until: datetime) -> PaymentRefused:
    """The no to a means of payment, in the buyer's language; another one may be tried until then."""
    return PaymentRefused(refused_sentence(reason, booking.language), reason=reason, expires_at=until)
