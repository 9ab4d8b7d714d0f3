"""WAP binary XML: every token of the grammar, its limits, and what a hostile phone or gateway may send."""

from __future__ import annotations

import random

import pytest

from mobile_gateway.wire import wml
from mobile_gateway.wire.wbxml import CHARACTERS_MAX, MalformedWbxml, Tables, decode, decode_date
from mobile_gateway.wire.wbxml_writing import Unencodable, encode, encode_date, encode_uint
from mobile_gateway.wire.xmltree import DEPTH_MAX, ELEMENTS_MAX, OCTETS_MAX, Element

MUTANTS = 100_000

PLAIN = Tables(
    public_ids=(0x20,),
    tags={"root": 0x05, "leaf": 0x06, "far": 0x105},
    attributes={
        ("kind", ""): 0x05,
        ("kind", "ht"): 0x06,
        ("kind", "http://"): 0x07,
        ("at", ""): 0x08,
        ("far", ""): 0x105,
    },
    values={".com/": 0x85, "far away": 0x185, "of": 0x86},
    dates=frozenset({"at"}),
)
HEAD = bytes([0x03, 0x20, 106, 0])
LEAF, ROOT = b"\x06", b"\x45"
END = b"\x01"


def told(octets: bytes, tables: Tables = PLAIN) -> str:
    with pytest.raises(MalformedWbxml) as fault:
        decode(octets, tables)
    return str(fault.value)


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "octets"),
    [(0, "00"), (127, "7f"), (128, "8100"), (0xA0, "8120"), (16_383, "ff7f"), (0xFFFF_FFFF, "8fffffff7f")],
)
def test_a_number_takes_seven_bits_an_octet(value: int, octets: str) -> None:
    assert encode_uint(value).hex() == octets


@pytest.mark.parametrize("octets", ["9080808000", "ffffffffff7f"])
def test_a_number_of_more_than_32_bits_is_refused(octets: str) -> None:
    assert "number" in told(bytes([3]) + bytes.fromhex(octets))


# --- dates (SI 1.0 section 8.2.2) -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("1999-06-25T15:23:15Z", "19990625152315"),
        ("2026-11-22T11:22:10Z", "20261122112210"),
        ("2026-12-31T00:00:00Z", "20261231"),
        ("2026-12-31T20:00:00Z", "2026123120"),
        ("2026-01-01T00:00:01Z", "20260101000001"),
    ],
)
def test_a_date_loses_its_last_zero_octets_and_gets_them_back(text: str, octets: str) -> None:
    assert encode_date(text).hex() == octets
    assert decode_date(bytes.fromhex(octets)) == text


@pytest.mark.parametrize("octets", ["", "2026", "20261301", "202611222a", "2026112211221099", "2026112299"])
def test_octets_that_are_no_date_are_refused(octets: str) -> None:
    with pytest.raises(MalformedWbxml, match="no date"):
        decode_date(bytes.fromhex(octets))


@pytest.mark.parametrize("text", ["", "2026-11-22", "2026-13-22T00:00:00Z", "2026-11-22T10:00:00+09:00"])
def test_what_is_no_date_of_wap_is_not_written(text: str) -> None:
    with pytest.raises(Unencodable, match="write it as"):
        encode_date(text)


# --- the grammar ------------------------------------------------------------------------------------------------------

