"""The worker: each consequence is carried out, tried again, or parked with its reason; never lost, never doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from builders import BUYER, Shop, Stage, a_booking
from fakes import Upset

from app import worker
from app.domain.delivery import BACKOFF_SECONDS
from app.domain.refusals import IssuerAway, NotFound
from app.flows import oversee, staff, watch
from app.flows.booking import book
from app.flows.outcome import Again, Done, Never
from app.flows.paying import pay
from app.flows.paying.pay import Tender
from app.ports import CardToken, Rejected
from app.store import outbox
from app.store.outbox import Owed
from app.store.topics import Topic
from app.world import World

ALL = staff.Member(UUID(int=1), None, frozenset({"messages"}))


async def owe(stage: Stage, shop: Shop, topic: Topic = Topic.RELEASE, *, key: str = "k", **payload: str) -> UUID:
    """One consequence in the outbox, due now."""
    identity = stage.entropy.uuid()
    async with stage.world.transaction() as tx:
        await outbox.put(tx, [Owed(identity, shop.issuer, topic, key, payload)], now=stage.clock.now())
    return identity


def handle(monkeypatch: pytest.MonkeyPatch, topic: Topic, handler: worker.Handler) -> None:
    monkeypatch.setattr(worker, "HANDLERS", {**worker.HANDLERS, topic: handler})


async def row(stage: Stage, identity: UUID) -> Any:
    return (await stage.sql("SELECT * FROM outbox WHERE id = :id", id=identity))[0]


def test_every_topic_has_exactly_one_handler() -> None:
    assert set(worker.HANDLERS) == set(Topic)


def test_a_handler_is_given_up_before_its_lease_runs_out() -> None:
    assert worker.HANDLER_SECONDS_MAX < outbox.LEASE_SECONDS


async def test_a_handler_is_given_its_payload_outside_of_any_transaction(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Mapping[str, Any], int]] = []

    async def handler(world: World, payload: Mapping[str, Any]) -> Done:
        del world
        open_now = await stage.value(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
        )
        seen.append((payload, open_now))
        return Done()

    handle(monkeypatch, Topic.RELEASE, handler)
    identity = await owe(stage, shop, what="this")

    assert await worker.drain(stage.world) == 1

    assert seen == [({"what": "this"}, 0)]
    assert (await row(stage, identity)).done_at == stage.clock.now()
    assert await worker.drain(stage.world) == 0


async def test_what_cannot_be_done_now_is_tried_later_and_later_and_then_parked(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never_now(_world: World, _payload: Mapping[str, Any]) -> Again:
        return Again("the network is busy")

    handle(monkeypatch, Topic.CONVERSE, never_now)
    identity = await owe(stage, shop, Topic.CONVERSE)
    waits: list[float] = []
    while (await row(stage, identity)).dead_at is None:
        assert await worker.drain(stage.world) == 1
        found = await row(stage, identity)
        waits.append((found.due_at - stage.clock.now()).total_seconds())
        assert await worker.drain(stage.world) == 0, "not before its time"
        stage.clock.advance(seconds=max(waits[-1], 0))

    assert waits[: len(BACKOFF_SECONDS)] == list(BACKOFF_SECONDS)
    assert len(waits) == stage.world.house.deliver_attempts_max == 12
    assert (await row(stage, identity)).last_error == "given up after 12 tries: the network is busy"


@pytest.mark.parametrize("topic", sorted(worker.PATIENT))
async def test_what_an_issuer_must_hear_is_never_parked_and_operators_see_that_it_is_late(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch, topic: Topic
) -> None:
    async def away(_world: World, _payload: Mapping[str, Any]) -> Done:
        raise IssuerAway("The issuer's server does not answer.")

    handle(monkeypatch, topic, away)
    identity = await owe(stage, shop, topic)
    await stage.sql("UPDATE outbox SET attempts = 9")
    waits = []
    for _ in range(5):
        assert await worker.drain(stage.world) == 1
        waits.append(((await row(stage, identity)).due_at - stage.clock.now()).total_seconds())
        stage.clock.advance(seconds=waits[-1])

    found = await row(stage, identity)
    assert (found.dead_at, found.attempts, found.last_error) == (None, 14, "The issuer's server does not answer.")
    assert waits == [worker.PATIENT_SECONDS_MAX] * 5
    assert await watch.outbox_late(stage.world) == 1


async def test_what_is_owed_to_a_server_that_answers_again_is_due_at_once_and_nothing_else_is(
    stage: Stage, shop: Shop
) -> None:
    mine, other = await owe(stage, shop), await owe(stage, shop, Topic.CONVERSE)
    later = stage.clock.now() + timedelta(hours=1)
    await stage.sql("UPDATE outbox SET due_at = :later", later=later)

    for served_by, due_at in (("elsewhere", later), ("local", stage.clock.now())):
        async with stage.world.transaction() as tx:
            await outbox.hurry(tx, sorted(worker.PATIENT), served_by=served_by, now=stage.clock.now())
        assert (await row(stage, mine)).due_at == due_at
    assert (await row(stage, other)).due_at == later


async def test_a_handler_that_breaks_is_tried_again_and_harms_nobody_else(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_world: World, payload: Mapping[str, Any]) -> Done:
        if payload["what"] == "bad":
            raise KeyError("no such thing")
        return Done()

    handle(monkeypatch, Topic.RELEASE, broken)
    bad, good = await owe(stage, shop, key="bad", what="bad"), await owe(stage, shop, key="good", what="good")

    assert await worker.drain(stage.world) == 2

    assert (await row(stage, good)).done_at is not None
    found = await row(stage, bad)
    assert (found.done_at, found.attempts, found.lease_until) == (None, 1, None)
    assert found.last_error == "KeyError in the handler; the log has its details"


async def test_a_handler_that_hangs_is_given_up(stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(_world: World, _payload: Mapping[str, Any]) -> Done:
        await asyncio.Event().wait()
        return Done()

    handle(monkeypatch, Topic.RELEASE, hangs)
    monkeypatch.setattr(worker, "HANDLER_SECONDS_MAX", 0.02)
    identity = await owe(stage, shop)

    await worker.drain(stage.world)

    assert (await row(stage, identity)).last_error == "TimeoutError in the handler; the log has its details"


async def test_what_can_never_be_done_is_parked_at_once_and_can_be_revived(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)
    stage.carrier.upset(Rejected("this number is not in service", retry=False))

    await stage.work()

    (delivery,) = await stage.sql("SELECT * FROM delivery WHERE booking_id = :id", id=made.id)
    assert (delivery.state, delivery.reason) == ("failed", "this number is not in service")
    (letter,) = await oversee.dead_letters(stage.world, ALL)
    assert (letter.topic, letter.last_error, letter.attempts) == ("deliver", "this number is not in service", 1)
    assert letter.dead_at == stage.clock.now()

    await oversee.revive(stage.world, ALL, letter.id)
    await stage.work()

    assert len(stage.carrier.inbox(BUYER)) == 1
    assert await stage.value("SELECT state FROM delivery") == "sent"
    assert await oversee.dead_letters(stage.world, ALL) == []


async def test_a_message_that_is_given_up_after_many_tries_says_so_on_its_delivery(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, paid=True)
    stage.carrier.upset(*[Rejected("throttled", retry=True)] * 12)
    for _ in range(12):
        await stage.work()
        stage.clock.advance(hours=1)

    reason = await stage.value("SELECT reason FROM delivery WHERE state = 'failed'")
    assert reason == "given up after 12 tries: throttled"
    assert await worker.drain(stage.world) == 0
    (letter,) = await oversee.dead_letters(stage.world, ALL)
    await oversee.revive(stage.world, ALL, letter.id)
    await stage.work()
    assert len(stage.carrier.inbox(BUYER)) == 1


async def test_an_answer_that_was_lost_is_asked_for_with_the_same_key(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, paid=True)
    stage.carrier.upset(Upset.LOST_AFTER, Upset.LOST_BEFORE, None)

    for _ in range(3):
        await stage.work()
        stage.clock.advance(seconds=10)

    assert len(stage.carrier.asked) == 3
    assert len(set(stage.carrier.asked)) == 1
    assert len(stage.carrier.inbox(BUYER)) == 1
    assert await stage.value("SELECT state FROM delivery") == "sent"


async def test_a_worker_killed_between_send_and_mark_is_followed_by_one_that_uses_the_same_key(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    await a_booking(stage, shop, paid=True)

    async def killed() -> None:
        task: asyncio.Task[int] | None = None

        def now(_key: str) -> None:
            assert task is not None
            task.cancel()

        stage.carrier.before = now
        task = asyncio.create_task(worker.drain(stage.world))
        with pytest.raises(asyncio.CancelledError):
            await task

    await killed()
    stage.carrier.before = lambda _key: None
    assert len(stage.carrier.inbox(BUYER)) == 1, "it was sent"
    assert await stage.value("SELECT state FROM delivery") == "queued", "and not marked"
    assert await worker.drain(second.world) == 0, "the dead one's lease holds"
    stage.clock.advance(seconds=outbox.LEASE_SECONDS)
    await second.work()

    assert len(set(stage.carrier.asked)) == 1
    assert len(stage.carrier.asked) == 2
    assert len(stage.carrier.inbox(BUYER)) == 1
    assert await stage.value("SELECT state FROM delivery") == "sent"


async def test_two_workers_share_the_work_and_do_nothing_twice(stage: Stage, second: Stage, shop: Shop) -> None:
    for _ in range(3):
        await a_booking(stage, shop, category="FLOOR", quantity=3, paid=True)

    done = await asyncio.gather(*(worker.drain(one.world) for one in (stage, second, stage, second)))

    assert sum(done) == 18
    assert len(stage.carrier.asked) == len(set(stage.carrier.asked)) == 9


async def test_a_dead_letter_of_another_issuer_is_neither_seen_nor_revived(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, paid=True)
    stage.carrier.upset(Rejected("no", retry=False))
    await stage.work()
    (letter,) = await oversee.dead_letters(stage.world, ALL)
    stranger = staff.Member(UUID(int=2), UUID(int=3), frozenset({"messages"}))
    own = staff.Member(UUID(int=2), shop.issuer, frozenset({"messages"}))

    assert await oversee.dead_letters(stage.world, stranger) == []
    with pytest.raises(NotFound):
        await oversee.revive(stage.world, stranger, letter.id)
    await oversee.revive(stage.world, own, letter.id)
    with pytest.raises(NotFound):
        await oversee.revive(stage.world, own, letter.id)


# --- the loop -------------------------------------------------------------------------------------------------------


async def running(stage: Stage, **given: float) -> asyncio.Task[None]:
    return asyncio.create_task(worker.run(stage.world, **given))


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def until(stage: Stage, statement: str) -> None:
    """Wait until a query says yes; at most five seconds."""
    for _ in range(500):
        if await stage.value(statement):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(statement)


async def test_a_waiting_worker_is_woken_by_a_sale(stage: Stage, shop: Shop) -> None:
    task = await running(stage, poll_seconds=60.0)
    try:
        await asyncio.sleep(0.1)
        await a_booking(stage, shop, paid=True)
        await until(stage, "SELECT count(*) = 1 FROM delivery WHERE state = 'sent'")
    finally:
        await stopped(task)


async def test_a_lane_is_woken_by_what_is_owed_of_its_own_topic_and_by_words_that_nobody_knows(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sale wakes those who deliver and register, and nobody looks in vain; another version may owe more than we."""
    looked: asyncio.Queue[Topic] = asyncio.Queue()
    drain = worker.drain

    async def telling(world: World, *, topic: Topic | None = None) -> int:
        done = await drain(world, topic=topic)
        assert topic is not None, "each lane has one"
        looked.put_nowait(topic)
        return done

    monkeypatch.setattr(worker, "drain", telling)
    task = await running(stage, poll_seconds=60.0)
    try:
        async with asyncio.timeout(30):
            assert {await looked.get() for _ in Topic} == set(Topic)
            await stage.world.memory.wake(Topic.REGISTER)
            assert await looked.get() == Topic.REGISTER
            await stage.world.memory.wake("something_new")
            assert {await looked.get() for _ in Topic} == set(Topic)
            assert looked.empty()
    finally:
        await stopped(task)


