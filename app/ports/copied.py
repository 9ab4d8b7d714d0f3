"""What may stand in a catalogue that another server tells: words, slugs, colours, rules, each with its limits."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, JsonValue

from app.domain.catalogue import ENTRANCE_CHARS_MAX, TRANSFER_MINUTES_MAX, USES_MAX, is_slug
from app.domain.entry_rules import UNLIMITED_USES, EntryRules
from app.domain.money import UnknownCurrency, exponent

LANGUAGE = re.compile(r"[a-z]{2,3}")
LANGUAGES_MAX = 20
WORDS_CHARS_MAX = 4_000
URL_PATTERN = r"^https?://[^\s/]+(/\S*)?$"
COLOUR_PATTERN = r"^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$"


def _storable(text: str) -> str:
    """Raises ValueError for what PostgreSQL cannot keep."""
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return text


def _words(text: dict[str, str]) -> dict[str, str]:
    for language, said in text.items():
        if not LANGUAGE.fullmatch(language):
            raise ValueError("has a language that is none, such as ko or en")
        if len(said) > WORDS_CHARS_MAX:
            raise ValueError(f"must have {WORDS_CHARS_MAX} characters at most in each language")
        _storable(said)
    return text


def _slug(text: str) -> str:
    if not is_slug(text):
        raise ValueError("is not a slug: a-z, 0-9 and single hyphens")
    return text


def _uses(count: int) -> int:
    if not (count <= USES_MAX or count == UNLIMITED_USES):
        raise ValueError(f"is 1 to {USES_MAX}, or {UNLIMITED_USES} for a pass")
    return count


def _rules(told: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Those of them that we know: a newer server may have more, and it is that server's gates that go by them."""
    known = {field.name for field in fields(EntryRules)}
    mine = {name: value for name, value in told.items() if name in known}
    EntryRules.of(mine)
    return mine


def _currency(code: str) -> str:
    """Raises ValueError for one whose minor units we do not know."""
    try:
        exponent(code)
    except UnknownCurrency as why:
        raise ValueError(str(why)) from None
    return code


def _timezone(name: str) -> str:
    """Raises ValueError for one that IANA does not have."""
    if name not in available_timezones():
        raise ValueError("is not an IANA time zone such as Asia/Seoul")
    return name


Words = Annotated[dict[str, str], Field(max_length=LANGUAGES_MAX), AfterValidator(_words)]
Name = Annotated[Words, Field(min_length=1)]
Slug = Annotated[str, AfterValidator(_slug)]
Code = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_storable)]
Plain = Annotated[str, Field(max_length=200), AfterValidator(_storable)]
Colour = Annotated[str, Field(pattern=COLOUR_PATTERN)]
Uses = Annotated[int, Field(ge=1), AfterValidator(_uses)]
Entrance = Annotated[str, Field(max_length=ENTRANCE_CHARS_MAX), AfterValidator(_storable)]
Rules = Annotated[dict[str, JsonValue], AfterValidator(_rules)]
"""What a gate goes by, as `EntryRules.told` has it."""
Minor = Annotated[int, Field(ge=0, le=10**12)]
"""Minor units of the issuer's currency."""
TransferMinutes = Annotated[int, Field(ge=0, le=TRANSFER_MINUTES_MAX)]
Currency = Annotated[str, AfterValidator(_currency)]
Timezone = Annotated[str, AfterValidator(_timezone)]
PlaceText = Annotated[str, Field(max_length=100), AfterValidator(_storable)]
ShortText = Annotated[str, Field(max_length=50), AfterValidator(_storable)]
