"""A phone of the year 2000 without its screen: gets decks, follows links, types into fields and presses.

What it gets it reads as strictly as a phone's gateway: the document must be XML of its charset, and small enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, Self, cast
from urllib.parse import urlencode, urljoin
from xml.etree.ElementTree import Element

import httpx
from builders import PUBLIC_URL, Stage
from defusedxml.ElementTree import fromstring
from pydantic import HttpUrl, SecretStr

from app.main import create_app
from app.settings import Settings
from app.web.wap_deck import DECK_OCTETS_MAX, octets_max
from app.world import World

WML = "text/vnd.wap.wml, application/vnd.wap.wmlc, image/vnd.wap.wbmp, */*;q=0.1"
XHTML = "application/vnd.wap.xhtml+xml, application/xhtml+xml;q=0.9, image/vnd.wap.wbmp"
GATEWAY = "10.9.8.7"
CARD_PAGE = "https://pay.example/card"
FORM = "application/x-www-form-urlencoded"
SETTINGS = Settings(
    demo=True,
    public_url=PUBLIC_URL,
    payment_page_url=HttpUrl(CARD_PAGE),
    carrier_secret=SecretStr("0123456789abcdef"),
    wap_gateways=(ip_network(GATEWAY),),
)
APP = create_app(SETTINGS, world=cast("World", None))
"""One for all phones, each of which brings a world: routes are built at the first request, which takes its time."""
_VARIABLE = re.compile(r"\$\((\w+)\)")


@dataclass
class Press:
    """Something to press that sends: where to, how, and its fields as they stand; typed ones by their names."""

    words: str
    action: str
    method: str
    sent: list[tuple[str, str]]
    typed: dict[str, str] = field(default_factory=dict)
    """Name of an input -> the value it has before anybody types."""


@dataclass
class Deck:
    """An answer as a phone understands it."""

    status: int
    url: str
    source: str
    headers: httpx.Headers
    said: str
    links: list[tuple[str, str]]
    presses: list[Press]
    pictures: list[str]

    @classmethod
    def of(cls, answer: httpx.Response) -> Self:
        media_type, _, parameter = answer.headers["content-type"].partition(";")
        charset = parameter.strip().removeprefix("charset=")
        source = answer.content.decode("euc-kr" if charset.startswith(("EUC", "KS_C")) else charset)
        assert source.startswith(f'<?xml version="1.0" encoding="{charset}"?>')
        root = fromstring(source.partition("?>")[2])
        is_wml = media_type == "text/vnd.wap.wml"
        if is_wml:
            assert octets_max(source[source.index("<wml>") :]) <= DECK_OCTETS_MAX
        body = root.find("card") if is_wml else _bare(root).find("body")
        assert body is not None
        words = [*([body.get("title", "")] if is_wml else []), *(text for text in body.itertext())]
        said = re.sub(r"\s+", " ", " ".join(words)).replace("$$", "$").strip()
        return cls(
            answer.status_code,
            str(answer.url).removeprefix(PUBLIC_URL),
            source,
            answer.headers,
            said,
            [("".join(one.itertext()), one.get("href", "")) for one in body.iter("a")],
            _wml_presses(body) if is_wml else _xhtml_presses(body),
            [one.get("src", "") for one in body.iter("img")],
        )

    def link(self, words: str) -> str:
        """Where the link leads whose label holds these words."""
        found = [href for label, href in self.links if words in label]
        assert found, f"no link says {words!r} on {self.url}: {self.said}"
        return found[0]

    def press(self, words: str) -> Press:
        found = [one for one in self.presses if words in one.words]
        assert found, f"nothing to press says {words!r} on {self.url}: {self.said}"
        return found[0]


def _bare(root: Element) -> Element:
    """Without the namespace that every XHTML name carries."""
    for one in root.iter():
        one.tag = one.tag.rpartition("}")[2]
    return root


def _wml_presses(card: Element) -> list[Press]:
    typed = {one.get("name", ""): one.get("value", "") for one in card.iter("input")}
    found = []
    for anchor in card.iter("anchor"):
        go = anchor.find("go")
        assert go is not None
        sent = [(one.get("name", ""), one.get("value", "").replace("$$", "$")) for one in go.iter("postfield")]
        own = {name: typed[name] for _, value in sent for name in _VARIABLE.findall(value)}
        words = "".join(anchor.itertext())
        found.append(Press(words, go.get("href", ""), go.get("method", "get"), sent, own))
    return found


def _xhtml_presses(body: Element) -> list[Press]:
    found = []
    for one in body.iter("form"):
        inputs = [(i.get("type", ""), i.get("name", ""), i.get("value", "")) for i in one.iter("input")]
        sent = [(name, value if kind == "hidden" else f"$({name})") for kind, name, value in inputs if kind != "submit"]
        typed = {name: value for kind, name, value in inputs if kind in {"text", "password"}}
        (button,) = [value for kind, _, value in inputs if kind == "submit"]
        found.append(Press(button, one.get("action", ""), one.get("method", ""), sent, typed))
    return found


class Phone:
    """One phone behind a mobile network's gateway, which says that it has this `number`; "" where it says none."""

    def __init__(
        self,
        stage: Stage,
        *,
        accept: str = WML,
        language: str = "ko",
        charset: str = "",
        number: str = "",
        address: str = GATEWAY,
        **headers: str,
    ) -> None:
        world = stage.world

        async def app(scope: Any, receive: Any, send: Any) -> None:
            APP.state.world = world
            await APP(scope, receive, send)

        given = {"accept": accept, "accept-language": language, "accept-charset": charset, "x-msisdn": number}
        self.transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1234))
        self.client = httpx.AsyncClient(
            transport=self.transport,
            base_url=PUBLIC_URL,
            headers={name: value for name, value in {**given, **headers}.items() if value},
        )
        self.decks: list[Deck] = []

    async def get(self, address: str) -> Deck:
        return self._shown(await self.client.get(address))

    async def follow(self, deck: Deck, *words: str) -> Deck:
        """Press one link after the other, each by words of its label."""
        for one in words:
            deck = await self.get(urljoin(PUBLIC_URL + deck.url, deck.link(one)))
        return deck

    async def press(self, deck: Deck, words: str, **typed: str) -> Deck:
        """Type into the fields of what says these words, and press it."""
        found = deck.press(words)
        assert set(typed) <= set(found.typed), f"{found.words!r} has no fields {set(typed) - set(found.typed)}"
        values = {**found.typed, **typed}
        sent = [(name, _VARIABLE.sub(lambda one: values[one[1]], value)) for name, value in found.sent]
        return await self.send(found, sent)

    async def send(self, found: Press, sent: list[tuple[str, str]]) -> Deck:
        charset = "euc-kr" if ("ie", "k") in sent else "utf-8"
        body = urlencode(sent, encoding=charset)
        address = urljoin(PUBLIC_URL, found.action)
        if found.method == "get":
            return await self.get(f"{address}?{body}")
        return self._shown(await self.client.post(address, content=body, headers={"content-type": FORM}))

    def _shown(self, answer: httpx.Response) -> Deck:
        deck = Deck.of(answer)
        self.decks.append(deck)
        return deck
