"""Delivering: the message is written when it is sent, the network takes it, its receipts move it forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.catalogue import USES_MAX
from app.domain.credential import link_token_for, shown
from app.domain.delivery import PLAIN, Profile, Try, TryOutcome, ladder, next_channel, reasons
from app.domain.gift import Hand, Standing
from app.domain.handset import Handset, texted
from app.domain.money import Money
from app.domain.refund import RefundReason, RefundState
from app.domain.refusals import NotFound, TooMany, WrongState
from app.domain.replies import Reply, price_words, reply_text
from app.domain.ticket import TicketState
from app.domain.wording import (
    OfferSlip,
    Slip,
    day,
    declined_message,
    emoney_message,
    given_message,
    lead,
    moment,
    money_back_message,
    offer_message,
    revoked_message,
    said,
    seat_words,
    ticket_message,
)
from app.flows.issue import owed_delivery
from app.flows.offered import offer_link, offered
from app.flows.show import compact_code
from app.flows.sign_in import code_text
from app.pins import pin_of
from app.ports import Accepted, Channel, Message, Rejected
from app.store import emoney, messages, offers, outbox, refunds, sales
from app.store.messages import Fell, NewDelivery
from app.store.outbox import Owed
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World

SHOWS_A_TICKET = frozenset({Purpose.TICKET, Purpose.RESEND, Purpose.GIFT, Purpose.REISSUED})
"""Messages that some handsets can take in a richer form than text."""

ABOUT_AN_OFFER = frozenset({Purpose.OFFER, Purpose.DECLINED})

ABOUT_NO_TICKET = frozenset({Purpose.EMONEY, Purpose.MONEY_BACK, Purpose.REPLY, Purpose.SIGN_IN})


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
    """Send one queued message by the next channel of its ladder; what was sent, or is no longer wanted, is done."""
    while True:
        async with world.transaction() as tx:
            delivery = await messages.delivery(tx, delivery_id)
            if delivery is None or delivery.state != "queued":
                return Done()
            before = await _tries(tx, delivery_id)
            rungs, channel = await _next(tx, world, delivery, before.this_round)
            message = None if channel is None else await _compose(tx, world, delivery, plain_channel(world))
        if channel is None:
            why = reasons(before.this_round) if rungs else "no channel of the settings can carry it"
            return await fail(world, delivery_id, Never(why))
        if message is None and delivery.purpose == Purpose.SIGN_IN:
            await fail(world, delivery_id, Never("the code was used or too old before its message was sent"))
            return Done()  # nobody waits for it any more
        if message is None:
            return await fail(world, delivery_id, Never("the ticket was revoked before its message was sent"))
        outcome = await channel.send(Handset(delivery.handset), message, key=before.key(delivery_id))
        settled = await _settle(world, delivery_id, channel, outcome)
        if settled is not None:
            return settled


async def _settle(
    world: World, delivery_id: UUID, channel: Channel, outcome: Accepted | Rejected
) -> Done | Again | None:
    """Write down what a channel answered; None: it refused, and the next one is due at once."""
    now = world.clock.now()
    async with world.transaction() as tx:
        match outcome:
            case Accepted():
                ids = outcome.part_ids or (outcome.message_id,)
                names = messages.Names(channel.name, outcome.line or channel.name, ids, outcome.parts)
                fell = await messages.sent(tx, delivery_id, names, now=now)
                if fell is not None:
                    await _fall(tx, world, fell)
                return Done()
            case Rejected(retry=True):
                await messages.tried(tx, delivery_id, Try(channel.name, TryOutcome.FAILED, outcome.reason), now=now)
                return Again(outcome.reason)
            case Rejected():
                await messages.tried(tx, delivery_id, Try(channel.name, TryOutcome.REJECTED, outcome.reason), now=now)
                return None


async def fail(world: World, delivery_id: UUID, why: Never) -> Never:
    async with world.transaction() as tx:
        await messages.failed(tx, delivery_id, reason=why.reason)
    return why


# --- the ladder -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tries:
    """What was tried so far: all of it, and what counts now."""

    earlier: Sequence[Try]
    this_round: Sequence[Try]

    def key(self, delivery_id: UUID) -> str:
        """What names the message to a channel. What a network took and lost it would not send again under its key."""
        taken = sum(one.outcome is TryOutcome.ACCEPTED for one in self.earlier)
        return f"delivery-{delivery_id}-{taken}" if taken else f"delivery-{delivery_id}"


async def _tries(tx: Any, delivery_id: UUID) -> _Tries:
    delivery = await messages.delivery(tx, delivery_id)
    assert delivery is not None, "nobody deletes a delivery"
    rows = await messages.tries(tx, [delivery_id])
    earlier: list[Try] = []
    now: list[Try] = []
    for row in rows:
        one = Try(row.channel, TryOutcome(row.outcome), row.reason or "")
        (earlier if row.seq <= delivery.tried else now).append(one)
    return _Tries(earlier, now)


async def _next(
    tx: Any, world: World, delivery: sa.Row[Any], tries: Sequence[Try]
) -> tuple[tuple[str, ...], Channel | None]:
    """The delivery's ladder, and the channel that is due on it."""
    rich = delivery.purpose in SHOWS_A_TICKET
    wanted = await messages.profile(tx, delivery.handset) if rich else Profile.SMS
    rungs = ladder(wanted, world.channels, rich=rich)
    due = next_channel(rungs, tries, failures_max=world.house.rung_attempts_max)
    return rungs, None if due is None else world.channels[due]


