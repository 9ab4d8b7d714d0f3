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
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import date, datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx

from app.domain.money import Money
from app.payments import stripe_books, stripe_disputes, stripe_news
from app.payments.stripe_answers import INTENT_ID, REFUND_ID, IntentAnswer, RefundAnswer, RefundPage, read
from app.payments.stripe_reading import (
    ANOTHER_PAYMENT,
    Restored,
    Standing,
    carried_out,
    challenge_url,
    differs,
    refusal,
    restored,
    standing,
)
from app.payments.stripe_wire import Reply, StripeSettings, Wire, within
from app.ports import (
    ActionRequired,
    Authorized,
    Captured,
    CardToken,
    Charge,
    Decline,
    DisputeStanding,
    Movement,
    News,
    Prepared,
    Refused,
    Unknown,
    Voided,
)

__all__ = ["Stripe", "StripeSettings"]

TOKEN = re.compile(r"pm_[A-Za-z0-9_]{1,250}")
REFUNDS_PER_PAYMENT_MAX = 100

NOT_CONFIRMED = frozenset({"requires_confirmation"})
NOT_CAPTURED = frozenset({"requires_capture"})
NOT_CANCELLED = frozenset(
    {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing"}
)

P = ParamSpec("P")
T = TypeVar("T")


def _patient(
    verb: Callable[Concatenate[Stripe, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Stripe, P], Coroutine[Any, Any, T | Unknown]]:
    """One operation takes `tries_seconds` at most, whatever it has to ask; what is not known by then is Unknown."""

    @wraps(verb)
    async def bounded(stripe: Stripe, /, *args: P.args, **kwargs: P.kwargs) -> T | Unknown:
        return await within(stripe.settings.tries_seconds, verb(stripe, *args, **kwargs))

    return bounded


class Stripe:
    """A PaymentProvider and Teller over an injected client. `chance` gives numbers in [0, 1) for the waits."""

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
        self.settings = settings

    @_patient
    async def prepare(self, charge: Charge) -> Prepared | Refused | Unknown:
        """Create the intent unconfirmed: nothing is charged, and its id is the reference from now on."""
        token = charge.instrument.token if isinstance(charge.instrument, CardToken) else ""
        if not TOKEN.fullmatch(token):
            return Refused(Decline.INVALID, "this is not a card token; enter the card again")
        fields = _create_fields(charge, token, minimal=self.settings.minimal_params)
        reply = await self._wire.post("/v1/payment_intents", fields, key=f"{charge.key}-create")
        intent = carried_out(IntentAnswer, reply)
        if isinstance(intent, Refused | Unknown):
            return intent
        if intent.status != "requires_confirmation":
            return Unknown(f"a new payment is {intent.status} where it should wait for its confirmation")
        return differs(intent, charge) or Prepared(intent.id)

    @_patient
    async def authorize(
        self, charge: Charge, *, reference: str | None
    ) -> Authorized | Captured | ActionRequired | Refused | Unknown:
        """Confirm the intent `prepare` made. A challenge that no browser can be sent to is refused, and cancelled."""
        path = _path(reference)
        comes_back = charge.return_url and not self.settings.minimal_params
        fields = {"return_url": charge.return_url} if comes_back else {}
        reply = await self._wire.post(f"{path}/confirm", fields, key=f"{charge.key}-confirm")
        intent = await self._settled(reply, path, undone=NOT_CONFIRMED)
        if isinstance(intent, Refused | Unknown):
            return intent
        if different := differs(intent, charge, reference=reference):
            return different
        if intent.status == "requires_action" and not (comes_back and challenge_url(intent)):
            return await self._refuse_challenge(intent.id, key=charge.key)
        match standing(intent):
            case Prepared():
                return Unknown("the network has not confirmed the payment; ask for it again")
            case Voided():
                return Refused(Decline.INVALID, "this payment was cancelled; start a new one")
            case outcome:
                return outcome

    @_patient
    async def capture(self, *, reference: str, amount: Money, key: str) -> Captured | Refused | Unknown:
        """Take `amount` of what was reserved; the rest is released."""
        path = _path(reference)
        fields = {"amount_to_capture": str(amount.amount)}
        reply = await self._wire.post(f"{path}/capture", fields, key=f"{key}-capture")
        intent = await self._settled(reply, path, undone=NOT_CAPTURED)
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

    @_patient
    async def void(self, *, reference: str, key: str) -> Voided | Refused | Unknown:
        """Cancel an intent that has taken nothing; what has been taken needs a refund."""
        return await self._cancel(reference, key=key)

    @_patient
    async def refund(self, *, reference: str, amount: Money, key: str) -> Restored:
        """Give back `amount`, once for this key however often and however late it is asked for.

        The network forgets an Idempotency-Key after a day, and imitations never heed one. The key therefore stands in
        the refund's metadata too, and the refunds of the payment are looked through before another one is made.
        """
        _path(reference)
        made = await self._refund_of(reference, amount, key)
        if made is not None:
            return made
        fields = {"payment_intent": reference, "amount": str(amount.amount), "metadata[key]": key}
        reply = await self._wire.post("/v1/refunds", fields, key=f"{key}-refund")
        if isinstance(reply, Unknown) or reply.failed:
            lost = reply if isinstance(reply, Unknown) else refusal(reply)
            return await self._refund_of(reference, amount, key) or lost
        refund = carried_out(RefundAnswer, reply)
        return refund if isinstance(refund, Refused | Unknown) else _restored(refund, reference, amount)

    @_patient
    async def lookup(self, *, reference: str | None, key: str) -> Standing:
        """What became of the attempt; asks only."""
        if reference is None:
            return Unknown("no id was kept, so it was never confirmed; prepare it again with the same key to find it")
        intent = await self._asked(_path(reference))
        if isinstance(intent, Unknown):
            return intent
        if intent.id != reference or intent.metadata.get("key", key) != key:
            return Unknown(ANOTHER_PAYMENT)
        return standing(intent)

    @_patient
    async def lookup_refund(self, *, reference: str) -> Restored:
        """What became of a refund; asks only."""
        if not re.fullmatch(REFUND_ID, reference):
            raise ValueError("a refund has a reference like re_…; keep what `refund` answers")
        reply = await self._wire.get(f"/v1/refunds/{reference}")
        if isinstance(reply, Unknown):
            return reply
        if not reply.ok:
            return Unknown(f"the network answered {reply.status} when asked for the refund; check the secret key")
        refund = read(RefundAnswer, reply)
        if isinstance(refund, Unknown):
            return refund
        return restored(refund) if refund.id == reference else Unknown("the network answered with another refund")

    def news(self, body: bytes, signature: str, *, now: datetime) -> News | None:
        """What an event says; None where it means nothing to us. Raises NotAuthentic."""
        return stripe_news.read_event(body, signature, secrets=self.settings.webhook_secrets, now=now)

    @_patient
    async def dispute(self, *, reference: str) -> DisputeStanding | Unknown:
        """A dispute as the network has it now; asks only."""
        return await stripe_disputes.dispute(self._wire, reference)

    @_patient
    async def defend(
        self, *, reference: str, evidence: Mapping[str, str], key: str
    ) -> DisputeStanding | Refused | Unknown:
        """Hand in the evidence, once; its texts by Stripe's field names, such as `access_activity_log`."""
        return await stripe_disputes.defend(self._wire, reference, evidence, key=key)

    async def movements(self, *, day: date) -> Sequence[Movement] | Unknown:
        """All that moved on that day (UTC), oldest first. It may take minutes: no buyer waits for it."""
        return await within(self.settings.books_seconds, stripe_books.movements(self._wire, day))

    async def _asked(self, path: str) -> IntentAnswer | Unknown:
        """The intent as it stands. A 404 is no proof that nothing was charged: the key may be another account's."""
        reply = await self._wire.get(path)
        if isinstance(reply, Unknown):
            return reply
        if not reply.ok:
            return Unknown(f"the network answered {reply.status} when asked for the payment; check the secret key")
        return read(IntentAnswer, reply)

    async def _settled(
        self, reply: Reply | Unknown, path: str, *, undone: frozenset[str]
    ) -> IntentAnswer | Refused | Unknown:
        """The intent after an operation; where the answer does not tell, the network is asked what is true now.

        The answer may be lost; a 400 may be about our own earlier try, whose answer was lost; a 5xx may have come after
        the effect; a replay tells the past. An intent still in a state of `undone` shows no effect so far: then the
        answer itself counts, and a lost one stays unknown, for the request may still be on its way.
        """
        if isinstance(reply, Reply):
            if reply.ok and not reply.replayed:
                return read(IntentAnswer, reply)
            doubtful = reply.failed or reply.status in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}
            if not doubtful:
                return refusal(reply)
        intent = await self._asked(path)
        if isinstance(intent, Unknown) or intent.status not in undone:
            return intent
        return reply if isinstance(reply, Unknown) else refusal(reply)

    async def _cancel(self, reference: str, *, key: str) -> Voided | Refused | Unknown:
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

    async def _refuse_challenge(self, reference: str, *, key: str) -> Refused | Unknown:
        outcome = await self._cancel(reference, key=key)
        if isinstance(outcome, Voided):
            return Refused(
                Decline.DECLINED, "the card's bank asks for 3-D Secure, which is not possible here; use another card"
            )
        return Unknown("the card's bank asks for 3-D Secure, and the payment could not be cancelled yet")

    async def _refund_of(self, reference: str, amount: Money, key: str) -> Restored | None:
        """The refund that was made with this key before, or None where there is none yet."""
        query = {"payment_intent": reference, "limit": str(REFUNDS_PER_PAYMENT_MAX)}
        page = carried_out(RefundPage, await self._wire.get("/v1/refunds", query))
        if isinstance(page, Refused | Unknown):
            return page
        for refund in page.data:
            if (refund.metadata or {}).get("key") == key:
                return _restored(refund, reference, amount)
        return Unknown(f"the payment has more than {REFUNDS_PER_PAYMENT_MAX} refunds") if page.has_more else None


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
    # Without `never` the network may send the buyer to a page of a bank, from which there must be a way back.
    return fields | {
        "description": f"booking {charge.booking_id}",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "always" if charge.return_url else "never",
    }


def _path(reference: str | None) -> str:
    """Where the intent lives; a reference that is none of ours must never become part of an address."""
    if reference is None or not re.fullmatch(INTENT_ID, reference):
        raise ValueError("a card payment has a reference like pi_…; prepare it first and keep what it answers")
    return f"/v1/payment_intents/{reference}"


def _restored(refund: RefundAnswer, reference: str, amount: Money) -> Restored:
    """What became of a refund that must be the one asked for."""
    if (refund.amount, refund.currency.upper()) != (amount.amount, amount.currency):
        return Unknown(f"the network gives back {refund.amount} {refund.currency} where {amount} is asked for")
    if refund.payment_intent not in {None, reference}:
        return Unknown(ANOTHER_PAYMENT)
    return restored(refund)
