"""Giving: a ticket goes to another handset as a new ticket, which its receiver may send back while it is unused."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.gift import DECLINE_HOURS, Hand, stays
from app.domain.handset import Handset
from app.domain.refusals import BadHandset, NotFound, TooMany, WrongState
from app.flows.hands import handover
from app.flows.hands.reissue import holding
from app.flows.hands.succession import Given, Passing, refusal
from app.store import hands, sales
from app.store.database import Tx
from app.world import World

__all__ = ["Given", "can_be_given", "can_be_sent_back", "give", "may_hand_on", "not_too_often", "send_back"]


async def give(world: World, ticket_id: UUID, receiver: Handset, *, tell_giver: bool = True) -> Given:
    """Make the holder's ticket the receiver's, with the uses or the balance that are left; again, changes nothing.

    Raises NotFound, BadHandset, TooMany, or WrongState, whose `reason` is the name of a `Stays`; HandoverPending
    where its issuer's server is still to answer: it is asked until it does, and both hear of it by message then.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
        if ticket is None:
            raise NotFound("There is no such ticket.")
        if ticket.given_to == receiver:
            return Given(ticket.given_as, ticket.given_number, receiver)
        passing = Passing(receiver, Hand.GIVEN, tell_giver=tell_giver)
        begun: Given | UUID | None = await handover.under_way(tx, ticket, passing)
        if begun is None:
            may_hand_on(ticket, receiver, now=now)
            await not_too_often(tx, world, ticket.handset, now=now)
            begun = await handover.pass_on(tx, world, ticket, passing, now=now)
    return await handover.conclude(world, begun)


def can_be_given(ticket: sa.Row[Any]) -> bool:
    """Whether a ticket may ever go to another handset, whatever state it is in."""
    return holding(ticket).ever


def may_hand_on(ticket: sa.Row[Any], receiver: Handset, *, now: datetime) -> None:
    """Whether our own books let a ticket go to `receiver`; raises WrongState, BadHandset."""
    if why := stays(holding(ticket), now=now):
        raise refusal(why)
    if receiver == ticket.handset:
        raise BadHandset("The ticket is with this handset already; name another one.")


async def not_too_often(tx: Tx, world: World, giver: str, *, now: datetime) -> None:
    """Raises TooMany: each gift and each offer costs a message to a stranger."""
    times = await hands.handed_on_since(tx, giver, since=now - timedelta(hours=1))
    if times >= world.house.gifts_per_hour_max:
        raise TooMany(
            f"This handset gave or offered {times} tickets within the hour. Try again later.", retry_after_seconds=3600
        )


# --- and back -------------------------------------------------------------------------------------------------------


def can_be_sent_back(ticket: sa.Row[Any], *, now: datetime) -> bool:
    """Whether a gift may still be declined, as far as our own books know: the register knows whether it was used."""
    fresh = now < ticket.issued_at + timedelta(hours=DECLINE_HOURS)
    return bool(ticket.came_by == Hand.GIVEN and fresh and stays(holding(ticket), now=now) is None)


async def send_back(world: World, ticket_id: UUID) -> Given:
    """Decline a gift: its giver has it again, as a new ticket, and both are told; again, changes nothing.

    Raises NotFound, or WrongState whose `reason` is the name of a `Stays`, `no_gift`, `too_late` or `used`;
    HandoverPending as `give` does.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
        if ticket is None:
            raise NotFound("There is no such ticket.")
        if ticket.passed_how == Hand.DECLINED:
            return Given(ticket.given_as, ticket.given_number, Handset(ticket.passed_to))
        if ticket.came_by != Hand.GIVEN:
            raise WrongState("This ticket was not a gift; there is nobody to send it back to.", reason="no_gift")
        passing = Passing(Handset(ticket.given_by), Hand.DECLINED)
        begun: Given | UUID | None = await handover.under_way(tx, ticket, passing)
        if begun is None:
            _may_be_sent_back(ticket, now=now)
            begun = await handover.pass_on(tx, world, ticket, passing, now=now)
    return await handover.conclude(world, begun)


def _may_be_sent_back(ticket: sa.Row[Any], *, now: datetime) -> None:
    if why := stays(holding(ticket), now=now):
        raise refusal(why)
    if not can_be_sent_back(ticket, now=now):
        raise WrongState(
            f"A gift can be sent back for {DECLINE_HOURS} hours. Give it to somebody instead.", reason="too_late"
        )
