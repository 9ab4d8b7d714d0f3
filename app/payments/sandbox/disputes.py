"""Disputes: the holder of a card tells the bank that a payment was not right, and the bank takes it back for now.

https://docs.stripe.com/api/disputes. The money goes at once and comes back if the shop wins. An inquiry (`warning_…`)
takes no money unless it is escalated. As on Stripe's test cards, the text `winning_evidence` or `losing_evidence` in
`evidence[uncategorized_text]` decides; anything else waits for `POST /admin/disputes/{id}`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from http import HTTPStatus

from app.payments.sandbox import balance, objects
from app.payments.sandbox.errors import Answer, ApiError, Json, missing
from app.payments.sandbox.events import publish
from app.payments.sandbox.paging import Page, fetch
from app.payments.sandbox.states import (
    DisputeEvent,
    DisputeStatus,
    IllegalTransition,
    Status,
    Task,
    advance_dispute,
)
from app.payments.sandbox.till import Till

DAY_SECONDS = 24 * 60 * 60
COLUMNS = (
    "seq, id, payment_intent, charge, amount, currency, reason, status, evidence, metadata, submissions, due_by,"
    " created"
)
REASONS = (
    *("bank_cannot_process", "credit_not_processed", "customer_initiated", "debit_not_authorized", "duplicate"),
    *("fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant"),
    *("product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized"),
)
EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure"),
    *("cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name"),
    *("customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation"),
    *("duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure"),
    *("refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier"),
    *("shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file"),
    "uncategorized_text",
)
DECIDING = {"winning_evidence": Task.WIN_DISPUTE, "losing_evidence": Task.LOSE_DISPUTE}
INQUIRIES = frozenset(
    {DisputeStatus.WARNING_NEEDS_RESPONSE, DisputeStatus.WARNING_UNDER_REVIEW, DisputeStatus.WARNING_CLOSED}
)
OVER = frozenset({DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.WARNING_CLOSED})
CLOSES = frozenset({DisputeEvent.WON, DisputeEvent.LOST})


@dataclass(frozen=True, slots=True)
class Dispute:
    """One row of disputes. `evidence` and `metadata` are JSON objects of texts; amounts are minor units."""

    seq: int
    id: str
    payment_intent: str
    charge: str
    amount: int
    currency: str
    reason: str
    status: DisputeStatus
    evidence: str
    metadata: str
    submissions: int
    due_by: int
    created: int


def find(till: Till, dispute_id: str) -> Dispute:
    """Raises ApiError 404."""
    row = till.connection.execute(
        f"SELECT {COLUMNS} FROM disputes WHERE id = ?",  # noqa: S608 - a constant
        (dispute_id,),
    ).fetchone()
    if row is None:
        raise missing("dispute", dispute_id[:80])
    return _of(row)


def holds_money(till: Till, intent_id: str) -> bool:
    """Whether a bank has taken this payment's money, for now or for good."""
    row = till.connection.execute("SELECT status FROM disputes WHERE payment_intent = ?", (intent_id,)).fetchone()
    return row is not None and DisputeStatus(row[0]) not in INQUIRIES | {DisputeStatus.WON}


