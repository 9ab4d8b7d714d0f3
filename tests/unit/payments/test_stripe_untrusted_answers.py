"""The Stripe adapter and answers that do not say what was asked: never a guess, always Unknown."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import respx
from pydantic import SecretStr
from stripe_kit import INTENT, INTENTS, REFERENCE, SECRET, URL, WON, a_charge, a_refund, an_error, an_intent, no_sleep

from app.payments.stripe import Stripe, StripeSettings
from app.ports import Refunded, Refused, Unknown


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
def stripe(http: httpx.AsyncClient) -> Stripe:
    return Stripe(http, StripeSettings(URL, SecretStr(SECRET)), chance=lambda: 0.5, sleep=no_sleep)


UNTRUSTED = {
    "no JSON": httpx.Response(200, text="<html>ok</html>"),
    "half of it": httpx.Response(200, text='{"object": "payment_intent", "id": "pi_1"'),
    "another object": httpx.Response(200, json=a_refund()),
    "another amount": httpx.Response(200, json=an_intent("requires_capture", amount=1_500)),
    "another currency": httpx.Response(200, json=an_intent("requires_capture", currency="usd")),
    "another payment": httpx.Response(200, json=an_intent("requires_capture", id="pi_2")),
    "another attempt": httpx.Response(200, json=an_intent("requires_capture", metadata={"key": "pay-2"})),
    "less reserved": httpx.Response(200, json=an_intent("requires_capture", amount_capturable=100)),
    "a float": httpx.Response(200, json=an_intent("requires_capture", amount=15_000.5)),
    "a text": httpx.Response(200, json=an_intent("requires_capture", amount="15000")),
    "an unknown status": httpx.Response(200, json=an_intent("half_paid")),
    "still processing": httpx.Response(200, json=an_intent("processing")),
    "a redirect": httpx.Response(302, headers={"location": "https://elsewhere.test"}),
    "too large": httpx.Response(200, text=json.dumps(an_intent("requires_capture")) + " " * 300_000),
    "wrongly compressed": httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no")),
    "not our key": httpx.Response(401, json=an_error()),
    "forbidden": httpx.Response(403, json=an_error()),
}


@pytest.mark.parametrize("answer", UNTRUSTED.values(), ids=UNTRUSTED.keys())
@respx.mock
async def test_an_answer_that_does_not_say_what_was_asked_is_unknown(stripe: Stripe, answer: httpx.Response) -> None:
    respx.post(f"{INTENT}/confirm").mock(return_value=answer)

    outcome = await stripe.authorize(a_charge(), reference=REFERENCE)

    assert isinstance(outcome, Unknown)
    assert outcome.why


@respx.mock
async def test_a_new_payment_that_is_already_charged_is_unknown(stripe: Stripe) -> None:
    respx.post(INTENTS).respond(200, json=an_intent("requires_capture"))

    assert isinstance(await stripe.prepare(a_charge()), Unknown)


@respx.mock
async def test_capturing_another_amount_than_asked_is_unknown(stripe: Stripe) -> None:
    respx.post(f"{INTENT}/capture").respond(200, json=an_intent("succeeded", amount_received=14_000))

    assert isinstance(await stripe.capture(reference=REFERENCE, amount=WON, key="pay-1"), Unknown)


@pytest.mark.parametrize(
    "changes", [{"amount": 1}, {"currency": "usd"}, {"payment_intent": "pi_2"}, {"amount": "15000"}]
)
@respx.mock
async def test_a_refund_of_something_else_is_unknown(stripe: Stripe, changes: dict[str, object]) -> None:
    respx.post(f"{URL}/v1/refunds").respond(200, json=a_refund(**changes))

    assert isinstance(await stripe.refund(reference=REFERENCE, amount=WON, key="pay-1"), Unknown)


@respx.mock
async def test_a_pending_refund_counts_and_a_failed_one_does_not(stripe: Stripe) -> None:
    respx.post(f"{URL}/v1/refunds").mock(
        side_effect=[
            httpx.Response(200, json=a_refund(status="pending")),
            httpx.Response(200, json=a_refund(status="failed")),
        ]
    )

    assert isinstance(await stripe.refund(reference=REFERENCE, amount=WON, key="r-1"), Refunded)
    assert isinstance(await stripe.refund(reference=REFERENCE, amount=WON, key="r-2"), Refused)
