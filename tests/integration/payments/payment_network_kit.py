"""A sandbox payment network for tests: in this process over ASGI, or over a real socket, with a clock one can set."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from app.payments.sandbox import NetworkSettings, create_network, later
from app.payments.sandbox.courier import Courier
from app.payments.sandbox.desk import Desk

SECRET = "sk_test_0123456789abcdef"
PUBLISHABLE = "pk_test_0123456789abcdef"
SHOP = "http://shop.test:8000"
GOOD_CARD = {
    "type": "card",
    "card[number]": "4242424242424242",
    "card[exp_month]": "12",
    "card[exp_year]": "2030",
    "card[cvc]": "123",
}


class SetClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def pass_(self, time: timedelta) -> None:
        self.time += time


def network_settings(folder: Path, **given: Any) -> NetworkSettings:
    return NetworkSettings(
        data_dir=folder,
        secret_key=SecretStr(SECRET),
        publishable_key=PUBLISHABLE,
        allowed_return_origins=(SHOP,),
        **{"port": 0, **given},
    )


class Ear(httpx.AsyncBaseTransport):
    """A shop that hears webhooks: it keeps what came and answers as told, 200 by default."""

    def __init__(self) -> None:
        self.heard: list[httpx.Request] = []
        self.answers: list[int | Exception] = []
        self._came = asyncio.Condition()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        answer = self.answers.pop(0) if self.answers else 200
        async with self._came:
            self.heard.append(request)
            self._came.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, request=request)

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.heard]

    async def hears(self, count: int) -> list[str]:
        """The types of all that came, once there are so many."""
        async with asyncio.timeout(30), self._came:
            await self._came.wait_for(lambda: len(self.heard) >= count)
        return self.types


@dataclass(frozen=True)
class Network:
    """A running network, a client that holds its secret key, and the shop that hears its webhooks."""

    app: FastAPI
    http: httpx.AsyncClient
    clock: SetClock
    ear: Ear = field(default_factory=Ear)

    @property
    def desk(self) -> Desk:
        desk: Desk = self.app.state.desk
        return desk

    async def pass_(self, **time: float) -> None:
        """The clock moves on, and what is due by then is done, webhooks too."""
        self.clock.pass_(timedelta(**time))
        await self.desk.job(later.do_due)
        await self.settle()

    async def settle(self) -> None:
        """Until no webhook that is due is on its way."""
        courier: Courier = self.app.state.courier
        await courier.settle()

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def listed(self, path: str) -> list[dict[str, Any]]:
        return list((await self.get(path))["data"])

    async def event_types(self) -> list[str]:
        """All events, the oldest first."""
        return [event["type"] for event in reversed(await self.listed("/v1/events?limit=100"))]

    async def fault(self, operation: str, what: str, **fields: Any) -> dict[str, Any]:
        answer = await self.post("/admin/faults", {"operation": operation, "what": what} | fields)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def post(
        self, path: str, fields: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.http.post(path, data=dict(fields or {}), headers=headers)

    async def an_intent(self, **fields: Any) -> str:
        """A new intent's id: 15,000 won by a good card, manual capture, unless said otherwise."""
        asked = {"amount": 15_000, "currency": "krw", "payment_method": "pm_card_visa", "capture_method": "manual"}
        answer = await self.post("/v1/payment_intents", asked | fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def a_paid_intent(self, amount: int = 15_000) -> str:
        return await self.an_intent(amount=amount, capture_method="automatic", confirm="true")

    async def intent(self, intent_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/payment_intents/{intent_id}")
        return dict(answer.json())


@asynccontextmanager
async def a_network(folder: Path, **given: Any) -> AsyncIterator[Network]:
    """In this process, with its lifespan; the database is a real file in `folder`."""
    clock, ear = SetClock(), Ear()
    app = create_network(network_settings(folder, **given), clock=clock, webhooks=ear)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://network.test",
            headers={"Authorization": f"Bearer {SECRET}"},
        ) as http,
    ):
        yield Network(app, http, clock, ear)
