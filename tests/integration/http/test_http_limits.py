"""Limits and headers of every answer: bodies that are too large, safe headers, what may be cached."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from http_kit import BODY_BYTES_MAX, NOBODY, Api, chunks, fresh_key, problem

from app.flows.booking import find

pytest_plugins = ("http_plugin",)

SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "permissions-policy": "geolocation=(), microphone=()",
}


def json_headers() -> dict[str, str]:
    return {"content-type": "application/json", "idempotency-key": fresh_key()}


async def test_a_body_that_declares_too_much_is_refused_before_it_is_read(api: Api) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        async for chunk in chunks(1_024, 5):
            read += len(chunk)
            yield chunk

    headers = json_headers() | {"content-length": str(BODY_BYTES_MAX + 1)}
    answer = await api.client.post("/bookings", content=body(), headers=headers)

    assert str(BODY_BYTES_MAX) in problem(answer, 413, "too-large")["detail"]
    assert read == 0


async def test_a_body_that_grows_too_large_is_refused_while_it_is_read(api: Api) -> None:
    answer = await api.client.post("/bookings", content=chunks(1_024, 5), headers=json_headers())

    problem(answer, 413, "too-large")


async def test_a_body_that_lies_about_its_length_is_refused_all_the_same(api: Api) -> None:
    headers = json_headers() | {"content-length": "10"}

    problem(await api.client.post("/bookings", content=chunks(1_024, 5), headers=headers), 413, "too-large")


async def test_a_body_of_exactly_the_limit_is_read(api: Api) -> None:
    for content in (b" " * BODY_BYTES_MAX, chunks(1_024, BODY_BYTES_MAX // 1_024)):
        problem(await api.client.post("/bookings", content=content, headers=json_headers()), 422, "invalid")


async def test_a_receipt_has_the_same_limit(api: Api) -> None:
    problem(await api.client.post("/carrier/receipts", content=chunks(1_024, 5)), 413, "too-large")


async def test_json_that_is_nested_endlessly_is_invalid(api: Api) -> None:
    body = b"[" * (BODY_BYTES_MAX // 2) + b"]" * (BODY_BYTES_MAX // 2)

    problem(await api.client.post("/bookings", content=body, headers=json_headers()), 422, "invalid")


async def test_a_number_beyond_all_bounds_is_invalid(api: Api) -> None:
    body = b'{"lines": [{"quantity": 1' + b"0" * 4_000 + b"}]}"

    answer = await api.client.post("/bookings", content=body, headers=json_headers())

    assert problem(answer, 422, "invalid")["errors"]


# --- what every answer carries --------------------------------------------------------------------------------------


async def a_cancelled_booking(api: Api) -> httpx.Response:
    booked = await api.booked()
    return await api.post(f"/bookings/{booked.id}/cancel", bearer=booked.link)


KINDS: dict[str, tuple[int, Callable[[Api], Awaitable[httpx.Response]]]] = {
    "made": (201, lambda api: api.post("/bookings", api.wish())),
    "no content": (204, a_cancelled_booking),
    "refused": (409, lambda api: api.post("/bookings", api.wish(quantity=7))),
    "invalid": (422, lambda api: api.post("/bookings", {})),
    "too large": (413, lambda api: api.client.post("/bookings", content=b" " * (BODY_BYTES_MAX + 1))),
    "not signed in": (401, lambda api: api.get(f"/bookings/{NOBODY}")),
    "nowhere": (404, lambda api: api.get("/nowhere")),
    "wrong method": (405, lambda api: api.delete("/bookings")),
    "metrics": (200, lambda api: api.get("/metrics")),
}


def assert_safe(answer: httpx.Response, **other: str) -> None:
    found = {name: answer.headers.get(name) for name in SAFE}
    assert found == SAFE | other
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"]


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_answer_is_safe_to_show(api: Api, kind: str) -> None:
    status, ask = KINDS[kind]

    answer = await ask(api)

    assert answer.status_code == status, answer.text
    assert_safe(answer)


async def test_a_page_is_as_safe_and_tells_only_ourselves_where_its_visitor_was(api: Api) -> None:
    assert_safe(await api.get("/"), **{"referrer-policy": "same-origin"})


async def test_a_fault_of_ours_is_a_problem_with_no_word_of_its_cause(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_args: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(find, "products", broken)
    api.client.event_hooks = {}  # a 500 is promised nowhere, by intent

    answer = await api.get("/catalogue/products")

    assert "RuntimeError" not in str(problem(answer, 500, "internal"))
    assert_safe(answer)


async def test_what_is_not_there_and_what_cannot_be_done_there_are_problems(api: Api) -> None:
    problem(await api.get("/nowhere"), 404, "not-found")
    answer = await api.delete("/bookings")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


async def test_a_link_is_never_kept_by_a_cache(api: Api) -> None:
    assert (await api.post("/bookings", api.wish())).headers["cache-control"] == "no-store"


async def test_whoever_is_not_signed_in_is_told_how(api: Api) -> None:
    assert (await api.get(f"/bookings/{NOBODY}")).headers["www-authenticate"] == "Bearer"
