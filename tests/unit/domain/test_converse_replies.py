"""Replies: every kind in both languages, short enough for one message, and the same after a night in the database."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.money import Money
from app.domain.replies import LONG, WHY, WORDS, Reply, Says, price_words, reply_text, why
from mobile_gateway.wire import gsm

FACTS = {
    "title": "The Post Office in Spring",
    "when": "Wed 25 Nov 19:30",
    "what": "Balcony x2",
    "seats": "Stalls row A seat 3, Stalls row A seat 4",
    "amount": "KRW 120,000",
    "minutes": "10",
    "code": "4021B",
    "limit": "8",
    "url": "https://tickets.example",
    "why": "There is not enough e-money.",
    "count": "3",
    "number": "482910375-1",
    "handset": "010-****-4321",
}
KOREAN_FACTS = FACTS | {
    "title": "봄날의 우체국",
    "when": "11월 25일 (수) 19:30",
    "what": "발코니석 2매",
    "seats": "1층 A열 3번, 1층 A열 4번",
    "amount": "120,000원",
    "why": "전자화폐 잔액이 부족합니다.",
}
LINES = tuple(f"{number} Balcony KRW {number}0,000" for number in range(1, 7))
KINDS = sorted(Says)


def parts(text: str) -> int:
    return len(gsm.segment(text).parts)


def reply(says: Says, language: str, lines: tuple[str, ...] = ()) -> Reply:
    return Reply(says, language, KOREAN_FACTS if language == "ko" else FACTS, lines)


def fields(form: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(form) if name}


def test_every_kind_has_its_words() -> None:
    assert set(WORDS) == set(Says)


@pytest.mark.parametrize("says", KINDS, ids=str)
def test_both_languages_say_the_same_things(says: Says) -> None:
    korean, english = ({name for form in forms for name in fields(form)} for forms in WORDS[says])
    assert korean - {"url"} <= english | {"number", "handset"}
    assert korean <= {*FACTS, "lines"}
    assert english <= {*FACTS, "lines"}


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("says", KINDS, ids=str)
def test_an_ordinary_reply_fits_one_message_and_a_list_two(says: Says, language: str) -> None:
    lines = LINES if says in LONG else ()
    assert 1 <= parts(reply_text(reply(says, language, lines), parts)) <= (2 if says in LONG else 1)


@pytest.mark.parametrize("says", KINDS, ids=str)
def test_english_needs_no_letter_that_halves_a_message(says: Says) -> None:
    assert gsm.segment(reply_text(reply(says, "en", ("1 Balcony KRW 10,000",)), parts)).coding.value == "gsm7"


def test_seats_are_told_while_there_is_room_for_them() -> None:
    assert "row A seat 4" in reply_text(reply(Says.OFFER, "en"), parts)
    crowded = Reply(Says.OFFER, "en", FACTS | {"seats": ", ".join(["Stalls row A seat 3"] * 8)})
    text = reply_text(crowded, parts)
    assert "row A" not in text
    assert "KRW 120,000: reply YES" in text


def test_where_no_form_fits_the_one_of_fewest_messages_is_sent() -> None:
    crowded = Reply(Says.OFFER, "en", FACTS | {"what": "Balcony " * 60})
    assert parts(reply_text(crowded, parts)) > 1
    fullest = reply_text(crowded, lambda _: 2)
    assert len(reply_text(crowded, len)) < len(fullest)


def test_what_is_left_out_of_a_list_is_counted() -> None:
    lines = tuple(f"{number}. " + "봄날의 우체국 11월 24일 (화) 12:00 482910375-1" for number in range(1, 10))
    text = reply_text(Reply(Says.TICKETS, "ko", {}, lines), parts)
    shown = [line for line in text.split("\n") if not line.startswith("+")]
    assert text.endswith(f"+{9 - len(shown)}")
    assert parts(text) == 2


@given(
    st.sampled_from(KINDS),
    st.sampled_from(["ko", "en"]),
    st.fixed_dictionaries({name: st.text(max_size=80) for name in FACTS}),
    st.lists(st.text(max_size=40), max_size=4),
)
def test_no_fact_breaks_a_reply_and_it_survives_being_kept(
    says: Says, language: str, facts: dict[str, str], lines: list[str]
) -> None:
    one = Reply(says, language, facts, tuple(lines))
    assert Reply.of_json(json.loads(json.dumps(one.to_json()))) == one
    assert isinstance(reply_text(one, lambda text: len(text) // 160 + 1), str)


def test_a_price_is_written_without_a_sign_that_phones_lack() -> None:
    assert price_words(Money(66_000, "KRW"), "en") == "KRW 66,000"
    assert price_words(Money(66_000, "KRW"), "ko") == "66,000원"
    assert price_words(Money(1_250, "USD"), "en") == "USD 12.50"


def test_every_refusal_has_a_sentence_in_both_languages() -> None:
    for reason in [*WHY, "anything else"]:
        assert why(reason, "ko") != why(reason, "en")
