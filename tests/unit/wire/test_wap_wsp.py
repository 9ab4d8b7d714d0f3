"""The connectionless push: octets of the specification and of peers, and every way in which they can be wrong."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.wire import udh
from mobile_gateway.wire.wsp import (
    APPLICATION_MMS,
    CONTENT_TYPES,
    MalformedWsp,
    Push,
    format_push,
    parse_push,
)

SIC = "application/vnd.wap.sic"
KANNEL = bytes.fromhex("0006 05 AE 8D83 C393") + b"abc"
"""sic, Content-Length 3, Encoding-Version 1.3."""


def test_the_smallest_push_has_four_octets_of_headers() -> None:
    push = Push(b"body", SIC, transaction_id=1, charset=106)
    assert format_push(push) == bytes.fromhex("01060403AE81EA") + b"body"
    assert parse_push(format_push(push)) == push


def test_a_push_of_another_gateway_is_read_and_what_is_not_known_is_kept() -> None:
    push = parse_push(KANNEL)
    assert push == Push(b"abc", SIC, others=(b"\xc3\x93",))
    assert format_push(push) == bytes.fromhex("0006 03 AE C393") + b"abc"


def test_the_application_is_named_by_number_or_by_address() -> None:
    mms = Push(b"", "application/vnd.wap.mms-message", application_id=APPLICATION_MMS)
    assert format_push(mms) == bytes.fromhex("0006 03 BE AF84")
    named = Push(b"", SIC, application_id="x-example:app.ua", push_flag=4)
    assert format_push(named)[3:] == b"\xae\xafx-example:app.ua\0\xb4\x84"
    assert parse_push(format_push(named)) == named


def test_a_charset_beyond_127_has_its_length_before_it() -> None:
    assert format_push(Push(b"", SIC, charset=1000)) == bytes.fromhex("000606 05AE 81 0203E8")


pushes = st.builds(
    Push,
    body=st.binary(max_size=20),
    content_type=st.sampled_from([*CONTENT_TYPES.values(), "application/x-own"]),
    transaction_id=st.integers(0, 255),
    charset=st.none() | st.sampled_from([3, 106, 1000, 2025, 70_000]),
    application_id=st.none() | st.integers(0, 70_000) | st.just("a:b.ua"),
    push_flag=st.none() | st.integers(0, 7),
    others=st.lists(
        st.sampled_from([b"\xc3\x93", b"X-Own\0some text\0", b"\x8c\x03abc", b"\x91\x1f\x02ab"]), max_size=3
    ).map(tuple),
)


@settings(max_examples=150)
@given(pushes)
def test_every_push_comes_back(push: Push) -> None:
    assert parse_push(format_push(push)) == push


def test_headers_of_another_page_are_kept_and_mean_nothing_here() -> None:
    headers = b"\xae" + b"\x7f\x02\xaf\x84" + b"\x03\xaf\x85" + b"\x01\xaf\x82"
    push = parse_push(b"\0\x06" + bytes([len(headers)]) + headers)
    assert push.application_id == 2
    assert push.others == (b"\x7f\x02", b"\xaf\x84", b"\x03", b"\xaf\x85", b"\x01")
    assert parse_push(format_push(push)).others == push.others


def test_a_content_type_may_be_long_spelled_and_quoted() -> None:
    inner = b"\x02\x00\x2e" + b"\x81\x02\x07\xe9" + b"name\0\x7f\xe9\0"
    headers = b"\x1f" + bytes([len(inner)]) + inner
    push = parse_push(b"\0\x06" + bytes([len(headers)]) + headers)
    assert (push.content_type, push.charset) == (SIC, 2025)
    assert parse_push(b"\0\x06\x0bText/Plain\0").content_type == "text/plain"


REFUSED = {
    "nothing": "",
    "another PDU": "0004",
    "no headers": "0006",
    "headers beyond the end": "000605AE",
    "headers without end": "0006ffffffffff",
    "a length over 32 bits": "00069f8f8f8f7f",
    "headers of a kilobyte and more": "00068801" + "00" * 1025,
    "no content type": "000600",
    "an unknown content type": "000601ff",
    "a content type that is no text": "000603 74e900",
    "a content type without end": "000603 747874",
    "a charset that is text": "000606 05ae 81 616200",
    "a content type longer than the headers": "000602 09ae",
    "a content type of no octets": "000601 00",
    "a header without a value": "000602 AE8D",
    "a header's text without end": "000605 AEAF616263",
    "a wrong content length": "000603 AE8D85 6162",
    "a content length that is text": "000605 AE8D616200",
    "a push flag of no octets": "000603 AEB400",
}


@pytest.mark.parametrize("name", REFUSED)
def test_octets_that_are_no_push_are_refused(name: str) -> None:
    with pytest.raises(MalformedWsp):
        parse_push(bytes.fromhex(REFUSED[name]))


def test_mutated_pushes_raise_the_one_error_or_none() -> None:
    dice = random.Random(20261122)  # noqa: S311 - a fault that was found must be found again
    whole = format_push(Push(b"body", SIC, charset=106, application_id="a:b.ua", push_flag=1, others=(b"\xc3\x93",)))
    for _ in range(10_000):
        octets = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            octets[dice.randrange(len(octets))] = dice.randrange(256)
        try:
            parse_push(bytes(octets[: dice.randint(0, len(octets))]))
        except MalformedWsp:
            continue


def test_the_ports_of_a_push_take_seven_octets() -> None:
    assert udh.build([udh.PUSH.element()]) == bytes.fromhex("0605040b8423f0")
