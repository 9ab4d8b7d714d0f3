"""Paying: the network is asked between two transactions, never inside one; an answer that is lost is never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingEvent, BookingState, still_held
from app.domain.money import Money
from app.domain.payment import PaymentEvent, PaymentState, refused_sentence
from app.domain.refusals import (
    BookingExpired,
    NotFound,
    PaymentPending,
    PaymentRefused,
    TemporarilyUnavailable,
    WrongState,
)
from app.flows.issue import Completion, complete
from app.ports import (
    Authorized,
    Captured,
    CardToken,
    CarrierBill,
    Charge,
    HoldLost,
    Instrument,
    PaymentProvider,
    Prepaid,
    Prepared,
    Refunded,
    Refused,
    Unknown,
    Wish,
)
from app.store import outbox, sales
from app.store.moves import move_many
from app.store.outbox import Owed
from app.store.sales import NewPayment
from app.store.tables import Booking, Payment
from app.store.topics import Topic
from app.world import World


@dataclass(frozen=True, slots=True)
class Paid:
    """The booking is paid and its tickets are on the way."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The network has not told us; the places are kept, and the tickets come by themselves if it says yes."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One payment under way: all that later steps need, so that none of them reads it again."""

    id: UUID
    booking: sa.Row[Any]
    places: tuple[UUID, ...]
    provider: PaymentProvider
    amount: Money
    key: str
    reference: str | None


async def pay(world: World, booking_id: UUID, instrument: Instrument | None) -> Paid | Pending:
    """Settle a held booking; `instrument` is None for one that costs nothing.

    Raises PaymentRefused (the hold stays), PaymentPending, BookingExpired, WrongState, NotFound, or
    TemporarilyUnavailable when nothing was charged because the network could not even be asked.
    """
    booking, places = await _load(world, booking_id)
    if booking.amount == 0:
        return await _settle_free(world, booking, places)
    if instrument is None:
        raise WrongState("This booking costs money: name an instrument, a card token or e-money.")
    attempt = await _begin(world, booking, places, instrument)
    charge = Charge(attempt.key, attempt.amount, booking.issuer_id, booking.id, instrument)
    outcome = await attempt.provider.authorize(charge, reference=attempt.reference)
    return await conclude(world, attempt, outcome)


async def _load(world: World, booking_id: UUID) -> tuple[sa.Row[Any], tuple[UUID, ...]]:
    booking = await world.database.together(sales.bookings_to_pay, booking_id, atomic=False)
    if booking is None:
        raise NotFound("There is no such booking.")
    _payable(world, booking)
    return booking, tuple(booking.places)


def _payable(world: World, booking: sa.Row[Any]) -> None:
    state = BookingState(booking.state)
    still_held(state, booking.expires_at, now=world.clock.now())
    if state is BookingState.PAYING:
        raise PaymentPending("A payment for this booking is being confirmed. Wait for it; do not pay again.")
    if state is not BookingState.HELD:
        raise WrongState(f"This booking is {state.value}; there is nothing to pay.")


async def _begin(world: World, booking: sa.Row[Any], places: tuple[UUID, ...], instrument: Instrument) -> Attempt:
    """Prepare the attempt at the network without charging, then commit its name: a lost answer can be looked up."""
    provider = _provider(world, instrument)
    identity = world.entropy.uuid()
    key = f"pay-{identity}"
    amount = Money(booking.amount, booking.currency)
    prepared = await provider.prepare(Charge(key, amount, booking.issuer_id, booking.id, instrument))
    match prepared:
        case Prepared():
            pass
        case Refused():
            raise _refusal(booking, prepared)
        case Unknown():
            raise TemporarilyUnavailable(
                "The payment network does not answer. Nothing was charged and your places are kept; try again."
            )
        case _:
            assert_never(prepared)
    began = await world.database.together(
        sales.begin_payments,
        NewPayment(
            id=identity,
            issuer_id=booking.issuer_id,
            booking_id=booking.id,
            provider=provider.name,
            amount=amount.amount,
            currency=amount.currency,
            key=key,
            reference=prepared.reference,
            created_at=world.clock.now(),
        ),
    )
    if not began:
        await _load(world, booking.id)  # says what became of the booking meanwhile
        raise PaymentPending("Another payment for this booking has just begun. Wait for it; do not pay again.")
    return Attempt(identity, booking, places, provider, amount, key, prepared.reference)


def _provider(world: World, instrument: Instrument) -> PaymentProvider:
    """Who takes this kind of instrument; raises WrongState for a phone bill where no carrier bills for us."""
    match instrument:
        case CardToken():
            return world.payments["card"]
        case Prepaid():
            return world.payments["emoney"]
        case CarrierBill():
            if "carrier" not in world.payments:
                raise WrongState("Nothing can be put on the phone bill here; pay by card or e-money.")
            return world.payments["carrier"]
        case _:
            assert_never(instrument)


async def conclude(
    world: World, attempt: Attempt, outcome: Authorized | Captured | Refused | Unknown
) -> Paid | Pending:
    """Take an attempt to its end from what the network said; used by the buyer's request and by the reconciler."""
    match outcome:
        case Refused():
            await _decline(world, attempt, outcome)
            raise _refusal(attempt.booking, outcome)
        case Unknown():
            return await _lose_sight(world, attempt, outcome)
        case Authorized() | Captured():
            pass
        case _:
            assert_never(outcome)
    issuer = world.issuers[attempt.booking.served_by]
    committed = await issuer.commit(issuer_id=attempt.booking.issuer_id, key=attempt.booking.id, places=attempt.places)
    if isinstance(committed, HoldLost):
        await _give_back(world, attempt, outcome)
    if isinstance(outcome, Authorized):
        taken = await attempt.provider.capture(
            reference=outcome.reference, amount=attempt.amount, key=f"{attempt.key}-capture"
        )
        if not isinstance(taken, Captured):
            return await conclude(world, attempt, taken)
        outcome = taken
    if not await world.database.together(complete, Completion(world, attempt.booking.id, attempt.id)):
        await _ended_before(world, attempt, outcome)
    await world.memory.wake()
    return Paid()


