"""Being paid by phone bill, through a carrier's billing API: reserve with the attempt's key, confirm, cancel, refund.

The attempt's key names the payment at the carrier, so nothing need be created before it is asked for: a lost answer is
looked up by the key, and an attempt that is given up is cancelled by it for good, even if it is still on its way.
An answer that does not say what was asked for is `Unknown`: never a guess.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, assert_never
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictInt, ValidationError

from app.domain.money import Money
from app.ports import (
    Authorized,
    Captured,
    CarrierBill,
    Charge,
    Decline,
    Prepared,
    Refunded,
    Refused,
    Unknown,
    Voided,
)

ANSWER_BYTES_MAX = 65_536
DETAIL_LETTERS_MAX = 200
PAYMENT_ID = r"[a-z0-9]{8,64}"
KEY_REUSED = "/problems#key-reused"

DENIALS = {"monthly_limit": Decline.INSUFFICIENT_FUNDS}
"""The carrier's reasons that mean more to a buyer than that the bill cannot be used."""

SURELY_NOTHING_DONE = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT}
    | {HTTPStatus.NOT_FOUND, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""Answers that refuse the request itself; all others but success leave open what became of it."""


@dataclass(frozen=True, slots=True)
class CarrierAccount:
    """How we are known to the carrier. The password never prints."""

    base_url: str
    system_id: str
    password: SecretStr
    timeout_seconds: float = 10.0


class _Payment(BaseModel):
    """What is read of a payment; everything else in it is ignored."""

    model_config = ConfigDict(hide_input_in_errors=True)
    payment_id: str = Field(pattern=f"^{PAYMENT_ID}$")
    state: Literal["reserved", "succeeded", "denied", "cancelled", "expired"]
    phone_number: str | None
    amount: StrictInt
    currency: str
    refunded: StrictInt
    denial: str | None = None
    denial_reason: str | None = None


class _Problem(BaseModel):
    type: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _No:
    """The carrier refused the request; nothing was done."""

    status: int
    type: str
    detail: str


class CarrierBilling:
    """A PaymentProvider over an injected client. There is no PIN: whoever calls it has proven whose number it is."""

    name = "carrier"

    def __init__(self, http: httpx.AsyncClient, account: CarrierAccount) -> None:
        self._http = http
        self._url = account.base_url.rstrip("/") + "/carrier-billing/payments"
        self._auth = httpx.BasicAuth(account.system_id, account.password.get_secret_value())
        self._timeout_seconds = account.timeout_seconds

    async def prepare(self, charge: Charge) -> Prepared | Refused | Unknown:
        """Nothing to create: the key alone finds the payment again."""
        if not isinstance(charge.instrument, CarrierBill):
            return Refused(Decline.INVALID, "not a phone bill")
        return Prepared(None)

    async def authorize(self, charge: Charge, *, reference: str | None) -> Authorized | Captured | Refused | Unknown:
        """Reserve the amount on the bill of the instrument's number."""
        del reference
        if not isinstance(charge.instrument, CarrierBill):
            return Refused(Decline.INVALID, "not a phone bill")
        body = {
            "phone_number": charge.instrument.handset,
            "amount": charge.amount.amount,
            "currency": charge.amount.currency,
            "reserve": True,
        }
        answer = await self._ask("POST", "", body=body, key=charge.key)
        match answer:
            case Unknown():
                return answer
            case _No(type=problem) if problem == KEY_REUSED:
                return Unknown("the carrier knows this attempt with another content; ask what became of it")
            case _No(detail=detail):
                return Refused(Decline.INVALID, detail)
        # A payment cancelled before it arrived stands for no number and no amount.
        if answer.state != "cancelled" and (
            (answer.phone_number, answer.amount, answer.currency)
            != (charge.instrument.handset, charge.amount.amount, charge.amount.currency)
        ):
            return Unknown("the carrier answered with another payment than the one asked for")
        outcome = _standing(answer)
        return Refused(Decline.INVALID, "this payment was cancelled") if isinstance(outcome, Voided) else outcome

    async def capture(self, *, reference: str, amount: Money, key: str) -> Captured | Refused | Unknown:
        """Take what was reserved, wholly."""
        del key  # a payment is confirmed once, whoever asks how often
        answer = await self._ask("POST", f"/{quote(reference, safe='')}/confirm")
        if not isinstance(answer, _Payment):
            return _refused(answer)
        taken = (answer.payment_id, answer.state, answer.amount, answer.currency)
        if taken != (reference, "succeeded", amount.amount, amount.currency):
            return Unknown("the carrier does not say that it took what was asked for")
        return Captured(reference)

    async def void(self, *, reference: str, key: str) -> Voided | Refused | Unknown:
        """Let go of what was reserved; `reference` is the payment's id, or the attempt's key where no answer came."""
        del key
        if re.fullmatch(PAYMENT_ID, reference):
            answer = await self._ask("POST", f"/{reference}/cancel")
        else:
            answer = await self._ask("POST", "/cancel", key=reference)
        if not isinstance(answer, _Payment):
            return _refused(answer)
        if answer.state != "cancelled":
            return Unknown(f"the carrier says that a cancelled payment is {answer.state}")
        return Voided(reference)

    async def refund(self, *, reference: str, amount: Money, key: str) -> Refunded | Refused | Unknown:
        """Give back `amount` of what was taken, on the subscriber's bill."""
        body = {"amount": amount.amount}
        answer = await self._ask("POST", f"/{quote(reference, safe='')}/refund", body=body, key=key)
        if not isinstance(answer, _Payment):
            return _refused(answer)
        if answer.payment_id != reference or answer.currency != amount.currency or answer.refunded < amount.amount:
            return Unknown("the carrier does not say that it gave back what was asked for")
        return Refunded(key)

    async def lookup_refund(self, *, reference: str) -> Refunded:
        """A bill is credited at once and for good: that `refund` gave a reference says how it ended."""
        return Refunded(reference)

    async def lookup(
        self, *, reference: str | None, key: str
    ) -> Prepared | Authorized | Captured | Voided | Refused | Unknown:
        """What became of the attempt; by its id where that is known, else by its key."""
        if reference is None:
            answer = await self._ask("GET", "", query={"key": key})
        else:
            answer = await self._ask("GET", f"/{quote(reference, safe='')}")
        match answer:
            case _Payment():
                return _standing(answer)
            case _No(status=HTTPStatus.NOT_FOUND):
                return Prepared(None) if reference is None else Refused(Decline.INVALID, answer.detail)
            case _No(detail=detail):
                return Unknown(f"the carrier does not tell: {detail}")
        return answer

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> _Payment | _No | Unknown:
        """One request and what it led to. It is not repeated here: what is unknown the reconciler asks about."""
        request = self._http.build_request(
            method,
            self._url + path,
            json=body,
            params=query,
            headers={"Idempotency-Key": key} if key else None,
            timeout=self._timeout_seconds,
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):  # the whole of it; httpx times each step alone
                response = await self._http.send(request, auth=self._auth, stream=True, follow_redirects=False)
                try:
                    content = await _content(response)
                finally:
                    await response.aclose()
        except (httpx.TimeoutException, TimeoutError):
            return Unknown(f"the carrier did not answer within {self._timeout_seconds:g} s")
        except (httpx.TransportError, httpx.DecodingError) as fault:
            return Unknown(f"the carrier cannot be reached ({type(fault).__name__})")
        if content is None:
            return Unknown(f"the carrier's answer is larger than {ANSWER_BYTES_MAX} bytes")
        return _read(response.status_code, content)


async def _content(response: httpx.Response) -> bytes | None:
    """The whole body, or None as soon as it is too large, counted after any decompression."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            return None
    return bytes(body)


def _read(status: int, content: bytes) -> _Payment | _No | Unknown:
    if status in {HTTPStatus.OK, HTTPStatus.CREATED}:
        try:
            return _Payment.model_validate_json(content)
        except ValidationError:
            return Unknown("the carrier's answer cannot be read")
    if status not in SURELY_NOTHING_DONE:
        return Unknown(f"the carrier answered {status}")
    try:
        problem = _Problem.model_validate_json(content)
    except ValidationError:
        problem = _Problem()
    return _No(status, problem.type, (problem.detail or f"the carrier answered {status}")[:DETAIL_LETTERS_MAX])


def _standing(payment: _Payment) -> Authorized | Captured | Voided | Refused:
    """The port's word for a payment's state."""
    match payment.state:
        case "reserved":
            return Authorized(payment.payment_id)
        case "succeeded":
            return Captured(payment.payment_id)
        case "cancelled" | "expired":
            return Voided(payment.payment_id)
        case "denied":
            reason = DENIALS.get(payment.denial or "", Decline.INVALID)
            return Refused(reason, (payment.denial_reason or "the carrier does not charge it")[:DETAIL_LETTERS_MAX])
        case _:
            assert_never(payment.state)


def _refused(answer: _No | Unknown) -> Refused | Unknown:
    """A no to an operation on a payment; one about our account says nothing of the payment's money."""
    if isinstance(answer, _No) and answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Unknown(f"the carrier does not let us in: {answer.detail}")
    return answer if isinstance(answer, Unknown) else Refused(Decline.INVALID, answer.detail)