async def test_a_worker_that_nobody_wakes_looks_by_itself(stage: Stage, second: Stage, shop: Shop) -> None:
    """The other process has a Redis of its own, so its wake-up does not arrive."""
    task = await running(stage, poll_seconds=0.05)
    try:
        await asyncio.sleep(0.1)
        await a_booking(second, shop, paid=True)
        await until(stage, "SELECT count(*) = 1 FROM delivery WHERE state = 'sent'")
    finally:
        await stopped(task)


async def test_the_worker_looks_after_what_nobody_waits_for(stage: Stage, shop: Shop) -> None:
    late = await a_booking(stage, shop)
    unsettled = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    await pay.pay(stage.world, unsettled.id, [Tender(CardToken("pm_card_visa"))])
    await stage.sql(
        "INSERT INTO idempotency (scope, key, request_hash, busy_until, created_at) VALUES ('s', 'k', '', :t, :t)",
        t=stage.clock.now() - timedelta(hours=20),
    )
    stage.clock.advance(hours=5)

    task = await running(stage, poll_seconds=0.05, reconcile_seconds=0.02)
    try:
        await until(stage, f"SELECT state = 'expired' FROM booking WHERE id = '{late.id}'")  # noqa: S608 - an id
        await until(stage, f"SELECT state = 'paid' FROM booking WHERE id = '{unsettled.id}'")  # noqa: S608 - an id
        await until(stage, "SELECT count(*) = 0 FROM idempotency")
    finally:
        await stopped(task)


