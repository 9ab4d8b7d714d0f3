"""How the network's things look on the wire: Stripe's objects, with the members that mean something here."""

from __future__ import annotations

import json

from app.payments.sandbox.cards import Card
from app.payments.sandbox.errors import Json, JsonValue
from app.payments.sandbox.states import Status
from app.payments.sandbox.till import Intent


def payment_method(method_id: str, card: Card, *, created: int) -> Json:
    return {
        "id": method_id,
        "object": "payment_method",
        "type": "card",
        "card": {
            "brand": card.brand,
            "last4": card.last4,
            "fingerprint": card.fingerprint,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
        },
        "created": created,
        "customer": None,
        "livemode": False,
        "metadata": {},
    }


def payment_intent(intent: Intent) -> Json:
    """An intent; `amount_capturable` is what is reserved now, `next_action` where the bank's question is."""
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.amount if intent.status is Status.REQUIRES_CAPTURE else 0,
        "amount_received": intent.amount_received,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": intent.capture_method,
        "client_secret": intent.client_secret,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": None,
        "description": intent.description,
        "last_payment_error": json.loads(intent.last_payment_error) if intent.last_payment_error else None,
        "latest_charge": intent.latest_charge,
        "livemode": False,
        "metadata": json.loads(intent.metadata),
        "next_action": json.loads(intent.next_action) if intent.next_action else None,
        "payment_method": intent.payment_method,
        "payment_method_types": ["card"],
        "status": intent.status.value,
    }


def page(objects: list[Json], *, url: str, has_more: bool) -> Json:
    data: list[JsonValue] = list(objects)
    return {"object": "list", "url": url, "has_more": has_more, "data": data}
