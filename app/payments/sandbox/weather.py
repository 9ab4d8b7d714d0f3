"""The scripts in force, and what they do to a request.

They are kept in memory, since every request looks at them, and in the database, since a restart must not forget them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.payments.sandbox.errors import Answer, error_body
from app.payments.sandbox.faults import BROUGHT_MAX, Fault, What, Where, keep, kept
from app.payments.sandbox.ledger import Ledger
from app.payments.sandbox.replies import respond
from app.ports import Clock

FAULTS_MAX = 100
DROP = "cyberticket.drop"
"""The scope's extension that cuts the connection; `server.py` puts it there."""

REFUSALS = {
    What.ERROR_500_BEFORE: (HTTPStatus.INTERNAL_SERVER_ERROR, "api_error", None),
    What.TOO_MANY: (HTTPStatus.TOO_MANY_REQUESTS, "invalid_request_error", "rate_limit"),
    What.UNAVAILABLE: (HTTPStatus.SERVICE_UNAVAILABLE, "api_error", None),
}
"""Answers that nothing was done for."""


class ConnectionDropped(Exception):
    """The script cuts the connection, but nobody here holds its end: the program runs inside its caller."""


class Dropped(Response):
    """No answer at all: the connection is cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del send
        extension = scope.get("extensions", {}).get(DROP)
        if extension is None:
            raise ConnectionDropped
        extension["cut"]()
        while (await receive())["type"] != "http.disconnect":
            continue


class Weather:
    """The scripts in force, the oldest first, and beside them what cards have brought, by payment."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._faults: dict[str, Fault] = {}
        self._brought: dict[str, Fault] = {}
        self._lifted = asyncio.Event()

    async def load(self) -> None:
        """Read what a program before this one was told."""
        now = self._clock.now().timestamp()
        await self._ledger.run(lambda connection: connection.execute("DELETE FROM faults WHERE until <= ?", (now,)))
        for fault in await self._ledger.run(kept):
            self.know(fault)

    def standing(self) -> list[Fault]:
        """All scripts of the admin API that have not run out."""
        self._hanging_seconds()
        return list(self._faults.values())

    @property
    def full(self) -> bool:
        return len(self._faults) >= FAULTS_MAX

    async def add(self, fault: Fault) -> None:
        """Put a script in force, durably."""
        await self._ledger.run(lambda connection: keep(connection, fault))
        self.know(fault)

    def know(self, fault: Fault) -> None:
        """The script is in the database; from now on it is met."""
        if not fault.brought:
            self._faults[fault.id] = fault
            return
        self._brought[fault.intent or ""] = fault
        if len(self._brought) > BROUGHT_MAX:
            del self._brought[next(iter(self._brought))]

    async def clear(self) -> None:
        """End all scripts; whoever hangs goes on."""
        self._faults.clear()
        self._brought.clear()
        lifted, self._lifted = self._lifted, asyncio.Event()
        lifted.set()
        await self._ledger.run(lambda connection: connection.execute("DELETE FROM faults"))

    async def meet(self, at: Where, *, intent: str | None = None, event_type: str | None = None) -> Fault | None:
        """The script that strikes this request or event, if any; that it did is on disk before it does."""
        fault, changed = self._decide(at, intent, event_type)
        if changed:
            await self._ledger.run(lambda connection: keep(connection, *changed))
        return fault

    def _decide(self, at: Where, intent: str | None, event_type: str | None) -> tuple[Fault | None, list[Fault]]:
        """The script that strikes, and how those stand that it fitted: all at once, so that none strikes too often."""
        brought = self._brought.pop(intent, None) if intent is not None and at is Where.CONFIRM else None
        if brought is not None:
            return brought, [brought.meet()[1]]
        changed = []
        for fault in list(self._faults.values()):
            if not fault.fits(at, intent=intent, event_type=event_type):
                continue
            struck, after = fault.meet()
            changed.append(after)
            if after.over:
                del self._faults[fault.id]
            else:
                self._faults[fault.id] = after
            if struck:
                return fault, changed
        return None, changed

    async def under(self, fault: Fault | None, carry_out: Callable[[bool], Awaitable[Response]]) -> Response:
        """The answer as the script leaves it. `carry_out(True)` does the work and answers with a 500."""
        if fault is not None and fault.what in REFUSALS:
            return refusal(fault.what)
        if fault is not None and fault.what is What.DROP_BEFORE:
            return Dropped()
        if fault is not None and fault.what is What.HANG:
            await self.wait(fault.milliseconds / 1_000)
        answer = await carry_out(fault is not None and fault.what is What.ERROR_500_AFTER)
        if fault is not None and fault.what is What.DELAY:
            await self.wait(fault.milliseconds / 1_000)
        return Dropped() if fault is not None and fault.what is What.DROP_AFTER else answer

    async def wait(self, seconds: float) -> None:
        """So long, or until the scripts are ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._lifted.wait()

    async def calm(self) -> None:
        """Return once the network as a whole does not hang."""
        while (seconds := self._hanging_seconds()) > 0:
            await self.wait(seconds)

    def _hanging_seconds(self) -> float:
        now = self._clock.now().timestamp()
        longest = 0.0
        for fault in list(self._faults.values()):
            if fault.at is Where.NETWORK and fault.until is not None:
                longest = max(longest, fault.until - now)
                if fault.until <= now:
                    del self._faults[fault.id]
        return longest


def refusal(what: What) -> Response:
    status, kind, code = REFUSALS[what]
    words = f"A script of this network ({what}) answers instead of it. Nothing was done; try again in a moment."
    return respond(Answer(status, error_body(words, kind=kind, code=code)))


class Hanging:
    """ASGI middleware: while the whole network hangs, nothing is answered but the calls that can end it."""

    def __init__(self, app: ASGIApp, *, weather: Weather) -> None:
        self._app = app
        self._weather = weather

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/admin/"):
            await self._weather.calm()
        await self._app(scope, receive, send)
