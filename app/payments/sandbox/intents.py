"""Payment intents: create, confirm, capture, cancel. Each function is one request's effect inside one transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from app.domain.money import EXPONENTS
from app.payments.sandbox import objects
from app.payments.sandbox.cards import Behaviour, Card
from app.payments.sandbox.errors import Answer, ApiError, Json, error_body
from app.payments.sandbox.params import Params
from app.payments.sandbox.states import Event, IllegalTransition, Status
from app.payments.sandbox.till import Changes, Intent, Till

AMOUNT_MAX = 99_999_999
"""Eight digits of minor units, as on the real network."""
PAGE_MAX = 100
PAGE_DEFAULT = 10

DECLINES = {
    Behaviour.DECLINE: ("card_declined", "generic_decline", "Your card was declined."),
    Behaviour.INSUFFICIENT_FUNDS: ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    Behaviour.EXPIRED: ("expired_card", "expired_card", "Your card has expired."),
}
"""Behaviour -> error code, decline code, words."""


@dataclass(frozen=True, slots=True)
class CreateIntent:
    """What a new intent asks for; `currency` in lower case, as the wire has it."""

    amount: int
    currency: str
    capture_method: str
    payment_method: str | None
    confirm: bool
    description: str | None
    metadata: dict[str, str]


def read_create(params: Params) -> CreateIntent:
    """Raises ApiError 400."""
    asked = CreateIntent(
        amount=params.integer("amount", minimum=1, maximum=AMOUNT_MAX),
        currency=params.required("currency").lower(),
        capture_method=params.choice("capture_method", ("manual", "automatic"), default="automatic"),
        payment_method=params.optional("payment_method"),
        confirm=params.boolean("confirm"),
        description=params.optional("description"),
        metadata=params.metadata(),
    )
    params.done()
    if asked.currency.upper() not in EXPONENTS:
        known = ", ".join(sorted(EXPONENTS)).lower()
        raise ApiError(f"Invalid currency: {asked.currency[:8]}. Use one of {known}.", param="currency")
    if asked.confirm and asked.payment_method is None:
        raise ApiError("To confirm at once, give a payment_method.", code="parameter_missing", param="payment_method")
    return asked


def create(till: Till, asked: CreateIntent) -> Answer:
    """A new intent; with `confirm` it is charged in the same transaction, a decline leaves it behind."""
    if asked.payment_method is not None:
        till.method(asked.payment_method)
    status = Status.REQUIRES_CONFIRMATION if asked.payment_method else Status.REQUIRES_PAYMENT_METHOD
    intent_id = till.new_id("pi")
    till.connection.execute(
        "INSERT INTO payment_intents (id, status, amount, currency, capture_method, payment_method, description,"
        " metadata, client_secret, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(intent_id, status, asked.amount, asked.currency, asked.capture_method, asked.payment_method),
            *(asked.description, json.dumps(asked.metadata), till.new_id(f"{intent_id}_secret"), till.seconds),
        ),
    )
    return confirm(till, intent_id, None) if asked.confirm else _shown(till.intent(intent_id))


def confirm(till: Till, intent_id: str, method_id: str | None) -> Answer:
    """Charge the card: 200 with the intent, or 402 and the intent waits for another card."""
    intent = till.intent(intent_id)
    if method_id is not None:
        till.method(method_id)
        intent = _move(till, intent, Event.ATTACHED, Changes(payment_method=method_id))
    if intent.payment_method is None:
        raise _unexpected(intent, "You cannot confirm this PaymentIntent because it has no payment method. Give one.")
    card = till.method(intent.payment_method)
    behaviour = Behaviour.EXPIRED if _past(till, card) else card.behaviour
    charge = till.new_id("ch")
    if behaviour is not Behaviour.APPROVE:
        return _declined(till, intent, card, charge, behaviour)
    if intent.capture_method == "manual":
        after = _move(till, intent, Event.AUTHORIZED, Changes(latest_charge=charge))
    else:
        after = _move(till, intent, Event.TAKEN, Changes(latest_charge=charge, amount_received=intent.amount))
    _write_charge(till, intent, charge, failure=None)
    return _shown(after)


def capture(till: Till, intent_id: str, amount: int | None) -> Answer:
    """Take what was reserved, or less; the rest is released."""
    intent = till.intent(intent_id)
    taken = intent.amount if amount is None else amount
    if intent.status is Status.REQUIRES_CAPTURE and taken > intent.amount:
        raise ApiError(
            f"{taken} cannot be captured: only {intent.amount} was authorised.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    if intent.status is not Status.REQUIRES_CAPTURE:
        raise _unexpected(
            intent, f"This PaymentIntent could not be captured because it has a status of {intent.status}."
        )
    return _shown(_move(till, intent, Event.TAKEN, Changes(amount_received=taken)))


def cancel(till: Till, intent_id: str, reason: str | None) -> Answer:
    """Give up an intent and release what it reserved."""
    return _shown(_move(till, till.intent(intent_id), Event.CANCELED, Changes(cancellation_reason=reason)))


def retrieve(till: Till, intent_id: str) -> Answer:
    return _shown(till.intent(intent_id))


def page(till: Till, *, limit: int, starting_after: str | None) -> Answer:
    """The newest intents first, after the one named."""
    after = till.intent(starting_after, param="starting_after") if starting_after else None
    found = till.page(after=after, limit=limit + 1)
    shown = [objects.payment_intent(intent) for intent in found[:limit]]
    return Answer(HTTPStatus.OK, objects.page(shown, url="/v1/payment_intents", has_more=len(found) > limit))


def _shown(intent: Intent) -> Answer:
    return Answer(HTTPStatus.OK, objects.payment_intent(intent))


def _move(till: Till, intent: Intent, event: Event, changes: Changes) -> Intent:
    try:
        return till.move(intent, event, changes)
    except IllegalTransition as fault:
        raise _unexpected(intent, f"This request is not possible now: {fault}.") from fault


def _unexpected(intent: Intent, message: str) -> ApiError:
    return ApiError(
        message, code="payment_intent_unexpected_state", more={"payment_intent": objects.payment_intent(intent)}
    )


def _past(till: Till, card: Card) -> bool:
    """A card is good to the end of its month."""
    return (card.exp_year, card.exp_month) < (till.now.year, till.now.month)


def _declined(till: Till, intent: Intent, card: Card, charge: str, behaviour: Behaviour) -> Answer:
    code, decline_code, message = DECLINES[behaviour]
    assert intent.payment_method is not None
    shown = objects.payment_method(intent.payment_method, card, created=intent.created)
    more: Json = {"decline_code": decline_code, "charge": charge, "payment_method": shown}
    body = error_body(message, kind="card_error", code=code, more=more)
    error = body["error"]
    assert isinstance(error, dict)
    after = _move(till, intent, Event.DECLINED, Changes(latest_charge=charge, last_payment_error=error))
    _write_charge(till, intent, charge, failure=code)
    return Answer(HTTPStatus.PAYMENT_REQUIRED, {"error": {**error, "payment_intent": objects.payment_intent(after)}})


def _write_charge(till: Till, intent: Intent, charge: str, *, failure: str | None) -> None:
    till.connection.execute(
        "INSERT INTO charges (id, payment_intent, payment_method, amount, failure_code, created)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (charge, intent.id, intent.payment_method, intent.amount, failure, till.seconds),
    )
