"""Characters and octets: GSM 03.38 against a second table, KS C 5601, data_coding, and cutting for the air."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.wire import ksc, udh
from mobile_gateway.wire.alphabet import SEPTETS, MalformedText, TextRefused, from_septets, pack, unpack
from mobile_gateway.wire.cutting import character_sizes, cut
from mobile_gateway.wire.data_coding import (
    DATA_CODINGS,
    class_of,
    coding_of,
    data_coding_of,
    decode_user_data,
    is_waiting_indication,
)
from mobile_gateway.wire.gsm import BASIC, EXTENSION, Coding, decode, encode, segment, units_max
from mobile_gateway.wire.udh import PUSH, Concatenation, InformationElement

TEXT_CODINGS = [Coding.GSM, Coding.UCS2, Coding.KSC, Coding.ASCII, Coding.LATIN1]

# The table once more, typed as code points by rows of sixteen from 3GPP TS 23.038 section 6.2.1; FFFF is the escape.
ROWS = """
0040 00A3 0024 00A5 00E8 00E9 00F9 00EC 00F2 00C7 000A 00D8 00F8 000D 00C5 00E5
0394 005F 03A6 0393 039B 03A9 03A0 03A8 03A3 0398 039E FFFF 00C6 00E6 00DF 00C9
0020 0021 0022 0023 00A4 0025 0026 0027 0028 0029 002A 002B 002C 002D 002E 002F
0030 0031 0032 0033 0034 0035 0036 0037 0038 0039 003A 003B 003C 003D 003E 003F
00A1 0041 0042 0043 0044 0045 0046 0047 0048 0049 004A 004B 004C 004D 004E 004F
0050 0051 0052 0053 0054 0055 0056 0057 0058 0059 005A 00C4 00D6 00D1 00DC 00A7
00BF 0061 0062 0063 0064 0065 0066 0067 0068 0069 006A 006B 006C 006D 006E 006F
0070 0071 0072 0073 0074 0075 0076 0077 0078 0079 007A 00E4 00F6 00F1 00FC 00E0
"""
EXTENDED = "0A=000C 14=005E 28=007B 29=007D 2F=005C 3C=005B 3D=007E 3E=005D 40=007C 65=20AC"

gsm_texts = st.text(st.sampled_from(sorted(SEPTETS)), max_size=400)
korean_texts = st.text(st.sampled_from("가각힝한글뜸 aZ09€ㄱ漢字※\u3164"), max_size=120)
any_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
texts_by_coding = st.one_of(
    st.tuples(gsm_texts, st.just(Coding.GSM)),
    st.tuples(any_texts, st.just(Coding.UCS2)),
    st.tuples(st.text(st.sampled_from("a가€🎫["), max_size=200), st.just(Coding.UCS2)),
    st.tuples(korean_texts, st.just(Coding.KSC)),
    st.tuples(st.text(st.characters(max_codepoint=0x7F), max_size=400), st.just(Coding.ASCII)),
    st.tuples(st.text(st.characters(max_codepoint=0xFF), max_size=300), st.just(Coding.LATIN1)),
)


# --- alphabets ------------------------------------------------------------------------------------------------------


def test_the_alphabet_is_that_of_a_second_table_typed_in_another_form() -> None:
    codes = [int(word, 16) for word in ROWS.split()]
    second = {chr(point): bytes([code]) for code, point in enumerate(codes) if point != 0xFFFF}
    for pair in EXTENDED.split():
        code, point = pair.split("=")
        second[chr(int(point, 16))] = bytes([0x1B, int(code, 16)])

    assert second == SEPTETS
    assert len(BASIC) == 128
    assert len(EXTENSION) == 10


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("hellohello", "e8329bfd4697d9ec37"),  # the packing example that every implementer meets first
        ("1234567", "31d98c56b3dd00"),
        ("12345678", "31d98c56b3dd70"),
        ("€", "9b32"),
        ("", ""),
    ],
)
def test_golden_packings_of_the_radio_side(text: str, octets: str) -> None:
    assert pack(encode(text, Coding.GSM)).hex() == octets
    assert from_septets(unpack(bytes.fromhex(octets), len(encode(text, Coding.GSM)))) == text


@pytest.mark.parametrize(("header", "fill"), [(0, 0), (6, 1), (7, 0), (12, 2), (5, 2), (1, 6)])
def test_text_after_a_header_begins_on_a_septet(header: int, fill: int) -> None:
    assert pack(b"\x7f", header_octets=header) == (0x7F << fill).to_bytes(1 if fill < 2 else 2, "little")


@given(st.binary(max_size=160).map(lambda octets: bytes(octet & 0x7F for octet in octets)), st.integers(0, 140))
def test_septets_come_out_of_the_package_as_they_went_in(septets: bytes, header: int) -> None:
    packed = pack(septets, header_octets=header)
    assert unpack(packed, len(septets), header_octets=header) == septets
    assert header + len(packed) <= -(-(-(-header * 8 // 7) + len(septets)) * 7 // 8)


def test_what_is_no_septet_is_not_packed_and_more_than_there_is_not_unpacked() -> None:
    with pytest.raises(MalformedText, match="0x80"):
        pack(b"\x80")
    with pytest.raises(MalformedText, match="7 octets cannot hold 9"):
        unpack(bytes(7), 9)
    with pytest.raises(MalformedText, match="-1"):
        unpack(bytes(7), -1)


@pytest.mark.parametrize(
    ("text", "octets"),
    [("가", "b0a1"), ("힝", "c8fe"), ("한글 SMS", "c7d1b1db20534d53"), ("漢", "f9d3"), ("ㄱ", "a4a1")],
)
def test_golden_codes_of_ks_c_5601(text: str, octets: str) -> None:
    assert encode(text, Coding.KSC).hex() == octets
    assert decode(bytes.fromhex(octets), Coding.KSC) == text


def test_every_pair_of_octets_is_one_character_that_comes_back_or_malformed() -> None:
    pairs = [bytes(pair) for pair in itertools.product(range(0x80, 0x100), range(0x40, 0x100))]
    readable = {pair for pair in pairs if _is_readable(pair)}

    assert len(readable) == 8226  # KS X 1001 with the euro and the registered sign
    assert all(ksc.encode(ksc.decode(pair)) == pair for pair in readable)
    assert sum("가" <= ksc.decode(pair) <= "힣" for pair in readable) == 2350


def _is_readable(octets: bytes) -> bool:
    try:
        return len(ksc.decode(octets)) == 1
    except MalformedText:
        return False


@pytest.mark.parametrize("char", ["뷁", "똠", "é", "🎫", "\x80"])
def test_what_handsets_of_2000_have_no_glyph_for_is_refused(char: str) -> None:
    assert not ksc.is_ksc(f"한글 {char}")
    with pytest.raises(TextRefused, match="not in KS C 5601"):
        encode(f"한글 {char}", Coding.KSC)


@pytest.mark.parametrize("octets", ["a1", "b0", "b061", "80", "ff41", "c8ff", "41b0"])
def test_half_a_syllable_and_the_pairs_of_cp949_are_malformed(octets: str) -> None:
    with pytest.raises(MalformedText, match="at octet"):
        decode(bytes.fromhex(octets), Coding.KSC)


@given(texts_by_coding)
def test_a_text_comes_back_as_it_went_in_every_coding(sent: tuple[str, Coding]) -> None:
    text, coding = sent
    assert decode(encode(text, coding), coding) == text


@given(st.binary(max_size=160), st.integers(0, 255))
def test_any_octets_are_a_text_or_malformed_whatever_their_data_coding(octets: bytes, data_coding: int) -> None:
    try:
        assert len(decode_user_data(data_coding, octets)) <= len(octets)
    except MalformedText:
        return


def test_a_text_is_no_binary_data_and_the_other_way_round() -> None:
    with pytest.raises(TextRefused, match="binary"):
        encode("a", Coding.BINARY)
    with pytest.raises(MalformedText, match="binary"):
        decode(b"a", Coding.BINARY)
    with pytest.raises(TextRefused, match="'é' is not in ascii"):
        encode("é", Coding.ASCII)
    with pytest.raises(TextRefused, match="'가' is not in latin1"):
        encode("가", Coding.LATIN1)
    with pytest.raises(MalformedText, match="no ascii text"):
        decode(b"\xe9", Coding.ASCII)


# --- data_coding ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data_coding", "coding", "message_class"),
    [
        *[(0x00, Coding.GSM, None), (0x01, Coding.ASCII, None), (0x02, Coding.BINARY, None)],
        *[(0x03, Coding.LATIN1, None), (0x04, Coding.BINARY, None), (0x08, Coding.UCS2, None)],
        *[(0x0E, Coding.KSC, None), (0x05, None, None), (0x0A, None, None), (0x0D, None, None), (0x0F, None, None)],
        *[(0x10, Coding.GSM, 0), (0x11, Coding.GSM, 1), (0x15, Coding.BINARY, 1), (0x18, Coding.UCS2, 0)],
        *[(0x1C, Coding.GSM, 0), (0x20, None, None), (0x30, None, 0), (0x40, Coding.GSM, None)],
        *[(0x48, Coding.UCS2, None), (0x58, Coding.UCS2, 0), (0x7F, None, 3), (0x80, None, None), (0xBF, None, None)],
        *[(0xC0, Coding.GSM, None), (0xD8, Coding.GSM, None), (0xE0, Coding.UCS2, None), (0xEF, Coding.UCS2, None)],
        *[(0xF0, Coding.GSM, 0), (0xF1, Coding.GSM, 1), (0xF4, Coding.BINARY, 0), (0xF5, Coding.BINARY, 1)],
        *[(0xF7, Coding.BINARY, 3), (0xFF, Coding.BINARY, 3)],
    ],
)
def test_golden_data_codings(data_coding: int, coding: Coding | None, message_class: int | None) -> None:
    assert (coding_of(data_coding), class_of(data_coding)) == (coding, message_class)
    assert is_waiting_indication(data_coding) == (0xC0 <= data_coding <= 0xEF)


def test_every_coding_has_a_data_coding_that_names_it_with_and_without_a_class() -> None:
    for coding in Coding:
        assert coding_of(data_coding_of(coding)) is coding
        assert DATA_CODINGS[coding] == data_coding_of(coding)
    for coding, message_class in itertools.product((Coding.GSM, Coding.BINARY, Coding.UCS2), range(4)):
        data_coding = data_coding_of(coding, message_class=message_class)
        assert (coding_of(data_coding), class_of(data_coding)) == (coding, message_class)


@pytest.mark.parametrize("coding", [Coding.KSC, Coding.ASCII, Coding.LATIN1])
def test_a_coding_without_classes_says_so(coding: Coding) -> None:
    with pytest.raises(ValueError, match="has no message class"):
        data_coding_of(coding, message_class=0)
    with pytest.raises(ValueError, match="0 to 3"):
        data_coding_of(Coding.GSM, message_class=4)


def test_what_the_network_cannot_read_is_said_by_its_number() -> None:
    with pytest.raises(MalformedText, match="data_coding 0x0a"):
        decode_user_data(0x0A, b"abc")
    assert decode_user_data(0x0E, bytes.fromhex("b0a1")) == "가"
    assert decode_user_data(0x18, "즉시".encode("utf-16-be")) == "즉시"


# --- cutting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coding", "alone", "narrow", "wide"),
    [
        (Coding.GSM, 160, 153, 152),
        (Coding.ASCII, 160, 153, 152),
        (Coding.UCS2, 70, 67, 66),
        (Coding.KSC, 140, 134, 133),
        (Coding.LATIN1, 140, 134, 133),
        (Coding.BINARY, 140, 134, 133),
    ],
)
def test_golden_room_alone_and_beside_both_kinds_of_reference(
    coding: Coding, alone: int, narrow: int, wide: int
) -> None:
    assert [units_max(coding, header_octets=octets) for octets in (0, 6, 7)] == [alone, narrow, wide]
    assert units_max(coding, header_octets=140) == units_max(coding, header_octets=200) == 0


def test_a_text_that_fits_alone_goes_without_a_header() -> None:
    assert cut("ID 482910375-6", Coding.GSM, reference=7) == (b"ID 482910375-6",)
    assert cut("", Coding.GSM, reference=7) == (b"",)
    assert cut("가" * 70, Coding.UCS2, reference=7) == (("가" * 70).encode("utf-16-be"),)


def test_golden_user_data_of_a_text_in_two_parts() -> None:
    first, second = cut("a" * 161, Coding.GSM, reference=0xA7)
    assert first == bytes.fromhex("050003a70201") + b"a" * 153
    assert second == bytes.fromhex("050003a70202") + b"a" * 8

    first, second = cut("가" * 71, Coding.UCS2, reference=0x12FE, wide=True)
    assert first == bytes.fromhex("06080412fe0201") + "가".encode("utf-16-be") * 66
    assert second == bytes.fromhex("06080412fe0202") + "가".encode("utf-16-be") * 5


def test_golden_user_data_of_a_wap_push_alone_and_in_parts() -> None:
    elements = [PUSH.element()]
    assert cut(bytes(133), Coding.BINARY, reference=1, elements=elements) == (
        bytes.fromhex("0605040b8423f0") + bytes(133),
    )

    first, second = cut(bytes(134), Coding.BINARY, reference=1, elements=elements)
    assert first == bytes.fromhex("0b05040b8423f00003010201") + bytes(128)
    assert second == bytes.fromhex("0b05040b8423f00003010202") + bytes(6)


@pytest.mark.parametrize("before", range(148, 154))
def test_no_part_ends_in_half_an_escape_pair(before: int) -> None:
    parts = cut("a" * before + "€" * 20, Coding.GSM, reference=1)
    assert [from_septets(body).count("€") for _, body in parts_of(parts)] == [
        (153 - before) // 2,
        20 - (153 - before) // 2,
    ]
    assert not any(body.endswith(b"\x1b") for _, body in parts_of(parts))


@pytest.mark.parametrize(("wide", "room"), [(False, 67), (True, 66)])
@pytest.mark.parametrize("before", range(62, 68))
def test_no_part_ends_in_half_a_surrogate_pair(before: int, *, wide: bool, room: int) -> None:
    parts = cut("가" * before + "🎫" * 10, Coding.UCS2, reference=1, wide=wide)
    first, second = (decode(body, Coding.UCS2) for _, body in parts_of(parts))
    assert first.count("🎫") == max(0, room - before) // 2
    assert first + second == "가" * before + "🎫" * 10


def test_a_carrier_of_eighty_octets_gets_forty_syllables_a_message() -> None:
    assert cut("가" * 40, Coding.KSC, reference=1, octets_max=80) == (b"\xb0\xa1" * 40,)
    first, second = cut("a" + "가" * 40, Coding.KSC, reference=1, octets_max=80)
    assert first[6:] == b"a" + b"\xb0\xa1" * 36
    assert second[6:] == b"\xb0\xa1" * 4
    assert segment("가" * 45, coding=Coding.KSC, octets_max=90).units_per_part == (90,)
    assert segment("가" * 46, coding=Coding.KSC, octets_max=90).units_per_part == (84, 8)


def test_too_many_parts_are_refused_and_so_is_a_header_that_fills_the_message() -> None:
    with pytest.raises(TextRefused, match=r"needs 11 parts and 10 are allowed\. Shorten it to 1530 octets"):
        cut("a" * 1531, Coding.GSM, reference=1)
    assert len(cut("a" * 153 * 255, Coding.GSM, reference=1, parts_max=255)) == 255
    with pytest.raises(TextRefused, match="leaves no room"):
        cut("가", Coding.UCS2, reference=1, elements=[InformationElement(0x10, bytes(136))])
    with pytest.raises(TextRefused, match="part of a longer message already"):
        cut("a" * 161, Coding.GSM, reference=1, elements=[Concatenation(1, 2, 1).element()])
    with pytest.raises(ValueError, match="does not fit a message"):
        cut("", Coding.GSM, reference=1, elements=[InformationElement(0x10, bytes(140))])


def parts_of(parts: tuple[bytes, ...]) -> Iterator[tuple[Concatenation | None, bytes]]:
    for part in parts:
        elements, rest = udh.split(part)
        yield udh.concatenation_of(elements), rest


@settings(max_examples=100)
@given(texts_by_coding, st.booleans(), st.integers(0, 255), st.sampled_from([80, 90, 140]), st.booleans())
def test_parts_are_whole_characters_as_full_as_they_go_and_join_to_the_text(
    sent: tuple[str, Coding],
    wide: bool,  # noqa: FBT001 - drawn, not passed by hand
    reference: int,
    octets_max: int,
    ports: bool,  # noqa: FBT001 - drawn, not passed by hand
) -> None:
    text, coding = sent
    elements = [PUSH.element()] if ports else []
    parts = cut(text, coding, reference=reference, wide=wide, elements=elements, parts_max=255, octets_max=octets_max)
    header = udh.size_of(elements)
    if len(parts) == 1:
        assert parts == (udh.build(elements) + encode(text, coding),)
        assert units(parts[0][header:], coding) <= units_max(coding, header_octets=header, octets_max=octets_max)
        return
    places, bodies = zip(*parts_of(parts), strict=True)
    assert places == tuple(Concatenation(reference, len(parts), at, wide) for at in range(1, len(parts) + 1))
    assert "".join(decode(body, coding) for body in bodies) == text
    room = units_max(coding, header_octets=udh.size_of([*elements, places[0].element()]), octets_max=octets_max)
    assert units(encode(text, coding), coding) > units_max(coding, header_octets=header, octets_max=octets_max)
    for body, following in itertools.pairwise(bodies):
        assert units(body, coding) <= room < units(body + encode(decode(following, coding)[0], coding), coding)
    assert 0 < units(bodies[-1], coding) <= room


def units(octets: bytes, coding: Coding) -> int:
    return len(octets) // 2 if coding is Coding.UCS2 else len(octets)


@pytest.mark.parametrize(
    ("coding", "octets"),
    [(Coding.GSM, b"caf\x05"), (Coding.UCS2, b"\0c\0a\0f\0\xe9"), (Coding.LATIN1, b"caf\xe9")],
    ids=str,
)
def test_a_segments_payload_is_its_text_in_its_coding(coding: Coding, octets: bytes) -> None:
    assert segment("café", coding=coding).payloads() == (octets,)


def test_a_korean_character_takes_two_octets_in_its_own_coding() -> None:
    assert segment("a 봄", coding=Coding.KSC).units_per_part == (4,)


@given(texts_by_coding)
def test_a_count_by_segment_is_what_cutting_makes(sent: tuple[str, Coding]) -> None:
    text, coding = sent
    segments = segment(text, coding=coding, parts_max=255)
    parts = cut(text, coding, reference=1, parts_max=255)
    bodies = parts if len(parts) == 1 else tuple(body for _, body in parts_of(parts))
    assert bodies == segments.payloads()
    assert segments.units_per_part == tuple(units(body, coding) for body in bodies)


@given(st.binary(max_size=300), st.sampled_from(Coding))
def test_malformed_octets_are_cut_too_and_nothing_is_lost(octets: bytes, coding: Coding) -> None:
    assert sum(character_sizes(octets, coding)) == len(octets)
    parts = cut(octets, coding, reference=1, parts_max=255)
    joined = octets if len(parts) == 1 else b"".join(body for _, body in parts_of(parts))
    assert joined == octets
    assert len(parts) == 1 or all(len(part) <= (159 if coding in {Coding.GSM, Coding.ASCII} else 140) for part in parts)
