"""One message centre as we are bound to it: several sessions kept up, one way to submit, one pace for all of them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from app.channels.smpp_address import Smsc
from app.channels.smpp_link import Answer, Link, Lost, Take, Unsent
from mobile_gateway.wire.smpp import (
    INTERFACE_VERSION,
    Bind,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    Status,
    SubmitSm,
    Timers,
    status_name,
)

Chance = Callable[[], float]
"""A number from 0 up to 1."""

REFUSED_FOR_GOOD = frozenset({Status.RINVPASWD, Status.RINVSYSID, Status.RINVSYSTYP})
"""Asking again at once would only get our account locked."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How long we wait for what."""

    connect_seconds: float = 5.0
    backoff_first_seconds: float = 0.5
    backoff_max_seconds: float = 60.0
    throttled_seconds: float = 1.0
    """How long nothing is submitted after RTHROTTLED, on any bind of the message centre."""
    bound_seconds: float = 3.0
    """How long a message waits for the first bind."""
    send_seconds: float = 14.0
    """How long a message may take altogether; shorter than what the worker gives its handlers."""
    timers: Timers = field(default_factory=lambda: Timers(response_seconds=10.0))


class Centre:
    """A message centre that we stay bound to while `running`."""

    def __init__(self, smsc: Smsc, *, pace: Pace, chance: Chance) -> None:
        self.smsc = smsc
        self._pace = pace
        self._chance = chance
        self._links: dict[Link, None] = {}
        self._changed = asyncio.Condition()
        self._quiet_until = 0.0
        self._why = "it was never reached"

    @property
    def is_up(self) -> bool:
        return any(link.can_submit for link in self._links)

    @property
    def trouble(self) -> str:
        """Why it is not up, for whoever reads the log or a delivery's reasons."""
        return f"the message centre {self.smsc.name} is not connected: {self._why}"

    # --- staying bound ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self, take: Take) -> AsyncIterator[None]:
        """Stay bound for as long as the block lasts, and hand what is heard to `take`."""
        kinds = (BindTransmitter, BindReceiver) if self.smsc.split else (BindTransceiver,)
        keepers = [asyncio.create_task(self._keep(kind, take)) for kind in kinds for _ in range(self.smsc.binds)]
        try:
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, kind: type[Bind], take: Take) -> None:
        """One bind, again and again; the waiting grows while it fails, and is never the same for two of us."""
        failures = 0
        while True:
            try:
                held = await self._hold(kind, take)
            except Exception:
                log.exception("smpp_bind_failed", smsc=self.smsc.name)
                held = False
            failures = 0 if held else failures + 1
            longest = min(self._pace.backoff_max_seconds, self._pace.backoff_first_seconds * 2 ** min(failures, 16))
            await asyncio.sleep(longest * (0.5 + self._chance() / 2))

    async def _hold(self, kind: type[Bind], take: Take) -> bool:
        """Connect, bind and stay; whether it was bound at all."""
        link = await self._connect(take)
        if link is None:
            return False
        try:
            if not await self._bind(link, kind):
                return False
            async with self._changed:
                self._links[link] = None
                self._changed.notify_all()
            log.info("smpp_bound", smsc=self.smsc.name, how=kind.__name__)
            self._why = await asyncio.shield(link.closed)
            log.warning("smpp_ended", smsc=self.smsc.name, why=self._why)
            return True
        finally:
            self._links.pop(link, None)
            await link.leave()

    async def _connect(self, take: Take) -> Link | None:
        smsc, pace = self.smsc, self._pace
        secured = ssl.create_default_context() if smsc.tls else None
        try:
            async with asyncio.timeout(pace.connect_seconds):
                _, link = await asyncio.get_running_loop().create_connection(
                    lambda: Link(take, timers=pace.timers, window=smsc.window), smsc.host, smsc.port, ssl=secured
                )
        except (OSError, TimeoutError) as fault:
            self._why = f"no connection ({type(fault).__name__})"
            log.warning("smpp_unreachable", smsc=smsc.name, why=type(fault).__name__)
            return None
        return link

    async def _bind(self, link: Link, kind: type[Bind]) -> bool:
        smsc = self.smsc
        answer = await link.bind(
            kind(
                system_id=smsc.system_id,
                password=smsc.password,
                system_type=smsc.system_type,
                interface_version=INTERFACE_VERSION,
            )
        )
        if isinstance(answer, Answer) and answer.status == Status.ROK:
            return True
        self._why = f"bind refused with {status_name(answer.status)}" if isinstance(answer, Answer) else answer.why
        log.warning("smpp_bind_refused", smsc=smsc.name, why=self._why)
        if isinstance(answer, Answer) and answer.status in REFUSED_FOR_GOOD:
            link.drop()
            await asyncio.sleep(self._pace.backoff_max_seconds)
        return False

    async def bound(self) -> bool:
        """Wait a moment until messages may go out; whether they may."""
        if not self.is_up:
            try:
                async with asyncio.timeout(self._pace.bound_seconds), self._changed:
                    await self._changed.wait_for(lambda: self.is_up)
            except TimeoutError:
                return False
        return True

    # --- submitting ---------------------------------------------------------------------------------------------------

    async def submit(self, pdu: SubmitSm) -> Answer | Lost | Unsent:
        """Over the bind with the shortest queue. What is throttled waits with everything else, and goes again."""
        while True:
            await self._wait_for_quiet_to_end()
            links = [link for link in self._links if link.can_submit]
            if not links:
                return Unsent(self.trouble)
            answer = await min(links, key=lambda link: link.pending).submit(pdu)
            if not (isinstance(answer, Answer) and answer.status == Status.RTHROTTLED):
                return answer
            self._quiet_until = asyncio.get_running_loop().time() + self._pace.throttled_seconds
            log.info("smpp_throttled", smsc=self.smsc.name)

    async def _wait_for_quiet_to_end(self) -> None:
        """After RTHROTTLED nobody submits for a while: the message centre counts every attempt."""
        loop = asyncio.get_running_loop()
        while (seconds := self._quiet_until - loop.time()) > 0:  # noqa: ASYNC110 - time itself is waited for
            await asyncio.sleep(seconds)