async def _fall(tx: Any, world: World, fell: Fell) -> None:
    """A channel took the message and will not bring it: owe it by the next one, or bury it with all the reasons."""
    now = world.clock.now()
    seq = await messages.tried(tx, fell.delivery_id, Try(fell.channel, TryOutcome.REJECTED, fell.reason), now=now)
    delivery = await messages.delivery(tx, fell.delivery_id)
    assert delivery is not None, "nobody deletes a delivery"
    tries = (await _tries(tx, fell.delivery_id)).this_round
    _, channel = await _next(tx, world, delivery, tries)
    payload = {"delivery": str(fell.delivery_id)}
    again = Owed(world.entropy.uuid(), delivery.issuer_id, Topic.DELIVER, f"{fell.delivery_id}:{seq}", payload)
    await outbox.put(tx, [again], now=now)
    if channel is None:
        await messages.failed(tx, fell.delivery_id, reason=reasons(tries))
        await outbox.bury(tx, again.id, now=now, reason=reasons(tries))
    else:
        await messages.fall(tx, fell.delivery_id)


def plain_channel(world: World) -> Channel:
    """The channel by which a text goes to any handset."""
    return world.channels[next(name for name in PLAIN if name in world.channels)]


# --- what it says ---------------------------------------------------------------------------------------------------


async def _compose(tx: Any, world: World, delivery: sa.Row[Any], channel: Channel) -> Message | None:
    """The message of a delivery, made now: it may hold a PIN, which is stored nowhere. None: no longer wanted."""
    if delivery.purpose in ABOUT_NO_TICKET:
        text = await _text_without_ticket(tx, world, delivery, channel)
        return None if text is None else Message(text)
    ticket = await sales.ticket(tx, delivery.ticket_id)
    assert ticket is not None, "a ticket's message names its ticket"
    title = said(ticket.title, ticket.language)
    if delivery.purpose == Purpose.GIVEN:
        receiver = texted(Handset(ticket.given_to))
        return Message(given_message(title, shown(ticket.number), receiver, ticket.language))
    if delivery.purpose == Purpose.REVOKED:
        return Message(revoked_message(title, shown(ticket.number), ticket.language))
    if delivery.purpose in ABOUT_AN_OFFER:
        text = await _offer_text(tx, world, delivery, ticket, channel)
        return None if text is None else Message(text)
    if ticket.state != TicketState.VALID or world.house.keys.was_dropped(ticket.kid):
        return None  # under a secret that was dropped it is issued anew, and that one is told
    return Message(
        text=ticket_text(world, ticket, channel),
        title=title,
        link=f"{world.house.public_url}/wap/t/{_token(world, ticket)}",
        code=compact_code(world, ticket),
    )


