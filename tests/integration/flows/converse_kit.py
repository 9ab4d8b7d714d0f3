"""A handset that writes to the house and reads what comes back."""

from __future__ import annotations

import itertools
from uuid import UUID

from builders import BUYER, Stage

from app.domain.handset import Handset
from app.flows.talk import converse

SHORT_CODE = "1588"

_numbers = itertools.count(1)


async def heard(
    stage: Stage, text: str, *, sender: str = BUYER, message_id: str | None = None, to: str = SHORT_CODE
) -> bool:
    """The carrier brings one message; whether it was new and is to be answered."""
    return await converse.receive(
        stage.world,
        channel="sms_http",
        message_id=message_id or f"mo-{next(_numbers)}",
        sender=sender,
        to=to,
        text=text,
        at=stage.clock.now(),
    )


async def write(stage: Stage, text: str, *, sender: Handset = BUYER) -> list[str]:
    """Send one message and let the worker work; the texts that came to the handset because of it."""
    before = len(stage.carrier.inbox(sender))
    await heard(stage, text, sender=sender)
    await stage.work()
    # The worker sends many at once, in any order: the reply first, then the tickets.
    return sorted(stage.carrier.inbox(sender)[before:], key=lambda one: "/t/" in one)


async def ask(stage: Stage, text: str, *, sender: Handset = BUYER) -> str:
    """Send one message that gets one answer."""
    answers = await write(stage, text, sender=sender)
    assert len(answers) == 1, answers
    return answers[0]


async def code_of(stage: Stage, occasion: UUID) -> int:
    """What a text message calls an occasion."""
    return int(await stage.value("SELECT sms_code FROM occasion WHERE id = :id", id=occasion))


async def waiting(stage: Stage) -> list[UUID]:
    """The messages that are to be answered, the oldest first."""
    rows = await stage.sql("SELECT id FROM inbox WHERE answered_at IS NULL ORDER BY received_at, id")
    return [row.id for row in rows]
