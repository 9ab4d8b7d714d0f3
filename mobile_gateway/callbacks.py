"""Telling accounts over HTTP: one signed POST per receipt or message, one GET per `dlr-url`."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote_plus

import httpx
from pydantic import SecretStr

from mobile_gateway.addresses import Addresses
from mobile_gateway.carrier import receipts
from mobile_gateway.carrier.outgoing import Forwarded, Kind, NotNow, Outgoing, Told, Unwanted
from mobile_gateway.carrier.readable import receipt_text, text_of
from mobile_gateway.wire.smpp.receipt import format_receipt

log = logging.getLogger(__name__)

_OK = range(200, 300)


def body_of(one: Outgoing) -> bytes:
    """A receipt as JSON: message_id, to, state, at (RFC 3339, UTC), parts, and error where it failed.

    A message from a handset: message_id, from, to, text (null where it is none), data_coding, user_data (hex), at.
    """
    at = one.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    content: dict[str, str | int | None]
    if one.kind is Kind.MESSAGE:
        content = {
            "message_id": one.message_id,
            "from": one.sender,
            "to": one.to,
            "text": text_of(one),
            "data_coding": one.data_coding,
            "user_data": one.user_data.hex(),
            "at": at,
        }
    else:
        assert one.state
        content = {"message_id": one.message_id, "to": one.sender, "state": one.state, "at": at, "parts": one.parts}
        if one.error is not None:
            content["error"] = one.error
    return json.dumps(content, separators=(",", ":")).encode()


def signature(body: bytes, *, timestamp: str, secret: SecretStr) -> str:
    """`v1=` and the hex HMAC-SHA256 over timestamp, a dot and the raw body: binds the body to its moment."""
    signed = timestamp.encode() + b"." + body
    return "v1=" + hmac.new(secret.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()


class Callback:
    """The addresses that receipts and messages go to. Each try is signed anew, with the time of the try."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        receipts_url: str | None,
        messages_url: str | None,
        secret: SecretStr,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._urls = {Kind.RECEIPT: receipts_url, Kind.MESSAGE: messages_url}
        self._secret = secret
        self._now = now

    async def deliver(self, outgoing: Sequence[Outgoing]) -> Sequence[Told]:
        """Tell all at once; the account acknowledges each with a 2xx. Silence, refusals and redirects are a no."""
        return await asyncio.gather(*(self._tell(one) for one in outgoing))

    async def _tell(self, one: Outgoing) -> Told:
        url = self._urls.get(one.kind)
        if url is None:
            return Unwanted(f"no address for a {one.kind}")
        body, timestamp = body_of(one), str(int(self._now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "X-Gateway-Timestamp": timestamp,
            "X-Gateway-Signature": signature(body, timestamp=timestamp, secret=self._secret),
        }
        return await _ask(self._client, httpx.Request("POST", url, content=body, headers=headers), one)


class DlrUrls:
    """Kannel's way: each sender of `sendsms` names its own address, with escapes for what is told."""

    def __init__(self, client: httpx.AsyncClient, addresses: Addresses) -> None:
        self._client = client
        self._addresses = addresses

    async def deliver(self, outgoing: Sequence[Outgoing]) -> Sequence[Told]:
        """Ask every address at once; it acknowledges with a 2xx."""
        return await asyncio.gather(*(self._tell(one) for one in outgoing))

    async def _tell(self, one: Outgoing) -> Told:
        if one.dlr is None:
            return Unwanted("no dlr-url")
        request = await self._addresses.request("GET", dlr_url(one))
        if request is None:
            return Unwanted("the dlr-url's host is none that this network may call; name it in dlr_hosts")
        return await _ask(self._client, request, one)


def dlr_url(one: Outgoing) -> str:
    """The address with its escapes filled: %d what kind, %p handset, %P sender, %F id, %A receipt text, %t time."""
    assert one.dlr
    facts = {
        "d": str(receipts.dlr_type(one)),
        "p": one.sender,
        "P": one.to,
        "F": one.message_id,
        "I": one.message_id,
        "A": format_receipt(receipt_text(one)),
        "i": "cyberticket",
        "t": one.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "T": str(int(one.at.timestamp())),
        "%": "%",
    }
    pieces, rest = [], one.dlr.url
    while "%" in rest:
        before, _, rest = rest.partition("%")
        known = facts.get(rest[:1])
        pieces += [before, "%" if known is None else quote_plus(known)]
        rest = rest if known is None else rest[1:]
    return "".join((*pieces, rest))


async def ask(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The head of the answer, its body unread; raises httpx.HTTPError, httpx.InvalidURL or TimeoutError.

    The client's patience is for the whole of it: a peer that sends its headers octet by octet, each one in time, would
    keep the connection for days, and a few of those every connection there is.
    """
    async with asyncio.timeout(client.timeout.read):
        answer = await client.send(request, stream=True)
        await answer.aclose()  # its body is nobody's business, and may be endless
    return answer


async def _ask(client: httpx.AsyncClient, request: httpx.Request, one: Outgoing) -> Told:
    try:
        answer = await ask(client, request)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as fault:
        log.info("%s of %s not acknowledged: %s", one.kind, one.message_id, type(fault).__name__)
        return NotNow(type(fault).__name__)
    if answer.status_code in _OK:
        return Forwarded()
    log.info("%s of %s not acknowledged: answer %d", one.kind, one.message_id, answer.status_code)
    return NotNow(f"answer {answer.status_code}")
