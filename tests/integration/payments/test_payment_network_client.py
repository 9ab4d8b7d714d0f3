"""The official client library, pointed at the sandbox network, finds what it expects."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import stripe
from payment_network_kit import SECRET, network_settings

from app.payments.sandbox import serving


def buys(base_url: str) -> stripe.Dispute:
    """A sale, a refund, a refusal, a dispute and the books, as a shop's server would go about it."""
    client = stripe.StripeClient(SECRET, base_addresses={"api": base_url}, max_network_retries=0)
    intent = client.v1.payment_intents.create(
        {
            "amount": 15_000,
            "currency": "krw",
            "payment_method": "pm_card_visa",
            "capture_method": "manual",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"note": "row 7"},
        }
    )
    assert client.v1.payment_intents.confirm(intent.id).status == "requires_capture"
    paid = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 12_000})
    assert (paid.status, paid.amount_received, paid.metadata["note"]) == ("succeeded", 12_000, "row 7")

    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 2_000}, {"idempotency_key": "r1"})
    assert client.v1.refunds.create({"payment_intent": intent.id, "amount": 2_000}, {"idempotency_key": "r1"}) == refund
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 10_001})
    assert refused.value.code == "amount_too_large"

    declined = client.v1.payment_intents.create({"amount": 100, "currency": "krw"})
    with pytest.raises(stripe.CardError) as empty:
        client.v1.payment_intents.confirm(declined.id, {"payment_method": "pm_card_chargeDeclinedInsufficientFunds"})
    assert empty.value.error is not None
    assert (empty.value.http_status, empty.value.error.decline_code) == (402, "insufficient_funds")

    client.raw_request("post", "/admin/disputes", payment_intent=intent.id, reason="duplicate")
    (dispute,) = client.v1.disputes.list({"payment_intent": intent.id}).data
    client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    books = client.v1.balance_transactions.list({"limit": 1, "expand": ["data.source"]})
    assert [(line.type, line.amount) for line in books.auto_paging_iter()] == [
        ("adjustment", -10_000),
        ("refund", -2_000),
        ("charge", 12_000),
    ]
    endpoint = client.v1.webhook_endpoints.create(
        {"url": "https://shop.test/hooks", "enabled_events": ["payment_intent.succeeded", "refund.failed"]}
    )
    assert endpoint.enabled_events == ["payment_intent.succeeded", "refund.failed"]
    assert client.v1.webhook_endpoints.delete(endpoint.id).deleted
    assert client.v1.events.list({"type": "refund.created"}).data[0].data.object["id"] == refund.id
    return client.v1.disputes.retrieve(dispute.id)


async def test_the_official_library_sells_refunds_and_disputes_here(tmp_path: Path) -> None:
    async with serving(network_settings(tmp_path)) as base_url:
        dispute = await asyncio.to_thread(buys, base_url)

    assert dispute.status == "under_review"
    assert dispute.evidence.uncategorized_text == "winning_evidence"
