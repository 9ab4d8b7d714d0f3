"""The Stripe adapter giving money back: once for each key, and never more said than the network says."""

from __future__ import annotations

from urllib.parse import parse_qsl

import httpx
import pytest
import respx
from stripe_kit import REFERENCE, REFUNDS, URL, WON, a_page, a_refund, an_error

from app.payments.stripe import Stripe
from app.ports import Decline, Refunded, RefundPending, Refused, Unknown

pytest_plugins = ["stripe_plugin"]

KEY = "refund-1"


async def refunding(stripe: Stripe) -> object:
    return await stripe.refund(reference=REFERENCE, amount=WON, key=KEY)


@respx.mock
async def test_a_refund_names_its_payment_its_amount_and_its_key(stripe: Stripe) -> None:
    asked = respx.get(REFUNDS).respond(200, json=a_page())
    made = respx.post(REFUNDS).respond(200, json=a_refund())

    assert await refunding(stripe) == Refunded("re_1")

    assert dict(asked.calls.last.request.url.params) == {"payment_intent": REFERENCE, "limit": "100"}
    request = made.calls.last.request
    fields = {"payment_intent": REFERENCE, "amount": "15000", "metadata[key]": KEY}
    assert dict(parse_qsl(request.content.decode())) == fields
    assert request.headers["idempotency-key"] == f"{KEY}-refund"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("succeeded", Refunded),
        ("pending", RefundPending),
        ("requires_action", RefundPending),
        ("failed", Refused),
        ("canceled", Refused),
        ("lost_in_the_post", Unknown),
    ],
)
@respx.mock
async def test_a_refund_stands_as_the_network_says_now_and_later(stripe: Stripe, status: str, kind: type) -> None:
    respx.get(REFUNDS).respond(200, json=a_page())
    respx.post(REFUNDS).respond(200, json=a_refund(status=status))
    respx.get(f"{REFUNDS}/re_1").respond(200, json=a_refund(status=status))

    now, later = await refunding(stripe), await stripe.lookup_refund(reference="re_1")

    assert isinstance(now, kind)
    assert later == now


@respx.mock
async def test_why_a_refund_failed_is_told(stripe: Stripe) -> None:
    failed = a_refund(status="failed", failure_reason="lost_or_stolen_card")
    respx.get(f"{REFUNDS}/re_1").respond(200, json=failed)

    assert await stripe.lookup_refund(reference="re_1") == Refused(
        Decline.DECLINED, "the refund is failed (lost_or_stolen_card); give the money back another way"
    )


@respx.mock
async def test_a_refund_that_was_made_with_this_key_before_is_found_and_no_other_is_made(stripe: Stripe) -> None:
    other = a_refund(id="re_other", metadata={"key": "refund-0"}, amount=1)
    bare = a_refund(id="re_bare", metadata=None)
    mine = a_refund(id="re_mine", metadata={"key": KEY}, status="pending")
    respx.get(REFUNDS).respond(200, json=a_page(other, bare, mine))

    assert await refunding(stripe) == RefundPending("re_mine")
    assert {call.request.method for call in respx.calls} == {"GET"}


@pytest.mark.parametrize("fault", [httpx.ReadTimeout("slow"), httpx.ReadError("cut"), httpx.Response(500)], ids=str)
@respx.mock
async def test_a_refund_whose_answer_was_lost_is_looked_for(stripe: Stripe, fault: httpx.Response | Exception) -> None:
    made = a_page(a_refund(metadata={"key": KEY}))
    respx.get(REFUNDS).mock(side_effect=[httpx.Response(200, json=a_page()), httpx.Response(200, json=made)])
    respx.post(REFUNDS).mock(side_effect=[fault] * 4)

    assert await refunding(stripe) == Refunded("re_1")


@pytest.mark.parametrize("fault", [httpx.ReadTimeout("slow"), httpx.Response(500)], ids=str)
@respx.mock
async def test_a_lost_refund_that_is_not_found_may_still_come_and_stays_unknown(
    stripe: Stripe, fault: httpx.Response | Exception
) -> None:
    respx.get(REFUNDS).respond(200, json=a_page())
    respx.post(REFUNDS).mock(side_effect=[fault] * 4)

    assert isinstance(await refunding(stripe), Unknown)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json=an_error()),
        httpx.Response(200, json=a_page(more=True)),
        httpx.Response(200, json={"object": "list"}),
        httpx.ReadTimeout("slow"),
    ],
    ids=["not our key", "more than we read", "unreadable", "no answer"],
)
@respx.mock
async def test_while_earlier_refunds_cannot_be_seen_none_is_made(
    stripe: Stripe, answer: httpx.Response | Exception
) -> None:
    respx.get(REFUNDS).mock(side_effect=[answer])

    assert isinstance(await refunding(stripe), Unknown)
    assert {call.request.method for call in respx.calls} == {"GET"}


@respx.mock
async def test_more_than_was_taken_is_refused_in_the_networks_words(stripe: Stripe) -> None:
    respx.get(REFUNDS).respond(200, json=a_page())
    respx.post(REFUNDS).respond(400, json=an_error(message="Refund amount is greater than charge amount."))

    assert await refunding(stripe) == Refused(Decline.INVALID, "Refund amount is greater than charge amount.")


@pytest.mark.parametrize(
    "changes", [{"amount": 1}, {"currency": "usd"}, {"payment_intent": "pi_2"}, {"amount": "15000"}], ids=str
)
@respx.mock
async def test_a_refund_of_something_else_is_unknown_whether_made_or_found(
    stripe: Stripe, changes: dict[str, object]
) -> None:
    found = respx.get(REFUNDS).respond(200, json=a_page())
    respx.post(REFUNDS).respond(200, json=a_refund(**changes))
    assert isinstance(await refunding(stripe), Unknown)

    found.respond(200, json=a_page(a_refund(**{"metadata": {"key": KEY}, **changes})))
    assert isinstance(await refunding(stripe), Unknown)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json=an_error(code="resource_missing")),
        httpx.Response(200, json=a_refund(id="re_2")),
        httpx.Response(200, text="<html>"),
        httpx.ReadTimeout("slow"),
    ],
    ids=["missing", "another", "unreadable", "no answer"],
)
@respx.mock
async def test_a_refund_that_cannot_be_asked_about_is_unknown(
    stripe: Stripe, answer: httpx.Response | Exception
) -> None:
    respx.get(f"{REFUNDS}/re_1").mock(side_effect=[answer])

    assert isinstance(await stripe.lookup_refund(reference="re_1"), Unknown)


@pytest.mark.parametrize("reference", ["", "pi_1", "re_1/cancel", "re_1?x=1"])
@respx.mock
async def test_what_is_no_refund_is_never_part_of_an_address(stripe: Stripe, reference: str) -> None:
    with pytest.raises(ValueError, match="reference like re_"):
        await stripe.lookup_refund(reference=reference)
    assert not respx.calls


@respx.mock
async def test_an_expanded_payment_is_read_by_its_id(stripe: Stripe) -> None:
    respx.get(f"{REFUNDS}/re_1").respond(200, json=a_refund(payment_intent={"id": REFERENCE}))

    assert await stripe.lookup_refund(reference="re_1") == Refunded("re_1")
    assert respx.calls.last.request.url == f"{URL}/v1/refunds/re_1"
