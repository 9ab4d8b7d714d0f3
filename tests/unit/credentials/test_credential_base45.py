"""Base45 against RFC 9285 and against itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import base45

RFC_9285 = [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0"), (b"", "")]


@pytest.mark.parametrize(("octets", "text"), RFC_9285)
def test_the_examples_of_the_rfc_hold_both_ways(octets: bytes, text: str) -> None:
    assert base45.encode(octets) == text
    assert base45.decode(text) == octets


@given(st.binary(max_size=200))
def test_what_was_encoded_decodes_to_the_same(octets: bytes) -> None:
    assert base45.decode(base45.encode(octets)) == octets


@given(st.text(base45.ALPHABET, max_size=60))
def test_equal_octets_have_one_text(text: str) -> None:
    try:
        octets = base45.decode(text)
    except ValueError:
        return
    assert base45.encode(octets) == text


def test_the_last_values_that_fit_are_read() -> None:
    assert base45.decode("FGW") == b"\xff\xff"
    assert base45.decode("U5") == b"\xff"


@pytest.mark.parametrize("text", ["GGW", ":::", "V5", "::", "A", "BB8A", "bb8", "B,8", "B\n8", "ÄB8", "\ud800B8"])
def test_what_no_octets_give_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base45|65535|255|ascii"):
        base45.decode(text)
