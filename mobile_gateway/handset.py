"""A phone: what its memory holds, what its keys do, and how it knows a ticket when one arrives.

Pure: a `Phone` is a value, and every act answers the phone after it. What the screen shows is `lcd`'s to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from zlib import crc32

from mobile_gateway.cells import wrap
from mobile_gateway.messages import Language, Model
from mobile_gateway.wire import gsm

MEMORY_PARTS_MAX = {Model.FEATURE: 50, Model.SMART: 500}
"""How many message parts a phone's memory holds, by model."""

CELLS_WIDE = 16
BODY_ROWS = 6
"""The LCD of the feature phone: 96 x 65 pixels are 16 x 8 cells, of which title and soft keys take a row each."""


class Key(StrEnum):
    UP = "up"
    DOWN = "down"
    OK = "ok"
    BACK = "back"
    STORE = "store"
    DELETE = "delete"


class Mode(StrEnum):
    LIST = "list"
    OPEN = "open"
    CONFIRM = "confirm"


class Notice(StrEnum):
    """A word the phone says once, until the next key."""

    STORED = "stored"
    NO_TICKET = "no_ticket"
    DELETED = "deleted"


# --- tickets --------------------------------------------------------------------------------------------------------

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


def find_ticket(text: str) -> Ticket | None:
    """The ticket a message brings, if it brings one: number and PIN, or a link to a ticket's page (`…/t/…`)."""
    link = next((found.href for found in find_links(text) if _TICKET_PATH.match(found.href)), None)
    if together := _TOGETHER.search(text):
        return Ticket(f"{together[1]}-{together[2]}", together[3], link)
    number, pin = _NUMBER.search(text), _PIN.search(text)
    if number and (pin or link):
        return Ticket(number[1], pin[1] if pin else None, link)
    return Ticket(None, None, link) if link else None


# --- what comes over the air ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One short message off the air. Parts with the same `reference` and `total` belong together (3GPP TS 23.040)."""

    reference: int
    total: int
    sequence: int
    coding: gsm.Coding
    payload: bytes


def parts_of(message_id: str, text: str) -> tuple[Part, ...]:
    """What the network sends for `text`: each part with the same 8-bit reference, numbered from 1."""
    segments = gsm.segment(text)
    reference = crc32(message_id.encode()) & 0xFF
    return tuple(
        Part(reference, segments.cost, sequence, segments.coding, payload)
        for sequence, payload in enumerate(segments.payloads(), start=1)
    )


def join(parts: Iterable[Part]) -> str | None:
    """The text of parts that belong together, in whatever order and however often each came; None while one is missing.

    Raises MalformedText where a payload is no text, ValueError where the parts are of different messages.
    """
    by_sequence = {part.sequence: part for part in parts}
    if len({(part.reference, part.total) for part in by_sequence.values()}) != 1:
        raise ValueError("these parts are not of one message")
    total = next(iter(by_sequence.values())).total
    if set(by_sequence) != set(range(1, total + 1)):
        return None
    return "".join(gsm.decode(part.payload, part.coding) for _, part in sorted(by_sequence.items()))


