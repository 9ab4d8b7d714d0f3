"""Refunding: the tickets are revoked first, then their money is owed, then it goes back the way it came.

Each step is written down before the next begins, and each may be done again: whoever asked carries a refund on at
once, and a worker does so whenever nobody else has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingState
from app.domain.money import Money
from app.domain.refund import (
    Kept,
    Purse,
    RefundReason,
    RefundState,
    Returning,
    Rule,
    kept,
    kept_sentence,
    split,
)
from app.domain.refusals import IssuerAway, NotFound, WrongState
from app.domain.ticket import TicketState
from app.flows.booking.sales_status import issuer_of
from app.flows.outcome import Again, Done
from app.flows.returning import paying_back, refund_owed
from app.flows.tickets import register
from app.metrics import REFUNDS_FAILED
from app.ports import Used
from app.store import outbox, refunds, sales
from app.store.database import Tx
from app.store.refunds import NewRefund, owed_refund
from app.world import World

CARRIED_BY_THE_ASKER = timedelta(seconds=20)
"""How long a worker leaves a new refund to whoever asked for it."""

OPEN_MAX = 100
"""How many forgotten refunds are looked after at a time."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """One ticket, what it cost, and why that stays; None: it may go back now."""

    ticket: sa.Row[Any]
    amount: Money
    kept: Kept | None


@dataclass(frozen=True, slots=True)
class Quote:
    """What of a booking may go back now."""

    booking: sa.Row[Any]
    tickets: tuple[Quoted, ...]

    @property
    def amount(self) -> Money:
        back = sum(one.amount.amount for one in self.tickets if one.kept is None)
        return Money(back, self.booking.currency)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants which tickets of a booking returned (none named: all that may be), and why."""

    booking_id: UUID
    ticket_ids: tuple[UUID, ...] | None
    reason: RefundReason
    by: str
    note: str = ""
    used_too: bool = False

    @property
    def by_staff(self) -> bool:
        return self.reason is RefundReason.STAFF


@dataclass(frozen=True, slots=True)
class Refunding:
    """Money on its way back, one refund for each instrument that paid, as they stand now; the first names them all."""

    refunds: tuple[sa.Row[Any], ...]

    @property
    def id(self) -> UUID:
        found: UUID = self.refunds[0].id
        return found

    @property
    def amount(self) -> Money:
        """What goes back by those that were not refused."""
        back = sum(one.amount for one in self.refunds if one.state != RefundState.REFUSED)
        return Money(back, self.refunds[0].currency)


async def quote(world: World, booking_id: UUID, *, by_staff: bool = False) -> Quote:
    """What may go back now, ticket by ticket, and why not; raises NotFound."""
    async with world.transaction() as tx:
        return await _quote(tx, world, booking_id, by_staff=by_staff)


async def _quote(tx: Tx, world: World, booking_id: UUID, *, by_staff: bool = False, used_too: bool = False) -> Quote:
    booking = (await sales.bookings(tx, [booking_id])).get(booking_id)
    if booking is None:
        raise NotFound("There is no such booking.")
    rule, now = Rule(booking.refund, booking.starts_at), world.clock.now()
    found = [
        Quoted(
            ticket,
            Money(ticket.amount, booking.currency),
            kept(_facts(ticket), rule, by_staff=by_staff, used_too=used_too, now=now),
        )
        for ticket in await refunds.tickets(tx, booking_id)
    ]
    return Quote(booking, tuple(found))


def _facts(ticket: sa.Row[Any]) -> Returning:
    return Returning(
        state=TicketState(ticket.state),
        amount=ticket.amount,
        used=ticket.used,
        given=ticket.given,
        received=ticket.received,
        refunding=ticket.refund_state is not None,
    )


async def ask(
    world: World,
    *,
    booking_id: UUID,
    ticket_ids: Sequence[UUID] | None,
    reason: RefundReason,
    by: str,
    note: str = "",
    used_too: bool = False,
) -> Refunding:
    """Return tickets of a booking (none named: all that may be) and give their money back, as far as that goes now.

    `reason` is BUYER, whom the product's rule binds, or STAFF. Raises NotFound, or WrongState with what stands in the
    way; what comes after that is told by the state of the refunds.
    """
    named = None if ticket_ids is None else tuple(dict.fromkeys(ticket_ids))
    asked = Asked(booking_id, named, reason, by, note, used_too)
    first = await _promise(world, asked)
    await carry_on(world, first)
    await world.memory.wake()
    return await look(world, first)


async def look(world: World, refund_id: UUID) -> Refunding:
    """Raises NotFound."""
    async with world.transaction() as tx:
        rows = await refunds.group(tx, refund_id)
    if not rows:
        raise NotFound("There is no such refund.")
    return Refunding(tuple(rows))


async def of_booking(world: World, booking_id: UUID) -> list[sa.Row[Any]]:
    """A booking's refunds, latest first."""
    async with world.transaction() as tx:
        return await refunds.of_booking(tx, booking_id)


