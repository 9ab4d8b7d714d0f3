"""How a phone knows a ticket when one arrives: a number with its PIN, or the link to a ticket's page."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINK = re.compile(r"https?://[^\s<>\"'「」『』]+")
_LINK_TAIL = ".,;:!?)]}"
_NUMBER = re.compile(r"(?<![0-9-])([0-9]{9}-[0-9])(?![0-9-])")
_PIN = re.compile(r"(?:\bPIN|비밀번호)\s*[:.]?\s*([0-9]{6})(?![0-9])", re.IGNORECASE)
_TOGETHER = re.compile(r"(?<![0-9-])([0-9]{9})-?([0-9])-([0-9]{6})(?![0-9-])")
_TICKET_PATH = re.compile(r"https?://[^/]+/(?:[^?#]*/)?t/")


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a holder shows at the gate: number and PIN to be typed, or the link to a page that shows them."""

    number: str | None
    pin: str | None
    link: str | None

    def __repr__(self) -> str:
        return f"Ticket({self.number}, pin=***, link=***)"


@dataclass(frozen=True, slots=True)
class Link:
    """An address inside a text, at `start` up to but without `end`."""

    start: int
    end: int
    href: str


def find_links(text: str) -> tuple[Link, ...]:
    """The http and https addresses in `text`, without the punctuation of the sentence around them."""
    found = []
    for match in _LINK.finditer(text):
        href = match[0].rstrip(_LINK_TAIL)
        found.append(Link(match.start(), match.start() + len(href), href))
    return tuple(found)


def without_links(text: str) -> str:
    """The text without its addresses, on one line."""
    return " ".join(_LINK.sub(" ", text).split())


def find_ticket(text: str) -> Ticket | None:
    """The ticket a message brings, if it brings one: number and PIN, or a link to a ticket's page (`…/t/…`)."""
    link = next((found.href for found in find_links(text) if _TICKET_PATH.match(found.href)), None)
    if together := _TOGETHER.search(text):
        return Ticket(f"{together[1]}-{together[2]}", together[3], link)
    number, pin = _NUMBER.search(text), _PIN.search(text)
    if number and (pin or link):
        return Ticket(number[1], pin[1] if pin else None, link)
    return Ticket(None, None, link) if link else None
