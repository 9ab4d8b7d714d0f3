"""Multipart bodies: whatever a careful or careless sender makes of RFC 2046, within limits."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.wire.multipart import (
    HEADER_OCTETS_MAX,
    PARTS_MAX,
    ContentType,
    MalformedMultipart,
    Part,
    content_type,
    format_related,
    parse,
)

HEADER = 'multipart/related; boundary=b; type="application/xml"'


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=4))
def test_parts_come_back_octet_by_octet(contents: list[bytes]) -> None:
    parts = tuple(Part({"content-type": "a/b"}, content) for content in contents)
    assert parse(*format_related(parts, boundary="boundary-of-this-test", root="a/b")) == parts


def test_each_part_stands_below_its_headers_and_the_last_boundary_ends_them() -> None:
    assert format_related([Part({"content-type": "a/b"}, b"one"), Part({}, b"two")], boundary="b", root="a/b") == (
        'multipart/related; boundary="b"; type="a/b"',
        b"--b\r\nContent-Type: a/b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
    )


def test_a_boundary_that_stands_in_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match="draw another"):
        format_related([Part({}, b"x--b")], boundary="b", root="a/b")


READ = {
    "as the standard has it": b"--b\r\nA: 1\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
    "with text before and after": b"before\r\n--b\r\nA: 1\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\nafter",
    "with bare line feeds": b"--b\nA: 1\n\none\n--b\n\ntwo\n--b--\n",
    "with blanks after the boundary": b"--b \t\r\nA: 1\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--",
    "with a folded header": b"--b\r\nA:\r\n 1\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--",
}


@pytest.mark.parametrize("name", READ)
def test_what_senders_make_of_it_is_read(name: str) -> None:
    first, second = parse(HEADER, READ[name])
    assert (first.headers["a"].strip(), first.content) == ("1", b"one")
    assert (dict(second.headers), second.content) == ({}, b"two")


def test_what_only_looks_like_a_boundary_is_content() -> None:
    (part,) = parse(HEADER, b"--b\r\n\r\n--bee\r\nx--b\r\n --b\r\n--b--")
    assert part.content == b"--bee\r\nx--b\r\n --b"


REFUSED = {
    "no end": b"--b\r\n\r\none\r\n",
    "no beginning": b"one",
    "no part": b"--b--",
    "no empty line": b"--b\r\nA: 1\r\n--b--",
    "a header without a colon": b"--b\r\nA\r\n\r\none\r\n--b--",
    "a header without a name": b"--b\r\n: 1\r\n\r\none\r\n--b--",
    "a folded line first": b"--b\r\n x\r\n\r\none\r\n--b--",
    "headers without end": b"--b\r\nA: " + b"1" * HEADER_OCTETS_MAX + b"\r\n\r\none\r\n--b--",
    "more parts than are read": b"--b\r\n\r\none\r\n" * (PARTS_MAX + 1) + b"--b--",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_is_no_multipart_is_refused(name: str) -> None:
    with pytest.raises(MalformedMultipart):
        parse(HEADER, REFUSED[name])


def test_as_many_parts_as_allowed_are_read() -> None:
    assert len(parse(HEADER, b"--b\r\n\r\none\r\n" * PARTS_MAX + b"--b--")) == PARTS_MAX


@pytest.mark.parametrize(
    "header",
    [
        "",
        "multipart",
        "multipart/related",
        "multipart/related; boundary=",
        "application/xml; boundary=b",
        f"multipart/related; boundary={'b' * 71}",
        'multipart/related; boundary="b "',
        'multipart/related; boundary="b',
    ],
)
def test_a_content_type_that_says_of_no_boundary_is_refused(header: str) -> None:
    with pytest.raises(MalformedMultipart):
        parse(header, READ["as the standard has it"])


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("text/plain", ContentType("text/plain")),
        (" Text/Plain ; CharSet=UTF-8;", ContentType("text/plain", {"charset": "UTF-8"})),
        ('a/b; x="y\\" ;z"; w=v', ContentType("a/b", {"x": 'y" ;z', "w": "v"})),
        ("a/b; x=1; x=2", ContentType("a/b", {"x": "1"})),
    ],
)
def test_a_content_type_is_taken_apart(header: str, expected: ContentType) -> None:
    assert content_type(header) == expected
    assert Part({"content-type": header}, b"").content_type == expected


def test_a_part_that_does_not_say_is_plain_text() -> None:
    assert Part({}, b"").content_type == ContentType("text/plain")
    assert ContentType("a/b", {"charset": "euc-kr"}).charset == "euc-kr"
    assert ContentType("a/b").charset is None


def test_mutated_bodies_raise_the_one_error_or_none() -> None:
    dice = random.Random(20261122)  # noqa: S311 - a fault that was found must be found again
    whole = READ["with text before and after"]
    for _ in range(5_000):
        octets = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            octets[dice.randrange(len(octets))] = dice.choice(b"\r\n-b: \0\xff")
        try:
            parse(HEADER, bytes(octets))
        except MalformedMultipart:
            continue
