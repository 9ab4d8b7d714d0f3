"""A ticket's code as a picture, drawn when it is looked at: QR as SVG for pages, PNG for messages, WBMP for old phones.

Only text of the QR alphanumeric alphabet is drawn, which is what CT0, CT1, CTL and number-PIN are made of.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Final

import segno

from app.domain.base45 import ALPHABET

QUIET_MODULES = 4
"""The white border that a QR code asks for on every side (ISO/IEC 18004 section 9.1)."""
QUIET_MODULES_MIN = 2
"""What readers put up with where the screen is small and white to its edge."""
PIXELS_MAX = 4096
TEXT_CHARS_MAX = 512
SCREEN_PIXELS_MIN, SCREEN_PIXELS_MAX = 25, 1024

_ALPHANUMERIC = re.compile(f"[{re.escape(ALPHABET)}]{{1,{TEXT_CHARS_MAX}}}")


class Level(StrEnum):
    """How much of the picture may be lost: L 7 %, M 15 %."""

    L = "l"
    M = "m"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A QR code as modules, 1 is dark, without its quiet zone. It is as secret as its text, so it does not print."""

    version: int
    level: Level
    rows: tuple[bytes, ...] = field(repr=False)
    code: segno.QRCode = field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """Modules per side, 17 + 4 per version."""
        return len(self.rows)


def draw(text: str, level: Level = Level.L) -> Drawing:
    """The smallest QR code of `level` for `text`: CT0 is version 1-L or 2-M, CT1 5-L or 6-M, CTL 9-L or 10-M.

    Raises ValueError.
    """
    if not _ALPHANUMERIC.fullmatch(text):
        raise ValueError(f"a code has 1 to {TEXT_CHARS_MAX} characters of {ALPHABET!r}")
    code = segno.make_qr(text, error=level, mode="alphanumeric", boost_error=False)
    return Drawing(int(code.version), level, tuple(bytes(row) for row in code.matrix), code)


# --- pages and messages ---------------------------------------------------------------------------------------------


def link_svg(link: str) -> str:
    """A link of any characters as a QR picture for a page; raises ValueError beyond 512 of them."""
    text = _link(link).svg_inline(border=QUIET_MODULES, scale=4)
    return str(text)


def link_in_terminal(link: str) -> str:
    """The same in half blocks, for a screen of text with a dark ground; raises ValueError."""
    lines = io.StringIO()
    _link(link).terminal(lines, border=QUIET_MODULES_MIN, compact=True)
    return lines.getvalue()


def _link(link: str) -> segno.QRCode:
    if not 0 < len(link) <= TEXT_CHARS_MAX:
        raise ValueError(f"a link to draw has 1 to {TEXT_CHARS_MAX} characters")
    return segno.make_qr(link, error="m", boost_error=False)


