"""A holder with a phone's browser and a web of a few pages: keys are pressed, what they ask for is brought at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from urllib.parse import urldefrag

from mobile_gateway.browser import Browser, Display, Effect, Fetch, Leave, Loaded, Row, SaveCard, Screen
from mobile_gateway.keys import Key
from mobile_gateway.subscribers import Language
from mobile_gateway.wire import wml
from mobile_gateway.wire.wbmp import Bitmap, encode

SITE = "http://tickets.example"
HOME = f"{SITE}/wap"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<!DOCTYPE wml PUBLIC "-//WAPFORUM//DTD WML 1.1//EN" "http://www.wapforum.org/DTD/wml_1.1.xml">'
)
BARCODE = encode(Bitmap(9, 9, tuple(tuple((x * y + x + y) % 3 == 0 for x in range(9)) for y in range(9))))

Answer = bytes | str | Loaded
Site = Mapping[str, Answer | Callable[[Fetch], Answer]]
"""Path and query -> a page's WML, a picture's octets, or whatever else is answered."""


def deck(*cards: str) -> str:
    return f"{HEAD}<wml>{''.join(cards)}</wml>"


def page(body: str, *, title: str = "Page", rest: str = "") -> str:
    """A deck of one card with one paragraph."""
    return deck(f'<card id="one" title="{title}"><p>{body}</p>{rest}</card>')


class Surfer:
    """`asked` is every request of the browser, `kept` every ticket it saved."""

    def __init__(
        self,
        site: Site | str,
        *,
        display: Display | None = None,
        language: Language = Language.ENGLISH,
        opened: bool = True,
        brought: bool = True,
    ) -> None:
        self.site: Site = {"/wap": site} if isinstance(site, str) else site
        self.asked: list[Fetch] = []
        self.kept: list[SaveCard] = []
        self.left = False
        self.brought = brought
        self.browser = Browser.on(display or Display(), language)
        if opened:
            self.open(HOME)

    def open(self, url: str) -> None:
        self.take(self.browser.open(url))

    def press(self, *keys: str) -> Screen:
        for key in keys:
            self.take(self.browser.press(Key(key)))
        return self.screen

    def tick(self) -> Screen:
        self.take(self.browser.tick())
        return self.screen

    def bring(self, answer: Loaded) -> Screen:
        self.take(self.browser.loaded(answer))
        return self.screen

    def take(self, step: tuple[Browser, tuple[Effect, ...]]) -> None:
        """The browser after a step, with everything it asked for; what it remembers goes through its memory."""
        browser, effects = step
        remembered = json.loads(json.dumps(browser.to_json()))
        self.browser = Browser.from_json(remembered, browser.state.display, browser.state.language)
        assert self.browser == browser
        for effect in effects:
            match effect:
                case Fetch():
                    self.asked.append(effect)
                    if self.brought:
                        self.bring(self.answer(effect))
                case SaveCard():
                    self.kept.append(effect)
                case Leave():
                    self.left = True

    def answer(self, request: Fetch) -> Loaded:
        assert not urldefrag(request.url).fragment
        found = self.site.get(request.url.removeprefix(SITE))
        if callable(found):
            found = found(request)
        match found:
            case Loaded():
                return found
            case str():
                return Loaded(request.url, 200, wml.WML, found.encode())
            case bytes():
                return Loaded(request.url, 200, wml.WBMP, found)
            case None:
                return Loaded(request.url, 404, "text/plain", b"no such page")

    def timer(self) -> int | None:
        return self.browser.timer_tenths

    @property
    def screen(self) -> Screen:
        return self.browser.view()

    @property
    def lines(self) -> list[str]:
        """What is written on the screen; what OK acts on stands in <>, a strip of a picture is #."""
        return [written(row) for row in self.screen.rows]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.lines).split())

    @property
    def paths(self) -> list[str]:
        return [one.url.removeprefix(SITE) for one in self.asked]


def written(row: Row) -> str:
    if row.picture:
        return "<#>" if row.picture.inverse else "#"
    return "".join(f"<{run.text}>" if run.inverse else run.text for run in row.runs)


LONG = "".join(f"line {number}<br/>" for number in range(20))
