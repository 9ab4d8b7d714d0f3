"""Who is in the network: numbers, the phones behind them, and whether a message can reach them now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SubscriberState(StrEnum):
    """How a number answers. A sink acknowledges and forgets: for load."""

    ON = "on"
    OFF = "off"
    ROAMING = "roaming"
    MEMORY_FULL = "memory_full"
    UNKNOWN = "unknown"
    BARRED = "barred"
    SINK = "sink"


class Model(StrEnum):
    FEATURE = "feature"
    FEATURE128 = "feature128"
    SMART = "smart"


class Language(StrEnum):
    KOREAN = "ko"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One number of the network. `created_at` orders the phones on a page, `active_at` says which still matter."""

    number: str
    state: SubscriberState
    model: Model
    language: Language
    created_at: datetime
    active_at: datetime


def new_subscriber(number: str, *, now: datetime, state: SubscriberState = SubscriberState.ON) -> Subscriber:
    """A feature phone that is switched on and speaks its country's language."""
    language = Language.KOREAN if number.startswith("+82") else Language.ENGLISH
    return Subscriber(number, state, Model.FEATURE, language, now, now)


def masked(number: str) -> str:
    """For logs: +8210****5678."""
    return f"{number[:-8]}****{number[-4:]}" if len(number) > len("+1234567") else "****"


def handset_number(typed: str, *, country_code: str) -> str | None:
    """The E.164 number a peer means by `+8210…`, `8210…`, `0082 10…` or the national `010…`; None for no number."""
    digits = typed.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return None
    if typed.startswith("+"):
        number = digits
    elif digits.startswith("00"):
        number = digits[2:]
    elif digits.startswith("0"):
        number = country_code + digits[1:]
    else:
        number = digits
    well_formed = _DIGITS_MIN <= len(number) <= _DIGITS_MAX and not number.startswith("0")
    return f"+{number}" if well_formed else None


_DIGITS_MIN, _DIGITS_MAX = 7, 15
"""ITU-T E.164 section 6.1 has at most 15 digits; nobody has a subscriber number of fewer than 7."""