def create(till: Till, intent_id: str, *, reason: str, amount: int | None = None, inquiry: bool = False) -> Answer:
    """The holder complains: about all that was taken and not given back, or about `amount` of it.

    Raises ApiError 400 where there is nothing to complain about, 404 for a payment that is nowhere.
    """
    intent = till.intent(intent_id, param="payment_intent")
    left = intent.amount_received - intent.amount_refunded
    if intent.status is not Status.SUCCEEDED or left == 0:
        raise ApiError("Nothing is left of this payment that could be disputed.", param="payment_intent")
    if amount is not None and amount > left:
        raise ApiError(f"Only {left} is left of this payment. Dispute that or less.", param="amount")
    if till.connection.execute("SELECT 1 FROM disputes WHERE payment_intent = ?", (intent_id,)).fetchone():
        raise ApiError("This payment was disputed already; a charge is disputed once.", param="payment_intent")
    dispute_id = till.new_id("dp")
    status = DisputeStatus.WARNING_NEEDS_RESPONSE if inquiry else DisputeStatus.NEEDS_RESPONSE
    due_by = till.seconds + till.rules.dispute_days * DAY_SECONDS
    till.connection.execute(
        "INSERT INTO disputes (id, payment_intent, charge, amount, currency, reason, status, evidence, metadata,"
        " due_by, created) VALUES (?, ?, ?, ?, ?, ?, ?, '{}', '{}', ?, ?)",
        (
            *(dispute_id, intent_id, intent.latest_charge, left if amount is None else amount, intent.currency),
            *(reason, status, due_by, till.seconds),
        ),
    )
    till.later(Task.LAPSE_DISPUTE, dispute_id, seconds=due_by - till.now.timestamp())
    if not inquiry:
        _withdraw(till, find(till, dispute_id))
    publish(till, "charge.dispute.created", shown(till, find(till, dispute_id)))
    if not inquiry:
        publish(till, "charge.dispute.funds_withdrawn", shown(till, find(till, dispute_id)))
    return retrieve(till, dispute_id)


def update(
    till: Till, dispute_id: str, *, evidence: dict[str, str], metadata: dict[str, str], submit: bool | None
) -> Answer:
    """Lay evidence beside a dispute, and unless told otherwise hand it to the bank; raises ApiError 400 or 404."""
    dispute = find(till, dispute_id)
    if evidence and dispute.status not in {DisputeStatus.NEEDS_RESPONSE, DisputeStatus.WARNING_NEEDS_RESPONSE}:
        raise ApiError(
            f"This dispute has a status of {dispute.status}; the bank takes no more evidence.", param="evidence"
        )
    laid = {**json.loads(dispute.evidence), **evidence}
    noted = {**json.loads(dispute.metadata), **metadata}
    till.connection.execute(
        "UPDATE disputes SET evidence = ?, metadata = ? WHERE id = ?",
        (json.dumps(_without_empty(laid)), json.dumps(_without_empty(noted)), dispute_id),
    )
    if submit is True or (submit is None and evidence):
        return _submit(till, find(till, dispute_id))
    if evidence or metadata:
        publish(till, "charge.dispute.updated", shown(till, find(till, dispute_id)), before={})
    return retrieve(till, dispute_id)


def _submit(till: Till, dispute: Dispute) -> Answer:
    evidence = json.loads(dispute.evidence)
    if not evidence:
        raise ApiError("There is no evidence to submit. Give at least one evidence[…].", param="evidence")
    till.connection.execute("UPDATE disputes SET submissions = submissions + 1 WHERE id = ?", (dispute.id,))
    _move(till, dispute, DisputeEvent.SUBMITTED)
    decided = DECIDING.get(str(evidence.get("uncategorized_text", "")).strip())
    if decided is not None:
        till.later(decided, dispute.id, seconds=till.rules.later_seconds)
    return retrieve(till, dispute.id)


def decide(till: Till, dispute_id: str, event: DisputeEvent) -> Answer:
    """What the bank says; raises ApiError 400 where it has nothing to say any more."""
    _move(till, find(till, dispute_id), event)
    return retrieve(till, dispute_id)


def decide_if_open(till: Till, dispute_id: str, event: DisputeEvent) -> None:
    """The same, of a dispute that may be over by now: then nothing happens."""
    if find(till, dispute_id).status not in OVER:
        decide(till, dispute_id, event)


def lapse(till: Till, dispute_id: str) -> None:
    """The last day has passed: who has not answered has lost."""
    if find(till, dispute_id).status in {DisputeStatus.NEEDS_RESPONSE, DisputeStatus.WARNING_NEEDS_RESPONSE}:
        decide(till, dispute_id, DisputeEvent.LOST)


