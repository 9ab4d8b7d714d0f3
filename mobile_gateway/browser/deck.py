"""What a page is once it is read, whichever language it was written in: cards of text, links, fields and tasks.

Text, labels and addresses are kept as written, variables (`$(name)`) and all: `variables` fills them in when they are
shown or followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mobile_gateway.browser.screen import Align

Pairs = tuple[tuple[str, str], ...]
"""Names with their values, in order."""

FORM_VARIABLE = "x__"
"""How the variables begin that stand behind the fields of XHTML forms, which know none; they end with their page."""


@dataclass(frozen=True, slots=True)
class Go:
    """Follow `href` (WML 1.1 section 9.5.1). `fields` are what is sent along, `sets` the variables it sets.

    Of the fields named in `unless_empty` only those that have a value are sent: boxes that are not ticked.
    """

    href: str
    post: bool = False
    charset: str = "utf-8"
    fields: Pairs = ()
    sets: Pairs = ()
    unless_empty: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Prev:
    sets: Pairs = ()


@dataclass(frozen=True, slots=True)
class Refresh:
    sets: Pairs = ()


@dataclass(frozen=True, slots=True)
class Noop:
    pass


Task = Go | Prev | Refresh | Noop


@dataclass(frozen=True, slots=True)
class Do:
    """A task on a key (WML 1.1 section 9.7). Of the card's and the template's with one name, the card's counts."""

    kind: str
    name: str
    label: str
    task: Task


class Event(StrEnum):
    FORWARD = "onenterforward"
    BACKWARD = "onenterbackward"
    TIMER = "ontimer"


@dataclass(frozen=True, slots=True)
class Timer:
    name: str
    tenths: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Break:
    pass


@dataclass(frozen=True, slots=True)
class Image:
    src: str
    alt: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link. `key` is the digit that follows it from anywhere on the card, where the page gave it one."""

    content: tuple[Text | Break | Image, ...]
    task: Task
    key: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """A field to type in. `letters_max` is how many, 0 for as many as the browser holds."""

    name: str
    title: str
    value: str
    format: str = "*M"
    secret: bool = False
    empty_ok: bool = True
    letters_max: int = 0


@dataclass(frozen=True, slots=True)
class Option:
    label: str
    value: str
    group: str = ""
    onpick: Task | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """A choice. `name` holds the values chosen, with semicolons between; `iname` their positions, from 1."""

    name: str
    iname: str
    title: str
    value: str
    ivalue: str
    options: tuple[Option, ...]
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """A box to tick, or one of several of which one is ticked (`single`): then the variable `name` holds `value`."""

    name: str
    value: str
    single: bool
    ticked: bool


Content = Text | Break | Image | Anchor | Input | Select | Tick


@dataclass(frozen=True, slots=True)
class Paragraph:
    content: tuple[Content, ...]
    align: Align = Align.LEFT


@dataclass(frozen=True, slots=True)
class Card:
    id: str
    title: str
    paragraphs: tuple[Paragraph, ...]
    dos: tuple[Do, ...] = ()
    events: tuple[tuple[Event, Task], ...] = ()
    timer: Timer | None = None
    new_context: bool = False

    def on(self, event: Event) -> Task | None:
        return dict(self.events).get(event)

    def everything(self) -> tuple[Content, ...]:
        return tuple(one for paragraph in self.paragraphs for one in paragraph.content)


@dataclass(frozen=True, slots=True)
class Deck:
    """One page's cards; at least one. With `forms_apart` its fields are its own: see `FORM_VARIABLE`."""

    cards: tuple[Card, ...]
    forms_apart: bool = False

    def index(self, fragment: str) -> int:
        """Where the card named `fragment` stands; 0 where there is none (WML 1.1 section 5.2.1)."""
        return next((index for index, card in enumerate(self.cards) if card.id == fragment), 0)
