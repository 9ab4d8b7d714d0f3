"""Issuing anew: the same right under a new number, code, PIN and link, while the old ones die everywhere at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.credential import link_token_for, ticket_number
from app.domain.entry_rules import EntryRules
from app.domain.gift import STAYS_WORDS, Hand, Holding, Left, Stays, gone, uses_after
from app.domain.handset import Handset
from app.domain.refusals import NotFound, WrongState
from app.domain.ticket import GENERATION_MAX, TicketEvent, TicketState
from app.flows.booking.sales_status import LOCAL
from app.flows.tickets.issue import new_code, owed_delivery, write
from app.flows.tickets.register import registration
from app.store import hands, messages, offers, outbox, register, sales
from app.store.database import Tx
from app.store.messages import NewDelivery
from app.store.moves import move_many
from app.store.outbox import Owed
from app.store.sales import NewTicket
from app.store.tables import Credential, Ticket
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World

NUMBER_BYTES = 8
WHY_CHARS_MAX = 200
WHY: Mapping[Hand, str] = {
    Hand.GIVEN: "given to another handset",
    Hand.OFFERED: "accepted by another handset",
    Hand.RESOLD: "bought by another handset",
    Hand.REISSUED: "issued anew",
    Hand.DECLINED: "sent back to its giver",
}
"""Why the old ticket does not count any more, where the caller says nothing else."""
CAME_BY: Mapping[Purpose, Hand] = {Purpose.GIFT: Hand.GIVEN, Purpose.REISSUED: Hand.REISSUED}
"""What a message about a new ticket says of how it came, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Given:
    """The ticket that the receiver has now."""

    id: UUID
    number: str
    handset: Handset


