"""Reading a ticket's barcode as a scanner does: the picture for a WAP phone, through a reader that is not ours."""

from __future__ import annotations

import zxingcpp

from bench.client import BenchFailed


def text_of(wbmp: bytes) -> str:
    """What the QR code of a WBMP says; raises BenchFailed."""
    width, height, grey = pixels(wbmp)
    found = zxingcpp.read_barcodes(
        memoryview(grey).cast("B", (height, width)), formats=zxingcpp.barcode_formats_from_str("QRCode")
    )
    if len(found) != 1:
        raise BenchFailed(f"a reader found {len(found)} barcodes in a ticket's picture")
    return str(found[0].text)


def pixels(wbmp: bytes) -> tuple[int, int, bytes]:
    """Width, height and one byte per pixel (255 is white) of a WBMP of type 0 (WAP-190 section 6)."""
    at, sides = 2, []
    for _ in range(2):
        side, more = 0, True
        while more:
            side, more, at = side << 7 | wbmp[at] & 0x7F, bool(wbmp[at] & 0x80), at + 1
        sides.append(side)
    width, height = sides
    stride = -(-width // 8)
    grey = bytearray()
    for row in range(height):
        bits = int.from_bytes(wbmp[at + row * stride : at + (row + 1) * stride], "big") >> (stride * 8 - width)
        grey += bytes(255 if digit == "1" else 0 for digit in f"{bits:0{width}b}")
    return width, height, bytes(grey)
