"""Payment methods: a typed card becomes a token, and the number is forgotten."""

from __future__ import annotations

from http import HTTPStatus

from app.payments.sandbox import objects
from app.payments.sandbox.cards import Card, CardFault, TypedCard, faults, kept
from app.payments.sandbox.errors import Answer, ApiError
from app.payments.sandbox.params import Params
from app.payments.sandbox.till import Till

YEAR_MAX = 9_999

MESSAGES = {
    CardFault.NUMBER: ("card[number]", "Your card number is incorrect. Check its digits."),
    CardFault.NOT_A_TEST_CARD: (
        "card[number]",
        "This is a sandbox: it takes test cards only. Use one of the test numbers on its card page.",
    ),
    CardFault.MONTH: ("card[exp_month]", "Your card's expiration month is invalid. Check the month."),
    CardFault.YEAR: ("card[exp_year]", "Your card's expiration year is invalid. Check the year."),
    CardFault.CVC: ("card[cvc]", "Your card's security code is invalid. Check the digits on the card."),
}


def read_card(params: Params) -> TypedCard:
    """Raises ApiError 400 for fields that are no numbers at all."""
    params.choice("type", ("card",))
    card = TypedCard(
        number=params.required("card[number]"),
        exp_month=params.integer("card[exp_month]", minimum=0, maximum=99),
        exp_year=params.integer("card[exp_year]", minimum=0, maximum=YEAR_MAX),
        cvc=params.optional("card[cvc]"),
    )
    params.metadata()
    params.done()
    return card


def create(till: Till, typed: TypedCard) -> Answer:
    """Keep a card; raises ApiError 402 with its first fault, as the real network does."""
    found = faults(typed, now=till.now)
    if found:
        param, message = MESSAGES[found[0]]
        raise ApiError(message, status=HTTPStatus.PAYMENT_REQUIRED, kind="card_error", code=found[0].value, param=param)
    card = kept(typed, secret=till.secret)
    method_id = till.new_id("pm")
    keep(till, method_id, card)
    return Answer(HTTPStatus.OK, objects.payment_method(method_id, card, created=till.seconds))


def keep(till: Till, method_id: str, card: Card) -> None:
    """Write a payment method; one that is there already stays as it is."""
    till.connection.execute(
        "INSERT INTO payment_methods (id, brand, last4, fingerprint, exp_month, exp_year, behaviour, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
        " SET fingerprint = excluded.fingerprint, exp_year = excluded.exp_year",
        (
            *(method_id, card.brand, card.last4, card.fingerprint),
            *(card.exp_month, card.exp_year, card.behaviour.value, till.seconds),
        ),
    )
