"""Stripe's wire, seen from us: send a form with a key, try again while that can help, take what comes back.

https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/error-low-level. Nothing here knows what an
answer means; what is read of it is in `stripe_answers.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import httpx
from pydantic import SecretStr

from app.ports import Unknown

API_VERSION = "2026-10-28.endive"
AGENT = "Cyberticket (Stripe PaymentIntents)"


@dataclass(frozen=True, slots=True)
class StripeSettings:
    """Which network, with what patience. Neither the key nor a webhook's secret ever prints."""

    base_url: str
    secret_key: SecretStr
    webhook_secrets: tuple[SecretStr, ...] = ()
    """What the network signs its events with; two while one is being rolled, none where it tells us nothing."""
    version: str = API_VERSION
    minimal_params: bool = False
    """An imitation: it gets only the parameters that every one understands (no description, no automatic payment
    methods, no return address), and as it may not heed keys, nothing that may have arrived is sent to it again."""
    connect_seconds: float = 3.0
    read_seconds: float = 8.0
    tries_seconds: float = 10.0
    """One operation altogether: every try, every wait, and the question that settles a doubtful answer."""
    tries_max: int = 4
    backoff_seconds: float = 0.25
    """The longest wait before the second try; it doubles with each further one."""
    answer_bytes_max: int = 262_144
    page_bytes_max: int = 4_194_304
    """A page of a hundred objects, each with another one inside."""
    books_seconds: float = 120.0
    """Reading all that moved on one day."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the network, whole but not yet read. Its body may hold a client secret and never prints."""

    status: int
    body: bytes = field(repr=False)
    replayed: bool = False
    """The network tells what it answered when the key came first; things may have moved since."""
    should_retry: bool | None = None
    """The network's own word on whether a further try can help."""

    @property
    def ok(self) -> bool:
        return self.status == HTTPStatus.OK

    @property
    def failed(self) -> bool:
        """The network broke; it may have done what was asked all the same."""
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def final(self) -> bool:
        """A further try would bring the same; a replayed 5xx is stored at the network for good."""
        if self.replayed:
            return True
        if self.should_retry is not None:
            return not self.should_retry
        return not self.failed and self.status not in {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True, slots=True)
class _Lost:
    """No answer, and why. `failed`: the request may have been carried out all the same. `final`: ask no more."""

    why: str
    failed: bool
    final: bool = False


T = TypeVar("T")


async def within(seconds: float, work: Awaitable[T]) -> T | Unknown:
    """What `work` gives, or Unknown where it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        return Unknown(f"no answer within {seconds:g} s")


class Wire:
    """Requests to one network over an injected client. `chance` gives numbers in [0, 1)."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        settings: StripeSettings,
        *,
        chance: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._http = http
        self.settings = settings
        self._base = settings.base_url.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {settings.secret_key.get_secret_value()}",
            "Stripe-Version": settings.version,
            "Accept-Encoding": "identity",
            "User-Agent": AGENT,
        }
        seconds = httpx.Timeout(settings.read_seconds, connect=settings.connect_seconds)
        self._extensions = {"timeout": seconds.as_dict()}
        self._chance = chance
        self._sleep = sleep

    async def post(self, path: str, fields: Mapping[str, str], *, key: str) -> Reply | Unknown:
        """A changing request; the same key on every try makes it happen once, where the network heeds keys."""
        request = self._request("POST", path, {"Idempotency-Key": key}, fields=fields)
        heeds_keys = not self.settings.minimal_params
        return await self._send(request, repeatable=heeds_keys, bytes_max=self.settings.answer_bytes_max)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Reply | Unknown:
        """A question; asking it again changes nothing."""
        request = self._request("GET", path, {}, query=query)
        bytes_max = self.settings.page_bytes_max if query else self.settings.answer_bytes_max
        return await self._send(request, repeatable=True, bytes_max=bytes_max)

    async def _send(self, request: httpx.Request, *, repeatable: bool, bytes_max: int) -> Reply | Unknown:
        """The answer, or why there is none that can be trusted. Bounded in tries; `within` bounds the time."""
        settings = self.settings
        for tried in range(1, settings.tries_max + 1):
            got = await self._try(request, bytes_max=bytes_max)
            if got.final or tried == settings.tries_max or (got.failed and not repeatable):
                break
            await self._sleep(self._chance() * settings.backoff_seconds * 2 ** (tried - 1))
        return Unknown(got.why) if isinstance(got, _Lost) else got

    def _request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        fields: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        """A whole request: what the client would merge into it, at every one, is the same for all of them."""
        return httpx.Request(
            method,
            f"{self._base}{path}",
            data=fields,
            params=query,
            headers={**self._headers, **headers},
            extensions=self._extensions,
        )

    async def _try(self, request: httpx.Request, *, bytes_max: int) -> Reply | _Lost:
        try:
            response = await self._http.send(request, stream=True, follow_redirects=False)
            try:
                body = await _body(response, bytes_max)
            finally:
                await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return _Lost("the payment network cannot be reached", failed=False)
        except httpx.TimeoutException:
            return _Lost(f"no answer within {self.settings.read_seconds:g} s", failed=True, final=True)
        except httpx.DecodingError:
            return _Lost("the answer cannot be unpacked", failed=True, final=True)
        except httpx.TransportError as fault:
            return _Lost(f"the answer was lost ({type(fault).__name__})", failed=True)
        if body is None:
            return _Lost(f"the answer is larger than {bytes_max} bytes", failed=True, final=True)
        headers = response.headers
        return Reply(
            response.status_code,
            body,
            replayed=headers.get("idempotent-replayed") == "true",
            should_retry={"true": True, "false": False}.get(headers.get("stripe-should-retry", "")),
        )


async def _body(response: httpx.Response, bytes_max: int) -> bytes | None:
    """The whole body, or None as soon as it is too large, counted after any decompression."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > bytes_max:
            return None
    return bytes(body)
