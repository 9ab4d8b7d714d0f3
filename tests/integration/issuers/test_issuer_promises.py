"""The issuer's API keeps its word: each answer that its document promises can be had, and no other is given."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
import requests
import schemathesis
from builders import Shop, Stage
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from issuer_contract_kit import SELLER_KEYS, Seen, believing, far
from issuer_promises_kit import API, DOCUMENT, URL, Operation, ask, operation, signed
from schemathesis.checks import CheckFunction
from schemathesis.core.transport import Response
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi import checks
from two_servers_kit import ISSUER_APP

from app.issuers.messages import RegistrationAsked

NOBODY = UUID(int=7)
KEY = UUID(int=0xA)
HOLDER_KEY = "Ao5TO2-gv3tGJbswZnwB-2B--fi4qA_vWzAGKHAxh7Kj"


@pytest.fixture
def seen(stage: Stage, shop: Shop) -> Seen:
    return far(believing(stage, sales=SELLER_KEYS), shop)


# --- every answer can be had ----------------------------------------------------------------------------------------


class Ways:
    """Good requests, and what makes them go wrong."""

    def __init__(self, seen: Seen, issuer: UUID | None = None) -> None:
        self.seen = seen
        self.issuer = str(issuer or seen.shop.issuer)
        self.monday = seen.shop.occasions["play/mon"]

    def hold(self, **given: Any) -> dict[str, Any]:
        price = str(self.seen.shop.price("play/R"))
        part = {"category": "R", "quantity": 1, "price": price, "amount": 60_000}
        return {"issuer": self.issuer, "occasion": str(self.monday), "seconds": 60, "parts": [part]} | given

    def registration(self) -> dict[str, Any]:
        return RegistrationAsked.of(self.seen.ticket()).model_dump(mode="json") | {"issuer": self.issuer}

    def replacement(self) -> dict[str, Any]:
        ticket = self.seen.ticket()
        return {"ticket": str(ticket.ticket_id), "fresh": self.registration(), "came_by": "given"}

    async def ticket(self) -> UUID:
        return (await self.seen.registered(balance=10_000)).ticket_id

    def bodies(self) -> dict[str, Any]:
        return {
            "PUT /issuer/v1/holds/{key}": self.hold(),
            "POST /issuer/v1/holds/{key}/commit": {"issuer": self.issuer, "places": [str(KEY)]},
            "PUT /issuer/v1/tickets/{ticket_id}": self.registration(),
            "POST /issuer/v1/tickets/verify": {"issuer": self.issuer, "tickets": [str(NOBODY)]},
            "POST /issuer/v1/tickets/{ticket_id}/revocation": {"issuer": self.issuer, "key": str(KEY)},
            "POST /issuer/v1/tickets/{ticket_id}/replacement": self.replacement(),
            "PUT /issuer/v1/tickets/{ticket_id}/suspension": {"issuer": self.issuer, "suspended": True},
            "PUT /issuer/v1/tickets/{ticket_id}/holder-key": {"issuer": self.issuer, "key": HOLDER_KEY},
            "POST /issuer/v1/spendings": {"issuer": self.issuer, "ticket": str(NOBODY), "amount": 5, "key": "k"},
            "POST /issuer/v1/spendings/back": {"issuer": self.issuer, "key": "k", "amount": 5, "back_key": "b"},
        }

    def target(self, one: Operation, ticket: UUID) -> str:
        """The path of a good request with its query."""
        path = one.path.replace("{occasion_id}", str(self.monday)).replace("{key}", str(KEY))
        path = path.replace("{ticket_id}", str(ticket)).replace("{issuer_id}", self.issuer)
        wants = any(one["name"] == "issuer" for one in one.said.get("parameters", []))
        return f"{path}?issuer={self.issuer}" if wants else path


async def good(ways: Ways, one: Operation) -> httpx.Response:
    ticket = ways.seen.stage.entropy.uuid() if one.path.endswith("{ticket_id}") else await ways.ticket()
    return await ask(ways.seen.stage, one.method, ways.target(one, ticket), ways.bodies().get(str(one)))


async def unsigned(ways: Ways, one: Operation) -> httpx.Response:
    target, body = ways.target(one, NOBODY), ways.bodies().get(str(one))
    return await ask(ways.seen.stage, one.method, target, body, sign=False)


async def of_nobody(ways: Ways, one: Operation) -> httpx.Response:
    nobodys = Ways(ways.seen, issuer=NOBODY)
    nobodys.monday = NOBODY
    return await ask(ways.seen.stage, one.method, nobodys.target(one, NOBODY), nobodys.bodies().get(str(one)))


async def too_large(ways: Ways, one: Operation) -> httpx.Response:
    return await ask(ways.seen.stage, one.method, ways.target(one, NOBODY), raw=b" " * 70_000)


async def unfit(ways: Ways, one: Operation) -> httpx.Response:
    """An id that is none, a query that is none, or a field that nobody knows."""
    target = ways.target(one, NOBODY)
    target = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "no-id", target)
    if "?" not in target and one.method == "GET":
        target += "?after=-x&occasion=no-id"
    return await ask(ways.seen.stage, one.method, target, {"unknown": 1} if "requestBody" in one.said else None)


async def unchanged(ways: Ways, one: Operation) -> httpx.Response:
    stage, target = ways.seen.stage, ways.target(one, NOBODY)
    etag = (await ask(stage, one.method, target)).headers["etag"]
    headers = {"authorization": signed(stage, one.method, target, b""), "if-none-match": etag}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(ISSUER_APP), base_url=URL) as client:
        return await client.request(one.method, target, headers=headers)


async def at_another_price(ways: Ways, one: Operation) -> httpx.Response:
    body = ways.hold()
    body["parts"][0]["amount"] = 1
    return await ask(ways.seen.stage, one.method, ways.target(one, NOBODY), body)


async def number_given_twice(ways: Ways, one: Operation) -> httpx.Response:
    body = RegistrationAsked.of(await ways.seen.registered()).model_dump(mode="json")
    return await ask(ways.seen.stage, one.method, ways.target(one, NOBODY), body)


async def replaced_by_a_number_given_twice(ways: Ways, one: Operation) -> httpx.Response:
    other = RegistrationAsked.of(await ways.seen.registered()).model_dump(mode="json")
    body = ways.replacement() | {"fresh": other}
    return await ask(ways.seen.stage, one.method, ways.target(one, await ways.ticket()), body)


IN_GENERAL: dict[int, Callable[[Ways, Operation], Awaitable[httpx.Response]]] = {
    200: good,
    204: good,
    304: unchanged,
    401: unsigned,
    404: of_nobody,
    413: too_large,
    422: unfit,
}
PARTICULAR: dict[tuple[str, int], Callable[[Ways, Operation], Awaitable[httpx.Response]]] = {
    ("PUT /issuer/v1/holds/{key}", 409): at_another_price,
    ("PUT /issuer/v1/tickets/{ticket_id}", 409): number_given_twice,
    ("POST /issuer/v1/tickets/{ticket_id}/replacement", 409): replaced_by_a_number_given_twice,
}
NOT_TO_BE_HAD = {("GET /issuer/v1/catalogue", 422): "it takes one header, and any text may be an ETag"}
PROMISED = [(one, int(status)) for one in API for status in one.said["responses"]]


@pytest.mark.parametrize(
    ("one", "status"),
    [pair for pair in PROMISED if (str(pair[0]), pair[1]) not in NOT_TO_BE_HAD],
    ids=lambda part: str(part).replace("/", "|"),
)
async def test_every_answer_that_an_issuers_server_promises_can_be_had(seen: Seen, one: Operation, status: int) -> None:
    way = PARTICULAR.get((str(one), status)) or IN_GENERAL[status]

    answer = await way(Ways(seen), one)

    assert answer.status_code == status, answer.text
    one.check(answer)


def test_what_is_listed_here_is_promised_there() -> None:
    promised = {(str(one), status) for one, status in PROMISED}
    assert set(PARTICULAR) <= promised
    assert set(NOT_TO_BE_HAD) <= promised


def test_every_route_for_sellers_asks_for_a_signature_and_says_what_it_does() -> None:
    for one in API:
        assert one.said["security"] == [{"serverToken": []}], str(one)
        assert one.said["description"].endswith("."), str(one)


async def test_an_answer_that_was_not_promised_is_noticed(seen: Seen) -> None:
    answer = await good(Ways(seen), operation("GET /issuer/v1/changes"))
    silent = Operation("GET", "/issuer/v1/changes", {"responses": {"204": {}}})

    with pytest.raises(AssertionError, match="undocumented"):
        silent.check(answer)


# --- nothing breaks -------------------------------------------------------------------------------------------------

CASES_PER_MODE = 4
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
async def test_no_route_for_sellers_breaks_whatever_it_is_asked(seen: Seen, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    loop = asyncio.get_running_loop()
    ours = {"issuer": str(seen.shop.issuer), "occasion": str(seen.shop.occasions["play/mon"])}
    ISSUER_APP.state.world = seen.stage.world
    client = httpx.AsyncClient(transport=httpx.ASGITransport(ISSUER_APP, raise_app_exceptions=False), base_url=URL)

    def send(request: requests.PreparedRequest) -> httpx.Response:
        made = client.build_request(str(request.method), str(request.url), content=_octets(request.body))
        made.headers["content-type"] = "application/json"
        target = made.url.raw_path.decode("ascii")
        made.headers["authorization"] = signed(seen.stage, made.method, target, made.content)
        return asyncio.run_coroutine_threadsafe(client.send(made), loop).result(30)

    for one in API:
        await asyncio.to_thread(_fuzz, schema[one.path][one.method], mode, ours, send)
    await client.aclose()


def _octets(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


def _fuzz(operation: Any, mode: GenerationMode, ours: dict[str, str], send: Callable[..., httpx.Response]) -> None:
    @settings(
        max_examples=CASES_PER_MODE,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    def one(case: Any, known: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        if known and isinstance(case.body, dict):
            case.body = case.body | {name: value for name, value in ours.items() if name in case.body}
        prepared = requests.Request(**case.as_transport_kwargs(base_url=URL)).prepare()
        case.validate_response(Response.from_httpx(send(prepared), verify=False), checks=CHECKS)

    one()


async def test_a_label_that_cannot_be_stored_is_refused_with_its_place(seen: Seen) -> None:
    body = Ways(seen).registration()
    for label in ({"title": {"en": "a\0b"}}, {"title": "x" * 5_000}):
        answer = await ask(seen.stage, "PUT", f"/issuer/v1/tickets/{NOBODY}", body | {"label": label})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/label"
    nested: Any = "x"
    for _ in range(200):
        nested = [nested]
    assert (
        await ask(
            seen.stage, "PUT", f"/issuer/v1/tickets/{NOBODY}", raw=json.dumps(body | {"label": {"a": nested}}).encode()
        )
    ).status_code in {204, 422}
