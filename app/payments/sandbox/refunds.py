"""Refunds: money goes back, never more of it than was taken and not yet given back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from app.payments.sandbox import balance, charges, disputes, objects
from app.payments.sandbox.cards import Behaviour
from app.payments.sandbox.errors import Answer, ApiError, Json, JsonValue, missing
from app.payments.sandbox.events import publish
from app.payments.sandbox.intents import AMOUNT_MAX
from app.payments.sandbox.paging import Page, fetch
from app.payments.sandbox.params import Params
from app.payments.sandbox.states import RefundStatus, Status, Task
from app.payments.sandbox.till import Intent, Till

COLUMNS = (
    "id, payment_intent, charge, amount, currency, reason, metadata, created, status, failure_reason,"
    " balance_transaction, failure_balance_transaction"
)
COMES_LATER = {Behaviour.REFUND_PENDING: Task.SETTLE_REFUND, Behaviour.REFUND_FAILS: Task.FAIL_REFUND}
"""What becomes of a refund to such a card, after a while."""
REASONS = ("duplicate", "fraudulent", "requested_by_customer")


@dataclass(frozen=True, slots=True)
class CreateRefund:
    """`amount` None means all that is left. The payment is named by its intent, or by its charge."""

    payment_intent: str
    amount: int | None
    reason: str | None
    metadata: dict[str, str]
    charge: str | None = None


def read_create(params: Params) -> CreateRefund:
    """Raises ApiError 400."""
    charge = params.optional("charge")
    asked = CreateRefund(
        payment_intent=(params.optional("payment_intent") or "") if charge else params.required("payment_intent"),
        charge=charge,
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
    intent = till.intent(asked.payment_intent or _of_charge(till, asked.charge), param="payment_intent")
    if asked.charge not in {None, intent.latest_charge}:
        raise ApiError("This charge took no money of that payment. Refund the payment by its intent.", param="charge")
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
    if disputes.holds_money(till, intent.id):
        raise ApiError(
            "This charge is disputed; the bank holds its money. Wait for the dispute's outcome.", code="charge_disputed"
        )
    return _give_back(till, intent, asked, amount)


def _of_charge(till: Till, charge: str | None) -> str:
    row = till.connection.execute("SELECT payment_intent FROM charges WHERE id = ?", (charge,)).fetchone()
    if row is None:
        raise missing("charge", (charge or "")[:80], param="charge")
    return str(row[0])


def _give_back(till: Till, intent: Intent, asked: CreateRefund, amount: int) -> Answer:
    assert intent.payment_method is not None
    behaviour = till.method(intent.payment_method).behaviour
    till.connection.execute(
        "UPDATE payment_intents SET amount_refunded = amount_refunded + ? WHERE id = ?", (amount, intent.id)
    )
    refund_id = till.new_id("re")
    moved = balance.refunded(till, amount=amount, currency=intent.currency, refund=refund_id)
    status = RefundStatus.PENDING if behaviour is Behaviour.REFUND_PENDING else RefundStatus.SUCCEEDED
    till.connection.execute(
        "INSERT INTO refunds (id, payment_intent, charge, amount, currency, reason, metadata, created, status,"
        " balance_transaction) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(refund_id, intent.id, intent.latest_charge, amount, intent.currency, asked.reason),
            *(json.dumps(asked.metadata), till.seconds, status, moved),
        ),
    )
    if behaviour in COMES_LATER:
        till.later(COMES_LATER[behaviour], refund_id, seconds=till.rules.later_seconds)
    assert intent.latest_charge is not None
    publish(till, "refund.created", shown(till, refund_id))
    publish(till, "charge.refunded", charges.shown(till, intent.latest_charge))
    return retrieve(till, refund_id)


def decide(till: Till, refund_id: str, *, failed: bool) -> Answer:
    """What the holder's bank does; raises ApiError 404."""
    shown(till, refund_id)
    (fail if failed else settle)(till, refund_id)
    return retrieve(till, refund_id)


def settle(till: Till, refund_id: str) -> None:
    """The bank of the holder has taken the money."""
    if _move(till, refund_id, RefundStatus.PENDING, RefundStatus.SUCCEEDED):
        publish(till, "refund.updated", shown(till, refund_id), before={"status": RefundStatus.PENDING.value})


def fail(till: Till, refund_id: str) -> None:
    """The bank of the holder sends the money back: the shop owes it again, and must give it back another way."""
    refund = shown(till, refund_id)
    was, amount, currency = refund["status"], refund["amount"], refund["currency"]
    if was == RefundStatus.FAILED:
        return
    assert isinstance(amount, int)
    moved = balance.refund_failed(till, amount=amount, currency=str(currency), refund=refund_id)
    till.connection.execute(
        "UPDATE refunds SET status = ?, failure_reason = ?, failure_balance_transaction = ? WHERE id = ?",
        (RefundStatus.FAILED, "expired_or_canceled_card", moved, refund_id),
    )
    till.connection.execute(
        "UPDATE payment_intents SET amount_refunded = amount_refunded - ? WHERE id = ?",
        (amount, refund["payment_intent"]),
    )
    after = shown(till, refund_id)
    publish(till, "refund.updated", after, before={"status": was})
    publish(till, "refund.failed", after)


def _move(till: Till, refund_id: str, old: RefundStatus, new: RefundStatus) -> bool:
    done = till.connection.execute("UPDATE refunds SET status = ? WHERE id = ? AND status = ?", (new, refund_id, old))
    return done.rowcount == 1


def retrieve(till: Till, refund_id: str) -> Answer:
    """Raises ApiError 404."""
    return Answer(HTTPStatus.OK, shown(till, refund_id))


def page(till: Till, asked: Page, *, payment_intent: str | None) -> Answer:
    """The newest first, of one intent or of all: what a reconciliation adds up."""
    rows, more = fetch(till, "refunds", COLUMNS, asked, {"payment_intent": payment_intent})
    return Answer(HTTPStatus.OK, objects.page([_on_the_wire(row) for row in rows], url="/v1/refunds", has_more=more))


def shown(till: Till, refund_id: str) -> Json:
    """A refund as it stands; raises ApiError 404."""
    row = till.connection.execute(
        f"SELECT {COLUMNS} FROM refunds WHERE id = ?",  # noqa: S608 - a constant
        (refund_id,),
    ).fetchone()
    if row is None:
        raise missing("refund", refund_id[:80])
    return _on_the_wire(row)


def _on_the_wire(row: tuple[JsonValue, ...]) -> Json:
    refund = dict(zip(COLUMNS.split(", "), row, strict=True))
    said: Json = {
        "object": "refund",
        **refund,
        "metadata": json.loads(str(refund["metadata"])),
        "pending_reason": "processing" if refund["status"] == RefundStatus.PENDING else None,
    }
    return {name: value for name, value in said.items() if value is not None or name == "reason"}
