"""From when until when a ticket is valid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.ticket import Validity, validity

SOLD = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
START = datetime(2026, 6, 5, 19, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Times(TypedDict, total=False):
    starts_at: datetime | None
    ends_at: datetime | None
    admits_from: datetime | None
    admits_until: datetime | None
    doors_at: datetime | None
    valid_days: int | None


def valid(times: Times) -> Validity:
    nothing = Times(starts_at=None, ends_at=None, admits_from=None, admits_until=None, doors_at=None, valid_days=None)
    return validity(issued_at=SOLD, **(nothing | times))


@pytest.mark.parametrize(("valid_days", "days"), [(30, 30), (None, 365)])
def test_an_open_dated_ticket_runs_from_its_sale(valid_days: int | None, days: int) -> None:
    assert valid({"valid_days": valid_days}) == Validity(SOLD, SOLD + timedelta(days=days))


@pytest.mark.parametrize(
    ("times", "opens"),
    [
        ({}, START - 2 * HOUR),
        ({"doors_at": START - HOUR}, START - HOUR),
        ({"doors_at": START - HOUR, "admits_from": START - 3 * HOUR}, START - 3 * HOUR),
    ],
)
def test_a_dated_ticket_opens_when_told_or_with_the_doors_or_two_hours_before(times: Times, opens: datetime) -> None:
    assert valid({"starts_at": START, **times}).starts == opens


@pytest.mark.parametrize(
    ("times", "closes"),
    [
        ({}, START + 6 * HOUR),
        ({"ends_at": START + 2 * HOUR}, START + 2 * HOUR),
        ({"ends_at": START + 2 * HOUR, "admits_until": START + HOUR}, START + HOUR),
    ],
)
def test_a_dated_ticket_closes_when_told_or_with_the_show_or_six_hours_after_the_start(
    times: Times, closes: datetime
) -> None:
    assert valid({"starts_at": START, **times}).ends == closes


def test_a_dated_ticket_does_not_run_from_its_sale() -> None:
    assert valid({"starts_at": START, "valid_days": 1}) == valid({"starts_at": START})


MOMENTS = st.none() | st.integers(-100, 100).map(lambda hours: START + hours * HOUR)


@given(MOMENTS, MOMENTS, MOMENTS, MOMENTS)
def test_every_ticket_is_valid_for_a_minute_at_least(
    doors_at: datetime | None, admits_from: datetime | None, admits_until: datetime | None, ends_at: datetime | None
) -> None:
    found = valid(
        {
            "starts_at": START,
            "doors_at": doors_at,
            "admits_from": admits_from,
            "admits_until": admits_until,
            "ends_at": ends_at,
        }
    )
    assert found.ends - found.starts >= timedelta(minutes=1)
