"""Times as a catalogue file writes them: local to the issuer, absolute or counted from the day of the import.

`2026-12-24 19:30` is a local time; `+2d 19:30` is two days after the import day, for samples and rehearsals;
`start-30m` is half an hour before the occasion starts. The answer is aware UTC. A local time that the clocks skip, or
pass twice, is refused rather than guessed.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LOCAL = re.compile(r"(2[01][0-9]{2}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(?::00)?")
FROM_TODAY = re.compile(r"\+([0-9]{1,3})d ([0-9]{2}:[0-9]{2})")
FROM_START = re.compile(r"start(?:([+-])(?:([0-9]{1,3})d)?(?:([0-9]{1,3})h)?(?:([0-9]{1,4})m)?)?")
WITH_OFFSET = re.compile(r".*[0-9](?:Z|[+-][0-9]{2}:?[0-9]{2})")
FORMS = 'write a local time such as "2026-12-24 19:30", or "+2d 19:30" for two days from the import'


class BadMomentError(ValueError):
    """Words that are no time, or not exactly one."""


def is_relative(text: str) -> bool:
    """Does the time depend on the day of the import?"""
    return text.startswith("+")


def moment(text: str, *, today: date, timezone: ZoneInfo) -> datetime:
    """The time in UTC that `text` means for an issuer in `timezone`; raises BadMomentError."""
    if match := FROM_TODAY.fullmatch(text):
        return _utc(today + timedelta(days=int(match[1])), match[2], timezone)
    if match := LOCAL.fullmatch(text):
        try:
            day = date.fromisoformat(match[1])
        except ValueError:
            raise BadMomentError(f'"{match[1]}" is not a day of the calendar') from None
        return _utc(day, match[2], timezone)
    if WITH_OFFSET.fullmatch(text[:40]):
        raise BadMomentError("has an offset; write the issuer's local time without one")
    raise BadMomentError(f'"{text[:40]}" is not a time; {FORMS}')


def beside(text: str, *, start: datetime | None, today: date, timezone: ZoneInfo) -> datetime:
    """As `moment`, and also `start-30m`, `start+2h30m`, `start-14d` (of 24 hours each), counted from `start`."""
    match = FROM_START.fullmatch(text)
    if match is None or text in ("start+", "start-"):
        return moment(text, today=today, timezone=timezone)
    if start is None:
        raise BadMomentError(f'"{text}" counts from a start that this occasion does not have')
    days, hours, minutes = (int(part or 0) for part in match.groups()[1:])
    span = timedelta(days=days, hours=hours, minutes=minutes)
    return start - span if match[1] == "-" else start + span


def _utc(day: date, clock: str, timezone: ZoneInfo) -> datetime:
    try:
        local = datetime.combine(day, time.fromisoformat(clock))
    except ValueError:
        raise BadMomentError(f'"{clock}" is not a time of day; write 00:00 to 23:59') from None
    early, late = (local.replace(tzinfo=timezone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early.astimezone(UTC)
    # PEP 495: the readings differ only where clocks change. A skipped time does not survive the way to UTC and back.
    exists = early.astimezone(UTC).astimezone(timezone).replace(tzinfo=None) == local
    what = "happens twice" if exists else "does not exist"
    raise BadMomentError(f"{local:%Y-%m-%d %H:%M} {what} in {timezone.key}, where clocks change; choose another time")
