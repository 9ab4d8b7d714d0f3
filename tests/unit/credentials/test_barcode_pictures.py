"""Pictures: each is read back by a reader that is not ours, at the size a phone would show it."""

from __future__ import annotations

import re
import struct
import zlib
from xml.etree import ElementTree as ET

import pytest
import zxingcpp
from credential_kit import VECTORS
from hypothesis import given, settings
from hypothesis import strategies as st

from app import barcode
from app.barcode import Choice, Level, Screen, choose, draw, png, svg, wbmp, wbmp_for
from app.domain.base45 import ALPHABET

CT0 = "C04HMASW9NF6YZANP92XAFVY2"
CT1 = (
    "S:%50L60$Y88IHO1QJL1SFU3007A0%59U80CN118DB7LHFHA7KPDP%EOZ9LH*JUB1R"
    "R4A5O+BL:BGGJAU3NJDIQN6N1QWGI1CT3*F6XKF*V6IA7V0GYF4EV1V1-JLS3B3L6E2"
)
CTL = next(one["text"] for one in VECTORS["presented"] if one["says"] == "CTL")
TYPED = "4829103751-491027"
Rows = list[list[bool]]
"""A picture, True is white."""


def scan(rows: Rows) -> list[str]:
    grey = bytes(255 if white else 0 for row in rows for white in row)
    pixels = memoryview(grey).cast("B", (len(rows), len(rows[0])))
    return [found.text for found in zxingcpp.read_barcodes(pixels, formats=zxingcpp.barcode_formats_from_str("QRCode"))]


