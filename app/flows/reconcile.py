"""Reconciling: payments that somebody died with, or that the network never told about, are asked about until known."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from app.domain.money import Money
from app.domain.refusals import Refusal
from app.flows.pay import Attempt, conclude, conclude_free
from app.ports import Authorized, Captured, Decline, Prepared, Refused, Unknown, Voided
from app.store import sales
from app.world import World

log = structlog.get_logger()


async def reconcile(world: World, *, limit: int = 50) -> int:
    """Ask about every unsettled payment that has been silent for too long; returns how many came to an end."""
    before = world.clock.now() - timedelta(seconds=world.house.silent_seconds)
    async with world.transaction() as tx:
        rows = await sales.unsettled(tx, before=before, limit=limit)
        free = await sales.unsettled_free(tx, before=before, limit=limit)
    settled = 0
    for row in rows:
        settled += await _apart(_settle(world, row), payment=row.id)
    for booking_id in free:
        settled += await _apart(_settle_free(world, booking_id), booking=booking_id)
    return settled


async def _apart(settling: Awaitable[bool], **names: UUID) -> bool:
    """One that breaks is told in the log, tried again next time, and holds up none of the others."""
    try:
        return await settling
    except Exception:
        log.exception("reconcile_failed", **{name: str(identity) for name, identity in names.items()})
        return False


async def _settle_free(world: World, booking_id: UUID) -> bool:
    async with world.transaction() as tx:
        booking = (await sales.bookings(tx, [booking_id]))[booking_id]
        items = (await sales.items(tx, [booking_id]))[booking_id]
    try:
        await conclude_free(world, booking, tuple(item.place_id for item in items if item.place_id is not None))
    except Refusal as refusal:
        log.info("booking_reconciled", booking=str(booking_id), outcome=type(refusal).__name__)
    return True


async def _settle(world: World, payment: sa.Row[Any]) -> bool:
    provider = next(one for one in world.payments.values() if one.name == payment.provider)
    async with world.transaction() as tx:
        booking = (await sales.bookings(tx, [payment.booking_id]))[payment.booking_id]
        items = (await sales.items(tx, [payment.booking_id]))[payment.booking_id]
    attempt = Attempt(
        id=payment.id,
        booking=booking,
        places=tuple(item.place_id for item in items if item.place_id is not None),
        provider=provider,
        amount=Money(payment.amount, payment.currency),
        key=payment.key,
        reference=payment.reference,
    )
    known = await provider.lookup(reference=payment.reference, key=payment.key)
    outcome: Authorized | Captured | Refused | Unknown
    match known:
        case Prepared():
            # Never confirmed: after this it cannot be any more, so it is refused and not merely silent.
            voided = await provider.void(reference=known.reference or payment.key, key=f"{payment.key}-void")
            outcome = Refused(Decline.DECLINED, "never confirmed") if isinstance(voided, Voided) else _silent(voided)
        case Voided():
            outcome = Refused(Decline.DECLINED, "given back by the network")
        case _:
            outcome = known
    try:
        await conclude(world, attempt, outcome)
    except Refusal as refusal:
        log.info("payment_reconciled", payment=str(payment.id), outcome=type(refusal).__name__)
    return not isinstance(outcome, Unknown)


def _silent(outcome: object) -> Unknown:
    return outcome if isinstance(outcome, Unknown) else Unknown("the network neither voids the attempt nor knows it")
