"""Paying back: a refund that is due goes to the provider under one key per try, until it is known how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa
import structlog

from app.domain.booking import BookingEvent
from app.domain.money import Money
from app.domain.payment import PaymentEvent
from app.domain.refund import RefundEvent, RefundState
from app.flows.books import ledger
from app.flows.outcome import Again, Done
from app.metrics import REFUNDS
from app.ports import PaymentProvider, Refunded, RefundPending, Refused, Teller, Unknown
from app.store import refunds
from app.store.database import Tx
from app.store.moves import move_many
from app.store.tables import Booking, Payment, Refund
from app.world import World

KEY_KEPT = timedelta(hours=20)
"""How long the same key is sent again: networks forget keys after 24 hours, and would then pay twice."""

UNANSWERED = f"no answer for {KEY_KEPT // timedelta(hours=1)} hours; look at the network's own list first"
"""The detail of a refund that may have arrived all the same: it is only ever tried again under the key it had."""

DETAIL_CHARS_MAX = 500

log = structlog.get_logger()

Told = Refunded | RefundPending | Refused | Unknown


async def pay_back(world: World, rows: Sequence[sa.Row[Any]]) -> Done | Again:
    """Take each of these refunds one step further, as far as the network tells now."""
    unknown = ""
    for row in rows:
        told = await _ask(world, row)
        if told is None:
            continue
        state = await record(world, row.id, told, attempt=row.attempt)
        if isinstance(told, Unknown) and state is RefundState.DUE:
            unknown = told.why
    return Again(unknown) if unknown else Done()


async def _ask(world: World, row: sa.Row[Any]) -> Told | None:
    """What the provider says of a refund that is on its way; None for one that is not."""
    match RefundState(row.state):
        case RefundState.DUE:
            provider = provider_of(world, row.provider)
            if provider is None:
                return Unknown(f"{row.provider} is not among our means of payment any more")
            return await provider.refund(
                reference=row.payment_reference or row.payment_key,
                amount=Money(row.amount, row.currency),
                key=f"refund-{row.id}-{row.attempt}",
            )
        case RefundState.PENDING:
            return await look_up(world, row)
        case _:
            return None


async def look_up(world: World, row: sa.Row[Any]) -> Told:
    """What became of a refund that the provider gave a reference."""
    provider = provider_of(world, row.provider)
    if provider is None or row.reference is None:
        return Unknown(f"{row.provider} cannot be asked about this refund")
    return await provider.lookup_refund(reference=row.reference)


def provider_of(world: World, name: str) -> PaymentProvider | None:
    return next((one for one in world.payments.values() if one.name == name), None)


def teller_of(world: World, name: str) -> Teller | None:
    """The provider of that name, where it knows disputes and keeps books."""
    found: object = provider_of(world, name)
    return found if isinstance(found, Teller) else None


async def record(world: World, refund_id: UUID, told: Told, *, attempt: int) -> RefundState:
    """Write down how a try stands, with its postings; answers of an earlier try change nothing. Gives the state."""
    now = world.clock.now()
    async with world.transaction() as tx:
        found = await refunds.locked(tx, refund_id)
        assert found is not None, "nobody deletes a refund"
        if found.attempt != attempt:
            return RefundState(found.state)
        match told:
            case Refunded(reference):
                if await _move(tx, found, RefundEvent.SUCCEED, reference=reference, updated_at=now):
                    await ledger.refund_paid(tx, world, found, now=now)
                    await settle(tx, world, found.booking_id)
            case RefundPending(reference):
                await _move(tx, found, RefundEvent.SUBMIT, reference=reference, updated_at=now)
            case Refused():
                await _fail(tx, world, found, f"{told.reason.value}: {told.detail}")
            case Unknown():
                if found.state == RefundState.DUE and now - found.updated_at > KEY_KEPT:
                    await _fail(tx, world, found, UNANSWERED)
            case _:
                assert_never(told)
        after = await refunds.locked(tx, refund_id)
    assert after is not None, "nobody deletes a refund"
    return RefundState(after.state)


async def _move(tx: Tx, found: sa.Row[Any], event: RefundEvent, **also: object) -> bool:
    moved = bool(await move_many(tx, Refund, [found.id], event, **also))
    if moved:
        REFUNDS.labels(event.name.lower()).inc()
    return moved


async def _fail(tx: Tx, world: World, found: sa.Row[Any], detail: str) -> None:
    """A person must look at it. One that had succeeded is a debt again."""
    now = world.clock.now()
    if not await _move(tx, found, RefundEvent.FAIL, detail=detail[:DETAIL_CHARS_MAX], updated_at=now):
        return
    if found.state == RefundState.SUCCEEDED:
        await ledger.refund_failed(tx, world, found, now=now)
    log.error("refund_failed", refund=str(found.id), provider=found.provider, had_succeeded=found.state == "succeeded")


async def settle(tx: Tx, world: World, booking_id: UUID) -> None:
    """A payment that has gone back wholly is refunded; a booking is when all of its payments are."""
    await refunds.lock_booking(tx, booking_id)  # two refunds that end together must not both think the other is open
    whole = await refunds.whole_payments(tx, booking_id)
    await move_many(tx, Payment, whole, PaymentEvent.REFUND, updated_at=world.clock.now())
    if whole and not await refunds.payments(tx, booking_id):
        await move_many(tx, Booking, [booking_id], BookingEvent.REFUND)


async def heard(world: World, reference: str) -> Done | Again:
    """A network says that something happened to a refund: ask it what. One that we do not know is not ours to move."""
    async with world.transaction() as tx:
        rows = [one for found in await refunds.by_reference(tx, reference) for one in [await refunds.locked(tx, found)]]
    for row in rows:
        assert row is not None, "it was found just now"
        told = await look_up(world, row)
        await record(world, row.id, told, attempt=row.attempt)
        if isinstance(told, Unknown):
            return Again(told.why)
    return Done()
