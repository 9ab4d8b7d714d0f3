"""Makes a font's data file from its BDF file: `python -m mobile_gateway.fonts.make Galmuri7.bdf 7 galmuri7.bin`.

The second argument is how many pixel rows stand on the base line; one row below it is kept for descenders. What
sticks out of these rows (the accents of capital letters) is cut off: a screen of eight rows has no room for it.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KEPT = (
    range(0x20, 0x7F),  # Latin
    range(0xA0, 0x180),  # Latin of Europe
    range(0x370, 0x400),  # Greek, of which GSM 03.38 has the capitals
    range(0x400, 0x460),  # Cyrillic
    range(0x2010, 0x2070),  # punctuation
    range(0x20A0, 0x20C0),  # money
    range(0x2100, 0x2200),  # letter-like signs and arrows
    range(0x2460, 0x2500),  # numbers in circles
    range(0x2500, 0x2700),  # lines, blocks, shapes, signs
    range(0x3000, 0x3030),  # Korean punctuation
    range(0x3130, 0x3190),  # single Hangul letters
    range(0xAC00, 0xD7A4),  # Hangul syllables
    range(0xFF01, 0xFF61),  # full-width Latin
)
BELOW = 1
ROW_BITS = 16


@dataclass(frozen=True)
class Drawn:
    """A character as the BDF file has it: its box stands `bottom` above the base line, `left` of the pen."""

    code: int
    advance: int
    width: int
    height: int
    left: int
    bottom: int
    rows: tuple[int, ...]


def read(lines: Iterator[str]) -> Iterator[Drawn]:
    """The characters of a BDF file (Glyph Bitmap Distribution Format 2.1)."""
    facts: dict[str, list[int]] = {}
    for line in lines:
        word, *numbers = line.split() or [""]
        if word in {"ENCODING", "DWIDTH", "BBX"}:
            facts[word] = [int(number) for number in numbers]
        elif word == "BITMAP":
            width, height, left, bottom = facts["BBX"]
            padding = -width % 8
            rows = tuple(int(next(lines), 16) >> padding for _ in range(height))
            yield Drawn(facts["ENCODING"][0], facts["DWIDTH"][0], width, height, left, bottom, rows)


def record(drawn: Drawn, above: int) -> bytes:
    """The character as its data file has it: code, advance and one number for each pixel row."""
    rows = []
    for level in range(above - 1, -BELOW - 1, -1):
        index = drawn.bottom + drawn.height - 1 - level
        bits = drawn.rows[index] if 0 <= index < drawn.height else 0
        shift = ROW_BITS - drawn.width - drawn.left
        # A glyph that reaches left of its pen would reach into its neighbour: that column is cut off.
        rows.append((bits << shift) & ((1 << ROW_BITS) - 1))
    return struct.pack(f">IB{above + BELOW}H", drawn.code, drawn.advance, *rows)


def main(source: str, above: str, target: str) -> None:
    """Write `target`; what it holds depends on `source` alone."""
    with Path(source).open(encoding="utf-8") as lines:
        kept = {drawn.code: drawn for drawn in read(iter(lines)) if any(drawn.code in codes for codes in KEPT)}
    records = b"".join(record(kept[code], int(above)) for code in sorted(kept))
    Path(target).write_bytes(zlib.compress(bytes([int(above) + BELOW]) + records, 9))


if __name__ == "__main__":
    main(*sys.argv[1:])