READ: dict[str, tuple[bytes, Element]] = {
    "an empty element": (HEAD + LEAF, Element("leaf")),
    "content": (HEAD + ROOT + LEAF + LEAF + END, Element("root", {}, (Element("leaf"), Element("leaf")))),
    "an attribute": (HEAD + b"\x86\x05\x03a\0\x01", Element("leaf", {"kind": "a"})),
    "a value's beginning, middle and end": (
        HEAD + b"\x86\x07\x03a\0\x85\x03b\0\x01",
        Element("leaf", {"kind": "http://a.com/b"}),
    ),
    "inline text": (HEAD + ROOT + b"\x03a\0" + END, Element("root", {}, ("a",))),
    "texts that stand together": (
        HEAD + ROOT + b"\x03a\0\x02\x97\x3d\x03b\0" + END,
        Element("root", {}, ("a\u0bbdb",)),
    ),
    "text around an element": (
        HEAD + ROOT + b"\x03a\0" + LEAF + b"\x03b\0" + END,
        Element("root", {}, ("a", Element("leaf"), "b")),
    ),
    "an empty text": (HEAD + ROOT + b"\x03\0" + END, Element("root", {}, ("",))),
    "opaque text": (HEAD + ROOT + b"\xc3\x03abc" + END, Element("root", {}, ("abc",))),
    "a date": (HEAD + b"\x86\x08\xc3\x04\x20\x26\x12\x31\x01", Element("leaf", {"at": "2026-12-31T00:00:00Z"})),
    "a date as text": (HEAD + b"\x86\x08\x03now\0\x01", Element("leaf", {"at": "now"})),
    "the string table": (
        bytes([3, 0x20, 106, 6]) + b"ab\0cd\0" + ROOT + b"\x83\x03\x83\x01" + END,
        Element("root", {}, ("cdb",)),
    ),
    "literal names": (
        bytes([1, 0x20, 106, 4]) + b"x\0y\0" + b"\x84\x00\x04\x02\x03v\0\x01",
        Element("x", {"y": "v"}),
    ),
    "another page of tags and back": (
        HEAD + ROOT + b"\x00\x01\x05\x00\x00\x06" + END,
        Element("root", {}, (Element("far"), Element("leaf"))),
    ),
    "another page of attributes and values": (
        HEAD + b"\x86\x00\x01\x05\x85\x00\x00\x05\x86\x01",
        Element("leaf", {"far": "far away", "kind": "of"}),
    ),
    "a page turned before an element": (HEAD + b"\x00\x01\x05", Element("far")),
    "a processing instruction anywhere": (
        HEAD + b"\x43\x05\x03x\0\x01" + ROOT + b"\x43\x05\x01" + END + b"\x43\x05\x01",
        Element("root"),
    ),
    "a public identifier by name": (bytes([3, 0, 0, 106, 2]) + b"P\0" + LEAF, Element("leaf")),
    "no public identifier": (bytes([2, 1, 106, 0]) + LEAF, Element("leaf")),
    "an unknown charset, which is UTF-8": (
        bytes([3, 0x20, 0, 0]) + ROOT + "\3é\0".encode() + END,
        Element("root", {}, ("é",)),
    ),
    "ASCII": (bytes([3, 0x20, 3, 0]) + ROOT + b"\3e\0" + END, Element("root", {}, ("e",))),
    "Latin-1": (bytes([3, 0x20, 4, 0]) + ROOT + b"\3\xe9\0" + END, Element("root", {}, ("é",))),
    "EUC-KR": (
        bytes([3, 0x20, 38, 0]) + ROOT + b"\3" + "표".encode("euc-kr") + b"\0" + END,
        Element("root", {}, ("표",)),
    ),
    "UCS-2, whose strings end with two zeros": (
        b"\x03\x20\x87\x68\0" + ROOT + b"\3" + "Ā가".encode("utf-16-be") + b"\0\0" + END,
        Element("root", {}, ("Ā가",)),
    ),
}


@pytest.mark.parametrize("name", READ)
def test_everything_that_the_grammar_allows_is_read(name: str) -> None:
    octets, expected = READ[name]
    assert decode(octets, PLAIN) == expected


REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "end too early"),
    "version 1.0, which has no charset": (b"\x00\x20\x6a\x00\x06", "version"),
    "version 2": (b"\x10\x20\x6a\x00\x06", "version"),
    "another document type": (b"\x03\x05\x6a\x00\x06", "another document type"),
    "an unknown charset": (b"\x03\x20\x05\x00\x06", "charset"),
    "a string table beyond the end": (b"\x03\x20\x6a\x7fab", "end too early"),
    "a public identifier that is not in the table": (b"\x03\x00\x05\x6a\x00\x06", "does not end"),
    "no root": (HEAD, "end too early"),
    "two roots": (HEAD + LEAF + LEAF, "follows"),
    "an unknown tag": (HEAD + b"\x3f", "tag 0x3f"),
    "an unknown tag of another page": (HEAD + b"\x00\x02\x05", "tag 0x205"),
    "an unknown attribute": (HEAD + b"\x86\x3f\x01", "attribute 0x3f"),
    "an unknown value": (HEAD + b"\x86\x05\xa0\x01", "value 0xa0"),
    "an attribute that comes twice": (HEAD + b"\x86\x05\x06\x01", "twice"),
    "attributes without an end": (HEAD + b"\x86\x05", "end too early"),
    "content without an end": (HEAD + ROOT + LEAF, "end too early"),
    "a string without an end": (HEAD + ROOT + b"\x03abc", "does not end"),
    "a string index beyond the table": (HEAD + ROOT + b"\x83\x09" + END, "does not end"),
    "opaque octets beyond the end": (HEAD + ROOT + b"\xc3\x7fab", "end too early"),
    "opaque octets of four gigabytes": (HEAD + ROOT + b"\xc3\x8f\xff\xff\xff\x7fab", "end too early"),
    "opaque octets that are no text": (HEAD + ROOT + b"\xc3\x01\xff" + END, "no utf-8"),
    "a string that is no text": (HEAD + ROOT + b"\x03\xff\0" + END, "no utf-8"),
    "a string that XML cannot say": (HEAD + ROOT + b"\x03\x08\0" + END, "XML cannot say"),
    "a character that XML cannot say": (HEAD + ROOT + b"\x02\x00" + END, "no character 0x0"),
    "half a surrogate pair": (HEAD + ROOT + b"\x02\x83\xb0\x00" + END, "no character 0xd800"),
    "a character beyond Unicode": (HEAD + ROOT + b"\x02\xc4\x80\x00" + END, "no character 0x110000"),
    "a literal name that is none": (bytes([3, 0x20, 106, 3]) + b"a>\0" + b"\x04\x00", "literal name"),
    "an extension of one octet": (HEAD + ROOT + b"\xc0" + END, "means nothing"),
    "a variable where there are none": (HEAD + ROOT + b"\x40x\0" + END, "variable"),
    "a date of nonsense": (HEAD + b"\x86\x08\xc3\x02\xff\xff\x01", "no date"),
    "an end where an element must be": (HEAD + END, "tag 0x01"),
    "UCS-2 with its zeros at odd places": (b"\x03\x20\x87\x68\0" + ROOT + b"\3a\0\0b\0\1" + END, "does not end"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_grammar_forbids_is_refused_with_its_reason(name: str) -> None:
    octets, why = REFUSED[name]
    assert why in told(octets)


# --- limits -----------------------------------------------------------------------------------------------------------


def test_depth_is_limited() -> None:
    assert decode(HEAD + ROOT * (DEPTH_MAX - 1) + LEAF + END * (DEPTH_MAX - 1), PLAIN).name == "root"
    assert "deeper" in told(HEAD + ROOT * DEPTH_MAX + LEAF + END * DEPTH_MAX)
    assert "deeper" in told(HEAD + ROOT * 60_000)


def test_elements_are_limited() -> None:
    assert decode(HEAD + ROOT + LEAF * (ELEMENTS_MAX - 1) + END, PLAIN).name == "root"
    assert "more than" in told(HEAD + ROOT + LEAF * ELEMENTS_MAX + END)


def test_octets_are_limited() -> None:
    assert "octets" in told(HEAD + ROOT + b"\x03" + b"a" * OCTETS_MAX)


def test_a_string_table_does_not_unfold_without_end() -> None:
    table = b"a" * 30_000 + b"\0"
    head = bytes([3, 0x20, 106]) + encode_uint(len(table)) + table
    assert f"{CHARACTERS_MAX} characters" in told(head + ROOT + b"\x83\x00" * 15_000 + END)
    names = bytes([3, 0x20, 106]) + encode_uint(65) + b"a" * 64 + b"\0"
    assert decode(names + b"\x04\x00", PLAIN).name == "a" * 64
    assert "literal name" in told(head + b"\x04\x00")


def test_values_and_names_count_too() -> None:
    assert "characters" in told(HEAD + ROOT + b"\x86\x00\x01\x05" + b"\x85" * (CHARACTERS_MAX // 8 + 1) + b"\x01" + END)


# --- writing ----------------------------------------------------------------------------------------------------------


def test_the_longest_beginning_of_a_value_is_taken_and_common_pieces_become_tokens() -> None:
    written = encode(Element("leaf", {"kind": "http://a.com/b"}), PLAIN)
    assert written == b"\x02\x20\x6a\x00\x86\x07\x03a\0\x85\x03b\0\x01"


def test_a_short_piece_is_no_token_since_it_would_cost_more() -> None:
    assert b"\x86" not in encode(Element("root", {"kind": "of of"}), PLAIN)[5:]


def test_a_piece_of_a_text_is_no_token_since_tokens_are_for_values() -> None:
    assert encode(Element("root", {}, (".com/",)), PLAIN) == b"\x02\x20\x6a\x00\x45\x03.com/\0\x01"


def test_pages_are_turned_for_tags_attributes_and_values() -> None:
    tree = Element("root", {"far": "so far away, off", "kind": "x"}, (Element("far"), Element("leaf")))
    written = encode(tree, PLAIN)
    # The value needs no turn: it is on the page of its attribute.
    assert written[4:] == b"\xc5\x00\x01\x05\x03so \0\x85\x03, off\0\x00\x00\x05\x03x\0\x01\x00\x01\x05\x00\x00\x06\x01"
    assert decode(written, PLAIN) == tree


def test_unknown_names_become_literals() -> None:
    tree = Element("strange", {"odd": "value"}, (Element("strange"),))
    assert encode(tree, PLAIN) == b"\x02\x20\x6a\x0cstrange\0odd\0\xc4\x00\x04\x08\x03value\0\x01\x04\x00\x01"
    assert decode(encode(tree, PLAIN), PLAIN) == tree


def test_what_is_said_again_and_again_is_kept_once() -> None:
    said = Element("root", {}, tuple(Element("leaf", {}, ("the same words",)) for _ in range(5)))
    written = encode(said, PLAIN)
    assert written.count(b"the same words") == 1
    assert decode(written, PLAIN) == said
    twice = Element("root", {}, (Element("leaf", {}, ("ab",)), Element("leaf", {}, ("ab",))))
    assert encode(twice, PLAIN).count(b"ab") == 2  # the table would cost more


def test_what_xml_cannot_carry_is_not_written() -> None:
    with pytest.raises(Unencodable, match="take it out"):
        encode(Element("root", {}, ("a\0b",)), PLAIN)
    with pytest.raises(Unencodable, match="no date"):
        encode(Element("leaf", {"at": "yesterday"}), PLAIN)


# --- hostility --------------------------------------------------------------------------------------------------------


def mutant(whole: bytes, dice: random.Random) -> bytes:
    octets = bytearray(whole)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(octets))
        match dice.randrange(4):
            case 0:
                octets[at] ^= 1 << dice.randrange(8)
            case 1:
                octets[at] = dice.randrange(256)
            case 2:
                del octets[at : at + dice.randint(1, 3)]
            case _:
                octets[at:at] = dice.randbytes(dice.randint(1, 3))
        octets = octets or bytearray(1)
    return bytes(octets)


@pytest.mark.drawn
def test_a_hundred_thousand_mutated_bodies_raise_the_one_error_or_none() -> None:
    dice = random.Random(20261122)  # noqa: S311 - a fault that was found must be found again
    plain = encode(Element("root", {"kind": "http://a.com/", "odd": "o"}, (Element("far", {}, ("x",)), "é")), PLAIN)
    dated = encode(Element("leaf", {"at": "2026-11-22T11:22:10Z"}), PLAIN)
    deck = wml.compile(Element("wml", {}, (Element("card", {"id": "a"}, (Element("p", {}, ("$(x)",)),)),)))
    bodies = [(plain, PLAIN), (dated, PLAIN), (deck, wml.WML_1_3)]
    read = 0
    for number in range(MUTANTS):
        whole, tables = bodies[number % len(bodies)]
        try:
            decode(mutant(whole, dice), tables)
        except MalformedWbxml:
            continue
        read += 1
    assert 0 < read < MUTANTS