# --- the phone --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """A message in the phone's memory. A stored one is a ticket its holder chose to keep."""

    id: str
    sender: str
    text: str
    parts: int
    received_at: datetime
    opened: bool = False
    stored: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """Where the holder is: which message is picked, and how far it is scrolled, in rows."""

    mode: Mode = Mode.LIST
    picked: str | None = None
    row: int = 0
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class Phone:
    """One handset. `messages` are newest first; ids are the network's."""

    number: str
    model: Model
    language: Language
    messages: tuple[Held, ...] = ()
    view: View = View()

    @property
    def parts_used(self) -> int:
        return sum(held.parts for held in self.messages)

    @property
    def parts_max(self) -> int:
        return MEMORY_PARTS_MAX[self.model]

    @property
    def tickets(self) -> tuple[Held, ...]:
        """The stored messages: what the patent's step 9 put into memory."""
        return tuple(held for held in self.messages if held.stored)

    @property
    def picked(self) -> Held | None:
        """The message under the cursor: the newest, unless the holder moved."""
        found = self.holds(self.view.picked)
        return found or (self.messages[0] if self.messages else None)

    def holds(self, message_id: str | None) -> Held | None:
        return next((held for held in self.messages if held.id == message_id), None)

    def has_room(self, parts: int) -> bool:
        return self.parts_used + parts <= self.parts_max

    def receive(self, message_id: str, sender: str, parts: Sequence[Part], *, now: datetime) -> Phone:
        """The phone with the message in its inbox; the same message again changes nothing. Ask `has_room` first."""
        if self.holds(message_id):
            return self
        assert self.has_room(len(parts)), "the network asks before it delivers"
        text = join(parts)
        assert text is not None, "the network sends every part"
        return replace(self, messages=(Held(message_id, sender, text, len(parts), now), *self.messages))

    def store(self, message_id: str) -> Phone:
        """Keep the ticket that this message brings; a message without one is left alone, and the phone says so."""
        held = self.holds(message_id)
        if held is None:
            return self
        if find_ticket(held.text) is None:
            return replace(self, view=replace(self.view, notice=Notice.NO_TICKET))
        kept = _with(self, replace(held, opened=True, stored=True))
        return replace(kept, view=replace(self.view, notice=Notice.STORED))

    def delete(self, message_id: str) -> Phone:
        """Forget the message, ticket or not; the one after it comes under the cursor."""
        index = next((i for i, held in enumerate(self.messages) if held.id == message_id), None)
        if index is None:
            return self
        left = self.messages[:index] + self.messages[index + 1 :]
        picked = left[min(index, len(left) - 1)].id if left else None
        return replace(self, messages=left, view=View(Mode.LIST, picked, notice=Notice.DELETED))

    def press(self, key: Key) -> Phone:
        """The phone after a key; a key that means nothing here only ends the notice."""
        phone = replace(self, view=replace(self.view, notice=None))
        held = phone.picked
        if held is None:
            return replace(phone, view=View())
        if key is Key.STORE and phone.view.mode is not Mode.CONFIRM:
            return phone.store(held.id)
        if key is Key.DELETE and phone.view.mode is not Mode.CONFIRM:
            # A stored ticket is money: it takes a second key to lose it.
            return replace(phone, view=View(Mode.CONFIRM, held.id)) if held.stored else phone.delete(held.id)
        match phone.view.mode:
            case Mode.LIST:
                return _press_in_list(phone, key, held)
            case Mode.OPEN:
                return replace(phone, view=_scrolled(phone.view, key, rows=len(wrap(held.text, CELLS_WIDE))))
            case Mode.CONFIRM:
                sure = key in {Key.OK, Key.DELETE}
                return phone.delete(held.id) if sure else replace(phone, view=View(Mode.LIST, held.id))


def _press_in_list(phone: Phone, key: Key, held: Held) -> Phone:
    if key is Key.OK:
        return replace(_with(phone, replace(held, opened=True)), view=View(Mode.OPEN, held.id))
    if key is Key.BACK:
        return replace(phone, view=View())
    index = phone.messages.index(held) + (1 if key is Key.DOWN else -1)
    picked = phone.messages[max(0, min(index, len(phone.messages) - 1))]
    return replace(phone, view=View(Mode.LIST, picked.id))


def _scrolled(view: View, key: Key, *, rows: int) -> View:
    """An open message after a key: a row at a time, or a screenful with OK; back goes to the list."""
    if key is Key.BACK:
        return View(Mode.LIST, view.picked)
    step = {Key.UP: -1, Key.DOWN: 1, Key.OK: BODY_ROWS}[key]
    return replace(view, row=max(0, min(view.row + step, rows - BODY_ROWS)))


def _with(phone: Phone, changed: Held) -> Phone:
    return replace(phone, messages=tuple(changed if held.id == changed.id else held for held in phone.messages))
