"""Problems as pages: for browsers on pages only, with a sentence, a way on, and the problem's own headers."""

from __future__ import annotations

import httpx
import pytest
from builders import PUBLIC_URL, Stage
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pages_kit import HTML, Visitor

from app import problems
from app.domain.refusals import Refusal, TemporarilyUnavailable, TooMany
from app.problems import refusal_response
from app.web.faults import FaultPages


async def test_an_unknown_address_is_a_page_for_a_browser(stage: Stage) -> None:
    page = await Visitor(stage, language="en").get("/nowhere")
    assert page.status == 404
    assert page.lang == "en"
    assert "There is nothing at this address" in page.said
    assert "/" in [href for href, _ in page.links]


async def test_a_program_gets_the_problem_itself(stage: Stage) -> None:
    client = Visitor(stage).client
    for accept in ("*/*", "application/json", "application/problem+json"):
        answer = await client.get("/b/nothing", headers={"accept": accept})
        assert answer.headers["content-type"] == "application/problem+json"


async def test_the_api_answers_problems_even_to_a_browser(stage: Stage) -> None:
    answer = await Visitor(stage).client.get("/catalogue/products/00000000-0000-7000-8000-000000000000")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_address_that_cannot_be_read_says_so(stage: Stage) -> None:
    page = await Visitor(stage).get("/p/not-an-id")
    assert page.status == 422
    assert "알 수 없는 요청입니다" in page.said


async def test_a_form_that_is_too_large_is_told_as_a_page(stage: Stage) -> None:
    answer = await Visitor(stage).client.post("/p/00000000-0000-7000-8000-000000000000/phones", content=b"a" * 70_000)
    assert answer.status_code == 413
    assert "보내신 내용이 너무 큽니다" in answer.text


async def test_a_fault_of_ours_is_told_as_ours_and_its_cause_stays_in_the_log(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr("app.flows.booking.find.stubs", broken)
    page = await Visitor(stage).get("/")
    assert page.status == 500
    assert "저희 쪽에 문제가 생겼습니다" in page.said
    assert "secret" not in page.html
    assert page.headers["cache-control"] == "no-store"


async def through(refusal: Refusal, path: str = "/b/x") -> httpx.Response:
    """What a browser gets where a page refuses like this."""
    app = FastAPI()
    app.state.public_url = PUBLIC_URL
    problems.install(app)

    @app.get(path)
    async def page(request: Request) -> JSONResponse:
        return refusal_response(request, refusal)

    app.add_middleware(FaultPages)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC_URL) as client:
        return await client.get(path, headers={"accept": HTML})


async def test_too_often_keeps_when_to_come_back() -> None:
    answer = await through(TooMany("slowly", retry_after_seconds=30))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "30"
    assert "잠시 기다려 주십시오" in answer.text


async def test_out_of_service_offers_to_try_again() -> None:
    answer = await through(TemporarilyUnavailable("gone"))
    assert answer.status_code == 503
    assert "지금 상태 보기" in answer.text


async def test_a_problem_without_a_sentence_of_its_own_borrows_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(problems.PROBLEMS, TooMany, problems.Problem(418, "x", "X", "x"))
    answer = await through(TooMany("teapot"))
    assert answer.status_code == 418
    assert "알 수 없는 요청입니다" in answer.text
