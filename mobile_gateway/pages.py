"""The page with the phones: looked at, pressed and switched by people; works without script, lives with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import phonenumbers
from fastapi import APIRouter, Depends, Form, Request
from fastapi import Path as PathPart
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from mobile_gateway.cells import char_cells
from mobile_gateway.handset import Held, Key, find_links, find_ticket
from mobile_gateway.lcd import Span, screen
from mobile_gateway.messages import Language, Model, SubscriberState
from mobile_gateway.network import Handset, Network
from mobile_gateway.problems import Problem, Refused
from mobile_gateway.schemas import E164_PATTERN
from mobile_gateway.words import WORDS, language_for

PHONES_SHOWN_MAX = 12
MESSAGES_SHOWN_MAX = 30

_STATIC = Path(__file__).parent / "static"
_ASSETS = {"gateway.css": "text/css", "gateway.js": "text/javascript", "icon.svg": "image/svg+xml"}
_BETWEEN_DIGITS = re.compile(r"[\s().-]")


def pages() -> APIRouter:
    """The routes of the page."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/", home, methods=["GET"], response_class=HTMLResponse)
    router.add_api_route("/problems", problems, methods=["GET"], response_class=HTMLResponse)
    router.add_api_route("/assets/{name}", asset, methods=["GET"], response_class=FileResponse)
    router.add_api_route("/phones", add_phone, methods=["POST"], response_class=HTMLResponse)
    router.add_api_route("/phones/{number}", one_phone, methods=["GET"], response_class=HTMLResponse)
    router.add_api_route("/phones/{number}/keys", press_key, methods=["POST"], response_class=HTMLResponse)
    router.add_api_route("/phones/{number}/state", switch, methods=["POST"], response_class=HTMLResponse)
    router.add_api_route("/phones/{number}/messages", act_on_message, methods=["POST"], response_class=HTMLResponse)
    return router


async def _the_network(request: Request) -> Network:
    network = request.app.state.network
    assert isinstance(network, Network)
    return network


async def _the_language(request: Request) -> Language:
    return language_for(request.query_params.get("lang"), request.headers.get("accept-language", ""))


TheNetwork = Annotated[Network, Depends(_the_network)]
TheLanguage = Annotated[Language, Depends(_the_language)]
TheNumber = Annotated[str, PathPart(pattern=E164_PATTERN)]


# --- routes -----------------------------------------------------------------------------------------------------------


async def home(network: TheNetwork, language: TheLanguage) -> Response:
    return HTMLResponse(await _home(network, language))


async def problems(language: TheLanguage) -> Response:
    kinds = [problem.value for problem in Problem]
    return HTMLResponse(_render("problems.html", language, kinds=kinds))


async def asset(name: str) -> Response:
    if name not in _ASSETS:
        raise Refused(Problem.NOT_FOUND, Problem.NOT_FOUND.value.advice)
    return FileResponse(_STATIC / name, media_type=_ASSETS[name], headers={"Cache-Control": "no-cache"})


async def add_phone(
    network: TheNetwork,
    language: TheLanguage,
    number: Annotated[str, Form(max_length=40)] = "",
    model: Annotated[Model, Form()] = Model.FEATURE,
) -> Response:
    typed = _BETWEEN_DIGITS.sub("", number)
    if not re.fullmatch(E164_PATTERN, typed):
        return HTMLResponse(await _home(network, language, typed=number, model=model), status_code=422)
    await network.set_subscriber(typed, model=model)
    return _back(typed, language)


async def one_phone(number: TheNumber, network: TheNetwork, language: TheLanguage) -> Response:
    return HTMLResponse(_phone(await _found(network, number), language))


async def press_key(
    request: Request,
    number: TheNumber,
    network: TheNetwork,
    language: TheLanguage,
    key: Annotated[Key, Form()],
) -> Response:
    await network.press(number, key)
    return await _answer(request, network, number, language)


async def switch(
    request: Request,
    number: TheNumber,
    network: TheNetwork,
    language: TheLanguage,
    state: Annotated[SubscriberState, Form()],
) -> Response:
    await _found(network, number)
    await network.set_subscriber(number, state=state)
    return await _answer(request, network, number, language)


