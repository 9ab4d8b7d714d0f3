"""What each of several means pays, what their standings call for, and what a buyer reads when one is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.money import Money
from app.domain.payment import (
    INTERRUPTED,
    PARTS_MAX,
    REFUSED_WORDS,
    Course,
    Standing,
    course,
    refused_sentence,
    shares,
)
from app.domain.refusals import BadLine
from app.ports import Decline


def won(amount: int) -> Money:
    return Money(amount, "KRW")


@pytest.mark.parametrize("reason", list(Decline))
def test_each_decline_has_its_own_sentence_in_both_languages(reason: Decline) -> None:
    korean, english = refused_sentence(reason.value, "ko"), refused_sentence(reason.value, "en")
    assert (korean, english) == REFUSED_WORDS[reason.value]
    assert any("가" <= char <= "힣" for char in korean)
    assert english.isascii()


def test_no_sentence_is_for_a_decline_that_nobody_gives() -> None:
    assert set(REFUSED_WORDS) == {reason.value for reason in Decline} | {INTERRUPTED}


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_reason_we_do_not_know_says_to_use_another_means(language: str) -> None:
    assert refused_sentence("lost_in_the_post", language) == refused_sentence("invalid", language)


@pytest.mark.parametrize("reason", list(Decline))
def test_each_sentence_says_what_to_do_next(reason: Decline) -> None:
    english = refused_sentence(reason.value, "en")
    assert any(word in english for word in ("Try", "Check"))


# --- several means of payment ---------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 1_000_000), min_size=1, max_size=PARTS_MAX), st.data())
def test_shares_make_the_total_whichever_of_them_takes_the_rest(amounts: list[int], data: st.DataObject) -> None:
    asked = [won(amount) for amount in amounts]
    rest = data.draw(st.none() | st.integers(0, len(amounts) - 1))
    tenders = [None if place == rest else amount for place, amount in enumerate(asked)]

    assert shares(won(sum(amounts)), tenders) == asked


CONTRADICTIONS: dict[str, tuple[list[Money | None], str]] = {
    "nothing": ([], "one to 4 means of payment; 0 are named"),
    "five": ([won(1)] * 5, "one to 4 means of payment; 5 are named"),
    "two rests": ([None, None], "an amount for all but one"),
    "another currency": ([Money(1, "USD"), None], "paid in KRW"),
    "zero": ([won(0), None], "at least one minor unit"),
    "less than nothing": ([won(-1), None], "at least one minor unit"),
    "too little": ([won(99)], "make 99, the booking costs 100"),
    "too much": ([won(60), won(41)], "make 101, the booking costs 100"),
    "no rest": ([won(100), None], "leave nothing"),
    "less than no rest": ([won(101), None], "leave nothing"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_amounts_that_do_not_make_the_total_are_refused_with_what_to_change(case: str) -> None:
    asked, sentence = CONTRADICTIONS[case]
    with pytest.raises(BadLine, match=sentence):
        shares(won(100), asked)


def test_the_course_of_an_attempt_is_that_of_its_worst_part() -> None:
    """For every set of standings: one that is gone undoes all, one that is silent waits, and only whole ones sell."""
    for count in range(1, 4):
        for parts in itertools.product(Standing, repeat=count):
            taken = course(parts, patient=False, challenge_over=False)
            assert (taken is Course.SELL) == set(parts).issubset({Standing.RESERVED, Standing.TAKEN})
            if Standing.GONE in parts:
                assert taken is Course.UNDO
            elif Standing.SILENT in parts:
                assert taken is Course.WAIT
            elif Standing.UNASKED in parts:
                assert taken is Course.UNDO
            elif Standing.CHALLENGED in parts:
                assert taken is Course.CHALLENGE


def test_what_was_not_asked_for_is_waited_for_by_the_patient_only() -> None:
    assert course([Standing.UNASKED], patient=True, challenge_over=False) is Course.WAIT
    assert course([Standing.UNASKED], patient=False, challenge_over=False) is Course.UNDO


def test_a_challenge_whose_time_is_over_undoes_the_attempt() -> None:
    parts = [Standing.CHALLENGED, Standing.TAKEN]
    assert course(parts, patient=True, challenge_over=True) is Course.UNDO
    assert course(parts, patient=True, challenge_over=False) is Course.CHALLENGE
    assert course([*parts, Standing.SILENT], patient=True, challenge_over=True) is Course.WAIT
