"""The Stripe adapter and disputes: how one stands, whether its money left us, and evidence that is handed in once."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import httpx
import pytest
import respx
from stripe_kit import REFERENCE, URL, WON, an_error

from app.domain.dispute import DisputeState
from app.payments.stripe import Stripe
from app.ports import Decline, DisputeStanding, Refused, Unknown

pytest_plugins = ["stripe_plugin"]

DISPUTE = f"{URL}/v1/disputes/dp_1"
EVIDENCE = {"access_activity_log": "Admitted at gate 3, 18:02.", "service_date": "2026-11-22"}


def a_dispute(**changes: object) -> dict[str, object]:
    return {
        "object": "dispute",
        "id": "dp_1",
        "amount": 15_000,
        "currency": "krw",
        "charge": "ch_1",
        "payment_intent": REFERENCE,
        "reason": "product_not_received",
        "status": "needs_response",
        "evidence_details": {"due_by": 1_795_000_000, "has_evidence": False, "submission_count": 0},
        "balance_transactions": [{"amount": -15_000, "fee": 1_500, "net": -16_500}],
    } | changes


def standing(state: DisputeState, *, withdrawn: bool = True, given_back: bool = False) -> DisputeStanding:
    due_by = datetime.fromtimestamp(1_795_000_000, UTC)
    return DisputeStanding("dp_1", REFERENCE, WON, "product_not_received", state, due_by, withdrawn, given_back)


async def defending(stripe: Stripe) -> object:
    return await stripe.defend(reference="dp_1", evidence=EVIDENCE, key="dispute-1")


# --- how it stands --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("needs_response", DisputeState.OPEN),
        ("warning_needs_response", DisputeState.OPEN),
        ("under_review", DisputeState.UNDER_REVIEW),
        ("warning_under_review", DisputeState.UNDER_REVIEW),
        ("won", DisputeState.WON),
        ("warning_closed", DisputeState.WON),
        ("lost", DisputeState.LOST),
    ],
)
@respx.mock
async def test_a_dispute_stands_as_the_network_says(stripe: Stripe, status: str, state: DisputeState) -> None:
    respx.get(DISPUTE).respond(200, json=a_dispute(status=status))

    assert await stripe.dispute(reference="dp_1") == standing(state)


@pytest.mark.parametrize(
    ("flows", "withdrawn", "given_back"),
    [
        ([], False, False),
        ([-15_000], True, False),
        ([-15_000, 15_000], False, True),
        ([15_000, -15_000, -15_000], True, False),
    ],
    ids=["an inquiry", "taken", "given back", "taken again"],
)
@respx.mock
async def test_the_money_is_gone_while_more_was_taken_than_given_back(
    stripe: Stripe, flows: list[int], *, withdrawn: bool, given_back: bool
) -> None:
    respx.get(DISPUTE).respond(200, json=a_dispute(balance_transactions=[{"amount": one} for one in flows]))

    expected = standing(DisputeState.OPEN, withdrawn=withdrawn, given_back=given_back)
    assert await stripe.dispute(reference="dp_1") == expected


@pytest.mark.parametrize(
    ("flows", "state"),
    [([], DisputeState.WON), ([{"amount": -15_000}], DisputeState.LOST)],
    ids=["nothing was taken", "the money was given back"],
)
@respx.mock
async def test_a_prevented_dispute_is_lost_where_its_money_is_gone(
    stripe: Stripe, flows: list[object], state: DisputeState
) -> None:
    respx.get(DISPUTE).respond(200, json=a_dispute(status="prevented", balance_transactions=flows))

    assert await stripe.dispute(reference="dp_1") == standing(state, withdrawn=state is DisputeState.LOST)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json=an_error(code="resource_missing")),
        httpx.Response(200, json=a_dispute(id="dp_2")),
        httpx.Response(200, json=a_dispute(payment_intent=None)),
        httpx.Response(200, json=a_dispute(status="half_won")),
        httpx.Response(200, json=a_dispute(amount="15000")),
        httpx.Response(200, json=a_dispute(currency="xau")),
        httpx.Response(200, json=a_dispute(evidence_details={"due_by": 10**18})),
        httpx.Response(200, text="<html>"),
        httpx.ReadTimeout("slow"),
    ],
    ids=[
        "missing",
        "another",
        "no payment",
        "no such status",
        "a text",
        "no money of ours",
        "no such time",
        "unreadable",
        "no answer",
    ],
)
@respx.mock
async def test_a_dispute_that_cannot_be_read_is_unknown(stripe: Stripe, answer: httpx.Response | Exception) -> None:
    respx.get(DISPUTE).mock(side_effect=[answer])

    assert isinstance(await stripe.dispute(reference="dp_1"), Unknown)


@respx.mock
async def test_a_dispute_without_a_term_has_none(stripe: Stripe) -> None:
    respx.get(DISPUTE).respond(200, json=a_dispute(evidence_details={"due_by": None}))

    found = await stripe.dispute(reference="dp_1")

    assert isinstance(found, DisputeStanding)
    assert found.due_by is None


@pytest.mark.parametrize("reference", ["", "ch_1", "dp_1/close", "dp_1?x=1"])
@respx.mock
async def test_what_is_no_dispute_is_never_part_of_an_address(stripe: Stripe, reference: str) -> None:
    with pytest.raises(ValueError, match="reference like dp_"):
        await stripe.dispute(reference=reference)
    with pytest.raises(ValueError, match="reference like dp_"):
        await stripe.defend(reference=reference, evidence=EVIDENCE, key="dispute-1")
    assert not respx.calls


# --- what speaks for us ---------------------------------------------------------------------------------------------


@respx.mock
async def test_evidence_is_handed_in_for_good(stripe: Stripe) -> None:
    route = respx.post(DISPUTE).respond(200, json=a_dispute(status="under_review"))

    assert await defending(stripe) == standing(DisputeState.UNDER_REVIEW)

    request = route.calls.last.request
    assert dict(parse_qsl(request.content.decode())) == {
        "evidence[access_activity_log]": "Admitted at gate 3, 18:02.",
        "evidence[service_date]": "2026-11-22",
        "submit": "true",
    }
    assert request.headers["idempotency-key"] == "dispute-1-evidence"


@respx.mock
@pytest.mark.parametrize(
    ("evidence", "letters"),
    [
        ({"access_activity_log": "x" * 20_001}, [20_000]),
        ({"access_activity_log": "좌" * 20_001}, [5_333]),
        ({"access_activity_log": "좌" * 20_000, "service_date": "2026-11-22"}, [5_332, 10]),
        ({f"text_{one}": "x" * 20_000 for one in range(8)}, [6_000] * 8),
        ({"access_activity_log": "x" * 20_000, "uncategorized_text": "좌" * 3_000}, [20_000, 3_000]),
    ],
    ids=["a long text", "Korean", "beside a short one", "many", "all of what fits"],
)
@respx.mock
async def test_what_is_longer_than_the_network_takes_is_cut_and_handed_in_all_the_same(
    stripe: Stripe, evidence: dict[str, str], letters: list[int]
) -> None:
    route = respx.post(DISPUTE).respond(200, json=a_dispute(status="under_review"))

    outcome = await stripe.defend(reference="dp_1", evidence=evidence, key="dispute-1")

    assert outcome == standing(DisputeState.UNDER_REVIEW)
    body = route.calls.last.request.content
    sent = dict(parse_qsl(body.decode()))
    assert [len(sent[f"evidence[{name}]"]) for name in evidence] == letters
    assert all(text.startswith(sent[f"evidence[{name}]"]) for name, text in evidence.items())
    assert len(body) < 50_000, "the network's webhooks hold it too"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("slow"),
        httpx.Response(400, json=an_error(message="This evidence was submitted already.")),
        httpx.Response(500, headers={"Idempotent-Replayed": "true"}, json={}),
        httpx.Response(200, headers={"Idempotent-Replayed": "true"}, json=a_dispute(status="under_review")),
    ],
    ids=["no answer", "turned down", "broken", "a replay"],
)
@respx.mock
async def test_what_an_earlier_try_handed_in_counts(stripe: Stripe, answer: httpx.Response | Exception) -> None:
    respx.post(DISPUTE).mock(side_effect=[answer])
    respx.get(DISPUTE).respond(200, json=a_dispute(status="lost"))

    assert await defending(stripe) == standing(DisputeState.LOST)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.ReadTimeout("slow"), Unknown),
        (httpx.Response(500, headers={"Idempotent-Replayed": "true"}, json={}), Unknown),
        (httpx.Response(200, headers={"Idempotent-Replayed": "true"}, json=a_dispute()), Unknown),
        (httpx.Response(400, json=an_error(message="Invalid evidence.")), Refused),
    ],
    ids=["no answer", "broken", "a replay", "turned down"],
)
@respx.mock
async def test_without_any_effect_the_answer_itself_counts(
    stripe: Stripe, answer: httpx.Response | Exception, kind: type
) -> None:
    respx.post(DISPUTE).mock(side_effect=[answer])
    respx.get(DISPUTE).respond(200, json=a_dispute())

    assert isinstance(await defending(stripe), kind)


@respx.mock
async def test_while_the_dispute_cannot_be_asked_about_nothing_is_guessed(stripe: Stripe) -> None:
    respx.post(DISPUTE).respond(400, json=an_error())
    respx.get(DISPUTE).mock(side_effect=httpx.ReadTimeout)

    assert isinstance(await defending(stripe), Unknown)


@pytest.mark.parametrize(
    "evidence",
    [{}, {"service_date": ""}],
    ids=["none", "empty"],
)
@respx.mock
async def test_evidence_that_the_network_would_turn_down_is_not_sent(stripe: Stripe, evidence: dict[str, str]) -> None:
    outcome = await stripe.defend(reference="dp_1", evidence=evidence, key="dispute-1")

    assert isinstance(outcome, Refused)
    assert outcome.reason is Decline.INVALID
    assert not respx.calls


@pytest.mark.parametrize("name", ["", "submit]", "Service Date", "a[b"])
@respx.mock
async def test_a_name_that_is_no_field_is_a_bug(stripe: Stripe, name: str) -> None:
    with pytest.raises(ValueError, match="field names"):
        await stripe.defend(reference="dp_1", evidence={name: "text"}, key="dispute-1")
    assert not respx.calls