def svg(drawing: Drawing) -> str:
    """A crisp square for a page, of any size: black on white, no style, no script, nothing to load."""
    side = drawing.size + 2 * QUIET_MODULES
    runs = "".join(
        f"M{x + QUIET_MODULES} {y + QUIET_MODULES}h{width}v1h-{width}z"
        for y, row in enumerate(drawing.rows)
        for x, width in _dark_runs(row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path fill="#000" d="{runs}"/></svg>'
    )


def _dark_runs(row: bytes) -> Iterator[tuple[int, int]]:
    x = 0
    for dark, run in groupby(row):
        width = sum(1 for _ in run)
        if dark:
            yield x, width
        x += width


def png(drawing: Drawing, *, scale: int) -> bytes:
    """A PNG of one bit per pixel, `scale` pixels per module, quiet zone included; at most 4096 pixels wide."""
    side = (drawing.size + 2 * QUIET_MODULES) * scale
    if not 0 < side <= PIXELS_MAX:
        raise ValueError(f"scale {scale} makes a picture of {side} pixels; it must be 1 to {PIXELS_MAX}")
    picture = io.BytesIO()
    drawing.code.save(picture, kind="png", scale=scale, border=QUIET_MODULES, dark="black", light="white")
    return picture.getvalue()


# --- old screens ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Screen:
    """A handset's display in pixels, as its profile says; a picture is made for it and never scaled by the phone."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if not all(SCREEN_PIXELS_MIN <= side <= SCREEN_PIXELS_MAX for side in (self.width, self.height)):
            raise ValueError(
                f"a screen of {self.width}x{self.height} cannot show a code; "
                f"each side is {SCREEN_PIXELS_MIN} to {SCREEN_PIXELS_MAX} pixels"
            )

    def module_pixels(self, size: int) -> int:
        """Pixels per module for a code of `size` modules with the narrowest quiet zone; 0 where it does not fit."""
        return min(self.width, self.height) // (size + 2 * QUIET_MODULES_MIN)


@dataclass(frozen=True, slots=True)
class Choice:
    """What to draw on one screen: the signed code where it can be scanned, else the compact one."""

    signed: bool
    level: Level
    module_pixels: int


# Modules per side of the four drawings there are, and in which order they are tried. What decides whether a camera
# reads a code is pixels per module; from 3 on, more redundancy is worth more than still larger modules.
_CT0_SIZES: Final = {Level.M: 25, Level.L: 21}
_CT1_SIZES: Final = {Level.M: 41, Level.L: 37}
_TRIED: Final = tuple(
    (signed, level, size, pixels_wanted)
    for signed, sizes, tried in ((True, _CT1_SIZES, (3, 2)), (False, _CT0_SIZES, (3, 2, 1)))
    for pixels_wanted in tried
    for level, size in sizes.items()
)


def choose(screen: Screen) -> Choice:
    """CT1 at 2 pixels per module or more, else CT0; the larger modules first, then the higher level.

    There is always one: the smallest screen holds version 1 at 1 pixel per module.
    """
    return next(
        Choice(signed=signed, level=level, module_pixels=screen.module_pixels(size))
        for signed, level, size, pixels_wanted in _TRIED
        if screen.module_pixels(size) >= pixels_wanted
    )


def wbmp_for(screen: Screen, *, compact: str, signed: str) -> bytes:
    """The picture for `screen` of whichever of a ticket's two codes (CT0, CT1) `choose` prefers."""
    choice = choose(screen)
    return wbmp(draw(signed if choice.signed else compact, choice.level), screen)


def wbmp(drawing: Drawing, screen: Screen) -> bytes:
    """WBMP type 0: the whole screen white, the code in its middle, as large as it goes; raises ValueError.

    WAP-237, wireless bitmap: type and fixed header are 0, width and height multi-byte integers, rows padded with 0 to
    whole octets, the most significant bit is the leftmost pixel, 1 is white.
    """
    pixels = screen.module_pixels(drawing.size)
    if pixels == 0:
        raise ValueError(f"a code of {drawing.size} modules does not fit a {screen.width}x{screen.height} screen")
    left = (screen.width - drawing.size * pixels) // 2
    above = (screen.height - drawing.size * pixels) // 2
    row_bytes = (screen.width + 7) // 8
    padding = 8 * row_bytes - screen.width
    white = (1 << screen.width) - 1

    def line(row: bytes) -> bytes:
        dark = int("".join(("1" if module else "0") * pixels for module in row), 2)
        dark <<= screen.width - left - drawing.size * pixels
        return ((white ^ dark) << padding).to_bytes(row_bytes, "big")

    blank = (white << padding).to_bytes(row_bytes, "big")
    below = screen.height - above - drawing.size * pixels
    body = blank * above + b"".join(line(row) * pixels for row in drawing.rows) + blank * below
    return b"\0\0" + _multi_byte(screen.width) + _multi_byte(screen.height) + body


def _multi_byte(value: int) -> bytes:
    """Seven bits per octet, the high bit set on all but the last (WAP-237)."""
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.insert(0, 0x80 | value & 0x7F)
    return bytes(octets)