async def _promise(world: World, asked: Asked) -> UUID:
    """Write the refunds down and set their money aside, booking by booking one after the other; gives the first."""
    now = world.clock.now()
    async with world.transaction() as tx:
        await refunds.lock_booking(tx, asked.booking_id)
        found = await _quote(tx, world, asked.booking_id, by_staff=asked.by_staff, used_too=asked.used_too)
        chosen = _choose(found, asked)
        amount = sum(one.amount.amount for one in chosen)
        purses = [Purse(row.id, row.provider, row.remaining) for row in await refunds.payments(tx, asked.booking_id)]
        if amount > sum(purse.left for purse in purses):
            raise WrongState(kept_sentence(Kept.DISPUTED, found.booking.language), reason=Kept.DISPUTED.value)
        first = world.entropy.uuid()
        wanted = [
            NewRefund(
                id=world.entropy.uuid() if index else first,
                issuer_id=found.booking.issuer_id,
                booking_id=asked.booking_id,
                payment_id=payment_id,
                amount=part,
                currency=found.booking.currency,
                reason=asked.reason,
                asked_by=asked.by,
                ticket_ids=tuple(one.ticket.id for one in chosen),
                note=asked.note,
                used_too=asked.used_too,
                together_with=first if index else None,
            )
            for index, (payment_id, part) in enumerate(split(amount, purses))
        ]
        added = await refunds.add(tx, wanted, now=now)
        assert added, "what is left of each payment was read under the booking's lock"
        owed = owed_refund(world.entropy.uuid(), found.booking.issuer_id, first, key=str(first))
        await outbox.put(tx, [owed], now=now + CARRIED_BY_THE_ASKER)
    return first


def _choose(found: Quote, asked: Asked) -> list[Quoted]:
    """The tickets that go back; raises WrongState in the words of whatever stands in the way, NotFound for foreign."""
    if found.booking.state == BookingState.REFUNDED:
        raise WrongState(kept_sentence(Kept.RETURNED, found.booking.language), reason=Kept.RETURNED.value)
    if found.booking.state != BookingState.PAID:
        raise WrongState(f"This booking is {found.booking.state}; there is nothing to return.")
    if asked.ticket_ids is None:
        chosen = [one for one in found.tickets if one.kept is None]
        blocked = [one.kept for one in found.tickets if one.kept is not None]
    else:
        named = {one.ticket.id: one for one in found.tickets}
        if not set(asked.ticket_ids) <= set(named):
            raise NotFound("There is no such ticket in this booking.")
        chosen = [named[identity] for identity in asked.ticket_ids]
        blocked = [one.kept for one in chosen if one.kept is not None]
        if blocked:
            chosen = []
    if not chosen or not sum(one.amount.amount for one in chosen):
        why = min(blocked, key=list(Kept).index) if blocked else Kept.FREE
        raise WrongState(kept_sentence(why, found.booking.language), reason=why.value)
    return chosen


# --- carrying on ----------------------------------------------------------------------------------------------------


async def carry_on(world: World, refund_id: UUID) -> Done | Again:
    """Take a refund, and those asked for with it, as far as it goes now. Safe at any time, and at the same time."""
    async with world.transaction() as tx:
        rows = await refunds.group(tx, refund_id)
    if rows and rows[0].state == RefundState.ASKED:
        try:
            taken = await _take_back(world, rows[0])
        except IssuerAway as away:
            return Again(away.sentence)
        rows = await refund_owed.owe(world, rows[0].id, taken)
    return await paying_back.pay_back(world, rows)


async def _take_back(world: World, first: sa.Row[Any]) -> set[UUID]:
    """Revoke the tickets at the issuer, unless a gate was faster; gives those that open no gate any more.

    Their places stay where they are: who has the place of a ticket that was given on is known only afterwards.
    """
    async with world.transaction() as tx:
        booking = (await sales.bookings(tx, [first.booking_id]))[first.booking_id]
    issuer = issuer_of(world, booking.served_by)
    taken: set[UUID] = set()
    for ticket_id in first.ticket_ids:
        await register.register(world, ticket_id)  # so that its registration cannot overtake its revocation
        answer = await issuer.revoke(
            issuer_id=booking.issuer_id,
            ticket_id=ticket_id,
            key=booking.id,
            free=(),
            unless_used=not first.used_too,
        )
        if not isinstance(answer, Used):
            taken.add(ticket_id)
    return taken


async def look_after(world: World) -> int:
    """Call a worker, once an hour, to each refund that is open and that no worker is called to; gives how many."""
    now = world.clock.now()
    before, turn = now - timedelta(seconds=world.house.silent_seconds), f":{now:%Y%m%d%H}"
    async with world.transaction() as tx:
        REFUNDS_FAILED.set(await refunds.failed(tx))
        rows = await refunds.forgotten(tx, before=before, turn=turn, limit=OPEN_MAX)
        await outbox.put(
            tx,
            [owed_refund(world.entropy.uuid(), row.issuer_id, row.id, key=f"{row.id}{turn}") for row in rows],
            now=now,
        )
    return len(rows)
