"""What a handset has, by text message: list it, send it again, give it away, tell the e-money."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.domain.conversation import Gift, Resend
from app.domain.credential import TicketNumber, shown
from app.domain.gift import Stays
from app.domain.handset import texted
from app.domain.money import Money
from app.domain.refusals import BadHandset, HandoverPending, TooMany, WrongState
from app.domain.replies import Reply, Says, price_words
from app.domain.ticket import TicketState
from app.domain.wording import said, shortened
from app.flows.delivery import deliver
from app.flows.hands.give import give
from app.flows.handset.numbers import parse_mobile
from app.flows.talk.talk import Talk
from app.flows.tickets import show
from app.store import conversations

LISTED_MAX = 9
TITLE_CHARS = 20
RESENT_MAX = 3
"""How many tickets a RESEND without a number sends."""

NO_GIFT = {
    Stays.REVOKED: Says.NO_SUCH_TICKET,
    Stays.SUSPENDED: Says.ON_HOLD,
    Stays.ELSEWHERE: Says.NOT_A_GIFT,
    Stays.NOT_A_GIFT: Says.NOT_A_GIFT,
    Stays.USED_UP: Says.USED_UP,
    Stays.TOO_LATE: Says.GIFT_TOO_LATE,
    Stays.INSIDE: Says.INSIDE,
    Stays.USED: Says.USED_UP,
    Stays.UNDER_WAY: Says.HANDING_OVER,
}
"""What the reasons of `give` are called here."""


async def tickets(talk: Talk) -> Reply:
    """What can still be used, the next first."""
    rows = await _good(talk, LISTED_MAX)
    if not rows:
        return talk.says(Says.NO_TICKETS)
    return talk.says(Says.TICKETS, [_line(talk, row) for row in rows])


def _line(talk: Talk, row: sa.Row[Any]) -> str:
    when = show.lasting(row, None).when(talk.language)
    return f"{shortened(said(row.title, talk.language), TITLE_CHARS)} {when} {shown(row.number)}"


async def _good(talk: Talk, limit: int) -> list[sa.Row[Any]]:
    async with talk.world.transaction() as tx:
        return await conversations.good_tickets(tx, talk.handset, now=talk.world.clock.now(), limit=limit)


async def _own(talk: Talk, number: str) -> sa.Row[Any] | None:
    """A ticket of this handset's; foreign and unknown ones look alike."""
    async with talk.world.transaction() as tx:
        return await conversations.ticket_of(tx, talk.handset, number)


async def resend(talk: Talk, asked: Resend) -> Reply:
    """Send the message of one ticket again, or of the next ones."""
    if asked.ticket:
        own = await _own(talk, asked.ticket)
        rows = [own] if own is not None and own.state == TicketState.VALID else []
        if not rows:
            return talk.says(Says.NO_SUCH_TICKET, number=_shown(asked.ticket))
    else:
        rows = await _good(talk, RESENT_MAX)
        if not rows:
            return talk.says(Says.NO_TICKETS)
    sent = 0
    for number, row in enumerate(rows, 1):
        try:
            await deliver.resend(talk.world, row.id, identity=talk.child(number))
        except TooMany:
            continue
        sent += 1
    return talk.says(Says.RESENT, count=sent) if sent else talk.says(Says.RESENT_OFTEN)


def _shown(number: str) -> str:
    return shown(TicketNumber(number))


async def gift(talk: Talk, asked: Gift) -> Reply:
    """Give one ticket to another handset, which gets a ticket of its own; this reply is what the giver hears of it."""
    number = _shown(asked.ticket)
    try:
        receiver = parse_mobile(asked.to)
    except ValueError:
        return talk.says(Says.BAD_NUMBER, number=number)
    row = await _own(talk, asked.ticket)
    if row is None:
        return talk.says(Says.NO_SUCH_TICKET, number=number)
    try:
        await give(talk.world, row.id, receiver, tell_giver=False)
    except (BadHandset, TooMany, HandoverPending, WrongState) as no:
        return talk.says(_no_gift(no), number=number)
    return talk.says(Says.GIVEN, number=number, handset=texted(receiver))


def _no_gift(no: BadHandset | TooMany | HandoverPending | WrongState) -> Says:
    match no:
        case BadHandset():
            return Says.OWN_NUMBER
        case TooMany():
            return Says.GIFTS_OFTEN
        case HandoverPending():
            return Says.HANDING_OVER
        case WrongState():
            return NO_GIFT[Stays(str(no.more["reason"]))]


async def balance(talk: Talk) -> Reply:
    """The e-money of this handset at each issuer; its PIN was told when it was topped up."""
    async with talk.world.transaction() as tx:
        rows = await conversations.balances(tx, talk.handset)
    if not rows:
        return talk.says(Says.NO_BALANCE)
    lines = [
        f"{shortened(said(row.name, talk.language), TITLE_CHARS)}"
        f" {price_words(Money(row.balance, row.currency), talk.language)}"
        for row in rows
    ]
    return talk.says(Says.BALANCE, lines)
