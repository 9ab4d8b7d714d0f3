"""A carrier that bills, in this process, behind a line that can lose what is sent over it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from app.payments.carrier_billing import CarrierAccount, CarrierBilling
from mobile_gateway.gateway import create_app
from mobile_gateway.settings import GatewaySettings

URL = "http://carrier.test"
ACCOUNT = CarrierAccount(URL, "shop", SecretStr("shop1234"))


class Loss(Enum):
    REQUEST = auto()
    ANSWER = auto()


class Line(httpx.AsyncBaseTransport):
    """Carries requests to the gateway; loses the next ones as told; None is carried."""

    def __init__(self, gateway: FastAPI) -> None:
        self._to = httpx.ASGITransport(gateway)
        self.losses: list[Loss | None] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        loss = self.losses.pop(0) if self.losses else None
        if loss is Loss.REQUEST:
            raise httpx.ReadTimeout("the request was lost", request=request)
        answer = await self._to.handle_async_request(request)
        if loss is Loss.ANSWER:
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return answer


@dataclass(frozen=True)
class Carrier:
    """The running network, a client of nobody, our provider, and the line between."""

    gateway: FastAPI
    http: httpx.AsyncClient
    line: Line
    provider: CarrierBilling

    async def subscriber(self, number: str, *, state: str = "on", spent: int = 0) -> None:
        """Make a number, of whose monthly limit `spent` won are gone."""
        assert (await self.http.put(f"/subscribers/{number}", json={"state": state})).is_success
        if spent:
            answer = await self.http.post(
                "/carrier-billing/payments",
                json={"phone_number": number, "amount": spent, "currency": "KRW"},
                headers={"Idempotency-Key": f"spent{number}"},
                auth=httpx.BasicAuth("other", "other123"),
            )
            assert answer.json()["state"] == "succeeded"

    async def taken(self) -> int:
        """Won that our account has taken and not given back, read off the carrier's own file."""
        kept = "SELECT coalesce(sum(amount - refunded), 0) FROM bill_payment WHERE account = 'shop' AND state = ?"
        return int(
            await self.gateway.state.gateway.store.run_sql(lambda sql: sql.execute(kept, ("succeeded",)).fetchone()[0])
        )


@asynccontextmanager
async def a_carrier(folder: Path, *, monthly_limit: int = 200_000) -> AsyncIterator[Carrier]:
    gateway = create_app(
        GatewaySettings(
            data_dir=folder,
            accounts={"shop": SecretStr("shop1234"), "other": SecretStr("other123")},
            billing_monthly_max=monthly_limit,
        )
    )
    line = Line(gateway)
    async with (
        gateway.router.lifespan_context(gateway),
        httpx.AsyncClient(transport=line, base_url=URL) as http,
    ):
        yield Carrier(gateway, http, line, CarrierBilling(http, ACCOUNT))
