"""What a phone can read, as it says in its request's headers; and a deck as the answer that it can read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

from app.barcode import SCREEN_PIXELS_MAX, SCREEN_PIXELS_MIN, Screen
from app.domain.refusals import BadLine
from app.domain.wording import LANGUAGES
from app.web.forms import FIELDS_MAX, Fields
from app.web.speaking import preferred
from app.web.wap_deck import Deck, Markup

HEADER_CHARS_MAX: Final = 1_000
WML: Final = "text/vnd.wap.wml"
WML_TYPES: Final = (WML, "application/vnd.wap.wmlc")
"""As it is, and as a phone's gateway compiles it."""
XHTML_TYPES: Final = ("application/vnd.wap.xhtml+xml", "application/xhtml+xml", "text/html")
"""From the phones' own type to what any browser reads."""
EUC_KR_NAMES: Final = ("euc-kr", "ks_c_5601-1987")
"""KS C 5601 as phones of 2000 name it; both mean the same octets (RFC 1557)."""
DEFAULT_SCREEN: Final = Screen(96, 65)
SCREEN_HEADERS: Final = ("x-screen", "x-up-devcap-screenpixels", "ua-pixels")
"""How phones and their gateways tell the size of a screen: 96x65, or 96,65."""
POLICY: Final = (
    "default-src 'none'; img-src 'self'; style-src-attr 'unsafe-inline'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'"
)
"""Decks have neither script nor style sheet; an attribute says how a field is typed."""


def _words() -> dict[str, dict[str, str]]:
    raw: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("words_wap.toml").read_text("utf-8"))
    return {language: {name: said[language] for name, said in raw.items()} for language in LANGUAGES}


WAP_WORDS: Final[Mapping[str, Mapping[str, str]]] = _words()
"""Language -> name -> sentence: short ones, for screens of sixteen cells."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A phone as the reader of decks. `chosen` is the language that its holder picked by a link, None where none."""

    markup: Markup
    media_type: str
    charset: str
    language: str
    chosen: str | None
    screen: Screen

    def __call__(self, name: str, **filled: object) -> str:
        """A sentence of words_wap.toml in this phone's language."""
        return WAP_WORDS[self.language][name].format(**filled)

    def to(self, path: str, **asked: object) -> str:
        """An address of ours; the chosen language goes along, for phones keep no cookies. None and "" are left out."""
        pairs = {name: str(value) for name, value in asked.items() if value not in {None, ""}}
        if self.chosen:
            pairs["l"] = self.chosen
        return f"{path}?{urlencode(pairs)}" if pairs else path

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """What a form that asks for a deck sends along; one that posts has it in its address."""
        return (("l", self.chosen),) if self.chosen else ()

    @property
    def typed_in(self) -> tuple[tuple[str, str], ...]:
        """What a form with words sends along, so that we know which charset they were typed in."""
        return (*self.kept, ("ie", "k")) if self.charset.lower() in EUC_KR_NAMES else self.kept


def reader_of(request: Request) -> Reader:
    """Reads the headers; whoever says nothing gets WML in UTF-8, in Korean, for the smallest screen."""
    headers = request.headers
    markup, media_type = _markup(headers.get("accept", ""))
    asked = request.query_params.get("l")
    chosen = asked if asked in LANGUAGES else None
    return Reader(
        markup=markup,
        media_type=media_type,
        charset=_charset(headers.get("accept-charset", "")),
        language=chosen or preferred(headers.get("accept-language", "")) or "ko",
        chosen=chosen,
        screen=_screen(headers),
    )


def _weighed(header: str) -> dict[str, float]:
    """The entries of an Accept-like header with their q; those of 0 are not wanted and are left out."""
    found = {}
    for part in header[:HEADER_CHARS_MAX].lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        sound = re.fullmatch(r"[01](\.[0-9]{0,3})?", weight)
        if name and sound and float(weight) > 0:
            found[name] = float(weight)
    return found


def _markup(accept: str) -> tuple[Markup, str]:
    """WML wherever it is read, compiled or not, and where nothing is said; else whichever XHTML is."""
    wanted = _weighed(accept)
    if not any(name in wanted for name in WML_TYPES):
        for media_type in XHTML_TYPES:
            if media_type in wanted:
                return Markup.XHTML, media_type
    return Markup.WML, WML


def _charset(accept: str) -> str:
    """UTF-8, unless the phone reads KS C 5601 only, or rather."""
    wanted = _weighed(accept)
    utf = wanted.get("utf-8", wanted.get("*", 0.0 if wanted else 1.0))
    for name in EUC_KR_NAMES:
        if wanted.get(name, 0.0) > utf:
            return name.upper()
    return "UTF-8"


def _screen(headers: Mapping[str, str]) -> Screen:
    for name in SCREEN_HEADERS:
        found = re.fullmatch(r"\s*([0-9]{2,4})\s*[x,]\s*([0-9]{2,4})\s*", headers.get(name, "").lower())
        if found:
            sides = (int(found[1]), int(found[2]))
            if all(SCREEN_PIXELS_MIN <= side <= SCREEN_PIXELS_MAX for side in sides):
                return Screen(*sides)
    return DEFAULT_SCREEN


def asked_of(request: Request) -> Fields:
    """The fields of an address, in whichever charset they were typed; raises BadLine where they cannot be read."""
    raw = request.scope["query_string"].decode("latin-1")
    charsets = ("euc_kr", "utf-8") if "ie=k" in raw.split("&") else ("utf-8", "euc_kr")
    for charset in charsets:
        try:
            return Fields(
                parse_qsl(raw, keep_blank_values=True, encoding=charset, errors="strict", max_num_fields=FIELDS_MAX)
            )
        except UnicodeDecodeError:
            continue
        except ValueError:
            break
    raise BadLine("This address could not be read; begin again from the start.")


def answer(reader: Reader, deck: Deck, status: int = 200, *, private: bool = True) -> Response:
    """The deck in the phone's markup and charset; what the charset lacks goes as numeric references.

    A refusal goes to WML phones as 200: their gateways show only such bodies, and give every other status a sentence
    of their own, which does not say what to do next. XHTML browsers get the status as it is.
    """
    document = deck.written(reader.markup, reader.charset)
    codec = "utf-8" if reader.charset == "UTF-8" else "euc_kr"
    return Response(
        document.encode(codec, "xmlcharrefreplace"),
        200 if reader.markup is Markup.WML else status,
        {
            "Content-Type": f"{reader.media_type}; charset={reader.charset}",
            "Content-Language": reader.language,
            "Vary": "Accept, Accept-Charset, Accept-Language",
            "Cache-Control": "no-store" if private else "private, no-cache",
            "Content-Security-Policy": POLICY,
            "Referrer-Policy": "same-origin",
            "X-Robots-Tag": "noindex, nofollow",
        },
    )
