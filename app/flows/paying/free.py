"""Bookings that cost nothing: the same two transactions as a sale, with the issuer between them and no network."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingEvent
from app.domain.refusals import BookingExpired, IssuerAway, PaymentPending
from app.flows.booking import places
from app.flows.paying.parts import Paid, Pending
from app.flows.tickets.issue import OWED_FOR_TICKETS, Completion, complete
from app.store.moves import move_many
from app.store.tables import Booking
from app.world import World


async def settle(world: World, booking: sa.Row[Any], held: tuple[UUID, ...]) -> Paid | Pending:
    """Take a held booking that costs nothing. Raises PaymentPending where somebody is just doing it, BookingExpired."""
    async with world.transaction() as tx:
        if not await move_many(tx, Booking, [booking.id], BookingEvent.BEGIN):
            raise PaymentPending("This booking is just being confirmed. Look at it again in a moment.")
    return await conclude(world, booking, held)


async def conclude(world: World, booking: sa.Row[Any], held: tuple[UUID, ...]) -> Paid | Pending:
    """Take it to its end; used by the buyer's request and by the reconciler. Pending while the issuer is away."""
    try:
        committed = await places.commit(world, booking, held)
    except IssuerAway:
        return Pending()
    if not committed:
        async with world.transaction() as tx:
            await move_many(tx, Booking, [booking.id], BookingEvent.EXPIRE)
        raise BookingExpired("The time has run out and the places are gone. Book once more.")
    await world.database.together(complete, Completion(world, booking))
    await world.memory.wake(*OWED_FOR_TICKETS)
    return Paid()
