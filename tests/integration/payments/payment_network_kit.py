"""A sandbox payment network for tests: in this process over ASGI, or over a real socket, with a clock one can set."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from app.payments.sandbox import NetworkSettings, create_network

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


@dataclass(frozen=True)
class Network:
    """A running network and a client that holds its secret key."""

    app: FastAPI
    http: httpx.AsyncClient
    clock: SetClock

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
    clock = SetClock()
    app = create_network(network_settings(folder, **given), clock=clock)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://network.test",
            headers={"Authorization": f"Bearer {SECRET}"},
        ) as http,
    ):
        yield Network(app, http, clock)
