"""Offering: a ticket stays its giver's, and usable, until the receiver accepts it, and pays for it if a price is asked.

Whoever is faster wins: a gate that takes the last use leaves nothing to accept, and what was accepted opens no gate for
its giver any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.gift import Asks, Hand, Left, OfferEvent, Standing, Stays, gone, open_until, price_fault, uses_after
from app.domain.handset import Handset, for_holder
from app.domain.money import Money
from app.domain.refusals import BadLine, NotFound, WrongState
from app.flows.hands import handover, resale
from app.flows.hands.give import may_hand_on, not_too_often
from app.flows.hands.offered import Offered, by_link, closed, find, look, of_handset, offer_link, offered
from app.flows.hands.reissue import holding, reentry
from app.flows.hands.succession import Given, Passing, refusal
from app.flows.owing import owe_messages
from app.store import handovers, hands, offers, sales
from app.store.database import Tx
from app.store.messages import NewDelivery
from app.store.offers import NewOffer
from app.store.tables.messages import Purpose
from app.world import World

__all__ = ["Given", "Offered", "accept", "by_link", "decline", "look", "of_handset", "offer", "withdraw"]

# --- the giver's side -----------------------------------------------------------------------------------------------


async def offer(world: World, ticket_id: UUID, receiver: Handset, asked: int = 0) -> Offered:
    """Offer a ticket to another handset, for nothing or for `asked` minor units of e-money; it is told by message.

    The same again gives the offer that is open. Raises NotFound, BadHandset, TooMany, BadLine, or WrongState whose
    `reason` is the name of a `Stays` or an `Asks`, or `offered`.
    """
    if asked < 0:
        raise BadLine("A price is 0 or more minor units.")
    now = world.clock.now()
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
        if ticket is None:
            raise NotFound("There is no such ticket.")
        if (known := await _known(tx, ticket, receiver, asked, now=now)) is not None:
            return known
        may_hand_on(ticket, receiver, now=now)
        _may_cost(ticket, asked)
        await not_too_often(tx, world, ticket.handset, now=now)
        written = await _write(tx, world, ticket, receiver, asked, now=now)
    await world.memory.wake()
    return written


async def _known(tx: Tx, ticket: sa.Row[Any], receiver: Handset, asked: int, *, now: datetime) -> Offered | None:
    """The same offer, if it is open; raises WrongState where another one is."""
    row = await offers.of_ticket(tx, ticket.id)
    if row is None or (found := offered(row, now=now)).standing is not Standing.OPEN:
        return None
    if (found.receiver, found.asked.amount) == (receiver, asked):
        return found
    raise WrongState(
        f"This ticket is on offer to {for_holder(found.receiver)} already. Withdraw that offer first.",
        reason="offered",
        offer=str(found.id),
    )


def _may_cost(ticket: sa.Row[Any], asked: int) -> None:
    match price_fault(asked, transfer=ticket.transfer, cost=ticket.amount):
        case Asks.ONLY_FREE as why:
            raise WrongState("This ticket may only be given away for nothing. Offer it without a price.", reason=why)
        case Asks.TOO_DEAR as why:
            most = Money(ticket.amount, ticket.currency)
            raise WrongState(
                f"This ticket cost {most.words('en')}, and may not be sold for more. Ask for that or less.",
                reason=why,
                most=ticket.amount,
            )
        case None:
            return


async def _write(tx: Tx, world: World, ticket: sa.Row[Any], receiver: Handset, asked: int, *, now: datetime) -> Offered:
    state = await hands.hold_still(tx, ticket.id)
    left = await hands.left(tx, ticket.id, lock=False)
    left = left or Left(state, ticket.uses, ticket.uses, 0, ticket.balance)
    if why := gone(left, same_hands=False, reentry=reentry(ticket), now=now):
        raise refusal(why)
    if (known := await _known(tx, ticket, receiver, asked, now=now)) is not None:
        return known
    await offers.end(tx, ticket.id, now=now)  # one whose time is over stands in the way of the next
    identity = world.entropy.uuid()
    new = NewOffer(
        id=identity,
        issuer_id=ticket.issuer_id,
        ticket_id=ticket.id,
        giver=ticket.handset,
        receiver=receiver,
        asked=asked,
        currency=ticket.currency,
        uses=uses_after(left, same_hands=False, reentry=reentry(ticket)),
        balance=left.balance,
        until=open_until(holding(ticket), now=now),
        link_hash=offer_link(world, identity, ticket.kid).digest(),
    )
    await offers.write(tx, new, now=now)
    await _tell(tx, world, Purpose.OFFER, new, receiver, now=now)
    row = await offers.offer(tx, identity)
    assert row is not None, "it was written just now"
    return offered(row, now=now)


async def _tell(
    tx: Tx, world: World, purpose: Purpose, about: NewOffer | Offered, handset: str, *, now: datetime
) -> None:
    delivery = NewDelivery(
        id=world.entropy.uuid(),
        issuer_id=about.issuer_id,
        purpose=purpose,
        handset=handset,
        ticket_id=about.ticket_id,
        offer_id=about.id,
    )
    await owe_messages(tx, world, [delivery], now=now)


async def withdraw(world: World, offer_id: UUID, *, by: Handset) -> Offered:
    """The giver keeps the ticket after all; again, changes nothing. Raises NotFound, WrongState (`closed`)."""
    now = world.clock.now()
    async with world.transaction() as tx:
        found = await find(tx, offer_id, now=now)
        if found.giver != by:
            raise NotFound("There is no such offer.")
        await _not_under_way(tx, found)
        if found.standing is Standing.OPEN and not await offers.close(tx, offer_id, OfferEvent.WITHDRAW, now=now):
            found = await find(tx, offer_id, now=now)
        if found.standing in {Standing.ACCEPTED, Standing.DECLINED}:
            raise closed(found)
        return await find(tx, offer_id, now=now)


async def _not_under_way(tx: Tx, found: Offered) -> None:
    """Raises WrongState for one that was accepted, and waits for the issuer's server; the caller may end it then."""
    await hands.hold_still(tx, found.ticket_id)
    row = await handovers.under_way(tx, found.ticket_id)
    if row is not None and row.offer_id == found.id:
        raise refusal(Stays.UNDER_WAY)


