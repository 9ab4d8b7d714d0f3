"""A buyer, a holder and a steward who use nothing but the public interfaces, and tell what crossed the wire."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

TICKET = re.compile(r"([0-9]{9}-[0-9])\s+PIN\s+([0-9]{6})")
EMONEY_PIN = re.compile(r"(?:e-money: balance|전자화폐 잔액).*PIN ([0-9]{6})")
LINK = re.compile(r"https?://\S+/t/\S+")
WAIT_SECONDS = 15.0
SERVER_FAULT = 500
NOT_FOUND = 404
Json = dict[str, Any]


def pin_of(number: str) -> re.Pattern[str]:
    """Finds the PIN of one ticket in its message."""
    return re.compile(re.escape(number) + r"\s+PIN\s+([0-9]{6})")


class StepFailed(Exception):
    """A step did not end as it must; the sentence says which and what came instead."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with its answer, as told to whoever watches."""

    method: str
    url: str
    status: int
    seconds: float
    sent: object
    received: object


@dataclass(frozen=True, slots=True)
class Gate:
    """An enrolled gate: which server it asks, and with what."""

    url: str
    token: str = field(repr=False)


@dataclass(slots=True)
class Shop:
    """Speaks HTTP to the sales server, the payment network, the mobile gateway and the venues' own server."""

    app_url: str
    gateway_url: str
    network_url: str
    publishable_key: str
    staff_key: str
    http: httpx.AsyncClient
    issuer_url: str = ""
    """Where the venues' own server is; empty: their gates ask the sales server."""
    issuer_staff_key: str = field(default="", repr=False)
    patience_seconds: float = 0.0
    """How long a request is repeated, with the same key, while nobody answers or the first is still worked on."""
    tell: Callable[[Exchange], None] = field(default=lambda _exchange: None)

    async def call(
        self,
        method: str,
        url: str,
        *,
        expect: tuple[int, ...] = (200, 201, 202),
        bearer: str | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """One exchange; raises StepFailed when the status is not one of `expect`."""
        told = {"Authorization": f"Bearer {bearer}"} if bearer else {**(headers or {})}
        if method == "POST":
            told["Idempotency-Key"] = secrets.token_hex(16)
        started = time.perf_counter()
        request = self.http.build_request(method, url, json=body, data=form, params=params, headers=told)
        answer = await self._answered(request, started + self.patience_seconds)
        seconds = time.perf_counter() - started
        kind = answer.headers.get("content-type", "")
        received = answer.json() if "json" in kind else f"{kind}, {len(answer.content)} bytes"
        self.tell(Exchange(method, str(answer.request.url), answer.status_code, seconds, body or form, received))
        if answer.status_code not in expect:
            raise StepFailed(f"{method} {url} answered {answer.status_code}: {received}")
        return answer.status_code, received

    async def _answered(self, request: httpx.Request, deadline: float) -> httpx.Response:
        """An answer to this very request; lost, busy and broken ones are asked again until the deadline."""
        while True:
            try:
                answer = await self.http.send(request)
            except httpx.TransportError:
                if time.perf_counter() >= deadline:
                    raise
            else:
                again = answer.status_code >= SERVER_FAULT or "key-busy" in answer.text
                if not again or time.perf_counter() >= deadline:
                    return answer
            await asyncio.sleep(0.2)

    async def get(self, path: str, *, bearer: str | None = None, **params: object) -> Any:
        return (await self.call("GET", self.app_url + path, bearer=bearer, params=params))[1]

    # --- the buyer ----------------------------------------------------------------------------------------------

    async def station(self, words: str, *, issuer: str) -> Json:
        found = (await self.get("/catalogue/stops", q=words, issuer=issuer))["stops"]
        if not found:
            raise StepFailed(f"no station is called {words!r}")
        station: Json = found[0]
        return station

    async def book(self, body: Json) -> tuple[int, Json]:
        """201 with the hold, or 409 with second choices."""
        return await self.call("POST", f"{self.app_url}/bookings", body=body, expect=(201, 409))

    async def card(self, number: str) -> str:
        """A card's token, made at the payment network: the number goes nowhere else."""
        form = {
            "type": "card",
            "card[number]": number,
            "card[exp_month]": "12",
            "card[exp_year]": "2034",
            "card[cvc]": "123",
        }
        url = f"{self.network_url}/v1/payment_methods"
        _, method = await self.call("POST", url, form=form, bearer=self.publishable_key)
        token: str = method["id"]
        return token

    async def pay(self, booking: Json, instrument: Json) -> tuple[int, Json]:
        """200 when it is paid, 402 when the instrument is refused."""
        url = f"{self.app_url}/bookings/{booking['id']}/payments"
        return await self.call("POST", url, body={"instrument": instrument}, bearer=booking["link"], expect=(200, 402))

    async def tickets(self, booking: Json) -> list[Json]:
        found: list[Json] = (await self.get(f"/bookings/{booking['id']}/tickets", bearer=booking["link"]))["tickets"]
        return found

    async def delivered(self, booking: Json) -> Json:
        """Wait until every message of a booking is on its handset; raises StepFailed."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            url = f"{self.app_url}/bookings/{booking['id']}"
            answer = await self.http.get(url, headers={"Authorization": f"Bearer {booking['link']}"})
            seen: Json = answer.json()
            if seen["deliveries"] and all(one["state"] == "delivered" for one in seen["deliveries"]):
                return seen
            await asyncio.sleep(0.1)
        raise StepFailed(f"the messages of booking {booking['id']} did not arrive within {WAIT_SECONDS:.0f} s")

    # --- the handset --------------------------------------------------------------------------------------------

    async def message(self, number: str, pattern: re.Pattern[str]) -> tuple[Json, re.Match[str]]:
        """The newest message on a handset that matches, waited for; raises StepFailed."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            answer = await self.http.get(f"{self.gateway_url}/handsets/{number}")
            inbox: list[Json] = answer.json()["inbox"] if answer.is_success else []
            for message in sorted(inbox, key=lambda one: str(one["received_at"]), reverse=True):
                if match := pattern.search(message["text"]):
                    return message, match
            await asyncio.sleep(0.1)
        raise StepFailed(f"no such message reached {number} within {WAIT_SECONDS:.0f} s")

    async def store(self, number: str, message_id: str) -> Json:
        """Keep the ticket in the handset's memory: the patent's step 9."""
        url = f"{self.gateway_url}/handsets/{number}/messages/{message_id}/store"
        phone: Json = (await self.call("POST", url))[1]
        return phone

    # --- the gate -----------------------------------------------------------------------------------------------

    async def invite(self, issuer: str, name: str) -> tuple[str, str]:
        """The server that has the issuer's register, and a one-time code that makes a device a gate of it."""
        places = [(self.issuer_url, self.issuer_staff_key)] * bool(self.issuer_url) + [(self.app_url, self.staff_key)]
        for url, key in places:
            body = {"issuer": issuer, "name": name}
            status, invited = await self.call(
                "POST", f"{url}/staff/gates", body=body, bearer=key, expect=(200, 201, NOT_FOUND)
            )
            if status != NOT_FOUND:
                return url, invited["code"]
        raise StepFailed(f"no server has the register of {issuer}")

    async def gate(self, issuer: str, name: str) -> Gate:
        """Set an online scanner up."""
        url, code = await self.invite(issuer, name)
        _, enrolled = await self.call("POST", f"{url}/gate/enrolments", body={"code": code})
        return Gate(url, enrolled["token"])

    async def present(self, gate: Gate, text: str, *, use: bool = True) -> Json:
        """What the gate says to a presented ticket."""
        verb = "admissions" if use else "checks"
        body = {"scan_id": secrets.token_hex(8), "presented": text}
        verdict: Json = (await self.call("POST", f"{gate.url}/gate/{verb}", body=body, bearer=gate.token))[1]
        return verdict
