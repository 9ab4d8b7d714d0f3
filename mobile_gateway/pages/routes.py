"""The page with the phones: looked at, pressed and switched by people; works without script, lives with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi import Path as PathPart
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from mobile_gateway.api.problems import Problem, Refused
from mobile_gateway.api.schemas import E164_PATTERN
from mobile_gateway.carrier.messages import Language, Model, SubscriberState
from mobile_gateway.carrier.origin import NoRoute
from mobile_gateway.keys import Key
from mobile_gateway.network import Network
from mobile_gateway.pages.drawing import SCALE_MAX, anchor, facts_of, phone_html, render, screen_png
from mobile_gateway.pages.words import language_for
from mobile_gateway.phones import Handset

PHONES_SHOWN_MAX = 12
TEXT_LETTERS_MAX = 1000

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
    router.add_api_route("/phones/{number}/screen.png", picture, methods=["GET"], response_class=Response)
    router.add_api_route("/phones/{number}/keys", press_key, methods=["POST"], response_class=HTMLResponse)
    router.add_api_route("/phones/{number}/state", switch, methods=["POST"], response_class=HTMLResponse)
    router.add_api_route("/phones/{number}/messages", act_on_message, methods=["POST"], response_class=HTMLResponse)
    router.add_api_route("/phones/{number}/sent", send, methods=["POST"], response_class=HTMLResponse)
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


async def home(network: TheNetwork, language: TheLanguage) -> Response:
    """Every phone, and the form that adds one."""
    return HTMLResponse(await _home(network, language))


async def problems(language: TheLanguage) -> Response:
    """What the API says when it says no."""
    kinds = [problem.value for problem in Problem]
    return HTMLResponse(render("problems.html", language, kinds=kinds))


async def asset(name: str) -> Response:
    """Style, script and icon."""
    if name not in _ASSETS:
        raise Refused(Problem.NOT_FOUND, Problem.NOT_FOUND.value.advice)
    return FileResponse(_STATIC / name, media_type=_ASSETS[name], headers={"Cache-Control": "no-cache"})


async def add_phone(
    network: TheNetwork,
    language: TheLanguage,
    number: Annotated[str, Form(max_length=40)] = "",
    model: Annotated[Model, Form()] = Model.FEATURE,
) -> Response:
    """Make a number with a phone, or give a number another phone; a number that is none comes back with the reason."""
    typed = _BETWEEN_DIGITS.sub("", number)
    if not re.fullmatch(E164_PATTERN, typed):
        return HTMLResponse(await _home(network, language, typed=number, model=model), status_code=422)
    await network.set_subscriber(typed, model=model)
    return _back(typed, language)


async def one_phone(number: TheNumber, network: TheNetwork, language: TheLanguage) -> Response:
    """One phone alone, for our script to swap in."""
    return HTMLResponse(phone_html(await _found(network, number), language))


async def picture(
    number: TheNumber, network: TheNetwork, scale: Annotated[int, Query(ge=1, le=SCALE_MAX)] = 6
) -> Response:
    """The screen's pixels, enlarged: something a camera or a gate's scanner can look at."""
    seen = await _found(network, number)
    return Response(screen_png(seen, scale=scale), media_type="image/png")


async def press_key(
    request: Request,
    number: TheNumber,
    network: TheNetwork,
    language: TheLanguage,
    key: Annotated[Key, Form()],
) -> Response:
    """Press one key of a phone."""
    await network.press(number, key)
    return await _answer(request, network, number, language)


async def switch(
    request: Request,
    number: TheNumber,
    network: TheNetwork,
    language: TheLanguage,
    state: Annotated[SubscriberState, Form()],
) -> Response:
    """Switch a phone on or off, take it abroad, or fill its memory."""
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
    """Keep a message's ticket, or delete the message."""
    if store:
        await network.keep(number, store)
    if delete:
        await network.forget(number, delete)
    return await _answer(request, network, number, language)


async def send(
    request: Request,
    number: TheNumber,
    network: TheNetwork,
    language: TheLanguage,
    *,
    to: Annotated[str, Form(max_length=40)] = "",
    text: Annotated[str, Form(max_length=TEXT_LETTERS_MAX)] = "",
) -> Response:
    """Send a message from a phone; one that cannot go stays in its field, with the reason."""
    seen = await _found(network, number)
    if seen.subscriber.state is SubscriberState.OFF or not text.strip():
        return await _answer(request, network, number, language)
    answer = await network.originate(number, _BETWEEN_DIGITS.sub("", to), text=text)
    if isinstance(answer, NoRoute):
        return await _answer(request, network, number, language, unsent=(to, text))
    return await _answer(request, network, number, language, sent=True)


async def _answer(
    request: Request,
    network: Network,
    number: str,
    language: Language,
    *,
    unsent: tuple[str, str] | None = None,
    sent: bool = False,
) -> Response:
    """The phone alone for our script, which swaps it in; the way back to the page for a browser without."""
    seen = await _found(network, number)
    if "x-fragment" in request.headers:
        return HTMLResponse(phone_html(seen, language, unsent=unsent, sent=sent))
    if unsent:
        return HTMLResponse(await _home(network, language, unsent=(number, *unsent)), status_code=422)
    return _back(number, language)


def _back(number: str, language: Language) -> Response:
    return RedirectResponse(f"/?lang={language}#{quote(anchor(number))}", status_code=303)


async def _found(network: Network, number: str) -> Handset:
    found = await network.handset(number)
    if found is None:
        raise Refused(Problem.NOT_FOUND, "This number has never been used; add it on the page of the phones.")
    return found


async def _home(
    network: Network,
    language: Language,
    *,
    typed: str | None = None,
    model: Model = Model.FEATURE,
    unsent: tuple[str, str, str] | None = None,
) -> str:
    """The whole page; with `typed`, a number that was refused stands in its field with the reason.

    `unsent` is a message that could not be sent: from, to and text.
    """
    found = await network.handsets(limit=PHONES_SHOWN_MAX)
    phones = [facts_of(one, unsent=unsent[1:] if unsent and unsent[0] == one.phone.number else None) for one in found]
    return render("home.html", language, phones=phones, typed=typed, chosen=model)
