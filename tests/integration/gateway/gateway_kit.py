"""A gateway in this event loop, and a receiver of its receipts that can be told to fail."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from mobile_gateway.gateway import create_app
from mobile_gateway.network import Network
from mobile_gateway.settings import GatewaySettings

SECRET = "0123456789abcdef"
NUMBER = "+821012345678"
TICKET = "ID 482910375-6 PIN 491027 https://tickets.example/t/QZ9KD2"


@dataclass
class Receiver(httpx.AsyncBaseTransport):
    """The account's side: answers with `statuses` in turn (0 hangs up), then 204; verifies what it takes."""

    statuses: list[int] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body = await request.aread()
        status = self.statuses.pop(0) if self.statuses else 204
        if status == 0:
            raise httpx.ReadTimeout("no answer", request=request)
        if status == 204:
            # The check as an account would write it, from the documentation alone.
            stamp = request.headers.get("X-Gateway-Timestamp", "")
            expected = hmac.new(SECRET.encode(), f"{stamp}.{body.decode()}".encode(), hashlib.sha256).hexdigest()
            if request.method == "POST":
                assert request.headers["X-Gateway-Signature"] == f"v1={expected}"
                self.taken.append(json.loads(body))
        return httpx.Response(status)


@dataclass
class Gateway:
    """A running gateway with a client that has an account."""

    client: httpx.AsyncClient
    receiver: Receiver
    network: Network

    async def send(self, text: str = TICKET, *, key: str = "k1", to: str = NUMBER, **more: object) -> httpx.Response:
        body = {"to": to, "text": text, **more}
        return await self.client.post("/sms/messages", json=body, headers={"Idempotency-Key": key})

    async def state(self, message_id: str) -> str:
        answer = await self.client.get(f"/sms/messages/{message_id}")
        return str(answer.json()["state"])

    async def handset(self, number: str = NUMBER) -> dict[str, Any]:
        answer = await self.client.get(f"/handsets/{number}")
        return dict(answer.json()) if answer.status_code == 200 else {}

    async def press(self, *keys: str, number: str = NUMBER) -> list[str]:
        """Press these keys; answers the rows of the screen after the last."""
        for key in keys:
            answer = await self.client.post(f"/handsets/{number}/keys", json={"key": key})
            assert answer.status_code == 200, answer.text
        return list((await self.handset(number))["screen"])

    async def inbox(self, number: str = NUMBER) -> list[str]:
        return [held["text"] for held in (await self.handset(number)).get("inbox", [])]


@asynccontextmanager
async def gateway_in(
    folder: Path, receiver: Receiver | None = None, *, web: httpx.AsyncBaseTransport | None = None, **changes: Any
) -> AsyncIterator[Gateway]:
    """A gateway on `folder`, impatient enough for tests; `web` is what its phones visit."""
    receiver = receiver or Receiver()
    web = web or httpx.MockTransport(lambda _: httpx.Response(404))
    plain: dict[str, Any] = {
        "data_dir": folder,
        "accounts": "demo:demo1234,other:other123",
        "callback_url": "http://sales.example/carrier/receipts",
        "callback_secret": SECRET,
        "receipt_delay_seconds": 0.01,
        "receipt_retry_seconds": (0.02,),
        "retry_seconds": (0.02,),
        "roaming_seconds": 0.05,
        "short_codes": "1588:demo",
    }
    app = create_app(GatewaySettings(**(plain | changes)), callback_transport=receiver, web_transport=web)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gw", auth=("demo", "demo1234")) as client:
            yield Gateway(client, receiver, app.state.network)


async def until(check: Callable[[], Awaitable[object]], *, seconds: float = 5) -> None:
    """Wait until `check` is true; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110 - what it waits for happens in a gateway, which knows no test
            await asyncio.sleep(0.01)
