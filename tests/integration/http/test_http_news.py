"""Webhooks over HTTP: what the payment network signed is taken, whatever else comes is not."""

from __future__ import annotations

import httpx
import pytest
from fake_teller import SIGNATURE, an_event
from fakes import Upset
from http_kit import BODY_BYTES_MAX, Api, problem

from app.metrics import NEWS
from app.ports import NewsKind

pytest_plugins = ("http_plugin",)


async def told(api: Api, body: bytes, *, signature: str = SIGNATURE, provider: str = "card") -> httpx.Response:
    return await api.client.post(
        f"/payments/news/{provider}",
        content=body,
        headers={"stripe-signature": signature, "content-type": "text/plain"},
    )


async def test_a_webhook_brings_the_tickets_of_an_unclear_payment(api: Api) -> None:
    booked = await api.booked()
    api.stage.card.upset("authorize", Upset.LOST_AFTER)
    assert (await booked.pay()).json()["state"] == "paying"
    body = an_event("e1", NewsKind.PAYMENT, next(iter(api.stage.card.attempts)))

    answers = [await told(api, body) for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    await api.stage.work()
    assert (await booked.look())["state"] == "paid"


async def test_a_forged_webhook_is_refused_and_counted(api: Api) -> None:
    before = NEWS.labels("forged")._value.get()

    body = problem(await told(api, an_event("e1", NewsKind.PAYMENT, "ref-1"), signature="mine"), 400, "forged")

    assert "not signed" in body["detail"]
    assert NEWS.labels("forged")._value.get() == before + 1
    problem(await api.client.post("/payments/news/card", content=b"{}"), 400, "forged")


@pytest.mark.parametrize("provider", ["nobody", "emoney"])
async def test_a_network_that_we_do_not_know_tells_nothing(api: Api, provider: str) -> None:
    problem(await told(api, b"{}", provider=provider), 404, "not-found")


async def test_a_webhook_that_is_too_large_is_not_read(api: Api) -> None:
    problem(await told(api, b" " * (BODY_BYTES_MAX + 1)), 413, "too-large")
