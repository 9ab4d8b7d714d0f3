"""The gate's verdict, and which of several true reasons is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.admission import WORDS, Post, Reason, Register, decide, sentence
from app.domain.ticket import TicketState

NOW = datetime(2026, 6, 5, 19, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
HERE, ELSEWHERE = UUID(int=1), UUID(int=2)
GOOD = Register(
    ticket_id=UUID(int=9),
    occasion_id=HERE,
    state=TicketState.VALID,
    uses_left=1,
    valid_from=NOW - timedelta(hours=1),
    valid_until=NOW + timedelta(hours=1),
)
POST = Post(UUID(int=7), frozenset({HERE}))


def test_a_good_ticket_is_admitted() -> None:
    assert decide(GOOD, post=POST, now=NOW) is Reason.ADMITTED


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (replace(GOOD, state=TicketState.REVOKED), Reason.REVOKED),
        (replace(GOOD, state=TicketState.SUSPENDED), Reason.SUSPENDED),
        (replace(GOOD, occasion_id=ELSEWHERE), Reason.WRONG_OCCASION),
        (replace(GOOD, uses_left=0), Reason.USED),
        (replace(GOOD, uses_left=-1), Reason.USED),
        (replace(GOOD, valid_until=NOW), Reason.EXPIRED),
        (replace(GOOD, valid_from=NOW + MOMENT), Reason.TOO_EARLY),
    ],
)
def test_a_ticket_with_one_fault_is_told_that_fault(entry: Register, reason: Reason) -> None:
    assert decide(entry, post=POST, now=NOW) is reason


def test_validity_begins_at_its_moment_and_ends_before_its_end() -> None:
    assert decide(GOOD, post=POST, now=GOOD.valid_from) is Reason.ADMITTED
    assert decide(GOOD, post=POST, now=GOOD.valid_until - MOMENT) is Reason.ADMITTED


def test_a_post_that_names_no_occasion_serves_all() -> None:
    anywhere = Post(POST.gate_id, frozenset())
    assert anywhere.serves(ELSEWHERE)
    assert POST.serves(HERE)
    assert not POST.serves(ELSEWHERE)


@given(
    state=st.sampled_from(list(TicketState)),
    occasion=st.sampled_from([HERE, ELSEWHERE]),
    uses_left=st.integers(-1, 2),
    opens=st.integers(-2, 2),
    closes=st.integers(-2, 2),
)
def test_of_several_true_reasons_the_most_useful_is_told(
    *, state: TicketState, occasion: UUID, uses_left: int, opens: int, closes: int
) -> None:
    hour = timedelta(hours=1)
    entry = Register(GOOD.ticket_id, occasion, state, uses_left, NOW + opens * hour, NOW + closes * hour)
    true = {
        Reason.REVOKED: state is TicketState.REVOKED,
        Reason.SUSPENDED: state is TicketState.SUSPENDED,
        Reason.WRONG_OCCASION: occasion != HERE,
        Reason.USED: uses_left <= 0,
        Reason.EXPIRED: closes <= 0,
        Reason.TOO_EARLY: opens > 0,
    }
    expected = next((reason for reason in Reason if true.get(reason)), Reason.ADMITTED)
    assert decide(entry, post=POST, now=NOW) is expected


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_has_a_sentence_in_both_languages(reason: Reason) -> None:
    korean, english = sentence(reason, "ko"), sentence(reason, "en")
    assert (korean, english) == WORDS[reason]
    assert any("가" <= char <= "힣" for char in korean)
    assert english.isascii()
    assert korean.endswith(".")
    assert english.endswith(".")


def test_no_two_reasons_sound_alike() -> None:
    assert len(set(WORDS.values())) == len(Reason)


def test_another_language_hears_english() -> None:
    assert sentence(Reason.USED, "ja") == sentence(Reason.USED, "en")
