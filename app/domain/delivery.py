"""A delivery: one message to one handset, from the queue to the phone; receipts only ever move it forward."""

from __future__ import annotations

from enum import StrEnum

from app.domain.machine import Machine


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryEvent(StrEnum):
    ACCEPT = "be accepted"
    ARRIVE = "arrive"
    FAIL = "fail"
    REQUEUE = "be queued again"


DELIVERY = Machine(
    "delivery",
    DeliveryState.QUEUED,
    {
        DeliveryEvent.ACCEPT: (frozenset({DeliveryState.QUEUED}), DeliveryState.SENT),
        # A receipt may overtake the answer to the message it belongs to.
        DeliveryEvent.ARRIVE: (frozenset({DeliveryState.QUEUED, DeliveryState.SENT}), DeliveryState.DELIVERED),
        # Staff revive a dead letter.
        DeliveryEvent.REQUEUE: (frozenset({DeliveryState.FAILED}), DeliveryState.QUEUED),
        DeliveryEvent.FAIL: (frozenset({DeliveryState.QUEUED, DeliveryState.SENT}), DeliveryState.FAILED),
    },
)

RECEIPT_EVENTS = {
    "DELIVERED": DeliveryEvent.ARRIVE,
    "EXPIRED": DeliveryEvent.FAIL,
    "DELETED": DeliveryEvent.FAIL,
    "UNDELIVERABLE": DeliveryEvent.FAIL,
    "REJECTED": DeliveryEvent.FAIL,
}
"""Final message states (SMPP 3.4 section 5.2.28) and what they mean for a delivery; other states are on the way."""

BACKOFF_SECONDS = (1, 2, 5, 15, 60, 300, 900, 3600)
ATTEMPTS_MAX = 12


def backoff_seconds(attempts: int) -> int:
    """How long to wait after the given number of failed tries."""
    return BACKOFF_SECONDS[min(attempts, len(BACKOFF_SECONDS)) - 1] if attempts else 0
