"""The Stripe adapter and answers that do not say what was asked: never a guess, always Unknown."""

from __future__ import annotations

import json

import httpx
import pytest
import respx
from stripe_kit import INTENT, INTENTS, REFERENCE, WON, a_charge, a_refund, an_error, an_intent

from app.payments.stripe import Stripe
from app.ports import Unknown

pytest_plugins = ["stripe_plugin"]


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
async def test_an_answer_that_does_not_say_what_was_asked_is_unknown(stripe: Stripe, answer: httpx.Response) -> None:
    with respx.mock(assert_all_called=False) as network:
        network.post(f"{INTENT}/confirm").mock(return_value=answer)
        network.get(INTENT).respond(200, json=an_intent("requires_confirmation"))

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
