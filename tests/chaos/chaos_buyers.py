"""Buyers who keep buying whatever happens, and who know afterwards what they were promised."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
from chaos_kit import House, intents

from app.cli.shop import TICKET, Shop, StepFailed
from app.cli.stack import SECRET_KEY

THINK_SECONDS = 3.0
IMPATIENT_SECONDS = 0.6
IMPATIENT_SHARE = 0.2
QUIET_SECONDS = 120
LOOKS_AT_ONCE = 16
FIRST = "sms"
"""The channel that a ticket is tried by first."""
ENDED = {"succeeded", "canceled", "requires_payment_method", "requires_confirmation"}
"""States of a payment at the network in which no money is on hold; in the last one nothing was ever asked for."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """A booking that somebody began to pay; its tickets go to a handset of its own."""

    handset: str
    id: str
    link: str = field(repr=False)
    amount: int
    count: int


@dataclass(slots=True)
class Crowd:
    """So many buyers, each with one purchase after the other until they are told to stop."""

    shop: Shop
    seed: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    purchases: list[Purchase] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def buy(self, buyers: int) -> None:
        occasions = (await self.shop.get("/catalogue/occasions", kind="admission", limit=50))["occasions"]
        assert occasions, "nothing is on sale"
        await asyncio.gather(*(self._buyer(random.Random(self.seed + one), occasions) for one in range(buyers)))  # noqa: S311 - repeatable

    async def _buyer(self, chance: random.Random, occasions: list[dict[str, Any]]) -> None:
        while not self.stop.is_set():
            with contextlib.suppress(StepFailed, httpx.HTTPError):
                await self._purchase(chance, occasions)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), chance.random() * THINK_SECONDS)

    async def _purchase(self, chance: random.Random, occasions: list[dict[str, Any]]) -> None:
        occasion = chance.choice(occasions)
        price = chance.choice(occasion["prices"])
        count = chance.choice((1, 1, 2))
        handset = f"+8210{next(self._numbers):08d}"
        body = {
            "occasion": occasion["id"],
            "lines": [{"price": price["id"], "quantity": count}],
            "buyer": handset,
            "language": "en",
        }
        status, booking = await self.shop.book(body)
        if status != 201:
            if len(occasions) > 1 and occasion in occasions:
                occasions.remove(occasion)  # sold out, as far as buyers can see
            return
        amount = int(booking["amount"]["amount"])
        self.purchases.append(Purchase(handset, booking["id"], booking["link"], amount, count))
        paying = self.shop.pay(booking, {"kind": "card", "token": "pm_card_visa"})
        if chance.random() < IMPATIENT_SHARE:
            # Closed the browser: nobody asks again.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(paying, IMPATIENT_SECONDS)
        else:
            await paying


@dataclass(frozen=True, slots=True)
class Ended:
    """How all purchases ended, and everything that is wrong with that; no words: all is well."""

    paid: int
    unpaid: int
    wrong: tuple[str, ...]


async def reckon(
    house: House, shop: Shop, purchases: list[Purchase], *, patience_seconds: int = QUIET_SECONDS
) -> Ended:
    """Wait until nothing moves, then compare what buyers, handsets, network and audit say."""
    looking = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def look(purchase: Purchase) -> dict[str, Any]:
        async with looking:
            return await _at_rest(shop, purchase, patience_seconds)

    seen = await asyncio.gather(*(look(one) for one in purchases))
    taken, wrong = await _taken(shop)
    paid = 0
    for purchase, booking in zip(purchases, seen, strict=True):
        is_paid = booking["state"] == "paid"
        paid += is_paid
        if not is_paid and booking["state"] not in {"held", "expired", "cancelled", "refunded"}:
            wrong.append(f"booking {purchase.id} is still {booking['state']}")
        if (has := taken.get(purchase.id, 0)) != purchase.amount * is_paid:
            wrong.append(f"booking {purchase.id} is {booking['state']} and the network has {has} of it")
        async with looking:
            slips = await _slips(shop, purchase.handset)
        if len(slips) != purchase.count * is_paid:
            wrong.append(f"booking {purchase.id} is {booking['state']} and its handset has {len(slips)} tickets")
        # One network carries a message once. Where one lost its answers, the next is asked: better twice than never.
        elif max(slips.values(), default=0) > len({FIRST, *(one["channel"] for one in booking["deliveries"])}):
            wrong.append(f"booking {purchase.id}: its handset has a ticket {max(slips.values())} times")
    for name, env in (("sales", house.sales), ("issuer", house.issuer)):
        audit = await asyncio.to_thread(house.command, env, "audit")
        if audit.returncode:
            wrong.append(f"audit of {name}: {audit.stdout}{audit.stderr}")
    return Ended(paid, len(purchases) - paid, tuple(wrong))


async def _at_rest(shop: Shop, purchase: Purchase, patience_seconds: int) -> dict[str, Any]:
    """The booking once nothing moves any more, or as it stands when patience is at its end."""
    for _ in range(patience_seconds * 2):
        seen: dict[str, Any] = await shop.get(f"/bookings/{purchase.id}", bearer=purchase.link)
        arrived = seen["deliveries"] and all(one["state"] == "delivered" for one in seen["deliveries"])
        if seen["state"] != "paying" and (seen["state"] != "paid" or arrived):
            return seen
        await asyncio.sleep(0.5)
    return seen


async def _taken(shop: Shop) -> tuple[dict[str, int], list[str]]:
    """What the network has taken and not given back, by booking; and payments it still holds money for."""
    wrong: list[str] = []
    taken: dict[str, int] = {}
    for intent in await intents(shop):
        if intent["status"] not in ENDED:
            wrong.append(f"payment {intent['id']} of booking {intent['metadata']['booking']} is {intent['status']}")
        booking = intent["metadata"]["booking"]
        taken[booking] = taken.get(booking, 0) + intent["amount_received"] - await _refunded(shop, intent)
    return taken, wrong


async def _refunded(shop: Shop, intent: dict[str, Any]) -> int:
    if not intent["amount_received"]:
        return 0
    _, page = await shop.call(
        "GET", f"{shop.network_url}/v1/refunds", bearer=SECRET_KEY, params={"payment_intent": intent["id"]}
    )
    return sum(one["amount"] for one in page["data"] if one["status"] in {"succeeded", "pending"})


async def _slips(shop: Shop, handset: str) -> Counter[str]:
    """Which tickets a handset has been sent, and how often each."""
    answer = await shop.http.get(f"{shop.gateway_url}/handsets/{handset}")
    inbox = answer.json()["inbox"] if answer.is_success else []
    return Counter(number for message in inbox for number, _ in TICKET.findall(message["text"]))
