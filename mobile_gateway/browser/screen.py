"""What the browser shows: rows of text and pictures between a title and the soft keys, ready to be drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from mobile_gateway.cells import char_cells
from mobile_gateway.wire.wbmp import Bitmap


@dataclass(frozen=True, slots=True)
class Display:
    """The part of the phone's screen that is the page's, without title and soft keys.

    `measure` says how wide a character is and `width` how many of those units a row has: cells unless the phone draws
    a proportional font and measures pixels. A row is `row_px` pixels high; a picture takes as many rows as it needs.
    """

    width: int = 16
    rows: int = 6
    row_px: int = 8
    measure: Callable[[str], int] = field(default=char_cells, compare=False)


class Align(StrEnum):
    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one look. `inverse` is what the next press of OK acts on."""

    text: str
    strong: bool = False
    link: bool = False
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class PictureSlice:
    """The strip of a picture that lies in one row: from `top_px` on, `Display.row_px` high or what is left."""

    bitmap: Bitmap
    top_px: int
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row: text, or a strip of a picture."""

    runs: tuple[Run, ...] = ()
    align: Align = Align.LEFT
    picture: PictureSlice | None = None

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, slots=True)
class Screen:
    """At most `Display.rows` rows, of which the first is `first_row` (from 0) of `total_rows`.

    `ok` is what the middle key would do, for phones that have room for a third label. `cursor` is set while text is
    typed: the row (from 0) that ends in it. `entry` is how digit keys type just then, such as `abc` or `123`.
    """

    title: str
    rows: tuple[Row, ...]
    soft_left: str = ""
    soft_right: str = ""
    ok: str = ""
    first_row: int = 0
    total_rows: int = 0
    cursor: int | None = None
    entry: str = ""
