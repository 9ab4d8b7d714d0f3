"""Telling the account how a message ended: one signed POST, and whether it was acknowledged."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from datetime import UTC, datetime

import httpx
from pydantic import SecretStr

from mobile_gateway.messages import Receipt

log = logging.getLogger(__name__)

_OK = range(200, 300)


def body_of(receipt: Receipt) -> bytes:
    """The receipt as JSON: message_id, to, state, at (RFC 3339, UTC), parts, and error where it failed."""
    content: dict[str, str | int] = {
        "message_id": receipt.message_id,
        "to": receipt.to,
        "state": receipt.state,
        "at": receipt.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "parts": receipt.parts,
    }
    if receipt.error is not None:
        content["error"] = receipt.error
    return json.dumps(content, separators=(",", ":")).encode()


def signature(body: bytes, *, timestamp: str, secret: SecretStr) -> str:
    """`v1=` and the hex HMAC-SHA256 over timestamp, a dot and the raw body: binds the body to its moment."""
    signed = timestamp.encode() + b"." + body
    return "v1=" + hmac.new(secret.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()


class Callback:
    """The address receipts go to. Each try is signed anew, with the time of the try."""

    def __init__(self, client: httpx.AsyncClient, url: str, secret: SecretStr) -> None:
        self._client = client
        self._url = url
        self._secret = secret

    async def tell(self, receipt: Receipt, *, now: datetime) -> bool:
        """Whether the other side acknowledged with a 2xx; silence, refusals and redirects are a no."""
        body, timestamp = body_of(receipt), str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "X-Gateway-Timestamp": timestamp,
            "X-Gateway-Signature": signature(body, timestamp=timestamp, secret=self._secret),
        }
        try:
            async with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                status = response.status_code  # the body is nobody's business, and may be endless
        except httpx.HTTPError as fault:
            log.info("receipt of %s not acknowledged: %s", receipt.message_id, type(fault).__name__)
            return False
        if status not in _OK:
            log.info("receipt of %s not acknowledged: answer %d", receipt.message_id, status)
        return status in _OK
