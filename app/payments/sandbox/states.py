"""A payment intent's life: it waits for a card, then for a yes, then for its capture; or it is taken, or cancelled.

https://docs.stripe.com/payments/paymentintents/lifecycle is the model. `requires_action` is 3-D Secure: the holder of
the card is asked by the bank. `processing` has its place in the table and no event leads to it: every card here
answers at once.
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
    CHALLENGED = "payment_intent.requires_action"
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
        Event.CHALLENGED: Status.REQUIRES_ACTION,
        Event.AUTHORIZED: Status.REQUIRES_CAPTURE,
        Event.TAKEN: Status.SUCCEEDED,
        Event.DECLINED: Status.REQUIRES_PAYMENT_METHOD,
        Event.CANCELED: Status.CANCELED,
    },
    Status.REQUIRES_ACTION: {
        Event.AUTHORIZED: Status.REQUIRES_CAPTURE,
        Event.TAKEN: Status.SUCCEEDED,
        Event.DECLINED: Status.REQUIRES_PAYMENT_METHOD,
        Event.CANCELED: Status.CANCELED,
    },
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


class ChallengeStatus(StrEnum):
    """The bank's question to the holder of the card. Closed: it was overtaken, by a cancellation for one."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    CLOSED = "closed"


class RefundStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DisputeStatus(StrEnum):
    """https://docs.stripe.com/disputes/how-disputes-work; a `warning` is an inquiry, which takes no money."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"


class DisputeEvent(StrEnum):
    """What can happen to a dispute."""

    SUBMITTED = "submitted"
    WON = "won"
    LOST = "lost"
    ESCALATED = "escalated"


DISPUTE_TRANSITIONS: dict[DisputeStatus, dict[DisputeEvent, DisputeStatus]] = {
    DisputeStatus.NEEDS_RESPONSE: {
        DisputeEvent.SUBMITTED: DisputeStatus.UNDER_REVIEW,
        DisputeEvent.WON: DisputeStatus.WON,
        DisputeEvent.LOST: DisputeStatus.LOST,
    },
    DisputeStatus.UNDER_REVIEW: {
        DisputeEvent.WON: DisputeStatus.WON,
        DisputeEvent.LOST: DisputeStatus.LOST,
    },
    DisputeStatus.WARNING_NEEDS_RESPONSE: {
        DisputeEvent.SUBMITTED: DisputeStatus.WARNING_UNDER_REVIEW,
        DisputeEvent.WON: DisputeStatus.WARNING_CLOSED,
        DisputeEvent.LOST: DisputeStatus.WARNING_CLOSED,
        DisputeEvent.ESCALATED: DisputeStatus.NEEDS_RESPONSE,
    },
    DisputeStatus.WARNING_UNDER_REVIEW: {
        DisputeEvent.WON: DisputeStatus.WARNING_CLOSED,
        DisputeEvent.LOST: DisputeStatus.WARNING_CLOSED,
        DisputeEvent.ESCALATED: DisputeStatus.NEEDS_RESPONSE,
    },
    DisputeStatus.WON: {},
    DisputeStatus.LOST: {},
    DisputeStatus.WARNING_CLOSED: {},
}


def advance_dispute(status: DisputeStatus, event: DisputeEvent) -> DisputeStatus:
    """The state after `event`; raises IllegalTransition where the table has none."""
    try:
        return DISPUTE_TRANSITIONS[status][event]
    except KeyError:
        raise IllegalTransition(f"a dispute with a status of {status} cannot be {event}") from None


class Task(StrEnum):
    """What the network has promised itself to do later; the subject is a refund, an intent or a dispute."""

    SETTLE_REFUND = "settle_refund"
    FAIL_REFUND = "fail_refund"
    OPEN_DISPUTE = "open_dispute"
    WIN_DISPUTE = "win_dispute"
    LOSE_DISPUTE = "lose_dispute"
    LAPSE_DISPUTE = "lapse_dispute"
