"""A client of the whole application, without a socket; whatever it is answered must be what the OpenAPI promises."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import jsonschema_rs
from builders import PUBLIC_URL, Shop, Stage
from pydantic import SecretStr

from app import problems
from app.flows import staff
from app.main import create_app
from app.settings import Role, Settings
from app.world import World

OWN, OTHERS = "010-1234-5678", "010-8765-4321"
CARRIER_SECRET = "0123456789abcdef"
BODY_BYTES_MAX = 4_096
PROBLEM = "application/problem+json"
NOBODY = UUID(int=7)
"""An id that nothing has."""

SETTINGS = Settings(
    role=Role.SALES,
    demo=True,
    public_url=PUBLIC_URL,
    carrier_secret=SecretStr(CARRIER_SECRET),
    request_bytes_max=BODY_BYTES_MAX,
)
APP = create_app(SETTINGS, world=cast("World", None))
"""One for all tests, each of which puts its world in: routes are built at the first request, which takes its time."""
DOCUMENT: dict[str, Any] = APP.openapi()
"""What the application says of itself; to say it, it needs no world."""

_numbers = itertools.count(1)


def fresh_key() -> str:
    return f"key-{next(_numbers):08}"


# --- the promise ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """One route as it is documented."""

    method: str
    path: str
    said: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def serves(self, method: str, path: str) -> bool:
        pattern = re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(self.path))
        return method == self.method and re.fullmatch(pattern, path) is not None

    def check(self, answer: httpx.Response) -> None:
        """Status, media type and body are what was promised."""
        told = f"{self} answered {answer.status_code}: {answer.text[:300]}"
        promised = self.said["responses"].get(str(answer.status_code))
        assert promised is not None, f"undocumented: {told}"
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        content = promised.get("content", {})
        if not content:
            assert not answer.content or str(self) == "GET /metrics", f"a body was not promised: {told}"
            return
        assert media_type in content, f"{media_type} was not promised: {told}"
        if schema := content[media_type].get("schema"):
            whole = {**schema, "components": DOCUMENT["components"]}
            jsonschema_rs.validator_for(whole, validate_formats=True).validate(answer.json())


OPERATIONS = tuple(
    Operation(method.upper(), path, said)
    for path, methods in DOCUMENT["paths"].items()
    for method, said in methods.items()
)


def operation(name: str) -> Operation:
    """By `POST /bookings`, its name in the document."""
    return next(one for one in OPERATIONS if str(one) == name)


async def keep_promises(answer: httpx.Response) -> None:
    """Every answer of a documented route is held against the document."""
    await answer.aread()
    for one in OPERATIONS:
        if one.serves(answer.request.method, answer.request.url.path):
            one.check(answer)


# --- the client -----------------------------------------------------------------------------------------------------


class Api:
    """The application with a client in front of it. `key=None` leaves the Idempotency-Key out."""

    def __init__(self, stage: Stage, shop: Shop) -> None:
        self.stage = stage
        self.shop = shop
        self._before = APP.state.world
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(APP, raise_app_exceptions=False),
            base_url=PUBLIC_URL,
            event_hooks={"response": [keep_promises]},
        )

    async def __aenter__(self) -> Self:
        APP.state.world = self.stage.world
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        APP.state.world = self._before
        await self.client.aclose()

    async def get(self, path: str, *, bearer: str | None = None, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query, headers=signed_in(bearer))

    async def delete(self, path: str, *, bearer: str | None = None) -> httpx.Response:
        return await self.client.delete(path, headers=signed_in(bearer))

    async def post(
        self, path: str, body: Any = None, *, bearer: str | None = None, key: str | None = "", **headers: str
    ) -> httpx.Response:
        given = signed_in(bearer) | {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            given["idempotency-key"] = key or fresh_key()
        return await self.client.post(path, json=body, headers=given)

    # --- what is often asked ----------------------------------------------------------------------------------------

    def wish(self, of: str = "play/mon", category: str = "R", quantity: int = 1, **line: Any) -> dict[str, Any]:
        """The body of a booking of one line; other fields of the body are set by whoever takes it."""
        price = str(self.shop.price(f"{of.partition('/')[0]}/{category}"))
        lines = [{"price": price, "quantity": quantity} | line]
        return {"occasion": str(self.shop.occasions[of]), "lines": lines, "buyer": OWN, "language": "en"}

    async def booked(self, body: dict[str, Any] | None = None) -> Booked:
        """A hold."""
        answer = await self.post("/bookings", body or self.wish())
        assert answer.status_code == 201, answer.text
        return Booked(self, answer.json()["id"], answer.json()["link"])

    async def sold(self, body: dict[str, Any] | None = None) -> Booked:
        """A paid booking whose messages are sent and whose tickets are registered."""
        booked = await self.booked(body)
        answer = await booked.pay()
        assert answer.json()["state"] == "paid", answer.text
        await self.stage.work()
        return booked

    async def staff(self, *scopes: str, issuer: str | None = "haneul", days: int | None = None) -> str:
        """A staff key; with all scopes where none is named."""
        wanted = scopes or tuple(sorted(staff.SCOPES))
        return await staff.make_key(self.stage.world, issuer=issuer, name="box office", scopes=wanted, days=days)

    async def gate(self, **body: Any) -> tuple[str, str]:
        """An enrolled gate: its id and its token."""
        boss = await self.staff("gates")
        asked = {"issuer": "haneul", "name": f"gate {next(_numbers)}"} | body
        invited = await self.post("/staff/gates", asked, bearer=boss)
        assert invited.status_code == 201, invited.text
        enrolled = await self.post("/gate/enrolments", {"code": invited.json()["code"]})
        assert enrolled.status_code == 201, enrolled.text
        return enrolled.json()["gate"], enrolled.json()["token"]

    async def receipt(
        self, body: bytes, *, path: str = "/carrier/receipts", secret: str = CARRIER_SECRET, late_seconds: int = 0
    ) -> httpx.Response:
        """A receipt, or what else the carrier posts, as it signs it."""
        stamp = str(int(self.stage.clock.now().timestamp()) - late_seconds)
        digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"x-gateway-timestamp": stamp, "x-gateway-signature": f"v1={digest}"}
        return await self.client.post(path, content=body, headers=headers)


@dataclass
class Booked:
    """A booking made over HTTP."""

    api: Api
    id: str
    link: str

    async def look(self) -> dict[str, Any]:
        answer = await self.api.get(f"/bookings/{self.id}", bearer=self.link)
        assert answer.status_code == 200, answer.text
        return cast("dict[str, Any]", answer.json())

    async def pay(self, card: str = "pm_card_visa", *, key: str | None = "") -> httpx.Response:
        body = {"instrument": {"kind": "card", "token": card}}
        return await self.api.post(f"/bookings/{self.id}/payments", body, bearer=self.link, key=key)

    async def tickets(self) -> list[dict[str, Any]]:
        answer = await self.api.get(f"/bookings/{self.id}/tickets", bearer=self.link)
        return cast("list[dict[str, Any]]", answer.json()["tickets"])

    async def ticket(self) -> dict[str, Any]:
        return (await self.tickets())[0]


def signed_in(bearer: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {bearer}"} if bearer else {}


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    """A body whose length nobody declares."""
    for _ in range(count):
        yield b" " * size


# --- answers --------------------------------------------------------------------------------------------------------


def problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The body of an answer that must be this problem, told as every problem is."""
    body = cast("dict[str, Any]", answer.json())
    assert (answer.status_code, body["type"]) == (status, f"{PUBLIC_URL}/problems/{slug}"), answer.text
    assert answer.headers["content-type"] == PROBLEM
    known = problems.known()[slug]
    assert (known.status, known.title) == (body["status"], body["title"]) == (status, known.title)
    assert re.fullmatch(r".{8,}[.:]", body["detail"]), "the detail is a sentence"
    return body


def pointers(answer: httpx.Response) -> dict[str, str]:
    """The faults of an invalid request by their pointers."""
    return {error["pointer"]: error["detail"] for error in problem(answer, 422, "invalid")["errors"]}


def spoken_pin(text: str) -> str:
    """The PIN in a ticket's or an account's message."""
    found = re.search(r"PIN ([0-9]{6})", text)
    assert found, text
    return found[1]


def link_in(text: str) -> str:
    """The holder's secret in a ticket's message."""
    found = re.search(r"https?://\S+/t/\S+", text)
    assert found, text
    return urlsplit(found[0]).path.rpartition("/")[2]