def _move(till: Till, dispute: Dispute, event: DisputeEvent) -> None:
    """The dispute after `event`, with the money and the news: the only place that writes its status."""
    try:
        status = advance_dispute(dispute.status, event)
    except IllegalTransition as fault:
        raise ApiError(f"This is not possible now: {fault}.", code="dispute_unexpected_state") from fault
    done = till.connection.execute(
        "UPDATE disputes SET status = ? WHERE id = ? AND status = ?", (status, dispute.id, dispute.status)
    )
    assert done.rowcount == 1, "the dispute changed inside its own transaction"
    after = replace(dispute, status=status)
    if event is DisputeEvent.ESCALATED:
        intent = till.intent(dispute.payment_intent)
        if intent.amount_received - intent.amount_refunded < dispute.amount:
            raise ApiError("The money was given back since, so the bank takes nothing. Close the inquiry instead.")
        _withdraw(till, after)
    if status is DisputeStatus.WON:
        balance.dispute_won(till, amount=dispute.amount, currency=dispute.currency, dispute=dispute.id)
    now = shown(till, find(till, dispute.id))
    kind = "charge.dispute.closed" if event in CLOSES else "charge.dispute.updated"
    publish(till, kind, now, before={"status": dispute.status.value})
    if event is DisputeEvent.ESCALATED:
        publish(till, "charge.dispute.funds_withdrawn", now)
    if status is DisputeStatus.WON:
        publish(till, "charge.dispute.funds_reinstated", now)


def _withdraw(till: Till, dispute: Dispute) -> None:
    balance.disputed(till, amount=dispute.amount, currency=dispute.currency, dispute=dispute.id)


def retrieve(till: Till, dispute_id: str) -> Answer:
    """Raises ApiError 404."""
    return Answer(HTTPStatus.OK, shown(till, find(till, dispute_id)))


def page(till: Till, asked: Page, *, payment_intent: str | None, charge: str | None) -> Answer:
    """The newest first, of one payment or of all."""
    only = {"payment_intent": payment_intent, "charge": charge}
    rows, more = fetch(till, "disputes", COLUMNS, asked, only)
    return Answer(
        HTTPStatus.OK, objects.page([shown(till, _of(row)) for row in rows], url="/v1/disputes", has_more=more)
    )


def shown(till: Till, dispute: Dispute) -> Json:
    """A dispute on the wire."""
    given = json.loads(dispute.evidence)
    evidence: Json = {name: given.get(name) for name in EVIDENCE}
    inquiry = dispute.status in INQUIRIES
    card: Json = {"brand": "visa", "case_type": "inquiry" if inquiry else "chargeback", "network_reason_code": "10.4"}
    details: Json = {
        "due_by": dispute.due_by,
        "enhanced_eligibility": {},
        "has_evidence": bool(given),
        "past_due": till.seconds > dispute.due_by,
        "submission_count": dispute.submissions,
    }
    return {
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "balance_transactions": list(balance.of(till, dispute.id)),
        "charge": dispute.charge,
        "created": dispute.created,
        "currency": dispute.currency,
        "enhanced_eligibility_types": [],
        "evidence": evidence,
        "evidence_details": details,
        "is_charge_refundable": inquiry or dispute.status is DisputeStatus.WON,
        "livemode": False,
        "metadata": json.loads(dispute.metadata),
        "payment_intent": dispute.payment_intent,
        "payment_method_details": {"card": card, "type": "card"},
        "reason": dispute.reason,
        "status": dispute.status.value,
    }


def _of(row: tuple[object, ...]) -> Dispute:
    dispute = Dispute(*row)  # type: ignore[arg-type]  # STRICT tables hold the declared types
    return replace(dispute, status=DisputeStatus(dispute.status))


def _without_empty(fields: dict[str, str]) -> dict[str, str]:
    """Stripe's way to take a field back: an empty text."""
    return {name: text for name, text in fields.items() if text}
