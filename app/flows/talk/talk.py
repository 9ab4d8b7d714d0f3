"""One message being answered: who wrote it, in which language, and what was said before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingState
from app.domain.handset import Handset
from app.domain.replies import Reply, Says
from app.domain.wording import moment
from app.store import conversations, sales
from app.world import World


@dataclass(frozen=True, slots=True)
class Talk:
    """`id` is the message's; what it causes takes its name from it, so that answering it twice causes it once."""

    world: World
    id: UUID
    handset: Handset
    language: str
    before: sa.Row[Any] | None
    """Where the conversation was left."""

    def says(self, what: Says, lines: Sequence[str] = (), /, **facts: str | int) -> Reply:
        return Reply(what, self.language, {name: str(fact) for name, fact in facts.items()}, tuple(lines))

    def child(self, number: int) -> UUID:
        """The id of the numbered thing that this message causes, near its own in time."""
        return UUID(int=self.id.int ^ number)

    def when(self, row: sa.Row[Any]) -> str:
        """When an occasion begins; empty for what is open-dated."""
        return moment(row.starts_at, row.timezone, self.language) if row.starts_at is not None else ""

    def opening(self, row: sa.Row[Any]) -> str:
        """When its sales open."""
        return moment(row.sales_from, row.timezone, self.language)

    async def open_booking(self) -> sa.Row[Any] | None:
        """The booking that was offered last, whatever has become of it."""
        if self.before is None or self.before.booking_id is None:
            return None
        async with self.world.transaction() as tx:
            return (await sales.bookings(tx, [self.before.booking_id]))[self.before.booking_id]

    async def remember(
        self, *, booking_id: UUID | None = None, choices: Sequence[Mapping[str, Any]] | None = None
    ) -> UUID | None:
        """Note what may be answered next; returns the booking that was offered before, if it is another one."""
        async with self.world.transaction() as tx:
            return await conversations.remember(
                tx,
                self.handset,
                language=self.language,
                booking_id=booking_id,
                choices=choices,
                now=self.world.clock.now(),
            )


def is_open(booking: sa.Row[Any], talk: Talk) -> bool:
    """Whether a booking still waits for a yes."""
    return bool(booking.state == BookingState.HELD and talk.world.clock.now() < booking.expires_at)
