"""What a buyer reads when a means of payment is refused."""

from __future__ import annotations

import pytest

from app.domain.payment import REFUSED_WORDS, refused_sentence
from app.ports import Decline


@pytest.mark.parametrize("reason", list(Decline))
def test_each_decline_has_its_own_sentence_in_both_languages(reason: Decline) -> None:
    korean, english = refused_sentence(reason.value, "ko"), refused_sentence(reason.value, "en")
    assert (korean, english) == REFUSED_WORDS[reason.value]
    assert any("가" <= char <= "힣" for char in korean)
    assert english.isascii()


def test_no_sentence_is_for_a_decline_that_nobody_gives() -> None:
    assert set(REFUSED_WORDS) == {reason.value for reason in Decline}


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_reason_we_do_not_know_says_to_use_another_means(language: str) -> None:
    assert refused_sentence("lost_in_the_post", language) == refused_sentence("invalid", language)


@pytest.mark.parametrize("reason", list(Decline))
def test_each_sentence_says_what_to_do_next(reason: Decline) -> None:
    english = refused_sentence(reason.value, "en")
    assert any(word in english for word in ("Try", "Check"))
