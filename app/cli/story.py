"""The story's chapters: what a buyer, a friend and a steward do, step by step as the patent tells it."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from math import hypot

from rich.console import Console

from app.cli.shop import EMONEY_PIN, LINK, TICKET, WAIT_SECONDS, Exchange, Gate, Json, Shop, StepFailed, pin_of
from app.cli.story_phone import Phone

BUYER, FRIEND, RIDER = "+821055501001", "+821055501002", "+821055501003"
GOOD_CARD, BAD_CARD = "4242424242424242", "4000000000000002"
LINE_CHARS_MAX = 200
SEATS = 2
COPY_AGE_SECONDS = 40
LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Book:
    """Writes the story down: steps with their times, and under each what crossed the wire."""

    console: Console
    terse: bool = False
    steps: int = 0
    _began: float = field(default_factory=time.perf_counter)
    _last: float = field(default_factory=time.perf_counter)

    def aside(self, text: str) -> None:
        self.console.print(text, style="dim")

    def chapter(self, title: str) -> None:
        self.console.print(f"\n{title}", style="bold")

    def step(self, number: int, words: str) -> None:
        """The patent's step `number` is done; told with what it took since the step before."""
        now = time.perf_counter()
        self.steps, took, self._last = self.steps + 1, now - self._last, now
        self.console.print(f"  step {number:>2}  {words}  [{took * 1000:.0f} ms]", highlight=False, markup=False)

    def exchange(self, seen: Exchange) -> None:
        if self.terse:
            return
        line = f"           {seen.method} {_path(seen.url)} → {seen.status}  {seen.seconds * 1000:.0f} ms"
        self.console.print(line, style="cyan", highlight=False, markup=False)
        for mark, content in ((">", seen.sent), ("<", seen.received)):
            if content:
                text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
                shown = text if len(text) <= LINE_CHARS_MAX else text[:LINE_CHARS_MAX] + " …"
                self.console.print(f"             {mark} {shown}", style="dim", highlight=False, markup=False)

    def failed(self, why: str) -> None:
        self.console.print(f"\nThe story stops here: {why}", style="bold red", markup=False)

    def end(self) -> None:
        seconds = time.perf_counter() - self._began
        self.console.print(
            f"\nThe end: {self.steps} steps in {seconds:.1f} s, every one as it should be.", style="bold"
        )


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def must(truth: object, words: str) -> None:
    """Raises StepFailed unless something is as the story says."""
    if not truth:
        raise StepFailed(words)


@dataclass(frozen=True, slots=True)
class Told:
    """Which ride is told: the feed's issuer, and words of two stations where somebody named them."""

    issuer: str
    origin: str | None
    destination: str | None


async def tell_ride(book: Book, shop: Shop, told: Told) -> None:
    """A rider buys a one-way ticket from the transit feed and is let onto the platform."""
    book.chapter("A ride from the transit feed")
    origin, destination = await _stations(shop, told)
    book.step(1, f"a rider reaches the sales server from handset {RIDER}")
    journey = {"origin": origin["id"], "destination": destination["id"]}
    found = (await shop.get("/catalogue/products", kind="ride", **journey))["products"]
    product = next((one for one in found if one["uses"] == 1), None)
    if product is None:
        raise StepFailed("no ride is sold between these stations")
    names = f"{_say(origin['name'])} → {_say(destination['name'])}"
    book.step(2, f"the rider wants {names}")
    detail = await shop.get(f"/catalogue/products/{product['id']}", **journey)
    price = detail["prices"][0]
    book.step(3, f"the issuer sells it: {_say(product['title'])}, {price['price']['text']}")
    line = {"price": price["id"], **journey}
    status, booking = await shop.book({"product": product["id"], "lines": [line], "buyer": RIDER, "language": "en"})
    must(status == 201, f"the ride could not be booked: {booking}")  # noqa: PLR2004 - HTTP
    book.step(5, "it is available: the means of payment and the handset are asked for")
    status, paid = await shop.pay(booking, {"kind": "card", "token": await shop.card(GOOD_CARD)})
    book.step(6, "the payment system checks the card and settles")
    must(status == 200 and paid["state"] == "paid", f"the card was not taken: {paid}")  # noqa: PLR2004 - HTTP
    await _received(book, shop, booking, RIDER, told.issuer, app=True)


async def _stations(shop: Shop, told: Told) -> tuple[Json, Json]:
    """The named stations, or the two that are farthest apart."""
    if told.origin and told.destination:
        return (
            await shop.station(told.origin, issuer=told.issuer),
            await shop.station(told.destination, issuer=told.issuer),
        )
    stops: list[Json] = (await shop.get("/catalogue/stops", issuer=told.issuer))["stops"]
    pairs = [(a, b) for a, b in combinations(stops, 2) if a["lat"] is not None and b["lat"] is not None]
    must(pairs, "the feed has no two stations with coordinates; name --origin and --destination")
    return max(pairs, key=lambda pair: hypot(pair[0]["lat"] - pair[1]["lat"], pair[0]["lon"] - pair[1]["lon"]))


