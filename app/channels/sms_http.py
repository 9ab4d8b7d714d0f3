"""SMS by a carrier gateway's HTTP interface: one POST per message, its key the gateway's Idempotency-Key."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from app.domain.handset import Handset
from app.ports import Accepted, Message, Preview, Rejected
from mobile_gateway.wire import gsm

ACCEPTED = 202
TEMPORARY = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
RECEIPT_SECONDS = 300
"""How far the clock of a receipt's signature may be off."""

SIGNATURE = re.compile(r"v1=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Account:
    """How we are known to the gateway."""

    base_url: str
    system_id: str
    password: SecretStr


class _Taken(BaseModel):
    message_id: str
    parts: int


class SmsHttp:
    """Sends text messages. An answer that is lost is asked again with the same key, so the handset gets it once."""

    name = "sms_http"

    def __init__(self, http: httpx.AsyncClient, account: Account) -> None:
        self._http = http
        self._url = account.base_url.rstrip("/") + "/sms/messages"
        self._auth = httpx.BasicAuth(account.system_id, account.password.get_secret_value())

    def preview(self, text: str) -> Preview:
        cut = gsm.segment(text)
        return Preview(cut.coding.value, cut.parts, cut.units_per_part)

    async def send(self, to: Handset, message: Message, *, key: str) -> Accepted | Rejected:
        if message.raw is not None:
            return Rejected("the mobile gateway's own interface carries text only; use SMPP for pictures", retry=False)
        body = {"to": to, "text": message.text, "callback": True}
        try:
            answer = await self._http.post(self._url, json=body, auth=self._auth, headers={"Idempotency-Key": key})
        except httpx.TimeoutException:
            return Rejected("the mobile gateway did not answer in time", retry=True)
        except httpx.TransportError as fault:
            return Rejected(f"the mobile gateway cannot be reached ({type(fault).__name__})", retry=True)
        if answer.status_code != ACCEPTED:
            return Rejected(_why(answer), retry=answer.status_code in TEMPORARY)
        try:
            taken = _Taken.model_validate_json(answer.content)
        except ValidationError:
            return Rejected("the mobile gateway's answer cannot be read", retry=True)
        return Accepted(taken.message_id, taken.parts)


def _why(answer: httpx.Response) -> str:
    """The gateway's own sentence where it gives one, without anything of our message."""
    try:
        detail = answer.json().get("detail")
    except (ValueError, AttributeError):
        detail = None
    words = detail if isinstance(detail, str) else "no reason given"
    return f"the mobile gateway refused it with {answer.status_code}: {words}"[:300]


def receipt_is_genuine(body: bytes, *, timestamp: str, signature: str, secret: SecretStr, now: float) -> bool:
    """Whether a receipt was signed by our carrier, over this body and not long ago."""
    match = SIGNATURE.fullmatch(signature)
    if match is None or not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > 12:  # noqa: PLR2004 - seconds
        return False
    signed = hmac.new(secret.get_secret_value().encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return hmac.compare_digest(signed.hexdigest(), match[1]) and abs(now - int(timestamp)) <= RECEIPT_SECONDS
