"""What changes at an issuer elsewhere, and what a buyer sees of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from builders import a_catalogue, a_line, a_request, the_theatre
from two_servers_kit import IMPATIENT, Two

from app.domain.booking import BookingRequest
from app.flows.booking import find
from app.store.catalogue import Search


async def change(two: Two, **changed: Any) -> None:
    """The issuer changes its play; the seller has not heard of it yet."""
    theatre = the_theatre(two.clock.now())
    play, *others = theatre.products
    await a_catalogue(two.issuer, replace(theatre, products=(replace(play, **changed), *others)))


def two_seats(two: Two, **given: Any) -> BookingRequest:
    return a_request(two.shop.occasions["play/mon"], a_line(two.shop.price("play/R"), 2), **given)


async def until(is_so: Callable[[], Awaitable[object]]) -> None:
    """Wait for it, but no longer than a server that hangs is waited for."""
    async with asyncio.timeout(IMPATIENT.answer_seconds - 1):
        for _ in itertools.count():
            if await is_so():
                return
            await asyncio.sleep(0.02)


async def dates(two: Two) -> list[find.FoundOccasion]:
    return await find.occasions(two.seller.world, Search(kind="admission", limit=10))
