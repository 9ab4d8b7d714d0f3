"""The carrier's billing API: charge a subscriber's phone bill, confirm, cancel, refund, and look it up again.

Shaped after CAMARA Carrier Billing (camaraproject/CarrierBillingCheckOut): its verbs and payment states, with this
house's amounts in minor units, Idempotency-Key and problems.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self, assert_never

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from mobile_gateway.api.access import TheAccount, TheKey
from mobile_gateway.api.problems import Problem, Refused
from mobile_gateway.api.schemas import E164_PATTERN
from mobile_gateway.billing.desk import BillingDesk
from mobile_gateway.billing.rules import DENIAL_WORDS, Ask, Denial, KeyTaken, NotPossible, Payment, PaymentState
from mobile_gateway.disk.store import Store

AMOUNT_MAX = 10**12
KEY_LETTERS_MAX = 255
DESCRIPTION_LETTERS_MAX = 100

Amount = Annotated[int, Field(ge=1, le=AMOUNT_MAX, strict=True, description="Minor units of the currency.")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChargeIn(_In):
    """A payment on one subscriber's bill."""

    phone_number: Annotated[str, Field(pattern=E164_PATTERN, examples=["+821012345678"])]
    amount: Amount
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["KRW"])]
    description: Annotated[str, Field(max_length=DESCRIPTION_LETTERS_MAX)] = ""
    reserve: Annotated[bool, Field(description="Whether it is only reserved, and taken when it is confirmed.")] = False


class RefundIn(_In):
    amount: Amount


class PaymentOut(BaseModel):
    """One payment as it stands."""

    model_config = ConfigDict(frozen=True)

    payment_id: str
    state: PaymentState
    phone_number: str | None
    amount: int
    currency: str
    refunded: int
    denial: Denial | None
    denial_reason: str | None
    created_at: datetime
    expires_at: Annotated[datetime, Field(description="When a reservation that nobody confirms runs out.")]

    @classmethod
    def of(cls, payment: Payment) -> Self:
        return cls(
            payment_id=payment.id,
            state=payment.state,
            phone_number=payment.number,
            amount=payment.amount,
            currency=payment.currency,
            refunded=payment.refunded,
            denial=payment.denial,
            denial_reason=DENIAL_WORDS[payment.denial] if payment.denial else None,
            created_at=payment.made_at,
            expires_at=payment.expires_at,
        )


async def the_desk(request: Request) -> BillingDesk:
    gateway = request.app.state.gateway
    assert isinstance(gateway.store, Store)
    return BillingDesk(gateway.store, gateway.settings.billing_terms(), now=gateway.now, new_id=gateway.new_id)


TheDesk = Annotated[BillingDesk, Depends(the_desk)]


billing = APIRouter(prefix="/carrier-billing/payments", tags=["carrier billing"])


@billing.post("", status_code=201)
async def charge(body: ChargeIn, key: TheKey, account: TheAccount, desk: TheDesk) -> PaymentOut:
    """Take or reserve an amount. A denied payment is an answer too: its state and `denial` say so.

    The same key and body again answer what became of the first.
    """
    ask = Ask(
        account=account,
        key=key,
        number=body.phone_number,
        amount=body.amount,
        currency=body.currency,
        description=body.description,
        immediate=not body.reserve,
    )
    return _answer(await desk.charge(ask))


@billing.get("")
async def payment_of_key(
    key: Annotated[str, Query(min_length=1, max_length=KEY_LETTERS_MAX)], account: TheAccount, desk: TheDesk
) -> PaymentOut:
    """What became of the charge that was sent with this key."""
    return _answer(await desk.payment_of_key(account, key))


@billing.post("/cancel")
async def cancel_key(key: TheKey, account: TheAccount, desk: TheDesk) -> PaymentOut:
    """Cancel the charge of this key; one that never came is refused should it come yet."""
    return _answer(await desk.cancel_key(account, key))


@billing.get("/{payment_id}")
async def payment(payment_id: str, account: TheAccount, desk: TheDesk) -> PaymentOut:
    """A payment as it stands."""
    return _answer(await desk.payment(account, payment_id))


@billing.post("/{payment_id}/confirm")
async def confirm(payment_id: str, account: TheAccount, desk: TheDesk) -> PaymentOut:
    """Take what was reserved. Again is harmless."""
    return _answer(await desk.confirm(account, payment_id))


@billing.post("/{payment_id}/cancel")
async def cancel(payment_id: str, account: TheAccount, desk: TheDesk) -> PaymentOut:
    """Let go of what was reserved. Again is harmless."""
    return _answer(await desk.cancel(account, payment_id))


@billing.post("/{payment_id}/refund")
async def refund(payment_id: str, body: RefundIn, key: TheKey, account: TheAccount, desk: TheDesk) -> PaymentOut:
    """Give back some or all of what was taken, once per key."""
    return _answer(await desk.refund(account, payment_id, key=key, amount=body.amount))


def _answer(outcome: Payment | KeyTaken | NotPossible | None) -> PaymentOut:
    """The payment, or the refusal as a problem."""
    match outcome:
        case Payment():
            return PaymentOut.of(outcome)
        case NotPossible(why):
            raise Refused(Problem.NOT_POSSIBLE, why)
        case KeyTaken():
            raise Refused(Problem.KEY_REUSED, "This key names another payment or refund; make a new key for a new one.")
        case None:
            raise Refused(Problem.NOT_FOUND, "This account has made no such payment; check its id or key.")
        case _:
            assert_never(outcome)
