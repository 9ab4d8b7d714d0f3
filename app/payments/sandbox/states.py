"""A payment intent's life: it waits for a card, then for a yes, then for its capture; or it is taken, or cancelled.

https://docs.stripe.com/payments/paymentintents/lifecycle is the model. `requires_action` (3-D Secure) and `processing`
have their place in the table and no event leads to them yet.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class Event(StrEnum):
    """What can happen to an intent; the values are the names under which Stripe reports them."""

    ATTACHED = "payment_intent.attached"
    AUTHORIZED = "payment_intent.amount_capturable_updated"
    TAKEN = "payment_intent.succeeded"
    DECLINED = "payment_intent.payment_failed"
    CANCELED = "payment_intent.canceled"


class IllegalTransition(Exception):
    """The event cannot happen in this state; the message says it in the API's words."""


TRANSITIONS: dict[Status, dict[Event, Status]] = {
    Status.REQUIRES_PAYMENT_METHOD: {
        Event.ATTACHED: Status.REQUIRES_CONFIRMATION,
        Event.CANCELED: Status.CANCELED,
    },
    Status.REQUIRES_CONFIRMATION: {
        Event.ATTACHED: Status.REQUIRES_CONFIRMATION,
        Event.AUTHORIZED: Status.REQUIRES_CAPTURE,
        Event.TAKEN: Status.SUCCEEDED,
        Event.DECLINED: Status.REQUIRES_PAYMENT_METHOD,
        Event.CANCELED: Status.CANCELED,
    },
    Status.REQUIRES_ACTION: {Event.CANCELED: Status.CANCELED},
    Status.PROCESSING: {},
    Status.REQUIRES_CAPTURE: {Event.TAKEN: Status.SUCCEEDED, Event.CANCELED: Status.CANCELED},
    Status.SUCCEEDED: {},
    Status.CANCELED: {},
}


def advance(status: Status, event: Event) -> Status:
    """The state after `event`; raises IllegalTransition where the table has none."""
    try:
        return TRANSITIONS[status][event]
    except KeyError:
        raise IllegalTransition(f"a PaymentIntent with a status of {status} does not allow {event}") from None
