"""Times in a catalogue file: one moment exactly, or a refusal."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.importers.moments import BadMomentError, beside, moment

SEOUL = ZoneInfo("Asia/Seoul")
BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 3, 28)
START = datetime(2026, 6, 5, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-12-24 19:30", SEOUL, datetime(2026, 12, 24, 10, 30, tzinfo=UTC)),
        ("2026-12-24T19:30", SEOUL, datetime(2026, 12, 24, 10, 30, tzinfo=UTC)),
        ("2026-12-24 19:30:00", BERLIN, datetime(2026, 12, 24, 18, 30, tzinfo=UTC)),
        ("2026-07-24 19:30", BERLIN, datetime(2026, 7, 24, 17, 30, tzinfo=UTC)),
        ("+0d 00:00", SEOUL, datetime(2026, 3, 27, 15, 0, tzinfo=UTC)),
        ("+4d 19:30", BERLIN, datetime(2026, 4, 1, 17, 30, tzinfo=UTC)),
    ],
)
def test_a_local_time_is_one_moment(text: str, zone: ZoneInfo, expected: datetime) -> None:
    assert moment(text, today=TODAY, timezone=zone) == expected


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(BadMomentError, match=r"2026-03-29 02:30 does not exist in Europe/Berlin"):
        moment("+1d 02:30", today=TODAY, timezone=BERLIN)


def test_a_time_that_happens_twice_is_refused() -> None:
    with pytest.raises(BadMomentError, match=r"2026-10-25 02:30 happens twice in Europe/Berlin"):
        moment("2026-10-25 02:30", today=TODAY, timezone=BERLIN)


@pytest.mark.parametrize("text", ["", "tomorrow", "19:30", "+2d", "2026-6-5 19:30", "1999-06-05 19:30", "-1d 10:00"])
def test_other_words_are_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(BadMomentError, match="write a local time such as"):
        moment(text, today=TODAY, timezone=SEOUL)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("start", timedelta()),
        ("start-30m", timedelta(minutes=-30)),
        ("start+2h30m", timedelta(hours=2, minutes=30)),
        ("start-14d", timedelta(days=-14)),
        ("start+1d2h3m", timedelta(days=1, hours=2, minutes=3)),
    ],
)
def test_a_time_may_be_counted_from_the_start(text: str, span: timedelta) -> None:
    assert beside(text, start=START, today=TODAY, timezone=SEOUL) == START + span


def test_an_absolute_time_may_stand_beside_a_start() -> None:
    expected = datetime(2026, 5, 1, 1, 0, tzinfo=UTC)
    assert beside("2026-05-01 10:00", start=START, today=TODAY, timezone=SEOUL) == expected


@pytest.mark.parametrize("text", ["start+", "start-", "start+m", "start 30m", "start+30"])
def test_a_span_without_its_unit_is_refused(text: str) -> None:
    with pytest.raises(BadMomentError, match="is not a time"):
        beside(text, start=START, today=TODAY, timezone=SEOUL)


def test_nothing_counts_from_a_start_that_is_not_there() -> None:
    with pytest.raises(BadMomentError, match="counts from a start that this occasion does not have"):
        beside("start-30m", start=None, today=TODAY, timezone=SEOUL)


@given(
    st.dates(date(2000, 1, 2), date(2199, 12, 30)), st.times(), st.sampled_from(["Europe/Berlin", "America/Santiago"])
)
def test_what_is_not_refused_reads_back_as_it_was_written(day: date, clock: time, name: str) -> None:
    zone = ZoneInfo(name)
    written = f"{day} {clock:%H:%M}"
    try:
        read = moment(written, today=TODAY, timezone=zone)
    except BadMomentError as why:
        assert "where clocks change" in str(why)  # noqa: PT017 - the refusal is one of two right answers
        return
    assert f"{read.astimezone(zone):%Y-%m-%d %H:%M}" == written
