"""Asking an issuer's server: requests signed one by one, tried again within bounds, and answers of bounded size.

Every request is idempotent by what it says, so one whose answer was lost is simply made again, under a fresh token.
A server that does not answer is left alone for a moment: whoever asks meanwhile is told so at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog

from app import tokens
from app.domain import refusals as no
from app.domain.sale import away_words
from app.issuers import answers
from app.keys import KeyRing
from app.ports import Clock, Entropy

TOKEN_SECONDS = 60
ANSWER_BYTES_MAX = 4 * 1024 * 1024
PROBLEM_BYTES_MAX = 65_536
LEFT_ALONE = timedelta(seconds=2)
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that say nothing about the request: it may succeed when it is made again."""
REFUSALS: Mapping[str, type[no.Refusal]] = {
    "not-found": no.NotFound,
    "not-on-sale": no.NotOnSale,
    "wrong-state": no.WrongState,
    "key-reused": no.KeyReused,
    "bad-line": no.BadLine,
    "limit-exceeded": no.LimitExceeded,
}
"""What an issuer's server may refuse, by the slug of the problem it tells."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one answer is waited for, how long all tries together may take, and the pauses between them."""

    connect_seconds: float = 2.0
    answer_seconds: float = 5.0
    total_seconds: float = 8.0
    pauses_seconds: tuple[float, ...] = (0.1, 0.4, 1.0)


@dataclass(frozen=True, slots=True)
class Us:
    """Who signs: our name among the servers, our keys, our time and our chance."""

    name: str
    keys: KeyRing = field(repr=False)
    clock: Clock
    entropy: Entropy


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class _NoAnswer(Exception):
    """This try came to nothing; the message says how."""


class Wire:
    """The way to one issuer's server. `http` follows no redirects; `url` is from the settings, no other is asked."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        name: str,
        url: str,
        us: Us,
        patience: Patience | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self._http = http
        self.url = url.rstrip("/")
        self._us = us
        self._patience = patience or Patience()
        self._pause = pause
        self._away_until: datetime | None = None
        self._probing = False

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (200,),
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Answer:
        """The answer with one of the statuses of `expect`; raises IssuerAway, or the refusal that the issuer told."""
        request = _Request(method, path, dict(query or {}), _json(body), dict(headers or {}), bytes_max)
        try:
            answer = await self._attempts(request)
        except _NoAnswer as fault:
            self._away_until = self._us.clock.now() + LEFT_ALONE
            log.warning("issuer_away", issuer=self.name, method=method, path=path, reason=str(fault))
            raise self.away() from None
        self._away_until = None
        if answer.status in expect:
            return answer
        raise self._refusal(method, path, answer)

    def away(self) -> no.IssuerAway:
        return no.IssuerAway(away_words(self.name))

    async def _attempts(self, request: _Request) -> Answer:
        """Try until there is an answer; not while the server is left alone, and after that once, by one alone."""
        if self._is_away():
            raise self.away()
        if self._away_until is not None:
            self._probing = True
            probe = asyncio.create_task(self._probe(request))
            probe.add_done_callback(_looked_at)
            return await asyncio.shield(probe)
        try:
            async with asyncio.timeout(self._patience.total_seconds):
                for seconds in self._patience.pauses_seconds:
                    try:
                        return await self._attempt(request)
                    except _NoAnswer:
                        await self._pause(seconds)
                return await self._attempt(request)
        except TimeoutError:
            raise _NoAnswer(f"no answer within {self._patience.total_seconds} s") from None

    async def _probe(self, request: _Request) -> Answer:
        """Whether the server is back; goes on though who asked gives up, for everybody else waits for it."""
        try:
            answer = await self._attempt(request)
            self._away_until = None
        except _NoAnswer:
            self._away_until = self._us.clock.now() + LEFT_ALONE
            raise
        finally:
            self._probing = False
        return answer

    def _is_away(self) -> bool:
        if self._away_until is None:
            return False
        left = self._away_until - self._us.clock.now()
        return self._probing or timedelta(0) < left <= LEFT_ALONE

    async def _attempt(self, request: _Request) -> Answer:
        patience = self._patience
        made = self._http.build_request(
            request.method,
            self.url + request.path,
            params=request.query or None,
            content=request.body,
            timeout=httpx.Timeout(patience.answer_seconds, connect=patience.connect_seconds),
        )
        target = made.url.raw_path.decode("ascii").removeprefix(
            httpx.URL(self.url).raw_path.decode("ascii").rstrip("/")
        )
        made.headers.update({**answers.AS_IT_IS, **request.headers})
        made.headers["Authorization"] = f"Bearer {self._token(request, target)}"
        if request.body:
            made.headers["Content-Type"] = "application/json"
        try:
            async with asyncio.timeout(patience.answer_seconds):
                answer = await self._receive(made, request.bytes_max)
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, answers.Unfit) as fault:
            raise _NoAnswer(f"{type(fault).__name__}: {fault}"[:200]) from None
        if answer.status in TRANSIENT:
            raise _NoAnswer(f"it answered {answer.status}")
        return answer

    async def _receive(self, made: httpx.Request, bytes_max: int) -> Answer:
        response = await self._http.send(made, stream=True)
        try:
            octets = await answers.read(response, bytes_max=bytes_max)
        finally:
            await response.aclose()
        return Answer(response.status_code, response.headers, octets)

    def _token(self, request: _Request, target: str) -> str:
        return tokens.issue(
            typ="issuer+jwt",
            issuer=self._us.name,
            subject="server",
            audience=self.name,
            token_id=self._us.entropy.bytes(16).hex(),
            lifetime=timedelta(seconds=TOKEN_SECONDS),
            ring=self._us.keys,
            now=self._us.clock.now(),
            extra={
                "htm": request.method,
                "htu": target,
                "bh": tokens.body_hash(request.body),
            },
        )

    def _refusal(self, method: str, path: str, answer: Answer) -> no.Refusal:
        """The refusal that was told; whatever else was answered is no answer that can be built upon."""
        try:
            problem = json.loads(answer.body[:PROBLEM_BYTES_MAX])
            slug, detail = str(problem["type"]).rpartition("/")[2], str(problem["detail"])[:500]
        except (ValueError, TypeError, KeyError):
            slug, detail = "", ""
        kind = REFUSALS.get(slug)
        if kind is not None:
            return kind(detail)
        log.error("issuer_refuses_us", issuer=self.name, method=method, path=path, status=answer.status, detail=detail)
        return self.away()


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: dict[str, str]
    body: bytes = field(repr=False)
    headers: dict[str, str]
    bytes_max: int


def _json(body: Mapping[str, Any] | None) -> bytes:
    return b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _looked_at(probe: asyncio.Task[Answer]) -> None:
    """What became of a probe is known to the wire, also where nobody waits for its answer any more."""
    if not probe.cancelled():
        probe.exception()
