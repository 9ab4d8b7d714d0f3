"""Giving a paid ticket back by text message: by its number, by whoever bought it, within the product's rule."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.domain.conversation import Cancel
from app.domain.credential import TicketNumber, shown
from app.domain.money import Money
from app.domain.refund import Kept, RefundReason, RefundState, kept_sentence
from app.domain.refusals import WrongState
from app.domain.replies import Reply, Says, price_words
from app.flows.returning import refund
from app.flows.talk.talk import Talk
from app.store import conversations, refunds

BUYER = "buyer"


async def give_back(talk: Talk, asked: Cancel) -> Reply:
    """Return one ticket and its money; a message that is answered again finds that it was."""
    number = shown(TicketNumber(asked.ticket))
    async with talk.world.transaction() as tx:
        row = await conversations.ticket_of(tx, talk.handset, asked.ticket)
    if row is None:
        return talk.says(Says.NO_SUCH_TICKET, number=number)
    if row.buyer != talk.handset:
        return talk.says(Says.ONLY_BUYER, number=number)
    try:
        await refund.ask(
            talk.world, booking_id=row.booking_id, ticket_ids=[row.id], reason=RefundReason.BUYER, by=BUYER
        )
    except WrongState as no:
        reason = str(no.more.get("reason", Kept.RETURNED))
        if reason != Kept.RETURNED:
            return _stays(talk, number, Kept(reason))
    return await _how_it_stands(talk, row, number)


def _stays(talk: Talk, number: str, kept: Kept) -> Reply:
    return talk.says(Says.NOT_RETURNED, number=number, why=kept_sentence(kept, talk.language))


async def _how_it_stands(talk: Talk, row: sa.Row[Any], number: str) -> Reply:
    """What its refunds say: one for each means that paid."""
    async with talk.world.transaction() as tx:
        found = [one for one in await refunds.of_booking(tx, row.booking_id) if row.id in one.ticket_ids]
    going = [one for one in found if one.state != RefundState.REFUSED]
    if not going:
        return _stays(talk, number, Kept.USED)
    amount = price_words(Money(row.amount, row.currency), talk.language)
    done = all(one.state == RefundState.SUCCEEDED for one in going)
    return talk.says(Says.RETURNED if done else Says.RETURNING, number=number, amount=amount)
