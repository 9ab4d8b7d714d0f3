"""What Stripe tells by webhook: who signed it, when, and which of our things it is about.

An event is a hint. Nothing of it counts but the name of the object that something happened to; the object itself is
asked for. https://docs.stripe.com/webhooks#verify-manually
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from pydantic import SecretStr, ValidationError

from app.domain.refusals import NotAuthentic
from app.payments.stripe_answers import DISPUTE_ID, INTENT_ID, REFUND_ID, EventAnswer
from app.ports import News, NewsKind

TOLERANCE_SECONDS = 300
SIGNATURE_CHARACTERS_MAX = 2_048
BODY_BYTES_MAX = 262_144

KINDS = {
    "payment_intent.requires_action": NewsKind.PAYMENT,
    "payment_intent.amount_capturable_updated": NewsKind.PAYMENT,
    "payment_intent.succeeded": NewsKind.PAYMENT,
    "payment_intent.payment_failed": NewsKind.PAYMENT,
    "payment_intent.canceled": NewsKind.PAYMENT,
    "charge.refunded": NewsKind.PAYMENT,
    "refund.created": NewsKind.REFUND,
    "refund.updated": NewsKind.REFUND,
    "refund.failed": NewsKind.REFUND,
    "charge.refund.updated": NewsKind.REFUND,
    "charge.dispute.created": NewsKind.DISPUTE,
    "charge.dispute.updated": NewsKind.DISPUTE,
    "charge.dispute.closed": NewsKind.DISPUTE,
    "charge.dispute.funds_withdrawn": NewsKind.DISPUTE,
    "charge.dispute.funds_reinstated": NewsKind.DISPUTE,
}
"""What an event is about, by its type. Every other type means nothing to us."""

OF_A_CHARGE = frozenset({"charge.refunded"})
"""Events whose object is a charge, which we know by its payment only."""

REFERENCES = {NewsKind.PAYMENT: INTENT_ID, NewsKind.REFUND: REFUND_ID, NewsKind.DISPUTE: DISPUTE_ID}


def read_event(body: bytes, signature: str, *, secrets: Sequence[SecretStr], now: datetime) -> News | None:
    """What a webhook says, or None for an event that means nothing to us.

    `signature` is the header Stripe-Signature. Raises NotAuthentic with a sentence for the operator at the other end.
    """
    _verify(body, signature, secrets=secrets, now=now)
    try:
        event = EventAnswer.model_validate_json(body)
    except ValidationError:
        raise NotAuthentic(
            "The body is signed, but it is no event with its object in it; let this endpoint have snapshot events."
        ) from None
    kind = KINDS.get(event.type)
    if kind is None:
        return None
    reference = event.about.payment_intent if event.type in OF_A_CHARGE else event.about.id
    if reference is None:
        return None  # a charge that no intent made is none of ours
    if not re.fullmatch(REFERENCES[kind], reference):
        raise NotAuthentic(f"The body is signed, but its object is no {kind.value}; send Stripe's events unchanged.")
    return News(event.id, kind, reference)


def _verify(body: bytes, signature: str, *, secrets: Sequence[SecretStr], now: datetime) -> None:
    """Raises NotAuthentic. Every secret is compared with every signature, in constant time and without stopping."""
    if not secrets:
        raise NotAuthentic("No webhook secret is set here; set CYBERTICKET_PAYMENT_WEBHOOK_SECRETS to the endpoint's.")
    if len(body) > BODY_BYTES_MAX:
        raise NotAuthentic(f"The body is longer than {BODY_BYTES_MAX} bytes; no event is.")
    signed_at, signatures = _parts(signature)
    payload = signed_at.encode() + b"." + body
    matches = [
        hmac.compare_digest(hmac.new(secret.get_secret_value().encode(), payload, sha256).digest(), given)
        for secret in secrets
        for given in signatures
    ]
    if not any(matches):
        raise NotAuthentic("No signature fits this body; sign it with this endpoint's secret and send it unchanged.")
    if abs(now.timestamp() - int(signed_at)) > TOLERANCE_SECONDS:
        raise NotAuthentic(f"It was signed more than {TOLERANCE_SECONDS} s ago or ahead; set the clock, sign it anew.")


def _parts(signature: str) -> tuple[str, list[bytes]]:
    """The time of signing as it was written, and the signatures of scheme v1; other schemes say nothing to us."""
    pairs = [part.strip().partition("=") for part in signature[: SIGNATURE_CHARACTERS_MAX + 1].split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    signatures = [bytes.fromhex(value) for name, _, value in pairs if name == "v1" and _is_digest(value)]
    too_long = len(signature) > SIGNATURE_CHARACTERS_MAX
    if too_long or len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0]) or not signatures:
        raise NotAuthentic("The header Stripe-Signature must hold one time and a signature: t=…,v1=….")
    return times[0], signatures


def _is_digest(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None
