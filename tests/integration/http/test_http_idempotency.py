"""Idempotency-Key over HTTP: once for each key, the first answer to whoever repeats it, nothing readable stored."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fakes import Upset
from http_kit import OTHERS, OWN, Api, fresh_key, problem

from app.flows.booking import book

pytest_plugins = ("http_plugin",)

REPLAYED = "idempotent-replayed"


async def kept(api: Api) -> int:
    """How many keys have their answer, or wait for it."""
    return int(await api.stage.value("SELECT count(*) FROM idempotency"))


@pytest.mark.parametrize("key", [None, "short", "x" * 101, "two words of it", "tab\there-and-there"])
async def test_a_key_that_is_missing_or_unfit_is_asked_for(api: Api, key: str | None) -> None:
    problem(await api.post("/bookings", api.wish(), key=key), 400, "key-missing")

    assert await api.stage.value("SELECT count(*) FROM booking") == 0


async def test_every_route_that_creates_asks_for_a_key(api: Api) -> None:
    sold, boss = await api.sold(), await api.staff()
    ticket = (await sold.ticket())["id"]
    held = await api.booked()
    asked: list[tuple[str, Any, str | None]] = [
        ("/bookings", api.wish(), None),
        (f"/bookings/{held.id}/payments", {"instrument": {"kind": "card", "token": "pm_card_visa"}}, held.link),
        (f"/tickets/{ticket}/resend", None, sold.link),
        ("/emoney/vouchers", {"issuer": "haneul", "handset": OWN, "voucher": "482910375-1 491027"}, None),
        ("/staff/complimentary", api.wish(), boss),
        ("/staff/emoney/topups", {"issuer": "haneul", "handset": OWN, "amount": 1, "currency": "KRW"}, boss),
    ]

    for path, body, bearer in asked:
        problem(await api.post(path, body, bearer=bearer, key=None), 400, "key-missing")


async def test_a_repeated_request_gets_the_first_answer_and_books_nothing_more(api: Api) -> None:
    key = fresh_key()

    first = await api.post("/bookings", api.wish(), key=key)
    again = await api.post("/bookings", api.wish(), key=key)

    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.headers["content-type"] == again.headers["content-type"]
    assert await api.stage.value("SELECT count(*) FROM booking") == 1


async def test_a_refusal_is_an_answer_too(api: Api) -> None:
    key, sold_out = fresh_key(), api.wish(quantity=7)

    first = await api.post("/bookings", sold_out, key=key)
    again = await api.post("/bookings", sold_out, key=key)

    problem(again, 409, "sold-out")
    assert (first.content, again.headers[REPLAYED]) == (again.content, "true")


async def test_a_key_for_another_body_is_refused(api: Api) -> None:
    key = fresh_key()
    await api.post("/bookings", api.wish(), key=key)

    problem(await api.post("/bookings", api.wish(quantity=2), key=key), 422, "key-reused")


async def test_a_key_belongs_to_its_caller_and_its_address(api: Api) -> None:
    key = fresh_key()
    one, two = await api.booked(), await api.booked()

    answers = [await one.pay(key=key), await two.pay(key=key)]

    assert [answer.json()["booking"] for answer in answers] == [one.id, two.id]


async def test_a_key_whose_request_is_being_worked_on_is_busy_and_then_has_its_answer(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, booking = fresh_key(), book.book
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*args: Any) -> book.Booked:
        begun.set()
        await go_on.wait()
        return await booking(*args)

    monkeypatch.setattr(book, "book", slow)
    first = asyncio.create_task(api.post("/bookings", api.wish(), key=key))
    await begun.wait()

    problem(await api.post("/bookings", api.wish(), key=key), 409, "key-busy")
    problem(await api.post("/bookings", api.wish(quantity=2), key=key), 422, "key-reused")

    go_on.set()
    assert (await first).status_code == 201
    assert (await api.post("/bookings", api.wish(), key=key)).content == (await first).content


async def test_a_refused_payment_is_replayed_and_asks_the_network_no_second_time(api: Api) -> None:
    booked, key = await api.booked(), fresh_key()
    first = await booked.pay("pm_declined", key=key)
    calls = len(api.stage.card.calls)

    again = await booked.pay("pm_declined", key=key)

    problem(again, 402, "payment-refused")
    assert (first.content, again.headers[REPLAYED]) == (again.content, "true")
    assert len(api.stage.card.calls) == calls
    problem(await booked.pay("pm_card_visa", key=key), 422, "key-reused")


async def test_a_paid_booking_is_told_again_and_charged_once(api: Api) -> None:
    booked, key = await api.booked(), fresh_key()

    answers = [await booked.pay(key=key) for _ in range(3)]

    assert {answer.content for answer in answers} == {answers[0].content}
    assert api.stage.card.taken() == 60_000


async def test_what_says_nothing_about_the_request_is_not_kept(api: Api) -> None:
    booked, key = await api.booked(), fresh_key()
    before = await kept(api)
    api.stage.card.upset("prepare", Upset.LOST_BEFORE)

    problem(await booked.pay(key=key), 503, "temporarily-unavailable")

    assert await kept(api) == before
    assert (await booked.pay(key=key)).json()["state"] == "paid"


async def test_a_fault_of_ours_is_not_kept(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    key = fresh_key()
    api.client.event_hooks = {}  # a 500 is promised nowhere, by intent

    async def broken(*_args: Any) -> book.Booked:
        raise RuntimeError("the disk is on fire")

    with monkeypatch.context() as patched:
        patched.setattr(book, "book", broken)
        answer = await api.client.post("/bookings", json=api.wish(), headers={"idempotency-key": key})

    body = problem(answer, 500, "internal")
    assert "fire" not in str(body)
    assert await kept(api) == 0
    assert (await api.post("/bookings", api.wish(), key=key)).status_code == 201


async def test_too_many_is_not_kept_and_says_when_to_come_back(api: Api) -> None:
    sold = await api.sold()
    address, key = f"/tickets/{(await sold.ticket())['id']}/resend", fresh_key()
    for _ in range(3):
        await api.post(address, bearer=sold.link)

    refused = await api.post(address, bearer=sold.link, key=key)
    api.stage.clock.advance(minutes=61)

    assert refused.headers["retry-after"] == "3600"
    assert (await api.post(address, bearer=sold.link, key=key)).status_code == 202


async def test_an_invalid_request_leaves_its_key_free(api: Api) -> None:
    key = fresh_key()
    problem(await api.post("/bookings", api.wish() | {"buyer": "x"}, key=key), 422, "invalid")

    assert (await api.post("/bookings", api.wish(), key=key)).status_code == 201


async def test_an_answer_is_kept_for_a_day(api: Api) -> None:
    key = fresh_key()
    first = await api.post("/bookings", api.wish(of="play/wed", category="S"), key=key)
    api.stage.clock.advance(hours=24, seconds=1)

    later = await api.post("/bookings", api.wish(of="play/wed", category="S"), key=key)

    assert later.json()["id"] != first.json()["id"]


async def test_a_stolen_table_holds_no_link_no_key_and_no_number(api: Api) -> None:
    key = fresh_key()
    answer = await api.post("/bookings", api.wish() | {"buyer": OTHERS}, key=key)

    rows = await api.stage.sql("SELECT * FROM idempotency")

    assert len(rows) == 1
    assert rows[0].status == 201
    stored = b" ".join(bytes(one) if isinstance(one, bytes | memoryview) else str(one).encode() for one in rows[0])
    for secret in (answer.json()["link"], answer.json()["id"], key, "1087654321", "booking"):
        assert secret.encode() not in stored.replace(b"POST /bookings", b"")


async def test_repeated_top_ups_add_once(api: Api) -> None:
    boss, key = await api.staff("money"), fresh_key()
    body = {"issuer": "haneul", "handset": OWN, "amount": 5_000, "currency": "KRW"}

    answers = [await api.post("/staff/emoney/topups", body, bearer=boss, key=key) for _ in range(2)]

    assert [one.json()["balance"]["amount"] for one in answers] == [5_000, 5_000]
    assert await api.stage.value("SELECT sum(balance) FROM account WHERE kind = 'prepaid'") == 5_000
