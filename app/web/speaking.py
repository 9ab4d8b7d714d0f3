"""Which language a page speaks, and its words: `words.toml` holds every sentence in both."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request

from app.domain.wording import LANGUAGES

COOKIE: Final = "lang"
COOKIE_SECONDS: Final = 365 * 24 * 3600
HEADER_CHARS_MAX: Final = 500

Words = Mapping[str, Mapping[str, str]]


def _read() -> dict[str, Words]:
    raw: dict[str, dict[str, dict[str, str]]] = tomllib.loads(
        Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
    )
    return {
        language: {
            section: {name: said[language] for name, said in entries.items()} for section, entries in raw.items()
        }
        for language in LANGUAGES
    }


WORDS: Final[Mapping[str, Words]] = _read()


def asked_language(request: Request) -> str | None:
    """The language this visitor asked for on this page, else on an earlier one."""
    for asked in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return asked
    return None


def language_of(request: Request, *, otherwise: str = "ko") -> str:
    """By `?lang=`, by cookie, by Accept-Language; `otherwise` where the visitor says nothing that we speak."""
    return asked_language(request) or preferred(request.headers.get("accept-language", "")) or otherwise


def preferred(header: str) -> str | None:
    """The best of our languages in an Accept-Language header (RFC 9110 section 12.5.4), None where it has none.

    A reader of other languages only is more likely to read English than Korean.
    """
    ranked: list[tuple[float, str]] = []
    for part in header[:HEADER_CHARS_MAX].split(","):
        tag, _, parameter = part.strip().partition(";")
        weight = _weight(parameter)
        if tag and weight > 0:
            ranked.append((weight, tag.split("-")[0].lower()))
    ranked.sort(key=lambda one: -one[0])
    for _, tag in ranked:
        if tag in LANGUAGES:
            return tag
    return "en" if any(tag != "*" for _, tag in ranked) else None


def _weight(parameter: str) -> float:
    """The q of one entry: 1 where there is none, 0 where it is nonsense."""
    name, equals, value = parameter.strip().partition("=")
    if not equals:
        return 1.0
    digits = value.strip().replace(".", "", 1)
    if name.strip() != "q" or not (digits.isascii() and digits.isdigit()):
        return 0.0
    return min(float(value), 1.0)


def counted(text: str, n: int, **more: Any) -> str:
    """Fill a sentence that counts: of "one | many" the fitting half, with the number grouped by thousands."""
    one, bar, many = text.partition(" | ")
    return (many if bar and n != 1 else one).format(n=f"{n:,}", **more)
