"""Problems for phones: below /wap a problem is answered as a deck that says what to do, with a way back."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.wap_deck import Deck, Link, Words
from app.web.wap_reading import WAP_WORDS, answer, reader_of

PROBLEM: Final = "application/problem+json"
AT_FAULT: Final = 500
KEPT: Final = ("retry-after",)


class WapFaults:
    """ASGI middleware. It stands outside of the measuring, which so knows the real status of what goes out as 200."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_wap(scope["path"]):
            await self._app(scope, receive, send)
            return
        held: Message | None = None

        async def watching(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_problem(message):
                held = message
            elif held is None:
                await send(message)
            elif not message.get("more_body", False):
                await _fault_deck(scope, receive, send, held)

        await self._app(scope, receive, watching)


def _is_wap(path: str) -> bool:
    return path == "/wap" or path.startswith("/wap/")


def _is_problem(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith(PROBLEM)


async def _fault_deck(scope: Scope, receive: Receive, send: Send, start: Message) -> None:
    status: int = start["status"]
    reader = reader_of(Request(scope))
    known = f"fault_{status}" in WAP_WORDS[reader.language]
    name = f"fault_{status}" if known else f"fault_{AT_FAULT if status >= AT_FAULT else 422}"
    deck = Deck(
        reader("fault"),
        (Words(reader(name)), Link(reader("home"), reader.to("/wap"))),
        reader("back"),
        reader.language,
    )
    response = answer(reader, deck, status)
    headers = MutableHeaders(raw=list(response.raw_headers))
    for kept in KEPT:
        if value := Headers(raw=start["headers"]).get(kept):
            headers[kept] = value
    response.raw_headers = list(headers.raw)
    await response(scope, receive, send)
