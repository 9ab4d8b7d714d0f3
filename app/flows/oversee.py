"""Overseeing: what staff look at and put right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.refusals import BadLine, NotFound
from app.flows.delivery import deliver
from app.flows.staff import Member
from app.ports import Preview
from app.store import messages, outbox, staff
from app.store.topics import Topic
from app.world import World

DEAD_LETTERS_MAX = 100


@dataclass(frozen=True, slots=True)
class Overseen:
    """A delivery, and the channels that were asked to carry it."""

    row: sa.Row[Any]
    tries: Sequence[sa.Row[Any]]


async def issuer(world: World, member: Member, slug: str) -> sa.Row[Any]:
    """An issuer this member acts for; raises NotFound for a foreign one as for none."""
    row = await any_issuer(world, slug)
    if not member.acts_for(row.id):
        raise NotFound(f"There is no issuer {slug!r}.")
    return row


async def any_issuer(world: World, slug: str) -> sa.Row[Any]:
    """An issuer by its slug, for callers who prove themselves by a voucher; raises NotFound."""
    async with world.transaction() as tx:
        row = await staff.issuer_by_slug(tx, slug)
    if row is None:
        raise NotFound(f"There is no issuer {slug!r}.")
    return row


async def deliveries(
    world: World, member: Member, *, state: str | None, after: UUID | None, limit: int
) -> list[Overseen]:
    async with world.transaction() as tx:
        rows = await messages.recent(tx, issuer_id=member.issuer_id, state=state, after=after, limit=limit)
        tries = await messages.tries(tx, [row.id for row in rows])
    return [Overseen(row, [one for one in tries if one.delivery_id == row.id]) for row in rows]


async def dead_letters(world: World, member: Member) -> list[sa.Row[Any]]:
    async with world.transaction() as tx:
        return await outbox.dead(tx, issuer_id=member.issuer_id, most=DEAD_LETTERS_MAX)


async def revive(world: World, member: Member, letter_id: UUID) -> None:
    """Raises NotFound."""
    async with world.transaction() as tx:
        letter = await outbox.revive(tx, letter_id, issuer_id=member.issuer_id, now=world.clock.now())
        if letter is None:
            raise NotFound("There is no such dead letter.")
        if letter.topic == Topic.DELIVER:
            await messages.requeue(tx, UUID(letter.payload["delivery"]))
    await world.memory.wake()


def preview(world: World, text: str) -> Preview:
    """What a text message costs; raises BadLine when it cannot be sent at all."""
    try:
        return deliver.plain_channel(world).preview(text)
    except ValueError as fault:
        raise BadLine(str(fault)) from None
