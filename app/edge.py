"""The outermost layer: limits on requests, safe headers on answers, one log line and one measurement for each."""

from __future__ import annotations

import time
from collections.abc import MutableSequence
from functools import lru_cache

import structlog
from prometheus_client import Histogram
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.metrics import REQUEST_SECONDS
from app.problems import BROKEN, TOO_LARGE, respond

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self' {card_origin}; frame-ancestors 'none'; base-uri 'none'"
)
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "geolocation=(), microphone=()",
}

SERIES_MAX = 4_096
"""Methods, routes and statuses that are kept at hand together; more are looked for each time."""

log = structlog.get_logger()


class _TooLarge(HTTPException):
    """The body is beyond the limit. FastAPI lets no other exception out of reading a body as it is."""

    def __init__(self) -> None:
        super().__init__(TOO_LARGE.status)


class Edge:
    """ASGI middleware. A fault that nobody expected becomes a 500 problem, with its cause in the log only."""

    def __init__(self, app: ASGIApp, *, request_bytes_max: int, card_origin: str) -> None:
        self._app = app
        self._limit = request_bytes_max
        policy = {"Content-Security-Policy": CSP.format(card_origin=card_origin), "Cache-Control": "no-store"}
        # As ASGI has them: names in small letters.
        self._safe = tuple((name.lower().encode(), value.encode()) for name, value in (SAFE | policy).items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        started = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._dress(message)
            await send(message)

        try:
            self._check_declared(scope)
            await self._app(scope, self._limited(receive), sending)
        except _TooLarge:
            answer = respond(Request(scope), TOO_LARGE, f"A request may have {self._limit} bytes at most.")
            await answer(scope, receive, sending)
        except ClientDisconnect:
            log.info("client_left", method=scope["method"], path=scope["path"])
        except Exception:
            log.exception("request_failed", method=scope["method"], path=scope["path"])
            if status:
                raise  # an answer was begun: the connection must break, so that nobody takes it for whole
            await respond(Request(scope), BROKEN, BROKEN.advice)(scope, receive, sending)
        finally:
            self._measure(scope, status, time.perf_counter() - started)

    def _check_declared(self, scope: Scope) -> None:
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if length.isdigit() and int(length) > self._limit:
            raise _TooLarge

    def _limited(self, receive: Receive) -> Receive:
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise _TooLarge
            return message

        return limited

    def _dress(self, start: Message) -> None:
        """Add the safe headers that an answer has not set itself."""
        headers: MutableSequence[tuple[bytes, bytes]] = start.setdefault("headers", [])
        named = {name for name, _ in headers}
        start["headers"] = [*headers, *(header for header in self._safe if header[0] not in named)]

    @staticmethod
    def _measure(scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        _series(scope["method"], route, status).observe(seconds)


@lru_cache(maxsize=SERIES_MAX)
def _series(method: str, route: str, status: int) -> Histogram:
    """What is counted under these labels: looking for it takes longer than counting."""
    return REQUEST_SECONDS.labels(method, route, status)
