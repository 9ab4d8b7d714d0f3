"""What must stand in no log and in no free text: full phone numbers, card numbers, PINs, ticket links, keys.

The patterns keep to what Python and PostgreSQL read alike: the audit's view looks with the very same ones.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Leak(StrEnum):
    """What was written down that should not have been."""

    PHONE = "a full phone number"
    CARD = "a card number"
    PIN = "a PIN"
    LINK = "a secret link"
    KEY = "a secret key"


UUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
"""Cut out first: its digits are nobody's number."""

CARD = (
    "(?<![0-9A-Za-z+.-])(?:2[2-7]|3[0-9]|4[0-9]|5[1-5]|6[0-9])[0-9]{2}"
    "(?:[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{1,7}|[ -][0-9]{6}[ -][0-9]{5})(?![0-9A-Za-z])"
)
"""13 to 19 digits in the issuers' ranges (ISO/IEC 7812), in one piece or as cards print them; Luhn decides."""

PATTERNS: dict[Leak, str] = {
    Leak.PHONE: (
        "[+][1-9][0-9]{7,14}(?![0-9])|(?<![0-9A-Za-z.+-])01[016-9][- .]?[0-9]{3,4}[- .]?[0-9]{4}(?![0-9A-Za-z-])"
    ),
    Leak.PIN: (
        "(?:[Pp][Ii][Nn]|비밀번호|인증번호)[\"':= ]{1,4}[0-9]{4,8}(?![0-9])|(?<![0-9])[0-9]{9}-[0-9] +[0-9]{6}(?![0-9])"
    ),
    Leak.LINK: "/[tb]/[A-Za-z0-9_-]{16,}",
    Leak.KEY: (
        "(?<![A-Za-z0-9_])(?:[sr]k_(?:live|test)_|whsec_|ctk_)[A-Za-z0-9_]{10,}"
        "|eyJ[A-Za-z0-9_-]{10,}[.]eyJ|-----BEGIN [A-Z ]*PRIVATE KEY"
    ),
}
"""Masked forms, such as +8210****5678, match none of them."""

_UUID = re.compile(UUID)
_CARD = re.compile(CARD)
_OTHERS = {leak: re.compile(pattern) for leak, pattern in PATTERNS.items()}


def leaks(text: str) -> frozenset[Leak]:
    """The kinds of secret that `text` holds."""
    bare = _UUID.sub("", text)
    found = {leak for leak, pattern in _OTHERS.items() if pattern.search(bare)}
    if any(is_luhn(re.sub("[ -]", "", one)) for one in _CARD.findall(bare)):
        found.add(Leak.CARD)
    return frozenset(found)


def is_luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0
