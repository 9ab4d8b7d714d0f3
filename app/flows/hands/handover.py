"""Handing over a ticket: in one transaction where its register is ours, else asked of its issuer between two.

What is to be done is written down first, with the names of the new ticket. Then the issuer's server lets the old one
become the new one in one step. Until it has said so nothing moves here: the old ticket stays as it is, nobody learns
the new codes, and money is only set aside. Its answer ends the hand-over; without one a worker asks again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from app.domain.credential import compact_text
from app.domain.gift import HANDING_OVER, Hand, HandoverEvent, HandoverState, Rest, Stays, Terms
from app.domain.handset import Handset
from app.domain.refusals import HandoverPending, IssuerAway, NotFound, WrongState
from app.domain.ticket import TicketEvent, TicketState
from app.flows.booking.sales_status import LOCAL, issuer_of
from app.flows.hands import resale
from app.flows.hands.succession import (
    Given,
    Names,
    Passing,
    refusal,
    revoke,
    settle_offer,
    succeed,
    successor,
    tell,
    terms_of,
)
from app.flows.outcome import Done
from app.flows.tickets import flowback
from app.flows.tickets.issue import NUMBER_TRIES_MAX
from app.flows.tickets.register import register, registration
from app.pins import pin_of
from app.ports import NotReplaced, Registration, Replaced
from app.store import handovers, hands, offers, outbox, sales
from app.store.database import Tx
from app.store.handovers import NewHandover
from app.store.moves import move, move_many
from app.store.outbox import Owed
from app.store.tables import Handover, Ticket
from app.store.topics import Topic
from app.world import World

CARRIED_BY_THE_ASKER = timedelta(seconds=20)
"""How long whoever began it is left alone with it."""

log = structlog.get_logger()


# --- begun ----------------------------------------------------------------------------------------------------------


async def under_way(tx: Tx, ticket: sa.Row[Any], passing: Passing) -> UUID | None:
    """The same hand-over, where it was begun and has not ended; raises WrongState where another one was."""
    if ticket.served_by == LOCAL:
        return None
    row = await handovers.under_way(tx, ticket.id)
    if row is None:
        return None
    if (row.receiver, row.came_by, row.offer_id) != (passing.receiver, passing.came_by, passing.offer_id):
        raise refusal(Stays.UNDER_WAY)
    identity: UUID = row.id
    return identity


async def pass_on(tx: Tx, world: World, ticket: sa.Row[Any], passing: Passing, *, now: datetime) -> Given | UUID:
    """Hand a ticket over that may be, or write down that it is to be: then `conclude` goes on. Raises WrongState."""
    if ticket.served_by == LOCAL:
        fresh = await succeed(tx, world, ticket, passing, now=now)
        if passing.came_by is Hand.RESOLD:
            assert passing.offer_id is not None
            await resale.pay(tx, world, passing.offer_id, ticket, now=now)
        return Given(fresh.id, fresh.number, passing.receiver)
    state = await hands.hold_still(tx, ticket.id)
    if state is not TicketState.VALID:
        raise refusal(Stays(state.value))
    if (same := await under_way(tx, ticket, passing)) is not None:
        return same
    names = await _free_names(tx, world, ticket)
    new = NewHandover(
        id=names.id,
        issuer_id=ticket.issuer_id,
        ticket_id=ticket.id,
        receiver=passing.receiver,
        came_by=passing.came_by,
        why=passing.told,
        tell_giver=passing.tell_giver,
        offer_id=passing.offer_id,
        number=names.number,
        code=names.code,
        generation=names.generation,
        kid=names.kid,
    )
    await handovers.write(tx, new, now=now)
    if passing.came_by is Hand.RESOLD:
        assert passing.offer_id is not None
        await resale.set_aside(tx, world, passing.offer_id, new.id, ticket, now=now)
    payload = {"handover": str(new.id), "ticket": str(ticket.id)}
    owed = Owed(world.entropy.uuid(), ticket.issuer_id, Topic.REPLACE, str(new.id), payload)
    await outbox.put(tx, [owed], now=now + CARRIED_BY_THE_ASKER)
    return new.id


async def _free_names(tx: Tx, world: World, ticket: sa.Row[Any]) -> Names:
    for _ in range(NUMBER_TRIES_MAX):
        names = Names.drawn(world, ticket)
        if not await handovers.is_taken(tx, issuer_id=ticket.issuer_id, number=names.number):
            return names
    raise RuntimeError(f"no free ticket number in {NUMBER_TRIES_MAX} tries: the issuer's numbers are nearly used up")


async def conclude(world: World, begun: Given | UUID) -> Given:
    """What came of `pass_on`, after its transaction; raises WrongState, and HandoverPending until it is known."""
    await world.memory.wake()
    if isinstance(begun, Given):
        return begun
    try:
        row = await carry_on(world, begun)
    except IssuerAway:
        async with world.transaction() as tx:
            await handovers.tell_giver(tx, begun)
        raise HandoverPending(HANDING_OVER) from None
    if row.state == HandoverState.REFUSED:
        raise refusal(Stays(row.reason), Hand(row.came_by))
    return Given(row.id, row.number, Handset(row.receiver))


# --- asked ----------------------------------------------------------------------------------------------------------


async def tell_replaced(world: World, handover_id: UUID) -> Done:
    """Ask the issuer until it has answered; raises IssuerAway.

    What has ended is owed no more. Where it is all the same, the issuer's register was restored from before: it is
    asked once more, and does again what is done here.
    """
    async with world.transaction() as tx:
        before = await handovers.find(tx, handover_id)
    if before.state == HandoverState.DONE:
        await _ask_again(world, before)
    else:
        await carry_on(world, handover_id)
    return Done()


async def _ask_again(world: World, row: sa.Row[Any]) -> None:
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, row.ticket_id)
        assert ticket is not None, "no ticket is ever deleted"
        terms = await terms_of(tx, ticket, Hand(row.came_by), row.offer_id)
    answer = await _ask(world, row, ticket, terms)
    if isinstance(answer, NotReplaced):
        log.error("handover_not_restored", handover=str(row.id), reason=answer.why.value)


async def carry_on(world: World, handover_id: UUID) -> sa.Row[Any]:
    """Take a hand-over to its end, whoever began it. Safe at any time, and at the same time; raises IssuerAway."""
    async with world.transaction() as tx:
        row = await handovers.find(tx, handover_id)
        if row.state != HandoverState.ASKED:
            return row
        ticket = await sales.ticket(tx, row.ticket_id)
        assert ticket is not None, "no ticket is ever deleted"
        terms = await terms_of(tx, ticket, Hand(row.came_by), row.offer_id)
    answer = await _ask(world, row, ticket, terms)
    return await _end(world, handover_id, answer)


async def _ask(world: World, row: sa.Row[Any], ticket: sa.Row[Any], terms: Terms) -> Replaced | NotReplaced:
    """What the issuer says. It may not know the ticket yet, and another ticket may have had the new number first."""
    issuer = issuer_of(world, ticket.served_by)
    names = Names(row.id, row.number, row.code, row.generation, row.kid)
    told = False
    for _ in range(NUMBER_TRIES_MAX):
        try:
            return await issuer.replace(
                ticket_id=ticket.id, fresh=_registration(world, ticket, row, names), terms=terms
            )
        except NotFound:
            if told:  # it knows the ticket, and not what it is asked: an older program
                return NotReplaced(Stays.ELSEWHERE)
            await register(world, ticket.id)
            told = True
        except WrongState:
            names = await _other_names(world, ticket, names)
    raise RuntimeError(f"the issuer refused {NUMBER_TRIES_MAX} ticket numbers; the log of its server says why")


async def _other_names(world: World, ticket: sa.Row[Any], names: Names) -> Names:
    async with world.transaction() as tx:
        drawn = await _free_names(tx, world, ticket)
        await handovers.rename(tx, names.id, number=drawn.number, code=drawn.code)
    return replace(names, number=drawn.number, code=drawn.code)


def _registration(world: World, ticket: sa.Row[Any], row: sa.Row[Any], names: Names) -> Registration:
    """The new ticket as the issuer is to know it, with what its holder will show."""
    keys, before = world.house.keys, registration(ticket)
    identity = {"issuer_id": ticket.issuer_id, "identity": names.id}
    pin = pin_of(keys, **identity, kid=names.kid, generation=names.generation)
    mac = keys.compact_mac(names.kid, issuer_id=ticket.issuer_id, occasion_code=ticket.occasion_code)
    holder = ticket.holder if row.came_by == Hand.REISSUED else None
    return replace(
        before,
        ticket_id=names.id,
        number=names.number,
        code=names.code,
        generation=names.generation,
        kid=names.kid,
        label={**before.label, "handset": row.receiver[-4:], "holder": holder},
        pin=pin.reveal(),
        compact=compact_text(names.code, mac),
    )


# --- ended ----------------------------------------------------------------------------------------------------------


async def _end(world: World, handover_id: UUID, answer: Replaced | NotReplaced) -> sa.Row[Any]:
    """Take over what the issuer has done, once; the hand-over as it stands then."""
    now = world.clock.now()
    async with world.transaction() as tx:
        row = await handovers.find(tx, handover_id, lock=True)
        if row.state == HandoverState.ASKED:
            ticket = await sales.ticket(tx, row.ticket_id)
            assert ticket is not None, "no ticket is ever deleted"
            if isinstance(answer, Replaced):
                await _finish(tx, world, row, ticket, answer, now=now)
            else:
                await _refuse(tx, world, row, ticket, answer.why, now=now)
            row = await handovers.find(tx, handover_id)
            await outbox.carried_out(tx, Topic.REPLACE, str(handover_id), now=now)
    await world.memory.wake()
    return row


async def _finish(
    tx: Tx, world: World, row: sa.Row[Any], ticket: sa.Row[Any], told: Replaced, *, now: datetime
) -> None:
    """The new ticket is there, here too. What became of the old one on our books meanwhile becomes of it."""
    state = await hands.hold_still(tx, ticket.id)
    passing = Passing(Handset(row.receiver), Hand(row.came_by), row.why, row.offer_id, row.tell_giver)
    names = Names(row.id, row.number, row.code, row.generation, row.kid)
    await revoke(tx, ticket.id, passing, now=now)
    rest = Rest(told.uses, told.after.balance, told.valid_until)
    fresh = successor(world, ticket, passing, names, rest)
    written = await sales.write_tickets(tx, [fresh], now=now)
    assert written, "its number was drawn when no ticket had it"
    await move(tx, Handover, row.id, HandoverEvent.FINISH, ended_at=now)
    await flowback.take_over(tx, world, ticket.served_by, [told.before, told.after], now=now)
    if passing.came_by is Hand.RESOLD:
        await resale.set_free(tx, world, row.offer_id, row.id, ticket, now=now)
    if state is TicketState.REVOKED:
        await _revoke_too(tx, world, row, ticket, now=now)
        return
    if state is TicketState.SUSPENDED:
        await move_many(tx, Ticket, [row.id], TicketEvent.SUSPEND)
        await _owe(tx, world, row, Topic.SUSPEND, now=now)
    await settle_offer(tx, ticket.id, passing.offer_id, became=row.id, now=now)
    if passing.came_by is Hand.RESOLD:
        await resale.pay(tx, world, row.offer_id, ticket, now=now)
    await tell(tx, world, ticket, fresh, passing, now=now)


async def _revoke_too(tx: Tx, world: World, row: sa.Row[Any], ticket: sa.Row[Any], *, now: datetime) -> None:
    """It was returned or revoked here before the issuer's answer came: its successor is nobody's, and opens nothing."""
    why = {"revoked_at": now, "revoked_why": ticket.revoked_why}
    await move_many(tx, Ticket, [row.id], TicketEvent.REVOKE, **why)
    await offers.end(tx, ticket.id, now=now)
    await _owe(tx, world, row, Topic.REVOKE, now=now)


async def _owe(tx: Tx, world: World, row: sa.Row[Any], topic: Topic, *, now: datetime) -> None:
    payload: dict[str, Any] = {"ticket": str(row.id), "free": []}
    await outbox.put(tx, [Owed(world.entropy.uuid(), row.issuer_id, topic, str(row.id), payload)], now=now)


async def _refuse(tx: Tx, world: World, row: sa.Row[Any], ticket: sa.Row[Any], why: Stays, *, now: datetime) -> None:
    """The ticket stays where it is; what its issuer has revoked meanwhile is revoked here as well."""
    await move(tx, Handover, row.id, HandoverEvent.REFUSE, reason=why.value, ended_at=now)
    log.info("handover_refused", handover=str(row.id), reason=why.value)
    if row.came_by == Hand.RESOLD:
        await resale.set_free(tx, world, row.offer_id, row.id, ticket, now=now)
    await flowback.heed(tx, world, [ticket.id], now=now)
