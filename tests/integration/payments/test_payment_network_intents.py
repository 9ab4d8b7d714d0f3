"""The sandbox network's payment intents and refunds, asked over HTTP as a shop would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from payment_network_kit import GOOD_CARD, PUBLISHABLE, Network, a_network


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    async with a_network(tmp_path) as running:
        yield running


# --- the life of an intent ------------------------------------------------------------------------------------------


async def test_money_is_reserved_first_and_taken_later(network: Network) -> None:
    intent_id = await network.an_intent()
    assert (await network.intent(intent_id))["status"] == "requires_confirmation"

    reserved = (await network.post(f"/v1/payment_intents/{intent_id}/confirm")).json()
    assert (reserved["status"], reserved["amount_capturable"], reserved["amount_received"]) == (
        "requires_capture",
        15_000,
        0,
    )

    taken = (await network.post(f"/v1/payment_intents/{intent_id}/capture")).json()
    assert (taken["status"], taken["amount_capturable"], taken["amount_received"]) == ("succeeded", 0, 15_000)
    assert taken["latest_charge"].startswith("ch_")


async def test_automatic_capture_takes_the_money_at_once(network: Network) -> None:
    paid = await network.intent(await network.a_paid_intent())

    assert (paid["status"], paid["amount_received"]) == ("succeeded", 15_000)


async def test_a_part_may_be_captured_and_never_more_than_was_reserved(network: Network) -> None:
    intent_id = await network.an_intent()
    await network.post(f"/v1/payment_intents/{intent_id}/confirm")

    too_much = await network.post(f"/v1/payment_intents/{intent_id}/capture", {"amount_to_capture": 15_001})
    assert (too_much.status_code, too_much.json()["error"]["param"]) == (400, "amount_to_capture")

    part = await network.post(f"/v1/payment_intents/{intent_id}/capture", {"amount_to_capture": 9_000})
    assert part.json()["amount_received"] == 9_000


async def test_a_cancelled_payment_releases_its_money_and_stays_cancelled(network: Network) -> None:
    intent_id = await network.an_intent()
    await network.post(f"/v1/payment_intents/{intent_id}/confirm")

    cancelled = (await network.post(f"/v1/payment_intents/{intent_id}/cancel")).json()
    assert (cancelled["status"], cancelled["amount_capturable"]) == ("canceled", 0)

    for operation in ("confirm", "capture", "cancel"):
        answer = await network.post(f"/v1/payment_intents/{intent_id}/{operation}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "payment_intent_unexpected_state")
        assert answer.json()["error"]["payment_intent"]["status"] == "canceled"


@pytest.mark.parametrize("operation", ["confirm", "capture", "cancel"])
async def test_what_was_taken_cannot_be_taken_or_cancelled_again(network: Network, operation: str) -> None:
    intent_id = await network.a_paid_intent()

    answer = await network.post(f"/v1/payment_intents/{intent_id}/{operation}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "payment_intent_unexpected_state")
    assert (await network.intent(intent_id))["amount_received"] == 15_000


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ],
)
async def test_a_refused_card_is_a_402_and_the_payment_waits_for_another(
    network: Network, token: str, code: str, decline_code: str
) -> None:
    intent_id = await network.an_intent(payment_method=token)

    refused = await network.post(f"/v1/payment_intents/{intent_id}/confirm")

    error = refused.json()["error"]
    assert refused.status_code == 402
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", code, decline_code)
    after = await network.intent(intent_id)
    assert (after["status"], after["payment_method"]) == ("requires_payment_method", None)
    assert after["last_payment_error"]["decline_code"] == decline_code

    paid = await network.post(f"/v1/payment_intents/{intent_id}/confirm", {"payment_method": "pm_card_visa"})
    assert (paid.json()["status"], paid.json()["last_payment_error"]) == ("requires_capture", None)


async def test_confirming_without_a_card_is_refused_in_words(network: Network) -> None:
    intent_id = await network.an_intent(payment_method="")

    answer = await network.post(f"/v1/payment_intents/{intent_id}/confirm")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "payment_intent_unexpected_state")


async def test_a_decline_at_creation_leaves_the_payment_behind(network: Network) -> None:
    answer = await network.post(
        "/v1/payment_intents",
        {"amount": 500, "currency": "usd", "payment_method": "pm_card_chargeDeclined", "confirm": "true"},
    )

    left = answer.json()["error"]["payment_intent"]
    assert answer.status_code == 402
    assert (await network.intent(left["id"]))["status"] == "requires_payment_method"


# --- cards ----------------------------------------------------------------------------------------------------------


async def test_a_typed_card_pays_and_its_number_is_not_in_the_answer(network: Network) -> None:
    made = await network.post("/v1/payment_methods", GOOD_CARD)

    assert made.json()["card"]["last4"] == "4242"
    assert "4242424242424242" not in made.text
    intent_id = await network.an_intent(payment_method=made.json()["id"], confirm="true")
    assert (await network.intent(intent_id))["status"] == "requires_capture"


async def test_a_page_with_the_publishable_key_can_make_a_token_and_nothing_else(network: Network) -> None:
    headers = {"Authorization": f"Bearer {PUBLISHABLE}"}

    assert (await network.http.post("/v1/payment_methods", data=GOOD_CARD, headers=headers)).status_code == 200
    for method, path in [
        ("POST", "/v1/payment_intents"),
        ("GET", "/v1/payment_intents"),
        ("POST", "/v1/refunds"),
        ("GET", "/v1/payment_intents/pi_1"),
        ("POST", "/v1/payment_intents/pi_1/confirm"),
        ("POST", "/v1/payment_intents/pi_1/capture"),
        ("POST", "/v1/payment_intents/pi_1/cancel"),
        ("GET", "/v1/refunds/re_1"),
    ]:
        assert (await network.http.request(method, path, headers=headers)).status_code == 403, path


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"card[number]": "4242424242424241"}, "incorrect_number", "card[number]"),
        ({"card[number]": "4111111111111111"}, "card_declined", "card[number]"),
        ({"card[exp_month]": "13"}, "invalid_expiry_month", "card[exp_month]"),
        ({"card[exp_year]": "2020"}, "invalid_expiry_year", "card[exp_year]"),
        ({"card[cvc]": "1"}, "invalid_cvc", "card[cvc]"),
    ],
)
async def test_a_wrong_card_is_a_card_error_beside_its_field(
    network: Network, wrong: dict[str, str], code: str, param: str
) -> None:
    answer = await network.post("/v1/payment_methods", GOOD_CARD | wrong)

    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"], error["param"]) == (402, "card_error", code, param)


async def test_a_card_that_expires_between_typing_and_paying_is_refused_as_expired(network: Network) -> None:
    made = await network.post("/v1/payment_methods", GOOD_CARD | {"card[exp_year]": "2026"})
    network.clock.pass_(timedelta(days=60))

    intent_id = await network.an_intent(payment_method=made.json()["id"])
    answer = await network.post(f"/v1/payment_intents/{intent_id}/confirm")

    assert answer.json()["error"]["decline_code"] == "expired_card"


# --- refunds --------------------------------------------------------------------------------------------------------


async def test_money_goes_back_in_parts_and_never_more_than_was_taken(network: Network) -> None:
    intent_id = await network.a_paid_intent()

    first = await network.post("/v1/refunds", {"payment_intent": intent_id, "amount": 9_000})
    assert (first.json()["status"], first.json()["amount"], first.json()["payment_intent"]) == (
        "succeeded",
        9_000,
        intent_id,
    )
    assert (await network.http.get(f"/v1/refunds/{first.json()['id']}")).json() == first.json()

    beyond = await network.post("/v1/refunds", {"payment_intent": intent_id, "amount": 6_001})
    assert (beyond.status_code, beyond.json()["error"]["param"]) == (400, "amount")

    rest = await network.post("/v1/refunds", {"payment_intent": intent_id})
    assert rest.json()["amount"] == 6_000

    again = await network.post("/v1/refunds", {"payment_intent": intent_id})
    assert (again.status_code, again.json()["error"]["code"]) == (400, "charge_already_refunded")


async def test_what_was_only_partly_taken_is_only_partly_refundable(network: Network) -> None:
    intent_id = await network.an_intent(confirm="true")
    await network.post(f"/v1/payment_intents/{intent_id}/capture", {"amount_to_capture": 5_000})

    assert (await network.post("/v1/refunds", {"payment_intent": intent_id, "amount": 5_001})).status_code == 400
    assert (await network.post("/v1/refunds", {"payment_intent": intent_id, "amount": 5_000})).status_code == 200


async def test_refunds_are_listed_newest_first_of_one_payment_or_of_all(network: Network) -> None:
    first, second = await network.a_paid_intent(), await network.a_paid_intent()
    for intent_id, amount in ((first, 1), (second, 2), (first, 3)):
        await network.post("/v1/refunds", {"payment_intent": intent_id, "amount": amount})

    async def amounts(**query: Any) -> list[int]:
        listed = (await network.http.get("/v1/refunds", params=query)).json()
        return [refund["amount"] for refund in listed["data"]]

    newest = (await network.http.get("/v1/refunds", params={"limit": 1})).json()
    assert newest["has_more"]
    assert await amounts() == [3, 2, 1]
    assert await amounts(payment_intent=first) == [3, 1]
    assert await amounts(starting_after=newest["data"][0]["id"]) == [2, 1]


async def test_a_reason_that_is_none_of_the_known_ones_gives_nothing_back(network: Network) -> None:
    intent_id = await network.a_paid_intent()

    answer = await network.post("/v1/refunds", {"payment_intent": intent_id, "reason": "whim"})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "reason")
    assert (await network.http.get("/v1/refunds")).json()["data"] == []


async def test_reserved_money_is_cancelled_and_not_refunded(network: Network) -> None:
    intent_id = await network.an_intent(confirm="true")

    assert (await network.post("/v1/refunds", {"payment_intent": intent_id})).status_code == 400


# --- lists and faults of the caller ---------------------------------------------------------------------------------


async def test_the_list_pages_through_every_intent_once_newest_first(network: Network) -> None:
    made = [await network.an_intent() for _ in range(5)]

    first = (await network.http.get("/v1/payment_intents", params={"limit": 3})).json()
    after = first["data"][-1]["id"]
    second = (await network.http.get("/v1/payment_intents", params={"limit": 3, "starting_after": after})).json()

    assert [intent["id"] for intent in first["data"] + second["data"]] == made[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=ten", "starting_after=pi_x", "colour=blue"])
async def test_a_wrong_list_is_refused(network: Network, query: str) -> None:
    answer = await network.http.get(f"/v1/payment_intents?{query}")

    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["param"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "100000000"}, "amount"),
        ({"amount": "15000.5"}, "amount"),
        ({"currency": "xxx"}, "currency"),
        ({"capture_method": "maybe"}, "capture_method"),
        ({"payment_method": "pm_unknown"}, "payment_method"),
        ({"payment_method": "", "confirm": "true"}, "payment_method"),
        ({"payment_method_types[]": "card"}, "payment_method_types[0]"),
    ],
)
async def test_a_wrong_parameter_is_named(network: Network, wrong: dict[str, str], param: str) -> None:
    fields = {"amount": "15000", "currency": "krw", "payment_method": "pm_card_visa"} | wrong

    answer = await network.post("/v1/payment_intents", fields)

    assert answer.status_code in {400, 404}
    assert (answer.json()["error"]["type"], answer.json()["error"]["param"]) == ("invalid_request_error", param)


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer sk_test_wrong_wrong_wrong", "Basic c2s6", "Bearer sk_テスト"]
)
async def test_without_the_right_key_nothing_is_answered(network: Network, authorization: str) -> None:
    headers = {b"Authorization": authorization.encode()}

    answer = await network.http.get("/v1/payment_intents", headers=headers)

    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")


@pytest.mark.parametrize("path", ["/v1/payment_intents/pi_no", "/v1/refunds/re_no", "/v1/customers", "/"])
async def test_what_is_not_there_is_a_404_in_the_same_shape(network: Network, path: str) -> None:
    answer = await network.http.get(path)

    assert answer.status_code == 404
    assert answer.json()["error"]["message"]


async def test_every_answer_names_its_request_and_its_version(network: Network) -> None:
    for path in ("/healthz", "/v1/payment_intents", "/nowhere"):
        answer = await network.http.get(path, headers={"Stripe-Version": "2026-10-28.endive"})

        assert answer.headers["request-id"].startswith("req_")
        assert answer.headers["stripe-version"] == "2026-10-28.endive"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"description=" + b"x" * 65_536, "application/x-www-form-urlencoded", 413),
        (b'{"amount": 1}', "application/json", 400),
        (b"amount=1&amount=2&currency=krw", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"k%d=1" % n for n in range(300)), "application/x-www-form-urlencoded", 400),
        (b"amount=%ff%fe&currency=krw", "application/x-www-form-urlencoded", 400),
        (b"amount=\xff&currency=krw", "application/x-www-form-urlencoded", 400),
    ],
    ids=["too large", "not a form", "given twice", "too many fields", "not UTF-8", "not ASCII"],
)
async def test_a_body_beyond_its_limits_is_refused(network: Network, body: bytes, kind: str, status: int) -> None:
    answer = await network.http.post("/v1/payment_intents", content=body, headers={"Content-Type": kind})

    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_a_body_of_exactly_the_limit_is_read(network: Network) -> None:
    start = b"amount=1&currency=krw&x="
    answer = await network.http.post(
        "/v1/payment_intents",
        content=start + b"y" * (65_536 - len(start)),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "parameter_unknown")


async def test_the_network_says_that_it_is_well(network: Network) -> None:
    answer = await network.http.get("/healthz", headers={"Authorization": ""})

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
