"""3-D Secure at the sandbox network: the bank asks the holder of the card, on a page without script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from payment_network_kit import SHOP, Network, a_network

BACK = f"{SHOP}/b/1?step=pay"
ASKS = "pm_card_authenticationRequired"
ASKS_THEN_EMPTY = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    async with a_network(tmp_path, merchant="한강 콘서트홀") as running:
        yield running


async def challenged(network: Network, card: str = ASKS, return_url: str = BACK, **fields: str) -> tuple[str, str]:
    """A payment that waits for its holder, and the path of the question."""
    intent_id = await network.an_intent(payment_method=card, **fields)
    answer = await network.post(f"/v1/payment_intents/{intent_id}/confirm", {"return_url": return_url})
    assert answer.status_code == 200, answer.text
    return intent_id, path_of(answer.json())


def path_of(intent: dict[str, Any]) -> str:
    action = intent["next_action"]
    if action["type"] == "use_stripe_sdk":
        return str(urlsplit(action["use_stripe_sdk"]["stripe_js"]).path)
    return str(urlsplit(action["redirect_to_url"]["url"]).path)


async def decided(network: Network, path: str, decision: str) -> httpx.Response:
    return await network.http.post(path, data={"decision": decision, "lang": "en"})


def brought_back(answer: httpx.Response) -> dict[str, str]:
    """What the shop finds in its address."""
    assert answer.status_code == 303, answer.text
    target = urlsplit(answer.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == f"{SHOP}/b/1"
    return {name: values[0] for name, values in parse_qs(target.query).items()}


@pytest.mark.parametrize("card", [ASKS, "pm_card_authenticationRequiredOnSetup", ASKS_THEN_EMPTY])
async def test_such_a_card_reserves_nothing_before_its_holder_was_asked(network: Network, card: str) -> None:
    intent_id, path = await challenged(network, card)

    intent = await network.intent(intent_id)
    assert (intent["status"], intent["amount_capturable"], intent["latest_charge"]) == ("requires_action", 0, None)
    assert intent["next_action"] == {
        "type": "redirect_to_url",
        "redirect_to_url": {"return_url": BACK, "url": f"http://network.test{path}"},
    }
    assert (await network.event_types())[-1] == "payment_intent.requires_action"


@pytest.mark.parametrize(("capture_method", "status"), [("manual", "requires_capture"), ("automatic", "succeeded")])
async def test_a_yes_brings_the_buyer_back_and_the_money_is_there(
    network: Network, capture_method: str, status: str
) -> None:
    intent_id, path = await challenged(network, capture_method=capture_method)

    found = brought_back(await decided(network, path, "approve"))

    intent = await network.intent(intent_id)
    assert found == {
        "step": "pay",
        "payment_intent": intent_id,
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": "succeeded",
    }
    assert (intent["status"], intent["next_action"]) == (status, None)
    assert intent["latest_charge"].startswith("ch_")


async def test_a_no_leaves_the_payment_waiting_for_another_card(network: Network) -> None:
    intent_id, path = await challenged(network)

    found = brought_back(await decided(network, path, "refuse"))

    intent = await network.intent(intent_id)
    assert found["redirect_status"] == "failed"
    assert (intent["status"], intent["next_action"], intent["payment_method"]) == (
        "requires_payment_method",
        None,
        None,
    )
    assert intent["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert (await network.event_types())[-1] == "payment_intent.payment_failed"
    again = await network.post(f"/v1/payment_intents/{intent_id}/confirm", {"payment_method": "pm_card_visa"})
    assert again.json()["status"] == "requires_capture"


async def test_a_yes_to_an_empty_card_is_declined_afterwards(network: Network) -> None:
    intent_id, path = await challenged(network, ASKS_THEN_EMPTY)

    found = brought_back(await decided(network, path, "approve"))

    intent = await network.intent(intent_id)
    assert found["redirect_status"] == "failed"
    assert intent["status"] == "requires_payment_method"
    assert intent["last_payment_error"]["decline_code"] == "insufficient_funds"


@pytest.mark.parametrize("first", ["approve", "refuse"])
@pytest.mark.parametrize("second", ["approve", "refuse"])
async def test_a_question_is_answered_once(network: Network, first: str, second: str) -> None:
    intent_id, path = await challenged(network)
    once = brought_back(await decided(network, path, first))
    before = await network.intent(intent_id)

    again = brought_back(await decided(network, path, second))

    assert again == once
    assert await network.intent(intent_id) == before
    shown = await network.http.get(path, headers={"Accept-Language": "en"})
    assert "<form" not in shown.text
    assert "Back to the shop" in shown.text


async def test_a_late_yes_to_a_payment_given_up_takes_nothing(network: Network) -> None:
    intent_id, path = await challenged(network)
    await network.post(f"/v1/payment_intents/{intent_id}/cancel")

    found = brought_back(await decided(network, path, "approve"))

    intent = await network.intent(intent_id)
    assert found["redirect_status"] == "failed"
    assert (intent["status"], intent["latest_charge"], intent["next_action"]) == ("canceled", None, None)


async def test_each_confirmation_asks_a_question_of_its_own(network: Network) -> None:
    intent_id, refused = await challenged(network)
    await decided(network, refused, "refuse")
    answer = await network.post(
        f"/v1/payment_intents/{intent_id}/confirm", {"payment_method": ASKS, "return_url": BACK}
    )
    fresh = path_of(answer.json())
    assert fresh != refused

    assert brought_back(await decided(network, refused, "approve"))["redirect_status"] == "failed"
    assert (await network.intent(intent_id))["status"] == "requires_action"
    assert brought_back(await decided(network, fresh, "approve"))["redirect_status"] == "succeeded"


async def test_a_payment_that_waits_for_its_holder_cannot_be_confirmed_again(network: Network) -> None:
    intent_id, _ = await challenged(network)

    again = await network.post(f"/v1/payment_intents/{intent_id}/confirm")

    assert again.status_code == 400
    assert again.json()["error"]["payment_intent"]["status"] == "requires_action"


@pytest.mark.parametrize("return_url", ["", "https://elsewhere.test/", "javascript:alert(1)"])
async def test_a_return_address_that_is_not_allowed_is_never_used(network: Network, return_url: str) -> None:
    intent_id, path = await challenged(network, return_url=return_url)
    assert (await network.intent(intent_id))["next_action"]["type"] == "use_stripe_sdk"

    answer = await decided(network, path, "approve")

    assert (answer.status_code, answer.headers.get("location")) == (200, None)
    assert "Close this window" in answer.text
    assert (await network.intent(intent_id))["status"] == "requires_capture"


async def test_the_return_address_may_be_given_when_the_payment_begins(network: Network) -> None:
    intent_id = await network.an_intent(payment_method=ASKS, return_url=BACK, confirm="true")

    action = (await network.intent(intent_id))["next_action"]

    assert action["redirect_to_url"]["return_url"] == BACK


async def test_the_question_is_asked_where_browsers_reach_the_network(tmp_path: Path) -> None:
    async with a_network(tmp_path, public_url="https://pay.example") as network:
        intent_id = await network.an_intent(payment_method=ASKS, return_url=BACK, confirm="true")

        action = (await network.intent(intent_id))["next_action"]

        assert action["redirect_to_url"]["url"].startswith("https://pay.example/3d-secure/payatt_")


async def test_the_page_says_whom_and_how_much_and_needs_no_script(network: Network) -> None:
    _, path = await challenged(network, description="<b>2 seats</b>")

    korean = await network.http.get(path, headers={"Accept-Language": "ko-KR"})
    english = await network.http.get(f"{path}?lang=en", headers={"Accept-Language": "ko-KR"})

    assert "15,000원" in korean.text
    assert "본인 결제 확인" in korean.text
    assert "₩15,000" in english.text
    for page in (korean, english):
        assert page.status_code == 200
        assert "한강 콘서트홀" in page.text
        assert "&lt;b&gt;2 seats" in page.text
        assert "<script" not in page.text
        assert page.text.count("<button") == 2
        assert f"form-action 'self' {SHOP}" in page.headers["content-security-policy"]


async def test_looking_at_the_question_decides_nothing(network: Network) -> None:
    intent_id, path = await challenged(network)

    await network.http.get(path)
    await network.http.head(path)

    assert (await network.intent(intent_id))["status"] == "requires_action"


@pytest.mark.parametrize("decision", ["", "maybe"])
async def test_a_word_that_is_neither_yes_nor_no_decides_nothing(network: Network, decision: str) -> None:
    intent_id, path = await challenged(network)

    answer = await decided(network, path, decision)

    assert answer.status_code == 400
    assert (await network.intent(intent_id))["status"] == "requires_action"


async def test_a_question_that_was_never_asked_is_said_so_in_words(network: Network) -> None:
    shown = await network.http.get("/3d-secure/payatt_3ds_unknown", headers={"Accept-Language": "en"})
    posted = await decided(network, "/3d-secure/payatt_3ds_unknown", "approve")

    assert (shown.status_code, posted.status_code) == (404, 404)
    assert "start the payment again" in shown.text
