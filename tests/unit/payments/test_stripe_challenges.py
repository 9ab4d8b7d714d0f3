"""The Stripe adapter and 3-D Secure: the buyer is sent to the bank where there is a way back, and refused elsewhere."""

from __future__ import annotations

from urllib.parse import parse_qsl

import httpx
import pytest
import respx
from stripe_kit import INTENT, INTENTS, REFERENCE, a_charge, a_stripe, an_intent

from app.payments.stripe import Stripe
from app.ports import ActionRequired, Authorized, Decline, Prepared, Refused, Unknown

pytest_plugins = ["stripe_plugin"]

BACK = "https://shop.test/bookings/1/paying"
BANK = "https://bank.test/3ds/abc"


def challenged(url: str | None = BANK) -> dict[str, object]:
    """An intent that waits for its buyer: at `url`, or in the network's own script."""
    if url is None:
        return an_intent("requires_action", next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {}})
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": BACK}}
    return an_intent("requires_action", next_action=action)


@respx.mock
async def test_the_buyer_is_sent_to_the_bank(stripe: Stripe) -> None:
    confirm = respx.post(f"{INTENT}/confirm").respond(200, json=challenged())

    outcome = await stripe.authorize(a_charge(return_url=BACK), reference=REFERENCE)

    assert outcome == ActionRequired(REFERENCE, BANK)
    assert dict(parse_qsl(confirm.calls.last.request.content.decode())) == {"return_url": BACK}


@pytest.mark.parametrize(("back", "redirects"), [(BACK, "always"), ("", "never")])
@respx.mock
async def test_pages_of_banks_are_allowed_only_where_there_is_a_way_back(
    stripe: Stripe, back: str, redirects: str
) -> None:
    create = respx.post(INTENTS).respond(200, json=an_intent("requires_confirmation"))

    assert await stripe.prepare(a_charge(return_url=back)) == Prepared(REFERENCE)

    sent = dict(parse_qsl(create.calls.last.request.content.decode()))
    assert sent["automatic_payment_methods[allow_redirects]"] == redirects
    assert "return_url" not in sent


@pytest.mark.parametrize(
    ("intent", "back"),
    [
        (challenged(None), BACK),
        (challenged(), ""),
        (challenged("javascript:alert(1)"), BACK),
        (challenged("https://bank.test/" + "x" * 2_000), BACK),
        (challenged("https://bank.test/a b"), BACK),
        (an_intent("requires_action"), BACK),
    ],
    ids=["script only", "no browser", "no web address", "too long", "a space in it", "nothing said"],
)
@respx.mock
async def test_a_challenge_that_leads_nowhere_is_refused_and_its_payment_cancelled(
    stripe: Stripe, intent: dict[str, object], back: str
) -> None:
    respx.post(f"{INTENT}/confirm").respond(200, json=intent)
    cancelled = respx.post(f"{INTENT}/cancel").respond(200, json=an_intent("canceled"))

    outcome = await stripe.authorize(a_charge(return_url=back), reference=REFERENCE)

    assert isinstance(outcome, Refused)
    assert "3-D Secure" in outcome.detail
    assert cancelled.called


@respx.mock
async def test_an_imitation_gets_no_return_address_and_its_challenge_is_refused(http: httpx.AsyncClient) -> None:
    confirm = respx.post(f"{INTENT}/confirm").respond(200, json=challenged())
    respx.post(f"{INTENT}/cancel").respond(200, json=an_intent("canceled"))

    outcome = await a_stripe(http, minimal_params=True).authorize(a_charge(return_url=BACK), reference=REFERENCE)

    assert isinstance(outcome, Refused)
    assert confirm.calls.last.request.content == b""


@respx.mock
async def test_a_challenge_that_leads_nowhere_stays_unknown_while_it_cannot_be_cancelled(stripe: Stripe) -> None:
    respx.post(f"{INTENT}/confirm").respond(200, json=challenged(None))
    respx.post(f"{INTENT}/cancel").mock(side_effect=httpx.ReadTimeout)
    respx.get(INTENT).respond(200, json=challenged(None))

    assert isinstance(await stripe.authorize(a_charge(), reference=REFERENCE), Unknown)


@respx.mock
async def test_asking_again_after_the_buyer_was_at_the_bank_tells_the_truth_and_not_the_replay(stripe: Stripe) -> None:
    respx.post(f"{INTENT}/confirm").respond(200, headers={"Idempotent-Replayed": "true"}, json=challenged())
    respx.get(INTENT).respond(200, json=an_intent("requires_capture"))

    assert await stripe.authorize(a_charge(return_url=BACK), reference=REFERENCE) == Authorized(REFERENCE)


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        (challenged(), ActionRequired(REFERENCE, BANK)),
        # Nobody can go there, so nothing is charged and nothing will be: the reconciler may cancel it.
        (challenged(None), Prepared(REFERENCE)),
        (
            an_intent(
                "requires_payment_method",
                last_payment_error={"code": "payment_intent_authentication_failure", "message": "Not you."},
            ),
            Refused(Decline.NOT_CONFIRMED, "Not you."),
        ),
    ],
    ids=["waiting", "waiting in vain", "refused at the bank"],
)
@respx.mock
async def test_a_lookup_tells_how_far_a_challenge_is(
    stripe: Stripe, intent: dict[str, object], expected: object
) -> None:
    respx.get(INTENT).respond(200, json=intent)

    assert await stripe.lookup(reference=REFERENCE, key="pay-1") == expected
