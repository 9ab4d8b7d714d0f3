"""Everything the browser remembers, as one value: the page in view, the way back, the variables, what is typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mobile_gateway.browser.deck import Pairs
from mobile_gateway.browser.requests import Effect, Failure, Fetch
from mobile_gateway.browser.screen import Display
from mobile_gateway.subscribers import Language

HISTORY_PAGES_MAX = 10
PAGE_OCTETS_MAX = 10_000
"""Of a page of text. A compiled deck may have far less: `wml.COMPILED_OCTETS_MAX`."""
PICTURE_OCTETS_MAX = 4096
PICTURES_MAX = 8
VARIABLES_MAX = 100
VALUE_LETTERS_MAX = 1000
URL_LETTERS_MAX = 2000
EVENTS_MAX = 10
"""How many tasks in a row may follow one another without a key: two cards that send to each other must end."""


class Trouble(StrEnum):
    """What the browser says instead of a page. Those of a `Failure` have its name."""

    TIMEOUT = Failure.TIMEOUT.value
    UNREACHABLE = Failure.UNREACHABLE.value
    FORBIDDEN_ADDRESS = Failure.FORBIDDEN_ADDRESS.value
    TOO_LARGE = Failure.TOO_LARGE.value
    MALFORMED = Failure.MALFORMED.value
    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"
    SERVER = "server"
    UNKNOWN_KIND = "unknown_kind"


class Notice(StrEnum):
    """A word the browser says once, until the next key."""

    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it came. One that was posted for is not asked for again."""

    url: str
    content_type: str
    body: bytes = field(repr=False)
    posted: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where the holder is: a card of a page, which of its links and fields is picked (-1: none), and the row on top."""

    page: Page
    card: int = 0
    focus: int = -1
    scroll: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A page that was asked for. What it `sets` holds once it is there; `again` puts it in the place of the old one.

    `events_left` is how many tasks may still follow by themselves: pages that send on to one another must end too.
    With a trouble beside it, it is the page that did not come.
    """

    fetch: Fetch
    fragment: str = ""
    sets: Pairs = field(default=(), repr=False)
    again: bool = False
    events_left: int = EVENTS_MAX


@dataclass(frozen=True, slots=True)
class Menu:
    """The options of the page; `at` is the one picked."""

    at: int = 0


@dataclass(frozen=True, slots=True)
class Choosing:
    """The list of the select that is item `item` of the card; `picked` are the options chosen so far."""

    item: int
    at: int
    picked: tuple[int, ...]


class Entry(StrEnum):
    """How digit keys type letters."""

    LOWER = "abc"
    UPPER = "ABC"
    DIGITS = "123"


@dataclass(frozen=True, slots=True)
class Typing:
    """The text in the field that is item `item` of the card. `cycling` is the key whose letter may still change."""

    item: int
    text: str = field(repr=False)  # may be a PIN
    entry: Entry
    cycling: str = ""


Overlay = Menu | Choosing | Typing


@dataclass(frozen=True, slots=True)
class State:
    """The browser at rest. `pictures` are WBMP files by address, empty where none could be had."""

    display: Display = field(default_factory=Display)
    language: Language = Language.ENGLISH
    place: Place | None = None
    history: tuple[Place, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    pictures: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    waiting: Waiting | None = None
    trouble: Trouble | None = None
    overlay: Overlay | None = None
    notice: Notice | None = None


Step = tuple[State, tuple[Effect, ...]]
"""The state after an act, and what the act asks of the world."""
