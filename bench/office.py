"""Buyers and gates as the benchmark plays them, through public interfaces alone, and what they need beforehand."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.client import BenchFailed, Connection, connected
from bench.system import System

ISSUER = "bench"
TOP_UP_WON = 10_000_000
WAIT_SECONDS_MAX = 20.0
LOOK_SECONDS = 0.1
TICKETS_PER_BOOKING = 10
SCATTERED = 97
"""One seat in so many is sold, then the next of each: neighbours are not sold at the same time."""

EMONEY_PIN = re.compile(r"PIN ([0-9]{6})")
Json = Mapping[str, Any]


def fresh_key() -> str:
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True)
class Account:
    """A client's e-money."""

    handset: str
    pin: str

    @property
    def instrument(self) -> Json:
        return {"kind": "emoney", "handset": self.handset, "pin": self.pin}


@dataclass(frozen=True, slots=True)
class GateTicket:
    """A ticket as it is presented: typed number and PIN from its message, and the way to its barcode."""

    id: str
    link: str
    typed: str


@dataclass(slots=True)
class Office:
    """What all groups of measurements share. `numbers` gives each sale a handset of its own, so that none is full."""

    system: System
    clients_max: int
    numbers: Iterator[str] = field(default_factory=lambda: (f"+82102{n:07d}" for n in itertools.count()))
    _accounts: list[Account] = field(default_factory=list)

    async def get(self, path: str, *, bearer: str = "") -> Any:
        async with connected(self.system.app) as line:
            return (await line.request("GET", path, bearer=bearer)).json(200)

    async def post(self, path: str, body: Json, *, bearer: str = "") -> Any:
        async with connected(self.system.app) as line:
            return (await line.request("POST", path, body, bearer=bearer, key=fresh_key())).json(200, 201)

    # --- what is sold ---------------------------------------------------------------------------------------------

    async def product(self, slug: str) -> Json:
        """A request for one ticket of an open-dated product, but for its buyer."""
        found = (await self.get(f"/catalogue/products?issuer={ISSUER}"))["products"]
        identity = next(one["id"] for one in found if one["slug"] == slug)
        price = (await self.get(f"/catalogue/products/{identity}"))["prices"][0]["id"]
        return {"product": identity, "lines": [{"price": price, "quantity": 1}], "language": "ko"}

    async def occasions(self, words: str, *, issuer: str = ISSUER) -> Sequence[Any]:
        """Dated occasions with these words in their title, by date."""
        found = (await self.get(f"/catalogue/occasions?issuer={issuer}&q={words}"))["occasions"]
        if not found:
            raise BenchFailed(f"nothing of {issuer} is called {words!r}")
        return [one for one in found if one["starts_at"]]

    async def seats(self, occasion: Json) -> Sequence[Json]:
        """A request for each free numbered seat of an occasion, in an order that scatters them over the hall."""
        prices = {price["category"]: price["id"] for price in occasion["prices"]}
        found: list[Json] = []
        path: str | None = f"/catalogue/occasions/{occasion['id']}/places?limit=100"
        async with connected(self.system.app) as line:
            while path:
                page = (await line.request("GET", path)).json(200)
                found += [
                    {
                        "occasion": occasion["id"],
                        "lines": [{"price": prices[place["category"]], "quantity": 1, "places": [place["id"]]}],
                        "language": "ko",
                    }
                    for place in page["places"]
                    if place["numbered"] and place["free"]
                ]
                after = page["next"]
                path = f"/catalogue/occasions/{occasion['id']}/places?limit=100&after={after}" if after else None
        return [found[at] for start in range(SCATTERED) for at in range(start, len(found), SCATTERED)]

    # --- buyers ---------------------------------------------------------------------------------------------------

    async def accounts(self) -> Sequence[Account]:
        """E-money for each client, topped up by staff; its PIN is read off the handset."""
        if not self._accounts:
            handsets = [f"+82103{number:07d}" for number in range(self.clients_max)]
            for handset in handsets:
                body = {"issuer": ISSUER, "handset": handset, "amount": TOP_UP_WON, "currency": "KRW"}
                await self.post("/staff/emoney/topups", body, bearer=self.system.staff_key)
            self._accounts = [Account(handset, await self._pin(handset)) for handset in handsets]
        return self._accounts

    async def _pin(self, handset: str) -> str:
        for message in await self.inbox(handset):
            if match := EMONEY_PIN.search(message["text"]):
                return match[1]
        raise BenchFailed(f"no PIN came to {handset}")

    async def inbox(self, handset: str) -> Sequence[Any]:
        """The messages on a handset, waited for."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        async with connected(self.system.gateway) as line:
            while time.monotonic() < deadline:
                answer = await line.request("GET", f"/handsets/{handset}")
                found: Sequence[Any] = answer.json(200)["inbox"] if answer.status != 404 else []
                if found:
                    return found
                await asyncio.sleep(LOOK_SECONDS)
        raise BenchFailed(f"no message came to {handset} within {WAIT_SECONDS_MAX:.0f} s")

    # --- gates ----------------------------------------------------------------------------------------------------

    async def gates(self, count: int) -> Sequence[str]:
        """The tokens of so many gates."""
        tokens = []
        for number in range(count):
            body = {"issuer": ISSUER, "name": f"Gate {number}"}
            invited = await self.post("/staff/gates", body, bearer=self.system.staff_key)
            tokens.append((await self.post("/gate/enrolments", {"code": invited["code"]}))["token"])
        return tokens

    async def gate_tickets(self, count: int) -> Sequence[GateTicket]:
        """Complimentary tickets of a thousand rides, each on a handset of its own, ready to be presented."""
        wanted = await self.product("thousand-rides")
        sent: list[tuple[str, str]] = []
        ids: dict[str, str] = {}
        while len(sent) < count:
            handsets = [next(self.numbers) for _ in range(TICKETS_PER_BOOKING)]
            line = {**wanted["lines"][0], "quantity": len(handsets), "handsets": handsets}
            body = {**wanted, "lines": [line], "buyer": handsets[0]}
            booked = await self.post("/staff/complimentary", body, bearer=self.system.staff_key)
            tickets = await self.get(f"/bookings/{booked['id']}/tickets", bearer=booked["link"])
            ids |= {ticket["number"]: ticket["id"] for ticket in tickets["tickets"]}
            sent += [(handset, booked["link"]) for handset in handsets]
        found = []
        for handset, link in sent:
            shown = (await self.inbox(handset))[0]["ticket"]
            found.append(GateTicket(ids[shown["number"]], link, f"{shown['number']} {shown['pin']}"))
        return found


async def hold(line: Connection, wanted: Json, *, buyer: str) -> Json:
    """Hold what is wanted; raises BenchFailed when it is sold out."""
    body = {**wanted, "buyer": buyer}
    booked: Json = (await line.request("POST", "/bookings", body, key=fresh_key())).json(201)
    return booked


async def pay(line: Connection, booked: Json, instrument: Json) -> None:
    path = f"/bookings/{booked['id']}/payments"
    answer = await line.request("POST", path, {"instrument": instrument}, bearer=booked["link"], key=fresh_key())
    if answer.json(200)["state"] != "paid":
        raise BenchFailed("a payment is still being confirmed; sales that are not settled cannot be counted")


async def admit(line: Connection, gate: str, presented: str, *, scan_id: str) -> None:
    """Use a ticket once; raises BenchFailed unless the gate opens."""
    body = {"scan_id": scan_id, "presented": presented}
    answer = await line.request("POST", "/gate/admissions", body, bearer=gate)
    if answer.status != 200 or b'"admit":true' not in answer.body:
        raise BenchFailed(f"a gate did not open: {answer.status} {answer.body!r}")
