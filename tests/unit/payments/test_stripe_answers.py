"""The Stripe adapter: every class of answer the network can give, and what the sale makes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest
import respx
from pydantic import SecretStr
from stripe_kit import (
    INTENT,
    INTENTS,
    REFERENCE,
    REFUNDS,
    SECRET,
    TOKEN,
    URL,
    WON,
    a_charge,
    a_page,
    a_refund,
    a_stripe,
    an_error,
    an_intent,
)

from app.domain.handset import Handset
from app.payments.stripe import Stripe, StripeSettings
from app.ports import (
    Authorized,
    Captured,
    CardToken,
    Decline,
    Instrument,
    PaymentProvider,
    Prepaid,
    Prepared,
    Refunded,
    Refused,
    Teller,
    Unknown,
    Voided,
)

pytest_plugins = ["stripe_plugin"]


def sent(route: respx.Route) -> dict[str, str]:
    return dict(parse_qsl(route.calls.last.request.content.decode()))


# --- what is sent ---------------------------------------------------------------------------------------------------


def test_the_adapter_takes_money_and_tells_of_it(stripe: Stripe) -> None:
    provider: PaymentProvider = stripe
    assert isinstance(provider, Teller)


@respx.mock
async def test_an_attempt_is_created_unconfirmed_with_its_booking_and_a_key_of_its_own(stripe: Stripe) -> None:
    route = respx.post(INTENTS).respond(200, json=an_intent("requires_confirmation"))

    assert await stripe.prepare(a_charge()) == Prepared(REFERENCE)

    assert sent(route) == {
        "amount": "15000",
        "currency": "krw",
        "payment_method": TOKEN,
        "capture_method": "manual",
        "metadata[booking]": str(UUID(int=2)),
        "metadata[issuer]": str(UUID(int=1)),
        "metadata[key]": "pay-1",
        "description": f"booking {UUID(int=2)}",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
    }
    headers = route.calls.last.request.headers
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["idempotency-key"] == "pay-1-create"
    assert headers["stripe-version"] == "2026-10-28.endive"


@respx.mock
async def test_an_imitation_gets_only_the_parameters_that_all_understand(http: httpx.AsyncClient) -> None:
    route = respx.post(INTENTS).respond(200, json=an_intent("requires_confirmation"))

    await a_stripe(http, minimal_params=True).prepare(a_charge(return_url="https://shop.test/back"))

    assert {name.partition("[")[0] for name in sent(route)} == {
        "amount",
        "currency",
        "payment_method",
        "capture_method",
        "metadata",
    }


@respx.mock
async def test_each_operation_has_a_key_of_its_own(stripe: Stripe) -> None:
    respx.post(f"{INTENT}/confirm").respond(200, json=an_intent("requires_capture"))
    respx.post(f"{INTENT}/capture").respond(200, json=an_intent("succeeded"))
    respx.post(f"{INTENT}/cancel").respond(200, json=an_intent("canceled"))
    respx.get(REFUNDS).respond(200, json=a_page())
    respx.post(REFUNDS).respond(200, json=a_refund())

    assert await stripe.authorize(a_charge(), reference=REFERENCE) == Authorized(REFERENCE)
    assert await stripe.capture(reference=REFERENCE, amount=WON, key="pay-1") == Captured(REFERENCE)
    assert await stripe.void(reference=REFERENCE, key="pay-1") == Voided(REFERENCE)
    assert await stripe.refund(reference=REFERENCE, amount=WON, key="pay-1") == Refunded("re_1")

    keys = [call.request.headers["idempotency-key"] for call in respx.calls if call.request.method == "POST"]
    assert keys == ["pay-1-confirm", "pay-1-capture", "pay-1-cancel", "pay-1-refund"]


@respx.mock
async def test_neither_the_key_nor_the_card_is_logged_or_printed(
    stripe: Stripe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    respx.post(INTENTS).respond(402, json=an_error(type="card_error", code="card_declined"))

    outcome = await stripe.prepare(a_charge())

    said = caplog.text + repr(outcome) + repr(stripe) + repr(StripeSettings(URL, SecretStr(SECRET)))
    assert SECRET not in said
    assert TOKEN not in said


# --- what never leaves ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "instrument",
    [CardToken("pi_1"), CardToken("pm_1/../../refunds"), CardToken(""), Prepaid(Handset("+821012345678"), "1234")],
    ids=["not a card", "a path", "empty", "e-money"],
)
@respx.mock
async def test_what_is_no_card_token_is_refused_without_asking_the_network(
    stripe: Stripe, instrument: Instrument
) -> None:
    outcome = await stripe.prepare(a_charge(instrument))

    assert outcome == Refused(Decline.INVALID, "this is not a card token; enter the card again")
    assert not respx.calls


@pytest.mark.parametrize("reference", [None, "", "pm_1", "pi_1/capture", "pi_1?x=1"])
@respx.mock
async def test_a_reference_that_is_none_of_ours_is_a_bug_and_never_part_of_an_address(
    stripe: Stripe, reference: str | None
) -> None:
    with pytest.raises(ValueError, match="reference like pi_"):
        await stripe.authorize(a_charge(), reference=reference)
    assert not respx.calls


async def test_an_attempt_whose_id_was_never_kept_cannot_be_looked_up(stripe: Stripe) -> None:
    outcome = await stripe.lookup(reference=None, key="pay-1")

    assert isinstance(outcome, Unknown)
    assert "prepare it again" in outcome.why


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"type": "card_error", "code": "card_declined", "decline_code": "generic_decline"}, Decline.DECLINED),
        ({"type": "card_error", "code": "card_declined", "decline_code": "stolen_card"}, Decline.DECLINED),
        (
            {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"},
            Decline.INSUFFICIENT_FUNDS,
        ),
        ({"type": "card_error", "code": "expired_card", "decline_code": "expired_card"}, Decline.EXPIRED),
        ({"type": "card_error", "code": "incorrect_cvc"}, Decline.INVALID),
        # An imitation that has no card_error: the status says enough.
        ({"type": "invalid_request_error", "code": "card_declined"}, Decline.DECLINED),
        ({}, Decline.DECLINED),
    ],
)
@respx.mock
async def test_a_402_is_a_refusal_with_the_reason_of_its_codes(
    stripe: Stripe, error: dict[str, Any], reason: Decline
) -> None:
    respx.post(f"{INTENT}/confirm").respond(402, json={"error": error | {"message": "Your card was declined."}})

    outcome = await stripe.authorize(a_charge(), reference=REFERENCE)

    assert outcome == Refused(reason, "Your card was declined.")


@respx.mock
async def test_an_unreadable_402_is_still_a_refusal(stripe: Stripe) -> None:
    respx.post(f"{INTENT}/confirm").respond(402, text="<html>")

    outcome = await stripe.authorize(a_charge(), reference=REFERENCE)

    assert outcome == Refused(Decline.DECLINED, "the card was refused; use another one")


@respx.mock
async def test_a_token_the_network_does_not_know_is_refused_in_its_words(stripe: Stripe) -> None:
    respx.post(INTENTS).respond(404, json=an_error(code="resource_missing", message="No such payment_method"))

    assert await stripe.prepare(a_charge()) == Refused(Decline.INVALID, "No such payment_method")


# --- where the answer does not tell, the network is asked -----------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 500])
@respx.mock
async def test_what_an_earlier_try_has_done_counts_though_this_one_was_turned_down(stripe: Stripe, status: int) -> None:
    for operation in ("confirm", "capture", "cancel"):
        respx.post(f"{INTENT}/{operation}").respond(status, json=an_error())
    truth = respx.get(INTENT)

    truth.respond(200, json=an_intent("requires_capture"))
    assert await stripe.authorize(a_charge(), reference=REFERENCE) == Authorized(REFERENCE)
    truth.respond(200, json=an_intent("succeeded"))
    assert await stripe.capture(reference=REFERENCE, amount=WON, key="pay-1") == Captured(REFERENCE)
    truth.respond(200, json=an_intent("canceled"))
    assert await stripe.void(reference=REFERENCE, key="pay-1") == Voided(REFERENCE)


@pytest.mark.parametrize(("status", "kind"), [(400, Refused), (500, Unknown)])
@respx.mock
async def test_without_any_effect_a_400_is_a_refusal_and_a_500_stays_unknown(
    stripe: Stripe, status: int, kind: type
) -> None:
    respx.post(f"{INTENT}/confirm").respond(status, json=an_error())
    respx.get(INTENT).respond(200, json=an_intent("requires_confirmation"))

    assert isinstance(await stripe.authorize(a_charge(), reference=REFERENCE), kind)


@pytest.mark.parametrize("status", [400, 500])
@respx.mock
async def test_while_the_truth_cannot_be_asked_nothing_is_guessed(stripe: Stripe, status: int) -> None:
    respx.post(f"{INTENT}/confirm").respond(status, json=an_error())
    respx.get(INTENT).mock(side_effect=httpx.ReadTimeout)

    assert isinstance(await stripe.authorize(a_charge(), reference=REFERENCE), Unknown)


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (lambda stripe: stripe.void(reference=REFERENCE, key="pay-1"), "succeeded"),
        (lambda stripe: stripe.capture(reference=REFERENCE, amount=WON, key="pay-1"), "canceled"),
        (lambda stripe: stripe.authorize(a_charge(), reference=REFERENCE), "canceled"),
    ],
    ids=["void what was taken", "capture what was cancelled", "authorize what was cancelled"],
)
@respx.mock
async def test_what_can_no_longer_be_done_is_refused(stripe: Stripe, ask: Callable[[Stripe], Any], status: str) -> None:
    respx.post(url__startswith=f"{INTENT}/").respond(400, json=an_error(code="payment_intent_unexpected_state"))
    respx.get(INTENT).respond(200, json=an_intent(status))

    outcome = await ask(stripe)

    assert isinstance(outcome, Refused)
    assert outcome.detail


# --- looking up -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        (an_intent("requires_confirmation"), Prepared(REFERENCE)),
        (an_intent("requires_capture"), Authorized(REFERENCE)),
        (an_intent("succeeded"), Captured(REFERENCE)),
        (an_intent("canceled"), Voided(REFERENCE)),
        (
            an_intent("requires_payment_method", last_payment_error={"code": "expired_card", "message": "Expired."}),
            Refused(Decline.EXPIRED, "Expired."),
        ),
        (
            an_intent("requires_payment_method"),
            Refused(Decline.DECLINED, "the card was refused; use another one"),
        ),
        (an_intent("processing"), Unknown("the payment is processing")),
        (
            an_intent("succeeded", id="pi_2"),
            Unknown("the network answered with another payment than the one asked for"),
        ),
    ],
)
@respx.mock
async def test_a_lookup_says_what_became_of_the_attempt_and_changes_nothing(
    stripe: Stripe, intent: dict[str, object], expected: object
) -> None:
    respx.get(INTENT).respond(200, json=intent)

    assert await stripe.lookup(reference=REFERENCE, key="pay-1") == expected
    assert [call.request.method for call in respx.calls] == ["GET"]


@respx.mock
async def test_a_replay_tells_the_past_so_the_network_is_asked_what_is_true_now(stripe: Stripe) -> None:
    respx.post(f"{INTENT}/confirm").respond(
        200, headers={"Idempotent-Replayed": "true"}, json=an_intent("requires_capture")
    )
    truth = respx.get(INTENT)

    truth.respond(200, json=an_intent("canceled"))
    assert isinstance(await stripe.authorize(a_charge(), reference=REFERENCE), Refused)
    truth.respond(200, json=an_intent("succeeded"))
    assert await stripe.authorize(a_charge(), reference=REFERENCE) == Captured(REFERENCE)


@respx.mock
async def test_a_key_that_was_spent_on_another_request_is_a_bug_and_no_refusal(stripe: Stripe) -> None:
    respx.post(INTENTS).respond(400, json=an_error(type="idempotency_error"))

    assert await stripe.prepare(a_charge()) == Unknown("the network answered 400 idempotency_error")


@respx.mock
async def test_a_lookup_that_finds_nothing_is_no_proof_that_nothing_was_charged(stripe: Stripe) -> None:
    respx.get(INTENT).respond(404, json=an_error(code="resource_missing"))

    assert isinstance(await stripe.lookup(reference=REFERENCE, key="pay-1"), Unknown)
