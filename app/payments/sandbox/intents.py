"""Payment intents: create, confirm, capture, cancel. Each function is one request's effect inside one transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from app.domain.money import EXPONENTS
from app.payments.sandbox import challenges, charges, moves, objects
from app.payments.sandbox.addresses import URL_CHARACTERS_MAX
from app.payments.sandbox.cards import CHALLENGES
from app.payments.sandbox.errors import Answer, ApiError
from app.payments.sandbox.events import publish
from app.payments.sandbox.faults import OF_CARD, bring, of_card
from app.payments.sandbox.moves import Changes, unexpected
from app.payments.sandbox.paging import Page, fetch
from app.payments.sandbox.params import Params
from app.payments.sandbox.states import Event, Status
from app.payments.sandbox.till import Intent, Till, as_intent

AMOUNT_MAX = 99_999_999
"""Eight digits of minor units, as on the real network."""


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
    return_url: str | None = None


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
        return_url=params.optional("return_url", characters_max=URL_CHARACTERS_MAX),
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
    card = till.method(asked.payment_method) if asked.payment_method is not None else None
    status = Status.REQUIRES_CONFIRMATION if asked.payment_method else Status.REQUIRES_PAYMENT_METHOD
    intent_id = till.new_id("pi")
    till.connection.execute(
        "INSERT INTO payment_intents (id, status, amount, currency, capture_method, payment_method, description,"
        " metadata, client_secret, created, return_url) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(intent_id, status, asked.amount, asked.currency, asked.capture_method, asked.payment_method),
            *(asked.description, json.dumps(asked.metadata), till.new_id(f"{intent_id}_secret"), till.seconds),
            asked.return_url,
        ),
    )
    made = objects.payment_intent(till.intent(intent_id))
    publish(till, "payment_intent.created", made)
    if asked.confirm:
        return confirm(till, intent_id)
    if card is not None and card.behaviour in OF_CARD:
        fault = of_card(intent_id, OF_CARD[card.behaviour])
        bring(till.connection, fault)
        till.scripted.append(fault)
    return Answer(HTTPStatus.OK, made)


def confirm(till: Till, intent_id: str, method_id: str | None = None, return_url: str | None = None) -> Answer:
    """Charge the card: 200 with the intent, or 402 and the intent waits for another card.

    Where the bank wants to ask the holder first, 200 and the intent waits for that.
    """
    intent = till.intent(intent_id)
    if method_id is not None:
        till.method(method_id)
        intent = moves.move_or_refuse(till, intent, Event.ATTACHED, Changes(payment_method=method_id))
    if intent.payment_method is None:
        raise unexpected(intent, "You cannot confirm this PaymentIntent because it has no payment method. Give one.")
    if intent.status is not Status.REQUIRES_CONFIRMATION:
        raise unexpected(intent, f"You cannot confirm this PaymentIntent because it has a status of {intent.status}.")
    card = till.method(intent.payment_method)
    if card.behaviour in CHALLENGES:
        return challenges.ask(till, intent, return_url=return_url or intent.return_url)
    return charges.attempt(till, intent, card)


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
        raise unexpected(
            intent, f"This PaymentIntent could not be captured because it has a status of {intent.status}."
        )
    assert intent.latest_charge is not None
    return _shown(charges.taken(till, intent, charge=intent.latest_charge, amount=taken))


def cancel(till: Till, intent_id: str, reason: str | None) -> Answer:
    """Give up an intent and release what it reserved."""
    return _shown(
        moves.move_or_refuse(till, till.intent(intent_id), Event.CANCELED, Changes(cancellation_reason=reason))
    )


def retrieve(till: Till, intent_id: str) -> Answer:
    return _shown(till.intent(intent_id))


def page(till: Till, asked: Page) -> Answer:
    """The newest intents first."""
    rows, more = fetch(till, "payment_intents", "*", asked, {})
    shown = [objects.payment_intent(as_intent(row)) for row in rows]
    return Answer(HTTPStatus.OK, objects.page(shown, url="/v1/payment_intents", has_more=more))


def _shown(intent: Intent) -> Answer:
    return Answer(HTTPStatus.OK, objects.payment_intent(intent))
