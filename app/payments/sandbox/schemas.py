"""The members of each object on the wire, for the OpenAPI document; a test holds every answer against them."""

from __future__ import annotations

from typing import Any

TYPES: dict[str, dict[str, Any]] = {
    "s": {"type": "string"},
    "i": {"type": "integer"},
    "n": {"type": "number"},
    "b": {"type": "boolean"},
    "o": {"type": "object"},
    "a": {"type": "array", "items": {}},
}

MEMBERS = {
    "payment_method": "id s, object s, type s, card o, created i, customer s?, livemode b, metadata o",
    "payment_intent": (
        "id s, object s, amount i, amount_capturable i, amount_received i, canceled_at i?, cancellation_reason s?,"
        " capture_method s, client_secret s, confirmation_method s, created i, currency s, customer s?,"
        " description s?, last_payment_error o?, latest_charge s?, livemode b, metadata o, next_action o?,"
        " payment_method s?, payment_method_types a, status s"
    ),
    "charge": (
        "id s, object s, amount i, amount_captured i, amount_refunded i, balance_transaction s?, captured b, created i,"
        " currency s, customer s?, description s?, disputed b, failure_code s?, livemode b, metadata o, paid b,"
        " payment_intent s, payment_method s, refunded b, status s"
    ),
    "refund": (
        "id s, object s, amount i, balance_transaction s, charge s, created i, currency s,"
        " failure_balance_transaction s?, failure_reason s?, metadata o, payment_intent s, pending_reason s?,"
        " reason s?, status s"
    ),
    "dispute": (
        "id s, object s, amount i, balance_transactions a, charge s, created i, currency s,"
        " enhanced_eligibility_types a, evidence o, evidence_details o, is_charge_refundable b, livemode b, metadata o,"
        " payment_intent s, payment_method_details o, reason s, status s"
    ),
    "balance_transaction": (
        "id s, object s, amount i, available_on i, balance_type s, created i, currency s, description s?,"
        " exchange_rate n?, fee i, fee_details a, net i, reporting_category s, source s, status s, type s"
    ),
    "event": ("id s, object s, api_version s, created i, data o, livemode b, pending_webhooks i, request o, type s"),
    "webhook_endpoint": (
        "id s, object s, api_version s, application s?, created i, deleted b?, description s?, enabled_events a?,"
        " livemode b, metadata o, secret s?, status s, url s"
    ),
    "deleted": "id s, object s, deleted b",
    "fault": (
        "id s, object s, operation s, what s, times i, met i, milliseconds i, percent i, seed i, payment_intent s?,"
        " event s?"
    ),
    "list": "object s, url s, has_more b, data a",
}


def _schema(members: str) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required = []
    for member in members.split(", "):
        name, kind = member.split(" ")
        schema = TYPES[kind[0]]
        if kind.endswith("?"):
            schema = {**schema, "type": [schema["type"], "null"]}
        else:
            required.append(name)
        properties[name] = schema
    return {"type": "object", "properties": properties, "required": required}


SCHEMAS = {name: _schema(members) for name, members in MEMBERS.items()}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {
                    "type": "string",
                    "enum": ["api_error", "card_error", "idempotency_error", "invalid_request_error"],
                },
                "code": {"type": "string"},
                "decline_code": {"type": "string"},
                "message": {"type": "string"},
                "param": {"type": "string"},
                "charge": {"type": "string"},
                "payment_intent": {"$ref": "#/components/schemas/payment_intent"},
                "payment_method": {"$ref": "#/components/schemas/payment_method"},
            },
        }
    },
}
