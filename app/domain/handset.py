"""A handset: a mobile number in E.164 form, and how it may be shown."""

from __future__ import annotations

import re
from typing import NewType

Handset = NewType("Handset", str)
"""An E.164 number with its plus sign, such as +821012345678."""

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
KOREAN_MOBILE = re.compile(r"\+82(1[0-9])([0-9]{3,4})([0-9]{4})")


def handset(text: str) -> Handset:
    """A number that is already E.164; raises ValueError. Parsing what people type is the edge's work."""
    if not E164.fullmatch(text):
        raise ValueError(f"{masked(text)} is not an E.164 number")
    return Handset(text)


def masked(number: str) -> str:
    """For logs: +8210****5678."""
    if len(number) <= 8:  # noqa: PLR2004 - too short to keep both ends
        return "****"
    return f"{number[:-8]}****{number[-4:]}"


def for_holder(number: Handset) -> str:
    """For pages, last digits only: 010-••••-5678 at home, +1 ••••5678 or +44 ••••5678 abroad.

    Abroad it begins with the country code's first two digits, or its only one: just the codes 1 and 7 have one (E.164).
    """
    if match := KOREAN_MOBILE.fullmatch(number):
        return f"0{match[1]}-••••-{match[3]}"
    country = number[: 2 if number[1] in "17" else 3]
    return f"{country} ••••{number[-4:]}"


def texted(number: Handset) -> str:
    """As `for_holder`, for a text message: 010-****-5678. The dots of pages are in no phone's alphabet."""
    return for_holder(number).replace("•", "*")
