"""Delivering: the message is written when it is sent, the network takes it, its receipts move it forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.delivery import PLAIN, RICH, Profile, Try, TryOutcome, ladder, next_channel, reasons
from app.domain.entry_rules import Face
from app.domain.handset import Handset
from app.domain.refusals import NotFound, TooMany, WrongState
from app.domain.ticket import TicketState
from app.flows.delivery.compose import compose
from app.flows.outcome import Again, Done, Never
from app.flows.owing import owe_messages, to_holder
from app.flows.tickets import show
from app.ports import Accepted, Channel, Rejected
from app.store import messages, outbox, receipts, sales
from app.store.database import Tx
from app.store.outbox import Owed
from app.store.receipts import Fell, Taken, Word
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World

SHOWS_A_TICKET = frozenset({Purpose.TICKET, Purpose.RESEND, Purpose.GIFT, Purpose.REISSUED})
"""Messages that some handsets can take in a richer form than text."""


async def deliver(world: World, delivery_id: UUID) -> Done | Again | Never:
    """Send one queued message by the next channel of its ladder; what was sent, or is no longer wanted, is done."""
    while True:
        delivery = await world.database.together(messages.to_send, delivery_id, atomic=False)
        if delivery is None or delivery.state != "queued":
            return Done()
        ticket = None
        if delivery.ticket_id is not None:
            ticket = await world.database.together(sales.tickets, delivery.ticket_id, atomic=False)
        before = _Tries.of(delivery)
        rungs, channel = _next(world, delivery, ticket, before.this_round)
        if channel is None:
            why = reasons(before.this_round) if rungs else "no channel of the settings can carry it"
            return await fail(world, delivery_id, Never(why))
        async with world.database.statements() as tx:
            message = await compose(tx, world, delivery, ticket, plain_channel(world))
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
    match outcome:
        case Accepted():
            ids = outcome.part_ids or (outcome.message_id,)
            taken = Taken(delivery_id, channel.name, outcome.line or channel.name, ids, outcome.parts)
            await world.database.together(_sent, (world, taken))
            return Done()
        case Rejected(retry=True):
            await _tried(world, delivery_id, Try(channel.name, TryOutcome.FAILED, outcome.reason))
            return Again(outcome.reason)
        case Rejected():
            await _tried(world, delivery_id, Try(channel.name, TryOutcome.REJECTED, outcome.reason))
            return None


async def _sent(tx: Tx, asks: Sequence[tuple[World, Taken]]) -> list[None]:
    """Write down what channels took. What falls at once is owed by its next channel in the same transaction."""
    world, _ = asks[0]
    for fell in await receipts.sent(tx, [taken for _, taken in asks], now=world.clock.now()):
        await _fall(tx, world, fell)
    return [None] * len(asks)


async def _tried(world: World, delivery_id: UUID, one: Try) -> None:
    async with world.database.statements() as tx:
        await messages.tried(tx, delivery_id, one, now=world.clock.now())


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

    @classmethod
    def of(cls, delivery: sa.Row[Any]) -> _Tries:
        """From a row of `messages.to_send`."""
        earlier: list[Try] = []
        now: list[Try] = []
        for seq, channel, outcome, reason in delivery.tries:
            (earlier if seq <= delivery.tried else now).append(Try(channel, TryOutcome(outcome), reason or ""))
        return cls(earlier, now)


def _next(
    world: World, delivery: sa.Row[Any], ticket: sa.Row[Any] | None, tries: Sequence[Try]
) -> tuple[tuple[str, ...], Channel | None]:
    """The delivery's ladder, and the channel that is due on it."""
    wanted = Profile(delivery.wanted or Profile.SMS) if delivery.purpose in SHOWS_A_TICKET else Profile.SMS
    faces: frozenset[Face] = frozenset()
    if wanted in RICH:
        assert ticket is not None, "a ticket's message names its ticket"
        faces = show.faces(ticket)
    rungs = ladder(wanted, world.channels, faces=faces)
    due = next_channel(rungs, tries, failures_max=world.house.rung_attempts_max)
    return rungs, None if due is None else world.channels[due]


async def _fall(tx: Any, world: World, fell: Fell) -> None:
    """A channel took the message and will not bring it: owe it by the next one, or bury it with all the reasons."""
    now = world.clock.now()
    seq = await messages.tried(tx, fell.delivery_id, Try(fell.channel, TryOutcome.REJECTED, fell.reason), now=now)
    (delivery,) = await messages.to_send(tx, [fell.delivery_id])
    assert delivery is not None, "nobody deletes a delivery"
    ticket = None if delivery.ticket_id is None else await sales.ticket(tx, delivery.ticket_id)
    tries = _Tries.of(delivery).this_round
    _, channel = _next(world, delivery, ticket, tries)
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
        told = to_holder(world, Purpose.RESEND, ticket)
        if identity is not None:
            told = replace(told, id=identity)
        await owe_messages(tx, world, [told], now=now)
    await world.memory.wake()
    return told.id


async def receive(world: World, *, channel: str, message_id: str, state: str, at: datetime) -> bool:
    """A carrier's receipt: kept once, applied if it says something new; repeated and unknown ones are harmless."""
    outcome = await world.database.together(_receive, (world, Word(channel, message_id, state, at)))
    if isinstance(outcome, Fell):
        await world.memory.wake(Topic.DELIVER)
    return bool(outcome)


async def _receive(tx: Tx, asks: Sequence[tuple[World, Word]]) -> list[bool | Fell]:
    world, _ = asks[0]
    outcomes = await receipts.receive(tx, [word for _, word in asks], now=world.clock.now())
    for outcome in outcomes:
        if isinstance(outcome, Fell):
            await _fall(tx, world, outcome)
    return outcomes
