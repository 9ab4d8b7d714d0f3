"""Pictures of one bit per pixel, and WBMP type 0, the format in which phones of 2000 showed them (WAP-237)."""

from __future__ import annotations

from dataclasses import dataclass, field

CONTENT_TYPE = "image/vnd.wap.wbmp"

SIDE_PIXELS_MAX = 1024
_PIXELS_PER_OCTET = 8
_MULTI_BYTE_OCTETS_MAX = 4
_MORE = 0x80
_SEVEN_BITS = 0x7F


class MalformedPicture(ValueError):
    """Octets that are no picture we can show."""


@dataclass(frozen=True, slots=True)
class Bitmap:
    """Rows from above, pixels from the left, True is black. It may be a ticket's barcode, so it does not print."""

    width: int
    height: int
    rows: tuple[tuple[bool, ...], ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not all(1 <= side <= SIDE_PIXELS_MAX for side in (self.width, self.height)):
            raise ValueError(f"a picture of {self.width}x{self.height} pixels: each side is 1 to {SIDE_PIXELS_MAX}")
        if len(self.rows) != self.height or any(len(row) != self.width for row in self.rows):
            raise ValueError(f"the rows are not {self.height} of {self.width} pixels each")


def pack_rows(bitmap: Bitmap, *, black: bool) -> bytes:
    """Rows padded with 0 to whole octets, the highest bit leftmost; a black pixel is the bit `black`."""
    size = octets_per_row(bitmap.width)
    padding = size * _PIXELS_PER_OCTET - bitmap.width
    lines = (int("".join("1" if pixel is black else "0" for pixel in row), 2) << padding for row in bitmap.rows)
    return b"".join(line.to_bytes(size, "big") for line in lines)


def unpack_rows(octets: bytes, width: int, height: int, *, black: bool) -> Bitmap:
    """The picture that `pack_rows` made; the octets must be exactly its. Raises MalformedPicture."""
    if not all(1 <= side <= SIDE_PIXELS_MAX for side in (width, height)):
        raise MalformedPicture(f"{width}x{height} pixels; each side may be 1 to {SIDE_PIXELS_MAX}")
    size = octets_per_row(width)
    if len(octets) != size * height:
        raise MalformedPicture(f"{len(octets)} octets where {width}x{height} pixels take {size * height}")
    ink = "1" if black else "0"
    lines = (octets[at : at + size] for at in range(0, len(octets), size))
    bits = (f"{int.from_bytes(line, 'big'):0{size * _PIXELS_PER_OCTET}b}" for line in lines)
    return Bitmap(width, height, tuple(tuple(bit == ink for bit in line[:width]) for line in bits))


def octets_per_row(width: int) -> int:
    return (width + _PIXELS_PER_OCTET - 1) // _PIXELS_PER_OCTET


def encode(bitmap: Bitmap) -> bytes:
    """WBMP: type 0, fixed header 0, width and height as multi-byte integers, rows in which 1 is white."""
    return b"\0\0" + _multi_byte(bitmap.width) + _multi_byte(bitmap.height) + pack_rows(bitmap, black=False)


def decode(octets: bytes) -> Bitmap:
    """The picture of a WBMP type 0; raises MalformedPicture."""
    kind, at = _read_multi_byte(octets, 0)
    if kind != 0:
        raise MalformedPicture(f"WBMP type {kind}; only type 0 is known")
    if octets[at : at + 1] != b"\0":
        raise MalformedPicture("a WBMP of type 0 has a fixed header of 0 and no extension")
    width, at = _read_multi_byte(octets, at + 1)
    height, at = _read_multi_byte(octets, at)
    return unpack_rows(octets[at:], width, height, black=False)


def _multi_byte(value: int) -> bytes:
    """Seven bits per octet, the highest first, the high bit set on all but the last (WAP-237 section 4.1)."""
    octets = [value & _SEVEN_BITS]
    while value := value >> 7:
        octets.insert(0, _MORE | value & _SEVEN_BITS)
    return bytes(octets)


def _read_multi_byte(octets: bytes, at: int) -> tuple[int, int]:
    """The integer that begins at `at`, and where it ends."""
    value = 0
    for index, octet in enumerate(octets[at : at + _MULTI_BYTE_OCTETS_MAX]):
        value = value << 7 | octet & _SEVEN_BITS
        if not octet & _MORE:
            return value, at + index + 1
    raise MalformedPicture(f"no whole number stands at octet {at}")
