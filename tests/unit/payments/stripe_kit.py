"""What the Stripe adapter's tests share: a charge, and the network's answers about it."""

from __future__ import annotations

from uuid import UUID

import httpx
from pydantic import SecretStr

from app.domain.money import Money
from app.payments.stripe import Stripe, StripeSettings
from app.ports import CardToken, Charge, Instrument

URL = "https://network.test"
SECRET = "sk_test_adapter_secret"
TOKEN = "pm_card_visa"
REFERENCE = "pi_1"
INTENTS = f"{URL}/v1/payment_intents"
INTENT = f"{INTENTS}/{REFERENCE}"
REFUNDS = f"{URL}/v1/refunds"
WON = Money(15_000, "KRW")


def a_stripe(http: httpx.AsyncClient, **settings: object) -> Stripe:
    """The adapter, which waits for nothing."""
    given = StripeSettings(URL, SecretStr(SECRET), **settings)  # type: ignore[arg-type]  # the tests name real fields
    return Stripe(http, given, chance=lambda: 0.5, sleep=no_sleep)


def a_charge(instrument: Instrument | None = None, *, return_url: str = "") -> Charge:
    return Charge(
        key="pay-1",
        amount=WON,
        issuer_id=UUID(int=1),
        booking_id=UUID(int=2),
        instrument=instrument or CardToken(TOKEN),
        return_url=return_url,
    )


def an_intent(status: str, **changes: object) -> dict[str, object]:
    taken = 15_000 if status == "succeeded" else 0
    capturable = 15_000 if status == "requires_capture" else 0
    return {
        "object": "payment_intent",
        "id": REFERENCE,
        "amount": 15_000,
        "amount_received": taken,
        "amount_capturable": capturable,
        "currency": "krw",
        "status": status,
        "metadata": {"key": "pay-1"},
    } | changes


def a_refund(**changes: object) -> dict[str, object]:
    return {
        "object": "refund",
        "id": "re_1",
        "amount": 15_000,
        "currency": "krw",
        "payment_intent": REFERENCE,
        "status": "succeeded",
    } | changes


def a_page(*objects: dict[str, object], more: bool = False) -> dict[str, object]:
    return {"object": "list", "data": list(objects), "has_more": more}


def an_error(**members: object) -> dict[str, object]:
    return {"error": {"type": "invalid_request_error", "message": "no"} | members}


async def no_sleep(_: float) -> None:
    return None
