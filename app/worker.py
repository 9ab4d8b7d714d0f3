"""The worker: carries out what the outbox owes, asks about payments nobody settled, sweeps up what ran out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from app.domain.delivery import backoff_seconds
from app.flows import book, converse, deliver, hear, reconcile, register
from app.flows.deliver import Again, Done, Never
from app.metrics import CARRIED_OUT
from app.ports import Live
from app.store import conversations, idempotency, outbox
from app.store.outbox import Claimed
from app.store.topics import Topic
from app.world import World

AT_ONCE_MAX = 20
KEPT_DAYS = 30
"""How long it can be looked up what was carried out."""

HANDLER_SECONDS_MAX = 20
"""Shorter than the lease, so that a handler that hangs is given up before another worker takes its work."""

assert HANDLER_SECONDS_MAX < outbox.LEASE_SECONDS

log = structlog.get_logger()

Outcome = Done | Again | Never
Handler = Callable[[World, Mapping[str, Any]], Awaitable[Outcome]]


async def _deliver(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await deliver.deliver(world, UUID(payload["delivery"]))


async def _register(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await register.register(world, UUID(payload["ticket"]))


async def _revoke(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await register.tell_revoked(world, UUID(payload["ticket"]), [UUID(place) for place in payload["free"]])


async def _release(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await register.release(world, UUID(payload["booking"]))


async def _converse(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await converse.answer(world, UUID(payload["message"]))


HANDLERS: Mapping[Topic, Handler] = {
    Topic.DELIVER: _deliver,
    Topic.REGISTER: _register,
    Topic.REVOKE: _revoke,
    Topic.RELEASE: _release,
    Topic.CONVERSE: _converse,
}


async def run(world: World, *, poll_seconds: float = 1.0, reconcile_seconds: float = 15.0) -> None:
    """Work until cancelled; what was begun when that happens is finished by whoever holds the next lease."""
    async with AsyncExitStack() as connected, asyncio.TaskGroup() as tasks:
        for channel in world.channels.values():
            if isinstance(channel, Live):
                await connected.enter_async_context(channel.running(hear.Ears(world)))
        for topic in Topic:
            tasks.create_task(_work(world, topic, poll_seconds))
        tasks.create_task(_look_after(world, reconcile_seconds))


async def _work(world: World, topic: Topic, poll_seconds: float) -> None:
    """One topic: a carrier that hangs delays messages, and nothing else."""
    async with world.memory.wakes() as wait:
        while True:
            try:
                busy = await drain(world, topic=topic)
            except Exception:
                log.exception("worker_failed")
                busy = 0
            if not busy:
                await wait(poll_seconds * random.uniform(0.8, 1.0))  # noqa: S311 - spreads workers, no secret


async def _look_after(world: World, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await book.expire(world)
            await reconcile.reconcile(world)
            async with world.transaction() as tx:
                await idempotency.purge(tx, now=world.clock.now())
                await outbox.purge(tx, before=world.clock.now() - timedelta(days=KEPT_DAYS))
                await conversations.purge(tx, before=world.clock.now() - timedelta(days=KEPT_DAYS))
                await conversations.purge_parts(tx, before=world.clock.now() - hear.PARTS_KEPT)
        except Exception:
            log.exception("look_after_failed")


async def drain(world: World, *, topic: Topic | None = None) -> int:
    """Carry out what is due now, of one topic or of any, up to twenty at once; returns how many were claimed."""
    async with world.transaction() as tx:
        claimed = await outbox.claim(tx, now=world.clock.now(), most=AT_ONCE_MAX, topic=topic)
    if not claimed:
        return 0
    outcomes = await asyncio.gather(*(_carry_out(world, one) for one in claimed))
    async with world.transaction() as tx:
        done = [one.id for one, outcome in zip(claimed, outcomes, strict=True) if isinstance(outcome, Done)]
        await outbox.done(tx, done, now=world.clock.now())
        for one, outcome in zip(claimed, outcomes, strict=True):
            CARRIED_OUT.labels(one.topic.value, type(outcome).__name__.lower()).inc()
            if isinstance(outcome, Again):
                due_at = world.clock.now() + timedelta(seconds=backoff_seconds(one.attempts))
                await outbox.retry(tx, one.id, due_at=due_at, reason=outcome.reason)
            elif isinstance(outcome, Never):
                await outbox.bury(tx, one.id, now=world.clock.now(), reason=outcome.reason)
    return len(claimed)


async def _carry_out(world: World, claimed: Claimed) -> Outcome:
    """One handler, bounded in time; a fault in it is a reason to try again, up to the limit."""
    try:
        async with asyncio.timeout(HANDLER_SECONDS_MAX):
            outcome = await HANDLERS[claimed.topic](world, claimed.payload)
    except Exception as fault:
        log.exception("handler_failed", topic=claimed.topic.value, outbox=str(claimed.id))
        outcome = Again(f"{type(fault).__name__} in the handler; the log has its details")
    if isinstance(outcome, Again) and claimed.attempts >= world.house.deliver_attempts_max:
        outcome = Never(f"given up after {claimed.attempts} tries: {outcome.reason}")
        if claimed.topic is Topic.DELIVER:
            await deliver.fail(world, UUID(claimed.payload["delivery"]), outcome)
    return outcome
