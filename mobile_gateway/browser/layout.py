"""A card on a display: its text broken into rows, its pictures cut into strips, and where each link and field lies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from urllib.parse import urldefrag

from mobile_gateway.browser.addresses import resolved
from mobile_gateway.browser.deck import Anchor, Break, Card, Content, Image, Input, Select, Text, Tick
from mobile_gateway.browser.fields import chosen_labels
from mobile_gateway.browser.screen import Align, Display
from mobile_gateway.browser.variables import filled
from mobile_gateway.cells import wrap
from mobile_gateway.wire.wbmp import Bitmap, MalformedPicture, decode

Item = Anchor | Input | Select | Tick
"""What can be picked on a card."""

_SPACES = re.compile(r"[ \t\r\n]+")
_HARD = "\u00a0"
"""A space at which no line is broken, and which is not joined with others."""


CARD_LETTERS_MAX = 10_000
"""How much of a card is laid out: a page of variables could fill far more than any screen."""
_MARK_LETTERS = 8
"""Room for the mark of a link or field that begins within the limit."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a character looks, and which item of the card it belongs to, if any."""

    strong: bool = False
    item: int | None = None


@dataclass(frozen=True, slots=True)
class Strip:
    """The part of a picture in one row, from `top_px` on."""

    bitmap: Bitmap
    top_px: int
    item: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the laid card."""

    pieces: tuple[tuple[str, Look], ...] = ()
    align: Align = Align.LEFT
    strip: Strip | None = None

    def items(self) -> set[int]:
        """The items of which a part lies in this row."""
        found = {look.item for _, look in self.pieces} | {self.strip.item if self.strip else None}
        return {item for item in found if item is not None}


@dataclass(frozen=True, slots=True)
class Laid:
    """A card's rows, and of each item its first and last row; items beyond what is laid have none."""

    lines: tuple[Line, ...]
    spans: tuple[tuple[int, int], ...]


def items_of(card: Card) -> tuple[Item, ...]:
    """The links and fields of a card, in reading order."""
    return tuple(one for one in card.everything() if isinstance(one, Item))


def images_of(card: Card) -> tuple[Image, ...]:
    """The pictures of a card, in reading order, those in links too."""
    found: list[Image] = []
    for one in card.everything():
        if isinstance(one, Image):
            found.append(one)
        elif isinstance(one, Anchor):
            found += [inner for inner in one.content if isinstance(inner, Image)]
    return tuple(found)


def picture_url(image: Image, variables: Mapping[str, str], page_url: str) -> str | None:
    """Where a picture is to be had; None where its address is none."""
    found = resolved(page_url, filled(image.src, variables, address=True)) if image.src else None
    return urldefrag(found).url if found else None


def lay(
    card: Card, display: Display, *, variables: Mapping[str, str], pictures: Mapping[str, bytes], page_url: str
) -> Laid:
    """The card's rows as they are now: with the values of its variables, and the pictures that have come."""
    layer = _Layer(display, variables, pictures, page_url)
    for paragraph in card.paragraphs:
        layer.align = paragraph.align
        for content in paragraph.content:
            if layer.letters_left > 0:
                layer.add(content)
        layer.end_line()
    spans: dict[int, tuple[int, int]] = {}
    for row, line in enumerate(layer.lines):
        for item in line.items():
            spans[item] = (spans.get(item, (row, row))[0], row)
    return Laid(tuple(layer.lines), tuple(spans[item] for item in sorted(spans)))


class _Layer:
    """Collects characters until a line ends, then breaks them into rows."""

    def __init__(
        self, display: Display, variables: Mapping[str, str], pictures: Mapping[str, bytes], page_url: str
    ) -> None:
        self.lines: list[Line] = []
        self.align = Align.LEFT
        self._display = display
        self._variables = variables
        self._pictures = pictures
        self._page_url = page_url
        self._chars: list[tuple[str, Look]] = []
        self._items = 0
        self._after_picture = False
        self.letters_left = CARD_LETTERS_MAX

    def add(self, content: Content) -> None:
        match content:
            case Text():
                self._write(filled(content.text, self._variables), Look(strong=content.strong))
            case Break():
                self._break()
            case Image():
                self._show(content, Look())
            case Anchor():
                self._link(content)
            case Input():
                value = self._variables.get(content.name, "")
                self._box("*" * len(value) if content.secret else value)
            case Tick():
                self._tick(content)
            case _:
                self._box(
                    ", ".join(filled(label, self._variables) for label in chosen_labels(content, self._variables))
                )

    def end_line(self) -> None:
        """Break what was collected into rows; nothing where there is nothing."""
        while self._chars and self._chars[-1][0] == " ":
            self._chars.pop()
        text = "".join(char for char, _ in self._chars)
        for start, end in wrap(text, self._display.width, self._display.measure):
            pieces = tuple(
                ("".join(char for char, _ in run).replace(_HARD, " "), look)
                for look, run in groupby(self._chars[start:end], key=lambda one: one[1])
            )
            self.lines.append(Line(pieces, self.align))
        self._chars.clear()

    def _write(self, text: str, look: Look) -> None:
        text = _SPACES.sub(" ", text[: max(0, self.letters_left) + _MARK_LETTERS])
        self.letters_left -= len(text)
        for char in text:
            if char != " " or (self._chars and self._chars[-1][0] != " "):
                self._chars.append((char, look))
                self._after_picture = False

    def _break(self) -> None:
        if self._chars:
            self.end_line()
        elif not self._after_picture:
            self.lines.append(Line((), self.align))
        self._after_picture = False

    def _link(self, anchor: Anchor) -> None:
        look = Look(item=self._items)
        self._items += 1
        lines, letters = len(self.lines), len(self._chars)
        for one in anchor.content:
            if isinstance(one, Text):
                self._write(filled(one.text, self._variables), Look(strong=one.strong, item=look.item))
            elif isinstance(one, Break):
                self._write(" ", look)
            else:
                self._show(one, look)
        if len(self.lines) == lines and all(char == " " for char, _ in self._chars[letters:]):
            self._write("[...]", look)  # a link of no text must be seen to be followed

    def _tick(self, tick: Tick) -> None:
        ticked = self._variables.get(tick.name) == tick.value
        marks = ("( )", "(o)") if tick.single else ("[ ]", "[x]")
        self._write(marks[ticked].replace(" ", _HARD), Look(item=self._items))
        self._items += 1

    def _box(self, value: str) -> None:
        shown = value.replace(" ", _HARD).replace("\n", _HARD) or _HARD * 4
        self._write(f"[{shown}]", Look(item=self._items))
        self._items += 1

    def _show(self, image: Image, look: Look) -> None:
        url = picture_url(image, self._variables, self._page_url)
        bitmap = bitmap_of(self._pictures.get(url, b"")) if url else None
        if bitmap is None:
            alt = filled(image.alt, self._variables).strip() or "..."
            self._write(f"[{alt}]", look)
            return
        self.end_line()
        for top in range(0, bitmap.height, self._display.row_px):
            self.lines.append(Line((), self.align, Strip(bitmap, top, look.item)))
        self._after_picture = True


@lru_cache(maxsize=64)
def bitmap_of(wbmp: bytes) -> Bitmap | None:
    """The picture in a WBMP file; None where there is none."""
    try:
        return decode(wbmp)
    except MalformedPicture:
        return None
