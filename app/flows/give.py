"""Giving: a ticket goes to another handset as a new ticket, and the old one is worth nothing from that moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.credential import link_token_for, ticket_number
from app.domain.handset import Handset
from app.domain.refusals import BadHandset, NotFound, TooMany, WrongState
from app.domain.ticket import GENERATION_MAX, TicketEvent, TicketState
from app.flows.issue import new_code, owed_delivery, write
from app.flows.register import registration
from app.flows.sales_status import LOCAL
from app.store import conversations, messages, outbox, register, sales
from app.store.database import Tx
from app.store.messages import NewDelivery
from app.store.moves import move_many
from app.store.outbox import Owed
from app.store.sales import NewTicket
from app.store.tables import Credential, Ticket
from app.store.tables.catalogue import Transfer
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World

WHY = "given to another handset"
NUMBER_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Given:
    """The ticket that the receiver has now."""

    id: UUID
    number: str
    handset: Handset


async def give(world: World, ticket_id: UUID, receiver: Handset, *, tell_giver: bool = True) -> Given:
    """Make the holder's ticket the receiver's, with the uses or the balance that are left; again, changes nothing.

    Raises NotFound, BadHandset, TooMany, or WrongState, whose `reason` is one of `revoked`, `not_a_gift`, `used_up`.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
        if ticket is None:
            raise NotFound("There is no such ticket.")
        if ticket.given_to == receiver:
            return Given(ticket.given_as, ticket.given_number, receiver)
        _may_give(ticket, receiver, now=now)
        await _not_too_often(tx, world, ticket.handset, now=now)
        why = f"{WHY}, ending in {receiver[-4:]}"
        if not await move_many(tx, Ticket, [ticket_id], TicketEvent.REVOKE, revoked_at=now, revoked_why=why):
            raise WrongState("This ticket was revoked or given away already.", reason="revoked")
        left = await _surrender(tx, ticket, now=now)
        (fresh,) = await write(tx, world, [_successor(world, ticket, receiver, left)], now=now)
        await _owe(tx, world, ticket, fresh, tell_giver=tell_giver, now=now)
    await world.memory.wake()
    return Given(fresh.id, fresh.number, receiver)


def can_be_given(ticket: sa.Row[Any]) -> bool:
    """Whether a ticket may ever go to another handset, whatever state it is in."""
    # What is left of a ticket in another house's register cannot be taken over in one transaction with ours.
    return bool(ticket.transfer != Transfer.NEVER and ticket.served_by == LOCAL and ticket.generation < GENERATION_MAX)


def _may_give(ticket: sa.Row[Any], receiver: Handset, *, now: datetime) -> None:
    if ticket.state != TicketState.VALID:
        raise WrongState("This ticket was revoked or given away already.", reason="revoked")
    if ticket.served_by != LOCAL and ticket.transfer != Transfer.NEVER:
        raise WrongState(
            "This ticket is in the register of its issuer's own server, where it cannot change hands. Return it, and"
            " let the other handset buy one.",
            reason="not_a_gift",
        )
    if not can_be_given(ticket):
        raise WrongState("This ticket cannot be given to another handset.", reason="not_a_gift")
    if now >= ticket.valid_until:
        raise WrongState("This ticket is past its time.", reason="used_up")
    if receiver == ticket.handset:
        raise BadHandset("The ticket is with this handset already; name another one.")


async def _not_too_often(tx: Tx, world: World, giver: str, *, now: datetime) -> None:
    given = await conversations.gifts_since(tx, giver, since=now - timedelta(hours=1))
    if given >= world.house.gifts_per_hour_max:
        raise TooMany(f"This handset gave {given} tickets within the hour. Try again later.", retry_after_seconds=3600)


async def _surrender(tx: Tx, ticket: sa.Row[Any], *, now: datetime) -> sa.Row[Any]:
    """Take the old ticket out of the register, and learn what is left of it; a gate that is faster wins.

    It is registered here where its registration is still owed: that one then finds it revoked, and changes nothing.
    """
    await register.register(tx, [registration(ticket)], now=now)
    left = await register.locked(tx, ticket.id)
    assert left is not None, "it was registered just now"
    if left.state == TicketState.VALID and (left.uses_left == 0 or left.balance == 0):
        raise WrongState("This ticket is used up.", reason="used_up")
    if not await move_many(tx, Credential, [ticket.id], TicketEvent.REVOKE):
        raise WrongState("This ticket was revoked or given away already.", reason="revoked")
    return left


def _successor(world: World, ticket: sa.Row[Any], receiver: Handset, left: sa.Row[Any]) -> NewTicket:
    """The same right under another id: number, code, PIN and link are new, and none follows from the old ones."""
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
        number=ticket_number(world.entropy.bytes(NUMBER_DIGITS)),
        code=new_code(world),
        generation=generation,
        kid=keys.kid,
        handset=receiver,
        language=ticket.language,
        uses=left.uses_left,
        balance=left.balance,
        valid_from=ticket.valid_from,
        valid_until=ticket.valid_until,
        link_hash=link_token_for(keys.link_mac(keys.kid), ticket_id=identity, generation=generation).digest(),
        gift_of=ticket.id,
    )


async def _owe(tx: Tx, world: World, ticket: sa.Row[Any], fresh: NewTicket, *, tell_giver: bool, now: datetime) -> None:
    """The ticket to the receiver, both tickets to the issuer, and to the giver that it is gone."""
    told = [(Purpose.GIFT, fresh.id, fresh.handset)]
    if tell_giver:
        told.append((Purpose.GIVEN, ticket.id, ticket.handset))
    deliveries = [
        NewDelivery(
            id=world.entropy.uuid(),
            issuer_id=ticket.issuer_id,
            purpose=purpose,
            handset=handset,
            booking_id=ticket.booking_id,
            ticket_id=ticket_id,
        )
        for purpose, ticket_id, handset in told
    ]
    await messages.queue(tx, deliveries, now=now)
    payload = {"ticket": str(ticket.id), "free": []}
    await outbox.put(tx, [owed_delivery(world, one) for one in deliveries] + [
        Owed(world.entropy.uuid(), ticket.issuer_id, Topic.REGISTER, str(fresh.id), {"ticket": str(fresh.id)}),
        Owed(world.entropy.uuid(), ticket.issuer_id, Topic.REVOKE, str(ticket.id), payload),
    ], now=now)  # fmt: skip
