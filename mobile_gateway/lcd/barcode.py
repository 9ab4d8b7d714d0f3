"""A barcode alone on a screen: as large as whole pixels allow, white to the edges, never less than its quiet zone."""

from __future__ import annotations

from itertools import groupby
from math import gcd

from mobile_gateway.handset.glass import Glass
from mobile_gateway.lcd.canvas import Canvas, Frame
from mobile_gateway.wire.wbmp import Bitmap

QUIET_MODULES_MIN = 2
"""ISO/IEC 18004 asks for 4; readers are content with 2, and these screens have no room for more."""


def draw_barcode(picture: Bitmap, glass: Glass) -> Frame:
    """The picture's black part in the middle of the screen, every pixel of it enlarged by the same whole number.

    One that is too large for its quiet zone is shown as it is.
    """
    canvas = Canvas(glass.width, glass.height)
    code = trimmed(picture)
    if code is None:
        return canvas.frame()
    quiet = 2 * QUIET_MODULES_MIN * module_px(code)
    scale = max(1, min(glass.width // (code.width + quiet), glass.height // (code.height + quiet)))
    left, top = ((glass.width - code.width * scale) // 2, (glass.height - code.height * scale) // 2)
    canvas.scaled(left, top, code, scale)
    return canvas.frame()


def trimmed(picture: Bitmap) -> Bitmap | None:
    """The picture without the white around it; None where all of it is white."""
    inked = [index for index, row in enumerate(picture.rows) if any(row)]
    if not inked:
        return None
    columns = [index for index in range(picture.width) if any(row[index] for row in picture.rows)]
    left, right = columns[0], columns[-1] + 1
    kept = tuple(row[left:right] for row in picture.rows[inked[0] : inked[-1] + 1])
    return Bitmap(right - left, len(kept), kept)


def module_px(code: Bitmap) -> int:
    """How many pixels wide one module of a code is: what all its black and white stretches are multiples of."""
    stretches = (sum(1 for _ in run) for row in code.rows for _, run in groupby(row))
    return gcd(*stretches)
