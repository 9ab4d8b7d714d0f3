"""Being paid by card through Stripe, or any network that speaks its PaymentIntents.

An attempt is created unconfirmed first, so that its id is known before any money can move; a lost answer is then always
settled by asking for that id. Every operation derives its own Idempotency-Key from the attempt's key and every retry
repeats it, so nothing is done twice. An answer that does not say what was asked for, in amount, currency and id, is
`Unknown`: never a guess.

https://docs.stripe.com/api/payment_intents
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import httpx

from app.domain.money import Money
from app.payments.stripe_wire import (
    REFERENCE,
    Answered,
    Failure,
    IntentAnswer,
    RefundAnswer,
    Reply,
    StripeSettings,
    Wire,
    read,
)
from app.ports import Authorized, Captured, CardToken, Charge, Decline, Prepared, Refunded, Refused, Unknown, Voided

__all__ = ["Stripe", "StripeSettings"]

TOKEN = re.compile(r"pm_[A-Za-z0-9_]{1,250}")
DETAIL_CHARACTERS_MAX = 200

Standing = Prepared | Authorized | Captured | Voided | Refused | Unknown

STANDINGS: dict[str, Callable[[str], Standing]] = {
    "requires_confirmation": Prepared,
    "requires_capture": Authorized,
    "succeeded": Captured,
    "canceled": Voided,
}
"""The port's word for an intent's status (https://docs.stripe.com/payments/paymentintents/lifecycle)."""

NOT_CANCELLED = frozenset(
    {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing"}
)

DECLINES = {
    "insufficient_funds": Decline.INSUFFICIENT_FUNDS,
    "expired_card": Decline.EXPIRED,
    "incorrect_number": Decline.INVALID,
    "invalid_number": Decline.INVALID,
    "incorrect_cvc": Decline.INVALID,
    "invalid_cvc": Decline.INVALID,
    "invalid_expiry_month": Decline.INVALID,
    "invalid_expiry_year": Decline.INVALID,
}
"""Stripe's decline codes and error codes that say more than "declined"."""

ANOTHER_PAYMENT = "the network answered with another payment than the one asked for"


class Stripe:
    """A PaymentProvider over an injected client. `chance` gives numbers in [0, 1) for the waits between tries."""

    name = "stripe"

    def __init__(
        self,
        http: httpx.AsyncClient,
        settings: StripeSettings,
        *,
        chance: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._wire = Wire(http, settings, chance=chance, sleep=sleep)
        self._minimal_params = settings.minimal_params

    async def prepare(self, charge: Charge) -> Prepared | Refused | Unknown:
        """Create the intent unconfirmed: nothing is charged, and its id is the reference from now on."""
        token = charge.instrument.token if isinstance(charge.instrument, CardToken) else ""
        if not TOKEN.fullmatch(token):
            return Refused(Decline.INVALID, "this is not a card token; enter the card again")
        fields = _create_fields(charge, token, minimal=self._minimal_params)
        reply = await self._wire.post("/v1/payment_intents", fields, key=f"{charge.key}-create")
        intent = _carried_out(IntentAnswer, reply)
        if isinstance(intent, Refused | Unknown):
            return intent
        if intent.status != "requires_confirmation":
            return Unknown(f"a new payment is {intent.status} where it should wait for its confirmation")
        return _differs(intent, charge) or Prepared(intent.id)

    async def authorize(self, charge: Charge, *, reference: str | None) -> Authorized | Captured | Refused | Unknown:
        """Confirm the intent `prepare` made. A card that wants 3-D Secure is refused today, its intent cancelled."""
        path = _path(reference)
        reply = await self._wire.post(f"{path}/confirm", {}, key=f"{charge.key}-confirm")
        intent = await self._settled(reply, path, undone={"requires_confirmation"})
        if isinstance(intent, Refused | Unknown):
            return intent
        if differs := _differs(intent, charge, reference=reference):
            return differs
        if intent.status == "requires_action":
            return await self._refuse_challenge(intent.id, key=charge.key)
        match _standing(intent):
            case Prepared():
                return Unknown("the network has not confirmed the payment; ask for it again")
            case Voided():
                return Refused(Decline.INVALID, "this payment was cancelled; start a new one")
            case outcome:
                return outcome

    async def capture(self, *, reference: str, amount: Money, key: str) -> Captured | Refused | Unknown:
        """Take `amount` of what was reserved; the rest is released."""
        path = _path(reference)
        reply = await self._wire.post(
            f"{path}/capture", {"amount_to_capture": str(amount.amount)}, key=f"{key}-capture"
        )
        intent = await self._settled(reply, path, undone={"requires_capture"})
        if isinstance(intent, Refused | Unknown):
            return intent
        if intent.id != reference or intent.currency.upper() != amount.currency:
            return Unknown(ANOTHER_PAYMENT)
        if intent.status in {"requires_capture", "processing"}:
            return Unknown("the network has not taken the reserved money yet; ask for it again")
        if intent.status != "succeeded":
            return Refused(Decline.INVALID, f"nothing is reserved: the payment is {intent.status}")
        if intent.amount_received not in {None, amount.amount}:
            return Unknown(f"the network took {intent.amount_received} where {amount.amount} was asked for")
        return Captured(intent.id)

    async def void(self, *, reference: str, key: str) -> Voided | Refused | Unknown:
        """Cancel an intent that has taken nothing; what has been taken needs a refund."""
        path = _path(reference)
        reply = await self._wire.post(f"{path}/cancel", {}, key=f"{key}-cancel")
        intent = await self._settled(reply, path, undone=NOT_CANCELLED)
        if isinstance(intent, Refused | Unknown):
            return intent
        if intent.id != reference:
            return Unknown(ANOTHER_PAYMENT)
        if intent.status == "canceled":
            return Voided(intent.id)
        if intent.status == "succeeded":
            return Refused(Decline.INVALID, "the money was taken already; refund it instead")
        return Unknown(f"the payment is {intent.status}, not cancelled yet")

    async def refund(self, *, reference: str, amount: Money, key: str) -> Refunded | Refused | Unknown:
        """Give back `amount`. A pending refund is accepted by the network and counts as given back."""
        _path(reference)
        fields = {"payment_intent": reference, "amount": str(amount.amount)}
        reply = await self._wire.post("/v1/refunds", fields, key=f"{key}-refund")
        refund = _carried_out(RefundAnswer, reply)
        if isinstance(refund, Refused | Unknown):
            return refund
        if (refund.amount, refund.currency.upper()) != (amount.amount, amount.currency):
            return Unknown(f"the network gives back {refund.amount} {refund.currency} where {amount} was asked for")
        if refund.payment_intent not in {None, reference}:
            return Unknown(ANOTHER_PAYMENT)
        if refund.status in {"succeeded", "pending"}:
            return Refunded(refund.id)
        return Refused(Decline.DECLINED, f"the refund is {refund.status}; give the money back another way")

    async def lookup(self, *, reference: str | None, key: str) -> Standing:
        """What became of the attempt; asks only."""
        if reference is None:
            return Unknown("no id was kept, so it was never confirmed; prepare it again with the same key to find it")
        intent = await self._asked(_path(reference))
        if isinstance(intent, Unknown):
            return intent
        if intent.id != reference or intent.metadata.get("key", key) != key:
            return Unknown(ANOTHER_PAYMENT)
        return _standing(intent)

    async def _asked(self, path: str) -> IntentAnswer | Unknown:
        """The intent as it stands. A 404 is no proof that nothing was charged: the key may be another account's."""
        reply = await self._wire.get(path)
        if isinstance(reply, Unknown):
            return reply
        if reply.status != HTTPStatus.OK:
            return Unknown(f"the network answered {reply.status} when asked for the payment; check the secret key")
        return read(IntentAnswer, reply)

    async def _settled(
        self, reply: Reply | Unknown, path: str, *, undone: frozenset[str] | set[str]
    ) -> IntentAnswer | Refused | Unknown:
        """The intent after an operation; where the answer does not tell, the network is asked what is true now.

        A 400 may be about our own earlier try, whose answer was lost; a 5xx may have come after the effect. An intent
        still in a state of `undone` shows that there was no effect: then the answer itself counts.
        """
        if isinstance(reply, Unknown):
            return reply
        if reply.status == HTTPStatus.OK:
            return read(IntentAnswer, reply)
        if not reply.failed and reply.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:
            return _refusal(reply)
        intent = await self._asked(path)
        return _refusal(reply) if isinstance(intent, IntentAnswer) and intent.status in undone else intent

    async def _refuse_challenge(self, reference: str, *, key: str) -> Refused | Unknown:
        outcome = await self.void(reference=reference, key=key)
        if isinstance(outcome, Voided):
            return Refused(
                Decline.DECLINED, "the card's bank asks for 3-D Secure, which is not offered yet; use another card"
            )
        return Unknown("the card's bank asks for 3-D Secure, and the payment could not be cancelled yet")


def _create_fields(charge: Charge, token: str, *, minimal: bool) -> dict[str, str]:
    fields = {
        "amount": str(charge.amount.amount),
        "currency": charge.amount.currency.lower(),
        "payment_method": token,
        "capture_method": "manual",
        "metadata[booking]": str(charge.booking_id),
        "metadata[issuer]": str(charge.issuer_id),
        "metadata[key]": charge.key,
    }
    if minimal:
        return fields
    # Without `never` the network may send the buyer to a page of a bank, from which there is no way back yet.
    return fields | {
        "description": f"booking {charge.booking_id}",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
    }


def _path(reference: str | None) -> str:
    """Where the intent lives; a reference that is none of ours must never become part of an address."""
    if reference is None or not re.fullmatch(REFERENCE, reference):
        raise ValueError("a card payment has a reference like pi_…; prepare it first and keep what it answers")
    return f"/v1/payment_intents/{reference}"


def _carried_out(kind: type[Answered], reply: Reply | Unknown) -> Answered | Refused | Unknown:
    """The answer to a request that no GET could settle: what it made, or why not."""
    if isinstance(reply, Unknown):
        return reply
    return read(kind, reply) if reply.status == HTTPStatus.OK else _refusal(reply)


def _refusal(reply: Reply) -> Refused | Unknown:
    """A 402 is a decline whatever its `type` says; 400 and 404 were not carried out; nothing else can be trusted."""
    failure = reply.failure()
    if reply.status == HTTPStatus.PAYMENT_REQUIRED:
        return _declined(failure)
    if reply.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND} and failure.type == "invalid_request_error":
        return Refused(Decline.INVALID, (failure.message or "")[:DETAIL_CHARACTERS_MAX])
    return Unknown(f"the network answered {reply.status} {failure.type}".rstrip())


def _declined(failure: Failure) -> Refused:
    reason = DECLINES.get(failure.decline_code or "") or DECLINES.get(failure.code or "") or Decline.DECLINED
    return Refused(reason, (failure.message or "the card was refused; use another one")[:DETAIL_CHARACTERS_MAX])


def _differs(intent: IntentAnswer, charge: Charge, *, reference: str | None = None) -> Unknown | None:
    """Words for an intent that is not the one asked for, or None."""
    if reference is not None and intent.id != reference:
        return Unknown(ANOTHER_PAYMENT)
    if (intent.amount, intent.currency.upper()) != (charge.amount.amount, charge.amount.currency):
        return Unknown(f"the network answered {intent.amount} {intent.currency} where {charge.amount} was asked for")
    if intent.metadata.get("key", charge.key) != charge.key:
        return Unknown(ANOTHER_PAYMENT)
    return None


def _standing(intent: IntentAnswer) -> Standing:
    if intent.status == "requires_capture" and intent.amount_capturable not in {None, intent.amount}:
        return Unknown(f"the network reserved {intent.amount_capturable} where {intent.amount} was asked for")
    if intent.status in STANDINGS:
        return STANDINGS[intent.status](intent.id)
    if intent.status == "requires_payment_method":
        return _declined(intent.last_payment_error or Failure())
    return Unknown(f"the payment is {intent.status[:DETAIL_CHARACTERS_MAX]}")
