"""Our mobile network from outside: over its HTTP and SMPP doors, as any peer meets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from peers_kit import until
from pydantic import SecretStr

from mobile_gateway.serve import serving
from mobile_gateway.settings import GatewaySettings

PASSWORD = "secret12"
ACCOUNTS = ("kannel", "split", "esme", "pi")
SHORT_CODE = "1588"
"""Kannel's."""
OTHER_CODE = "1544"
"""The short code of `esme`."""


class Carrier:
    """A running network that can be stopped and started again on the same ports and file."""

    def __init__(self, folder: Path) -> None:
        self._settings = GatewaySettings(
            data_dir=folder,
            port=0,
            smpp_port=0,
            accounts={name: SecretStr(PASSWORD) for name in ACCOUNTS},
            short_codes={SHORT_CODE: "kannel", OTHER_CODE: "esme"},
            receipt_delay_seconds=0.1,
            retry_seconds=(0.2, 0.5),
            receipt_retry_seconds=(0.2, 0.5),
            dlr_hosts=("127.0.0.1",),
            push_notify_allow=("127.0.0.1",),
        )
        self._stack = AsyncExitStack()
        self.http = httpx.AsyncClient()
        self.smpp_port = 0
        self.url = ""

    async def start(self) -> None:
        places = await self._stack.enter_async_context(serving(self._settings))
        self.smpp_port = places.smpp_port
        port = httpx.URL(places.base_url).port
        assert port
        self._settings = self._settings.model_copy(update={"port": port, "smpp_port": places.smpp_port})
        self.url = places.base_url
        self.http = httpx.AsyncClient(base_url=places.base_url, auth=("pi", PASSWORD))

    async def stop(self) -> None:
        await self.http.aclose()
        await self._stack.aclose()

    async def inbox(self, number: str, *, count: int = 1) -> list[dict[str, Any]]:
        """What the phone holds, the oldest first, once that is at least `count` messages."""

        async def look() -> list[dict[str, Any]] | None:
            answer = await self.http.get(f"/handsets/{number}")
            held: Sequence[dict[str, Any]] = answer.json().get("inbox", ())
            return list(reversed(held)) if len(held) >= count else None

        return await until(look, f"{number} never had {count} messages")

    async def write(self, number: str, to: str, text: str) -> None:
        """Send a text from a phone, as its holder does."""
        (await self.http.put(f"/subscribers/{number}", json={})).raise_for_status()
        (await self.http.post(f"/handsets/{number}/messages", json={"to": to, "text": text})).raise_for_status()

    async def switch(self, number: str, state: str) -> None:
        """Put a phone on, off, …"""
        (await self.http.put(f"/subscribers/{number}", json={"state": state})).raise_for_status()

    async def throttle(self, account: str, count: int) -> None:
        """Tell the account's next `count` submissions that they come too fast."""
        (await self.http.put(f"/admin/accounts/{account}", json={"throttle_next": count})).raise_for_status()


@asynccontextmanager
async def a_carrier(folder: Path) -> AsyncIterator[Carrier]:
    carrier = Carrier(folder)
    await carrier.start()
    try:
        yield carrier
    finally:
        await carrier.stop()
        await asyncio.sleep(0)
