"""Composing: what a message says, made when it is sent, for it may hold what is stored nowhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa

from app.domain.catalogue import USES_MAX
from app.domain.credential import link_token_for, shown
from app.domain.entry_rules import Face
from app.domain.gift import Hand, Standing
from app.domain.handset import Handset, texted
from app.domain.lasting import Lasting
from app.domain.money import Money
from app.domain.refund import RefundReason, RefundState
from app.domain.replies import Reply, price_words, reply_text
from app.domain.sign_in import SignInPurpose, code_message, digits_of
from app.domain.ticket import TicketState
from app.domain.wording import (
    OfferSlip,
    Slip,
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
from app.flows.hands.offered import offer_link, offered
from app.flows.tickets import show
from app.pins import pin_of_row
from app.ports import Channel, Message
from app.store import emoney, handsets, offers, refunds, sales
from app.store.tables.messages import Purpose
from app.world import World

ABOUT_AN_OFFER = frozenset({Purpose.OFFER, Purpose.DECLINED})

ABOUT_NO_TICKET = frozenset({Purpose.EMONEY, Purpose.MONEY_BACK, Purpose.REPLY, Purpose.SIGN_IN})


async def compose(
    tx: Any, world: World, delivery: sa.Row[Any], ticket: sa.Row[Any] | None, channel: Channel
) -> Message | None:
    """The message of a delivery, made now: it may hold a PIN, which is stored nowhere. None: no longer wanted."""
    if delivery.purpose in ABOUT_NO_TICKET:
        text = await _text_without_ticket(tx, world, delivery, channel)
        return None if text is None else Message(text)
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
    text = ticket_text(world, ticket, await show.lasting_of(tx, ticket), channel)
    link = f"{world.house.public_url}/wap/t/{_token(world, ticket)}"
    code = show.compact_code(world, ticket) if Face.COMPACT in show.faces(ticket) else ""
    return Message(text, title, link, code)


async def _text_without_ticket(tx: Any, world: World, delivery: sa.Row[Any], channel: Channel) -> str | None:
    if delivery.purpose == Purpose.SIGN_IN:
        return await _code_text(tx, world, delivery.sign_in_id)
    if delivery.purpose == Purpose.EMONEY:
        return await _emoney_text(tx, world, delivery)
    if delivery.purpose == Purpose.MONEY_BACK:
        return await _money_back_text(tx, delivery)
    return reply_text(Reply.of_json(delivery.reply), lambda text: len(channel.preview(text).parts))


async def _code_text(tx: Any, world: World, sign_in_id: UUID) -> str | None:
    """The message with a code, made now: the digits stand nowhere. None where it would come too late."""
    row = await handsets.sign_in(tx, sign_in_id)
    assert row is not None, "nobody deletes what a message is about"
    if world.clock.now() >= row.until or row.used_at is not None:
        return None
    purpose = SignInPurpose(row.purpose)
    digits = digits_of(world.house.keys.sign_in_mac(row.kid), row.id, purpose)
    return code_message(purpose, digits, urlsplit(world.house.public_url).hostname or "", row.language)


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
    lasting = await show.lasting_of(tx, ticket)
    slip = OfferSlip(
        giver=texted(Handset(row.giver)),
        title=title,
        when=lasting.when(language),
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
    pin = pin_of_row(world.house.keys, account)
    return emoney_message(said(name, language), balance, pin.reveal(), language)


async def _money_back_text(tx: Any, delivery: sa.Row[Any]) -> str:
    """What goes back to a buyer: the message has the id of its refund."""
    rows = await refunds.group(tx, delivery.id)
    booking = (await sales.bookings(tx, [delivery.booking_id]))[delivery.booking_id]
    amount = sum(row.amount for row in rows if row.state != RefundState.REFUSED)
    title, money = said(booking.title, booking.language), Money(amount, booking.currency).words(booking.language)
    return money_back_message(title, money, booking.language, late=rows[0].reason == RefundReason.LATE)


def ticket_text(world: World, ticket: sa.Row[Any], lasting: Lasting, channel: Channel) -> str:
    """The message of a ticket as its holder gets it over this channel."""
    told = slip(world, ticket, lasting)
    return ticket_message(told, ticket.language, lambda text: len(channel.preview(text).parts))


def slip(world: World, ticket: sa.Row[Any], lasting: Lasting) -> Slip:
    """What a ticket says, with the secrets that only its holder may see."""
    language, journey = ticket.language, ""
    if ticket.origin_name:
        journey = f"{said(ticket.origin_name, language)} > {said(ticket.destination_name, language)}"
    return Slip(
        title=said(ticket.title, language),
        when=lasting.when(language),
        where=journey or said(ticket.venue_name, language),
        seat=_what(ticket, language),
        number=shown(ticket.number),
        pin=show.holders_pin(world, ticket),
        link=link_of(world, ticket),
        span=lasting.span(language),
        lead=lead(Hand(ticket.came_by), texted(Handset(ticket.given_by)) if ticket.given_by else "", language),
    )


def link_of(world: World, ticket: sa.Row[Any]) -> str:
    """The address of the page behind the message: whoever has it has the ticket."""
    return f"{world.house.public_url}/t/{_token(world, ticket)}"


def _token(world: World, ticket: sa.Row[Any]) -> str:
    mac = world.house.keys.link_mac(ticket.kid)
    return link_token_for(mac, ticket_id=ticket.id, generation=ticket.generation).reveal()


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
