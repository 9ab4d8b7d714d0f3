"""A monochrome framebuffer to draw on: text in a pixel font, pictures, bars; and the PNG that shows it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from mobile_gateway.fonts import ROW_BITS, Font
from mobile_gateway.wire.wbmp import Bitmap

Colour = tuple[int, int, int]

PNG_PIXELS_MAX = 4_000_000


@dataclass(frozen=True, slots=True)
class Frame:
    """What a screen shows: rows from the top, each a number whose highest of `width` bits is the leftmost pixel."""

    width: int
    height: int
    rows: tuple[int, ...]

    def __repr__(self) -> str:
        return f"Frame({self.width}x{self.height})"  # it may show a ticket's barcode

    def png(self, *, scale: int = 1, border: int = 0, paper: Colour, ink: Colour) -> bytes:
        """The frame as a PNG of two colours, each pixel `scale` pixels wide, `border` pixels of paper around it."""
        assert scale >= 1
        assert border >= 0
        width, height = self.width * scale + 2 * border, self.height * scale + 2 * border
        assert width * height <= PNG_PIXELS_MAX
        octets = -(-width // 8)
        padding = octets * 8 - width + border
        blank = b"\0" + bytes(octets)  # filter type 0, then pixels of colour 0: paper
        lines = [blank] * border
        for row in self.rows:
            line = b"\0" + (_widened(row, self.width, scale) << padding).to_bytes(octets, "big")
            lines += [line] * scale
        lines += [blank] * border
        # PNG (ISO 15948): depth 1, colour type 3 (palette), no interlace.
        head = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)
        chunks = (
            (b"IHDR", head),
            (b"PLTE", bytes([*paper, *ink])),
            (b"IDAT", zlib.compress(b"".join(lines), 9)),
            (b"IEND", b""),
        )
        return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, *zip(*chunks, strict=True)))


class Canvas:
    """A blank screen of `width` x `height` pixels. What is drawn beyond its edges is not seen."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._rows = [0] * height

    def frame(self) -> Frame:
        """What has been drawn."""
        return Frame(self.width, self.height, tuple(self._rows))

    def text(self, left: int, top: int, text: str, font: Font) -> int:
        """Write one line; answers where the next character would begin."""
        for char in text:
            glyph = font.glyph(char)
            self._strip(left, top, glyph.rows, ROW_BITS)
            left += glyph.advance
        return left

    def picture(self, left: int, top: int, bitmap: Bitmap, *, first: int = 0, rows: int | None = None) -> None:
        """A picture at its own size, or `rows` rows of it from its row `first` on."""
        shown = bitmap.rows[first:] if rows is None else bitmap.rows[first : first + rows]
        self._strip(left, top, [_bits(row) for row in shown], bitmap.width)

    def scaled(self, left: int, top: int, bitmap: Bitmap, scale: int) -> None:
        """A picture, each of its pixels `scale` pixels wide."""
        for index, row in enumerate(bitmap.rows):
            line = _widened(_bits(row), bitmap.width, scale)
            self._strip(left, top + index * scale, [line] * scale, bitmap.width * scale)

    def invert(self, left: int, top: int, width: int, height: int) -> None:
        """Turn black to white and white to black in a rectangle."""
        mask = self._clipped((1 << width) - 1, width, left)
        for row in range(max(0, top), min(top + height, self.height)):
            self._rows[row] ^= mask

    def fill(self, left: int, top: int, width: int, height: int) -> None:
        """A black rectangle; one pixel high it is a line."""
        self._strip(left, top, [(1 << width) - 1] * height, width)

    def paste(self, top: int, rows: Frame) -> None:
        """Put whole rows in the place of what was there."""
        assert rows.width == self.width
        self._rows[top : top + rows.height] = rows.rows

    def _strip(self, left: int, top: int, lines: Sequence[int], width: int) -> None:
        for index, line in enumerate(lines):
            if 0 <= top + index < self.height:
                self._rows[top + index] |= self._clipped(line, width, left)

    def _clipped(self, line: int, width: int, left: int) -> int:
        """The pixels of a row `width` wide, where they lie on ours when its left edge is at `left`."""
        shift = self.width - left - width
        moved = line << shift if shift >= 0 else line >> -shift
        return moved & ((1 << self.width) - 1)


def _bits(row: Sequence[bool]) -> int:
    return int("".join("1" if pixel else "0" for pixel in row), 2)


def _widened(row: int, width: int, scale: int) -> int:
    """A row whose pixels are `scale` times as wide."""
    return int("".join(bit * scale for bit in f"{row:0{width}b}"), 2)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