async def _text_without_ticket(tx: Any, world: World, delivery: sa.Row[Any], channel: Channel) -> str | None:
    if delivery.purpose == Purpose.SIGN_IN:
        return await code_text(tx, world, delivery.sign_in_id)
    if delivery.purpose == Purpose.EMONEY:
        return await _emoney_text(tx, world, delivery)
    if delivery.purpose == Purpose.MONEY_BACK:
        return await _money_back_text(tx, delivery)
    return reply_text(Reply.of_json(delivery.reply), lambda text: len(channel.preview(text).parts))


async def _offer_text(
    tx: Any, world: World, delivery: sa.Row[Any], ticket: sa.Row[Any], channel: Channel
) -> str | None:
    """What receiver or giver hear of an offer; None: it ended before its receiver was told."""
    row = await offers.offer(tx, delivery.offer_id)
    assert row is not None, "nobody deletes an offer"
    title, language = said(ticket.title, ticket.language), ticket.language
    if delivery.purpose == Purpose.DECLINED:
        return declined_message(title, shown(ticket.number), texted(Handset(row.receiver)), language)
    if offered(row, now=world.clock.now()).standing is not Standing.OPEN:
        return None
    slip = OfferSlip(
        giver=texted(Handset(row.giver)),
        title=title,
        when=_when(ticket, language),
        seat=_what(ticket, language),
        price=price_words(Money(row.asked, row.currency), language) if row.asked else "",
        until=moment(row.until, ticket.timezone, language),
        link=f"{world.house.public_url}/o/{offer_link(world, row.id, ticket.kid).reveal()}",
    )
    return offer_message(slip, language, lambda text: len(channel.preview(text).parts))


async def _emoney_text(tx: Any, world: World, delivery: sa.Row[Any]) -> str:
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


async def _money_back_text(tx: Any, delivery: sa.Row[Any]) -> str:
    """What goes back to a buyer: the message has the id of its refund."""
    rows = await refunds.group(tx, delivery.id)
    booking = (await sales.bookings(tx, [delivery.booking_id]))[delivery.booking_id]
    amount = sum(row.amount for row in rows if row.state != RefundState.REFUSED)
    title, money = said(booking.title, booking.language), Money(amount, booking.currency).words(booking.language)
    return money_back_message(title, money, booking.language, late=rows[0].reason == RefundReason.LATE)


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
        lead=lead(Hand(ticket.came_by), texted(Handset(ticket.given_by)) if ticket.given_by else "", language),
    )


def link_of(world: World, ticket: sa.Row[Any]) -> str:
    """The address of the page behind the message: whoever has it has the ticket."""
    return f"{world.house.public_url}/t/{_token(world, ticket)}"


def _token(world: World, ticket: sa.Row[Any]) -> str:
    mac = world.house.keys.link_mac(ticket.kid)
    return link_token_for(mac, ticket_id=ticket.id, generation=ticket.generation).reveal()


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
    if 1 < ticket.uses <= USES_MAX:
        return f"{name} {ticket.uses}회" if language == "ko" else f"{name}, {ticket.uses} rides"
    return name


async def resend(world: World, ticket_id: UUID, *, identity: UUID | None = None) -> UUID:
    """Owe the ticket's message once more (as `identity`, once); raises NotFound, WrongState, TooMany."""
    now = world.clock.now()
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
        if ticket is None:
            raise NotFound("There is no such ticket.")
        if ticket.state != TicketState.VALID:
            raise WrongState("This ticket was revoked; there is nothing to send.")
        if identity is not None and await messages.delivery(tx, identity) is not None:
            return identity
        recent = await messages.resends_since(tx, ticket_id, since=now - timedelta(hours=1))
        if recent >= world.house.resends_per_hour_max:
            raise TooMany(
                f"This ticket was sent {recent} times within the hour. Try again later.", retry_after_seconds=3600
            )
        delivery = NewDelivery(
            id=identity or world.entropy.uuid(),
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
        outcome = await messages.receive(
            tx, channel=channel, message_id=message_id, state=state, at=at, now=world.clock.now()
        )
        if isinstance(outcome, Fell):
            await _fall(tx, world, outcome)
    if isinstance(outcome, Fell):
        await world.memory.wake()
    return bool(outcome)
