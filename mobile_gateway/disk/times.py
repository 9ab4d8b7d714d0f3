"""Times in the carrier's file: microseconds since 1970 UTC, so that they sort and compare as integers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def micros_or_none(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def time(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def time_or_none(micros: int | None) -> datetime | None:
    return None if micros is None else time(micros)
