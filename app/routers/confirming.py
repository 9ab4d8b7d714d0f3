"""What a face does while a payment is being confirmed: ask the network, not too often, and say when to look again."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from app.domain.payment import PaymentState
from app.domain.refusals import BookingExpired, PaymentRefused, WrongState
from app.flows.paying.pay import Challenged, Paid, Pending
from app.flows.paying.resume import resume
from app.flows.tickets.show import BookingView
from app.metrics import PAYMENTS
from app.world import World

ASKED_SECONDS: Final = 3
"""Within so many seconds the faces of one booking ask the network once, however many look at it."""
PAUSE_SECONDS: Final = range(3, 31)
"""How soon a waiting face looks again: at first, and after minutes."""
PATIENCE: Final = 4
"""A face waits a quarter of the time that it has waited already."""


async def ask_again(world: World, booking_id: UUID, *, returned: bool = False, abandoned: bool = False) -> None:
    """Ask the network about a booking that is being paid; what came of it stands with the booking.

    `returned`: the buyer has just come back from the bank, so that there is news; that is asked for at once.
    `abandoned`: the buyer will not go to the bank.
    """
    name = f"{'abandoned' if abandoned else 'returned' if returned else 'asked'}:{booking_id}"
    if not await world.memory.allow(name, most=1, seconds=ASKED_SECONDS):
        return
    with suppress(BookingExpired, WrongState):
        try:
            count(await resume(world, booking_id, abandoned=abandoned))
        except PaymentRefused:
            PAYMENTS.labels("refused").inc()


def count(outcome: Paid | Pending | Challenged) -> None:
    """For the metrics."""
    PAYMENTS.labels(type(outcome).__name__.lower()).inc()


def bank_of(view: BookingView) -> str | None:
    """Where the buyer's bank wants to see the buyer; None where it does not, or where that is no web address."""
    for one in view.payments:
        if one.state == PaymentState.REQUIRES_ACTION and urlsplit(one.action_url).scheme in {"http", "https"}:
            return str(one.action_url)
    return None


def pause_seconds(view: BookingView, *, now: datetime) -> int:
    """When a waiting face looks again: soon at first, then ever more rarely."""
    waited = (now - began_at(view)) // timedelta(seconds=PATIENCE)
    return min(max(waited, PAUSE_SECONDS[0]), PAUSE_SECONDS[-1])


def began_at(view: BookingView) -> datetime:
    """When the last attempt to pay began; of what costs nothing, when it was booked."""
    began: datetime = view.payments[0].created_at if view.payments else view.booking.created_at
    return began
