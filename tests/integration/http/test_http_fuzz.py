"""Schemathesis asks every route what nobody would think of: nothing breaks, and nothing is answered unannounced."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import gate_ways
import httpx
import pytest
import requests
import schemathesis
from builders import BUYER, PUBLIC_URL, Stage
from enrolled_kit import a_phone
from http_examples import bearer_for, furnished
from http_kit import DOCUMENT, OPERATIONS, Api
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CheckFunction
from schemathesis.core.transport import Response
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi import checks

from app.schemas import examples

pytest_plugins = ("http_plugin",)

CASES_USUAL = 2
CASES_PER_MODE = int(os.environ.get("CYBERTICKET_TEST_FUZZ_CASES", str(CASES_USUAL)))
"""They are the same ones in each run; .ci/run asks for more."""
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
OURS: dict[str, Any] = {
    "occasion_id": examples.OCCASION,
    "product_id": examples.PRODUCT,
    "booking_id": examples.BOOKING,
    "ticket_id": examples.TICKET,
    "gate_id": examples.GATE,
    "letter_id": examples.DEAD_LETTER,
    "occasion": examples.OCCASION,
    "product": None,
    "price": examples.PRICE,
    "origin": None,
    "destination": None,
    "issuer": examples.ISSUER,
    "buyer": examples.HANDSET,
    "handset": examples.HANDSET,
    "handsets": [examples.FRIEND],
    "places": [],
}
"""What a program that fuzzes cannot guess: names of rows that are there."""

NEVER: dict[GenerationMode, set[str]] = {
    GenerationMode.POSITIVE: set(),
    GenerationMode.NEGATIVE: {
        "GET /problems/{slug}",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
        "GET /.well-known/jwks.json",
        "POST /carrier/push-results/{token}",
    },
}
"""Routes that are never sent anything unfit, for they take nothing, or any word. To see it takes hundreds of tries, so
the longer run does; a route that belongs here and is missing is found by both."""

LEAVES = ("DELETE", "/handset/devices/me")
"""What is asked unsigned: after it, the handset's other routes would be asked by nobody."""

Send = Callable[[requests.PreparedRequest], httpx.Response]

URL_LETTERS_MAX = 65_536
"""The client that asks refuses to send a longer one."""


def with_our_names(node: Any) -> Any:
    """The generated request with the names of our rows in it."""
    if isinstance(node, dict):
        return {name: OURS[name] if name in OURS else with_our_names(value) for name, value in node.items()}
    return [with_our_names(one) for one in node] if isinstance(node, list) else node


def as_bytes(part: Any) -> bytes:
    """A header or a body as it goes over the wire."""
    assert part is None or isinstance(part, str | bytes), "nothing is streamed here"
    return part.encode() if isinstance(part, str) else part or b""


def fuzz(operation: Any, mode: GenerationMode, bearer: str | None, send: Send) -> int:
    """Ask one route many things, half of them about rows that are there; returns how often it was asked."""
    asked = 0

    @settings(
        max_examples=CASES_PER_MODE,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), ours=st.booleans(), number=st.integers(0, 10**9))
    def ask(case: Any, ours: bool, number: int) -> None:  # noqa: FBT001 - hypothesis passes by name
        nonlocal asked
        asked += 1
        if ours:
            case.path_parameters = with_our_names(dict(case.path_parameters or {}))
            case.body = with_our_names(case.body)
            case.headers["Idempotency-Key"] = f"fuzz-{number:09}"
        if bearer is not None:
            case.headers["Authorization"] = f"Bearer {bearer}"
        prepared = requests.Request(**case.as_transport_kwargs(base_url=PUBLIC_URL)).prepare()
        assume(len(str(prepared.url)) <= URL_LETTERS_MAX)
        answer = send(prepared)
        case.validate_response(Response.from_httpx(answer, verify=False), checks=CHECKS)

    with contextlib.suppress(Unsatisfiable):  # where whatever one may send fits: the caller counts
        ask()
    return asked


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
async def test_no_route_breaks_or_answers_what_it_does_not_announce(blank: Stage, mode: GenerationMode) -> None:
    shop = await furnished(blank)
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    loop = asyncio.get_running_loop()
    unasked = set()
    async with Api(blank, shop) as api:
        gates = await gate_ways.supervisors(api)
        boss = await api.staff()
        phone = await a_phone(api.client, blank, BUYER)

        def send(request: requests.PreparedRequest) -> httpx.Response:
            headers = [(as_bytes(name), as_bytes(value)) for name, value in request.headers.items()]
            path = urlsplit(str(request.url)).path
            if path.startswith("/handset/") and (request.method, path) != LEAVES:
                headers = [pair for pair in headers if pair[0].lower() not in {b"authorization", b"dpop"}]
                signed = phone.signed(str(request.method), path)
                headers += [(as_bytes(name), as_bytes(value)) for name, value in signed.items()]
            asking = api.client.request(
                str(request.method),
                str(request.url),
                headers=headers,
                content=as_bytes(request.body),
            )
            return asyncio.run_coroutine_threadsafe(asking, loop).result(30)

        for one in OPERATIONS:
            if CASES_PER_MODE == CASES_USUAL and str(one) in NEVER[mode]:
                unasked.add(str(one))
                continue
            operation = schema[one.path][one.method]
            bearer = bearer_for(one.path, gate=gates.get(one.path, ""), boss=boss)
            if not await asyncio.to_thread(fuzz, operation, mode, bearer, send):
                unasked.add(str(one))

    assert unasked == NEVER[mode]
