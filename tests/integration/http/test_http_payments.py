"""Payments and e-money over HTTP: paid, refused with the hold kept, unknown, free, prepaid."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from builders import BUYER
from fakes import Upset
from http_kit import OTHERS, OWN, Api, Booked, pointers, problem, spoken_pin

from app.flows.paying.resume import resume

pytest_plugins = ("http_plugin",)


async def pay_with(booked: Booked, **instrument: Any) -> Any:
    return await booked.api.post(f"/bookings/{booked.id}/payments", {"instrument": instrument}, bearer=booked.link)


async def topped_up(api: Api, won: int) -> str:
    """E-money of the usual buyer; returns the PIN that came by message."""
    boss = await api.staff("money")
    body = {"issuer": "haneul", "handset": OWN, "amount": won, "currency": "KRW"}
    answer = await api.post("/staff/emoney/topups", body, bearer=boss)
    assert answer.status_code == 201, answer.text
    await api.stage.work()
    return spoken_pin(api.stage.carrier.inbox(BUYER)[-1])


async def test_a_card_pays_and_the_tickets_are_there(api: Api) -> None:
    booked = await api.booked()

    answer = await booked.pay()

    assert answer.json() == {"booking": booked.id, "state": "paid", "action_url": None}
    assert len(await booked.tickets()) == 1


async def test_before_it_is_paid_a_booking_has_no_tickets(api: Api) -> None:
    assert await (await api.booked()).tickets() == []


@pytest.mark.parametrize(
    ("card", "reason"),
    [("pm_declined", "declined"), ("pm_poor", "insufficient_funds"), ("pm_expired", "expired")],
)
async def test_a_refused_card_says_why_and_until_when_another_may_be_tried(api: Api, card: str, reason: str) -> None:
    booked = await api.booked()

    body = problem(await booked.pay(card), 402, "payment-refused")

    seen = await booked.look()
    assert body["reason"] == reason
    assert (body["expires_at"].replace("+00:00", "Z"), seen["state"]) == (seen["expires_at"], "held")
    assert (await booked.pay()).json()["state"] == "paid"
    attempts = {one["attempt"]: one["state"] for one in (await booked.look())["payments"]}
    assert attempts == {1: "declined", 2: "captured"}


async def test_a_lost_answer_is_told_as_paying_and_nobody_may_pay_again(api: Api) -> None:
    booked = await api.booked()
    api.stage.card.upset("authorize", Upset.LOST_AFTER)

    answer = await booked.pay()

    assert (answer.status_code, answer.json()["state"]) == (200, "paying")
    problem(await booked.pay(), 409, "payment-pending")


async def test_a_network_that_cannot_be_asked_is_unavailable_and_nothing_changed(api: Api) -> None:
    booked = await api.booked()
    api.stage.card.upset("prepare", Upset.LOST_BEFORE)

    problem(await booked.pay(), 503, "temporarily-unavailable")

    assert (await booked.look())["state"] == "held"


async def test_after_the_time_ran_out_the_booking_is_gone(api: Api) -> None:
    booked = await api.booked()
    api.stage.clock.advance(seconds=601)

    problem(await booked.pay(), 410, "booking-expired")


async def test_a_paid_booking_is_not_paid_twice(api: Api) -> None:
    booked = await api.sold()

    problem(await booked.pay(), 409, "wrong-state")


async def test_what_costs_nothing_is_confirmed_without_an_instrument(api: Api) -> None:
    booked = await api.booked(api.wish(of="talk/talk", category="FREE"))

    answer = await pay_with(booked, kind="free")

    assert answer.json()["state"] == "paid"


async def test_what_costs_something_is_not_free(api: Api) -> None:
    problem(await pay_with(await api.booked(), kind="free"), 409, "wrong-state")


async def test_emoney_pays_with_the_pin_that_came_by_message(api: Api) -> None:
    pin = await topped_up(api, 100_000)
    booked = await api.booked()

    answer = await pay_with(booked, kind="emoney", handset=OWN, pin=pin)

    assert answer.json()["state"] == "paid"
    assert await api.stage.value("SELECT balance FROM account WHERE kind = 'prepaid'") == 40_000


async def test_emoney_that_is_too_little_or_not_opened_is_a_refusal(api: Api) -> None:
    pin = await topped_up(api, 1_000)
    booked = await api.booked()
    wrong = f"{(int(pin) + 1) % 1_000_000:06}"

    for given in ({"handset": OWN, "pin": pin}, {"handset": OWN, "pin": wrong}, {"handset": OTHERS, "pin": pin}):
        problem(await pay_with(booked, kind="emoney", **given), 402, "payment-refused")


@pytest.mark.parametrize(
    ("instrument", "pointer"),
    [
        ({"kind": "cash"}, "/instrument"),
        ({}, "/instrument"),
        ({"kind": "card"}, "/instrument/card/token"),
        ({"kind": "card", "token": "4242 4242 4242 4242"}, "/instrument/card/token"),
        ({"kind": "card", "token": "pm_1", "number": "4242"}, "/instrument/card/number"),
        ({"kind": "emoney", "handset": "1588-0000", "pin": "123456"}, "/instrument/emoney/handset"),
        ({"kind": "emoney", "handset": OWN, "pin": "12345"}, "/instrument/emoney/pin"),
        ({"kind": "free", "amount": 0}, "/instrument/free/amount"),
    ],
)
async def test_an_invalid_instrument_names_its_part(api: Api, instrument: dict[str, Any], pointer: str) -> None:
    answer = await pay_with(await api.booked(), **instrument)

    assert set(pointers(answer)) == {pointer}
    for secret in ("4242", "12345"):
        assert secret not in answer.text


# --- vouchers -------------------------------------------------------------------------------------------------------


async def a_voucher(api: Api) -> str:
    """Number and PIN of a sold gift voucher, as its message tells them."""
    price = str(api.shop.price("gift/gift"))
    body = {"product": str(api.shop.products["gift"]), "lines": [{"price": price}], "buyer": OWN, "language": "en"}
    sold = await api.sold(body)
    return f"{(await sold.ticket())['number']} {spoken_pin(api.stage.carrier.inbox(BUYER)[-1])}"


async def redeem(api: Api, voucher: str) -> Any:
    return await api.post("/emoney/vouchers", {"issuer": "haneul", "handset": OTHERS, "voucher": voucher})


async def test_a_voucher_becomes_emoney_once(api: Api) -> None:
    voucher = await a_voucher(api)

    answer = await redeem(api, voucher)

    assert answer.status_code == 201
    assert (
        answer.json()["added"] == answer.json()["balance"] == {"amount": 50_000, "currency": "KRW", "text": "₩50,000"}
    )
    problem(await redeem(api, voucher), 409, "not-enough-value")


async def test_a_wrong_pin_finds_no_voucher_and_locks_its_number(api: Api) -> None:
    number, _, pin = (await a_voucher(api)).partition(" ")
    wrong = f"{number} {(int(pin) + 1) % 1_000_000:06}"

    for _ in range(5):
        problem(await redeem(api, wrong), 404, "not-found")

    problem(await redeem(api, f"{number} {pin}"), 423, "locked")


async def test_what_is_no_voucher_number_is_a_contradiction(api: Api) -> None:
    problem(await redeem(api, "https://tickets.example/t/x"), 422, "bad-line")


async def test_an_issuer_nobody_knows_has_no_vouchers(api: Api) -> None:
    body = {"issuer": "nobody", "handset": OWN, "voucher": "482910375-1 491027"}

    problem(await api.post("/emoney/vouchers", body), 404, "not-found")


async def test_a_ticket_is_no_voucher(api: Api) -> None:
    sold = await api.sold()
    pin = spoken_pin(api.stage.carrier.inbox(BUYER)[-1])

    problem(await redeem(api, f"{(await sold.ticket())['number']} {pin}"), 404, "not-found")


async def test_a_voucher_pays_a_booking_by_its_number_and_pin(api: Api) -> None:
    number, _, pin = (await a_voucher(api)).partition(" ")
    booked = await api.booked(api.wish(category="S"))

    answer = await pay_with(booked, kind="voucher", number=number, pin=pin)

    assert answer.json()["state"] == "paid"


# --- several together, and a bank that wants to see the buyer --------------------------------------------------------


async def pay_together(booked: Booked, *tenders: dict[str, Any], **more: Any) -> Any:
    body = {"tenders": list(tenders), **more}
    return await booked.api.post(f"/bookings/{booked.id}/payments", body, bearer=booked.link)


async def test_e_money_and_a_card_pay_one_booking_together(api: Api) -> None:
    pin = await topped_up(api, 10_000)
    booked = await api.booked()

    answer = await pay_together(
        booked,
        {"kind": "emoney", "handset": OWN, "pin": pin, "amount": 10_000},
        {"kind": "card", "token": "pm_card_visa"},
    )

    assert answer.json()["state"] == "paid"
    parts = {one["provider"]: (one["attempt"], one["amount"]["amount"]) for one in (await booked.look())["payments"]}
    assert parts == {"card": (1, 50_000), "emoney": (1, 10_000)}


async def test_parts_that_do_not_make_the_price_charge_nothing(api: Api) -> None:
    pin = await topped_up(api, 10_000)
    booked = await api.booked()
    card = {"kind": "card", "token": "pm_card_visa"}
    emoney = {"kind": "emoney", "handset": OWN, "pin": pin}

    for tenders in (
        [emoney, card],
        [emoney | {"amount": 60_000}, card],
        [emoney | {"amount": 1}, card | {"amount": 2}],
    ):
        problem(await pay_together(booked, *tenders), 422, "bad-line")

    assert (api.stage.card.taken(), (await booked.look())["state"]) == (0, "held")


@pytest.mark.parametrize(
    "body",
    [{}, {"tenders": []}, {"instrument": {"kind": "free"}, "tenders": [{"kind": "card", "token": "pm_card_visa"}]}],
    ids=["neither", "no tender", "both"],
)
async def test_either_one_instrument_or_several_tenders_are_named(api: Api, body: dict[str, Any]) -> None:
    booked = await api.booked()

    answer = await api.post(f"/bookings/{booked.id}/payments", body, bearer=booked.link)

    assert answer.status_code == 422
    assert "name either one instrument or several tenders" in answer.text


async def test_a_bank_that_wants_to_see_the_buyer_is_told_with_its_address_until_it_has(api: Api) -> None:
    booked = await api.booked()

    answer = await pay_together(
        booked, {"kind": "card", "token": "pm_challenged"}, return_url="https://shop.example/thanks"
    )

    (asked,) = api.stage.card.attempts.values()
    assert answer.json() == {"booking": booked.id, "state": "paying", "action_url": asked.page}
    assert asked.charge.return_url == "https://shop.example/thanks"
    (seen,) = (await booked.look())["payments"]
    assert (seen["state"], seen["action_url"]) == ("requires_action", asked.page)

    api.stage.card.answer_challenge(UUID(booked.id), passed=True)
    await resume(api.stage.world, UUID(booked.id))
    (seen,) = (await booked.look())["payments"]
    assert (seen["state"], seen["action_url"]) == ("captured", None)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "shop.example/thanks", "ftp://shop.example/"])
async def test_a_browser_comes_back_to_addresses_of_the_web_only(api: Api, address: str) -> None:
    answer = await pay_together(await api.booked(), {"kind": "card", "token": "pm_challenged"}, return_url=address)

    assert set(pointers(answer)) == {"/return_url"}
