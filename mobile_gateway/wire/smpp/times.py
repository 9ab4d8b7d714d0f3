"""Times as SMPP 3.4 section 7.1 writes them: `YYMMDDhhmmsstnnp`, absolute with an offset from UTC, or relative.

The clock is the caller's: `now` says what a relative time counts from, and which century two digits mean.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta

RELATIVE_DAYS_MAX = 30
"""More days would need months, whose length depends on when one counts from."""

_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d)(\d\d)([-+R])", re.ASCII)
_QUARTERS_MAX = 48
_MONTHS_A_YEAR = 12
_CENTURY = 100
_HALF_CENTURY = 50
_YEAR_MAX = 9999


class MalformedTime(ValueError):
    """Text that is no time of section 7.1."""


def parse_time(text: str, now: datetime) -> datetime | None:
    """When this is, in UTC; None for the empty text, which means "at once" or "as usual"; raises MalformedTime."""
    if not text:
        return None
    found = _TIME.fullmatch(text)
    if found is None:
        raise MalformedTime(f"{text[:17]!r} is not YYMMDDhhmmsstnn and then +, - or R")
    years, months, days, hours, minutes, seconds, tenths, quarters = map(int, found.groups()[:-1])
    sign = found[9]
    if quarters > _QUARTERS_MAX:
        raise MalformedTime(f"an offset of {quarters} quarters of an hour; at most {_QUARTERS_MAX} are possible")
    rest = timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=100 * tenths)
    if sign == "R":
        return _months_later(now.astimezone(UTC), _MONTHS_A_YEAR * years + months) + timedelta(days=days) + rest
    try:
        local = datetime(_year(years, now), months, days, hours, minutes, seconds, 100_000 * tenths, tzinfo=UTC)
    except ValueError as fault:
        raise MalformedTime(f"{text!r} is no time: {fault}") from None
    ahead = timedelta(minutes=15 * quarters)
    return local - ahead if sign == "+" else local + ahead


def format_absolute(at: datetime) -> str:
    """`at`, in UTC, to a tenth of a second (cut, not rounded)."""
    at = at.astimezone(UTC)
    return f"{at:%y%m%d%H%M%S}{at.microsecond // 100_000}00+"


def format_relative(duration: timedelta) -> str:
    """A time from now, in whole seconds; raises ValueError for a negative one or more than RELATIVE_DAYS_MAX days."""
    if not timedelta(0) <= duration < timedelta(days=RELATIVE_DAYS_MAX + 1):
        raise ValueError(f"{duration} cannot be said as a relative time; use an absolute one")
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"0000{duration.days:02}{hours:02}{minutes:02}{seconds:02}000R"


def _year(digits: int, now: datetime) -> int:
    """The year with these last two digits that is nearest to now."""
    start = now.astimezone(UTC).year - _HALF_CENTURY
    return start + (digits - start) % _CENTURY


def _months_later(start: datetime, months: int) -> datetime:
    """The same day so many months on, or that month's last where it has no such day."""
    years, month = divmod(start.month - 1 + months, _MONTHS_A_YEAR)
    year, month = start.year + years, month + 1
    assert year < _YEAR_MAX, "a century from now at most"
    return start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1]))
