"""Carrying a ticket: a device downloads it, keeps it, and shows it from then on without asking anybody.

The first download binds the ticket to the device's key, once: the register learns it in the same transaction, an
issuer elsewhere as soon as it answers. Another device of the same holder moves it, which makes it a new ticket.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.entry_rules import Face
from app.domain.refusals import NotFound, WrongState
from app.domain.ticket import TicketState
from app.flows.booking.sales_status import LOCAL, issuer_of
from app.flows.delivery import deliver
from app.flows.delivery.compose import link_of
from app.flows.hands.reissue import reissue
from app.flows.hands.succession import Given
from app.flows.handset.devices import Caller
from app.flows.outcome import Done
from app.flows.tickets import show
from app.flows.tickets.register import register as tell_issuer
from app.flows.tickets.register import registration
from app.flows.tickets.show import Card, Use
from app.store import handsets, outbox, register, sales
from app.store.database import Tx
from app.store.outbox import Owed
from app.store.topics import Topic
from app.world import World

REFRESH = timedelta(hours=12)
"""How soon a device should fetch its tickets again: half as long as the next key is published before it signs."""
MOVED = "moved to another device of the same handset"


@dataclass(frozen=True, slots=True)
class Carried:
    """A ticket as its device keeps it; a face that its product does not take, or that is over, is empty.

    `version` names this state of it: as long as it is the same, the device need not fetch the ticket again.
    """

    card: Card
    version: str
    refresh_at: datetime
    link: str = field(repr=False)
    pin: str = field(default="", repr=False)
    compact: str = field(default="", repr=False)
    signed: str = field(default="", repr=False)
    living: bytes = field(default=b"", repr=False)


async def tickets(
    world: World, caller: Caller, *, after: UUID | None, limit: int, ended: bool
) -> Sequence[sa.Row[Any]]:
    """A page of the handset's tickets, the latest first."""
    async with world.database.statements() as tx:
        return await handsets.tickets(tx, caller.handset, after=after, limit=limit, ended=ended, now=world.clock.now())


async def own(world: World, caller: Caller, ticket_id: UUID) -> sa.Row[Any]:
    """A ticket of the caller's handset; another one's looks like none. Raises NotFound."""
    async with world.database.statements() as tx:
        return await _own(tx, caller, ticket_id)


async def _own(tx: Tx, caller: Caller, ticket_id: UUID) -> sa.Row[Any]:
    ticket = await sales.ticket(tx, ticket_id)
    if ticket is None or ticket.handset != caller.handset:
        raise NotFound("There is no such ticket with this handset.")
    return ticket


async def download(world: World, caller: Caller, ticket_id: UUID) -> Carried:
    """The ticket with all that is needed to show it offline, bound to this device; raises NotFound, WrongState.

    A ticket that does not count any more is told as it is, without its secrets.
    """
    async with world.transaction() as tx:
        ticket = await _own(tx, caller, ticket_id)
        if ticket.state == TicketState.VALID and ticket.device_id != caller.device_id:
            await _bind(tx, world, caller, ticket)
            ticket = await _own(tx, caller, ticket_id)
    if ticket.served_by != LOCAL:
        await world.memory.wake()
    return await _carried(world, caller, ticket)


async def _carried(world: World, caller: Caller, ticket: sa.Row[Any]) -> Carried:
    """The faces that the ticket's product takes of a ticket that lives on a device."""
    card = await show.card(world, ticket)
    version, refresh_at = _version(world, caller, card), world.clock.now() + REFRESH
    if card.use is not Use.GOOD:
        return Carried(card, version, refresh_at, link_of(world, ticket))
    taken = show.faces(ticket)
    return Carried(
        card,
        version,
        refresh_at,
        link_of(world, ticket),
        pin=card.pin,
        compact=show.compact_code(world, ticket) if Face.COMPACT in taken else "",
        signed=show.signed_code(world, ticket) if Face.SIGNED in taken else "",
        living=show.living_part(world, ticket, caller.public_key),
    )


async def _bind(tx: Tx, world: World, caller: Caller, ticket: sa.Row[Any]) -> None:
    """Raises WrongState where the ticket lives on another device."""
    now = world.clock.now()
    if not await handsets.bind(tx, ticket.id, device_id=caller.device_id, now=now):
        raise WrongState(
            f"This ticket is on another device of this number. Move it here: POST /handset/tickets/{ticket.id}/move.",
            reason="elsewhere",
        )
    if ticket.served_by == LOCAL:
        # Its registration may still be owed: that one then finds it there, and changes nothing.
        await register.register(tx, [registration(ticket)], now=now)
        await register.bind(tx, ticket.id, holder_key=caller.public_key)
    else:
        owed = Owed(world.entropy.uuid(), ticket.issuer_id, Topic.BIND, str(ticket.id), {"ticket": str(ticket.id)})
        await outbox.put(tx, [owed], now=now)


def _version(world: World, caller: Caller, card: Card) -> str:
    """What the download depends on. Its signatures differ each time, and each of them is good."""
    ticket = card.ticket
    parts = (
        ticket.id,
        ticket.generation,
        card.use,
        card.uses_left,
        card.balance,
        ticket.entry_rules,
        caller.device_id,
        world.house.keys.signer.kid,
        ticket.valid_from,
        card.ends,
        ticket.starts_at,
        ticket.title,
        ticket.venue_name,
    )
    return hashlib.sha256(repr(tuple(str(part) for part in parts)).encode()).hexdigest()[:32]


async def move(world: World, caller: Caller, ticket_id: UUID) -> Given:
    """Issue a ticket anew that lives on another device, for this one to download; raises NotFound, WrongState."""
    ticket = await own(world, caller, ticket_id)
    if ticket.state == TicketState.VALID and ticket.device_id in {None, caller.device_id}:
        raise WrongState(f"This ticket is not on another device. Download it: GET /handset/tickets/{ticket_id}.")
    return await reissue(world, ticket_id, MOVED)


async def resend(world: World, caller: Caller, ticket_id: UUID) -> UUID:
    """Owe the ticket's message once more; raises NotFound, WrongState, TooMany."""
    await own(world, caller, ticket_id)
    return await deliver.resend(world, ticket_id)


async def tell_bound(world: World, ticket_id: UUID) -> Done:
    """Tell an issuer elsewhere by which key the ticket lives; registered first, so that it knows the ticket."""
    await tell_issuer(world, ticket_id)
    async with world.transaction() as tx:
        ticket = await sales.ticket(tx, ticket_id)
        assert ticket is not None, "a bound ticket stays on the books"
        device = await handsets.device(tx, ticket.device_id)
    assert device is not None, "nobody deletes a device"
    await issuer_of(world, ticket.served_by).bind(
        issuer_id=ticket.issuer_id, ticket_id=ticket_id, holder_key=device.public_key
    )
    return Done()
