"""SMS by the HTTP interface of Kannel's smsbox, which many aggregators speak: `sendsms`, with a `dlr-url` for receipts.

It knows no idempotency key and gives a message no name, so we name it ourselves in the `dlr-url`; and it signs nothing,
so that name carries a token of ours.
"""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

import httpx

from app.channels.callbacks import Callbacks
from app.channels.sms_http import Account
from app.domain.handset import Handset
from app.ports import Accepted, Message, Preview, Rejected, UserData
from mobile_gateway.wire import gsm, udh
from mobile_gateway.wire.data_coding import coding_of
from mobile_gateway.wire.gsm import Coding

PURPOSE, MESSAGES = "dlr", "kannel-messages"
TAKEN = 202
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
MASK = 1 | 2 | 16
"""Tell us of delivery, of failure, and of a message centre's refusal."""
STATES = {1: "DELIVERED", 2: "UNDELIVERABLE", 16: "REJECTED"}
"""Kannel's dlr types; 4 (buffered) and 8 (taken by the message centre) are on the way."""

_CODINGS = {Coding.GSM: 0, Coding.BINARY: 1, Coding.UCS2: 2}


class Kannel:
    """Sends text and pictures. A lost answer is asked again, and may then bring the message twice."""

    name = "sms_http"

    def __init__(self, http: httpx.AsyncClient, account: Account, *, public_url: str, callbacks: Callbacks) -> None:
        self._http = http
        self._url = account.base_url.rstrip("/") + "/cgi-bin/sendsms"
        self._account = account
        self._public_url = public_url
        self._callbacks = callbacks

    def preview(self, text: str) -> Preview:
        cut = gsm.segment(text)
        return Preview(cut.coding.value, cut.parts, cut.units_per_part)

    async def send(self, to: Handset, message: Message, *, key: str) -> Accepted | Rejected:
        message_id = hashlib.sha256(key.encode()).hexdigest()[:32]
        try:
            content = _text(message.text) if message.raw is None else _raw(message.raw)
            parts = 1 if message.raw else len(self.preview(message.text).parts)
        except ValueError as fault:
            return Rejected(str(fault), retry=False)
        token = self._callbacks.token(PURPOSE, message_id)
        form: dict[str, str | bytes] = {
            "username": self._account.system_id,
            "password": self._account.password.get_secret_value(),
            "to": to,
            "dlr-mask": str(MASK),
            "dlr-url": f"{self._public_url}/carrier/dlr/{message_id}.{token}?type=%d",
            **content,
        }
        try:
            # In the address, for Kannel takes no form. Not `params=`: the header is octets, which httpx would misquote.
            answer = await self._http.get(f"{self._url}?{urlencode(form)}")
        except httpx.TimeoutException:
            return Rejected("the SMS gateway did not answer in time; the message may arrive twice", retry=True)
        except httpx.TransportError as fault:
            return Rejected(f"the SMS gateway cannot be reached ({type(fault).__name__})", retry=True)
        if answer.status_code == TAKEN:
            return Accepted(message_id, parts)
        words = answer.text[:100].strip() or "no reason given"
        return Rejected(
            f"the SMS gateway refused it with {answer.status_code}: {words}", retry=answer.status_code in LATER
        )


def _text(text: str) -> dict[str, str | bytes]:
    coding = Coding.GSM if gsm.is_gsm(text) else Coding.UCS2
    return {"text": text, "charset": "UTF-8", "coding": str(_CODINGS[coding])}


def _raw(raw: UserData) -> dict[str, str | bytes]:
    """The header apart, and the text beside it as text: Kannel writes it in the coding again."""
    elements, rest = udh.split(raw.octets) if raw.has_header else ((), raw.octets)
    coding = coding_of(raw.data_coding)
    if coding is None or coding not in _CODINGS:
        raise ValueError("this coding is none of those that the SMS gateway's interface names")
    header = udh.build(elements)
    if coding is Coding.BINARY:
        return {"udh": header, "text": rest, "coding": "1"}
    return {"udh": header, "text": gsm.decode(rest, coding), "charset": "UTF-8", "coding": str(_CODINGS[coding])}


def message_id_of(callbacks: Callbacks, token: str) -> str | None:
    """Which message a receipt is about; None for an address that we never handed out."""
    message_id, _, mac = token.partition(".")
    return message_id if callbacks.is_ours(PURPOSE, message_id, mac) else None


def messages_path(callbacks: Callbacks) -> str:
    """Where Kannel's `get-url` is to bring what handsets write."""
    return f"/carrier/kannel/{callbacks.token(MESSAGES, '')}/messages"
