"""A push initiator: pushes, asks and cancels over PAP, and keeps what the gateway tells it unasked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from mobile_gateway.gateway import create_app
from mobile_gateway.settings import GatewaySettings
from mobile_gateway.wire import pap, pap_reading, pap_writing, push
from mobile_gateway.wire.multipart import Part, format_related
from mobile_gateway.wire.pap import MessageState
from mobile_gateway.wire.push import ServiceIndication

NUMBER = "+821012345678"
ADDRESS = f"WAPPUSH={NUMBER}/TYPE=PLMN@ppg.example"
NOTIFY_TO = "http://initiator.example/results"
SI = ServiceIndication("http://cyberticket.example/t/ABC123", "Your ticket", si_id="ticket-1")


@dataclass
class Initiator(httpx.AsyncBaseTransport):
    """Takes result notifications: answers with `statuses` in turn (0 hangs up), then 202."""

    statuses: list[int] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        await request.aread()
        status = self.statuses.pop(0) if self.statuses else 202
        if status == 0:
            raise httpx.ReadTimeout("no answer", request=request)
        return httpx.Response(status)

    @property
    def told(self) -> list[pap.Message]:
        return [pap_reading.read(request.content) for request in self.requests]


@dataclass
class Proxy:
    """A running gateway, asked by an initiator that has an account."""

    client: httpx.AsyncClient
    initiator: Initiator
    app: FastAPI

    async def post(self, content_type: str, body: bytes, **more: Any) -> pap.Message:
        answer = await self.client.post("/pap", content=body, headers={"Content-Type": content_type}, **more)
        assert answer.status_code == 202, answer.text
        assert answer.headers["content-type"].startswith("application/xml")
        return pap_reading.read(answer.content)

    async def ask(self, message: pap.Message, *parts: Part) -> pap.Message:
        """Send a control message; with parts as multipart/related, alone as XML."""
        control = pap_writing.write(message).encode()
        if not parts:
            return await self.post("application/xml", control)
        whole = [Part({"content-type": "application/xml"}, control), *parts]
        return await self.post(*format_related(whole, boundary="asdlfkjiurwghasf", root="application/xml"))

    async def push(self, push_id: str = "p1", *addresses: str, **more: Any) -> pap.PushResponse:
        message = pap.PushMessage(push_id, addresses or (ADDRESS,), **more)
        answer = await self.ask(message, si_part())
        assert isinstance(answer, pap.PushResponse)
        assert answer.push_id == push_id
        return answer

    async def status(self, push_id: str = "p1", *addresses: str) -> list[pap.StatusResult]:
        answer = await self.ask(pap.StatusQuery(push_id, addresses))
        assert isinstance(answer, pap.StatusResponse)
        return list(answer.results)

    async def state(self, push_id: str = "p1") -> pap.MessageState:
        (result,) = await self.status(push_id)
        return result.state

    async def cancel(self, push_id: str = "p1", *addresses: str) -> list[pap.CancelResult]:
        answer = await self.ask(pap.CancelMessage(push_id, addresses))
        assert isinstance(answer, pap.CancelResponse)
        return list(answer.results)

    async def switch(self, state: str, number: str = NUMBER) -> None:
        answer = await self.client.put(f"/subscribers/{number}", json={"state": state})
        assert answer.status_code == 200, answer.text

    async def inbox(self, number: str = NUMBER) -> list[str]:
        answer = await self.client.get(f"/handsets/{number}")
        return [held["text"] for held in answer.json().get("inbox", [])] if answer.status_code == 200 else []


def si_part(indication: ServiceIndication = SI, **headers: str) -> Part:
    return Part({"content-type": f"{push.SI_XML}; charset=utf-8", **headers}, push.to_xml(indication).encode())


@asynccontextmanager
async def proxy_in(folder: Path, initiator: Initiator | None = None, **changes: Any) -> AsyncIterator[Proxy]:
    """A gateway on `folder`, impatient enough for tests."""
    initiator = initiator or Initiator()
    plain: dict[str, Any] = {
        "data_dir": folder,
        "accounts": "demo:demo1234,other:other123",
        "push_notify_allow": ("initiator.example",),
        "receipt_delay_seconds": 0,
        "receipt_retry_seconds": (0.02,),
        "retry_seconds": (0.02,),
    }
    app = create_app(GatewaySettings(**(plain | changes)), callback_transport=initiator)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gw", auth=("demo", "demo1234")) as client:
            yield Proxy(client, initiator, app)


OTHER_NUMBER = "+821099990000"


OTHER = f"WAPPUSH={OTHER_NUMBER}/TYPE=PLMN@ppg.example"


async def delivered(proxy: Proxy, push_id: str = "p1") -> bool:
    return await proxy.state(push_id) is MessageState.DELIVERED
