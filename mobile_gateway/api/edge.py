"""The outermost wall of the HTTP face: bodies are bounded, other sites kept out, every answer carries its headers."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mobile_gateway.api.problems import Problem, Refused, problem_response

BODY_BYTES_MAX = 65_536
BODY_SECONDS_MAX = 30.0
"""How long a body may take: whoever sends one octet an hour keeps no connection for himself."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer. Messages hold ticket links, so no address may leak through a referrer."""


class _GoneAway(Exception):
    """The caller hung up before its body was whole."""


class Edge:
    """ASGI middleware: reads a body of at most 64 KiB before the application sees any of it."""

    def __init__(self, app: ASGIApp, *, body_seconds_max: float = BODY_SECONDS_MAX) -> None:
        self._app = app
        self._body_seconds_max = body_seconds_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if _is_cross_site(scope):
            refused = Refused(Problem.CROSS_SITE, "This request was made by a page of another site; it was not done.")
            await problem_response(refused)(scope, receive, send_with_headers)
            return
        try:
            async with asyncio.timeout(self._body_seconds_max):
                body = await _read(scope, receive)
        except _GoneAway:
            return  # half a request is none
        except TimeoutError:
            why = "The body did not come to its end in time; send it again, whole and at once."
            refused = Refused(Problem.TOO_SLOW, why, headers={"Connection": "close"})
            await problem_response(refused)(scope, receive, send_with_headers)
            return
        if body is None:
            refused = Refused(Problem.TOO_LARGE, f"The body is larger than {BODY_BYTES_MAX} bytes; send less.")
            await problem_response(refused)(scope, receive, send_with_headers)
            return
        await self._app(scope, _replay(body, receive), send_with_headers)


def _is_cross_site(scope: Scope) -> bool:
    """Whether a browser says that another site's page wants to change something here (Fetch Metadata)."""
    if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
        return False
    return Headers(scope=scope).get("sec-fetch-site", "none") not in {"none", "same-origin"}


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body, or None where it is too large: then not one byte more than the limit was kept."""
    declared = Headers(scope=scope).get("content-length", "0")
    if declared.isdigit() and int(declared) > BODY_BYTES_MAX:
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneAway
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once, then whatever else comes: a page that goes away, for one."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