async def act_on_message(
    request: Request,
    number: TheNumber,
    network: TheNetwork,
    language: TheLanguage,
    *,
    store: Annotated[str, Form(max_length=100)] = "",
    delete: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    if store:
        await network.keep(number, store)
    if delete:
        await network.forget(number, delete)
    return await _answer(request, network, number, language)


async def _answer(request: Request, network: Network, number: str, language: Language) -> Response:
    """The phone alone for our script, which swaps it in; the way back to the page for a browser without."""
    seen = await _found(network, number)
    if "x-fragment" in request.headers:
        return HTMLResponse(_phone(seen, language))
    return _back(number, language)


def _back(number: str, language: Language) -> Response:
    return RedirectResponse(f"/?lang={language}#{quote(_anchor(number))}", status_code=303)


async def _found(network: Network, number: str) -> Handset:
    found = await network.handset(number)
    if found is None:
        raise Refused(Problem.NOT_FOUND, "This number has never been used; add it on the page of the phones.")
    return found


# --- drawing ----------------------------------------------------------------------------------------------------------

_templates = Environment(
    loader=PackageLoader("mobile_gateway"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _render(name: str, language: Language, **facts: object) -> str:
    other = Language.ENGLISH if language is Language.KOREAN else Language.KOREAN
    return _templates.get_template(name).render(w=WORDS[language], lang=language, other=other, **facts)


async def _home(network: Network, language: Language, *, typed: str | None = None, model: Model = Model.FEATURE) -> str:
    """The whole page; with `typed`, a number that was refused stands in its field with the reason."""
    found = await network.handsets(limit=PHONES_SHOWN_MAX)
    facts = [_facts(one) for one in found]
    return _render("home.html", language, phones=facts, typed=typed, chosen=model)


def _phone(seen: Handset, language: Language) -> str:
    return _render("phone.html", language, **_facts(seen))


def _facts(seen: Handset) -> dict[str, object]:
    """What the template needs to draw one phone."""
    state = seen.subscriber.state
    rows = screen(seen.phone, memory_full=state is SubscriberState.MEMORY_FULL)
    return {
        "phone": seen.phone,
        "state": state,
        "is_off": state is SubscriberState.OFF,
        "anchor": _anchor(seen.phone.number),
        "shown_number": _spaced(seen.phone.number),
        "rows": [{"inverse": row.inverse, "runs": _runs(row.spans)} for row in rows],
        "messages": [_message_facts(held) for held in seen.phone.messages[:MESSAGES_SHOWN_MAX]],
        "tickets": [_message_facts(held) for held in seen.phone.tickets[:MESSAGES_SHOWN_MAX]],
        "unread": sum(not held.opened for held in seen.phone.messages),
    }


def _message_facts(held: Held) -> dict[str, object]:
    return {"held": held, "ticket": find_ticket(held.text), "spans": _linked(held.text)}


def _linked(text: str) -> list[Span]:
    spans, at = [], 0
    for link in find_links(text):
        spans += [Span(text[at : link.start]), Span(text[link.start : link.end], link.href)]
        at = link.end
    return [span for span in (*spans, Span(text[at:])) if span.text]


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one width: narrow ones flow, a wide one stands in a box of two cells."""

    text: str
    href: str | None
    wide: bool


def _runs(spans: tuple[Span, ...]) -> list[Run]:
    runs: list[Run] = []
    for span in spans:
        for char in span.text:
            wide = char_cells(char) > 1
            last = runs[-1] if runs else None
            # A joiner or mark stays with its letter; narrow letters of one link stay together.
            if last and last.href == span.href and (char_cells(char) == 0 or not (wide or last.wide)):
                runs[-1] = Run(last.text + char, last.href, last.wide)
            else:
                runs.append(Run(char, span.href, wide))
    return runs


def _anchor(number: str) -> str:
    return f"p{number[1:]}"


def _spaced(number: str) -> str:
    """A number as people read it: +82 10-1234-5678."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return number  # E.164 by its form, of a country code nobody has
