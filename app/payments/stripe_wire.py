"""Stripe's wire, seen from us: send a form with a key, try again while that can help, read what comes back.

https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/error-low-level. Nothing here knows what an
answer means for a booking; that is `stripe.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictInt, ValidationError

from app.ports import Unknown

API_VERSION = "2026-10-28.endive"
REFERENCE = r"pi_[A-Za-z0-9_]{1,250}"


@dataclass(frozen=True, slots=True)
class StripeSettings:
    """Which network, with what patience. The key never prints."""

    base_url: str
    secret_key: SecretStr
    version: str = API_VERSION
    minimal_params: bool = False
    """Send only what every imitation understands: no description, no automatic payment methods."""
    connect_seconds: float = 3.0
    read_seconds: float = 10.0
    tries_seconds: float = 15.0
    """All tries of one request together."""
    tries_max: int = 4
    backoff_seconds: float = 0.25
    """The longest wait before the second try; it doubles with each further one."""
    answer_bytes_max: int = 262_144


class Failure(BaseModel):
    """The `error` member of an answer, or an intent's last_payment_error."""

    model_config = ConfigDict(hide_input_in_errors=True)
    type: str = ""
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None


class _FailureAnswer(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    error: Failure


class IntentAnswer(BaseModel):
    """What is read of a PaymentIntent; everything else in it is ignored. None: this network does not say."""

    model_config = ConfigDict(hide_input_in_errors=True)
    object: Literal["payment_intent"]
    id: str = Field(pattern=f"^{REFERENCE}$")
    amount: StrictInt
    amount_received: StrictInt | None = None
    amount_capturable: StrictInt | None = None
    currency: str
    status: str
    metadata: dict[str, str] = {}
    last_payment_error: Failure | None = None


class RefundAnswer(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    object: Literal["refund"]
    id: str
    amount: StrictInt
    currency: str
    payment_intent: str | None = None
    status: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the network, whole but not yet read. Its body may hold a client secret and never prints."""

    status: int
    body: bytes = field(repr=False)
    replayed: bool

    @property
    def failed(self) -> bool:
        """The network broke; it may have done what was asked all the same."""
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def final(self) -> bool:
        """A further try would bring the same; a replayed 5xx is stored at the network for good."""
        again = self.status in {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
        return not again and (not self.failed or self.replayed)

    def failure(self) -> Failure:
        """What the network says went wrong; empty where it says nothing readable."""
        answer = read(_FailureAnswer, self)
        return Failure() if isinstance(answer, Unknown) else answer.error


Answered = TypeVar("Answered", bound=BaseModel)


def read(kind: type[Answered], reply: Reply) -> Answered | Unknown:
    """The answer checked against what it must hold."""
    try:
        return kind.model_validate_json(reply.body)
    except ValidationError:
        return Unknown("the network's answer cannot be read")


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
        self._settings = settings
        self._chance = chance
        self._sleep = sleep

    async def post(self, path: str, fields: dict[str, str], *, key: str) -> Reply | Unknown:
        """A changing request; the same key on every try makes it happen once."""
        return await self._send("POST", path, fields, {"Idempotency-Key": key})

    async def get(self, path: str) -> Reply | Unknown:
        return await self._send("GET", path, None, {})

    async def _send(
        self, method: str, path: str, fields: dict[str, str] | None, headers: dict[str, str]
    ) -> Reply | Unknown:
        """The answer, or why there is none that can be trusted."""
        settings = self._settings
        reply: Reply | Unknown | None = None
        try:
            async with asyncio.timeout(settings.tries_seconds):
                for tried in range(1, settings.tries_max + 1):
                    reply = await self._try(self._request(method, path, fields, headers))
                    if isinstance(reply, Unknown) or (reply is not None and reply.final):
                        return reply
                    if tried < settings.tries_max:
                        await self._sleep(self._chance() * settings.backoff_seconds * 2 ** (tried - 1))
        except TimeoutError:
            return Unknown(f"no answer within {settings.tries_seconds:g} s")
        return reply or Unknown(f"the payment network cannot be reached ({settings.tries_max} tries)")

    def _request(self, method: str, path: str, fields: dict[str, str] | None, headers: dict[str, str]) -> httpx.Request:
        settings = self._settings
        return self._http.build_request(
            method,
            f"{settings.base_url.rstrip('/')}{path}",
            data=fields,
            headers={
                "Authorization": f"Bearer {settings.secret_key.get_secret_value()}",
                "Stripe-Version": settings.version,
                "Accept-Encoding": "identity",
                **headers,
            },
            timeout=httpx.Timeout(settings.read_seconds, connect=settings.connect_seconds),
        )

    async def _try(self, request: httpx.Request) -> Reply | Unknown | None:
        """One try: the answer, or Unknown where it may have been carried out, or None where it was never sent."""
        try:
            response = await self._http.send(request, stream=True, follow_redirects=False)
            try:
                body = await self._body(response)
            finally:
                await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return None
        except httpx.TimeoutException:
            return Unknown(f"no answer within {self._settings.read_seconds:g} s")
        except (httpx.TransportError, httpx.DecodingError) as fault:
            return Unknown(f"the answer was lost ({type(fault).__name__})")
        if body is None:
            return Unknown(f"the answer is larger than {self._settings.answer_bytes_max} bytes")
        return Reply(response.status_code, body, response.headers.get("idempotent-replayed") == "true")

    async def _body(self, response: httpx.Response) -> bytes | None:
        """The whole body, or None as soon as it is too large, counted after any decompression."""
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._settings.answer_bytes_max:
                return None
        return bytes(body)
