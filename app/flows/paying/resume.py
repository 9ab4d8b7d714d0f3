"""Going on with a payment whose end was not seen: after the bank's page, while the buyer waits, or when news came."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingState
from app.domain.payment import PaymentState
from app.flows.patience import answer_within
from app.flows.paying.conclude import conclude
from app.flows.paying.parts import Attempt, Challenged, Outcome, Paid, Part, Pending, part_of
from app.flows.paying.told import told
from app.ports import Captured, Decline, Refused, Voided
from app.store import payments, sales
from app.world import World

ASKED_AGAIN_SECONDS = 2
"""How long an unclear payment is left alone after it was asked about: a page that waits may look more often."""


async def resume(
    world: World, booking_id: UUID, *, abandoned: bool = False, at_once: bool = False
) -> Paid | Pending | Challenged:
    """Ask the network how a booking's payment stands, and go on from there; once it is over, say how it ended.

    `abandoned`: the buyer will not go to the bank's page any more, so that another card may be tried at once.
    `at_once`: even if it was asked about a moment ago. Pending where it takes longer than `answer_seconds`; it goes on.
    Raises PaymentRefused, BookingExpired, WrongState, NotFound.
    """
    now = world.clock.now()
    silent = now - timedelta(seconds=world.house.silent_seconds)
    asked = now if at_once else now - timedelta(seconds=ASKED_AGAIN_SECONDS)
    async with world.transaction() as tx:
        mine = await payments.claim(tx, booking_id, now=now, silent=silent, asked=asked)
    if not mine:
        return await told(world, booking_id)
    settling = settle(world, booking_id, abandoned=abandoned)
    return await answer_within(world.house.answer_seconds, settling) or Pending()


async def settle(world: World, booking_id: UUID, *, abandoned: bool = False) -> Paid | Pending | Challenged:
    """Ask about every part of the booking's last attempt, and conclude it. The caller has claimed it."""
    async with world.database.statements() as tx:
        booking = (await sales.bookings(tx, [booking_id]))[booking_id]
        rows = await payments.last_attempt(tx, booking_id)
    if booking.state != BookingState.PAYING:
        return await told(world, booking_id)
    attempt = Attempt(booking, tuple(booking.places), tuple(part_of(world, row) for row in rows))
    outcomes = [await _known(part, row) for part, row in zip(attempt.parts, rows, strict=True)]
    young = world.clock.now() - attempt.parts[0].began_at < timedelta(seconds=world.house.silent_seconds)
    # A request for a young part may still be on its way to the network: not asked yet is no answer then.
    return await conclude(world, attempt, outcomes, patient=young, abandoned=abandoned)


async def _known(part: Part, row: sa.Row[Any]) -> Outcome:
    """What our books say of a part that is over, what its network says of one that is not."""
    match part.state:
        case PaymentState.DECLINED:
            return Refused(Decline(row.decline), row.detail or "")
        case PaymentState.VOIDED:
            return Voided(part.reference or part.key)
        case PaymentState.CAPTURED | PaymentState.REFUNDED:
            return Captured(part.reference or part.key)
        case _:
            return await part.provider.lookup(reference=part.reference, key=part.key)
