"""Delivery receipts over HTTP: genuine ones move a message forward, everything else changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_kit import Api, Booked, pointers, problem

pytest_plugins = ("http_plugin",)

AT = "2026-11-22T03:00:05Z"


def said(message_id: str = "message-1", state: str = "DELIVERED", **more: Any) -> bytes:
    return json.dumps({"message_id": message_id, "state": state, "at": AT} | more).encode()


async def states(booked: Booked) -> list[tuple[str, str | None]]:
    return [(one["state"], one["arrived_at"]) for one in (await booked.look())["deliveries"]]


async def test_a_genuine_receipt_shows_on_the_booking_and_to_staff(api: Api) -> None:
    sold = await api.sold()
    message = next(iter(api.stage.carrier.arrived.values())).message_id

    answer = await api.receipt(said(message))

    assert (answer.status_code, answer.content) == (204, b"")
    assert await states(sold) == [("delivered", AT)]
    seen = await api.get("/staff/deliveries", bearer=await api.staff("messages"), state="delivered")
    assert [one["handset"] for one in seen.json()] == ["010-••••-5678"]


async def test_a_receipt_that_comes_again_or_too_late_changes_nothing(api: Api) -> None:
    sold = await api.sold()
    message = next(iter(api.stage.carrier.arrived.values())).message_id
    await api.receipt(said(message))

    for body in (said(message), said(message, at="2026-11-22T09:00:00Z"), said(message, "UNDELIVERABLE")):
        assert (await api.receipt(body)).status_code == 204

    assert await states(sold) == [("delivered", AT)]


async def test_a_receipt_for_what_we_never_sent_is_taken_and_harmless(api: Api) -> None:
    sold = await api.sold()

    for body in (said("somebody-elses"), said("somebody-elses", "NEW_WORD"), said(extra="ignored")):
        assert (await api.receipt(body)).status_code == 204

    assert len(await states(sold)) == 1


async def test_a_forged_receipt_is_refused_and_changes_nothing(api: Api) -> None:
    sold = await api.sold()
    body = said(next(iter(api.stage.carrier.arrived.values())).message_id)

    problem(await api.receipt(body, secret="not-the-carriers-secret"), 401, "not-authentic")
    problem(await api.client.post("/carrier/receipts", content=body), 401, "not-authentic")
    for stamp in ("1", "", "-1", "\xb2", "1" * 20):
        headers = [(b"x-gateway-timestamp", stamp.encode("latin-1")), (b"x-gateway-signature", b"v1=" + b"0" * 64)]
        answer = await api.client.post("/carrier/receipts", content=body, headers=headers)
        problem(answer, 401, "not-authentic")

    assert await states(sold) == [("sent", None)]


async def test_a_signature_is_for_one_body_only(api: Api) -> None:
    genuine = await api.receipt(said("message-1"))
    headers = {name: genuine.request.headers[name] for name in ("x-gateway-timestamp", "x-gateway-signature")}

    answer = await api.client.post("/carrier/receipts", content=said("message-2"), headers=headers)

    problem(answer, 401, "not-authentic")


@pytest.mark.parametrize(("off_seconds", "status"), [(300, 204), (301, 401), (-300, 204), (-301, 401)])
async def test_a_receipt_counts_for_five_minutes(api: Api, off_seconds: int, status: int) -> None:
    assert (await api.receipt(said(), late_seconds=off_seconds)).status_code == status


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"{", ""),
        (b"[]", ""),
        (b"\xff", ""),
        (said(message_id=""), "/message_id"),
        (said(message_id="a b"), "/message_id"),
        (said(message_id="a\0b"), "/message_id"),
        (said(state="delivered"), "/state"),
        (said(at="yesterday"), "/at"),
        (said(at="2026-11-22T03:00:05"), "/at"),
    ],
)
async def test_a_genuine_but_malformed_receipt_names_its_fault(api: Api, body: bytes, pointer: str) -> None:
    assert set(pointers(await api.receipt(body))) == {pointer}
