"""What the contract of card networks is tested with: a network, what it lacks and why, and an ear for its events."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx

from app.domain.money import Money
from app.payments.stripe import Stripe, StripeSettings
from app.ports import Authorized, Captured, CardToken, Charge, Decline, News, Prepared

WON = Money(15_000, "KRW")
BACK = "http://shop.test:8000/bookings/1/paying"
"""Where a buyer would come back to; nobody has to be there."""
PATIENCE_SECONDS = 60.0

T = TypeVar("T")
run_id = uuid4().hex
numbers = itertools.count(1)


class Ability(Enum):
    """What a network may lack. Whoever lacks one says why, and the contract checks that it does lack it."""

    SECRET = "a secret key that is not its own is turned away"
    KEYS = "the same Idempotency-Key twice is the effect of once"
    SCANT = "a card without enough money is told apart"
    CHALLENGE = "a bank's question has a page to send the buyer to"
    HOLDER = "a test can answer the bank's question"
    OVER_REFUND = "more than was taken is not given back"
    LATE_REFUNDS = "a refund may be pending, and may fail later"
    NEWS = "events are posted to an address of this machine"
    DISPUTES = "a holder may dispute a payment"
    BOOKS = "the movements of a day can be read"


@dataclass(frozen=True)
class Cards:
    """Payment methods by what becomes of them."""

    good: str = "pm_card_visa"
    declined: str = "pm_card_chargeDeclined"
    scant: str = "pm_card_chargeDeclinedInsufficientFunds"
    challenged: str = "pm_card_authenticationRequired"
    refund_pending: str = "pm_card_pendingRefund"
    refund_fails: str = "pm_card_refundFail"
    disputed: str = "pm_card_createDispute"


@dataclass(frozen=True)
class Posted:
    """One webhook as it came."""

    signature: str
    body: bytes

    @property
    def signed_at(self) -> datetime:
        seconds = self.signature.partition("t=")[2].partition(",")[0]
        return datetime.fromtimestamp(int(seconds), UTC)


@dataclass
class Listener:
    """An HTTP server that says 200 to everything posted, and keeps it."""

    url: str = ""
    posted: list[Posted] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.posted.append(Posted(headers.get("stripe-signature", ""), body))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a peer that goes away tells nothing
        finally:
            writer.close()


@asynccontextmanager
async def a_listener() -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.start_server(listener.answer, "127.0.0.1", 0)
    listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/payments/news/stripe"
    try:
        yield listener
    finally:
        server.close()


class Line(httpx.AsyncBaseTransport):
    """Carries every request; the answers to the next `losing` requests of these methods are lost on the way back."""

    def __init__(self, fault: type[httpx.TransportError], *methods: str) -> None:
        self._to = httpx.AsyncHTTPTransport()
        self._fault = fault
        self._methods = methods
        self.losing = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._to.handle_async_request(request)
        if self.losing and request.method in self._methods:
            self.losing -= 1
            await response.aread()
            await response.aclose()
            raise self._fault("the answer was lost", request=request)
        return response

    async def aclose(self) -> None:
        await self._to.aclose()


@dataclass(frozen=True)
class CardNetwork:
    """A network under test. `holder` answers a bank's question at its page, as the holder of the card would."""

    settings: StripeSettings
    http: httpx.AsyncClient
    cards: Cards
    lacks: Mapping[Ability, str]
    listener: Listener | None = None
    holder: Callable[[str, bool], Awaitable[None]] | None = None

    @property
    def stripe(self) -> Stripe:
        return self.over(self.http)

    def over(self, http: httpx.AsyncClient, **changes: Any) -> Stripe:
        """The adapter on another line, or with other settings."""
        return Stripe(http, replace(self.settings, **changes), chance=lambda: 0.1)

    async def read(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What the network itself says, asked without our adapter."""
        secret = self.settings.secret_key.get_secret_value()
        headers = {"Authorization": f"Bearer {secret}", "Stripe-Version": self.settings.version}
        url = f"{self.settings.base_url}{path}"
        answer = await self.http.get(url, params=dict(query or {}), headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def taken(self, charge: Charge) -> int:
        """Minor units the network holds of this booking, over every payment that was ever made for it."""
        held = 0
        for intent in (await self.read("/v1/payment_intents", {"limit": "100"}))["data"]:
            if intent["metadata"].get("booking") != str(charge.booking_id) or intent["status"] != "succeeded":
                continue
            refunds = await self.read("/v1/refunds", {"limit": "100", "payment_intent": intent["id"]})
            # An imitation may not say what was received; then all of it was.
            held += intent.get("amount_received", intent["amount"])
            held -= sum(refund["amount"] for refund in refunds["data"] if refund["status"] != "failed")
        return held

    async def script(self, operation: str, what: str, *, times: int) -> None:
        """Let the next requests of the sandbox's `operation` go wrong like this."""
        hangs = {"seconds": "60"} if what == "hang" else {}
        await self._faults("POST", {"operation": operation, "what": what, "times": str(times), **hangs})

    async def heal(self) -> None:
        """End all scripts; whoever hangs goes on."""
        await self._faults("DELETE", None)

    async def _faults(self, method: str, fields: Mapping[str, str] | None) -> None:
        headers = {"Authorization": f"Bearer {self.settings.secret_key.get_secret_value()}"}
        answer = await self.http.request(method, f"{self.settings.base_url}/admin/faults", data=fields, headers=headers)
        assert answer.status_code == 200, answer.text

    async def dispute_of(self, reference: str) -> str:
        """The name of the dispute about a payment, as soon as there is one."""

        async def look() -> str | None:
            found = (await self.read("/v1/disputes", {"payment_intent": reference}))["data"]
            return str(found[0]["id"]) if found else None

        return await until(look, "nobody disputed the payment", seconds=5 * PATIENCE_SECONDS)

    async def news_of(self, reference: str) -> tuple[Posted, News]:
        """The first event that our adapter reads as news of `reference`."""
        listener = self.listener
        assert listener is not None

        async def look() -> tuple[Posted, News] | None:
            for posted in listener.posted:
                news = self.stripe.news(posted.body, posted.signature, now=posted.signed_at)
                if news is not None and news.reference == reference:
                    return posted, news
            return None

        return await until(look, f"no event told of {reference}; there were {kinds(listener)}")


def kinds(listener: Listener) -> list[str]:
    return [json.loads(posted.body)["type"] for posted in listener.posted]


async def until(look: Callable[[], Awaitable[T | None]], what: str, *, seconds: float = PATIENCE_SECONDS) -> T:
    """What `look` gives as soon as that is anything; fails with `what` when it takes too long."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while (found := await look()) is None:
        assert time.monotonic() < deadline, f"after {seconds:.0f} s: {what}"
        await asyncio.sleep(pause)
        pause = min(2 * pause, 1.0)
    return found


def a_charge(token: str, *, return_url: str = "") -> Charge:
    """A payment attempt of a booking that no other test and no other run has."""
    return Charge(
        key=f"pay-{run_id}-{next(numbers)}",
        amount=WON,
        issuer_id=UUID(int=1),
        booking_id=uuid4(),
        instrument=CardToken(token),
        return_url=return_url,
    )


async def prepared(network: CardNetwork, charge: Charge) -> str:
    """The reference of a payment that is made and not confirmed."""
    outcome = await network.stripe.prepare(charge)
    assert isinstance(outcome, Prepared), outcome
    assert outcome.reference is not None
    return outcome.reference


async def reserved(network: CardNetwork, charge: Charge) -> str:
    """The reference of a payment whose money is reserved."""
    reference = await prepared(network, charge)
    assert await network.stripe.authorize(charge, reference=reference) == Authorized(reference)
    return reference


async def taken(network: CardNetwork, charge: Charge) -> str:
    """The reference of a payment whose money is taken."""
    reference = await reserved(network, charge)
    outcome = await network.stripe.capture(reference=reference, amount=charge.amount, key=charge.key)
    assert outcome == Captured(reference)
    return reference


REFUSALS = {Decline.DECLINED: "declined", Decline.INSUFFICIENT_FUNDS: "scant"}
"""The member of `Cards` that is refused for this reason."""
