"""Templates to pages: one environment, the same words, formats and headers everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.domain.credential import shown
from app.domain.lasting import Lasting
from app.domain.wording import moment, said, seat_words
from app.web import phrases
from app.web.speaking import COOKIE, COOKIE_SECONDS, WORDS, asked_language, counted, language_of

HERE: Final = Path(__file__).parent
HASH_CHARS: Final = 12
MEDIA: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def _assets() -> dict[str, tuple[bytes, str]]:
    found = {}
    for path in sorted((HERE / "static").iterdir()):
        if path.suffix in MEDIA:
            body = path.read_bytes()
            found[path.name] = (body, hashlib.sha256(body).hexdigest()[:HASH_CHARS])
    return found


ASSETS: Final = _assets()
"""Name -> (bytes, hash): read once, since they change only with the program."""


def asset(name: str) -> str:
    """The address of an asset; it changes with its content, so that a browser may keep it for ever."""
    return f"/assets/{name}?v={ASSETS[name][1]}"


# --- what templates may say -----------------------------------------------------------------------------------------


@pass_context
def _said(context: Context, text: Mapping[str, str] | None) -> str:
    return said(text, context["lang"])


@pass_context
def _money(context: Context, amount: int, currency: str) -> str:
    return phrases.price(amount, currency, context["lang"], free=context["w"]["phones"]["nothing_to_pay"])


@pass_context
def _moment(context: Context, at: datetime, timezone: str) -> str:
    return moment(at, timezone, context["lang"])


@pass_context
def _date(context: Context, at: datetime, timezone: str) -> str:
    return phrases.date_words(at, timezone, context["lang"])


@pass_context
def _lasting(context: Context, one: Lasting) -> str:
    return one.words(context["lang"])


@pass_context
def _end(context: Context, one: Lasting) -> str:
    return one.end(context["lang"])


@pass_context
def _seat(context: Context, one: Any) -> str:
    return seat_words(one.section, one.row, one.seat, context["lang"])


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = asset
    made.filters |= {
        "said": _said,
        "money": _money,
        "moment": _moment,
        "date": _date,
        "lasting": _lasting,
        "end": _end,
        "clock": phrases.clock,
        "means": phrases.means_of,
        "seat": _seat,
        "masked": phrases.masked_phone,
        "ticket_number": shown,
        "counted": counted,
        "query": lambda pairs: urlencode(pairs, doseq=True),
    }
    return made


templates: Final = _environment()


def page(
    request: Request,
    template: str,
    status: int = 200,
    *,
    here: str | None = None,
    otherwise: str = "ko",
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> HTMLResponse:
    """One page in the visitor's language. `here` is its address where a POST answers with a page of its own."""
    lang = language_of(request, otherwise=otherwise)
    words = WORDS[lang]
    html = templates.get_template(template).render(
        w=words, lang=lang, other="en" if lang == "ko" else "ko", switch=_switch(request, here, lang), **facts
    )
    response = HTMLResponse(html, status, {"Content-Language": lang, **(headers or {})})
    # Origin must reach our own forms; other sites must never learn an address that is a key.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Vary"] = "Accept-Language, Cookie"
    response.headers.setdefault("Cache-Control", "private, no-cache")
    if request.query_params.get("lang") == lang == asked_language(request):
        response.set_cookie(COOKIE, lang, max_age=COOKIE_SECONDS, samesite="lax", httponly=True)
    return response


def _switch(request: Request, here: str | None, lang: str) -> str:
    """This page's address in the other language."""
    other = "en" if lang == "ko" else "ko"
    if here is not None:
        return f"{here}{'&' if '?' in here else '?'}lang={other}"
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return f"{request.url.path}?{urlencode([*kept, ('lang', other)])}"