# --- the receiver's side --------------------------------------------------------------------------------------------


async def decline(world: World, offer_id: UUID, *, by: Handset) -> Offered:
    """The receiver does not want it, and the giver is told; again, changes nothing. Raises NotFound, WrongState."""
    now = world.clock.now()
    async with world.transaction() as tx:
        found = await find(tx, offer_id, now=now)
        if found.receiver != by:
            raise NotFound("There is no such offer.")
        if found.standing is Standing.DECLINED:
            return found
        await _not_under_way(tx, found)
        if found.standing is not Standing.OPEN or not await offers.close(tx, offer_id, OfferEvent.DECLINE, now=now):
            raise closed(await find(tx, offer_id, now=now))
        await _tell(tx, world, Purpose.DECLINED, found, found.giver, now=now)
        declined = await find(tx, offer_id, now=now)
    await world.memory.wake()
    return declined


async def accept(world: World, offer_id: UUID, *, by: Handset, pin: str = "") -> Given:
    """The ticket becomes the receiver's, and what is asked for it the giver's, in one step; again, changes nothing.

    `pin` is that of the receiver's e-money, for offers with a price. Raises NotFound; WrongState with `closed`,
    `used_since` or the name of a `Stays`; for the price PaymentRefused, Locked, or NotEnoughValue (`missing`). Raises
    HandoverPending where the ticket's issuer is still to answer: it is asked until it does, the price is set aside.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        found = await find(tx, offer_id, now=now)
    if found.receiver != by:
        raise NotFound("There is no such offer.")
    if found.asked.amount and found.standing is Standing.OPEN:
        await resale.check_pin(world, found, pin)
    async with world.transaction() as tx:
        begun = await _accept(tx, world, offer_id, now=now)
    return await handover.conclude(world, begun)


async def _accept(tx: Tx, world: World, offer_id: UUID, *, now: datetime) -> Given | UUID:
    row = await offers.offer(tx, offer_id)
    assert row is not None, "nobody deletes an offer"
    await hands.hold_still(tx, row.ticket_id)  # who accepts at the same time waits here, and then sees what came of it
    found = await find(tx, offer_id, now=now)
    if found.standing is Standing.ACCEPTED:
        assert found.became is not None
        assert found.number is not None
        return Given(found.became, found.number, found.receiver)
    ticket = await sales.ticket(tx, found.ticket_id)
    assert ticket is not None, "an offer is of a ticket"
    hand = Hand.RESOLD if found.asked.amount else Hand.OFFERED
    passing = Passing(found.receiver, hand, offer_id=found.id)
    if (begun := await handover.under_way(tx, ticket, passing)) is not None:
        return begun
    if found.standing is not Standing.OPEN:
        raise closed(found)
    may_hand_on(ticket, found.receiver, now=now)
    _may_cost(ticket, found.asked.amount)
    return await handover.pass_on(tx, world, ticket, passing, now=now)
