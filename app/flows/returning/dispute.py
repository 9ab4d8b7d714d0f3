"""Disputes: while a bank has the money its tickets are suspended; the bank is answered with what became of them.

What a network tells is a hint, in any order and any number: the dispute itself is asked for, and moves forward only.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.dispute import UNDECIDED, DisputeEvent, DisputeState
from app.domain.refusals import IssuerAway
from app.domain.ticket import TicketEvent, TicketState
from app.flows.booking.sales_status import issuer_of
from app.flows.books import ledger
from app.flows.outcome import Again, Done, Never
from app.flows.owing import owe_messages, to_holder
from app.flows.returning import evidence
from app.flows.returning.paying_back import teller_of
from app.flows.tickets import register
from app.metrics import DISPUTES
from app.ports import DisputeStanding, Refused, Unknown
from app.store import disputes, journal, outbox, sales
from app.store.database import Tx
from app.store.disputes import NewDispute
from app.store.moves import move_many
from app.store.outbox import Owed
from app.store.refunds import SYSTEM
from app.store.tables import Dispute, Ticket
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World

WHY_LOST = "the bank took its money back"


async def heard(world: World, provider: str, reference: str) -> Done | Again | Never:
    """A network says that something happened to a dispute: ask it what, and let our side follow."""
    teller = teller_of(world, provider)
    if teller is None:
        return Never(f"{provider} knows no disputes; look at its own pages for {reference}")
    standing = await teller.dispute(reference=reference)
    if isinstance(standing, Unknown):
        return Again(standing.why)
    now = world.clock.now()
    async with world.transaction() as tx:
        payment = await disputes.disputed_payment(tx, provider=provider, reference=standing.payment_reference)
        if payment is None:
            return Never(f"dispute {reference} is about {standing.payment_reference}, which is no payment of ours")
        fresh = NewDispute(
            id=world.entropy.uuid(),
            issuer_id=payment.issuer_id,
            booking_id=payment.booking_id,
            payment_id=payment.id,
            provider=provider,
            reference=reference,
            amount=standing.amount.amount,
            currency=standing.amount.currency,
            reason=standing.reason,
            due_by=standing.due_by,
        )
        found = await disputes.opened(tx, fresh, now=now)
        told = ["dispute opened"] if found.id == fresh.id else []
        await _follow(tx, world, found, standing, told)
    await world.memory.wake()
    return Done()


async def _follow(tx: Tx, world: World, found: sa.Row[Any], standing: DisputeStanding, told: list[str]) -> None:
    """Money, state, tickets, defence: each where it is news."""
    held = await _follow_money(tx, world, found, standing)
    event = {
        DisputeState.UNDER_REVIEW: DisputeEvent.ANSWER,
        DisputeState.WON: DisputeEvent.WIN,
        DisputeState.LOST: DisputeEvent.LOSE,
    }.get(standing.state)
    now = world.clock.now()
    if event is not None and await move_many(tx, Dispute, [found.id], event, updated_at=now):
        if event is DisputeEvent.LOSE and held:
            await ledger.dispute_lost(tx, world, found, now=now)
        if event is not DisputeEvent.ANSWER:
            told.append(f"dispute {standing.state.value}")
    present = await disputes.dispute(tx, found.id)
    assert present is not None, "it is locked"
    await _follow_tickets(tx, world, present)
    if present.state == DisputeState.OPEN and present.evidence is None and world.house.defend_disputes:
        owed = Owed(world.entropy.uuid(), found.issuer_id, Topic.DISPUTE, str(found.id), {"dispute": str(found.id)})
        await outbox.put(tx, [owed], now=now)
    for action in told:
        DISPUTES.labels(action.removeprefix("dispute ")).inc()
        await _remember(tx, world, found, action)


async def _follow_money(tx: Tx, world: World, found: sa.Row[Any], standing: DisputeStanding) -> bool:
    """Whether the bank has the money. It is taken while nothing is decided, and comes back with a win alone.

    So an old answer that comes late moves nothing. A win that is the first we hear of it moves both ways at once: the
    network's books have both lines too.
    """
    now, held = world.clock.now(), bool(found.withdrawn)
    won = standing.state is DisputeState.WON
    if not held and found.state in UNDECIDED and (standing.withdrawn or (won and standing.given_back)):
        await disputes.set_withdrawn(tx, found.id, withdrawn=True, now=now)
        await ledger.disputed(tx, world, found, now=now)
        held = True
    if held and won and not standing.withdrawn:
        await disputes.set_withdrawn(tx, found.id, withdrawn=False, now=now)
        await ledger.dispute_won(tx, world, found, now=now)
        held = False
    return held


async def _follow_tickets(tx: Tx, world: World, dispute: sa.Row[Any]) -> None:
    """Suspend what can still be used while a bank has the money; revoke it when that is lost; else let it be used."""
    tickets = await disputes.living_tickets(tx, dispute.booking_id)
    if dispute.withdrawn and dispute.state == DisputeState.LOST:
        await _revoke(tx, world, [one for one in tickets if one.left_to_use])
    elif await disputes.is_held(tx, dispute.booking_id):
        usable = [one for one in tickets if one.state == TicketState.VALID and one.left_to_use]
        await _turn(tx, world, dispute, usable, TicketEvent.SUSPEND)
    else:
        suspended = [one for one in tickets if one.state == TicketState.SUSPENDED]
        await _turn(tx, world, dispute, suspended, TicketEvent.RESUME)


async def _turn(tx: Tx, world: World, dispute: sa.Row[Any], tickets: list[sa.Row[Any]], event: TicketEvent) -> None:
    """Suspend or resume, and owe the issuer the news."""
    moved = await move_many(tx, Ticket, [one.id for one in tickets], event)
    owed = [
        Owed(
            world.entropy.uuid(),
            dispute.issuer_id,
            Topic.SUSPEND,
            f"{ticket_id}:{dispute.id}:{event.name.lower()}",
            {"ticket": str(ticket_id)},
        )
        for ticket_id in sorted(moved)
    ]
    await outbox.put(tx, owed, now=world.clock.now())


async def _revoke(tx: Tx, world: World, tickets: list[sa.Row[Any]]) -> None:
    """The tickets of a lost dispute are worthless: their places are free, a voucher's value is its issuer's."""
    now = world.clock.now()
    moved = await move_many(
        tx, Ticket, [one.id for one in tickets], TicketEvent.REVOKE, revoked_at=now, revoked_why=WHY_LOST
    )
    gone = [one for one in tickets if one.id in moved]
    for one in gone:
        if one.balance_left:
            await ledger.voided(tx, world, one, one.balance_left, now=now)
    entries = [
        Owed(
            world.entropy.uuid(),
            one.issuer_id,
            Topic.REVOKE,
            str(one.id),
            {"ticket": str(one.id), "free": [str(one.place_id)] if one.place_id else []},
        )
        for one in gone
    ]
    told = [to_holder(world, Purpose.REVOKED, one) for one in gone]
    await owe_messages(tx, world, told, now=now, also=entries)


async def _remember(
    tx: Tx, world: World, dispute: sa.Row[Any], action: str, details: dict[str, object] | None = None
) -> None:
    await journal.append(
        tx,
        chain=dispute.issuer_slug,
        issuer_id=dispute.issuer_id,
        actor=SYSTEM,
        action=action,
        subject=f"booking {dispute.booking_id}",
        details={
            "dispute": dispute.reference,
            "amount": dispute.amount,
            "currency": dispute.currency,
            "reason": dispute.reason,
        }
        | (details or {}),
        now=world.clock.now(),
    )


async def tell_suspended(world: World, ticket_id: UUID) -> Done:
    """Tell the issuer whether a ticket is suspended, as it stands now: the order of the news does not matter."""
    await register.register(world, ticket_id)
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
    assert ticket is not None, "nobody deletes a ticket"
    if ticket.state != TicketState.REVOKED:
        await issuer_of(world, ticket.served_by).suspend(
            issuer_id=ticket.issuer_id, ticket_id=ticket_id, suspended=ticket.state == TicketState.SUSPENDED
        )
    return Done()


async def defend(world: World, dispute_id: UUID) -> Done | Again | Never:
    """Answer the bank with what became of the tickets, once."""
    async with world.transaction() as tx:
        found = await disputes.dispute(tx, dispute_id)
    if found is None or found.state != DisputeState.OPEN or found.evidence is not None:
        return Done()
    teller = teller_of(world, found.provider)
    if teller is None:
        return Never(f"{found.provider} knows no disputes; answer {found.reference} on its own pages")
    try:
        pack = await evidence.gather(world, found)
    except IssuerAway as away:
        return Again(away.sentence)
    told = await teller.defend(reference=found.reference, evidence=evidence.texts(pack), key=f"defend-{found.id}")
    if isinstance(told, Unknown):
        return Again(told.why)
    if isinstance(told, Refused):
        return Never(f"the network did not take the evidence: {told.detail or told.reason.value}")
    now = world.clock.now()
    async with world.transaction() as tx:
        await disputes.keep_evidence(tx, found.id, pack, now=now)
        await move_many(tx, Dispute, [found.id], DisputeEvent.ANSWER, updated_at=now)
        await _remember(tx, world, found, "dispute answered", {"admissions": len(pack["admissions"])})
    return Done()
