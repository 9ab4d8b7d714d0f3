"""Messages are short, complete and in the holder's language; what a ticket needs is never cut away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.wording import (
    Slip,
    emoney_message,
    given_message,
    moment,
    revoked_message,
    said,
    seat_words,
    shortened,
    ticket_message,
)
from mobile_gateway.wire.gsm import segment

LANGUAGE = st.sampled_from(["ko", "en"])
LATIN = st.text("abcdefghijklmnopqrstuvwxyz ABC019-.", max_size=90)
KOREAN = st.text("하늘극장 봄밤의소나타", max_size=90)
LINKS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=8, max_size=40).map("https://t.example/".__add__)


def parts(text: str) -> int:
    """What the network counts; our ESMEs send such texts in as many parts as they take."""
    return segment(text, parts_max=99).cost


SLIPS = st.builds(
    Slip,
    title=LATIN | KOREAN,
    when=st.sampled_from(["Sun 22 Nov 19:30", "11월 22일 (일) 19:30", ""]),
    where=LATIN | KOREAN,
    seat=st.sampled_from(["Stalls row A seat 12", "1층 A열 12번", "Floor", ""]),
    number=st.from_regex(r"[0-9]{10}", fullmatch=True),
    pin=st.from_regex(r"[0-9]{6}", fullmatch=True),
    link=LINKS,
    span=st.sampled_from(["24 hours from the first ride", "처음 탄 때부터 24시간", ""]),
)


def a_slip(title: str = "Hamlet", where: str = "Haneul Theatre", link: str = "https://t.example/k3y") -> Slip:
    return Slip(title, "Sun 22 Nov 19:30", where, "Stalls row A seat 12", "1234567890", "246810", link)


# --- the ticket's message -------------------------------------------------------------------------------------------


def every_form(slip: Slip, language: str) -> list[str]:
    """All forms a message may take, fullest first, written out a second time: place and span go, the place first."""
    found = []
    for span, where in ((slip.span, slip.where), (slip.span, ""), ("", slip.where), ("", "")):
        for width in (60, 40, 28, 20):
            named = f"No {slip.number}" if language == "en" else f"번호 {slip.number}"
            cut = [text if len(text) <= width else text[: width - 2].rstrip() + ".." for text in (slip.title, where)]
            lines = [cut[0], slip.when, span, cut[1], slip.seat, f"{named} PIN {slip.pin}", slip.link]
            found.append("\n".join(filter(None, lines)))
    return found


@given(SLIPS, LANGUAGE)
def test_a_ticket_fits_one_message_whenever_any_form_of_it_does(slip: Slip, language: str) -> None:
    forms = every_form(slip, language)
    message = ticket_message(slip, language, parts)
    assert parts(message) == min(map(parts, forms))
    assert message == next(form for form in forms if parts(form) == parts(message)), "a fuller form costs no more"


@given(SLIPS, LANGUAGE)
def test_a_ticket_never_loses_its_number_its_pin_its_link_its_time_or_its_seat(slip: Slip, language: str) -> None:
    lines = ticket_message(slip, language, parts).split("\n")
    assert any(slip.number in line and f"PIN {slip.pin}" in line for line in lines)
    assert lines[-1] == slip.link
    assert {slip.when, slip.seat} - {""} <= set(lines)


@given(SLIPS, LANGUAGE)
def test_a_ticket_message_has_no_empty_line_of_nothing(slip: Slip, language: str) -> None:
    assert "" not in ticket_message(slip, language, parts).split("\n")


def test_a_short_ticket_is_said_in_full() -> None:
    assert ticket_message(a_slip(), "en", parts) == (
        "Hamlet\nSun 22 Nov 19:30\nHaneul Theatre\nStalls row A seat 12\nNo 1234567890 PIN 246810\nhttps://t.example/k3y"
    )


def test_a_long_title_is_cut_before_the_place_is_dropped() -> None:
    slip = a_slip(title="A Midsummer Night's Dream, " * 3, link="https://t.example/" + "k" * 22)
    message = ticket_message(slip, "en", parts)
    assert parts(message) == 1
    assert "Haneul Theatre" in message
    assert message.startswith("A Midsummer Night's Dream, A Midsummer..\n")


def test_the_place_is_dropped_before_a_second_message_is_sent() -> None:
    slip = a_slip(where="The Great Hall of the People", link="https://t.example/" + "k" * 60)
    message = ticket_message(slip, "en", parts)
    assert parts(message) == 1
    assert "Great Hall" not in message
    assert message.startswith("Hamlet\n")


def test_korean_takes_the_fullest_form_of_the_fewest_parts() -> None:
    message = ticket_message(a_slip("봄밤의 소나타", "하늘극장"), "ko", parts)
    assert parts(message) == 2
    assert "봄밤의 소나타" in message
    assert "하늘극장" in message
    assert "번호 1234567890 PIN 246810" in message


@pytest.mark.parametrize(("language", "words"), [("ko", "앱에서 보여 주십시오."), ("en", "Show it in the app:")])
def test_a_ticket_that_only_its_app_shows_has_no_pin_in_its_message(language: str, words: str) -> None:
    message = ticket_message(replace(a_slip(), pin=""), language, parts)
    assert "PIN" not in message
    assert message.split("\n")[-2:] == [words, "https://t.example/k3y"]


def test_how_long_a_pass_is_good_is_said_unless_it_costs_a_message() -> None:
    day = replace(a_slip(), when="until 20 Feb 2027", span="24 hours from the first ride")
    assert "until 20 Feb 2027\n24 hours from the first ride\n" in ticket_message(day, "en", parts)
    crowded = replace(day, link="https://t.example/" + "k" * 60)
    assert "first ride" not in ticket_message(crowded, "en", parts)
    assert "until 20 Feb 2027" in ticket_message(crowded, "en", parts)


def test_a_slip_does_not_print_its_secrets() -> None:
    assert repr(a_slip()) == "Slip('1234567890', ***)"


# --- small words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ({"ko": "하늘극장", "en": "Haneul Theatre"}, "ko", "하늘극장"),
        ({"ko": "하늘극장", "en": "Haneul Theatre"}, "ja", "Haneul Theatre"),
        ({"ko": "하늘극장"}, "en", "하늘극장"),
        ({"ko": "", "en": "Haneul Theatre"}, "ko", "Haneul Theatre"),
        ({}, "ko", ""),
        (None, "ko", ""),
    ],
)
def test_words_fall_back_to_english_and_then_to_what_there_is(
    text: dict[str, str] | None, language: str, words: str
) -> None:
    assert said(text, language) == words


@pytest.mark.parametrize(
    ("language", "timezone", "words"),
    [
        ("ko", "Asia/Seoul", "11월 22일 (일) 19:30"),
        ("en", "Asia/Seoul", "Sun 22 Nov 19:30"),
        ("en", "Europe/London", "Sun 22 Nov 10:30"),
        ("ko", "Pacific/Auckland", "11월 22일 (일) 23:30"),
    ],
)
def test_a_moment_is_told_on_the_issuers_clock(language: str, timezone: str, words: str) -> None:
    assert moment(datetime(2026, 11, 22, 10, 30, tzinfo=UTC), timezone, language) == words


def test_midnight_is_the_next_day() -> None:
    assert moment(datetime(2026, 12, 31, 15, 0, tzinfo=UTC), "Asia/Seoul", "en") == "Fri 1 Jan 00:00"


@pytest.mark.parametrize(
    ("section", "row", "seat", "korean", "english"),
    [
        ("1층", "A", "12", "1층 A열 12번", "1층 row A seat 12"),
        ("1층", None, "12", "1층 12번", "1층 seat 12"),
        ("Floor", None, None, "Floor", "Floor"),
        (None, "A", "12", "A열 12번", "row A seat 12"),
        (None, None, None, "", ""),
    ],
)
def test_a_seat_is_found_by_its_words(
    section: str | None, row: str | None, seat: str | None, korean: str, english: str
) -> None:
    assert seat_words(section, row, seat, "ko") == korean
    assert seat_words(section, row, seat, "en") == english


@given(st.text(max_size=40), st.integers(2, 40))
def test_what_is_shortened_fits_and_says_that_it_was(text: str, width: int) -> None:
    short = shortened(text, width)
    assert len(short) <= width
    assert short == text or (short.endswith("..") and text.startswith(short[:-2]))


def test_what_just_fits_is_left_alone() -> None:
    assert (shortened("Hamlet", 6), shortened("Hamlet", 5)) == ("Hamlet", "Ham..")


def test_a_revoked_ticket_is_told_apart_by_title_and_number() -> None:
    assert revoked_message("Hamlet", "123", "en") == "Hamlet: ticket 123 was revoked and can no longer be used."
    assert revoked_message("햄릿", "123", "ko") == "햄릿 표 123번이 취소되었습니다. 더 이상 사용할 수 없습니다."


def test_a_gift_is_confirmed_to_its_giver() -> None:
    told = given_message("Hamlet", "123", "010-••••-4321", "en")
    assert told == "Hamlet: your ticket 123 is now with 010-••••-4321."
    assert given_message("햄릿", "123", "010-••••-4321", "ko") == "햄릿 표 123번을 010-••••-4321에 선물했습니다."


@pytest.mark.parametrize(("language", "title"), [("en", "Hamlet " * 20), ("ko", "햄릿 " * 20)])
def test_a_revocation_is_one_message_however_long_the_title(language: str, title: str) -> None:
    assert parts(revoked_message(title, "1234567890", language)) == 1


def test_e_money_tells_its_balance_and_its_pin() -> None:
    english = emoney_message("Haneul", "₩5,000", "246810", "en")
    korean = emoney_message("하늘", "5,000원", "246810", "ko")
    assert english == "Haneul e-money: balance ₩5,000, PIN 246810. Give it with your number when you pay."
    assert korean == "하늘 전자화폐 잔액 5,000원, 비밀번호 PIN 246810. 결제할 때 이 번호와 함께 입력하십시오."
