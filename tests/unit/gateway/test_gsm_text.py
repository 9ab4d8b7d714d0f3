"""GSM 03.38, UCS-2, and cutting a text into parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_gateway.wire import gsm
from mobile_gateway.wire.gsm import BASIC, EXTENSION, Coding, decode, encode, is_gsm, segment

ROOM = {Coding.GSM: (160, 153), Coding.UCS2: (70, 67)}

gsm_texts = st.text(st.sampled_from([*BASIC.replace("\x1b", ""), *EXTENSION.values()]), max_size=400)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=250)


def cost(text: str, coding: Coding) -> int:
    """Units by another road than the code's: counted on the octets."""
    return len(encode(text, coding)) // (1 if coding is Coding.GSM else 2)


def test_the_table_and_its_extension_name_each_character_once() -> None:
    characters = [*BASIC.replace("\x1b", ""), *EXTENSION.values()]
    assert len(BASIC) == 128
    assert BASIC[0x1B] == "\x1b"
    assert len(characters) == len(set(characters)) == 137
    assert {decode(encode(char, Coding.GSM), Coding.GSM) for char in characters} == set(characters)


@pytest.mark.parametrize(
    ("char", "octets"),
    [
        *[("@", "00"), ("$", "02"), ("Ç", "09"), ("Δ", "10"), ("_", "11"), ("É", "1f"), (" ", "20"), ("¤", "24")],
        *[("¡", "40"), ("A", "41"), ("Ä", "5b"), ("§", "5f"), ("¿", "60"), ("a", "61"), ("à", "7f"), ("\n", "0a")],
        *[("€", "1b65"), ("^", "1b14"), ("{", "1b28"), ("\\", "1b2f"), ("[", "1b3c"), ("~", "1b3d"), ("|", "1b40")],
    ],
)
def test_golden_codes_of_gsm_03_38(char: str, octets: str) -> None:
    assert encode(char, Coding.GSM).hex() == octets


@pytest.mark.parametrize("char", ["`", "ç", "가", "\x1b", "\t", "—"])
def test_what_gsm_cannot_say_is_refused_and_sent_as_ucs2(char: str) -> None:
    with pytest.raises(gsm.TextRefused, match="UCS-2"):
        encode(char, Coding.GSM)
    assert segment(char).coding is Coding.UCS2


@given(gsm_texts)
def test_gsm_text_comes_back_as_it_went(text: str) -> None:
    assert decode(encode(text, Coding.GSM), Coding.GSM) == text


@given(texts)
def test_ucs2_text_comes_back_as_it_went(text: str) -> None:
    assert decode(encode(text, Coding.UCS2), Coding.UCS2) == text


@given(st.binary(max_size=200), st.sampled_from(Coding))
def test_any_octets_are_a_text_or_malformed_and_nothing_worse(octets: bytes, coding: Coding) -> None:
    try:
        text = decode(octets, coding)
    except gsm.MalformedText:
        return
    assert len(text) <= len(octets)


def test_unknown_extensions_show_the_basic_character_and_stray_escapes_a_space() -> None:
    assert decode(b"\x1b\x41", Coding.GSM) == "A"
    assert decode(b"a\x1b\x1bb", Coding.GSM) == "a b"
    assert decode(b"a\x1b", Coding.GSM) == "a "


def test_octets_beyond_a_septet_and_halves_of_ucs2_are_malformed() -> None:
    with pytest.raises(gsm.MalformedText, match="0x80"):
        decode(b"\x80", Coding.GSM)
    with pytest.raises(gsm.MalformedText):
        decode(b"\xac\x00\xac", Coding.UCS2)
    with pytest.raises(gsm.MalformedText):
        decode(b"\xd8\x3d", Coding.UCS2)


@pytest.mark.parametrize(
    ("text", "coding", "units"),
    [
        ("", Coding.GSM, (0,)),
        ("a" * 160, Coding.GSM, (160,)),
        ("a" * 161, Coding.GSM, (153, 8)),
        ("€" * 80, Coding.GSM, (160,)),
        ("€" * 81, Coding.GSM, (152, 10)),
        ("a" * 152 + "€" + "a" * 10, Coding.GSM, (152, 12)),
        ("a" * 151 + "€" + "a" * 10, Coding.GSM, (153, 10)),
        ("가" * 70, Coding.UCS2, (70,)),
        ("가" * 71, Coding.UCS2, (67, 4)),
        ("a" * 69 + "`", Coding.UCS2, (70,)),
        ("a" * 70 + "`", Coding.UCS2, (67, 4)),
        ("가" * 66 + "🎫" + "가" * 5, Coding.UCS2, (66, 7)),
        ("가" * 65 + "🎫" + "가" * 5, Coding.UCS2, (67, 5)),
        ("🎫" * 35, Coding.UCS2, (70,)),
        ("🎫" * 36, Coding.UCS2, (66, 6)),
        ("a" * 1530, Coding.GSM, (153,) * 10),
    ],
)
def test_golden_cuts(text: str, coding: Coding, units: tuple[int, ...]) -> None:
    segments = segment(text)
    assert (segments.coding, segments.units_per_part, segments.cost) == (coding, units, len(units))


@given(st.one_of(gsm_texts, texts))
def test_parts_join_to_the_text_and_each_is_as_full_as_whole_characters_allow(text: str) -> None:
    segments = segment(text)
    alone, joined = ROOM[segments.coding]
    room = alone if segments.cost == 1 else joined
    assert "".join(segments.parts) == text
    assert segments.coding is (Coding.GSM if is_gsm(text) else Coding.UCS2)
    assert segments.units_per_part == tuple(cost(part, segments.coding) for part in segments.parts)
    assert max(segments.units_per_part) <= room
    for part, following in zip(segments.parts, segments.parts[1:], strict=False):
        assert cost(part + following[0], segments.coding) > room
    assert [decode(octets, segments.coding) for octets in segments.payloads()] == list(segments.parts)


@given(st.text(st.sampled_from("a가€🎫["), min_size=1, max_size=300))
def test_a_text_is_in_one_part_exactly_when_it_fits_alone(text: str) -> None:
    segments = segment(text)
    assert (segments.cost == 1) == (cost(text, segments.coding) <= ROOM[segments.coding][0])


def test_a_text_of_too_many_parts_is_refused_with_both_figures() -> None:
    with pytest.raises(gsm.TextRefused, match=r"needs 11 parts and 10 are allowed.*1531 units where 1530 fit"):
        segment("a" * 1531)
    with pytest.raises(gsm.TextRefused, match=r"671 units where 670 fit \(a letter outside GSM"):
        segment("가" * 671)
    with pytest.raises(gsm.TextRefused, match="161 units where 160 fit"):
        segment("a" * 161, parts_max=1)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(gsm.TextRefused, match="surrogate"):
        segment("ticket \ud83c")
    with pytest.raises(gsm.TextRefused, match="surrogate"):
        encode("\udfab", Coding.UCS2)
