"""Holding what was chosen: counted for the metrics, and once per showing of a form, however often it is sent."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

from app.domain.booking import BookingRequest
from app.domain.refusals import KeyBusy, SoldOut
from app.flows.booking import book
from app.flows.booking.book import Booked
from app.flows.once import Reply, once
from app.metrics import BOOKINGS
from app.world import World

KEY_CHARS: Final = range(8, 101)
"""How long the name of one showing of a form may be."""
BUSY_TRIES_MAX: Final = 50
BUSY_SECONDS: Final = 0.1
"""How long a button pressed twice waits for what its first press began: five seconds in all."""


async def counted(world: World, wish: BookingRequest) -> Booked:
    """Book, and count what came of it; raises what `book` raises."""
    try:
        booked = await book.book(world, wish)
    except SoldOut:
        BOOKINGS.labels("sold_out").inc()
        raise
    BOOKINGS.labels("held").inc()
    return booked


async def held_once(world: World, *, scope: str, key: str, body: bytes, hold: Callable[[], Awaitable[str]]) -> str:
    """The link that `hold` gives, or gave before: the same `key` and `body` again lead to the same booking.

    Raises what `hold` raises, and KeyBusy where it is still at it after 5 seconds.
    """
    name = hashlib.sha256(key.encode() + b"\0" + body).hexdigest()

    async def work() -> Reply:
        return Reply(200, (await hold()).encode(), "text/plain")

    for _ in range(BUSY_TRIES_MAX):
        try:
            reply = await once(world, scope=scope, key=name, request=body, work=work)
        except KeyBusy:
            await asyncio.sleep(BUSY_SECONDS)
        else:
            return reply.body.decode()
    raise KeyBusy("This booking is still being made. Go back and press the button again.")
