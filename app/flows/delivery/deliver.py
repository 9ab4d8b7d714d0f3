"""Delivering: the message is written when it is sent, the network takes it, its receipts move it forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.delivery import PLAIN, Profile, Try, TryOutcome, ladder, next_channel, reasons
from app.domain.handset import Handset
from app.domain.refusals import NotFound, TooMany, WrongState
from app.domain.ticket import TicketState
from app.flows.delivery.compose import compose
from app.flows.outcome import Again, Done, Never
from app.flows.tickets.issue import owed_delivery
from app.ports import Accepted, Channel, Rejected
from app.store import messages, outbox, sales
from app.store.messages import Fell, NewDelivery
from app.store.outbox import Owed
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World

SHOWS_A_TICKET = frozenset({Purpose.TICKET, Purpose.RESEND, Purpose.GIFT, Purpose.REISSUED})
"""Messages that some handsets can take in a richer form than text."""


async def deliver(world: World, delivery_id: UUID) -> Done | Again | Never:
    """Send one queued message by the next channel of its ladder; what was sent, or is no longer wanted, is done."""
    while True:
        async with world.transaction() as tx:
            delivery = await messages.delivery(tx, delivery_id)
            if delivery is None or delivery.state != "queued":
                return Done()
            before = await _tries(tx, delivery_id)
            rungs, channel = await _next(tx, world, delivery, before.this_round)
            message = None if channel is None else await compose(tx, world, delivery, plain_channel(world))
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


# --- by hand, and back from the network -----------------------------------------------------------------------------


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
