"""The worker: carries out what the outbox owes, asks about payments nobody settled, sweeps up what ran out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from app.domain.delivery import backoff_seconds
from app.domain.refusals import IssuerAway
from app.flows import audit
from app.flows.booking import book, hold, mirror, sales_status
from app.flows.delivery import deliver
from app.flows.hands import handover
from app.flows.handset import carry
from app.flows.outcome import Again, Done, Never
from app.flows.paying import news, reconcile
from app.flows.returning import balance, dispute, refund
from app.flows.sellers import peers
from app.flows.talk import converse, hear
from app.flows.tickets import flowback, register
from app.metrics import CARRIED_OUT, ISSUER_UP
from app.ports import Live
from app.store import conversations, idempotency, outbox
from app.store import news as store_news
from app.store.outbox import Claimed
from app.store.topics import Topic
from app.world import World

AT_ONCE_MAX = 20
KEPT_DAYS = 30
"""How long it can be looked up what was carried out."""

LISTEN_SECONDS = 10.0
"""How long a worker listens before it listens again; a lane that hears of nothing looks by itself all the same."""

AUDIT_TURN_SECONDS = 60
"""How often a worker asks whether the hourly audit, or the daily comparison with a network, is its turn."""

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
    if "served_by" in payload:
        return await hold.give_up(world, payload)
    return await register.release(world, UUID(payload["booking"]))


async def _converse(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await converse.answer(world, UUID(payload["message"]))


async def _refund(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await refund.carry_on(world, UUID(payload["refund"]))


async def _suspend(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await dispute.tell_suspended(world, UUID(payload["ticket"]))


async def _bind(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await carry.tell_bound(world, UUID(payload["ticket"]))


async def _replace(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await handover.tell_replaced(world, UUID(payload["handover"]))


async def _news(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await news.carry_on(world, payload)


async def _dispute(world: World, payload: Mapping[str, Any]) -> Outcome:
    return await dispute.defend(world, UUID(payload["dispute"]))


PATIENT = frozenset({Topic.REGISTER, Topic.REVOKE, Topic.RELEASE, Topic.SUSPEND, Topic.BIND, Topic.REPLACE})
"""What an issuer must hear, however long its server is away: it is never given up."""
PATIENT_SECONDS_MAX = 300
"""The longest pause between two tries of it; as soon as the server answers again all of it is due at once."""
LANES_MAX = 5
"""How many work on such a topic at once, at the most: one, and another for each issuer's server that may hang."""
ISSUER_POLL_SECONDS = 1.0
ISSUER_AWAY_SECONDS = 5.0
KEYS_SECONDS = 60
"""How often is looked whether a seller's keys are to be fetched anew, and which used tokens may be forgotten."""

HANDLERS: Mapping[Topic, Handler] = {
    Topic.DELIVER: _deliver,
    Topic.REGISTER: _register,
    Topic.REVOKE: _revoke,
    Topic.RELEASE: _release,
    Topic.CONVERSE: _converse,
    Topic.REFUND: _refund,
    Topic.SUSPEND: _suspend,
    Topic.DISPUTE: _dispute,
    Topic.NEWS: _news,
    Topic.BIND: _bind,
    Topic.REPLACE: _replace,
}


async def run(
    world: World, *, poll_seconds: float = 1.0, reconcile_seconds: float = 15.0, mirror_seconds: float = 10.0
) -> None:
    """Work until cancelled; what was begun when that happens is finished by whoever holds the next lease."""
    async with AsyncExitStack() as connected, asyncio.TaskGroup() as tasks:
        for channel in world.channels.values():
            if isinstance(channel, Live):
                await connected.enter_async_context(channel.running(hear.Ears(world)))
        bell, wait = _Bell(), await connected.enter_async_context(world.memory.wakes())
        for topic in Topic:
            for _ in range(_lanes(world, topic)):
                tasks.create_task(_work(world, topic, bell.lane(topic), poll_seconds))
        tasks.create_task(_ring(bell, wait))
        tasks.create_task(_look_after(world, reconcile_seconds))
        for name in flowback.all_distant(world):
            tasks.create_task(_listen(world, name))
        for name in mirror.sources(world):
            tasks.create_task(_mirror(world, name, mirror_seconds))
        if world.house.issues:
            tasks.create_task(_know_sellers(world))
        tasks.create_task(_audit(world))
        tasks.create_task(_balance(world))


def _lanes(world: World, topic: Topic) -> int:
    """A lane waits for all that it has claimed: what hangs at one issuer's server is not to hold up the others."""
    return min(1 + len(flowback.all_distant(world)), LANES_MAX) if topic in PATIENT else 1


class _Bell:
    """Wakes the lanes of a worker: one of them all listens, and each hears of its own topic."""

    def __init__(self) -> None:
        self._lanes: dict[str, list[asyncio.Event]] = {topic.value: [] for topic in Topic}

    def lane(self, topic: Topic) -> asyncio.Event:
        """What is set whenever something of this topic is owed."""
        heard = asyncio.Event()
        self._lanes[topic.value].append(heard)
        return heard

    def ring(self, topics: Collection[str]) -> None:
        """A topic that this version does not know concerns every lane."""
        for topic in topics if self._lanes.keys() >= set(topics) else self._lanes:
            for heard in self._lanes[topic]:
                heard.set()


async def _ring(bell: _Bell, wait: Callable[[float], Awaitable[Collection[str]]]) -> None:
    while True:
        bell.ring(await wait(LISTEN_SECONDS))