async def reissue(world: World, ticket_id: UUID, why: str, *, receiver: Handset | None = None) -> Given:
    """Make a holder's ticket new, for a phone that was lost, a number that changed (`receiver`) or a key that leaked.

    A window that runs goes on, who left may come in again where that is the rule, and the holder gets the new codes by
    message. `why` is for staff. A second call changes nothing and gives the ticket of the first. Raises NotFound, or
    WrongState whose `reason` is one of `revoked`, `suspended`, `elsewhere`, `used_up`, `inside`, `too_often`.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
        if ticket is None:
            raise NotFound("There is no such ticket.")
        to = receiver or Handset(ticket.handset)
        if ticket.passed_how == Hand.REISSUED and ticket.passed_to == to:
            return Given(ticket.given_as, ticket.given_number, to)
        _may_be_reissued(ticket, now=now)
        fresh = await succeed(tx, world, ticket, to, purpose=Purpose.REISSUED, why=why, now=now)
    await world.memory.wake()
    return Given(fresh.id, fresh.number, to)


def _may_be_reissued(ticket: sa.Row[Any], *, now: datetime) -> None:
    if ticket.state != TicketState.VALID:
        raise refusal(Stays(ticket.state))
    if ticket.served_by != LOCAL:
        raise WrongState(
            "This ticket is in the register of its issuer's own server, and cannot be issued anew here. Revoke it, and"
            " sell its holder another one.",
            reason=Stays.ELSEWHERE.value,
        )
    if ticket.generation >= GENERATION_MAX:
        raise WrongState(
            f"This ticket was issued {GENERATION_MAX} times; it cannot be issued once more. Revoke it, and sell its"
            " holder another one.",
            reason="too_often",
        )
    if now >= ticket.valid_until:
        raise refusal(Stays.USED_UP)


def refusal(why: Stays) -> WrongState:
    """The no, in words, with its name in `reason`."""
    return WrongState(STAYS_WORDS[why], reason=why.value)


def holding(ticket: sa.Row[Any]) -> Holding:
    """What the rules of changing hands need of a ticket."""
    return Holding(
        state=TicketState(ticket.state),
        here=ticket.served_by == LOCAL,
        transfer=ticket.transfer,
        generation=ticket.generation,
        valid_until=ticket.valid_until,
        starts_at=ticket.starts_at,
        minutes_before=ticket.transfer_minutes_before,
    )


# --- one ticket becomes another -------------------------------------------------------------------------------------


async def succeed(
    tx: Tx,
    world: World,
    ticket: sa.Row[Any],
    receiver: Handset,
    *,
    purpose: Purpose,
    now: datetime,
    hand: Hand | None = None,
    why: str = "",
    accepts: UUID | None = None,
    tell_giver: bool = True,
) -> NewTicket:
    """Revoke a ticket of ours, on our books and in the register, and write its successor for `receiver`.

    What is left goes over, the offer that is open ends or is taken (`accepts`), and the messages are owed: `purpose`
    (GIFT or REISSUED) is the one to the receiver. The caller has looked whether this may be; what somebody else was
    faster with raises WrongState, and nothing of this transaction stays.
    """
    came_by = hand or CAME_BY[purpose]
    state = await hands.hold_still(tx, ticket.id)
    if state is not TicketState.VALID:
        raise refusal(Stays(state.value))
    told = why or f"{WHY[came_by]}, ending in {receiver[-4:]}"
    revoked = {"revoked_at": now, "revoked_why": told[:WHY_CHARS_MAX]}
    moved = await move_many(tx, Ticket, [ticket.id], TicketEvent.REVOKE, **revoked)
    assert moved, "it was valid, and is held still"
    left = await _surrender(tx, ticket, came_by, now=now)
    (fresh,) = await write(tx, world, [_successor(world, ticket, receiver, came_by, left)], now=now)
    await _enter(tx, ticket, fresh, now=now)
    if accepts is None:
        await offers.end(tx, ticket.id, now=now)
    elif not await offers.take(tx, accepts, became=fresh.id, now=now):
        raise WrongState("This offer is not open any more.", reason="closed")
    await _owe(tx, world, ticket, fresh, purpose=purpose, tell_giver=tell_giver, now=now)
    return fresh


async def _surrender(tx: Tx, ticket: sa.Row[Any], came_by: Hand, *, now: datetime) -> Left:
    """Take the old ticket out of the register, and learn what was left of it; a gate that is faster wins.

    It is registered here where its registration is still owed: that one then finds it revoked, and changes nothing.
    """
    await register.register(tx, [registration(ticket)], now=now)
    left = await hands.left(tx, ticket.id, lock=True)
    assert left is not None, "it was registered just now"
    if why := gone(left, same_hands=came_by is Hand.REISSUED, reentry=reentry(ticket), now=now):
        raise refusal(why)
    moved = await move_many(tx, Credential, [ticket.id], TicketEvent.REVOKE)
    assert moved, "it was valid, and is locked"
    return left


def reentry(ticket: sa.Row[Any]) -> bool:
    """Whether who left may come in again with it."""
    return EntryRules.of(ticket.entry_rules).reentry


def _successor(world: World, ticket: sa.Row[Any], receiver: Handset, came_by: Hand, left: Left) -> NewTicket:
    """The same right under another id: number, code, PIN and link are new, and none follows from the old ones.

    Where the first use has begun a window, that is all the time there is.
    """
    identity = world.entropy.uuid()
    keys = world.house.keys
    generation = ticket.generation + 1
    return NewTicket(
        id=identity,
        issuer_id=ticket.issuer_id,
        booking_id=ticket.booking_id,
        item_id=ticket.item_id,
        product_id=ticket.product_id,
        occasion_id=ticket.occasion_id,
        place_id=ticket.place_id,
        number=ticket_number(world.entropy.bytes(NUMBER_BYTES)),
        code=new_code(world),
        generation=generation,
        kid=keys.kid,
        handset=receiver,
        language=ticket.language,
        uses=uses_after(left, same_hands=came_by is Hand.REISSUED, reentry=reentry(ticket)),
        balance=left.balance,
        valid_from=ticket.valid_from,
        valid_until=min(ticket.valid_until, left.activated_until or ticket.valid_until),
        link_hash=link_token_for(keys.link_mac(keys.kid), ticket_id=identity, generation=generation).digest(),
        gift_of=ticket.id,
        came_by=came_by,
        holder=ticket.holder if came_by is Hand.REISSUED else None,
    )


async def _enter(tx: Tx, ticket: sa.Row[Any], fresh: NewTicket, *, now: datetime) -> None:
    """Register the new ticket at once: its holder may stand at a gate, or be inside."""
    row = await sales.ticket(tx, fresh.id)
    assert row is not None, "it was written just now"
    await register.register(tx, [registration(row)], now=now)
    # A pass-back guard is not got round by a gift; without one, somebody else was never at a gate with it.
    last_use = fresh.came_by is Hand.REISSUED or EntryRules.of(ticket.entry_rules).pass_back_seconds > 0
    await hands.hand_over(tx, before=ticket.id, after=fresh.id, last_use=last_use)


async def _owe(
    tx: Tx,
    world: World,
    ticket: sa.Row[Any],
    fresh: NewTicket,
    *,
    purpose: Purpose,
    tell_giver: bool,
    now: datetime,
) -> None:
    """The ticket to its receiver, both tickets to the issuer, and to another giver that it is gone."""
    told = [(purpose, fresh.id, fresh.handset)]
    if tell_giver and ticket.handset != fresh.handset:
        told.append((Purpose.GIVEN, ticket.id, ticket.handset))
    deliveries = [
        NewDelivery(
            id=world.entropy.uuid(),
            issuer_id=ticket.issuer_id,
            purpose=one,
            handset=handset,
            booking_id=ticket.booking_id,
            ticket_id=ticket_id,
        )
        for one, ticket_id, handset in told
    ]
    await messages.queue(tx, deliveries, now=now)
    payload = {"ticket": str(ticket.id), "free": []}
    await outbox.put(tx, [owed_delivery(world, one) for one in deliveries] + [
        Owed(world.entropy.uuid(), ticket.issuer_id, Topic.REGISTER, str(fresh.id), {"ticket": str(fresh.id)}),
        Owed(world.entropy.uuid(), ticket.issuer_id, Topic.REVOKE, str(ticket.id), payload),
    ], now=now)  # fmt: skip
