"""Headers on every answer: its `Request-Id`, the API version it speaks, and what a browser must not do with it."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.payments.sandbox.till import ALPHABET, Chance
from app.payments.sandbox.version import API_VERSION

VERSION_CHARACTERS_MAX = 40
REQUEST_ID_CHARACTERS = 14

SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Set where the answer does not set its own."""


class NetworkHeaders:
    """ASGI middleware around the whole application, so that faults carry the headers too."""

    def __init__(self, app: ASGIApp, *, chance: Chance) -> None:
        self._app = app
        self._chance = chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("stripe-version", API_VERSION)[:VERSION_CHARACTERS_MAX]
        request_id = "".join(ALPHABET[byte % len(ALPHABET)] for byte in self._chance.bytes(REQUEST_ID_CHARACTERS))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Request-Id"] = f"req_{request_id}"
                headers["Stripe-Version"] = asked
                for name, value in SAFE.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
