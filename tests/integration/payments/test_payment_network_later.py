"""What takes a while at the sandbox network: refunds that settle or fail later, disputes, and the money of both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from payment_network_kit import Network, a_network

DAY = 24 * 60 * 60


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    async with a_network(
        tmp_path, later_seconds=60, fee_basis_points=290, fee_fixed_minor_units=30, dispute_fee_minor_units=1_500
    ) as running:
        yield running


async def paid(network: Network, card: str = "pm_card_visa", amount: int = 15_000) -> str:
    return await network.an_intent(payment_method=card, amount=amount, capture_method="automatic", confirm="true")


async def refunded(network: Network, intent_id: str, **fields: Any) -> dict[str, Any]:
    answer = await network.post("/v1/refunds", {"payment_intent": intent_id} | fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def balance(network: Network) -> int:
    """What the network owes the shop: the sum of every net."""
    return sum(movement["net"] for movement in await network.listed("/v1/balance_transactions?limit=100"))


FEE = 435 + 30
"""2.9 % of 15,000 and 30."""


# --- refunds --------------------------------------------------------------------------------------------------------


async def test_a_refund_is_settled_at_once_with_most_cards(network: Network) -> None:
    intent_id = await paid(network)

    refund = await refunded(network, intent_id, amount=5_000)

    assert (refund["status"], refund["charge"]) == ("succeeded", (await network.intent(intent_id))["latest_charge"])
    assert (await network.event_types())[-2:] == ["refund.created", "charge.refunded"]
    told = (await network.listed("/v1/events?type=charge.refunded"))[0]["data"]["object"]
    assert (told["object"], told["amount_captured"], told["amount_refunded"], told["refunded"]) == (
        *("charge", 15_000, 5_000),
        False,
    )
    assert await network.get(f"/v1/charges/{told['id']}") == told


async def test_a_refund_may_be_pending_and_succeed_later(network: Network) -> None:
    intent_id = await paid(network, "pm_card_pendingRefund")

    refund = await refunded(network, intent_id)
    assert (refund["status"], refund["pending_reason"]) == ("pending", "processing")
    await network.pass_(seconds=59)
    assert (await network.get(f"/v1/refunds/{refund['id']}"))["status"] == "pending"
    await network.pass_(seconds=1)

    assert (await network.get(f"/v1/refunds/{refund['id']}"))["status"] == "succeeded"
    told = (await network.listed("/v1/events"))[0]
    assert (told["type"], told["data"]["previous_attributes"]) == ("refund.updated", {"status": "pending"})


async def test_a_refund_may_fail_later_and_the_money_is_the_shops_again(network: Network) -> None:
    intent_id = await paid(network, "pm_card_refundFail")
    refund = await refunded(network, intent_id)
    assert (refund["status"], await balance(network)) == ("succeeded", -FEE)

    await network.pass_(seconds=60)

    after = await network.get(f"/v1/refunds/{refund['id']}")
    assert (after["status"], after["failure_reason"]) == ("failed", "expired_or_canceled_card")
    assert (await network.event_types())[-2:] == ["refund.updated", "refund.failed"]
    returned = await network.get(f"/v1/balance_transactions/{after['failure_balance_transaction']}")
    assert (returned["type"], returned["amount"], returned["source"]) == ("refund_failure", 15_000, refund["id"])
    assert await balance(network) == 15_000 - FEE
    assert (await refunded(network, intent_id))["amount"] == 15_000  # it can be given back another time


async def test_more_than_was_taken_is_never_given_back(network: Network) -> None:
    intent_id = await paid(network, "pm_card_pendingRefund")
    await refunded(network, intent_id, amount=10_000)

    over = await network.post("/v1/refunds", {"payment_intent": intent_id, "amount": 5_001})

    assert (over.status_code, over.json()["error"]["code"]) == (400, "amount_too_large")


async def test_a_refund_may_name_its_charge(network: Network) -> None:
    intent_id = await paid(network)
    charge = (await network.intent(intent_id))["latest_charge"]

    refund = (await network.post("/v1/refunds", {"charge": charge})).json()

    assert (refund["payment_intent"], refund["amount"]) == (intent_id, 15_000)
    assert (await network.post("/v1/refunds", {"charge": "ch_none"})).status_code == 404
    other = await paid(network)
    mixed = await network.post("/v1/refunds", {"charge": charge, "payment_intent": other})
    assert mixed.status_code == 400


async def test_a_declined_charge_has_nothing_to_refund(network: Network) -> None:
    intent_id = await network.an_intent(payment_method="pm_card_chargeDeclined", capture_method="automatic")
    await network.post(f"/v1/payment_intents/{intent_id}/confirm")
    declined = (await network.intent(intent_id))["latest_charge"]
    await network.post(f"/v1/payment_intents/{intent_id}/confirm", {"payment_method": "pm_card_visa"})

    answer = await network.post("/v1/refunds", {"charge": declined})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "charge")
    assert (await network.get(f"/v1/charges/{declined}"))["status"] == "failed"


@pytest.mark.parametrize(
    "outcomes", [["failed"], ["failed", "failed"], ["succeeded", "failed"], ["failed", "succeeded"]]
)
async def test_a_refund_can_be_failed_by_hand_once(network: Network, outcomes: list[str]) -> None:
    refund = await refunded(network, await paid(network, "pm_card_pendingRefund"))

    for outcome in outcomes:
        after = (await network.post(f"/admin/refunds/{refund['id']}", {"outcome": outcome})).json()

    await network.pass_(seconds=60)
    assert after["status"] == "failed"
    assert (await network.get(f"/v1/refunds/{refund['id']}"))["status"] == "failed"
    assert await balance(network) == 15_000 - FEE


# --- disputes -------------------------------------------------------------------------------------------------------


async def disputed(network: Network, card: str = "pm_card_createDispute") -> dict[str, Any]:
    intent_id = await paid(network, card)
    await network.pass_(seconds=60)
    (dispute,) = await network.listed(f"/v1/disputes?payment_intent={intent_id}")
    return dispute


async def test_a_disputed_payments_money_is_taken_at_once(network: Network) -> None:
    dispute = await disputed(network)

    assert (dispute["status"], dispute["reason"], dispute["amount"]) == ("needs_response", "fraudulent", 15_000)
    assert dispute["evidence_details"]["due_by"] == dispute["created"] + 9 * DAY
    assert not dispute["is_charge_refundable"]
    (withdrawn,) = dispute["balance_transactions"]
    assert (withdrawn["type"], withdrawn["reporting_category"]) == ("adjustment", "dispute")
    assert (withdrawn["amount"], withdrawn["fee"], withdrawn["net"]) == (-15_000, 1_500, -16_500)
    assert await balance(network) == -FEE - 1_500
    assert (await network.event_types())[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert (await network.get(f"/v1/charges/{dispute['charge']}"))["disputed"]


async def test_evidence_that_wins_brings_the_money_back(network: Network) -> None:
    dispute = await disputed(network)

    answered = await network.post(
        f"/v1/disputes/{dispute['id']}",
        {"evidence[uncategorized_text]": "winning_evidence", "evidence[service_date]": "2026-11-22"},
    )
    assert (answered.json()["status"], answered.json()["evidence_details"]["submission_count"]) == ("under_review", 1)
    await network.pass_(seconds=60)

    after = await network.get(f"/v1/disputes/{dispute['id']}")
    assert (after["status"], after["evidence"]["service_date"]) == ("won", "2026-11-22")
    assert [movement["net"] for movement in after["balance_transactions"]] == [-16_500, 16_500]
    assert await balance(network) == 15_000 - FEE
    assert (await network.event_types())[-3:] == [
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


@pytest.mark.parametrize("how", ["evidence", "close", "admin", "silence"])
async def test_a_lost_dispute_keeps_the_money_away(network: Network, how: str) -> None:
    path = f"/v1/disputes/{(await disputed(network))['id']}"
    match how:
        case "evidence":
            await network.post(path, {"evidence[uncategorized_text]": "losing_evidence"})
            await network.pass_(seconds=60)
        case "close":
            await network.post(f"{path}/close")
        case "admin":
            await network.post(path.replace("/v1/", "/admin/"), {"outcome": "lost"})
        case _:
            await network.pass_(days=9)

    assert (await network.get(path))["status"] == "lost"
    assert await balance(network) == -FEE - 1_500
    assert (await network.event_types())[-1] == "charge.dispute.closed"


async def test_other_evidence_waits_for_the_bank(network: Network) -> None:
    path = f"/v1/disputes/{(await disputed(network))['id']}"
    await network.post(path, {"evidence[product_description]": "two seats", "metadata[note]": "row 7"})
    await network.pass_(days=30)
    dispute = await network.get(path)
    assert (dispute["status"], dispute["metadata"]) == ("under_review", {"note": "row 7"})
    assert dispute["evidence_details"]["past_due"]

    decided = await network.post(path.replace("/v1/", "/admin/"), {"outcome": "won"})

    assert decided.json()["status"] == "won"


async def test_evidence_may_be_laid_beside_first_and_taken_back(network: Network) -> None:
    path = f"/v1/disputes/{(await disputed(network))['id']}"
    await network.post(path, {"evidence[receipt]": "one", "evidence[customer_name]": "Kim", "submit": "false"})
    after = (await network.post(path, {"evidence[receipt]": "", "submit": "false"})).json()
    assert (after["status"], after["evidence"]["receipt"], after["evidence"]["customer_name"]) == (
        *("needs_response", None),
        "Kim",
    )

    submitted = (await network.post(path, {"submit": "true"})).json()

    assert submitted["status"] == "under_review"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"evidence[horoscope]": "good"}, "unknown parameter"),
        ({"submit": "true"}, "no evidence"),
        ({"submit": "maybe"}, "must be one of"),
        ({"evidence[receipt]": "x" * 20_001}, "longer than"),
    ],
)
async def test_an_answer_that_says_nothing_is_refused(network: Network, fields: dict[str, str], words: str) -> None:
    path = f"/v1/disputes/{(await disputed(network))['id']}"

    answer = await network.post(path, fields)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert (await network.get(path))["status"] == "needs_response"


async def test_what_is_over_is_over(network: Network) -> None:
    path = f"/v1/disputes/{(await disputed(network))['id']}"
    await network.post(f"{path}/close")
    before = await balance(network)

    for again in (
        await network.post(f"{path}/close"),
        await network.post(path, {"evidence[receipt]": "late"}),
        await network.post(path.replace("/v1/", "/admin/"), {"outcome": "won"}),
    ):
        assert again.status_code == 400
    assert await balance(network) == before


async def test_a_decision_by_hand_is_not_decided_again_later(network: Network) -> None:
    path = f"/v1/disputes/{(await disputed(network))['id']}"
    await network.post(path, {"evidence[uncategorized_text]": "losing_evidence"})
    await network.post(path.replace("/v1/", "/admin/"), {"outcome": "won"})

    await network.pass_(days=30)

    assert (await network.get(path))["status"] == "won"


async def test_an_inquiry_takes_no_money_and_closes(network: Network) -> None:
    dispute = await disputed(network, "pm_card_createDisputeInquiry")
    path = f"/v1/disputes/{dispute['id']}"
    assert (dispute["status"], dispute["balance_transactions"]) == ("warning_needs_response", [])
    assert dispute["is_charge_refundable"]
    await network.post(path, {"evidence[uncategorized_text]": "winning_evidence"})
    await network.pass_(seconds=60)

    assert (await network.get(path))["status"] == "warning_closed"
    assert await balance(network) == 15_000 - FEE
    assert "charge.dispute.funds_withdrawn" not in await network.event_types()


async def test_an_inquiry_may_become_a_dispute(network: Network) -> None:
    path = f"/v1/disputes/{(await disputed(network, 'pm_card_createDisputeInquiry'))['id']}"

    await network.post(path.replace("/v1/", "/admin/"), {"outcome": "escalated"})

    assert (await network.get(path))["status"] == "needs_response"
    assert await balance(network) == -FEE - 1_500
    assert (await network.event_types())[-2:] == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]


async def test_an_inquiry_into_money_given_back_since_takes_none_of_it(network: Network) -> None:
    dispute = await disputed(network, "pm_card_createDisputeInquiry")
    await refunded(network, dispute["payment_intent"], amount=1)

    escalated = await network.post(f"/admin/disputes/{dispute['id']}", {"outcome": "escalated"})

    assert (escalated.status_code, await balance(network)) == (400, 14_999 - FEE)
    closed = await network.post(f"/v1/disputes/{dispute['id']}/close")
    assert closed.json()["status"] == "warning_closed"


async def test_a_dispute_can_be_ordered_and_holds_the_money_back_from_refunds(network: Network) -> None:
    intent_id = await paid(network)
    ordered = {"payment_intent": intent_id, "reason": "duplicate", "amount": 4_000}
    dispute = (await network.post("/admin/disputes", ordered)).json()
    assert (dispute["amount"], dispute["reason"]) == (4_000, "duplicate")

    refused = await network.post("/v1/refunds", {"payment_intent": intent_id})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "charge_disputed")
    await network.post(f"/admin/disputes/{dispute['id']}", {"outcome": "won"})
    assert (await refunded(network, intent_id))["amount"] == 15_000


async def test_what_cannot_be_disputed_is_refused(network: Network) -> None:
    unpaid, given_back, twice = await network.an_intent(), await paid(network), await paid(network)
    await refunded(network, given_back)
    await network.post("/admin/disputes", {"payment_intent": twice})

    for intent_id in (unpaid, given_back, twice):
        assert (await network.post("/admin/disputes", {"payment_intent": intent_id})).status_code == 400
    over = {"payment_intent": await paid(network), "amount": 15_001}
    assert (await network.post("/admin/disputes", over)).status_code == 400
    assert (await network.post("/admin/disputes", {"payment_intent": "pi_none"})).status_code == 404


async def test_a_card_that_disputes_finds_nothing_left_of_a_payment_given_back(network: Network) -> None:
    intent_id = await paid(network, "pm_card_createDispute")
    await refunded(network, intent_id)

    await network.pass_(seconds=60)

    assert await network.listed("/v1/disputes") == []


# --- the balance ----------------------------------------------------------------------------------------------------


async def test_a_movement_says_what_it_is_about_and_what_it_cost(network: Network) -> None:
    intent_id = await network.an_intent(confirm="true")
    assert await network.listed("/v1/balance_transactions") == []
    await network.post(f"/v1/payment_intents/{intent_id}/capture", {"amount_to_capture": 10_000})

    (movement,) = await network.listed("/v1/balance_transactions")
    charge = (await network.intent(intent_id))["latest_charge"]
    assert (movement["type"], movement["amount"], movement["fee"], movement["net"], movement["source"]) == (
        *("charge", 10_000, 320, 9_680),
        charge,
    )
    assert (movement["currency"], movement["created"]) == ("krw", int(network.clock.time.timestamp()))
    assert (await network.get(f"/v1/charges/{charge}"))["balance_transaction"] == movement["id"]


async def test_movements_are_listed_by_day_and_kind_and_source(network: Network) -> None:
    intent_id = await paid(network)
    await network.pass_(days=1)
    refund = await refunded(network, intent_id)
    cut = int(network.clock.time.timestamp())

    async def found(query: str) -> list[str]:
        return [movement["type"] for movement in await network.listed(f"/v1/balance_transactions?{query}")]

    assert await found("") == ["refund", "charge"]
    assert await found(f"created[gte]={cut}") == ["refund"]
    assert await found(f"created[lt]={cut}") == ["charge"]
    assert await found(f"created[gt]={cut}") == []
    assert await found(f"created[lte]={cut}&type=charge") == ["charge"]
    assert await found(f"source={refund['id']}") == ["refund"]
    first = (await network.get("/v1/balance_transactions?limit=1"))["data"][0]["id"]
    assert await found(f"starting_after={first}") == ["charge"]
    assert (await network.http.get("/v1/balance_transactions?type=payout")).status_code == 400
    assert (await network.http.get("/v1/balance_transactions?starting_after=txn_none")).status_code == 404


async def test_the_source_can_be_shown_whole(network: Network) -> None:
    dispute = await disputed(network)
    await refunded(network, await paid(network))
    whole = await network.listed("/v1/balance_transactions?expand[]=data.source")

    assert [movement["source"]["object"] for movement in whole] == ["refund", "charge", "dispute", "charge"]
    assert all(movement["source"]["payment_intent"].startswith("pi_") for movement in whole)
    one = await network.get(f"/v1/balance_transactions/{whole[2]['id']}?expand[0]=source")
    assert one["source"]["id"] == dispute["id"]