async def _work(world: World, topic: Topic, owed: asyncio.Event, poll_seconds: float) -> None:
    """One topic: a carrier that hangs delays messages, and nothing else."""
    while True:
        owed.clear()  # what comes while we look is looked for once more
        try:
            busy = await drain(world, topic=topic)
        except Exception:
            log.exception("worker_failed")
            busy = 0
        if not busy:
            with suppress(TimeoutError):
                async with asyncio.timeout(poll_seconds * random.uniform(0.8, 1.0)):  # noqa: S311 - spreads workers, no secret
                    await owed.wait()


async def _listen(world: World, name: str) -> None:
    """Take over what happens at an issuer's own server; one that is away delays nobody else's."""
    up = False
    while True:
        try:
            await flowback.pull(world, name)
            if not up:
                await flowback.hurry(world, name, PATIENT)
                await sales_status.heard(world, name)
            up = True
        except IssuerAway:
            up = False
        except Exception:
            log.exception("issuer_changes_failed", issuer=name)
        ISSUER_UP.labels(name).set(up)
        await asyncio.sleep(ISSUER_POLL_SECONDS if up else ISSUER_AWAY_SECONDS)


async def _know_sellers(world: World) -> None:
    """Have the sellers' keys before their barcodes come, and forget tokens that nobody can use again."""
    while True:
        try:
            await peers.refresh_keys(world)
            await peers.purge(world)
        except Exception:
            log.exception("sellers_keys_failed")
        await asyncio.sleep(KEYS_SECONDS)


async def _mirror(world: World, name: str, seconds: float) -> None:
    """One issuers' server: a dead one delays the news of no other."""
    while True:
        try:
            await mirror.refresh(world, name)
        except Exception:
            log.exception("mirror_failed", peer=name)
        await asyncio.sleep(seconds)


async def _look_after(world: World, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await book.expire(world)
            await reconcile.reconcile(world)
            await refund.look_after(world)
            async with world.transaction() as tx:
                await idempotency.purge(tx, now=world.clock.now())
                await store_news.purge(tx, before=world.clock.now() - timedelta(days=KEPT_DAYS))
                await outbox.purge(tx, before=world.clock.now() - timedelta(days=KEPT_DAYS))
                await conversations.purge(tx, before=world.clock.now() - timedelta(days=KEPT_DAYS))
                await conversations.purge_parts(tx, before=world.clock.now() - hear.PARTS_KEPT)
        except Exception:
            log.exception("look_after_failed")


async def _balance(world: World) -> None:
    """Every day one of all workers compares the payment network's books with ours."""
    while True:
        await asyncio.sleep(AUDIT_TURN_SECONDS)
        try:
            await balance.daily(world)
        except Exception:
            log.exception("balance_failed")


async def _audit(world: World) -> None:
    """Every hour one of all workers looks whether everything holds that must."""
    while True:
        await asyncio.sleep(AUDIT_TURN_SECONDS)
        try:
            await audit.hourly(world)
        except Exception:
            log.exception("audit_failed")


async def drain(world: World, *, topic: Topic | None = None) -> int:
    """Carry out what is due now, of one topic or of any, up to twenty at once; returns how many were claimed."""
    async with world.database.statements() as tx:
        claimed = await outbox.claim(tx, now=world.clock.now(), most=AT_ONCE_MAX, topic=topic)
    if not claimed:
        return 0
    outcomes = await asyncio.gather(*(_carry_out(world, one) for one in claimed))
    # Each is written down by one statement of its own: none needs what is written of another.
    async with world.database.statements() as tx:
        done = [one.id for one, outcome in zip(claimed, outcomes, strict=True) if isinstance(outcome, Done)]
        if done:
            await outbox.done(tx, done, now=world.clock.now())
        for one, outcome in zip(claimed, outcomes, strict=True):
            CARRIED_OUT.labels(one.topic.value, type(outcome).__name__.lower()).inc()
            if isinstance(outcome, Again):
                due_at = world.clock.now() + timedelta(seconds=_pause_seconds(one))
                await outbox.retry(tx, one.id, due_at=due_at, reason=outcome.reason)
            elif isinstance(outcome, Never):
                await outbox.bury(tx, one.id, now=world.clock.now(), reason=outcome.reason)
    return len(claimed)


def _pause_seconds(claimed: Claimed) -> float:
    """How long until the next try."""
    seconds = backoff_seconds(claimed.attempts)
    return min(seconds, PATIENT_SECONDS_MAX) if claimed.topic in PATIENT else seconds


async def _carry_out(world: World, claimed: Claimed) -> Outcome:
    """One handler, bounded in time; a fault in it is a reason to try again, up to the limit."""
    try:
        async with asyncio.timeout(HANDLER_SECONDS_MAX):
            outcome = await HANDLERS[claimed.topic](world, claimed.payload)
    except IssuerAway as away:
        outcome = Again(away.sentence)
    except Exception as fault:
        log.exception("handler_failed", topic=claimed.topic.value, outbox=str(claimed.id))
        outcome = Again(f"{type(fault).__name__} in the handler; the log has its details")
    spent = claimed.attempts >= world.house.deliver_attempts_max and claimed.topic not in PATIENT
    if isinstance(outcome, Again) and spent:
        outcome = Never(f"given up after {claimed.attempts} tries: {outcome.reason}")
        if claimed.topic is Topic.DELIVER:
            await deliver.fail(world, UUID(claimed.payload["delivery"]), outcome)
    return outcome
