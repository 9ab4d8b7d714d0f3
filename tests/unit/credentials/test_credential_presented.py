"""Whatever a gate may be given: typed, scanned, pasted, hostile."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain import base45
from app.domain.credential import (
    Body,
    CodeId,
    Compact,
    Flag,
    Living,
    NumberAndPin,
    Pin,
    Signed,
    TicketNumber,
    Unread,
    Unreadable,
    compact_text,
    face_of,
    living_part,
    living_text,
    parse_presented,
    signed_text,
)
from app.domain.entry_rules import Face

TYPED = NumberAndPin(TicketNumber("4829103751"), Pin("491027"))
CT0 = compact_text(CodeId(42), lambda message: hmac.digest(b"key", message, "sha256"))
BODY = Body(1, CodeId(42), 9, 0, 29_968_440, 60, Flag(0))
CT1 = signed_text(BODY, lambda message: hmac.digest(b"key", message, "sha512"))
HANDSET = b"\2" + bytes(32)
PART = living_part(BODY, HANDSET, lambda message: hmac.digest(b"key", message, "sha512"))
CTL = living_text(PART, 119_000_000, lambda message: hmac.digest(b"key", message, "sha512"))


def resigned(body: bytes) -> str:
    return "S:" + base45.encode(body + bytes(64))


def bound_again(body: bytes, *, key: bytes = HANDSET) -> str:
    return "L:" + base45.encode(body + key + PART[56:] + bytes(68))


@pytest.mark.parametrize(
    "text",
    [
        "4829103751-491027",
        "4829103751491027",
        "482910375-1 491027",
        "482 910 375-1  491 027",
        "482910375-1/491027",
        "ID 482910375-1 PIN 491027",
        "id: 482910375-1, pin: 491027",
        "ID 482910375-1\r\nPIN 491027\r\n",
        "번호 482910375-1 비밀번호 491027",
        "ＩＤ　４８２９１０３７５－１　ＰＩＮ　４９１０２７",
        "４８２９１０３７５１／４９１０２７",
    ],
)
def test_number_and_pin_are_read_however_they_were_typed(text: str) -> None:
    assert parse_presented(text) == TYPED


@pytest.mark.parametrize("wrapped", ["{}", " {}", "{}\r\n", "\t{} \n"])
def test_a_scanner_may_add_white_space_around_a_code(wrapped: str) -> None:
    assert isinstance(parse_presented(wrapped.format(CT0)), Compact)
    assert isinstance(parse_presented(wrapped.format(CT1)), Signed)
    assert isinstance(parse_presented(wrapped.format(CTL)), Living)


@pytest.mark.parametrize(
    ("text", "face"),
    [("4829103751-491027", Face.PIN), (CT0, Face.COMPACT), (CT1, Face.SIGNED), (CTL, Face.LIVING)],
    ids=list(Face),
)
def test_what_can_be_read_is_one_of_the_ticket_s_faces(text: str, face: Face) -> None:
    read = parse_presented(text)
    assert not isinstance(read, Unreadable)
    assert face_of(read) is face


@given(st.binary(min_size=64, max_size=64))
def test_no_living_barcode_loses_a_space_at_its_end(signature: bytes) -> None:
    read = parse_presented(living_text(PART, 1, lambda _: signature))
    assert isinstance(read, Living)
    assert read.holder_signature == signature


@given(st.binary(min_size=64, max_size=64))
def test_no_signed_code_loses_a_space_at_its_end(signature: bytes) -> None:
    read = parse_presented(signed_text(BODY, lambda _: signature))
    assert isinstance(read, Signed)
    assert read.signature == signature


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Unread.EMPTY),
        (" \r\n", Unread.EMPTY),
        ("-", Unread.EMPTY),
        ("A" * 513, Unread.TOO_LONG),
        (" " * 513, Unread.TOO_LONG),
        ("4829103756-491027", Unread.CHECK_DIGIT),
        ("ID 482910375-6 PIN", Unread.DIGIT_COUNT),
        ("482910375-6", Unread.CHECK_DIGIT),
        ("482910375-1", Unread.PIN_MISSING),
        ("ID 482910375-1", Unread.PIN_MISSING),
        ("482910375-1 49102", Unread.DIGIT_COUNT),
        ("482910375-1 4910277", Unread.DIGIT_COUNT),
        ("ID 482910375-1 PIN 49102", Unread.DIGIT_COUNT),
        ("49", Unread.DIGIT_COUNT),
        ("PIN 491027 ID 482910375-1", Unread.FOREIGN),
        ("https://t.example/t/" + "A" * 22, Unread.LINK),
        ("HTTPS://T.EXAMPLE:8443/ko/t/" + "a-_9" * 5 + "AA/", Unread.LINK),
        ("https://t.example/t#" + "A" * 22, Unread.LINK),
        ("https://t.example/t/" + "A" * 23, Unread.FOREIGN),
        ("https://t.example/", Unread.FOREIGN),
        ("javascript:alert(1)", Unread.FOREIGN),
        ("CAFE", Unread.FOREIGN),
        ("'; DROP TABLE ticket; --", Unread.FOREIGN),
        ("WIFI:T:WPA;S:hall;P:secret;;", Unread.FOREIGN),
        (CT0.lower(), Unread.FOREIGN),
        (CT0[:-1] + "U", Unread.DAMAGED),  # Crockford has no U
        (CT0[:-1] + "é", Unread.DAMAGED),
        (CT0 + "0", Unread.FOREIGN),
        ("S:", Unread.CUT_SHORT),
        (CT1[:-1], Unread.CUT_SHORT),
        (CT1 + "0", Unread.RUN_ON),
        (CT1 + CT1, Unread.RUN_ON),
        ("S:" + ":" * 131, Unread.DAMAGED),
        (CT1[:-1] + "a", Unread.DAMAGED),
        (CT1[:-1] + "\u0660", Unread.DAMAGED),
        (CT1[:-1] + "\ud800", Unread.DAMAGED),
        (resigned(b"\2" + BODY.pack()[1:]), Unread.NEWER),
        (resigned(b"\0" + BODY.pack()[1:]), Unread.NEWER),
        (resigned(BODY.pack()[:-1] + b"\x10"), Unread.NEWER),
        (resigned(BODY.pack()[:16] + b"\x80\0\0\0" + BODY.pack()[20:]), Unread.DAMAGED),  # the year 6053 and later
        ("L:", Unread.CUT_SHORT),
        (CTL[:-1], Unread.CUT_SHORT),
        (CTL + "0", Unread.RUN_ON),
        (CTL + CT1, Unread.RUN_ON),
        (CTL + CTL, Unread.TOO_LONG),
        (CTL.replace("L:", "S:"), Unread.RUN_ON),
        (CT1.replace("S:", "L:"), Unread.CUT_SHORT),
        (CTL.lower(), Unread.FOREIGN),
        ("L:" + ":" * 282, Unread.DAMAGED),
        (CTL[:-1] + "a", Unread.DAMAGED),
        (CTL[:-1] + "\u0660", Unread.DAMAGED),
        (bound_again(b"\3" + PART[1:23]), Unread.NEWER),
        (bound_again(b"\1" + PART[1:23]), Unread.NEWER),
        (bound_again(PART[:22] + b"\x10"), Unread.NEWER),
        (bound_again(PART[:16] + b"\x80\0\0\0" + PART[20:23]), Unread.DAMAGED),
        (bound_again(PART[:23], key=b"\4" + bytes(32)), Unread.DAMAGED),
        (bound_again(PART[:23], key=bytes(33)), Unread.DAMAGED),
    ],
)
def test_what_cannot_be_read_says_why(text: str, reason: Unread) -> None:
    assert parse_presented(text) == Unreadable(reason)


@given(st.text(max_size=600))
@example("S:" + "\x00" * 131)
@example("L:" + "\x00" * 282)
@example("https://" + "/" * 500)
@example("\ufdfa" * 512)  # one character that some normal forms make eighteen of
def test_no_text_makes_the_parser_raise(text: str) -> None:
    read = parse_presented(text)
    assert isinstance(read, NumberAndPin | Compact | Signed | Living | Unreadable)
    if len(text) > 512:
        assert read == Unreadable(Unread.TOO_LONG)


@given(st.text("C0123456789ABCDEFGHJKMNPQRSTVWXYZUILO", min_size=23, max_size=27).map(lambda tail: "C" + tail))
def test_no_near_compact_code_makes_the_parser_raise(text: str) -> None:
    assert isinstance(parse_presented(text), Compact | Unreadable)


@given(st.text(base45.ALPHABET, min_size=131, max_size=131).map(lambda tail: "S:" + tail))
def test_no_near_signed_code_makes_the_parser_raise(text: str) -> None:
    assert isinstance(parse_presented(text), Signed | Unreadable)


@given(st.text(base45.ALPHABET, min_size=282, max_size=282).map(lambda tail: "L:" + tail))
@settings(max_examples=50)
def test_no_near_living_barcode_makes_the_parser_raise(text: str) -> None:
    assert isinstance(parse_presented(text), Living | Unreadable)


@given(st.binary(min_size=163, max_size=163), st.sampled_from((b"\2", b"\3", b"\4")))
def test_every_living_barcode_that_is_read_is_the_one_text_of_its_content(octets: bytes, parity: bytes) -> None:
    text = "L:" + base45.encode(b"\2" + BODY.pack()[1:] + parity + octets + b"\0")
    read = parse_presented(text)
    if isinstance(read, Living):
        part = living_part(read.body, read.holder_key, lambda _: read.issuer_signature)
        assert living_text(part, read.step, lambda _: read.holder_signature) == text
    else:
        assert parity == b"\4"


@given(st.integers(2, 283), st.integers(1, 44))
def test_a_character_read_wrongly_never_passes_for_the_code_that_was_shown(position: int, off_by: int) -> None:
    other = base45.ALPHABET[(base45.ALPHABET.index(CTL[position]) + off_by) % 45]
    read = parse_presented(CTL[:position] + other + CTL[position + 1 :])
    assert isinstance(read, Living | Unreadable)
    assert read != parse_presented(CTL)


@given(st.binary(min_size=87, max_size=87))
def test_every_signed_code_that_is_read_is_the_one_text_of_its_content(octets: bytes) -> None:
    text = "S:" + base45.encode(octets)
    read = parse_presented(text)
    if isinstance(read, Signed):
        assert signed_text(read.body, lambda _: read.signature) == text


@pytest.mark.parametrize("reason", list(Unread))
def test_every_reason_has_words_in_both_languages(reason: Unread) -> None:
    english, korean = Unreadable(reason).words("en"), Unreadable(reason).words("ko")
    assert english.isascii()
    assert english.count(".") >= 2  # what is wrong, and what to do next
    assert korean.endswith("주십시오.")


def test_the_reason_does_not_repeat_what_was_presented() -> None:
    assert "secret" not in repr(parse_presented("my secret"))


def test_a_pin_that_was_typed_never_prints() -> None:
    assert repr(parse_presented("482910375-1 491027")) == "NumberAndPin(number='4829103751', pin=Pin(***))"