async def _settle_free(world: World, booking: sa.Row[Any], places: tuple[UUID, ...]) -> Paid:
    """Nothing to pay: the same two transactions with the issuer between them."""
    async with world.transaction() as tx:
        if not await move_many(tx, Booking, [booking.id], BookingEvent.BEGIN):
            raise PaymentPending("This booking is just being confirmed. Look at it again in a moment.")
    return await conclude_free(world, booking, places)


async def conclude_free(world: World, booking: sa.Row[Any], places: tuple[UUID, ...]) -> Paid:
    """Take a booking that costs nothing to its end; used by the buyer's request and by the reconciler."""
    committed = await world.issuers[booking.served_by].commit(
        issuer_id=booking.issuer_id, key=booking.id, places=places
    )
    if isinstance(committed, HoldLost):
        async with world.transaction() as tx:
            await move_many(tx, Booking, [booking.id], BookingEvent.EXPIRE)
        raise BookingExpired("The time has run out and the places are gone. Book once more.")
    await world.database.together(complete, Completion(world, booking.id, None))
    await world.memory.wake()
    return Paid()


async def _decline(world: World, attempt: Attempt, outcome: Refused) -> None:
    """Refused: the booking is held again for whatever time it has left, and another instrument may be tried.

    Should we die before the places are given their end back, `book.expire` releases them with the booking.
    """
    now = world.clock.now()
    booking = attempt.booking
    async with world.transaction() as tx:
        if not await move_many(
            tx,
            Payment,
            [attempt.id],
            PaymentEvent.DECLINE,
            decline=outcome.reason.value,
            detail=outcome.detail[:500],
            updated_at=now,
        ):
            return  # the attempt had come to its end before; the places are not ours to touch
        await move_many(tx, Booking, [booking.id], BookingEvent.REFUSE)
        if now >= booking.expires_at:
            # While the network was silent the places were kept without an end: they must not stay so.
            await move_many(tx, Booking, [booking.id], BookingEvent.EXPIRE)
            payload = {"booking": str(booking.id)}
            owed = Owed(world.entropy.uuid(), booking.issuer_id, Topic.RELEASE, str(booking.id), payload)
            await outbox.put(tx, [owed], now=now)
            return
    until = booking.expires_at + timedelta(seconds=world.house.hold_grace_seconds)
    if attempt.places:
        await world.issuers[booking.served_by].hold(Wish(booking.id, booking.issuer_id, booking.occasion_id, (), until))


