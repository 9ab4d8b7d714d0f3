"""Where every API request is received: who asks, may they, was it asked before, do it, answer it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from http import HTTPStatus
from sqlite3 import Connection
from typing import TypeVar

from fastapi import Request, Response

from app.payments.sandbox.answers import Keyed, execute, keyed, known
from app.payments.sandbox.bell import Bell
from app.payments.sandbox.errors import Answer, ApiError
from app.payments.sandbox.faults import OF_CARD, Fault, Where, of_card
from app.payments.sandbox.ledger import Ledger
from app.payments.sandbox.params import Params
from app.payments.sandbox.replies import respond
from app.payments.sandbox.settings import NetworkSettings
from app.payments.sandbox.till import Chance, Till
from app.payments.sandbox.weather import Weather
from app.ports import Clock

T = TypeVar("T")
Operation = Callable[[Till], Answer]


class Scope(StrEnum):
    """Who asks: the shop's server, or anyone's page."""

    SECRET = "secret"  # noqa: S105 - the name of a scope
    PUBLISHABLE = "publishable"


@dataclass(frozen=True, slots=True)
class Desk:
    """The network's parts, and the one way through them. `in_use` holds the idempotency keys being worked on now."""

    settings: NetworkSettings
    ledger: Ledger
    clock: Clock
    chance: Chance
    weather: Weather
    bell: Bell = field(default_factory=Bell)
    in_use: set[tuple[str, str]] = field(default_factory=set)

    @property
    def card_secret(self) -> bytes:
        """Keys the fingerprints of cards and requests; it is not in the database."""
        return hmac.new(self._secret_key, b"payment network fingerprints", sha256).digest()

    @property
    def _secret_key(self) -> bytes:
        return self.settings.secret_key.get_secret_value().encode()

    def caller(self, request: Request, *, publishable: bool = False) -> Scope:
        """Whose key the request carries; raises ApiError 401, or 403 where a publishable key is not enough."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        key = given.strip().encode()
        if scheme.lower() != "bearer" or not key:
            raise ApiError(
                "You did not provide an API key. Send it as 'Authorization: Bearer sk_…'.",
                status=HTTPStatus.UNAUTHORIZED,
            )
        if hmac.compare_digest(key, self._secret_key):
            return Scope.SECRET
        if not hmac.compare_digest(key, self.settings.publishable_key.encode()):
            raise ApiError("Invalid API Key provided. Use this network's own key.", status=HTTPStatus.UNAUTHORIZED)
        if not publishable:
            raise ApiError(
                "This call cannot be made with a publishable API key. Use the secret key.",
                status=HTTPStatus.FORBIDDEN,
                code="secret_key_required",
            )
        return Scope.PUBLISHABLE

    async def write(
        self,
        request: Request,
        scope: Scope,
        params: Params,
        operation: Operation,
        *,
        at: Where = Where.ANY,
        intent: str | None = None,
        token: str | None = None,
    ) -> Response:
        """A changing request, once per idempotency key; raises ApiError 409 while the same key is being worked on.

        `at` and `intent` say which scripted fault it may meet; `token` is a card it charges at once.
        """
        fault = await self.weather.meet(at, intent=intent)
        if fault is None and token is not None:
            fault = await self._fault_of(token, scope, request.headers.get("idempotency-key"))

        async def carry_out(fail_after: bool) -> Response:  # noqa: FBT001 - `under` says what it means
            return await self._write(request, scope, params, operation, fail_after=fail_after)

        return await self.weather.under(fault, carry_out)

    async def read(
        self, request: Request, operation: Operation, *, at: Where = Where.ANY, intent: str | None = None
    ) -> Response:
        """A request that only asks; it too may meet a scripted fault."""
        fault = await self.weather.meet(at, intent=intent)

        async def carry_out(fail_after: bool) -> Response:  # noqa: FBT001 - `under` says what it means
            return respond(await self.run(operation, base_url=self.base_url(request), fail_after=fail_after))

        return await self.weather.under(fault, carry_out)

    async def write_unharmed(self, request: Request, scope: Scope, params: Params, operation: Operation) -> Response:
        """The same as `write`, for the calls that make the weather: no scripted fault meets them."""
        return await self._write(request, scope, params, operation, fail_after=False)

    def base_url(self, request: Request) -> str:
        """Where browsers reach this network: as the operator says, or as this caller did."""
        return self.settings.public_url or str(request.base_url).rstrip("/")

    async def _write(
        self, request: Request, scope: Scope, params: Params, operation: Operation, *, fail_after: bool
    ) -> Response:
        base_url = self.base_url(request)
        key = request.headers.get("idempotency-key")
        if key is None:
            return respond(await self.run(operation, base_url=base_url, fail_after=fail_after))
        asked = keyed(key, scope=scope, path=request.url.path, params=params, secret=self.card_secret)
        claim = (asked.scope, asked.key)
        if claim in self.in_use:
            raise ApiError(
                "Another request with this Idempotency-Key is still being worked on. Try again in a moment.",
                status=HTTPStatus.CONFLICT,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        self.in_use.add(claim)
        try:
            return respond(await self.run(operation, asked, base_url=base_url, fail_after=fail_after))
        finally:
            self.in_use.discard(claim)

    async def _fault_of(self, token: str, scope: Scope, key: str | None) -> Fault | None:
        """What the card does to a request that charges it at once; a replay meets nothing."""

        def look(till: Till) -> Fault | None:
            if key is not None and known(till, scope, key):
                return None
            try:
                behaviour = till.method(token).behaviour
            except ApiError:
                return None
            return of_card(token, OF_CARD[behaviour]) if behaviour in OF_CARD else None

        return await self.job(look)

    async def run(
        self, operation: Operation, asked: Keyed | None = None, *, base_url: str = "", fail_after: bool = False
    ) -> Answer:
        """The operation in one durable transaction; raises LedgerBusy (nothing done, nothing stored) when overrun."""
        key = asked.key if asked else None
        return await self.job(
            lambda till: execute(till, asked, operation, fail_after=fail_after), base_url=base_url, key=key
        )

    async def job(self, work: Callable[[Till], T], *, base_url: str = "", key: str | None = None) -> T:
        """Any work in one durable transaction; what it stirred is looked after. Raises LedgerBusy."""

        def with_till(connection: Connection) -> tuple[T, Till]:
            till = Till(connection, self.clock.now(), self.chance, self.card_secret, self.settings.rules, base_url, key)
            return work(till), till

        result, till = await self.ledger.run(with_till)
        for fault in till.scripted:
            self.weather.know(fault)
        if till.stirred:
            self.bell.ring()
        return result