def read_wbmp(picture: bytes) -> Rows:
    """WBMP type 0, as a phone reads it."""
    assert picture[:2] == b"\0\0"
    sides, at = [], 2
    for _ in range(2):
        side = 0
        while True:
            side, more, at = side << 7 | picture[at] & 127, picture[at] & 128, at + 1
            if not more:
                break
        sides.append(side)
    width, height = sides
    stride = -(-width // 8)
    assert len(picture) == at + stride * height
    bits = [f"{octet:08b}" for octet in picture[at:]]
    lines = ["".join(bits[row * stride : (row + 1) * stride]) for row in range(height)]
    assert all(set(line[width:]) <= {"0"} for line in lines)
    return [[bit == "1" for bit in line[:width]] for line in lines]


def read_png(picture: bytes) -> Rows:
    """A PNG of one grey bit per pixel, filters none and up (W3C PNG section 9.2), which is all that a QR code needs."""
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(picture):
        (length,) = struct.unpack_from(">I", picture, at)
        body = picture[at + 4 : at + 8 + length]
        assert zlib.crc32(body) == struct.unpack_from(">I", picture, at + 8 + length)[0]
        chunks[body[:4]] = body[4:]
        at += 12 + length
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour) == (1, 0)
    stride = -(-width // 8)
    packed = zlib.decompress(chunks[b"IDAT"])
    above, rows = bytes(stride), []
    for row in range(height):
        kind, *line = packed[row * (stride + 1) : (row + 1) * (stride + 1)]
        assert kind in (0, 2)
        above = bytes(line) if kind == 0 else bytes((x + y) & 255 for x, y in zip(line, above, strict=True))
        rows.append([bit == "1" for bit in "".join(f"{octet:08b}" for octet in above)[:width]])
    return rows


def read_svg(picture: str, scale: int) -> Rows:
    """Fills the rectangles of the paths in their order, `scale` pixels per unit."""
    root = ET.fromstring(picture)  # noqa: S314 - our own text
    side = int(root.attrib["viewBox"].split()[2])
    canvas = [[False] * side for _ in range(side)]
    for path in root:
        white = path.attrib["fill"] == "#fff"
        for rectangle in re.findall("M[^z]+z|M.*?H0z", path.attrib["d"]):
            x, y, width, height = (int(number) for number in re.findall(r"[0-9]+", rectangle)[:4])
            for row in canvas[y : y + height]:
                row[x : x + width] = [white] * width
    return [[white for white in row for _ in range(scale)] for row in canvas for _ in range(scale)]


def border(rows: Rows) -> int:
    """How many pixels at each edge are white all along, the smallest of the four."""
    sides = (rows, rows[::-1], list(zip(*rows, strict=True)), list(zip(*rows, strict=True))[::-1])
    return min(next(n for n, line in enumerate(side) if not all(line)) for side in sides)


@pytest.mark.parametrize(
    ("text", "level", "version"),
    [
        (CT0, Level.L, 1),
        (CT0, Level.M, 2),
        (CT1, Level.L, 5),
        (CT1, Level.M, 6),
        (CTL, Level.L, 9),
        (CTL, Level.M, 10),
        (TYPED, Level.L, 1),
    ],
)
def test_each_code_has_the_version_it_was_designed_for(text: str, level: Level, version: int) -> None:
    drawing = draw(text, level)
    assert (drawing.version, drawing.size) == (version, 17 + 4 * version)
    assert drawing.code.error == level.upper()


def test_the_design_sizes_are_those_of_the_drawings() -> None:
    assert {level: draw(CT0, level).size for level in Level} == barcode._CT0_SIZES
    assert {level: draw(CT1, level).size for level in Level} == barcode._CT1_SIZES


@pytest.mark.parametrize("text", ["", "c0", "티켓", "A" * 513, "A\n", "A" * 512 + "\n"])
def test_text_that_qr_alphanumeric_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a code has 1 to 512 characters"):
        draw(text)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("text", [CT0, CT1, CTL, TYPED])
@pytest.mark.parametrize("scale", [3, 8])
def test_an_svg_is_read_back(text: str, level: Level, scale: int) -> None:
    assert scan(read_svg(svg(draw(text, level)), scale)) == [text]


def test_an_svg_is_crisp_and_has_its_quiet_zone_in_white() -> None:
    picture = svg(draw(CT1))
    assert 'shape-rendering="crispEdges"' in picture
    assert border(read_svg(picture, 1)) == 4


def test_an_svg_needs_nothing_that_a_strict_page_forbids() -> None:
    picture = svg(draw(CT1))
    assert not re.search("style|script|href|url|on[a-z]+=", picture)
    assert CT1 not in picture


@pytest.mark.parametrize("text", [CT0, CT1, CTL, TYPED])
@pytest.mark.parametrize("scale", [3, 10])
def test_a_png_is_read_back(text: str, scale: int) -> None:
    rows = read_png(png(draw(text), scale=scale))
    assert scan(rows) == [text]
    assert border(rows) == 4 * scale


@pytest.mark.parametrize("scale", [-1, 0, 92])
def test_a_png_has_a_size_that_a_phone_can_hold(scale: int) -> None:
    assert len(png(draw(CT1), scale=91)) < 64_000
    with pytest.raises(ValueError, match=f"scale {scale} makes a picture of"):
        png(draw(CT1), scale=scale)


@given(st.text(ALPHABET, min_size=1, max_size=200), st.sampled_from(Level))
@settings(max_examples=25, deadline=None)
def test_every_text_of_the_alphabet_is_read_back(text: str, level: Level) -> None:
    assert scan(read_png(png(draw(text, level), scale=4))) == [text]


@pytest.mark.parametrize(
    ("screen", "choice"),
    [
        (Screen(72, 28), Choice(signed=False, level=Level.L, module_pixels=1)),
        (Screen(96, 65), Choice(signed=False, level=Level.M, module_pixels=2)),
        (Screen(101, 80), Choice(signed=False, level=Level.L, module_pixels=3)),
        (Screen(128, 81), Choice(signed=False, level=Level.L, module_pixels=3)),
        (Screen(128, 82), Choice(signed=True, level=Level.L, module_pixels=2)),
        (Screen(128, 128), Choice(signed=True, level=Level.L, module_pixels=3)),
        (Screen(176, 220), Choice(signed=True, level=Level.M, module_pixels=3)),
        (Screen(240, 320), Choice(signed=True, level=Level.M, module_pixels=5)),
        (Screen(25, 1024), Choice(signed=False, level=Level.L, module_pixels=1)),
    ],
)
def test_each_screen_gets_the_code_that_can_be_scanned_from_it(screen: Screen, choice: Choice) -> None:
    assert choose(screen) == choice


@pytest.mark.parametrize(
    ("screen", "text"),
    [
        (Screen(96, 65), CT0),
        (Screen(101, 80), CT0),
        (Screen(128, 128), CT1),
        (Screen(176, 220), CT1),
        (Screen(240, 320), CT1),
        (Screen(320, 240), CT1),
    ],
)
def test_a_wbmp_fills_the_screen_and_is_read_back(screen: Screen, text: str) -> None:
    rows = read_wbmp(wbmp_for(screen, compact=CT0, signed=CT1))
    assert (len(rows[0]), len(rows)) == (screen.width, screen.height)
    assert border(rows) >= 2 * choose(screen).module_pixels
    assert scan(rows) == [text]


def test_the_smallest_picture_is_read_back_once_it_is_enlarged_by_a_camera() -> None:
    rows = read_wbmp(wbmp_for(Screen(72, 28), compact=CT0, signed=CT1))
    closer = [[pixel for pixel in row for _ in range(6)] for row in rows for _ in range(6)]
    assert scan(closer) == [CT0]


def test_a_wbmp_has_the_size_that_its_header_says() -> None:
    picture = wbmp(draw(CT0), Screen(29, 29))
    assert picture[:4] == bytes([0, 0, 29, 29])
    assert len(picture) == 120


def test_a_side_of_more_than_127_pixels_takes_two_octets() -> None:
    assert wbmp(draw(CT0), Screen(128, 300))[:6] == bytes([0, 0, 0x81, 0x00, 0x82, 0x2C])


@given(st.integers(25, 1024), st.integers(25, 1024))
@settings(max_examples=25, deadline=None)
def test_every_screen_gets_a_picture_of_its_own_size_with_its_quiet_zone(width: int, height: int) -> None:
    screen = Screen(width, height)
    rows = read_wbmp(wbmp_for(screen, compact=CT0, signed=CT1))
    assert (len(rows[0]), len(rows)) == (width, height)
    assert border(rows) >= 2 * choose(screen).module_pixels


def test_a_code_too_large_for_a_screen_is_refused() -> None:
    with pytest.raises(ValueError, match="37 modules does not fit a 96x40 screen"):
        wbmp(draw(CT1), Screen(96, 40))


@pytest.mark.parametrize(("width", "height"), [(24, 100), (100, 24), (1025, 100), (100, 1025), (0, 0), (-96, 65)])
def test_a_screen_that_no_phone_has_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="cannot show a code"):
        Screen(width, height)


def test_a_drawing_does_not_print_its_code() -> None:
    assert repr(draw(CT0)) == "Drawing(version=1, level=<Level.L: 'l'>)"
