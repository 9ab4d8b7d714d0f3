"""A visitor without script: gets pages, follows links, fills forms as a browser does, and reads what they say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, cast
from urllib.parse import urlencode, urljoin

import httpx
from builders import BUYER, PUBLIC_URL, Stage
from pydantic import HttpUrl, SecretStr

from app.main import create_app
from app.settings import Settings
from app.world import World

CARD_PAGE = "https://pay.example/card"
HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
OWN = "010-1234-5678"
"""BUYER as its owner types it."""
assert BUYER.endswith("1012345678")
SETTINGS = Settings(
    demo=True,
    public_url=PUBLIC_URL,
    payment_page_url=HttpUrl(CARD_PAGE),
    carrier_secret=SecretStr("0123456789abcdef"),
)
APP = create_app(SETTINGS, world=cast("World", None))
"""One for all visitors, each of whom brings a world: routes are built at the first request, which takes its time."""


@dataclass
class Form:
    """A form with the fields it would send as it stands, and its buttons by their words."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    """Radio and checkbox values by name, those that can be chosen."""
    disabled: list[str] = field(default_factory=list)

    def value(self, name: str) -> str:
        return next((value for key, value in self.fields if key == name), "")

    def with_(self, **given: str | list[str] | None) -> list[tuple[str, str]]:
        """The fields with these changed; None leaves one out."""
        kept = [(name, value) for name, value in self.fields if name not in given]
        for name, value in given.items():
            kept += [(name, one) for one in ([value] if isinstance(value, str) else value or [])]
        return kept


class _Reader(HTMLParser):
    """Collects forms, links and visible words."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.lang = ""
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._form: Form | None = None
        self._select: str | None = None
        self._chosen = False
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "html":
            self.lang = given.get("lang", "")
        if tag in {"script", "style", "noscript"}:
            self._hidden += tag != "noscript"
        if tag == "a":
            self.links.append((given.get("href", ""), given.get("aria-label", "")))
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get"))
            self.forms.append(self._form)
        if self._form is not None:
            self._control(self._form, tag, given)

    def _control(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "select":
            self._select, self._chosen = name, False
        elif tag == "option" and self._select:
            if "selected" in given:
                form.fields.append((self._select, value))
                self._chosen = True
        elif tag == "input" and given.get("type") in {"radio", "checkbox"}:
            if "disabled" in given:
                form.disabled.append(value)
                return
            form.choices.setdefault(name, []).append(value)
            if "checked" in given:
                form.fields.append((name, value))
        elif tag == "input" and name:
            form.fields.append((name, value))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._hidden -= 1
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.words.append(data.strip())
            if self.links and not self.links[-1][1]:
                self.links[-1] = (self.links[-1][0], data.strip())


@dataclass
class Page:
    """An answer as a visitor sees it."""

    status: int
    url: str
    html: str
    headers: httpx.Headers
    lang: str
    said: str
    forms: list[Form]
    links: list[tuple[str, str]]
    tags: list[tuple[str, dict[str, str]]]

    @classmethod
    def of(cls, answer: httpx.Response) -> Page:
        reader = _Reader()
        reader.feed(answer.text)
        said = re.sub(r"\s+", " ", " ".join(reader.words))
        return cls(
            answer.status_code,
            str(answer.url).removeprefix(PUBLIC_URL),
            answer.text,
            answer.headers,
            reader.lang,
            said,
            reader.forms,
            reader.links,
            reader.tags,
        )

    def form(self, action: str) -> Form:
        """The form whose action ends so."""
        found = [form for form in self.forms if form.action.endswith(action)]
        assert len(found) == 1, f"{len(found)} forms end in {action!r} on {self.url}: {self.said[:400]}"
        return found[0]

    def hrefs(self, part: str) -> list[str]:
        return [href for href, _ in self.links if part in href]

    def tagged(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """Attributes of every such tag."""
        return [
            given
            for name, given in self.tags
            if name == tag and all(given.get(key) == value for key, value in wanted.items())
        ]


class Visitor:
    """One browser with its cookies, in front of the whole application."""

    def __init__(self, stage: Stage, *, language: str = "ko-KR,ko;q=0.9") -> None:
        world = stage.world

        async def app(scope: Any, receive: Any, send: Any) -> None:
            APP.state.world = world
            await APP(scope, receive, send)

        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url=PUBLIC_URL,
            headers={"accept": HTML, "accept-language": language},
            follow_redirects=True,
        )

    async def get(self, address: str, **headers: str) -> Page:
        return Page.of(await self.client.get(address, headers=headers))

    async def submit(self, page: Page, action: str, **given: str | list[str] | None) -> Page:
        """Send a form with some fields filled in."""
        return await self.send(page, page.form(action), **given)

    async def send(self, page: Page, form: Form, **given: str | list[str] | None) -> Page:
        address = urljoin(PUBLIC_URL + page.url, form.action)
        pairs = urlencode(form.with_(**given))
        if form.method == "get":
            return Page.of(await self.client.get(f"{address}?{pairs}"))
        headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        return Page.of(await self.client.post(address, content=pairs, headers=headers))

    async def press(self, address: str, **given: str) -> Page:
        """A form sent from nowhere: what its page would not offer, or what a program makes up."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return Page.of(await self.client.post(address, content=urlencode(given), headers=headers))

    async def phones(self, product: Any, **chosen: Any) -> Page:
        """The page that asks whose phone, with this chosen."""
        return await self.get(f"/p/{product}/phones?{httpx.QueryParams(chosen)}")

    async def hold(
        self, product: Any, chosen: Mapping[str, str], *, buyer: str = OWN, given: Mapping[str, str] | None = None
    ) -> Page:
        """Choose and hold: the page that answers the last button."""
        page = await self.phones(product, **chosen)
        return await self.submit(page, "/phones", **{"buyer": buyer, **(given or {})})
