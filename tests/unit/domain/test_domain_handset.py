"""A handset is an E.164 number, and never shown whole to whom it does not belong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.handset import Handset, for_holder, handset, masked

NUMBERS = st.integers(10**6, 10**15 - 1).map("+{}".format)
"""Seven to fifteen digits, the first of them no zero."""


@given(NUMBERS)
def test_every_e164_number_is_a_handset(number: str) -> None:
    assert handset(number) == number


@pytest.mark.parametrize("number", ["+1234567", "+821012345678", "+123456789012345"])
def test_a_handset_has_seven_to_fifteen_digits(number: str) -> None:
    assert handset(number) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "821012345678",
        "010-1234-5678",
        "+0821012345",
        "+82 1012345678",
        "+123456",
        "+1234567890123456",
        "+82101234567\n",
        "+８２1012345678",
    ],
)
def test_anything_else_is_refused_without_being_printed(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an E\.164 number") as caught:
        handset(text)
    assert len(text) <= 4 or text not in str(caught.value)


@given(NUMBERS)
def test_a_log_never_holds_four_digits_of_every_number(number: str) -> None:
    shown = masked(number)
    assert "****" in shown
    assert len(shown.replace("*", "")) <= max(0, len(number) - 4)


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+821012345678", "+8210****5678"), ("+1234567", "****"), ("+12345678", "+****5678"), ("", "****")],
)
def test_a_log_shows_both_ends_of_a_long_number_and_nothing_of_a_short_one(number: str, shown: str) -> None:
    assert masked(number) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+821012345678", "010-••••-5678"),
        ("+82111234567", "011-••••-4567"),
        ("+8221234567", "+82 ••••4567"),
        ("+12025550123", "+1 ••••0123"),
        ("+79161234567", "+7 ••••4567"),
        ("+447400123456", "+44 ••••3456"),
    ],
)
def test_a_page_shows_where_a_number_is_from_and_how_it_ends(number: str, shown: str) -> None:
    assert for_holder(Handset(number)) == shown


@given(NUMBERS)
def test_a_page_shows_at_most_the_country_and_four_last_digits(number: str) -> None:
    shown = for_holder(handset(number))
    assert "••••" in shown
    assert sum(char.isdigit() for char in shown) <= 7
    assert shown.endswith(number[-4:])
