"""The short way of a gate's requests: it answers what FastAPI answers, and leaves to FastAPI whatever is not plain."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import Request
from http_kit import Api, problem

from app.flows.gate.tokens import GateCaller
from app.routers import short_way
from app.world import World

pytest_plugins = ("http_plugin",)

SHORT, WHOLE = "application/json", "application/json; charset=utf-8"
"""FastAPI reads both alike; the short way knows the first alone."""
GOOD = '{"scan_id": "s-1", "presented": "482910375-1 491027", "count": 1}'


async def ask(api: Api, media_type: str, body: str, **headers: str) -> httpx.Response:
    told = {"Content-Type": media_type, **headers}
    return await api.client.post("/gate/checks", content=body, headers=told)


def seen(answer: httpx.Response) -> tuple[int, Any, dict[str, str]]:
    """All that a client sees, but the moment."""
    body = answer.json()
    body.pop("at", None)
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return answer.status_code, body, headers


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        '{"scan_id": "s-1", "presented": "표"}',
        '{"scan_id": "s-1"}',
        '{"scan_id": "s-1", "presented": "x", "count": 0}',
        '{"scan_id": "s-1", "presented": "x", "more": 1}',
        '["scan_id"]',
        '"words"',
        "{",
        "",
        '{"scan_id": "s-1", "presented": "\\ud800"}',
    ],
    ids=["good", "korean", "missing", "out-of-range", "too-much", "a-list", "a-word", "half", "nothing", "surrogate"],
)
async def test_both_ways_give_one_answer(api: Api, body: str) -> None:
    _, token = await api.gate()
    bearer = {"Authorization": f"Bearer {token}"}
    assert seen(await ask(api, SHORT, body, **bearer)) == seen(await ask(api, WHOLE, body, **bearer))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic Zm9vOmJhcg=="},
        {"Authorization": "DPoP nonsense"},
        {"Authorization": "Bearer nonsense", "DPoP": "x" * 4_097},
    ],
    ids=["nobody", "half", "nonsense", "another-scheme", "no-proof", "a-long-proof"],
)
async def test_who_may_not_ask_hears_so_on_both_ways(api: Api, headers: dict[str, str]) -> None:
    short, whole = await ask(api, SHORT, GOOD, **headers), await ask(api, WHOLE, GOOD, **headers)
    assert short.status_code in {401, 422}
    assert seen(short) == seen(whole)


async def test_what_is_no_json_is_refused(api: Api) -> None:
    _, token = await api.gate()
    problem(await ask(api, "text/plain", GOOD, Authorization=f"Bearer {token}"), 422, "invalid")


async def test_only_what_is_plain_goes_the_short_way(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    _, token = await api.gate()
    gone: list[str] = []
    who = short_way._gate

    async def counted(request: Request, world: World) -> GateCaller:
        gone.append(request.headers["content-type"])
        return await who(request, world)

    monkeypatch.setattr(short_way, "_gate", counted)
    for media_type in (SHORT, WHOLE):
        assert (await ask(api, media_type, GOOD, Authorization=f"Bearer {token}")).status_code == 200

    assert gone == [SHORT]