async def _lose_sight(world: World, attempt: Attempt, outcome: Unknown) -> Pending:
    """No answer: keep the places without an end, and let the reconciler ask until the network knows."""
    booking = attempt.booking
    if attempt.places:
        await world.issuers[booking.served_by].commit(
            issuer_id=booking.issuer_id, key=booking.id, places=attempt.places
        )
    async with world.transaction() as tx:
        await move_many(
            tx,
            Payment,
            [attempt.id],
            PaymentEvent.LOSE_SIGHT,
            detail=outcome.why[:500],
            updated_at=world.clock.now(),
        )
    return Pending()


async def _give_back(world: World, attempt: Attempt, outcome: Authorized | Captured) -> None:
    """The money came but the places are gone: the money goes back, and the buyer hears it. Raises BookingExpired."""
    if isinstance(outcome, Authorized):
        back: object = await attempt.provider.void(reference=outcome.reference, key=f"{attempt.key}-void")
    else:
        back = await _refund(attempt, outcome)
    if isinstance(back, Refused | Unknown):
        await _lose_sight(world, attempt, Unknown("the places are gone and giving the money back got no answer"))
        raise PaymentPending("The places are gone; your money is being given back. You need do nothing.")
    async with world.transaction() as tx:
        await move_many(tx, Payment, [attempt.id], PaymentEvent.VOID, updated_at=world.clock.now())
        await move_many(tx, Booking, [attempt.booking.id], BookingEvent.EXPIRE)
    raise BookingExpired("The time ran out and somebody else has the places. Nothing was charged; book once more.")


async def _refund(attempt: Attempt, taken: Captured) -> Refunded | Refused | Unknown:
    key = f"{attempt.key}-refund"
    return await attempt.provider.refund(reference=taken.reference, amount=attempt.amount, key=key)


async def _ended_before(world: World, attempt: Attempt, taken: Captured) -> None:
    """Somebody ended this attempt while we asked: as paid, which is well; or as refused, then its money goes back.

    The second happens to a request that slept so long that the reconciler gave it up. What it may have done to the
    places is undone; a later attempt for the same booking is left alone. Raises BookingExpired.
    """
    booking = attempt.booking
    async with world.transaction() as tx:
        states = {row.id: row.state for row in await sales.payments(tx, booking.id)}
    if states[attempt.id] == PaymentState.CAPTURED:
        return
    back = await _refund(attempt, taken)
    assert isinstance(back, Refunded), f"money of a payment that was given up stays at the network: {attempt.key}"
    async with world.transaction() as tx:
        await move_many(tx, Booking, [booking.id], BookingEvent.CANCEL)
        payload = {"booking": str(booking.id)}
        owed = Owed(world.entropy.uuid(), booking.issuer_id, Topic.RELEASE, attempt.key, payload)
        await outbox.put(tx, [owed], now=world.clock.now())
    raise BookingExpired("The payment took too long and was given up. Nothing was charged; book once more.")


def _refusal(booking: sa.Row[Any], outcome: Refused) -> PaymentRefused:
    return PaymentRefused(
        refused_sentence(outcome.reason.value, booking.language),
        reason=outcome.reason.value,
        expires_at=booking.expires_at,
    )
