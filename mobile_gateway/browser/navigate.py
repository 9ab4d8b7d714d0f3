"""Going to a card and back: following tasks, the history, and what happens on entering (WML 1.1 section 12.5)."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urldefrag, urlencode

from mobile_gateway.browser.addresses import resolved
from mobile_gateway.browser.deck import FORM_VARIABLE, Card, Event, Go, Pairs, Prev, Refresh, Task
from mobile_gateway.browser.fields import initialised
from mobile_gateway.browser.layout import Laid, images_of, lay, picture_url
from mobile_gateway.browser.reading import deck_of
from mobile_gateway.browser.requests import Fetch, Leave
from mobile_gateway.browser.state import (
    EVENTS_MAX,
    HISTORY_PAGES_MAX,
    PICTURES_MAX,
    URL_LETTERS_MAX,
    Place,
    State,
    Step,
    Trouble,
    Waiting,
)
from mobile_gateway.browser.variables import filled, named, with_sets, with_values

FORM = "application/x-www-form-urlencoded"


def card_in_view(place: Place) -> Card:
    return deck_of(place.page).cards[place.card]


def laid(state: State, place: Place) -> Laid:
    """The rows of the card in view, as they are now."""
    return lay(
        card_in_view(place),
        state.display,
        variables=state.variables,
        pictures=state.pictures,
        page_url=place.page.url,
    )


# --- asking for pages -------------------------------------------------------------------------------------------------


def open_address(state: State, url: str) -> Step:
    """Ask for an address from outside the page: the variables of the page in view are no business of the next one."""
    found = resolved(url, "")
    if found is None:
        return _troubled(state, Trouble.FORBIDDEN_ADDRESS)
    plain, fragment = urldefrag(found)
    return ask(replace(state, variables={}), Waiting(Fetch(plain), fragment))


def ask(state: State, waiting: Waiting) -> Step:
    """Wait for a page; what was waited for before is not wanted any more."""
    return replace(state, waiting=waiting, trouble=None, overlay=None), (waiting.fetch,)


def reload(state: State, place: Place) -> Step:
    """Ask for the page in view again."""
    assert not place.page.posted, "asking twice might buy twice; the menu does not offer it"
    plain, _ = urldefrag(place.page.url)
    return ask(state, Waiting(Fetch(plain), card_in_view(place).id, again=True))


def _troubled(state: State, trouble: Trouble) -> Step:
    return replace(state, waiting=None, trouble=trouble, overlay=None), ()


# --- tasks ------------------------------------------------------------------------------------------------------------


def follow(state: State, place: Place, task: Task, *, events_left: int = EVENTS_MAX) -> Step:
    """Do what a link, a key or an event says."""
    match task:
        case Go():
            return _go(state, place, task, events_left)
        case Prev():
            return back(replace(state, variables=with_sets(state.variables, task.sets)), events_left=events_left)
        case Refresh():
            return _shown(replace(state, variables=with_sets(state.variables, task.sets)), place)
        case _:
            return replace(state, overlay=None), ()


def _go(state: State, place: Place, task: Go, events_left: int) -> Step:
    variables = state.variables
    sets = tuple((named(name, variables), filled(value, variables)) for name, value in task.sets)
    href = filled(task.href, variables, address=True)
    url = resolved(place.page.url, href)
    if url is None:
        return _troubled(state, Trouble.FORBIDDEN_ADDRESS)
    plain, fragment = urldefrag(url)
    same_page = plain == urldefrag(place.page.url).url and not place.page.posted
    if not task.post and not task.fields and (href[:1] in {"", "#"} or (fragment and same_page)):
        there = Place(place.page, deck_of(place.page).index(fragment))
        return arrive(state, there, sets=sets, events_left=events_left)
    fields = tuple((filled(name, variables), filled(value, variables)) for name, value in task.fields)
    fields = tuple((name, value) for name, value in fields if value or name not in task.unless_empty)
    fetch = _fetch(plain, fields, post=task.post, charset=task.charset)
    if len(fetch.url) > URL_LETTERS_MAX:
        return _troubled(state, Trouble.TOO_LARGE)
    return ask(state, Waiting(fetch, fragment, sets, events_left=events_left))


def _fetch(url: str, fields: Pairs, *, post: bool, charset: str) -> Fetch:
    """The request that carries `fields`; what the charset cannot say goes as numbers, as phones did it."""
    encoded = urlencode(fields, encoding=charset, errors="xmlcharrefreplace")
    if post:
        return Fetch(url, "POST", encoded.encode("ascii"), f"{FORM}; charset={charset}")
    if not encoded:
        return Fetch(url)
    return Fetch(f"{url}{'&' if '?' in url else '?'}{encoded}")


# --- entering cards ---------------------------------------------------------------------------------------------------


def arrive(state: State, place: Place, *, sets: Pairs = (), again: bool = False, events_left: int = EVENTS_MAX) -> Step:
    """Enter a card forwards; where the holder was goes on the history, unless it is the same page `again`."""
    card = card_in_view(place)
    history = state.history if again or state.place is None else (*state.history, state.place)
    variables = state.variables
    if card.new_context:
        history, variables = (), {}
    if deck_of(place.page).forms_apart and not (state.place and state.place.page == place.page):
        variables = {name: value for name, value in variables.items() if not name.startswith(FORM_VARIABLE)}
    state = replace(
        state,
        place=place,
        history=history[-HISTORY_PAGES_MAX:],
        variables=with_values(variables, sets),
        waiting=None,
        trouble=None,
        overlay=None,
    )
    return _with_event(state, place, card.on(Event.FORWARD), events_left)


def back(state: State, *, events_left: int = EVENTS_MAX) -> Step:
    """Leave what is in the way, or go to the card before; from the first one, out of the browser."""
    if state.waiting or state.trouble:
        state = replace(state, waiting=None, trouble=None)
        return (state, ()) if state.place else leave(state)
    if not state.history:
        return leave(state)
    place = state.history[-1]
    state = replace(state, place=place, history=state.history[:-1], overlay=None)
    return _with_event(state, place, card_in_view(place).on(Event.BACKWARD), events_left)


def leave(state: State) -> Step:
    """Out of the browser: the next page that is opened begins anew."""
    return State(state.display, state.language), (Leave(),)


def _with_event(state: State, place: Place, task: Task | None, events_left: int) -> Step:
    if task is not None and events_left:
        return follow(state, place, task, events_left=events_left - 1)
    return _shown(state, place)


def _shown(state: State, place: Place) -> Step:
    """The card as it comes into view: fields filled, the first link picked if it can be seen, pictures asked for."""
    card = card_in_view(place)
    urls = pictures_wanted(state, place)
    kept = {url: picture for url, picture in state.pictures.items() if url in urls}
    state = replace(state, variables=initialised(card, state.variables), pictures=kept, overlay=None)
    spans = laid(state, place).spans
    if place.focus < 0 and spans and spans[0][0] < state.display.rows:
        place = replace(place, focus=0)
    return replace(state, place=place), tuple(Fetch(url) for url in urls if url not in kept)


def pictures_wanted(state: State, place: Place) -> tuple[str, ...]:
    """The addresses of the card's pictures, each once, as many as a phone has room for."""
    images = images_of(card_in_view(place))
    urls = (picture_url(image, state.variables, place.page.url) for image in images)
    return tuple(dict.fromkeys(url for url in urls if url))[:PICTURES_MAX]


# --- timers -----------------------------------------------------------------------------------------------------------


def timer_tenths(state: State) -> int | None:
    """How long the card waits; None where it does not, or where something else is in view."""
    if state.place is None or state.waiting or state.trouble or state.overlay:
        return None
    card = card_in_view(state.place)
    if card.timer is None or card.on(Event.TIMER) is None:
        return None
    value = state.variables.get(named(card.timer.name, state.variables)) or filled(card.timer.tenths, state.variables)
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 6 and int(value) else None  # noqa: PLR2004 - a day


def timer_runs_out(state: State, place: Place) -> Step:
    """What the card does when it has waited."""
    task = card_in_view(place).on(Event.TIMER)
    assert task is not None, "the caller asked timer_tenths"
    return follow(state, place, task)
