"""The pixel fonts of the phones' screens: Galmuri 7 and 9, Latin and Hangul, one bit per pixel.

The data files beside this one were made from the font's BDF files by `make.py`; README.md tells how, OFL.txt is the
font's licence.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from unicodedata import combining

ROW_BITS = 16
"""A glyph's row is one 16-bit number whose highest bit is the leftmost pixel."""

_UNSEEN = "\u200b\u200c\u200d\u2060\ufe0e\ufe0f\ufeff"


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character: how far it moves the pen, and its pixels from the top row down."""

    advance: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Font:
    """`height` is a row of text in pixels, descenders included; a character the font has not is drawn as a box."""

    height: int
    glyphs: dict[int, Glyph]
    missing: Glyph
    nothing: Glyph

    def glyph(self, char: str) -> Glyph:
        """The character's picture; a joiner or a mark on the letter before it takes no room and shows nothing."""
        found = self.glyphs.get(ord(char))
        if found is not None:
            return found
        return self.nothing if char in _UNSEEN or combining(char) else self.missing

    def measure(self, char: str) -> int:
        """How many pixels wide the character is, the gap after it included."""
        return self.glyph(char).advance


@lru_cache
def font(name: str) -> Font:
    """One of the fonts of this folder: `galmuri7` or `galmuri9`. Read once."""
    data = zlib.decompress((files(__name__) / f"{name}.bin").read_bytes())
    height = data[0]
    record = struct.Struct(f">IB{height}H")
    glyphs = {code: Glyph(advance, tuple(rows)) for code, advance, *rows in record.iter_unpack(data[1:])}
    side = height - 2
    edge, inner = ((1 << side) - 1) << (ROW_BITS - side), (1 << (ROW_BITS - 1)) | (1 << (ROW_BITS - side))
    box = (edge, *(inner,) * (side - 2), edge)
    return Font(height, glyphs, Glyph(side + 1, (0, *box, 0)), Glyph(0, (0,) * height))
