"""Refunds: money goes back, never more of it than was taken and not yet given back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from app.payments.sandbox import objects
from app.payments.sandbox.errors import Answer, ApiError, missing
from app.payments.sandbox.intents import AMOUNT_MAX
from app.payments.sandbox.params import Params
from app.payments.sandbox.states import Status
from app.payments.sandbox.till import Till

COLUMNS = "seq, id, payment_intent, charge, amount, currency, reason, metadata, created"
Row = tuple[int, str, str, str, int, str, str | None, str, int]
REASONS = ("duplicate", "fraudulent", "requested_by_customer")


@dataclass(frozen=True, slots=True)
class CreateRefund:
    """`amount` None means all that is left."""

    payment_intent: str
    amount: int | None
    reason: str | None
    metadata: dict[str, str]


def read_create(params: Params) -> CreateRefund:
    """Raises ApiError 400."""
    asked = CreateRefund(
        payment_intent=params.required("payment_intent"),
        amount=params.optional_integer("amount", minimum=1, maximum=AMOUNT_MAX),
        reason=params.optional("reason"),
        metadata=params.metadata(),
    )
    params.done()
    if asked.reason is not None and asked.reason not in REASONS:
        raise ApiError(f"'reason' must be one of {', '.join(REASONS)}.", param="reason")
    return asked


def create(till: Till, asked: CreateRefund) -> Answer:
    """Raises ApiError 400 where nothing was taken, or less than is asked back."""
    intent = till.intent(asked.payment_intent, param="payment_intent")
    if intent.status is not Status.SUCCEEDED:
        raise ApiError(
            f"This PaymentIntent ({intent.status}) has no captured charge to refund. Cancel it instead.",
            code="payment_intent_unexpected_state",
            param="payment_intent",
        )
    left = intent.amount_received - intent.amount_refunded
    amount = left if asked.amount is None else asked.amount
    if left == 0:
        raise ApiError("This charge has already been refunded in full.", code="charge_already_refunded")
    if amount > left:
        raise ApiError(
            f"Refund amount ({amount}) is greater than what is left of the charge ({left}).",
            code="amount_too_large",
            param="amount",
        )
    till.connection.execute(
        "UPDATE payment_intents SET amount_refunded = amount_refunded + ? WHERE id = ?", (amount, intent.id)
    )
    refund_id = till.new_id("re")
    till.connection.execute(
        "INSERT INTO refunds (id, payment_intent, charge, amount, currency, reason, metadata, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(refund_id, intent.id, intent.latest_charge, amount, intent.currency, asked.reason),
            *(json.dumps(asked.metadata), till.seconds),
        ),
    )
    return retrieve(till, refund_id)


def retrieve(till: Till, refund_id: str) -> Answer:
    """Raises ApiError 404."""
    return Answer(HTTPStatus.OK, objects.refund(_found(till, refund_id)[1:]))


def page(till: Till, *, limit: int, starting_after: str | None, payment_intent: str | None) -> Answer:
    """The newest refunds first, after the one named, of one intent or of all: what a reconciliation adds up."""
    seq = _found(till, starting_after, param="starting_after")[0] if starting_after else 2**62
    found = till.connection.execute(
        f"SELECT {COLUMNS} FROM refunds WHERE seq < ? AND payment_intent = coalesce(?, payment_intent)"  # noqa: S608 - a constant
        " ORDER BY seq DESC LIMIT ?",
        (seq, payment_intent, limit + 1),
    ).fetchall()
    shown = [objects.refund(row[1:]) for row in found[:limit]]
    return Answer(HTTPStatus.OK, objects.page(shown, url="/v1/refunds", has_more=len(found) > limit))


def _found(till: Till, refund_id: str, *, param: str = "id") -> Row:
    row: Row | None = till.connection.execute(
        f"SELECT {COLUMNS} FROM refunds WHERE id = ?",  # noqa: S608 - a constant
        (refund_id,),
    ).fetchone()
    if row is None:
        raise missing("refund", refund_id[:80], param=param)
    return row
