"""Owing a message: what a handset is to hear, and the work of sending it, in the transaction of what it tells of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.store import messages, outbox
from app.store.database import Tx
from app.store.messages import NewDelivery
from app.store.outbox import Owed
from app.store.sales import NewTicket
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World


async def owe_messages(
    tx: Tx, world: World, told: Sequence[NewDelivery], *, now: datetime, also: Sequence[Owed] = ()
) -> None:
    """Queue messages and owe their sending; `also` is what else follows from the same fact."""
    written = [messages.queued(told, now=now)] if told else []
    await outbox.put(tx, [*(_sending(world, one) for one in told), *also], now=now, beside=written)


def _sending(world: World, one: NewDelivery) -> Owed:
    return Owed(world.entropy.uuid(), one.issuer_id, Topic.DELIVER, str(one.id), {"delivery": str(one.id)})


def to_holder(world: World, purpose: Purpose, ticket: sa.Row[Any] | NewTicket) -> NewDelivery:
    """A message about a ticket, to the handset that has it."""
    return NewDelivery(
        id=world.entropy.uuid(),
        issuer_id=ticket.issuer_id,
        purpose=purpose,
        handset=ticket.handset,
        booking_id=ticket.booking_id,
        ticket_id=ticket.id,
    )


def of_emoney(world: World, account: sa.Row[Any], handset: str) -> NewDelivery:
    """The message that tells a handset the balance and the PIN of its e-money."""
    return NewDelivery(
        id=world.entropy.uuid(),
        issuer_id=account.issuer_id,
        purpose=Purpose.EMONEY,
        handset=handset,
        account_id=account.id,
    )
