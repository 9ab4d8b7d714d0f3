"""Fetching the public keys that another server publishes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx

from app.issuers import answers
from app.ports import PeerAway

KEYS_PATH = "/.well-known/jwks.json"
KEYS_BYTES_MAX = 65_536
KEYS_SECONDS = 5.0


class KeySet:
    """The key set below one address of the settings. No redirect is followed, and nothing large or slow is read."""

    def __init__(self, http: httpx.AsyncClient, url: str, *, seconds: float = KEYS_SECONDS) -> None:
        self._http = http
        self._url = url.rstrip("/") + KEYS_PATH
        self._seconds = seconds

    async def fetch(self) -> Mapping[str, Any]:
        """Raises PeerAway."""
        try:
            async with asyncio.timeout(self._seconds):
                octets = await self._octets()
            document = json.loads(octets)
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as fault:
            raise PeerAway(f"{self._url}: {type(fault).__name__}") from None
        except answers.Unfit as fault:
            raise PeerAway(f"{self._url}: {fault}") from None
        except (ValueError, RecursionError):
            raise PeerAway(f"{self._url} is not JSON") from None
        if not isinstance(document, dict):
            raise PeerAway(f"{self._url} is not a key set")
        return document

    async def _octets(self) -> bytes:
        headers = answers.AS_IT_IS
        async with self._http.stream("GET", self._url, headers=headers, follow_redirects=False) as response:
            if response.status_code != httpx.codes.OK:
                raise PeerAway(f"{self._url} answered {response.status_code}")
            return await answers.read(response, bytes_max=KEYS_BYTES_MAX)
