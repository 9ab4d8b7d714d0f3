"""Reconciling: payments that somebody died with, or that the network never told about, are asked about until known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import structlog

from app.domain.refusals import Refusal
from app.flows.paying import free
from app.flows.paying.parts import Challenged, Paid, Pending
from app.flows.paying.resume import settle
from app.store import payments, sales
from app.world import World

log = structlog.get_logger()

Settling = Callable[[World, UUID], Awaitable[Paid | Pending | Challenged]]

AT_ONCE_MAX = 10
"""How many are asked about at the same time: a network that hangs must not hold up those of another."""


async def reconcile(world: World, *, limit: int = 50) -> int:
    """Ask about every unsettled payment that has been silent for too long; returns how many came to an end."""
    now = world.clock.now()
    before = now - timedelta(seconds=world.house.silent_seconds)
    last_in_line = now + timedelta(seconds=world.house.hold_seconds)
    async with world.transaction() as tx:
        silent = await payments.claim_silent(tx, now=now, before=before, limit=limit)
        costless = await payments.claim_free(tx, before=before, until=last_in_line, limit=limit)
    turn = asyncio.Semaphore(AT_ONCE_MAX)
    ended = await asyncio.gather(
        *(_apart(turn, world, booking_id, settle) for booking_id in silent),
        *(_apart(turn, world, booking_id, _settle_free) for booking_id in costless),
    )
    return sum(ended)


async def _apart(turn: asyncio.Semaphore, world: World, booking_id: UUID, settling: Settling) -> bool:
    """One that breaks is told in the log, tried again next time, and holds up none of the others."""
    try:
        async with turn:
            outcome = type(await settling(world, booking_id))
    except Refusal as refusal:
        log.info("payment_reconciled", booking=str(booking_id), outcome=type(refusal).__name__)
        return True
    except Exception:
        log.exception("reconcile_failed", booking=str(booking_id))
        return False
    return outcome is Paid


async def _settle_free(world: World, booking_id: UUID) -> Paid | Pending:
    async with world.database.statements() as tx:
        booking = (await sales.bookings(tx, [booking_id]))[booking_id]
    return await free.conclude(world, booking, tuple(booking.places))
