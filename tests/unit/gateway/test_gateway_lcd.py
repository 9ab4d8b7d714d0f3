"""The screens in pixels: fonts, the barcode, the PNG; and the phone's words, which must fit."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from handset_kit import CODE, NOON, TICKET, a_phone, after, qr, shown, with_code
from hypothesis import given
from hypothesis import strategies as st

from mobile_gateway.carrier.messages import Language, Model
from mobile_gateway.fonts import font
from mobile_gateway.fonts.make import main, read, record
from mobile_gateway.handset.air import Air
from mobile_gateway.handset.glass import LARGE, SMALL, Glass, glass_of
from mobile_gateway.handset.places import Item, Notice, Option
from mobile_gateway.handset.reading import lines
from mobile_gateway.handset.words import WORDS
from mobile_gateway.lcd import drawing as lcd
from mobile_gateway.lcd.barcode import draw_barcode, module_px, trimmed
from mobile_gateway.lcd.canvas import Canvas, Frame
from mobile_gateway.lcd.sheet import Sheet
from mobile_gateway.wire import ems
from mobile_gateway.wire.wbmp import Bitmap


def drawn(frame: Frame) -> list[str]:
    return [f"{row:0{frame.width}b}".replace("0", ".").replace("1", "#") for row in frame.rows]


def bitmap(*rows: str) -> Bitmap:
    return Bitmap(len(rows[0]), len(rows), tuple(tuple(pixel == "#" for pixel in row) for row in rows))


# --- the barcode ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("glass", "version", "scale"), [(SMALL, 1, 2), (SMALL, 2, 2), (LARGE, 1, 5), (LARGE, 2, 4)], ids=str
)
def test_an_ems_code_is_as_large_as_whole_pixels_and_its_quiet_zone_allow(
    glass: Glass, version: int, scale: int
) -> None:
    picture = qr(version=version)
    frame = draw_barcode(picture, glass)
    code = trimmed(picture)
    assert code
    side = code.width
    assert side == 17 + 4 * version
    left, top = (glass.width - side * scale) // 2, (glass.height - side * scale) // 2
    assert min(left, top) >= 2 * scale
    rows = drawn(frame)
    pixels = [[rows[top + y * scale][left + x * scale] == "#" for x in range(side)] for y in range(side)]
    assert tuple(map(tuple, pixels)) == code.rows
    assert sum(row.count("#") for row in rows) == scale**2 * sum(map(sum, code.rows))


def test_a_code_that_is_large_already_is_not_scaled_by_the_phone() -> None:
    doubled = bitmap(*[line for row in drawn(draw_barcode(qr(), SMALL))[11:53] for line in [row[20:76]]])
    assert module_px(trimmed(doubled) or doubled) == 2
    assert draw_barcode(doubled, SMALL) == draw_barcode(qr(), SMALL)


def test_a_picture_larger_than_the_screen_is_shown_as_it_is_and_a_white_one_as_nothing() -> None:
    huge = Bitmap(200, 100, ((True,) * 200,) * 100)
    assert set(drawn(draw_barcode(huge, SMALL))) == {"#" * 96}
    assert set(drawn(draw_barcode(Bitmap(30, 30, ((False,) * 30,) * 30), SMALL))) == {"." * 96}


def test_the_barcode_has_the_screen_to_itself() -> None:
    phone = after(with_code(a_phone()), "soft_right", "ok")
    assert lcd.screen(phone).frame == draw_barcode(qr(CODE), SMALL)


# --- the canvas -------------------------------------------------------------------------------------------------------


def test_what_is_drawn_beyond_the_edges_is_not_seen() -> None:
    canvas = Canvas(4, 3)
    canvas.picture(-1, -1, bitmap("###", "#.#", "###"))
    canvas.picture(3, 2, bitmap("##", "##"))
    assert drawn(canvas.frame()) == [".#..", "##..", "...#"]
    canvas.invert(-2, 0, 4, 9)
    assert drawn(canvas.frame()) == ["#...", "....", "##.#"]
    canvas.fill(0, 0, 9, 1)
    assert drawn(canvas.frame())[0] == "####"


def test_a_picture_grows_by_whole_pixels() -> None:
    canvas = Canvas(6, 4)
    canvas.scaled(1, 0, bitmap("#.", ".#"), 2)
    assert drawn(canvas.frame()) == [".##...", ".##...", "...##.", "...##."]


def test_the_png_has_every_pixel_and_the_border() -> None:
    canvas = Canvas(3, 2)
    canvas.picture(0, 0, bitmap("#.#", ".#."))
    png = canvas.frame().png(scale=2, border=1, paper=(255, 255, 255), ink=(1, 2, 3))
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        name, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size]) == (zlib.crc32(name + data),)
        chunks[name], at = data, at + 12 + size
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (8, 6, 1, 3, 0, 0, 0)
    assert chunks[b"PLTE"] == bytes([255, 255, 255, 1, 2, 3])
    octets = zlib.decompress(chunks[b"IDAT"])
    assert [f"{octets[at + 1]:08b}" for at in range(0, 12, 2)] == [
        "00000000",
        "01100110",
        "01100110",
        "00011000",
        "00011000",
        "00000000",
    ]


def test_a_frame_does_not_print_its_pixels() -> None:
    assert repr(draw_barcode(qr(), SMALL)) == "Frame(96x65)"


# --- fonts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("glass", [SMALL, LARGE], ids=["small", "large"])
def test_the_font_has_hangul_and_the_latin_of_gsm_and_fits_its_rows(glass: Glass) -> None:
    hangul = [chr(code) for code in range(0xAC00, 0xD7A4)]
    latin = [chr(code) for code in range(0x20, 0x7F)] + list("£¥èéùìòÇØøÅåÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€")
    for char in (*hangul, *latin):
        glyph = glass.font.glyphs[ord(char)]
        assert len(glyph.rows) == glass.font.height <= glass.row_px
        assert glyph.advance > 0
        assert char == " " or any(glyph.rows)
    assert {glass.measure(char) for char in hangul} == {glass.font.height}
    assert glass.width // glass.measure("가") == 12


def test_a_letter_the_font_has_not_is_a_box_and_a_joiner_is_nothing() -> None:
    small = font("galmuri7")
    assert small.glyph("漢") is small.missing
    assert [f"{row:016b}"[:7] for row in small.missing.rows] == [
        "0000000",
        *["1111110", "1000010", "1000010", "1000010", "1000010", "1111110"],
        "0000000",
    ]
    assert (small.measure("\u200d"), small.measure("\u0301")) == (0, 0)


def test_a_font_file_is_made_from_a_bdf_file() -> None:
    bdf = "ENCODING 65\nDWIDTH 4 0\nBBX 3 2 1 -1\nBITMAP\nA0\nE0\nENDCHAR\n"
    (letter,) = read(iter(bdf.splitlines()))
    assert record(letter, 2) == struct.pack(">IB3H", 65, 4, 0, 0b0101 << 12, 0b0111 << 12)


def test_the_data_file_is_what_the_script_writes(tmp_path: Path) -> None:
    source = tmp_path / "tiny.bdf"
    source.write_text("STARTFONT 2.1\nENCODING 65\nDWIDTH 4 0\nBBX 3 2 0 0\nBITMAP\nA0\nE0\nENDCHAR\nENCODING 9\n")
    main(str(source), "2", str(tmp_path / "tiny.bin"))
    written = zlib.decompress((tmp_path / "tiny.bin").read_bytes())
    assert written == b"\x03" + struct.pack(">IB3H", 65, 4, 0b101 << 13, 0b111 << 13, 0)


# --- words ------------------------------------------------------------------------------------------------------------


def test_the_phones_own_words_fit_its_rows_in_both_languages() -> None:
    assert WORDS[Language.KOREAN].keys() == WORDS[Language.ENGLISH].keys()
    for words in WORDS.values():
        for glass in (SMALL, LARGE):
            for one in (*(f"notice {notice}" for notice in Notice), "no_messages", "no_tickets", "new", "new_many"):
                assert max(map(glass.measure_text, words[one].split("\n"))) <= glass.width, one
            for option in Option:
                assert glass.measure_text(f"5 {words[f'option {option}']}") <= glass.width - 2
            for item in Item:
                assert glass.measure_text(words[f"item {item}"] + " (500)") <= glass.width - 12
            for left, right in (("menu", "inbox"), ("delete", "keep"), ("send", "clear"), ("options", "back")):
                assert glass.measure_text(words[left] + words[right]) + 3 <= glass.width


def test_a_soft_key_row_gives_up_its_middle_word_before_the_others() -> None:
    sheet = Sheet(SMALL)
    sheet.foot("Options", "Back", middle="Go")
    assert sheet.shown().rows[-1] == "Options  Go  Back"
    sheet = Sheet(SMALL)
    sheet.foot("Options", "Back", middle="Something long")
    assert sheet.shown().rows[-1] == "Options  Back"


def test_a_full_memory_and_roaming_are_seen_on_the_idle_screen() -> None:
    assert "Memory full" in shown(a_phone(*["a" * 161] * 25))
    assert "Memory full" in lcd.rows(a_phone(), memory_full=True)
    assert lcd.screen(a_phone(), roaming=True).frame != lcd.screen(a_phone()).frame


def test_a_logo_stands_beside_the_first_words() -> None:
    logo = ems.small_picture(Bitmap(16, 16, ((True,) * 16,) * 16))
    for words, rest in ((b"", 0), (b"hello", 0), (b"hello " * 20, 4)):
        air = Air("l", "x", 0, udhi=True, user_data=logo + words, at=NOON)
        (held,) = a_phone().receive(air).messages
        laid = lines(held, SMALL)
        assert [line.picture is not None for line in laid[:3]] == [True, True, False][: len(laid)]
        assert len(laid) >= 2 + rest
        assert "".join(line.text for line in laid).replace(" ", "") == words.decode().replace(" ", "")


@given(st.text(st.sampled_from("ab 가나\n🎫é"), max_size=120), st.sampled_from(Model), st.sampled_from(Language))
def test_no_line_is_wider_than_the_screen(text: str, model: Model, language: Language) -> None:
    glass = glass_of(model)
    phone = after(a_phone(text, TICKET, language=language, model=model), "down", "up")
    for keys in ((), ("ok",), ("ok", "soft_left")):
        assert len(shown(after(phone, *keys))) == glass.body_rows + 2
    (held, *_) = a_phone(text, model=model).messages
    assert all(glass.measure_text(line.text) <= glass.width for line in lines(held, glass))
