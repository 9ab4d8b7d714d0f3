"""What the browser asks of the world around it, and what the world answers: pages and pictures, tickets to keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Failure(StrEnum):
    """Why no page came. The browser says it in its holder's language."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    FORBIDDEN_ADDRESS = "forbidden_address"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Fetch:
    """An effect: fetch this page or picture, and bring the answer to `Browser.loaded`. The address has no fragment."""

    url: str
    method: str = "GET"
    body: bytes = field(default=b"", repr=False)
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """The answer to a `Fetch`. `url` is where it was found at last; `asked` the address of the Fetch, if another."""

    url: str
    status: int
    content_type: str
    body: bytes = field(repr=False)
    failure: Failure | None = None
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class SaveCard:
    """An effect: keep this card as a ticket in the phone's memory. Pictures are WBMP files, in the card's order."""

    title: str
    url: str
    text: str = field(repr=False)
    pictures: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Leave:
    """An effect: the holder went back from the first page; the phone shows its own menu again."""


Effect = Fetch | SaveCard | Leave
