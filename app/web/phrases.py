"""Dates, times, telephone numbers and prices as each language writes them."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.handset import Handset, for_holder
from app.domain.money import Money
from app.domain.wording import ENGLISH_DAYS, KOREAN_DAYS, MONTHS

KOREA: Final = "+82"
HOME_DIGITS: Final = (9, 10)


MEANS: Final = frozenset({"emoney", "voucher", "carrier"})


def means_of(provider: str) -> str:
    """What a person calls the way that a payment was made: whichever network it was, a card is a card."""
    return provider if provider in MEANS else "card"


def price(amount: int, currency: str, language: str, *, free: str) -> str:
    """45,000원, ₩45,000, or the word for what costs nothing."""
    return Money(amount, currency).words(language) if amount else free


def date_words(at: datetime, timezone: str, language: str) -> str:
    """11월 22일 (일), or Sun 22 Nov."""
    local = at.astimezone(ZoneInfo(timezone))
    if language == "ko":
        return f"{local.month}월 {local.day}일 ({KOREAN_DAYS[local.weekday()]})"
    return f"{ENGLISH_DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]}"


def clock(at: datetime, timezone: str) -> str:
    return f"{at.astimezone(ZoneInfo(timezone)):%H:%M}"


def masked_phone(number: str) -> str:
    """The number's last digits only: the address of a booking may be passed on."""
    return for_holder(Handset(number))


def typed_phone(number: str) -> str:
    """A whole E.164 number as its owner types it, to fill a field again: 010-1234-5678 at home, else as it is."""
    digits = number.removeprefix(KOREA)
    if digits == number or len(digits) not in HOME_DIGITS:
        return number
    return f"0{digits[:2]}-{digits[2:-4]}-{digits[-4:]}"
