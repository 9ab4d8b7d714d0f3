"""How long a ticket is good, said so that its holder knows what to do: begin in time, and come until then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.lasting import Lasting

BOUGHT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DAY_PASS = Lasting(
    starts_at=None, ends=BOUGHT + timedelta(days=90), timezone="Asia/Seoul", minutes=1440, begun=False, ride=True
)
BEGUN = replace(DAY_PASS, ends=BOUGHT + timedelta(hours=24), begun=True)


def test_a_day_pass_says_that_its_day_begins_with_the_first_ride_and_until_when_that_must_be() -> None:
    assert DAY_PASS.words("ko") == "처음 탄 때부터 24시간, 2027년 2월 20일까지"
    assert DAY_PASS.words("en") == "24 hours from the first ride, until 20 Feb 2027"


def test_a_day_pass_in_use_says_until_when_by_the_minute() -> None:
    assert BEGUN.words("ko") == "11월 23일 (월) 12:00까지"
    assert BEGUN.words("en") == "until Mon 23 Nov 12:00"
    assert BEGUN.span("en") == ""


def test_who_enters_and_does_not_ride_is_told_of_the_first_entry() -> None:
    assert replace(DAY_PASS, ride=False).span("ko") == "처음 입장한 때부터 24시간"
    assert replace(DAY_PASS, ride=False).span("en") == "24 hours from the first entry"


def test_an_occasion_with_a_start_says_that_first() -> None:
    evening = replace(DAY_PASS, starts_at=BOUGHT, minutes=120, ride=False)
    assert evening.words("en") == "Sun 22 Nov 12:00, 2 hours from the first entry"
    assert replace(evening, ends=BOUGHT + timedelta(hours=2), begun=True).words("en") == (
        "Sun 22 Nov 12:00, until Sun 22 Nov 14:00"
    )


def test_a_ticket_whose_time_hangs_on_no_first_use_says_its_last_day_or_its_start_as_ever() -> None:
    plain = replace(DAY_PASS, minutes=None)
    assert plain.words("ko") == "2027년 2월 20일까지"
    assert replace(plain, starts_at=BOUGHT).words("en") == "Sun 22 Nov 12:00"


def test_what_ends_at_midnight_is_good_on_the_day_before() -> None:
    midnight = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
    assert replace(DAY_PASS, minutes=None, ends=midnight).end("en") == "30 Nov 2026"


@pytest.mark.parametrize(
    ("minutes", "korean", "english"),
    [
        (1, "1분", "1 minute"),
        (90, "90분", "90 minutes"),
        (60, "1시간", "1 hour"),
        (1440, "24시간", "24 hours"),
        (72 * 60, "72시간", "72 hours"),
        (100 * 60, "100시간", "100 hours"),
        (7 * 1440, "7일", "7 days"),
    ],
)
def test_a_span_is_told_in_the_largest_unit_that_people_count_it_in(minutes: int, korean: str, english: str) -> None:
    one = replace(DAY_PASS, minutes=minutes)
    assert one.span("ko").endswith(f"때부터 {korean}")
    assert one.span("en").startswith(f"{english} from")
