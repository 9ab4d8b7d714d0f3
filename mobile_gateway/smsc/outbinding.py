"""Asking an account's own server to bind when the account is owed something and nobody is here to take it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mobile_gateway.carrier.messages import backoff
from mobile_gateway.pump import PAUSE_SECONDS_MAX, forever

if TYPE_CHECKING:
    from mobile_gateway.smpp_limits import Callee
    from mobile_gateway.smsc.server import Smsc

log = logging.getLogger(__name__)

CONNECT_SECONDS_MAX = 10.0


class Outbinding:
    """Calls one account's server whenever that is due, less and less often while it does not bind."""

    def __init__(self, smsc: Smsc, account: str, callee: Callee) -> None:
        self._smsc = smsc
        self._account = account
        self._callee = callee
        self._due = asyncio.Event()
        self._failures = 0
        self._rests_until = 0.0
        self._loop = asyncio.get_running_loop()
        smsc.network.watch_sessions(self._due)

    async def run(self) -> None:
        """Look whenever something changes; does not end by itself."""
        await forever(self._round, self._due, f"ask the server of {self._account} to bind")

    async def _round(self) -> float:
        if self._smsc.network.has_session(self._account):
            self._failures, self._rests_until = 0, 0.0
            return PAUSE_SECONDS_MAX
        if (rest_seconds := self._rests_until - self._loop.time()) > 0:
            return rest_seconds
        owed_at = await self._smsc.network.owed_at(self._account)
        if owed_at is None:
            return PAUSE_SECONDS_MAX
        if (wait_seconds := (owed_at - self._smsc.now()).total_seconds()) > 0:
            return wait_seconds
        if await self._call():
            return PAUSE_SECONDS_MAX
        self._failures += 1
        rest_seconds = backoff(self._smsc.limits.outbind_retry_seconds, self._failures).total_seconds()
        self._rests_until = self._loop.time() + rest_seconds
        return rest_seconds

    async def _call(self) -> bool:
        """Whether the server bound to take what it is owed."""
        password = self._callee.password.get_secret_value()
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                connection = await self._smsc.outbind(self._callee.host, self._callee.port, password=password)
        except (OSError, TimeoutError) as fault:
            log.info("the server of %s cannot be reached: %s", self._account, type(fault).__name__)
            return False
        # It binds, or the session's own patience ends it.
        await asyncio.wait([connection.bound, connection.closed], return_when=asyncio.FIRST_COMPLETED)
        if self._smsc.network.has_session(self._account):
            return True
        connection.drop()
        log.info("the server of %s was asked to bind and did not", self._account)
        return False
