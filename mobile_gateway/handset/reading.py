"""A message laid out in the rows of a screen: its pictures, then its words, a logo beside the first of them."""

from __future__ import annotations

from dataclasses import dataclass

from mobile_gateway.cells import wrap
from mobile_gateway.handset.glass import Glass
from mobile_gateway.handset.held import Held
from mobile_gateway.wire.wbmp import Bitmap

GAP_PX = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One row: words from `left_px` on, and the strip of a picture from its row `top_px` on, at `picture_px`."""

    text: str = ""
    left_px: int = 0
    picture: Bitmap | None = None
    picture_px: int = 0
    top_px: int = 0


def lines(held: Held, glass: Glass) -> tuple[Line, ...]:
    """All rows of the message, of which the screen shows `glass.body_rows`."""
    rows: list[Line] = []
    for picture in held.barcodes:
        middle = max(0, (glass.width - picture.width) // 2)
        strips = range(0, picture.height, glass.row_px)
        rows += [Line(picture=picture, picture_px=middle, top_px=top) for top in strips]
    logo = next(iter(held.logos), None)
    text = held.text or held.headline
    if logo is None:
        return (*rows, *_words(text, glass, 0))
    left = logo.width + GAP_PX
    tops = list(range(0, logo.height, glass.row_px))
    beside = wrap(text, glass.width - left, glass.measure)[: len(tops)]
    for index, top in enumerate(tops):
        start, end = beside[index] if index < len(beside) else (0, 0)
        rows.append(Line(text[start:end], left, logo, 0, top))
    rest = text[beside[-1][1] :].lstrip("\n ") if len(beside) == len(tops) else ""
    return (*rows, *_words(rest, glass, 0))


def rows_of(held: Held, glass: Glass) -> int:
    """How many rows the message has."""
    return len(lines(held, glass))


def _words(text: str, glass: Glass, left_px: int) -> list[Line]:
    return [Line(text[start:end], left_px) for start, end in wrap(text, glass.width - left_px, glass.measure)]
