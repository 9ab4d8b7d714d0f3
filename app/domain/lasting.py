"""How long a ticket is good, in words: from a start, until an end, or so long from its first use on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.wording import day, moment

HOUR_MINUTES = 60
DAY_HOURS = 24
HOURS_TOLD_MAX = 72
"""What lasts longer is told in days, where it is whole ones."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """What the time of one ticket hangs on.

    `ends` is exclusive, and what the register says once the ticket has `begun`; `minutes` is how long it lasts from its
    first use on, None where its product does not count from there.
    """

    starts_at: datetime | None
    ends: datetime
    timezone: str
    minutes: int | None
    begun: bool
    ride: bool

    def when(self, language: str) -> str:
        """The date to keep: of the start where there is one, else until when the ticket is good."""
        if self.starts_at is not None:
            return moment(self.starts_at, self.timezone, language)
        return until(self.end(language), language)

    def end(self, language: str) -> str:
        """The end alone: by the minute where the first use set it, else the last day."""
        if self.minutes is not None and self.begun:
            return moment(self.ends, self.timezone, language)
        return day(self.ends - timedelta(minutes=1), self.timezone, language)

    def span(self, language: str) -> str:
        """What the first use begins, or has begun on an occasion that has its own start; else empty."""
        if self.minutes is None:
            return ""
        if self.begun:
            return until(self.end(language), language) if self.starts_at is not None else ""
        if language == "ko":
            return f"처음 {'탄' if self.ride else '입장한'} 때부터 {_how_long(self.minutes, language)}"
        return f"{_how_long(self.minutes, language)} from the first {'ride' if self.ride else 'entry'}"

    def words(self, language: str) -> str:
        """All of it: 24 hours from the first ride, until 21 Nov 2031."""
        told = (self.when(language), self.span(language))
        ordered = told if self.starts_at is not None else told[::-1]
        return ", ".join(part for part in ordered if part)


def until(end: str, language: str) -> str:
    """2031년 11월 21일까지, or until 21 Nov 2031."""
    return f"{end}까지" if language == "ko" else f"until {end}"


def _how_long(minutes: int, language: str) -> str:
    """24시간, or 24 hours; 90분, or 90 minutes."""
    number, korean, english = minutes, "분", "minute"
    if minutes % HOUR_MINUTES == 0:
        number, korean, english = minutes // HOUR_MINUTES, "시간", "hour"
        if number > HOURS_TOLD_MAX and number % DAY_HOURS == 0:
            number, korean, english = number // DAY_HOURS, "일", "day"
    return f"{number}{korean}" if language == "ko" else f"{number} {english}{'' if number == 1 else 's'}"