async def _received(book: Book, shop: Shop, booking: Json, holder: str, issuer: str, *, app: bool = False) -> None:
    """Steps 8 to 10: the ticket reaches handset and issuer at the same time, is stored, shown, and admitted once.

    A holder with an app shows it a living barcode before, which a picture does not copy.
    """
    message, ticket = await shop.message(holder, TICKET)
    await shop.delivered(booking)
    book.step(8, f"the ticket is on handset {holder} and in the issuer's register: {ticket[1]}")
    if not book.terse:
        for line in str(message["text"]).splitlines():
            book.aside(f"             | {line}")
    phone = await shop.store(holder, message["id"])
    must(phone["tickets"], "the handset did not store the ticket")
    page = LINK.search(message["text"])
    must(page, "the message carries no link")
    book.step(9, f"the handset stores it: {len(phone['tickets'])} in its memory")
    gate = await shop.gate(issuer, "Story gate")
    if app:
        await _living(book, shop, booking, holder, gate)
    verdict = await shop.present(gate, f"{ticket[1]} {ticket[2]}")
    must(verdict["admit"], f"the gate refused a good ticket: {verdict}")
    again = await shop.present(gate, f"{ticket[1]} {ticket[2]}")
    must(again["reason"] == "already_in", f"the gate did not see that it let somebody in just now: {again}")
    book.step(10, f"genuine: {verdict['words']['en']} A second try: {again['words']['en']}")


async def _living(book: Book, shop: Shop, booking: Json, holder: str, gate: Gate) -> None:
    """The handset's app carries the ticket too: the gate verifies its living barcode, and refuses a picture of it."""
    phone = await Phone.signed_in(shop, holder)
    await phone.carry((await shop.tickets(booking))[0]["id"])
    book.step(9, f"its app stores it too, signed for a key that never leaves {holder}")
    shown, verdict = await _verified(shop, phone, gate)
    must(verdict["admit"], f"the gate refused a living barcode: {verdict}")
    book.step(10, f"the app shows its living barcode, {shown[:12]}…, verified: {verdict['words']['en']}")
    copy = await shop.present(gate, phone.shows(ago_seconds=COPY_AGE_SECONDS), use=False)
    must(copy["reason"] == "stale_code", f"the gate took an old picture of a living barcode: {copy}")
    book.step(10, f"a picture of it, {COPY_AGE_SECONDS} s old: {copy['words']['en']}")


