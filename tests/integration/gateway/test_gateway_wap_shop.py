"""The ten steps of the patent on the phone's browser, through the WAP gateway, in the real shop: with keys alone."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_network

import httpx
import pytest
from builders import BUYER, PUBLIC_URL, Shop, Stage, a_gate, a_scan
from pydantic import HttpUrl, SecretStr

from app.main import create_app
from app.settings import Settings
from mobile_gateway import wap
from mobile_gateway.browser import Browser, Display, Effect, Fetch, SaveCard
from mobile_gateway.browser.keypad import LETTERS
from mobile_gateway.handset.glass import glass_of
from mobile_gateway.keys import Key
from mobile_gateway.subscribers import Language, Model, Subscriber, new_subscriber
from mobile_gateway.wire import wbmp, wml

GATEWAY = "10.9.8.7"
KEYS_MAX = 60


class Holder:
    """Somebody with a phone: looks at the screen, and presses keys until what is meant is picked."""

    def __init__(self, web: wap.WapGateway, display: Display) -> None:
        self.browser = Browser.on(display, Language.ENGLISH)
        self.kept: list[SaveCard] = []
        self.octets: list[int] = []
        self._web = web

    async def open(self, url: str) -> None:
        await self._take(self.browser.open(url))

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self._take(self.browser.press(Key(key)))

    async def _take(self, step: tuple[Browser, tuple[Effect, ...]]) -> None:
        self.browser, effects = step
        for effect in effects:
            if isinstance(effect, Fetch):
                answer = await self._web.fetch(BUYER, effect)
                self.octets.append(len(answer.body))
                await self._take(self.browser.loaded(answer))
            elif isinstance(effect, SaveCard):
                self.kept.append(effect)

    @property
    def text(self) -> str:
        screen = self.browser.view()
        return " ".join([screen.title, *(row.text for row in screen.rows)])

    @property
    def picked(self) -> str:
        return "".join(run.text for row in self.browser.view().rows for run in row.runs if run.inverse)

    async def go_to(self, words: str) -> None:
        """Down until the link or field that says this is picked."""
        for _ in range(KEYS_MAX):
            if words in self.picked:
                return
            await self.press("down")
        pytest.fail(f"nothing says {words!r}; the screen ends in: {self.text}")

    async def type(self, text: str) -> None:
        """Into the field that is picked."""
        await self.press("ok")
        for letter in text:
            key = next(key for key, letters in LETTERS.items() if letter in letters)
            await self.press(*key * (LETTERS[key].index(letter) + 1), "#")
        await self.press("ok")

    async def choose(self, *labels: str) -> None:
        for label in labels:
            await self.go_to(label)
            await self.press("ok")


async def test_a_ticket_is_found_bought_kept_and_used_with_keys_alone(stage: Stage, shop: Shop) -> None:
    settings = Settings(
        demo=True,
        public_url=PUBLIC_URL,
        payment_page_url=HttpUrl("https://pay.example/card"),
        carrier_secret=SecretStr("0123456789abcdef"),
        wap_gateways=(ip_network(GATEWAY),),
    )
    transport = httpx.ASGITransport(create_app(settings, world=stage.world), client=(GATEWAY, 1234))
    rules = wap.WapRules(frozenset({"tickets.example"}), home_url=f"{PUBLIC_URL}/wap")

    async def subscriber(number: str) -> Subscriber:
        return replace(new_subscriber(number, now=stage.clock.now()), language=Language.ENGLISH)

    async with wap.opened(rules, subscriber=subscriber, transport=transport) as web:
        holder = Holder(web, glass_of(Model.FEATURE).display)
        # 1 to 5: reach the shop, say what is wanted, hear that it is there, and whose phone it is for
        await holder.open("http://wap.home/")
        await holder.choose("Shows", "The Post", "24 Nov", "R ", "Best seats", "Mine")
        # 6, 7: a means that is refused, then another one
        await pay(holder, "pm_poor")
        assert "not enough money" in holder.text
        await pay(holder, "pm_card_visa")
        assert "Paid." in holder.text
        assert stage.card.taken() == 60_000
        # 8, 9: the ticket is made, shown and kept
        await stage.work()
        await holder.choose("Ticket ")
        await holder.press("soft_left")
        while holder.picked.strip() != "Save":
            await holder.press("down")
        await holder.press("ok")
        (ticket,) = holder.kept
        assert max(holder.octets) <= wml.COMPILED_OCTETS_MAX
        (picture,) = map(wbmp.decode, ticket.pictures)
        assert picture.width <= glass_of(Model.FEATURE).width
        assert picture.height <= glass_of(Model.FEATURE).height
        # 10: what was kept opens the gate
        shown = re.search(r"(\d{9}-\d) PIN (\d{6})", ticket.text.replace("\n", " "))
        assert shown
        gate = await a_gate(stage, shop, shop.occasions["play/mon"])
        stage.clock.advance(days=2)
        assert (await a_scan(stage, shop, gate, f"{shown[1]} {shown[2]}"))["admit"]


async def pay(holder: Holder, token: str) -> None:
    await holder.choose("Card")
    await holder.go_to("[")
    await holder.type(token)
    await holder.choose("Pay ")
