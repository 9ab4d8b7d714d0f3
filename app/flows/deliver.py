"""Delivering: the message is written when it is sent, the network takes it, its receipts move it forward."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.credential import link_token_for, shown
from app.domain.handset import Handset
from app.domain.money import Money
from app.domain.refusals import NotFound, TooMany, WrongState
from app.domain.ticket import TicketState
from app.domain.wording import (
    Slip,
    day,
    emoney_message,
    moment,
    revoked_message,
    said,
    seat_words,
    ticket_message,
)
from app.flows.issue import owed_delivery
from app.pins import pin_of
from app.ports import Accepted, Channel, Message, Rejected
from app.store import emoney, messages, outbox, sales
from app.store.messages import NewDelivery
from app.store.tables.messages import Purpose
from app.world import World


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more is owed."""


@dataclass(frozen=True, slots=True)
class Again:
    """Not now; try later, for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Never:
    """It cannot be done; staff should know why."""

    reason: str


async def deliver(world: World, delivery_id: UUID) -> Done | Again | Never:
    """Send one queued message; what was sent, or is no longer wanted, is done."""
    async with world.transaction() as tx:
        delivery = await messages.delivery(tx, delivery_id)
        if delivery is None or delivery.state != "queued":
            return Done()
        channel = world.channels["sms_http"]
        text = await _compose(tx, world, delivery, channel)
    if text is None:
        return await fail(world, delivery_id, Never("the ticket was revoked before its message was sent"))
    outcome = await channel.send(Handset(delivery.handset), Message(text), key=f"delivery-{delivery_id}")
    match outcome:
        case Accepted():
            async with world.transaction() as tx:
                await messages.sent(
                    tx,
                    delivery_id,
                    channel=channel.name,
                    message_id=outcome.message_id,
                    parts=outcome.parts,
                    now=world.clock.now(),
                )
            return Done()
        case Rejected(retry=True):
            return Again(outcome.reason)
        case Rejected():
            return await fail(world, delivery_id, Never(outcome.reason))


async def fail(world: World, delivery_id: UUID, why: Never) -> Never:
    async with world.transaction() as tx:
        await messages.failed(tx, delivery_id, reason=why.reason)
    return why


async def _compose(tx: Any, world: World, delivery: sa.Row[Any], channel: Channel) -> str | None:
    """The text of a delivery, made now: it may hold a PIN, which is stored nowhere. None: no longer wanted."""
    if delivery.purpose == Purpose.EMONEY:
        account = await emoney.account(tx, delivery.account_id)
        assert account is not None, "an e-money message names its account"
        language, name = await emoney.issuer_words(tx, account.issuer_id)
        balance = Money(account.balance, account.currency).words(language)
        pin = pin_of(
            world.house.keys,
            issuer_id=account.issuer_id,
            identity=account.id,
            kid=account.kid,
            generation=account.generation,
        )
        return emoney_message(said(name, language), balance, pin.reveal(), language)
    ticket = await sales.ticket(tx, delivery.ticket_id)
    assert ticket is not None, "a ticket's message names its ticket"
    if delivery.purpose == Purpose.REVOKED:
        return revoked_message(said(ticket.title, ticket.language), shown(ticket.number), ticket.language)
    if ticket.state != TicketState.VALID:
        return None
    return ticket_text(world, ticket, channel)


def ticket_text(world: World, ticket: sa.Row[Any], channel: Channel) -> str:
    """The message of a ticket as its holder gets it over this channel."""
    return ticket_message(slip(world, ticket), ticket.language, lambda text: len(channel.preview(text).parts))


def slip(world: World, ticket: sa.Row[Any]) -> Slip:
    """What a ticket says, with the secrets that only its holder may see."""
    keys, language = world.house.keys, ticket.language
    pin = pin_of(keys, issuer_id=ticket.issuer_id, identity=ticket.id, kid=ticket.kid, generation=ticket.generation)
    journey = ""
    if ticket.origin_name:
        journey = f"{said(ticket.origin_name, language)} > {said(ticket.destination_name, language)}"
    return Slip(
        title=said(ticket.title, language),
        when=_when(ticket, language),
        where=journey or said(ticket.venue_name, language),
        seat=_what(ticket, language),
        number=shown(ticket.number),
        pin=pin.reveal(),
        link=link_of(world, ticket),
    )


def link_of(world: World, ticket: sa.Row[Any]) -> str:
    """The address of the page behind the message: whoever has it has the ticket."""
    mac = world.house.keys.link_mac(ticket.kid)
    token = link_token_for(mac, ticket_id=ticket.id, generation=ticket.generation)
    return f"{world.house.public_url}/t/{token.reveal()}"


def _when(ticket: sa.Row[Any], language: str) -> str:
    if ticket.starts_at is not None:
        return moment(ticket.starts_at, ticket.timezone, language)
    until = day(ticket.valid_until - timedelta(minutes=1), ticket.timezone, language)
    return f"{until}까지" if language == "ko" else f"until {until}"


def _what(ticket: sa.Row[Any], language: str) -> str:
    """Seat, or what else tells this ticket from others: its value, its rides, its category."""
    seat = seat_words(ticket.section, ticket.row, ticket.seat, language)
    if seat:
        return seat
    if ticket.balance is not None:
        return Money(ticket.balance, ticket.currency).words(language)
    name = said(ticket.price_name, language)
    if ticket.uses > 1:
        return f"{name} {ticket.uses}회" if language == "ko" else f"{name}, {ticket.uses} rides"
    return name


async def resend(world: World, ticket_id: UUID) -> UUID:
    """Owe the ticket's message once more; raises NotFound, WrongState, TooMany."""
    now = world.clock.now()
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
        if ticket is None:
            raise NotFound("There is no such ticket.")
        if ticket.state != TicketState.VALID:
            raise WrongState("This ticket was revoked; there is nothing to send.")
        recent = await messages.resends_since(tx, ticket_id, since=now - timedelta(hours=1))
        if recent >= world.house.resends_per_hour_max:
            raise TooMany(
                f"This ticket was sent {recent} times within the hour. Try again later.", retry_after_seconds=3600
            )
        delivery = NewDelivery(
            id=world.entropy.uuid(),
            issuer_id=ticket.issuer_id,
            purpose=Purpose.RESEND,
            handset=ticket.handset,
            booking_id=ticket.booking_id,
            ticket_id=ticket.id,
        )
        await messages.queue(tx, [delivery], now=now)
        await outbox.put(tx, [owed_delivery(world, delivery)], now=now)
    await world.memory.wake()
    return delivery.id


async def receive(world: World, *, channel: str, message_id: str, state: str, at: datetime) -> bool:
    """A carrier's receipt: kept once, applied if it says something new; repeated and unknown ones are harmless."""
    async with world.transaction() as tx:
        return await messages.receive(
            tx, channel=channel, message_id=message_id, state=state, at=at, now=world.clock.now()
        )
