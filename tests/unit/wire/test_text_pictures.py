"""Pictures for phones of 2000: WBMP and EMS, and whether a camera's reader finds the ticket in them."""

from __future__ import annotations

from pathlib import Path

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from programs_kit import scanned

from mobile_gateway.wire import udh, wbmp
from mobile_gateway.wire.ems import Picture, code_picture, large_picture, pictures, small_picture
from mobile_gateway.wire.udh import InformationElement
from mobile_gateway.wire.wbmp import Bitmap, MalformedPicture

CT0 = "C0123456789ABCDEFGHJKMNPQ"


def a_bitmap(*rows: str) -> Bitmap:
    return Bitmap(len(rows[0]), len(rows), tuple(tuple(dot == "#" for dot in row) for row in rows))


@st.composite
def bitmaps(draw: st.DrawFn, width: int | None = None, height: int | None = None) -> Bitmap:
    wide = width or draw(st.integers(1, 40))
    high = height or draw(st.integers(1, 12))
    bits = draw(st.integers(0, (1 << wide * high) - 1))
    pixels = [bool(bits >> at & 1) for at in range(wide * high)]
    return Bitmap(wide, high, tuple(tuple(pixels[row * wide : (row + 1) * wide]) for row in range(high)))


# --- WBMP -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bitmap", "octets"),
    [
        (a_bitmap("#"), "0000010100"),
        (a_bitmap("."), "0000010180"),
        (a_bitmap("#.#.#.#.", "........"), "0000080255ff"),
        (a_bitmap("#########", "........#"), "0000090200" + "00" + "ff00"),
        (a_bitmap("." * 129), "00008101" + "01" + "ff" * 16 + "80"),
    ],
)
def test_golden_wbmp(bitmap: Bitmap, octets: str) -> None:
    assert wbmp.encode(bitmap).hex() == octets
    assert wbmp.decode(bytes.fromhex(octets)) == bitmap


@given(bitmaps())
def test_a_picture_comes_back_as_it_went(bitmap: Bitmap) -> None:
    assert wbmp.decode(wbmp.encode(bitmap)) == bitmap


@given(st.binary(max_size=40))
def test_any_octets_are_a_picture_or_malformed(octets: bytes) -> None:
    try:
        bitmap = wbmp.decode(octets)
    except MalformedPicture:
        return
    assert len(octets) >= 4 + bitmap.height


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        ("", "whole number"),
        ("00", "fixed header"),
        ("0100010100", "type 1"),
        ("0080010100", "fixed header"),
        ("00008080808001", "whole number"),
        ("000000", "whole number"),
        ("00000001", "0x1 pixels"),
        ("00008801018000", "1025x1 pixels"),
        ("00000801", "0 octets where 8x1 pixels take 1"),
        ("000008010000", "2 octets where 8x1 pixels take 1"),
    ],
)
def test_what_is_no_wbmp_is_malformed_and_says_why(octets: str, why: str) -> None:
    with pytest.raises(MalformedPicture, match=why):
        wbmp.decode(bytes.fromhex(octets))


def test_a_bitmap_that_is_none_is_not_made() -> None:
    with pytest.raises(ValueError, match="each side"):
        Bitmap(0, 1, ((),))
    with pytest.raises(ValueError, match="each side"):
        Bitmap(1025, 1, ((True,) * 1025,))
    with pytest.raises(ValueError, match="rows"):
        Bitmap(2, 1, ((True,),))
    with pytest.raises(ValueError, match="rows"):
        Bitmap(1, 2, ((True,),))


def test_a_picture_does_not_print_its_pixels() -> None:
    assert repr(a_bitmap("#.")) == "Bitmap(width=2, height=1)"


# --- EMS ------------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(bitmaps(32, 32), st.integers(0, 255))
def test_a_large_picture_is_132_octets_and_comes_back(bitmap: Bitmap, position: int) -> None:
    header = large_picture(bitmap, position=position)
    assert (len(header), header[:4]) == (132, bytes([131, 0x10, 129, position]))
    elements, text = udh.split(header + b"Seat A12")
    assert (pictures(elements), text) == ((Picture(position, bitmap),), b"Seat A12")


@given(bitmaps(16, 16))
def test_a_small_picture_comes_back(bitmap: Bitmap) -> None:
    header = small_picture(bitmap, position=3)
    assert (len(header), header[:4]) == (36, bytes([35, 0x11, 33, 3]))
    assert pictures(udh.parse(header)) == (Picture(3, bitmap),)


