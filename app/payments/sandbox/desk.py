"""Where every API request is received: who asks, may they, was it asked before, do it, answer it."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from http import HTTPStatus
from sqlite3 import Connection

from fastapi import Request, Response

from app.payments.sandbox.answers import Keyed, execute, keyed
from app.payments.sandbox.errors import Answer, ApiError
from app.payments.sandbox.ledger import Ledger, LedgerBusy
from app.payments.sandbox.params import Params
from app.payments.sandbox.settings import NetworkSettings
from app.payments.sandbox.till import Chance, Till
from app.ports import Clock

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

    async def write(self, request: Request, scope: Scope, params: Params, operation: Operation) -> Response:
        """A changing request, once per idempotency key; raises ApiError 409 while the same key is being worked on."""
        key = request.headers.get("idempotency-key")
        if key is None:
            return respond(await self.run(operation))
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
            return respond(await self.run(operation, asked))
        finally:
            self.in_use.discard(claim)

    async def run(self, operation: Operation, asked: Keyed | None = None) -> Answer:
        """The operation in one durable transaction; raises ApiError 429 (nothing done, nothing stored) when overrun."""
        try:
            return await self.ledger.run(lambda connection: execute(self._till(connection), asked, operation))
        except LedgerBusy:
            raise ApiError(
                "Too many requests at once. Try again in a moment.",
                status=HTTPStatus.TOO_MANY_REQUESTS,
                kind="invalid_request_error",
                code="rate_limit",
            ) from None

    def _till(self, connection: Connection) -> Till:
        return Till(connection, self.clock.now(), self.chance, self.card_secret)


def respond(answer: Answer) -> Response:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return Response(json.dumps(answer.body), answer.status, headers, media_type="application/json")
