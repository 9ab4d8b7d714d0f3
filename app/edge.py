"""The outermost layer: limits on requests, safe headers on answers, one log line and one measurement for each."""

from __future__ import annotations

import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
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
        self._csp = CSP.format(card_origin=card_origin)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        status = 0
        started = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._dress(MutableHeaders(scope=message))
            await send(message)

        try:
            self._check_declared(request.headers)
            await self._app(scope, self._limited(receive), sending)
        except _TooLarge:
            answer = respond(request, TOO_LARGE, f"A request may have {self._limit} bytes at most.")
            await answer(scope, receive, sending)
        except ClientDisconnect:
            log.info("client_left", method=scope["method"], path=scope["path"])
        except Exception:
            log.exception("request_failed", method=scope["method"], path=scope["path"])
            if status:
                raise  # an answer was begun: the connection must break, so that nobody takes it for whole
            await respond(request, BROKEN, BROKEN.advice)(scope, receive, sending)
        finally:
            self._measure(scope, status, time.perf_counter() - started)

    def _check_declared(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length) > self._limit:
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

    def _dress(self, headers: MutableHeaders) -> None:
        for name, value in SAFE.items():
            headers.setdefault(name, value)
        headers.setdefault("Content-Security-Policy", self._csp)
        headers.setdefault("Cache-Control", "no-store")

    @staticmethod
    def _measure(scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        REQUEST_SECONDS.labels(scope["method"], route, status).observe(seconds)
