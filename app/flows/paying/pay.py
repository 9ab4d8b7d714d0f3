"""Paying: the networks are asked between two transactions, never inside one; a lost answer is never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingState, still_held
from app.domain.money import Money
from app.domain.payment import PaymentState
from app.domain.refusals import NotFound, PaymentPending, TemporarilyUnavailable, WrongState
from app.flows.patience import answer_within
from app.flows.paying import free
from app.flows.paying.conclude import conclude
from app.flows.paying.parts import (
    Attempt,
    Challenged,
    Outcome,
    Paid,
    Part,
    Pending,
    Tender,
    planned,
    provider_for,
)
from app.flows.paying.told import refusal
from app.ports import Charge, Instrument, Prepared, Refused, Unknown
from app.store import payments, sales
from app.store.payments import NewPayment
from app.world import World

__all__ = ["Challenged", "Paid", "Pending", "Tender", "pay"]


async def pay(
    world: World, booking_id: UUID, tenders: Sequence[Tender], *, return_url: str = ""
) -> Paid | Pending | Challenged:
    """Settle a held booking with one means of payment, or with several together: all of it or nothing.

    No tenders for a booking that costs nothing. `return_url` is where the buyer's browser comes back to after its
    bank has asked to see the buyer; without it a card that needs this is refused. Pending as well where it all takes
    longer than `answer_seconds`: it is brought to its end without the buyer.

    Raises PaymentRefused (the hold stays), PaymentPending, BookingExpired, WrongState, BadLine, NotFound, or
    TemporarilyUnavailable when nothing was charged because a network could not even be asked.
    """
    now = asyncio.get_running_loop().time
    answer_by = now() + world.house.answer_seconds
    booking, places = await _load(world, booking_id)
    if booking.amount == 0:
        return await answer_within(answer_by - now(), free.settle(world, booking, places)) or Pending()
    if not tenders:
        raise WrongState("This booking costs money: name an instrument, a card token or e-money.")
    plan = planned(Money(booking.amount, booking.currency), tenders)
    attempt, charges = await _begin(world, booking, places, plan, return_url)
    return await answer_within(answer_by - now(), _carry_out(world, attempt, charges)) or Pending()


async def _carry_out(world: World, attempt: Attempt, charges: Sequence[Charge]) -> Paid | Pending | Challenged:
    return await conclude(world, attempt, await _authorize(attempt, charges))


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


async def _begin(
    world: World,
    booking: sa.Row[Any],
    places: tuple[UUID, ...],
    plan: Sequence[tuple[Instrument, Money]],
    return_url: str,
) -> tuple[Attempt, list[Charge]]:
    """Prepare the parts at their networks without charging, then commit their names: lost answers can be looked up."""
    parts: list[Part] = []
    charges: list[Charge] = []
    now = world.clock.now()
    # Several parts are always locked in the order of their ids, which is thus the order of the parts.
    identities = sorted(world.entropy.uuid() for _ in plan)
    for identity, (instrument, amount) in zip(identities, plan, strict=True):
        provider = provider_for(world, instrument)
        charge = Charge(f"pay-{identity}", amount, booking.issuer_id, booking.id, instrument, return_url)
        reference = _prepared(booking, await provider.prepare(charge))
        parts.append(Part(identity, provider, amount, charge.key, reference, PaymentState.SUBMITTED, now))
        charges.append(charge)
    if not await world.database.together(payments.begin_payments, _written(booking, parts), atomic=False):
        await _load(world, booking.id)  # says what became of the booking meanwhile
        raise PaymentPending("Another payment for this booking has just begun. Wait for it; do not pay again.")
    return Attempt(booking, places, tuple(parts)), charges


def _prepared(booking: sa.Row[Any], prepared: Prepared | Refused | Unknown) -> str | None:
    """The name of a prepared part; raises PaymentRefused, or TemporarilyUnavailable where the network is silent."""
    match prepared:
        case Prepared():
            return prepared.reference
        case Refused():
            raise refusal(booking, prepared.reason.value, until=booking.expires_at)
        case Unknown():
            raise TemporarilyUnavailable(
                "The payment network does not answer. Nothing was charged and your places are kept; try again."
            )
        case _:
            assert_never(prepared)


def _written(booking: sa.Row[Any], parts: Sequence[Part]) -> tuple[NewPayment, ...]:
    return tuple(
        NewPayment(
            id=part.id,
            issuer_id=booking.issuer_id,
            booking_id=booking.id,
            part=number,
            provider=part.provider.name,
            amount=part.amount.amount,
            currency=part.amount.currency,
            key=part.key,
            reference=part.reference,
            created_at=part.began_at,
        )
        for number, part in enumerate(parts, 1)
    )


async def _authorize(attempt: Attempt, charges: Sequence[Charge]) -> list[Outcome]:
    """Ask for each part in turn, until one is refused.

    After a lost answer, or while a bank wants to see the buyer, the others are taken all the same: only now are their
    PINs there, and what was taken goes back by itself if the first comes to nothing.
    """
    outcomes: list[Outcome] = []
    for part, charge in zip(attempt.parts, charges, strict=True):
        outcomes.append(await part.provider.authorize(charge, reference=part.reference))
        if isinstance(outcomes[-1], Refused):
            break
    return outcomes + [Prepared(part.reference) for part in attempt.parts[len(outcomes) :]]
