"""A screen being drawn: title bar, rows of body, labels of the soft keys; in pixels, and the same in words."""

from __future__ import annotations

from dataclasses import dataclass

from mobile_gateway.cells import clip
from mobile_gateway.handset.glass import Glass
from mobile_gateway.lcd.canvas import Canvas, Frame
from mobile_gateway.wire.wbmp import Bitmap

GAP_PX = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """What a screen shows: its pixels, and its words row by row for whoever cannot see them."""

    frame: Frame
    rows: tuple[str, ...]


class Sheet:
    """Draws one screen from the top down. Rows of the body are numbered from 0."""

    def __init__(self, glass: Glass) -> None:
        self.glass = glass
        self.canvas = Canvas(glass.width, glass.height)
        self._title = ""
        self._body = [""] * glass.body_rows
        self._foot = ""

    def shown(self) -> Shown:
        """The finished screen."""
        return Shown(self.canvas.frame(), (self._title, *self._body, self._foot))

    def top_of(self, row: int) -> int:
        """Where a row of the body begins, in pixels."""
        return self.glass.body_px + row * self.glass.row_px

    def title(self, left: str, right: str = "") -> None:
        """The title; the left part gives way. White on black where the bar has room for a margin, else underlined."""
        glass = self.glass
        room = glass.width - 2 - (glass.measure_text(right) + GAP_PX if right else 0)
        left = clip(left, room, glass.measure)
        text_top = (glass.bar_px - glass.font.height) // 2
        self.canvas.text(1, text_top, left, glass.font)
        if right:
            self.canvas.text(glass.width - 1 - glass.measure_text(right), text_top, right, glass.font)
        if text_top:
            self.canvas.invert(0, 0, glass.width, glass.bar_px)
        else:
            self.canvas.fill(0, glass.bar_px - 1, glass.width, 1)
        self._title = f"{left} {right}".strip()

    def line(self, row: int, text: str, *, left_px: int = 0, inverse: bool = False, middle: bool = False) -> None:
        """One row of the body; what is too long is cut off."""
        glass = self.glass
        text = clip(text, glass.width - left_px, glass.measure)
        at = (glass.width - glass.measure_text(text)) // 2 if middle else left_px
        self.canvas.text(at, self.top_of(row), text, glass.font)
        if inverse:
            self.mark(row, 0, glass.width)
        self._body[row] = f"{self._body[row]} {text}".strip()

    def mark(self, row: int, left_px: int, width_px: int) -> None:
        """White on black, with a line of black above the letters, whose topmost strokes would be lost without."""
        self.canvas.invert(left_px, self.top_of(row) - 1, width_px, self.glass.row_px + 1)

    def item(self, row: int, icon: Bitmap | None, text: str, *, chosen: bool) -> None:
        """One row of a list: a little picture, the words, and white on black where it is the one chosen."""
        left = 1
        if icon is not None:
            self.canvas.picture(left, self.top_of(row) + (self.glass.row_px - icon.height) // 2, icon)
            left += icon.width + 2
        self.line(row, text, left_px=left, inverse=chosen)
        self._body[row] = ("> " if chosen else "  ") + self._body[row]

    def picture(self, row: int, left_px: int, bitmap: Bitmap, *, first: int = 0) -> None:
        """The strip of a picture that lies in one row of the body; in the last row a line stays free for the labels."""
        rows = self.glass.row_px - (row == self.glass.body_rows - 1)
        self.canvas.picture(left_px, self.top_of(row), bitmap, first=first, rows=rows)

    def say(self, row: int, words: str) -> None:
        """Words for a row that has none of its own, such as what a picture is."""
        self._body[row] = words

    def foot(self, left: str, right: str = "", *, middle: str = "") -> None:
        """The labels of the two soft keys, and of OK between them where there is room."""
        glass, top = self.glass, self.glass.foot_px
        right = clip(right, glass.width // 2 - 2, glass.measure)
        left = clip(left, glass.width - glass.measure_text(right) - GAP_PX, glass.measure)
        self.canvas.text(0, top, left, glass.font)
        self.canvas.text(glass.width - glass.measure_text(right), top, right, glass.font)
        room = glass.width // 2 - max(glass.measure_text(left), glass.measure_text(right)) - GAP_PX
        if middle and glass.measure_text(middle) <= 2 * room:
            self.canvas.text((glass.width - glass.measure_text(middle)) // 2, top, middle, glass.font)
        else:
            middle = ""
        self._foot = "  ".join(word for word in (left, middle, right) if word)

    def notice(self, words: str) -> None:
        """A word that the phone says once, in the place of the labels."""
        glass = self.glass
        words = clip(words, glass.width, glass.measure)
        bar = Canvas(glass.width, glass.row_px + 1)
        bar.text((glass.width - glass.measure_text(words)) // 2, 1, words, glass.font)
        bar.invert(0, 0, bar.width, bar.height)
        self.canvas.paste(glass.height - bar.height, bar.frame())
        self._foot = words