async def _verified(shop: Shop, phone: Phone, gate: Gate) -> tuple[str, Json]:
    """What the phone shows, and what the gate says once the register has heard of the phone's key."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        shown = phone.shows()
        verdict = await shop.present(gate, shown, use=False)
        if verdict["reason"] != "unknown" or time.monotonic() >= deadline:
            return shown, verdict
        await asyncio.sleep(LOOK_SECONDS)


async def tell_gift(book: Book, shop: Shop, issuer: str) -> None:
    """Two theatre seats for a friend: the first choice is sold out, the first card refused."""
    book.chapter("A theatre seat as a gift to another phone")
    book.step(1, "a buyer reaches the sales server from a computer")
    occasions = (await shop.get("/catalogue/occasions", issuer=issuer))["occasions"]
    occasion = occasions[0]
    wanted = await _seats(shop, occasion)
    line = {"price": wanted["price"], "quantity": SEATS, "places": wanted["places"], "handsets": [FRIEND]}
    body = {"occasion": occasion["id"], "lines": [line], "buyer": BUYER, "language": "ko"}
    other = {**body, "buyer": "+821055509999", "lines": [{**line, "handsets": []}]}
    must((await shop.book(other))[0] == 201, "somebody else could not take the seats first")  # noqa: PLR2004 - HTTP
    book.step(2, f"the buyer wants {wanted['words']} of {_say(occasion['title'])}; somebody else was faster")
    status, refusal = await shop.book(body)
    must(status == 409 and refusal["alternatives"], f"the seats should be gone, with second choices: {refusal}")  # noqa: PLR2004 - HTTP
    book.step(3, "the issuer answers: not available")
    choice = refusal["alternatives"][0]
    book.step(4, f"a second choice is offered and taken: {choice['words']} ({choice['kind']})")
    status, booking = await shop.book(choice["body"])
    must(status == 201, f"the second choice could not be booked as it stands: {booking}")  # noqa: PLR2004 - HTTP
    book.step(5, f"available, for {FRIEND}: {booking['amount']['text']}, kept until {booking['expires_at']}")
    status, refused = await shop.pay(booking, {"kind": "card", "token": await shop.card(BAD_CARD)})
    book.step(6, "the payment system checks the card")
    must(status == 402, f"this card should be refused: {refused}")  # noqa: PLR2004 - HTTP
    book.step(7, f"refused: {refused['detail']}")
    status, paid = await shop.pay(booking, {"kind": "card", "token": await shop.card(GOOD_CARD)})
    must(status == 200 and paid["state"] == "paid", f"the second card was not taken: {paid}")  # noqa: PLR2004 - HTTP
    await _received(book, shop, booking, FRIEND, issuer)


async def _seats(shop: Shop, occasion: Json) -> Json:
    """Two free numbered seats side by side in the plan, of one category."""
    places = (await shop.get(f"/catalogue/occasions/{occasion['id']}/places"))["places"]
    for first, second in pairwise(places):
        same = all(first[name] == second[name] for name in ("section", "row", "category"))
        if same and first["numbered"] and first["free"] and second["free"]:
            price = next(one["id"] for one in occasion["prices"] if one["category"] == first["category"])
            words = f"{first['section']} {first['row']} {first['seat']} and {second['seat']}"
            return {"price": price, "places": [first["id"], second["id"]], "words": words}
    raise StepFailed("the plan has no two free numbered seats side by side on its first page")


async def tell_voucher(book: Book, shop: Shop) -> None:
    """A gift voucher is bought, and pays for a seat: as it is, or turned into e-money by its holder."""
    book.chapter("A gift voucher, and what it buys")
    book.step(1, "a buyer reaches the sales server from a computer")
    product = await _useful_voucher(shop)
    detail = await shop.get(f"/catalogue/products/{product['id']}")
    book.step(2, f"the buyer wants {_say(product['title'])} for {FRIEND}")
    line = {"price": detail["prices"][0]["id"], "handsets": [FRIEND]}
    _, booking = await shop.book({"product": product["id"], "lines": [line], "buyer": BUYER, "language": "en"})
    book.step(5, f"available: {booking['amount']['text']}")
    status, paid = await shop.pay(booking, {"kind": "card", "token": await shop.card(GOOD_CARD)})
    must(status == 200 and paid["state"] == "paid", f"the card was not taken: {paid}")  # noqa: PLR2004 - HTTP
    book.step(6, "the payment system checks the card and settles")
    number = (await shop.tickets(booking))[0]["number"]
    message, voucher = await shop.message(FRIEND, pin_of(number))
    book.step(8, f"the voucher is on handset {FRIEND}: {number}")
    await shop.store(FRIEND, message["id"])
    book.step(9, "the handset stores it")
    if shop.issuer_url:  # its register is the venues' own: the voucher itself pays
        instrument: Json = {"kind": "voucher", "number": number, "pin": voucher[1]}
        await _pay_with_value(book, shop, product["issuer"], instrument)
        return
    body = {"issuer": product["issuer"], "handset": FRIEND, "voucher": f"{number} {voucher[1]}"}
    _, topped = await shop.call("POST", f"{shop.app_url}/emoney/vouchers", body=body)
    again, _ = await shop.call("POST", f"{shop.app_url}/emoney/vouchers", body=body, expect=(409,))
    must(again == 409, "a voucher could be turned into e-money twice")  # noqa: PLR2004 - HTTP
    book.step(10, f"the issuer verifies it and makes e-money of it, once: {topped['balance']['text']}")
    _, pin = await shop.message(FRIEND, EMONEY_PIN)
    await _pay_with_value(book, shop, product["issuer"], {"kind": "emoney", "handset": FRIEND, "pin": pin[1]})


async def _useful_voucher(shop: Shop) -> Json:
    """A voucher of an issuer that sells something else as well, so that there is something to buy with it."""
    vouchers: list[Json] = (await shop.get("/catalogue/products", kind="voucher"))["products"]
    for product in vouchers:
        if (await shop.get("/catalogue/products", kind="admission", issuer=product["issuer"]))["products"]:
            return product
    raise StepFailed("no issuer sells both vouchers and admission")


async def _pay_with_value(book: Book, shop: Shop, issuer: str, instrument: Json) -> None:
    """The voucher, or the e-money made of it, pays for the cheapest seat at its issuer's last date."""
    occasions = (await shop.get("/catalogue/occasions", issuer=issuer, kind="admission", limit=100))["occasions"]
    prices = [price for price in occasions[-1]["prices"] if occasions[-1]["free"].get(price["category"])]
    price = min(prices, key=lambda one: int(one["price"]["amount"]))
    body: Json = {"occasion": occasions[-1]["id"], "lines": [{"price": price["id"]}]}
    _, booking = await shop.book({**body, "buyer": FRIEND, "language": "en"})
    status, paid = await shop.pay(booking, instrument)
    must(status == 200 and paid["state"] == "paid", f"its value was not taken: {paid}")  # noqa: PLR2004 - HTTP
    book.step(6, f"the holder pays {booking['amount']['text']} for {_say(occasions[-1]['title'])} with it")


def _say(text: dict[str, str]) -> str:
    return text.get("en") or next(iter(text.values()))
