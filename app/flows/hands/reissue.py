"""Issuing anew: the same right for the same holder under new codes; and whether a ticket may change hands at all."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.entry_rules import EntryRules
from app.domain.gift import Hand, Holding, Stays
from app.domain.handset import Handset
from app.domain.refusals import NotFound, WrongState
from app.domain.ticket import GENERATION_MAX, TicketState
from app.flows.hands import handover
from app.flows.hands.succession import Given, Passing, refusal
from app.store import sales
from app.world import World


async def reissue(world: World, ticket_id: UUID, why: str, *, receiver: Handset | None = None) -> Given:
    """Make a holder's ticket new, for a phone that was lost, a number that changed (`receiver`) or a key that leaked.

    A window that runs goes on, who left may come in again where that is the rule, and the holder gets the new codes by
    message. `why` is for staff. A second call changes nothing and gives the ticket of the first. Raises NotFound, or
    WrongState whose `reason` is the name of a `Stays` or `too_often`; HandoverPending where its issuer's server is
    still to answer: it is asked until it does.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
        if ticket is None:
            raise NotFound("There is no such ticket.")
        passing = Passing(receiver or Handset(ticket.handset), Hand.REISSUED, why)
        if ticket.passed_how == Hand.REISSUED and ticket.passed_to == passing.receiver:
            return Given(ticket.given_as, ticket.given_number, passing.receiver)
        begun: Given | UUID | None = await handover.under_way(tx, ticket, passing)
        if begun is None:
            _may_be_reissued(ticket, now=now)
            begun = await handover.pass_on(tx, world, ticket, passing, now=now)
    return await handover.conclude(world, begun)


def _may_be_reissued(ticket: sa.Row[Any], *, now: datetime) -> None:
    if ticket.state != TicketState.VALID:
        raise refusal(Stays(ticket.state))
    if ticket.generation >= GENERATION_MAX:
        raise WrongState(
            f"This ticket was issued {GENERATION_MAX} times; it cannot be issued once more. Revoke it, and sell its"
            " holder another one.",
            reason="too_often",
        )
    if now >= ticket.valid_until:
        raise refusal(Stays.USED_UP)


def holding(ticket: sa.Row[Any]) -> Holding:
    """What the rules of changing hands need of a ticket."""
    return Holding(
        state=TicketState(ticket.state),
        transfer=ticket.transfer,
        generation=ticket.generation,
        valid_until=ticket.valid_until,
        starts_at=ticket.starts_at,
        minutes_before=ticket.transfer_minutes_before,
    )


def reentry(ticket: sa.Row[Any]) -> bool:
    """Whether who left may come in again with it."""
    return EntryRules.of(ticket.entry_rules).reentry
