"""Typing on ten digits, and what a field's mask lets through."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surfer_kit import Surfer, page

from mobile_gateway.browser.formats import LETTERS_MAX, mask_of
from mobile_gateway.browser.keypad import LETTERS, begun, digit, settled
from mobile_gateway.subscribers import Language


def field(attributes: str = "", *, language: Language = Language.ENGLISH) -> Surfer:
    """A phone whose one field is open."""
    phone = Surfer(page(f'<input name="x" {attributes}/>'), language=language)
    phone.press("ok")
    return phone


def test_the_same_key_again_changes_the_letter_and_comes_round() -> None:
    phone = field()
    assert [phone.press("2").rows[0].text for _ in range(5)] == ["a", "b", "c", "2", "a"]


@pytest.mark.parametrize("between", ["#", "right", "up", "left"])
def test_another_key_settles_the_letter(between: str) -> None:
    phone = field()
    phone.press("4", "4", between, "4", "6")
    assert phone.lines == ["hgm"]


def test_a_pause_settles_the_letter() -> None:
    phone = field()
    phone.press("2")
    phone.tick()
    phone.press("2", "ok")
    assert phone.lines == ["<[aa]>"]


def test_the_star_turns_capitals_digits_and_small_letters() -> None:
    phone = field()
    shown = [phone.screen.entry, phone.press("*").entry, phone.press("*").entry, phone.press("*").entry]
    assert shown == ["abc", "ABC", "123", "abc"]
    phone.press("2", "*", "2", "*", "2", "2")
    assert phone.lines == ["aA22"]


def test_a_field_that_is_full_is_opened_in_the_letters_it_holds() -> None:
    phone = field('format="2N" value="12"')
    assert phone.screen.entry == "123"
    phone.press("back", "3", "ok")
    assert phone.lines == ["<[13]>"]


def test_zero_and_one_write_space_and_signs() -> None:
    phone = field()
    phone.press("2", "0", "2", "1", "1", "1", "ok")
    assert phone.lines == ["<[a a-]>"]


def test_clear_takes_letter_by_letter_and_then_leaves_the_field_as_it_was() -> None:
    phone = field('value="hi"')
    assert phone.screen.soft_right == "Clear"
    phone.press("back", "soft_right")
    assert phone.screen.soft_right == "Back"
    phone.press("back")
    assert phone.lines == ["<[hi]>"]


def test_digits_are_typed_at_once_where_the_mask_asks_for_digits() -> None:
    phone = field('format="*N"')
    assert phone.press(*"2230").rows[0].text == "2230"
    assert phone.screen.entry == "123"
    assert phone.press("*").entry == "123"
    phone.press("#", "ok")
    assert phone.lines == ["<[2230]>"]


def test_a_full_field_takes_no_more() -> None:
    phone = field('format="*N" maxlength="3"')
    phone.press(*"12345", "ok")
    assert phone.lines == ["<[123]>"]


def test_what_does_not_fit_the_mask_is_typed_on_and_the_phone_says_what_is_missing() -> None:
    phone = field('format="NNNN"')
    phone.press(*"12", "ok")
    assert phone.lines == ["12", "Type 4 digits."]
    phone.press("3")
    assert phone.lines == ["123"]
    phone.press("4", "soft_left")
    assert phone.lines == ["<[1234]>"]


def test_missing_letters_are_told_too_and_in_korean() -> None:
    phone = field('format="Aa" emptyok="false"', language=Language.KOREAN)
    phone.press("ok")
    assert phone.text == "2자 이상 입력하십시오."
    assert phone.screen.soft_left == "확인"
    phone.press("2", "ok", "2", "ok")
    assert phone.lines == ["<[Aa]>"]


def test_a_field_that_may_be_empty_may_be_emptied() -> None:
    phone = field('format="NN" emptyok="true" value="12"')
    phone.press("back", "back", "ok")
    assert phone.lines == ["<[    ]>"]


def test_characters_that_stand_by_themselves_are_written_by_the_phone() -> None:
    phone = field(r'format="\0\1\0\-NNNN\-NNNN"')
    phone.press(*"1234")
    assert phone.lines == ["010-1234-"]
    phone.press("back")
    assert phone.lines == ["010-123"]
    phone.press(*"45678", "ok")
    assert phone.lines == ["<[010-1234-5678]>"]


def test_a_field_of_nothing_but_what_stands_by_itself_counts_as_empty() -> None:
    phone = field(r'format="\+NN" emptyok="true"')
    assert phone.lines == ["+"]
    phone.press("ok")
    assert phone.lines == ["<[    ]>"]


def test_a_password_shows_only_the_letter_that_may_still_change() -> None:
    phone = field('type="password"')
    phone.press("2", "3")
    assert phone.lines == ["*d"]
    phone.press("#")
    assert phone.lines == ["**"]
    phone.press("ok")
    assert phone.lines == ["<[**]>"]
    assert "ad" not in repr(phone.browser)


def test_a_long_text_shows_its_end_and_where_the_cursor_is() -> None:
    phone = field(f'value="{string.ascii_lowercase * 5}"')
    assert phone.screen.rows[-1].text == "yz"
    assert len(phone.screen.rows) == phone.screen.cursor + 1 == 6  # type: ignore[operator]  # it is typing
    assert (phone.screen.first_row, phone.screen.total_rows) == (3, 9)


def test_a_value_that_the_mask_refuses_is_not_taken_over() -> None:
    assert Surfer(page('<input name="x" format="4N" value="12a"/>')).lines == ["<[    ]>"]


@pytest.mark.parametrize(
    ("mask", "good", "bad"),
    [
        ("*N", ["", "0", "1234567890"], ["a", "1a", "１"]),
        ("4N", ["", "1234"], ["12345"]),
        ("NNNN", ["1234"], ["123", "12345"]),
        ("A4a", ["A", "Abc"], ["", "a", "AB", "A1", "Abcdef"]),
        ("XX", ["A1", "99"], ["a1"]),
        ("xx", ["a1"], ["A1"]),
        ("M*m", ["Any thing 가"], [""]),
        (r"NN\-N", ["12-3"], ["123", "12-"]),
        ("what", ["free text", ""], ["\n"]),
        ("*", ["anything"], []),
        ("", ["anything", ""], []),
        ("*NN", ["anything"], []),
        ("\\", ["anything"], []),
    ],
)
def test_masks(mask: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not mask_of(mask).fits(text)] == []
    assert [text for text in bad if mask_of(mask).fits(text)] == []


def test_no_field_is_endless() -> None:
    assert mask_of("*M", 100_000).letters_max == LETTERS_MAX
    assert not mask_of("*M").fits("a" * (LETTERS_MAX + 1))


@given(
    mask=st.text(alphabet="AaNXxMm*123\\-", max_size=6),
    keys=st.lists(st.sampled_from(sorted(LETTERS)), max_size=12),
)
@settings(max_examples=150)
def test_whatever_is_typed_is_the_beginning_of_something_that_fits(mask: str, keys: list[str]) -> None:
    asked = mask_of(mask)
    typing = begun(0, "", asked)
    for key in keys:
        typing = digit(typing, key, asked)
        assert asked.begins(typing.text)
    assert asked.begins(settled(typing, asked).text)
