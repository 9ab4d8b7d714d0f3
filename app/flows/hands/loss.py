"""When a phone is gone: besides tickets it held links of bookings and PINs of e-money, which open nothing any more."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.domain.handset import Handset
from app.flows.owing import of_emoney, owe_messages
from app.store import emoney, sales
from app.store.database import Tx
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
    accounts = await emoney.change_pins(tx, handset, issuer_id=issuer_id)
    await owe_messages(tx, world, [of_emoney(world, one, handset) for one in accounts], now=now)
