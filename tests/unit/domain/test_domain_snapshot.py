"""A gate's snapshot: what goes in comes out with the right code and with no other, and hostile octets are told off."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from snapshot_cases import (
    HEADER,
    KID,
    MADE,
    NEWS,
    OCCASIONS,
    PIN_KEY,
    SPAN,
    a_snapshot,
    a_tag,
    a_way,
    codes,
    rows,
    sealed,
    sign,
    verify,
)

from app.domain.snapshot import (
    News,
    Row,
    SnapshotUnreadable,
    compact_matches,
    holder_matches,
    key_tag,
    open_by_code,
    open_by_pin,
    read_snapshot,
    write_snapshot,
)
from app.domain.snapshot import book as module
from app.domain.snapshot import rows as sealing
from app.domain.snapshot.book import SNAPSHOT_SIGNED, signed
from app.domain.snapshot.header import header_json, read_header
from app.domain.snapshot.octets import Reader, folded, packed, unfolded, unpacked, varint

CODE = 0x0123456789ABCDEF
A_ROW = Row(occasion=0, span=SPAN, category=1, section=2, row="A", seat="12", handset="5678", compact_tag=a_tag("C0"))


# --- rows -----------------------------------------------------------------------------------------------------------


@given(row=rows, code=codes)
@settings(max_examples=50, deadline=None)
def test_a_row_opens_with_its_code_and_says_what_was_sealed(row: Row, code: int) -> None:
    (opened,) = open_by_code(a_snapshot(sealed(row, code=code)), code)

    assert (opened.index, opened.code, opened.row) == (0, code, row)


def test_a_row_opens_with_number_and_pin_under_their_key_alone() -> None:
    found = a_snapshot(sealed(A_ROW, code=CODE, way=a_way()))

    (opened,) = open_by_pin(found, PIN_KEY, "4829103751", "491027")

    assert (opened.code, opened.row) == (CODE, A_ROW)
    assert open_by_pin(found, PIN_KEY, "4829103751", "491028") == ()
    assert open_by_pin(found, PIN_KEY, "4829103752", "491027") == ()
    assert open_by_pin(found, bytes(32), "4829103751", "491027") == ()


def test_another_code_opens_nothing() -> None:
    found = a_snapshot(sealed(A_ROW, code=CODE))

    assert open_by_code(found, CODE ^ 1) == ()


def test_a_ticket_without_a_pin_is_found_by_no_pin() -> None:
    found = a_snapshot(sealed(A_ROW, code=CODE))

    assert found.rows.by_pin == {}


def test_two_sellers_with_one_code_have_a_row_each() -> None:
    theirs = replace(A_ROW, seller=3, seat="13")
    found = a_snapshot(sealed(A_ROW, code=CODE), sealed(A_ROW, code=5), sealed(theirs, code=CODE))

    assert [one.row.seat for one in open_by_code(found, CODE)] == ["12", "13"]
    assert [one.index for one in open_by_code(found, CODE)] == [0, 2]


def test_a_tag_that_fits_by_chance_opens_nothing() -> None:
    ours, other = sealed(A_ROW, code=CODE, way=a_way()), sealed(A_ROW, code=CODE ^ 1)
    by_code = a_snapshot(ours[:6] + other[6:])
    by_pin = a_snapshot(other[:6] + ours[6:])

    assert open_by_code(by_code, CODE) == ()
    assert open_by_pin(by_pin, PIN_KEY, "4829103751", "491027") == ()


def test_a_pin_tag_that_stands_before_what_does_not_open_opens_nothing() -> None:
    ours = sealed(A_ROW, code=CODE, way=a_way())
    broken = a_snapshot(ours[:21] + bytes(octet ^ 0xFF for octet in ours[21:]))

    assert open_by_pin(broken, PIN_KEY, "4829103751", "491027") == ()


def test_texts_that_are_too_long_are_cut_at_the_end_of_a_letter() -> None:
    row = replace(A_ROW, holder="홍" * 50, seat="x" * 60)

    (opened,) = open_by_code(a_snapshot(sealed(row, code=CODE)), CODE)

    assert (opened.row.holder, opened.row.seat) == ("홍" * 24, "x" * 40)


def test_the_longest_row_there_can_be_fits_its_length_octet(monkeypatch: pytest.MonkeyPatch) -> None:
    most = (1 << 24) - 1
    row = Row(
        occasion=0, span=(1 << 33, 1 << 34), category=most, section=most, origin=most, destination=most, entrance=most,
        uses=9_999, row="x" * 40, seat="x" * 40, handset="0000", holder="x" * 72, seller=most, holder_tag=bytes(4),
    )  # fmt: skip
    assert len(sealing.payload_of(row, spans=[SPAN], since=0)) <= sealing.PAYLOAD_OCTETS_MAX
    monkeypatch.setattr(sealing, "PAYLOAD_OCTETS_MAX", 100)

    with pytest.raises(ValueError, match="100 octets at most"):
        sealing.payload_of(row, spans=[SPAN], since=0)


def test_rows_of_a_different_span_than_their_occasion_keep_it_to_the_second() -> None:
    row = replace(A_ROW, span=(SPAN[0] - 1, SPAN[1] + 1))

    (opened,) = open_by_code(a_snapshot(sealed(row, code=CODE)), CODE)

    assert opened.row.span == row.span


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        varint(1 << 10) + bytes(8),
        varint(0) + bytes(6) + varint(2) + varint(0),
        varint(0) + bytes(6) + varint(0) + varint(0) + b"\0",
        varint(sealing.Has.HANDSET) + bytes(6) + varint(0) + varint(0) + (10_000).to_bytes(2, "big"),
        varint(sealing.Has.USES) + bytes(6) + varint(0) + varint(0) + varint(20_000),
        varint(sealing.Has.HOLDER) + bytes(6) + varint(0) + varint(0) + varint(200) + bytes(200),
        varint(sealing.Has.HOLDER) + bytes(6) + varint(0) + varint(0) + varint(1) + b"\xff",
    ],
    ids=["nothing", "flag", "occasion", "left over", "digits", "uses", "too long", "not UTF-8"],
)
def test_a_payload_that_is_none_is_told_off(payload: bytes) -> None:
    with pytest.raises(SnapshotUnreadable, match=r"etch"):
        sealing.read_payload(payload, spans=[SPAN, SPAN], since=0)


def test_compact_codes_match_by_their_whole_text() -> None:
    assert compact_matches(A_ROW, "C0")
    assert not compact_matches(A_ROW, "C1")
    assert not compact_matches(A_ROW, "Cé")
    assert not compact_matches(replace(A_ROW, compact_tag=bytes(6)), "C0")


def test_a_holders_key_must_be_the_rows_unless_the_row_was_sealed_before_there_was_one() -> None:
    key, other = b"\x02" + bytes(32), b"\x03" + bytes(32)
    bound = replace(A_ROW, holder_tag=key_tag(key))

    assert holder_matches(bound, key)
    assert not holder_matches(bound, other)
    assert holder_matches(A_ROW, other)


def test_secrets_do_not_print() -> None:
    row = replace(A_ROW, holder="Kim", holder_tag=b"tags")
    (opened,) = open_by_code(a_snapshot(sealed(row, code=CODE)), CODE)

    said = f"{opened} {a_way()}"

    assert not any(secret in said for secret in (str(CODE), "Kim", "5678", "491027", repr(PIN_KEY)))


# --- what a thief has -----------------------------------------------------------------------------------------------


def test_names_seats_and_digits_stand_nowhere_in_the_clear() -> None:
    row = replace(A_ROW, row="ROW-77", seat="SEAT-42", holder="김하늘", handset="5678")
    octets = write_snapshot(HEADER, sealed(row, code=CODE, way=a_way()), kid=KID, sign=sign)

    for secret in ("ROW-77", "SEAT-42", "김하늘", "5678", "4829103751", "491027"):
        assert secret.encode() not in octets
    for number in (CODE, 5678, 4829103751, 491027):
        assert number.to_bytes(8, "big").lstrip(b"\0") not in octets


def test_equal_rows_look_different() -> None:
    first, second = sealed(A_ROW, code=CODE, way=a_way()), sealed(A_ROW, code=CODE + 1, way=a_way(pin="000000"))

    assert len(first) == len(second)
    assert not any(first[start : start + 3] == second[start : start + 3] for start in range(0, len(first) - 3, 3))


# --- the whole ------------------------------------------------------------------------------------------------------


def test_a_snapshot_says_what_was_written_and_is_the_same_each_time() -> None:
    octets = write_snapshot(HEADER, sealed(A_ROW, code=CODE), kid=KID, sign=sign)
    found = read_snapshot(octets, verify)

    assert found.header == HEADER
    assert [found.words(number) for number in (0, 1, 2, 4)] == ["", {"ko": "R석", "en": "R"}, "Stalls", ""]
    assert write_snapshot(found.header, found.rows.octets, kid=KID, sign=sign) == octets


def test_a_snapshot_grows_by_rows_and_by_what_they_name_first() -> None:
    before = a_snapshot(sealed(A_ROW, code=1), header=replace(HEADER, news=replace(NEWS, occasions=OCCASIONS[:1])))
    added = replace(A_ROW, occasion=1, category=4)

    after = before.grown(News(("New",), OCCASIONS[1:], {}), sealed(added, code=2))

    assert (len(before.rows), len(after.rows)) == (1, 2)
    assert open_by_code(after, 2)[0].row == added
    assert (after.words(4), after.header.news.products) == ("New", NEWS.products)
    assert open_by_code(before.grown(News(), sealed(added, code=2)), 2) == (), "its occasion is not known there"


@given(octets=st.binary(max_size=200))
@example(b"CTG1" + bytes(80))
@settings(max_examples=50, deadline=None)
def test_no_octets_at_all_break_the_reader(octets: bytes) -> None:
    with pytest.raises(SnapshotUnreadable):
        read_snapshot(octets, verify)


@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
@settings(max_examples=50, deadline=None)
def test_one_changed_octet_is_noticed(place: int, flip: int) -> None:
    octets = bytearray(write_snapshot(HEADER, sealed(A_ROW, code=CODE), kid=KID, sign=sign))
    octets[place % len(octets)] ^= flip

    with pytest.raises(SnapshotUnreadable):
        read_snapshot(bytes(octets), verify)


def resigned(*pieces: bytes) -> bytes:
    """Octets that are wrong, but signed by the issuer."""
    return signed(pieces, purpose=SNAPSHOT_SIGNED, sign=sign)


def cut(octets: bytes) -> bytes:
    return struct.pack(">I", len(octets)) + octets


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ((b"CTG2", bytes([KID])), "does not begin with CTG1"),
        ((b"CTG1", bytes([KID + 1])), "not signed"),
        ((b"CTG1", bytes([KID]), b"\xff\xff\xff\xff"), "cut short"),
        ((b"CTG1", bytes([KID]), cut(b"{")), "not JSON"),
        ((b"CTG1", bytes([KID]), cut(b"[" * 100_000)), "not JSON"),
        ((b"CTG1", bytes([KID]), cut(b"[]")), "no JSON object"),
        ((b"CTG1", bytes([KID]), cut(b"{}")), "since of the header"),
        ((b"CTG1", bytes([KID]), cut(header_json(HEADER)), cut(sealed(A_ROW, code=1)[:-1])), "last row is cut"),
        ((b"CTG1", bytes([KID]), cut(header_json(HEADER)), cut(bytes(20))), "last row is cut"),
        ((b"CTG1", bytes([KID]), cut(header_json(HEADER)), cut(b""), b"x"), "left over"),
    ],
)  # fmt: skip
def test_signed_nonsense_is_told_off(pieces: tuple[bytes, ...], words: str) -> None:
    with pytest.raises(SnapshotUnreadable, match=words):
        read_snapshot(resigned(*pieces), verify)


def test_a_purpose_signs_for_nothing_else() -> None:
    pieces = module.unsigned_snapshot(HEADER, b"", kid=KID)

    with pytest.raises(SnapshotUnreadable, match="not signed"):
        read_snapshot(signed(pieces, purpose=b"cyberticket gate status 1\0", sign=sign), verify)


def test_there_is_a_limit_to_octets_and_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = write_snapshot(HEADER, sealed(A_ROW, code=1) + sealed(A_ROW, code=2), kid=KID, sign=sign)
    monkeypatch.setattr(module, "ROWS_MAX", 1)
    with pytest.raises(SnapshotUnreadable, match="more than 1 rows"):
        read_snapshot(octets, verify)
    monkeypatch.setattr(module, "SNAPSHOT_OCTETS_MAX", 100)

    with pytest.raises(SnapshotUnreadable, match="longer than 100"):
        read_snapshot(octets, verify)


def changed(**members: Any) -> bytes:
    return json.dumps(json.loads(header_json(HEADER)) | members).encode()


PRODUCT = {"kind": "ride", "title": "x", "entry_rules": {}}
OCCASION = {"id": "0" * 32, "code": 1, "product": "0" * 32, "from": 1, "until": 2, "starts_at": None}


@pytest.mark.parametrize(
    "members",
    [
        {"issuer": "no id"},
        {"issuer": 7},
        {"generation": -1},
        {"generation": True},
        {"cursor": 1 << 53},
        {"edition": "00"},
        {"edition": "x" * 32},
        {"since": 1.5},
        {"made_at": 1 << 39},
        {"expires_at": int(MADE.timestamp())},
        {"expires_at": int((MADE + timedelta(hours=24)).timestamp()) + 1},
        {"post": {}},
        {"post": []},
        {"post": json.loads(header_json(HEADER))["post"] | {"home": "yes"}},
        {"post": json.loads(header_json(HEADER))["post"] | {"direction": "up"}},
        {"post": json.loads(header_json(HEADER))["post"] | {"occasions": "all"}},
        {"keys": {"": [{"x": 1}]}},
        {"keys": {"": {}}},
        {"gates": {"x": "North"}},
        {"texts": {}},
        {"texts": [1]},
        {"texts": [{"ko": 1}]},
        {"texts": ["x" * 2_001]},
        {"products": {"0" * 32: PRODUCT | {"kind": "boat"}}},
        {"products": {"0" * 32: PRODUCT | {"entry_rules": {"faces": "none"}}}},
        {"products": {"0" * 32: PRODUCT | {"entry_rules": {"colour": "red"}}}},
        {"occasions": [OCCASION | {"code": 1 << 32}]},
        {"occasions": [OCCASION | {"from": None}]},
        {"occasions": [{}]},
        {"occasions": ["x"]},
    ],
    ids=lambda members: json.dumps(members)[:40],
)
def test_a_header_with_a_wrong_member_is_told_off_by_its_name(members: dict[str, Any]) -> None:
    with pytest.raises(SnapshotUnreadable, match=f"^{next(iter(members))}"):
        read_header(changed(**members))


# --- octets ---------------------------------------------------------------------------------------------------------


@given(number=st.integers(0, (1 << 63) - 1))
@settings(max_examples=50, deadline=None)
def test_varints_come_back_and_are_as_short_as_can_be(number: int) -> None:
    octets = varint(number)
    reader = Reader(octets)

    assert reader.varint() == number
    assert (reader.left, len(octets)) == (0, max(1, -(-number.bit_length() // 7)))


@given(number=st.integers(-(1 << 40), 1 << 40))
@settings(max_examples=50, deadline=None)
def test_folded_numbers_come_back(number: int) -> None:
    assert unfolded(folded(number)) == number


@pytest.mark.parametrize("number", [-1, 1 << 63])
def test_what_is_no_varint_is_not_written(number: int) -> None:
    with pytest.raises(ValueError, match="varint"):
        varint(number)


@pytest.mark.parametrize(
    "octets", [b"\x80\x00", b"\xff" * 9, b"\xff" * 10, b"\x80", b"\x0b"], ids=["long", "9", "10", "open", "too much"]
)
def test_a_varint_that_is_none_is_not_read(octets: bytes) -> None:
    with pytest.raises(SnapshotUnreadable):
        Reader(octets).varint(10)


@pytest.mark.parametrize(
    "octets",
    [b"x", packed(b"12345678"), packed(b"1") + b"x", packed(b"1")[:-1]],
    ids=["none", "too much", "more follows", "cut"],
)
def test_a_body_that_is_no_zlib_or_too_much_is_not_read(octets: bytes) -> None:
    with pytest.raises(SnapshotUnreadable, match=r"zlib|end within"):
        unpacked(octets, most=7)


def test_a_small_body_cannot_fill_the_memory() -> None:
    bomb = packed(bytes(50_000_000))

    with pytest.raises(SnapshotUnreadable, match="within 1000"):
        unpacked(bomb, most=1_000)
