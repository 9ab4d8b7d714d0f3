"""Bringing accounts what they are owed: stored until one of an account's sinks has it, across rebinds and restarts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from mobile_gateway.carrier import receipts
from mobile_gateway.carrier.ledger import Ledger
from mobile_gateway.carrier.messages import Policy, Way
from mobile_gateway.carrier.outgoing import NotNow, Outgoing, Sink, Told
from mobile_gateway.disk.store import Store, StoreFailed
from mobile_gateway.pump import PAUSE_SECONDS_MAX, forever

log = logging.getLogger(__name__)

OUTGOING_PER_ROUND_MAX = 100


@dataclass(eq=False)
class _Taker:
    """A sink, how much more it may be brought now, and when it was last brought something, as its route counts."""

    sink: Sink
    room: int
    turn: int = 0


@dataclass(eq=False)
class _Route:
    """One way to one account (None: to all), with whoever takes things there at the moment."""

    way: Way
    account: str | None
    takers: list[_Taker] = field(default_factory=list)
    due: asyncio.Event = field(default_factory=asyncio.Event)
    turns: int = 0
    fresh: bool = True
    under_way: set[int] = field(default_factory=set)
    """What some taker is being brought: nobody else is brought the same."""
    told: list[tuple[Outgoing, Told]] = field(default_factory=list)
    """What became of things, until the file knows."""
    brings: set[asyncio.Task[None]] = field(default_factory=set)
    pump: asyncio.Task[None] | None = None

    def next_taker(self) -> _Taker | None:
        """Of those who may be brought more, the one that has waited longest."""
        return min((one for one in self.takers if one.room > 0), key=lambda one: one.turn, default=None)


class Forwarding:
    """Who takes what, and the pumps that bring it."""

    def __init__(self, store: Store, policy: Policy, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._routes: dict[tuple[Way, str | None], _Route] = {}
        self._watchers: list[asyncio.Event] = []
        self._running = False

    def attach(self, sink: Sink, *, way: Way, account: str | None, at_once_max: int = OUTGOING_PER_ROUND_MAX) -> None:
        """From now on `sink` takes what goes this way to `account` (None: to any). What waited comes at once.

        It is brought at most `at_once_max` things at a time. Several sinks of a route share what is due.
        """
        route = self._routes.setdefault((way, account), _Route(way, account))
        route.takers.append(_Taker(sink, at_once_max))
        route.fresh = True
        route.due.set()
        self._start(route)

    def detach(self, sink: Sink, *, way: Way, account: str | None) -> None:
        """`sink` takes nothing any more. What it had not acknowledged goes to another, or waits."""
        route = self._routes[way, account]
        route.takers = [taker for taker in route.takers if taker.sink is not sink]
        self._tell_watchers()

    def has_sink(self, way: Way, account: str) -> bool:
        """Whether somebody takes what goes this way to `account` now."""
        routes = (self._routes.get((way, account)), self._routes.get((way, None)))
        return any(route.takers for route in routes if route)

    def watch(self, changed: asyncio.Event) -> None:
        """Set this event whenever more is owed or a sink has gone."""
        self._watchers.append(changed)

    def wake(self) -> None:
        """More is owed than before."""
        for route in self._routes.values():
            route.due.set()
        self._tell_watchers()

    def start(self) -> None:
        """Bring whatever is owed to the sinks attached so far, and from now on."""
        self._running = True
        for route in self._routes.values():
            self._start(route)

    async def stop(self) -> None:
        """Stop bringing; what was not acknowledged waits in the file."""
        self._running = False
        tasks = [task for route in self._routes.values() for task in (route.pump, *route.brings) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if told := [one for route in self._routes.values() for one in route.told]:
            with suppress(StoreFailed):  # then it is told again
                await self._store.run(lambda ledger: self._settle(ledger, told))

    def _tell_watchers(self) -> None:
        for changed in self._watchers:
            changed.set()

    def _start(self, route: _Route) -> None:
        if self._running and route.pump is None:
            name = f"tell {route.account or 'accounts'} by {route.way}"
            route.pump = asyncio.create_task(forever(lambda: self._round(route), route.due, name))

    async def _round(self, route: _Route) -> float:
        """Give everybody who has room something that is due; answers how many seconds until more is."""
        while route.told or route.takers:
            taker = route.next_taker()
            due, pause_seconds = await self._note_and_take(route, 0 if taker is None else taker.room)
            if not due and not route.told:
                return pause_seconds
            if due and taker is not None and taker in route.takers:  # it may have left meanwhile
                self._bring(route, taker, due)
        return PAUSE_SECONDS_MAX

    async def _note_and_take(self, route: _Route, limit: int) -> tuple[list[Outgoing], float]:
        told, route.told = route.told, []
        route.under_way -= {one.id for one, _ in told}
        make_due, route.fresh = route.fresh, False
        return await self._store.run(partial(self._next, route=route, told=told, make_due=make_due, limit=limit))

    def _next(
        self, ledger: Ledger, *, route: _Route, told: Sequence[tuple[Outgoing, Told]], make_due: bool, limit: int
    ) -> tuple[list[Outgoing], float]:
        """Note what became of the last ones and take the next; where nothing is due, how long until something is."""
        now = self._now()
        self._settle(ledger, told)
        if make_due:  # what failed before for want of somebody to take it is not kept waiting any longer
            ledger.make_outgoing_due(route.way, route.account, now)
        if not limit:
            return [], PAUSE_SECONDS_MAX  # whoever has room again says so
        found = ledger.due_outgoing(route.way, route.account, now, limit=limit + len(route.under_way))
        if due := [one for one in found if one.id not in route.under_way][:limit]:
            return due, 0
        deadline = ledger.next_outgoing_due(route.way, route.account, after=now)
        return [], PAUSE_SECONDS_MAX if deadline is None else (deadline - now).total_seconds()

    def _settle(self, ledger: Ledger, told: Sequence[tuple[Outgoing, Told]]) -> None:
        receipts.settle(ledger, told, policy=self._policy, now=self._now())

    def _bring(self, route: _Route, taker: _Taker, due: Sequence[Outgoing]) -> None:
        route.turns += 1
        taker.turn = route.turns
        taker.room -= len(due)
        route.under_way |= {one.id for one in due}
        bringing = asyncio.create_task(self._brought(route, taker, due))
        route.brings.add(bringing)
        bringing.add_done_callback(route.brings.discard)

    async def _brought(self, route: _Route, taker: _Taker, due: Sequence[Outgoing]) -> None:
        try:
            answers = await taker.sink.deliver(due)
        except Exception:
            log.exception("a sink of %s failed; its things are due again later", route.account or route.way)
            answers = [NotNow("a fault of the network")] * len(due)
        route.told += zip(due, answers, strict=True)
        taker.room += len(due)
        route.due.set()
