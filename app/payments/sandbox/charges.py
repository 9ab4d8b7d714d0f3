"""Charging a card: the bank says yes or no, and what money it takes is written down at once."""

from __future__ import annotations

from http import HTTPStatus

from app.payments.sandbox import balance, objects
from app.payments.sandbox.cards import Behaviour, Card
from app.payments.sandbox.errors import Answer, Json, error_body, missing
from app.payments.sandbox.moves import Changes, move_or_refuse
from app.payments.sandbox.states import Event, Task
from app.payments.sandbox.till import Intent, Till

DECLINES = {
    Behaviour.DECLINE: ("card_declined", "generic_decline", "Your card was declined."),
    Behaviour.INSUFFICIENT_FUNDS: ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    Behaviour.CHALLENGE_THEN_EMPTY: ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    Behaviour.EXPIRED: ("expired_card", "expired_card", "Your card has expired."),
}
"""Behaviour -> error code, decline code, words."""

DISPUTED = frozenset({Behaviour.DISPUTE, Behaviour.DISPUTE_NOT_RECEIVED, Behaviour.INQUIRY})
COLUMNS = "id, payment_intent, payment_method, amount, failure_code, created"


def attempt(till: Till, intent: Intent, card: Card) -> Answer:
    """Ask the bank: 200 with the intent, or 402 and the intent waits for another card."""
    behaviour = Behaviour.EXPIRED if _past(till, card) else card.behaviour
    charge = till.new_id("ch")
    if behaviour in DECLINES:
        return _declined(till, intent, card, charge, behaviour)
    _write(till, intent, charge, failure=None)
    if intent.capture_method == "manual":
        after = move_or_refuse(till, intent, Event.AUTHORIZED, Changes(latest_charge=charge))
    else:
        after = taken(till, intent, charge=charge, amount=intent.amount)
    return Answer(HTTPStatus.OK, objects.payment_intent(after))


def taken(till: Till, intent: Intent, *, charge: str, amount: int) -> Intent:
    """The money moves: the intent is paid, the balance says so, and a card that disputes will do it later."""
    after = move_or_refuse(till, intent, Event.TAKEN, Changes(latest_charge=charge, amount_received=amount))
    balance.charged(till, amount=amount, currency=intent.currency, charge=charge)
    assert intent.payment_method is not None
    if till.method(intent.payment_method).behaviour in DISPUTED:
        till.later(Task.OPEN_DISPUTE, intent.id, seconds=till.rules.later_seconds)
    return after


def retrieve(till: Till, charge: str) -> Answer:
    """Raises ApiError 404."""
    row = till.connection.execute(f"SELECT {COLUMNS} FROM charges WHERE id = ?", (charge,)).fetchone()  # noqa: S608 - a constant
    if row is None:
        raise missing("charge", charge[:80])
    return Answer(HTTPStatus.OK, shown(till, charge))


def shown(till: Till, charge: str) -> Json:
    """A charge as it stands now, with what was captured and given back."""
    row = till.connection.execute(f"SELECT {COLUMNS} FROM charges WHERE id = ?", (charge,)).fetchone()  # noqa: S608 - a constant
    _, intent_id, method, amount, failure, created = row
    intent = till.intent(intent_id)
    current = intent.latest_charge == charge and failure is None
    captured = intent.amount_received if current else 0
    refunded = intent.amount_refunded if current else 0
    moved = balance.of(till, charge)
    disputed = till.connection.execute("SELECT 1 FROM disputes WHERE charge = ?", (charge,)).fetchone()
    return {
        "id": charge,
        "object": "charge",
        "amount": amount,
        "amount_captured": captured,
        "amount_refunded": refunded,
        "balance_transaction": moved[0]["id"] if moved else None,
        "captured": captured > 0,
        "created": created,
        "currency": intent.currency,
        "customer": None,
        "description": intent.description,
        "disputed": disputed is not None,
        "failure_code": failure,
        "livemode": False,
        "metadata": objects.payment_intent(intent)["metadata"],
        "paid": failure is None,
        "payment_intent": intent_id,
        "payment_method": method,
        "refunded": captured > 0 and refunded == captured,
        "status": "failed" if failure else "succeeded",
    }


def _past(till: Till, card: Card) -> bool:
    """A card is good to the end of its month."""
    return (card.exp_year, card.exp_month) < (till.now.year, till.now.month)


def _declined(till: Till, intent: Intent, card: Card, charge: str, behaviour: Behaviour) -> Answer:
    code, decline_code, message = DECLINES[behaviour]
    assert intent.payment_method is not None
    shown_method = objects.payment_method(intent.payment_method, card, created=intent.created)
    more: Json = {"decline_code": decline_code, "charge": charge, "payment_method": shown_method}
    body = error_body(message, kind="card_error", code=code, more=more)
    error = body["error"]
    assert isinstance(error, dict)
    _write(till, intent, charge, failure=code)
    after = move_or_refuse(till, intent, Event.DECLINED, Changes(latest_charge=charge, last_payment_error=error))
    return Answer(HTTPStatus.PAYMENT_REQUIRED, {"error": {**error, "payment_intent": objects.payment_intent(after)}})


def _write(till: Till, intent: Intent, charge: str, *, failure: str | None) -> None:
    till.connection.execute(
        "INSERT INTO charges (id, payment_intent, payment_method, amount, failure_code, created)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (charge, intent.id, intent.payment_method, intent.amount, failure, till.seconds),
    )
