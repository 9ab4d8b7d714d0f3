"""What Stripe's answers mean for a sale: its statuses and decline codes in the words of the payment port.

https://docs.stripe.com/payments/paymentintents/lifecycle, https://docs.stripe.com/declines/codes
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from pydantic import BaseModel

from app.payments.stripe_answers import Failure, IntentAnswer, RefundAnswer, failure, read
from app.payments.stripe_wire import Reply
from app.ports import (
    ActionRequired,
    Authorized,
    Captured,
    Charge,
    Decline,
    Prepared,
    Refunded,
    RefundPending,
    Refused,
    Unknown,
    Voided,
)

DETAIL_CHARACTERS_MAX = 200
URL_CHARACTERS_MAX = 2_000

ANOTHER_PAYMENT = "the network answered with another payment than the one asked for"

Standing = Prepared | Authorized | Captured | ActionRequired | Voided | Refused | Unknown
Restored = Refunded | RefundPending | Refused | Unknown

STANDINGS: dict[str, Callable[[str], Standing]] = {
    "requires_confirmation": Prepared,
    "requires_capture": Authorized,
    "succeeded": Captured,
    "canceled": Voided,
}
"""The port's word for an intent's status."""

REFUNDS: dict[str, Callable[[str], Restored]] = {
    "succeeded": Refunded,
    "pending": RefundPending,
    "requires_action": RefundPending,
}

DECLINES = {
    "insufficient_funds": Decline.INSUFFICIENT_FUNDS,
    "expired_card": Decline.EXPIRED,
    "incorrect_number": Decline.INVALID,
    "invalid_number": Decline.INVALID,
    "incorrect_cvc": Decline.INVALID,
    "invalid_cvc": Decline.INVALID,
    "invalid_expiry_month": Decline.INVALID,
    "invalid_expiry_year": Decline.INVALID,
    "authentication_required": Decline.NOT_CONFIRMED,
    "payment_intent_authentication_failure": Decline.NOT_CONFIRMED,
}
"""Stripe's decline codes and error codes that say more than "declined"."""

Answered = TypeVar("Answered", bound=BaseModel)


def carried_out(kind: type[Answered], reply: Reply | Unknown) -> Answered | Refused | Unknown:
    """The answer to a request that no GET could settle: what it made, or why not."""
    if isinstance(reply, Unknown):
        return reply
    return read(kind, reply) if reply.ok else refusal(reply)


def refusal(reply: Reply) -> Refused | Unknown:
    """A 402 is a decline whatever its `type` says; 400 and 404 were not carried out; nothing else can be trusted.

    A 400 `idempotency_error` is a bug of ours: the key was spent on another request, of which nothing is known here.
    """
    why = failure(reply)
    if reply.status == HTTPStatus.PAYMENT_REQUIRED:
        return declined(why)
    if reply.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND} and why.type == "invalid_request_error":
        return Refused(Decline.INVALID, (why.message or "")[:DETAIL_CHARACTERS_MAX])
    return Unknown(f"the network answered {reply.status} {why.type}".rstrip())


def declined(why: Failure) -> Refused:
    reason = DECLINES.get(why.decline_code or "") or DECLINES.get(why.code or "") or Decline.DECLINED
    return Refused(reason, (why.message or "the card was refused; use another one")[:DETAIL_CHARACTERS_MAX])


def differs(intent: IntentAnswer, charge: Charge, *, reference: str | None = None) -> Unknown | None:
    """Words for an intent that is not the one asked for, or None."""
    if reference is not None and intent.id != reference:
        return Unknown(ANOTHER_PAYMENT)
    if (intent.amount, intent.currency.upper()) != (charge.amount.amount, charge.amount.currency):
        return Unknown(f"the network answered {intent.amount} {intent.currency} where {charge.amount} was asked for")
    if intent.metadata.get("key", charge.key) != charge.key:
        return Unknown(ANOTHER_PAYMENT)
    return None


def standing(intent: IntentAnswer) -> Standing:
    """What became of an intent. A challenge that leads nowhere has charged nothing and never will: Prepared."""
    if intent.status == "requires_capture" and intent.amount_capturable not in {None, intent.amount}:
        return Unknown(f"the network reserved {intent.amount_capturable} where {intent.amount} was asked for")
    if intent.status in STANDINGS:
        return STANDINGS[intent.status](intent.id)
    if intent.status == "requires_action":
        url = challenge_url(intent)
        return ActionRequired(intent.id, url) if url else Prepared(intent.id)
    if intent.status == "requires_payment_method":
        return declined(intent.last_payment_error or Failure())
    return Unknown(f"the payment is {intent.status[:DETAIL_CHARACTERS_MAX]}")


def challenge_url(intent: IntentAnswer) -> str:
    """Where the bank wants to see the buyer, or nothing where only the network's own script could go."""
    action = intent.next_action
    url = action.redirect_to_url.url if action and action.redirect_to_url else ""
    web = url.startswith(("https://", "http://")) and url.isascii() and url.isprintable() and " " not in url
    return url if web and len(url) <= URL_CHARACTERS_MAX else ""


def restored(refund: RefundAnswer) -> Restored:
    """What became of a refund; one that failed or was cancelled has given nothing back."""
    if refund.status in REFUNDS:
        return REFUNDS[refund.status](refund.id)
    if refund.status in {"failed", "canceled"}:
        why = f" ({refund.failure_reason[:DETAIL_CHARACTERS_MAX]})" if refund.failure_reason else ""
        return Refused(Decline.DECLINED, f"the refund is {refund.status}{why}; give the money back another way")
    return Unknown(f"the refund is {refund.status[:DETAIL_CHARACTERS_MAX]}")
