"""Problems for people: where a browser asked for a page, a problem is answered as a page with a way on."""

from __future__ import annotations

import json
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.rendering import page
from app.web.speaking import WORDS

PROBLEM: Final = "application/problem+json"
PAGES: Final = ("/p/", "/b/", "/t/", "/o/")
AT_FAULT: Final = 500
REPLACED: Final = {"content-length", "content-type"}


class FaultPages:
    """ASGI middleware outside everything else. API clients, which do not ask for text/html, see no difference."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _asks_for_a_page(scope):
            await self._app(scope, receive, send)
            return
        held: Message | None = None
        body = b""

        async def watching(message: Message) -> None:
            nonlocal held, body
            if message["type"] == "http.response.start" and _is_problem(message) and _is_page(scope):
                held = message
            elif held is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await _fault_page(Request(scope), held, body)(scope, receive, send)

        await self._app(scope, receive, watching)


def _asks_for_a_page(scope: Scope) -> bool:
    """Each request is asked this, so it is read off the bare list of headers."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _is_problem(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith(PROBLEM)


def _is_page(scope: Scope) -> bool:
    """An address of a page, or one that nothing of ours answers."""
    path: str = scope["path"]
    return path == "/" or path.startswith(PAGES) or scope.get("route") is None


def _fault_page(request: Request, start: Message, problem: bytes) -> Response:
    status: int = start["status"]
    words = WORDS["en"]["fault"]
    shown = status if f"title_{status}" in words else (AT_FAULT if status >= AT_FAULT else 422)
    of_path = f"text_{shown}_{request.url.path[1:2]}"
    title: str = json.loads(problem).get("title", "")
    answer = page(
        request,
        "fault.html",
        status,
        here="/",
        title_name=f"title_{shown}",
        text_name=of_path if of_path in words else f"text_{shown}",
        again=request.method == "GET" and shown in {429, 500, 503},
        problem=f"{status} {title}",
    )
    headers = MutableHeaders(raw=list(answer.raw_headers))
    for name, value in Headers(raw=start["headers"]).items():
        if name not in REPLACED and name != "referrer-policy":
            headers[name] = value
    answer.raw_headers = list(headers.raw)
    return answer
