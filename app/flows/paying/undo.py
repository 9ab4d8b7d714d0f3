"""Undoing an attempt of which one part will never be good: the others go back, and the booking is free for another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from app.domain.booking import BookingEvent
from app.domain.payment import INTERRUPTED, OPEN, PaymentEvent
from app.domain.refusals import BookingExpired, Refusal
from app.flows.paying.parts import Attempt, Challenged, Outcome, Paid, Part, Pending
from app.flows.paying.told import refusal, told
from app.ports import Captured, Refunded, RefundPending, Refused, Unknown, Voided
from app.store import outbox, payments, refunds
from app.store.database import Tx
from app.store.moves import move_many
from app.store.outbox import Owed
from app.store.tables import Booking, Payment
from app.store.topics import Topic
from app.world import World

log = structlog.get_logger()

ANOTHER_TRY = timedelta(minutes=3)
"""What a buyer whose bank said no after a challenge has at least, to try another card."""

End = Refused | Voided | Captured | Unknown
"""How a part ended: refused, given back, taken for good so that a refund is owed, or still unclear."""


async def undo(
    world: World, attempt: Attempt, outcomes: Sequence[Outcome], *, places_gone: bool = False
) -> Paid | Pending | Challenged:
    """Give every part back; Pending while one of them does not answer. Raises PaymentRefused and BookingExpired.

    What can be voided was never charged; what was taken for good is owed to the buyer, who hears of it.
    """
    ends = [await _void(part, outcome) for part, outcome in zip(attempt.parts, outcomes, strict=True)]
    now = world.clock.now()
    again_until = _again_until(attempt, ends, now=now, places_gone=places_gone)
    async with world.transaction() as tx:
        states = await payments.states(tx, attempt.ids, lock=True)
        mine = OPEN.intersection(states.values())
        if mine:
            for part, end in zip(attempt.parts, ends, strict=True):
                await _end_part(tx, world, part, end, now)
            if not any(isinstance(end, Unknown) for end in ends):
                await _end_booking(tx, world, attempt, again_until, now)
    if not mine:
        return await told(world, attempt.booking.id)
    await world.memory.wake()
    if any(isinstance(end, Unknown) for end in ends):
        return Pending()
    raise _no(attempt, ends, again_until, places_gone=places_gone)


async def _void(part: Part, outcome: Outcome) -> End:
    """Void a part, whatever it has come to; only its network can say that it is too late for that."""
    if isinstance(outcome, Refused | Voided):
        return outcome
    voided = await part.provider.void(reference=part.named(outcome), key=f"{part.key}-void")
    if not isinstance(voided, Refused):
        return voided
    known = await part.provider.lookup(reference=part.reference, key=part.key)
    if isinstance(known, Captured | Refused | Voided | Unknown):
        return known
    return Unknown("the network neither voids the payment nor says that it is over")


def _again_until(attempt: Attempt, ends: Sequence[End], *, now: datetime, places_gone: bool) -> datetime | None:
    """Until when another attempt may be made; None: the booking is over."""
    if places_gone or any(isinstance(end, Captured) for end in ends):
        return None
    until: datetime = attempt.booking.expires_at
    if now >= until:
        return None
    return max(until, now + ANOTHER_TRY) if any(part.challenged for part in attempt.parts) else until


async def _end_booking(tx: Tx, world: World, attempt: Attempt, again_until: datetime | None, now: datetime) -> None:
    """All parts are over: the booking is held again until then, or over too, and its places are free."""
    booking = attempt.booking
    if again_until is not None:
        await move_many(tx, Booking, [booking.id], BookingEvent.REFUSE)
        if again_until > booking.expires_at:
            await payments.extend(tx, booking.id, until=again_until)
        return
    await move_many(tx, Booking, [booking.id], BookingEvent.EXPIRE)
    payload = {"booking": str(booking.id)}
    await outbox.put(
        tx, [Owed(world.entropy.uuid(), booking.issuer_id, Topic.RELEASE, str(booking.id), payload)], now=now
    )


async def _end_part(tx: Tx, world: World, part: Part, end: End, now: datetime) -> None:
    match end:
        case Refused():
            also = {"decline": end.reason.value, "detail": end.detail[:500], "updated_at": now}
            await move_many(tx, Payment, [part.id], PaymentEvent.DECLINE, **also)
        case Voided():
            await move_many(tx, Payment, [part.id], PaymentEvent.VOID, updated_at=now)
        case Unknown():
            also = {"detail": end.why[:500], "updated_at": now}
            await move_many(tx, Payment, [part.id], PaymentEvent.LOSE_SIGHT, **also)
        case Captured():
            await payments.remember_references(tx, [(part.id, end.reference)])
            if await move_many(tx, Payment, [part.id], PaymentEvent.CAPTURE, updated_at=now):
                await refunds.owe_late(tx, part.id, new_id=world.entropy.uuid, now=now)


def _no(attempt: Attempt, ends: Sequence[End], again_until: datetime | None, *, places_gone: bool) -> Refusal:
    """Why it came to nothing, and what may be done about it."""
    if any(isinstance(end, Captured) for end in ends):
        return BookingExpired("The places are gone. Your money is given back, you need do nothing; book once more.")
    if places_gone:
        return BookingExpired("The time ran out and somebody else has the places. Nothing was charged; book once more.")
    if again_until is None:
        return BookingExpired("The payment came to nothing and the time to pay is over. Book once more.")
    reason = next((end.reason.value for end in ends if isinstance(end, Refused)), INTERRUPTED)
    return refusal(attempt.booking, reason, until=again_until)


async def give_back(part: Part, outcome: Outcome) -> None:
    """Money of a part that was given up while it was on its way: a network that keeps its word never gets here."""
    back: object = await part.provider.void(reference=part.named(outcome), key=f"{part.key}-void")
    if isinstance(back, Refused) and isinstance(outcome, Captured):
        back = await part.provider.refund(reference=part.named(outcome), amount=part.amount, key=f"{part.key}-refund")
    if not isinstance(back, Voided | Refunded | RefundPending):
        log.error("money_of_a_given_up_payment", payment=str(part.id), answer=type(back).__name__)
