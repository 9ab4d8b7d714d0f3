"""One ticket becomes another: the same right under a new number, code, PIN and link, while the old ones die at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa

from app.domain.credential import CodeId, TicketNumber, link_token_for, ticket_number
from app.domain.gift import STAYS_WORDS, Hand, Rest, Stays, Terms
from app.domain.handset import Handset
from app.domain.refusals import WrongState
from app.domain.ticket import TicketEvent, TicketState
from app.flows.owing import owe_messages, to_holder
from app.flows.tickets.issue import new_code, write
from app.flows.tickets.register import registration
from app.store import hands, offers, outbox, register, sales
from app.store.database import Tx
from app.store.moves import move_many
from app.store.outbox import Owed
from app.store.sales import NewTicket
from app.store.tables import Ticket
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World

NUMBER_BYTES = 8
WHY_CHARS_MAX = 200
WHY: Mapping[Hand, str] = {
    Hand.GIVEN: "given to another handset",
    Hand.OFFERED: "accepted by another handset",
    Hand.RESOLD: "bought by another handset",
    Hand.REISSUED: "issued anew",
    Hand.DECLINED: "sent back to its giver",
}
"""Why the old ticket does not count any more, where nobody says anything else."""


@dataclass(frozen=True, slots=True)
class Given:
    """The ticket that the receiver has now."""

    id: UUID
    number: str
    handset: Handset


@dataclass(frozen=True, slots=True)
class Passing:
    """To whom a ticket goes, and how: `offer_id` is the offer that was accepted, `why` what staff read afterwards."""

    receiver: Handset
    came_by: Hand
    why: str = ""
    offer_id: UUID | None = None
    tell_giver: bool = True

    @property
    def told(self) -> str:
        return (self.why or f"{WHY[self.came_by]}, ending in {self.receiver[-4:]}")[:WHY_CHARS_MAX]

    @property
    def purpose(self) -> Purpose:
        """What the message to the receiver is about."""
        return Purpose.REISSUED if self.came_by in {Hand.REISSUED, Hand.DECLINED} else Purpose.GIFT


@dataclass(frozen=True, slots=True)
class Names:
    """What a new ticket goes by: nothing of it follows from the ticket before."""

    id: UUID
    number: TicketNumber
    code: CodeId
    generation: int
    kid: int

    @classmethod
    def drawn(cls, world: World, before: sa.Row[Any]) -> Names:
        number = ticket_number(world.entropy.bytes(NUMBER_BYTES))
        return cls(world.entropy.uuid(), number, new_code(world), before.generation + 1, world.house.keys.kid)


def refusal(why: Stays, came_by: Hand | None = None) -> WrongState:
    """The no, in words, with its name in `reason`; whoever sends back or buys hears what that means for them."""
    match came_by:
        case Hand.DECLINED if why in {Stays.USED, Stays.USED_UP, Stays.INSIDE}:
            return WrongState("This gift was used already, and stays with you.", reason=Stays.USED.value)
        case Hand.RESOLD if why is Stays.USED:
            words = "This ticket was used after it was offered to you. Nothing was paid; ask for another offer."
            return WrongState(words, reason="used_since")
        case _:
            return WrongState(STAYS_WORDS[why], reason=why.value)


async def terms_of(tx: Tx, ticket: sa.Row[Any], came_by: Hand, offer_id: UUID | None) -> Terms:
    """What must be left of a ticket: what its buyer was told of, or all of a gift that is sent back."""
    match came_by:
        case Hand.RESOLD:
            assert offer_id is not None, "only what is on offer is sold on"
            offer = await offers.offer(tx, offer_id)
            assert offer is not None, "nobody deletes an offer"
            return Terms(came_by, offer.uses, offer.balance or 0, offer.created_at)
        case Hand.DECLINED:
            return Terms(came_by, ticket.uses, ticket.balance or 0, ticket.issued_at)
        case Hand.GIVEN | Hand.OFFERED | Hand.REISSUED:
            return Terms(came_by)
        case Hand.SOLD:
            raise AssertionError("what is sold has nobody before")
        case _:
            assert_never(came_by)


async def succeed(tx: Tx, world: World, ticket: sa.Row[Any], passing: Passing, *, now: datetime) -> NewTicket:
    """Revoke a ticket of ours, on our books and in our register, and write its successor.

    What is left goes over, the offer that is open ends or is taken, and the messages are owed. The caller has looked
    whether this may be; what somebody else was faster with raises WrongState, and nothing of this transaction stays.
    """
    state = await hands.hold_still(tx, ticket.id)
    if state is not TicketState.VALID:
        raise refusal(Stays(state.value))
    await revoke(tx, ticket.id, passing, now=now)
    # Where its registration is still owed: that one then finds it revoked, and changes nothing.
    await register.register(tx, [registration(ticket)], now=now)
    terms = await terms_of(tx, ticket, passing.came_by, passing.offer_id)
    rest = await hands.surrender(tx, ticket.id, terms, now=now)
    if isinstance(rest, Stays):
        raise refusal(rest, passing.came_by)
    wanted = successor(world, ticket, passing, Names.drawn(world, ticket), rest)
    (fresh,) = await write(tx, world, [wanted], now=now)
    row = await sales.ticket(tx, fresh.id)
    assert row is not None, "it was written just now"
    # Registered at once: its holder may stand at a gate, or be inside.
    await register.register(tx, [registration(row)], now=now)
    await hands.hand_over(tx, before=ticket.id, after=fresh.id, terms=terms)
    await settle_offer(tx, ticket.id, passing.offer_id, became=fresh.id, now=now)
    await tell(tx, world, ticket, fresh, passing, now=now)
    await _tell_issuer(tx, world, ticket, fresh, now=now)
    return fresh


async def revoke(tx: Tx, ticket_id: UUID, passing: Passing, *, now: datetime) -> None:
    """The old ticket counts here no more; one that was revoked before stays so."""
    await move_many(tx, Ticket, [ticket_id], TicketEvent.REVOKE, revoked_at=now, revoked_why=passing.told)


def successor(world: World, ticket: sa.Row[Any], passing: Passing, names: Names, rest: Rest) -> NewTicket:
    """The same right under another id. Where the first use has begun a window, that is all the time there is."""
    mac = world.house.keys.link_mac(names.kid)
    return NewTicket(
        id=names.id,
        issuer_id=ticket.issuer_id,
        booking_id=ticket.booking_id,
        item_id=ticket.item_id,
        product_id=ticket.product_id,
        occasion_id=ticket.occasion_id,
        place_id=ticket.place_id,
        number=names.number,
        code=names.code,
        generation=names.generation,
        kid=names.kid,
        handset=passing.receiver,
        language=ticket.language,
        uses=rest.uses,
        balance=rest.balance,
        valid_from=ticket.valid_from,
        valid_until=rest.ends(ticket.valid_until),
        link_hash=link_token_for(mac, ticket_id=names.id, generation=names.generation).digest(),
        gift_of=ticket.id,
        came_by=passing.came_by,
        holder=ticket.holder if passing.came_by is Hand.REISSUED else None,
    )


async def settle_offer(tx: Tx, ticket_id: UUID, offer_id: UUID | None, *, became: UUID, now: datetime) -> None:
    """The offer that was accepted is taken; another one that is open of this ticket ends."""
    if offer_id is None:
        await offers.end(tx, ticket_id, now=now)
    elif not await offers.take(tx, offer_id, became=became, now=now):
        raise WrongState("This offer is not open any more.", reason="closed")


async def tell(tx: Tx, world: World, ticket: sa.Row[Any], fresh: NewTicket, passing: Passing, *, now: datetime) -> None:
    """Owe the receiver the new ticket, and another giver the word that it is gone."""
    told = [to_holder(world, passing.purpose, fresh)]
    if passing.tell_giver and ticket.handset != passing.receiver:
        told.append(to_holder(world, Purpose.GIVEN, ticket))
    await owe_messages(tx, world, told, now=now)


async def _tell_issuer(tx: Tx, world: World, ticket: sa.Row[Any], fresh: NewTicket, *, now: datetime) -> None:
    payload = {"ticket": str(ticket.id), "free": []}
    await outbox.put(tx, [
        Owed(world.entropy.uuid(), ticket.issuer_id, Topic.REGISTER, str(fresh.id), {"ticket": str(fresh.id)}),
        Owed(world.entropy.uuid(), ticket.issuer_id, Topic.REVOKE, str(ticket.id), payload),
    ], now=now)  # fmt: skip
