"""One-time codes: six digits that follow from a secret and an id, and messages that say what they are for."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.sign_in import SignInPurpose, asker, code_message, digits_of, is_code

GSM7_CHARS, UCS2_CHARS = 160, 70
"""What one message takes."""


def mac(message: bytes) -> bytes:
    return hmac.digest(b"secret", message, "sha256")


def other_mac(message: bytes) -> bytes:
    return hmac.digest(b"other", message, "sha256")


@settings(max_examples=100)
@given(st.uuids(), st.sampled_from(SignInPurpose))
def test_a_code_has_six_digits_and_is_always_the_same(identity: UUID, purpose: SignInPurpose) -> None:
    digits = digits_of(mac, identity, purpose)

    assert len(digits) == 6
    assert digits.isdigit()
    assert digits == digits_of(mac, identity, purpose)
    assert is_code(digits, digits)
    assert is_code(digits, f"{digits[:3]} {digits[3:]}")
    assert not is_code(digits, f"{(int(digits) + 1) % 10**6:06}")


def test_another_id_purpose_or_secret_has_other_digits() -> None:
    one, two = UUID(int=1), UUID(int=2)
    codes = {
        digits_of(mac, one, SignInPurpose.ENROL),
        digits_of(mac, two, SignInPurpose.ENROL),
        digits_of(mac, one, SignInPurpose.LOSS),
        digits_of(other_mac, one, SignInPurpose.ENROL),
    }

    assert len(codes) == 4


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "-" * 6, "12345\n"], ids=range(7))
def test_what_has_not_the_shape_of_a_code_is_none(typed: str) -> None:
    assert not is_code("123456", typed)


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("purpose", SignInPurpose)
def test_a_message_warns_says_what_for_and_ends_in_the_line_for_browsers(purpose: SignInPurpose, language: str) -> None:
    text = code_message(purpose, "012345", "tickets.example", language)

    assert text.splitlines()[-1] == "@tickets.example #012345"
    assert ("누구에게도 알려 주지 마십시오" if language == "ko" else "Never tell it to anyone") in text
    assert len(text) <= (UCS2_CHARS + 6 if language == "ko" else GSM7_CHARS)


def test_the_messages_tell_one_purpose_from_the_other() -> None:
    for language in ("ko", "en"):
        assert len({code_message(one, "012345", "tickets.example", language) for one in SignInPurpose}) == 4


def test_of_an_asker_nothing_is_kept_that_names_it() -> None:
    kept = asker(mac, "203.0.113.7")

    assert kept == asker(mac, "203.0.113.7")
    assert kept not in {asker(mac, "203.0.113.8"), asker(other_mac, "203.0.113.7")}
    assert kept != hashlib.sha256(b"203.0.113.7").hexdigest()[:32]
    assert len(kept) == 32