async def test_a_database_that_fails_for_a_moment_does_not_end_the_worker(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = iter([True, True, False])
    claim, expire = outbox.claim, book.expire

    async def sometimes(*args: Any, **names: Any) -> Any:
        if next(broken, False):
            raise OSError("connection lost")
        return await claim(*args, **names)

    async def sometimes_too(*args: Any, **names: Any) -> Any:
        if next(broken, False):
            raise OSError("connection lost")
        return await expire(*args, **names)

    monkeypatch.setattr(outbox, "claim", sometimes)
    monkeypatch.setattr(book, "expire", sometimes_too)
    await a_booking(stage, shop, paid=True)

    task = await running(stage, poll_seconds=0.02, reconcile_seconds=0.01)
    try:
        await until(stage, "SELECT count(*) = 1 FROM delivery WHERE state = 'sent'")
    finally:
        await stopped(task)


async def test_a_handler_says_never_for_what_is_not_wanted_any_more(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(_world: World, _payload: Mapping[str, Any]) -> Never:
        return Never("no longer wanted")

    handle(monkeypatch, Topic.RELEASE, refuses)
    identity = await owe(stage, shop)

    await worker.drain(stage.world)

    found = await row(stage, identity)
    assert (found.last_error, found.dead_at, found.attempts) == ("no longer wanted", stage.clock.now(), 1)
