"""What must stand nowhere is found wherever it stands, and what only looks like it is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from leak_samples import HARMLESS, SECRETS

from app.domain.handset import Handset, masked
from app.domain.leaks import Leak, is_luhn, leaks


@pytest.mark.parametrize(("text", "leak"), list(SECRETS.items()), ids=range(len(SECRETS)))
def test_a_secret_is_found(text: str, leak: Leak) -> None:
    assert leaks(text) == {leak}


@pytest.mark.parametrize("text", HARMLESS, ids=range(len(HARMLESS)))
def test_what_only_looks_like_a_secret_is_none(text: str) -> None:
    assert leaks(text) == frozenset()


def test_every_kind_of_secret_in_one_text_is_named() -> None:
    assert leaks(" ".join(SECRETS)) == set(Leak)


@settings(max_examples=100)
@given(st.integers(10**7, 10**15 - 1))
def test_a_phone_number_is_found_and_its_masked_form_is_not(digits: int) -> None:
    number = f"+{digits}"
    assert Leak.PHONE in leaks(f"to {number}.")
    assert leaks(masked(Handset(number))) == frozenset()


@settings(max_examples=100)
@given(st.text("0123456789", min_size=1, max_size=18))
def test_one_last_digit_of_ten_checks_the_others(digits: str) -> None:
    assert [is_luhn(digits + last) for last in "0123456789"].count(True) == 1
