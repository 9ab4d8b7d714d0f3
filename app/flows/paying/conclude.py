"""Taking an attempt to its end from what is known of its parts: sold, challenged, waiting, or undone. All or nothing.

Used by the buyer's request, by whoever asks again, and by the reconciler; each may die at any step, and another one
goes on from what the networks, the issuer and the books then say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from app.domain.payment import Course, PaymentEvent, PaymentState, course
from app.domain.refusals import IssuerAway
from app.flows.booking import places
from app.flows.books.ledger import PaidPart
from app.flows.paying.parts import Attempt, Challenged, Outcome, Paid, Part, Pending, standing
from app.flows.paying.told import told
from app.flows.paying.undo import ANOTHER_TRY, give_back, undo
from app.flows.tickets.issue import OWED_FOR_TICKETS, Completion, complete
from app.ports import ActionRequired, Authorized, Captured, Unknown
from app.store import payments
from app.store.moves import move_many
from app.store.tables import Payment
from app.world import World

log = structlog.get_logger()

KEPT = timedelta(days=1)
"""How long places of an unclear payment are kept at the issuer, from each time that the network is asked in vain."""

CHALLENGES_MAX = 3
"""How many payments of one booking may meet a challenge: each keeps the places for a quarter of an hour."""


async def conclude(
    world: World, attempt: Attempt, outcomes: Sequence[Outcome], *, patient: bool = False, abandoned: bool = False
) -> Paid | Pending | Challenged:
    """Do what the outcomes, one per part, call for. Raises PaymentRefused and BookingExpired where it is undone.

    `patient`: whoever began may still be about to ask for a part that was not asked for. `abandoned`: the buyer will
    not go to the bank any more.
    """
    over = attempt.challenged_until(world.house.challenge_seconds) <= world.clock.now()
    match course([standing(one) for one in outcomes], patient=patient, challenge_over=over or abandoned):
        case Course.SELL:
            return await _sell(world, attempt, outcomes)
        case Course.CHALLENGE:
            return await _challenge(world, attempt, outcomes)
        case Course.WAIT:
            return await _wait(world, attempt, outcomes)
        case Course.UNDO:
            return await undo(world, attempt, outcomes)


async def _sell(world: World, attempt: Attempt, outcomes: Sequence[Outcome]) -> Paid | Pending | Challenged:
    """Commit the places, take what was reserved, write the tickets."""
    try:
        committed = await places.commit(world, attempt.booking, attempt.places)
    except IssuerAway:
        return await _await_issuer(world, attempt)
    if not committed:
        return await undo(world, attempt, outcomes, places_gone=True)
    taken = [await _capture(part, outcome) for part, outcome in zip(attempt.parts, outcomes, strict=True)]
    if not all(isinstance(one, Captured) for one in taken):
        return await conclude(world, attempt, taken)
    named = [
        (part.id, one.reference)
        for part, one in zip(attempt.parts, taken, strict=True)
        if isinstance(one, Captured) and one.reference not in {part.reference, part.key}
    ]
    paid = tuple(PaidPart(part.id, part.provider.name, part.amount.amount) for part in attempt.parts)
    done = Completion(world, attempt.booking, paid, tuple(named))
    if not await world.database.together(complete, done):
        return await _ended_before(world, attempt, taken)
    await world.memory.wake(*OWED_FOR_TICKETS)
    return Paid()


async def _capture(part: Part, outcome: Outcome) -> Outcome:
    if not isinstance(outcome, Authorized):
        return outcome
    return await part.provider.capture(reference=outcome.reference, amount=part.amount, key=f"{part.key}-capture")


async def _await_issuer(world: World, attempt: Attempt) -> Pending:
    """The money is there and the issuer does not answer: whoever asks next goes on from here."""
    now = world.clock.now()
    async with world.transaction() as tx:
        await move_many(tx, Payment, attempt.ids, PaymentEvent.AUTHORIZE, updated_at=now)
    log.info("payment_awaits_issuer", booking=str(attempt.booking.id))
    return Pending()


async def _wait(world: World, attempt: Attempt, outcomes: Sequence[Outcome]) -> Pending:
    """No answer: keep the places for as long as it takes, and let the reconciler ask until the network knows."""
    now = world.clock.now()
    await places.keep(world, attempt.booking, attempt.places, now + KEPT)
    async with world.transaction() as tx:
        for part, outcome in zip(attempt.parts, outcomes, strict=True):
            if isinstance(outcome, Unknown):
                also = {"detail": outcome.why[:500], "updated_at": now}
                await move_many(tx, Payment, [part.id], PaymentEvent.LOSE_SIGHT, **also)
    return Pending()


async def _challenge(world: World, attempt: Attempt, outcomes: Sequence[Outcome]) -> Paid | Pending | Challenged:
    """The buyer's bank wants to see the buyer: the places are kept until its time is over, and a little longer."""
    part, url = next(
        (part, one.url) for part, one in zip(attempt.parts, outcomes, strict=True) if isinstance(one, ActionRequired)
    )
    if part.state is PaymentState.REQUIRES_ACTION:
        return Challenged(url)
    booking = attempt.booking
    async with world.database.statements() as tx:
        before = await payments.challenges(tx, booking.id)
    if before >= CHALLENGES_MAX:
        return await undo(world, attempt, outcomes)
    until = attempt.challenged_until(world.house.challenge_seconds)
    after = ANOTHER_TRY + timedelta(seconds=world.house.hold_grace_seconds)
    await places.keep(world, booking, attempt.places, until + after)
    async with world.transaction() as tx:
        if await payments.challenge(tx, part.id, url=url, until=until, now=world.clock.now()):
            await payments.extend(tx, booking.id, until=until)
    return Challenged(url)


async def _ended_before(world: World, attempt: Attempt, taken: Sequence[Outcome]) -> Paid | Pending | Challenged:
    """Somebody ended this attempt while we asked: as paid, which is well; or it was given up, then its money goes back.

    The second happens to a request that slept so long that the reconciler gave it up, at a network that charges for
    what was voided. A later attempt for the same booking is left alone.
    """
    async with world.database.statements() as tx:
        states = await payments.states(tx, attempt.ids, lock=False)
    for part, outcome in zip(attempt.parts, taken, strict=True):
        if states[part.id] in {PaymentState.DECLINED, PaymentState.VOIDED}:
            await give_back(part, outcome)
    return await told(world, attempt.booking.id)
