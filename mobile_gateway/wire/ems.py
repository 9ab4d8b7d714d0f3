"""Enhanced messaging: pictures inside a short message (3GPP TS 23.040 section 9.2.3.24.10), and a ticket among them.

A large picture is 32x32 pixels in 132 octets of header, so a QR code of version 1 or 2 fits one single message, with up
to 8 octets of text beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mobile_gateway.wire.udh import (
    LARGE_PICTURE,
    SMALL_PICTURE,
    VARIABLE_PICTURE,
    InformationElement,
    build,
)
from mobile_gateway.wire.wbmp import Bitmap, MalformedPicture, pack_rows, unpack_rows

LARGE_PIXELS = 32
SMALL_PIXELS = 16
TEXT_OCTETS_MAX = 8
"""What is left of 140 octets beside a large picture."""

QUIET_MODULES_MIN = 2
"""The narrowest white border that readers put up with; the handset and the page around it add more."""

_POSITION_MAX = 0xFF
_PIXELS_PER_OCTET = 8
_VARIABLE_HEAD_OCTETS = 3


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and before which character of its own part's text it stands."""

    position: int
    bitmap: Bitmap


def large_picture(bitmap: Bitmap, *, position: int = 0) -> bytes:
    """The header that brings a picture of 32x32: 132 octets, to be sent with esm_class 0x40. Raises ValueError."""
    return build([_element(LARGE_PICTURE, LARGE_PIXELS, bitmap, position)])


def small_picture(bitmap: Bitmap, *, position: int = 0) -> bytes:
    """The header that brings a picture of 16x16, such as a logo: 36 octets. Raises ValueError."""
    return build([_element(SMALL_PICTURE, SMALL_PIXELS, bitmap, position)])


def _element(iei: int, side: int, bitmap: Bitmap, position: int) -> InformationElement:
    if (bitmap.width, bitmap.height) != (side, side):
        raise ValueError(f"a picture of {bitmap.width}x{bitmap.height} where {side}x{side} is asked for")
    if not 0 <= position <= _POSITION_MAX:
        raise ValueError(f"position {position} is not within a message; it is 0 to {_POSITION_MAX}")
    return InformationElement(iei, bytes([position]) + pack_rows(bitmap, black=True))


def code_picture(modules: Sequence[Sequence[bool]]) -> Bitmap:
    """A barcode, one pixel per module, in the middle of a white large picture; True is dark. Raises ValueError.

    QR version 1 (21 modules) and version 2 (25) fit, with 5 and 3 pixels of the quiet zone inside the picture.
    """
    side = len(modules)
    if any(len(row) != side for row in modules) or not 0 < side <= LARGE_PIXELS - 2 * QUIET_MODULES_MIN:
        raise ValueError(
            f"a code of {side} modules does not fit {LARGE_PIXELS} pixels with a white border; use QR version 1 or 2"
        )
    before = (LARGE_PIXELS - side) // 2
    after = LARGE_PIXELS - side - before
    white = (False,) * LARGE_PIXELS
    rows = ((False,) * before + tuple(map(bool, row)) + (False,) * after for row in modules)
    return Bitmap(LARGE_PIXELS, LARGE_PIXELS, ((white,) * before) + tuple(rows) + ((white,) * after))


def pictures(elements: Iterable[InformationElement]) -> tuple[Picture, ...]:
    """The pictures of a header (`udh.split`) in its order; what is no picture, or a broken one, is passed over."""
    found = []
    for one in elements:
        try:
            bitmap = _bitmap(one)
        except MalformedPicture:
            continue
        if bitmap is not None:
            found.append(Picture(one.data[0], bitmap))
    return tuple(found)


def _bitmap(one: InformationElement) -> Bitmap | None:
    """The picture of one element, None where it is something else; raises MalformedPicture."""
    if one.iei == LARGE_PICTURE:
        return unpack_rows(one.data[1:], LARGE_PIXELS, LARGE_PIXELS, black=True)
    if one.iei == SMALL_PICTURE:
        return unpack_rows(one.data[1:], SMALL_PIXELS, SMALL_PIXELS, black=True)
    if one.iei == VARIABLE_PICTURE:
        if len(one.data) < _VARIABLE_HEAD_OCTETS:
            raise MalformedPicture("a variable picture without its size")
        _, octets_wide, height, *_ = one.data
        return unpack_rows(one.data[_VARIABLE_HEAD_OCTETS:], octets_wide * _PIXELS_PER_OCTET, height, black=True)
    return None
