"""When a phone is gone: besides tickets it held links of bookings and PINs of e-money, which open nothing any more."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.domain.handset import Handset
from app.flows.tickets.issue import owed_delivery
from app.store import emoney, messages, outbox, sales
from app.store.database import Tx
from app.store.messages import NewDelivery
from app.store.tables.messages import Purpose
from app.world import World

CHANCE_BYTES = 32


async def shut_links(tx: Tx, world: World, handset: Handset, *, issuer_id: UUID | None = None) -> None:
    """The pages of what this handset has bought, of one issuer or of all, are behind no link any more.

    Whoever has such a link could else open the new tickets, give them away and return them. What may be returned still
    may be: by text message, or at the box office.
    """
    await sales.shut_links(tx, handset, issuer_id=issuer_id, chance=world.entropy.bytes(CHANCE_BYTES))


async def change_pins(tx: Tx, world: World, handset: Handset, *, now: datetime, issuer_id: UUID | None = None) -> None:
    """New PINs for the handset's e-money, of one issuer or of all, and messages with them to the same number."""
    deliveries = [
        NewDelivery(
            id=world.entropy.uuid(),
            issuer_id=row.issuer_id,
            purpose=Purpose.EMONEY,
            handset=handset,
            account_id=row.id,
        )
        for row in await emoney.change_pins(tx, handset, issuer_id=issuer_id)
    ]
    await messages.queue(tx, deliveries, now=now)
    await outbox.put(tx, [owed_delivery(world, one) for one in deliveries], now=now)
