"""Conversing: what a handset writes is kept first, then answered once, by one short message at most.

A carrier says who wrote; nobody else can. Names and short codes are never answered: two machines would talk for ever.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.domain.conversation import (
    HEARD_CHARS_MAX,
    Balance,
    Buy,
    Cancel,
    Choose,
    Command,
    Gift,
    Heard,
    Help,
    Resend,
    Tickets,
    Unclear,
    Verb,
    Yes,
    hear,
)
from app.domain.handset import Handset
from app.domain.replies import Reply, Says
from app.flows.handset.numbers import answerable
from app.flows.outcome import Again, Done
from app.flows.owing import owe_messages
from app.flows.talk import buying as talk_buying
from app.flows.talk import returns as talk_returns
from app.flows.talk import tickets as talk_tickets
from app.flows.talk.talk import Talk
from app.metrics import HEARD
from app.store import conversations, outbox
from app.store.conversations import NewMessage
from app.store.database import Tx
from app.store.messages import NewDelivery
from app.store.outbox import Owed
from app.store.tables.messages import Purpose
from app.store.topics import Topic
from app.world import World

NONCE_BYTES = 12
WINDOW = timedelta(hours=1)
TURN = timedelta(minutes=2)
"""How long a message waits for an earlier one of the same handset to be answered."""
UNCLEAR_MAX = 5
"""How many messages that mean nothing are answered within an hour: the other side may be a machine."""
HOW_TO = {
    Verb.BUY: Says.HOW_TO_BUY,
    Verb.YES: Says.NEEDS_PIN,
    Verb.RESEND: Says.HOW_TO_RESEND,
    Verb.GIFT: Says.HOW_TO_GIVE,
    Verb.CANCEL: Says.HOW_TO_RETURN,
}

log = structlog.get_logger()


async def receive(
    world: World, *, channel: str, message_id: str, sender: str, to: str, text: str, at: datetime
) -> bool:
    """Keep a message to be answered; False for one that is known, that nobody may answer, or that is one too many.

    Once this returns the message is on the disk: the carrier may forget it.
    """
    handset = await welcome(world, channel=channel, sender=sender, to=to)
    if handset is None:
        return False
    async with world.transaction() as tx:
        kept = await keep(tx, world, channel=channel, message_id=message_id, handset=handset, text=text, at=at)
    if kept:
        await world.memory.wake()
    return kept


async def welcome(world: World, *, channel: str, sender: str, to: str) -> Handset | None:
    """Whose message it is; None where nobody may answer, or where it is one too many."""
    handset = answerable(sender)
    if handset is None or _is_ours(world, handset, to):
        log.info("message_not_answered", reason="sender", channel=channel)
        return None
    most = 2 * world.house.heard_per_hour_max
    if not await world.memory.allow(f"heard:{handset}", most=most, seconds=int(WINDOW.total_seconds())):
        log.warning("message_not_answered", reason="rate", channel=channel)
        return None
    return handset


async def keep(
    tx: Tx, world: World, *, channel: str, message_id: str, handset: Handset, text: str, at: datetime
) -> bool:
    """Keep a whole message and owe its answer, with whatever else the caller writes; False as `receive`."""
    now = world.clock.now()
    if await conversations.count_since(tx, handset, since=now - WINDOW) >= world.house.heard_per_hour_max:
        log.warning("message_not_answered", reason="rate", channel=channel)
        return False
    identity = world.entropy.uuid()
    kid = world.house.keys.kid
    sealed = seal(world, text[:HEARD_CHARS_MAX].encode("utf-8", "replace"), kid, identity.bytes)
    if not await conversations.keep(tx, NewMessage(identity, channel, message_id, handset, at, now, sealed, kid)):
        return False
    owed = Owed(world.entropy.uuid(), None, Topic.CONVERSE, str(identity), {"message": str(identity)})
    await outbox.put(tx, [owed], now=now)
    return True


def _is_ours(world: World, handset: Handset, to: str) -> bool:
    """Whether we would talk to ourselves."""
    own = {number.lstrip("+") for number in (world.house.short_code, to) if number}
    return handset.lstrip("+") in own


async def answer(world: World, message_id: UUID) -> Done | Again:
    """Carry out what a message asks and owe its reply. Answering it again, after a crash, causes nothing twice."""
    now = world.clock.now()
    async with world.transaction() as tx:
        row = await conversations.message(tx, message_id)
        if row is None or row.answered_at is not None:
            return Done()
        if await conversations.is_overtaking(tx, row, since=now - TURN):
            return Again("an earlier message of this handset is being answered")
        before = await conversations.conversation(tx, row.handset)
        place, unclear = await conversations.place_in_hour(tx, row, since=now - WINDOW)
    heard = hear(_open(world, row))
    language = heard.language or (before.language if before is not None else _home_language(row.handset))
    talk = Talk(world, row.id, Handset(row.handset), language, before)
    if place >= world.house.heard_per_hour_max:
        reply: Reply | None = talk.says(Says.TOO_OFTEN)
    elif heard.command == Unclear() and unclear >= UNCLEAR_MAX:
        reply = None
    else:
        reply = await _reply(talk, heard.command)
    await _finish(talk, heard, reply)
    return Done()


def _home_language(handset: str) -> str:
    return "ko" if handset.startswith("+82") else "en"


async def _reply(talk: Talk, command: Command) -> Reply:  # noqa: C901, PLR0911 - one line for each verb
    match command:
        case Buy():
            return await talk_buying.buy(talk, command)
        case Choose():
            return await talk_buying.choose(talk, command)
        case Yes():
            return await talk_buying.yes(talk, command)
        case Cancel():
            return await (talk_returns.give_back(talk, command) if command.ticket else talk_buying.cancel(talk))
        case Tickets():
            return await talk_tickets.tickets(talk)
        case Resend():
            return await talk_tickets.resend(talk, command)
        case Gift():
            return await talk_tickets.gift(talk, command)
        case Balance():
            return await talk_tickets.balance(talk)
        case Help():
            return talk.says(Says.HELP)
        case Unclear(verb):
            return talk.says(HOW_TO.get(verb, Says.HELP) if verb else Says.HELP)
        case _:
            assert_never(command)


def _word(command: Command) -> str:
    """What a message asked for, for the metrics; `unclear` is what means nothing at all."""
    if isinstance(command, Unclear) and command.verb is not None:
        return command.verb.value
    return type(command).__name__.lower()


async def _finish(talk: Talk, heard: Heard, reply: Reply | None) -> None:
    """The message is answered and forgotten, and its reply is owed, in one transaction."""
    now = talk.world.clock.now()
    word = _word(heard.command)
    async with talk.world.transaction() as tx:
        if not await conversations.answered(tx, talk.id, heard=word, now=now):
            return
        if reply is not None:
            delivery = NewDelivery(
                id=talk.world.entropy.uuid(),
                issuer_id=None,
                purpose=Purpose.REPLY,
                handset=talk.handset,
                reply=reply.to_json(),
            )
            await owe_messages(tx, talk.world, [delivery], now=now)
    HEARD.labels(word).inc()
    await talk.world.memory.wake()


# --- what a message may hold is nobody else's business --------------------------------------------------------------


def _cipher(world: World, kid: int) -> AESGCM:
    return AESGCM(hashlib.sha256(world.house.keys.link_mac(kid)(b"cyberticket/inbox")).digest())


def seal(world: World, octets: bytes, kid: int, name: bytes) -> bytes:
    """Octets that only we can read again, and only under the same `name`."""
    nonce = world.entropy.bytes(NONCE_BYTES)
    return nonce + _cipher(world, kid).encrypt(nonce, octets, name)


def unseal(world: World, sealed: bytes, kid: int, name: bytes) -> bytes:
    return _cipher(world, kid).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name)


def _open(world: World, row: sa.Row[Any]) -> str:
    return unseal(world, row.sealed, row.kid, row.id.bytes).decode()
