"""What may be forgotten: snapshots everybody shares for a second, wake-ups, live news. Losing it loses no sale."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

SHARED_SECONDS = 1.0
KEPT_MAX = 2_000
WAKE_CHANNEL = "cyberticket:wake"
ANY_TOPIC = "*"

log = structlog.get_logger()


def connect(url: str) -> Redis:
    """A Redis that is asked once and given up after a second: nobody waits for what may be forgotten."""
    return Redis.from_url(
        url,
        socket_timeout=1.0,
        socket_connect_timeout=1.0,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 0),
    )


@dataclass(slots=True)
class _Snapshot:
    body: bytes
    until: float


@dataclass(slots=True)
class Memory:
    """A Redis, or its stand-in in the process. Every method goes on without it: the answer is made again, or polled."""

    redis: Redis
    alone: bool = False
    """Whether that is the stand-in: then no other process knows what is said here, and it need not be asked."""
    _kept: dict[str, _Snapshot] = field(default_factory=dict)
    _said: OrderedDict[str, float] = field(default_factory=OrderedDict)
    _making: dict[str, asyncio.Task[bytes]] = field(default_factory=dict)
    _to_wake: set[str] = field(default_factory=set)
    _waking: asyncio.Task[None] | None = None

    async def shared(self, name: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """What `make` returned at most one second ago, made once for all who ask, here and in other processes."""
        now = time.monotonic()
        kept = self._kept.get(name)
        if kept is not None and kept.until > now:
            return kept.body
        task = self._making.get(name)
        if task is None:
            task = asyncio.create_task(self._make(name, make))
            self._making[name] = task
            task.add_done_callback(lambda _: self._making.pop(name, None))
        return await asyncio.shield(task)

    async def _make(self, name: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        started = time.monotonic()
        key = f"cyberticket:shared:{name}"
        body, left = await self._recall(key)
        if body is None:
            body, left = await make(), SHARED_SECONDS
            with suppress(RedisError, OSError):
                await self.redis.set(key, body, px=int(SHARED_SECONDS * 1000))
        while len(self._kept) >= KEPT_MAX:
            self._kept.pop(next(iter(self._kept)))
        self._kept[name] = _Snapshot(body, started + left)
        return body

    async def _recall(self, key: str) -> tuple[bytes | None, float]:
        """Another process' snapshot, and how many seconds of it are left."""
        with suppress(RedisError, OSError):
            asking = self.redis.pipeline(transaction=False)
            asking.get(key)
            asking.pttl(key)
            body, left_ms = await asking.execute()
            if body is not None and left_ms > 0:
                return body, left_ms / 1000
        return None, 0.0

    async def forget(self, name: str) -> None:
        """Drop a snapshot, so that whoever changed something sees it at once; others may keep theirs for a second."""
        self._kept.pop(name, None)
        with suppress(RedisError, OSError):
            await self.redis.delete(f"cyberticket:shared:{name}")

    async def keep(self, name: str, body: bytes, *, seconds: int) -> None:
        """Let `recall` find `body` for so long, here and in other processes; forgotten at once without Redis."""
        with suppress(RedisError, OSError):
            await self.redis.set(f"cyberticket:kept:{name}", body, ex=seconds)

    async def recall(self, name: str) -> bytes | None:
        """What was kept under this name, as long as it is."""
        with suppress(RedisError, OSError):
            body = await self.redis.get(f"cyberticket:kept:{name}")
            assert body is None or isinstance(body, bytes), "this client decodes nothing"
            return body
        return None

    async def drop(self, name: str) -> None:
        """Let `recall` find nothing under this name any more."""
        with suppress(RedisError, OSError):
            await self.redis.delete(f"cyberticket:kept:{name}")

    async def wake(self, *topics: str) -> None:
        """Tell the workers that something of these topics is owed, or of any; without Redis they find it by polling.

        Who wakes them at the same moment, such as sales that were made together, does it by one message.
        """
        self._to_wake.update(topics or (ANY_TOPIC,))
        if self._waking is None:
            self._waking = asyncio.create_task(self._wake())
        await asyncio.shield(self._waking)

    async def _wake(self) -> None:
        topics, self._to_wake, self._waking = self._to_wake, set(), None
        try:
            await self.redis.publish(WAKE_CHANNEL, " ".join(sorted(topics)))
        except (RedisError, OSError) as fault:
            log.warning("wake_lost", reason=type(fault).__name__)

    @asynccontextmanager
    async def wakes(self) -> AsyncIterator[Callable[[float], Awaitable[frozenset[str]]]]:
        """Gives a function that waits until woken, or until so many seconds are over; it tells of which topics."""
        listener = self.redis.pubsub(ignore_subscribe_messages=True)
        listening = False
        try:
            with suppress(RedisError, OSError):
                await listener.subscribe(WAKE_CHANNEL)
                listening = True
            _not_cancelled()

            async def wait(seconds: float) -> frozenset[str]:
                deadline = time.monotonic() + seconds
                with suppress(RedisError, OSError):
                    # What is not a wake-up, such as the word that we listen now, ends a read as well.
                    while listening and (left := deadline - time.monotonic()) > 0:
                        if (heard := await listener.get_message(timeout=left)) is not None:
                            return frozenset(heard["data"].decode().split())
                await asyncio.sleep(max(0.0, deadline - time.monotonic()))
                return frozenset()

            yield wait
        finally:
            with suppress(RedisError, OSError):
                await listener.aclose()  # type: ignore[no-untyped-call]  # redis-py leaves this one untyped

    async def alive(self) -> bool:
        try:
            return bool(await self.redis.ping())
        except (RedisError, OSError):
            return False

    async def first(self, name: str, *, seconds: int) -> bool:
        """Whether nobody has said `name` within so many seconds: the first one has it. Everybody when Redis is away."""
        if self.alone:
            return self._first_here(name, seconds=seconds)
        try:
            return bool(await self.redis.set(f"cyberticket:first:{name}", b"1", nx=True, ex=seconds))
        except (RedisError, OSError):
            return True

    def _first_here(self, name: str, *, seconds: int) -> bool:
        """Likewise among those who share this object; it forgets the names that were said first, first."""
        now = time.monotonic()
        while self._said and next(iter(self._said.values())) <= now:
            self._said.popitem(last=False)
        if self._said.get(name, now) > now:
            return False
        self._said[name] = now + seconds
        self._said.move_to_end(name)
        return True

    async def allow(self, name: str, *, most: int, seconds: int) -> bool:
        """A rate limit: at most so many of `name` in a window. Open when Redis is away: it guards comfort only."""
        key = f"cyberticket:rate:{name}:{int(time.time()) // seconds}"
        try:
            counting = self.redis.pipeline(transaction=False)
            counting.incr(key)
            counting.expire(key, seconds * 2)
            count, _ = await counting.execute()
        except (RedisError, OSError):
            return True
        return int(count) <= most


def _not_cancelled() -> None:
    """Raises CancelledError where redis-py has swallowed one: a cancelled connect looks like a failed one to it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