def test_black_is_one_and_the_first_pixel_the_highest_bit() -> None:
    corner = tuple(tuple(x == y == 0 for x in range(16)) for y in range(16))
    assert small_picture(Bitmap(16, 16, corner))[4:] == b"\x80" + bytes(31)


def test_a_variable_picture_is_as_wide_as_it_says() -> None:
    element = InformationElement(udh.VARIABLE_PICTURE, bytes([5, 2, 1, 0x80, 0x01]))
    assert pictures([element]) == (Picture(5, a_bitmap("#..............#")),)


@pytest.mark.parametrize(
    "element",
    [
        InformationElement(udh.LARGE_PICTURE, bytes(128)),
        InformationElement(udh.LARGE_PICTURE, b""),
        InformationElement(udh.SMALL_PICTURE, bytes(34)),
        InformationElement(udh.VARIABLE_PICTURE, b"\0\1"),
        InformationElement(udh.VARIABLE_PICTURE, b"\0\0\1"),
        InformationElement(udh.VARIABLE_PICTURE, b"\0\xff\1" + bytes(255)),
        InformationElement(udh.TEXT_FORMAT, b"\0\4\0"),
        InformationElement(0x0B, b"\0\1"),
    ],
)
def test_what_is_no_picture_or_a_broken_one_is_passed_over(element: InformationElement) -> None:
    logo = udh.parse(small_picture(a_bitmap(*["#" * 16] * 16)))
    assert len(pictures([element, *logo])) == 1


def test_a_picture_of_another_size_or_beyond_the_message_is_refused() -> None:
    with pytest.raises(ValueError, match="16x16 where 32x32"):
        large_picture(a_bitmap(*["#" * 16] * 16))
    with pytest.raises(ValueError, match="position 256"):
        small_picture(a_bitmap(*["#" * 16] * 16), position=256)


@pytest.mark.parametrize(("size", "before", "after"), [(21, 5, 6), (25, 3, 4), (1, 15, 16), (28, 2, 2)])
def test_a_code_stands_in_the_middle_of_white(size: int, before: int, after: int) -> None:
    rows = code_picture([[True] * size] * size).rows
    line = (False,) * before + (True,) * size + (False,) * after
    assert rows == ((False,) * 32,) * before + (line,) * size + ((False,) * 32,) * after


@pytest.mark.parametrize("modules", [[], [[True] * 29] * 29, [[True], [True, True]]])
def test_a_code_that_does_not_fit_or_is_no_square_is_refused(modules: list[list[bool]]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        code_picture(modules)


# --- judged by a reader that nobody here wrote ------------------------------------------------------------------------


def enlarged(bitmap: Bitmap, scale: int, border: int) -> Bitmap:
    """As a screen or a page shows it: `scale` pixels for one, and `border` pixels of white around."""
    width, height = bitmap.width * scale + 2 * border, bitmap.height * scale + 2 * border
    edge, blank = (False,) * border, ((False,) * width,) * border
    lines = (edge + tuple(pixel for pixel in row for _ in range(scale)) + edge for row in bitmap.rows)
    rows = tuple(line for line in lines for _ in range(scale))
    return Bitmap(width, height, blank + rows + blank)


def a_pgm(path: Path, bitmap: Bitmap) -> Path:
    grey = bytes(0 if pixel else 255 for row in bitmap.rows for pixel in row)
    path.write_bytes(b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + grey)
    return path


@pytest.mark.parametrize(("level", "version"), [("l", 1), ("m", 2)])
def test_zbar_reads_the_ticket_out_of_one_ems_message(tmp_path: Path, level: str, version: int) -> None:
    code = segno.make_qr(CT0, error=level, mode="alphanumeric", boost_error=False)
    assert code.version == version
    message = large_picture(code_picture([[bool(dark) for dark in row] for row in code.matrix])) + b"A-12"
    assert len(message) <= 140

    (picture,) = pictures(udh.split(message)[0])

    assert scanned(a_pgm(tmp_path / "ems.pgm", enlarged(picture.bitmap, 6, 24))) == [CT0]


def test_zbar_reads_a_wbmp_that_another_decoder_opened(tmp_path: Path) -> None:
    code = segno.make_qr(CT0, error="m", mode="alphanumeric", boost_error=False)
    modules = code_picture([[bool(dark) for dark in row] for row in code.matrix])
    path = tmp_path / "ticket.wbmp"
    path.write_bytes(wbmp.encode(enlarged(modules, 4, 9)))

    assert scanned(path) == [CT0]
