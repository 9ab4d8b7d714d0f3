"""The browser's state as JSON and back, for the phone's memory: all of it, also what is being loaded or typed."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from mobile_gateway.browser.deck import Input, Select
from mobile_gateway.browser.layout import items_of
from mobile_gateway.browser.menu import entries
from mobile_gateway.browser.reading import deck_of
from mobile_gateway.browser.requests import Fetch
from mobile_gateway.browser.state import (
    Choosing,
    Entry,
    Menu,
    Notice,
    Overlay,
    Page,
    Place,
    State,
    Trouble,
    Typing,
    Waiting,
)

T = TypeVar("T")


# --- writing ----------------------------------------------------------------------------------------------------------


def written(state: State) -> dict[str, object]:
    """The state in JSON's types, without what is the phone's: its display and its language."""
    return {
        "place": _place(state.place) if state.place else None,
        "history": [_place(place) for place in state.history],
        "variables": dict(state.variables),
        "pictures": {url: _base64(picture) for url, picture in state.pictures.items()},
        "waiting": _waiting(state.waiting) if state.waiting else None,
        "trouble": state.trouble.value if state.trouble else None,
        "overlay": _overlay(state.overlay) if state.overlay else None,
        "notice": state.notice.value if state.notice else None,
    }


def _place(place: Place) -> dict[str, object]:
    page = place.page
    return {
        "url": page.url,
        "type": page.content_type,
        "body": _base64(page.body),
        "posted": page.posted,
        "card": place.card,
        "focus": place.focus,
        "scroll": place.scroll,
    }


def _waiting(waiting: Waiting) -> dict[str, object]:
    fetch = waiting.fetch
    return {
        "url": fetch.url,
        "method": fetch.method,
        "body": _base64(fetch.body),
        "type": fetch.content_type,
        "fragment": waiting.fragment,
        "sets": [list(pair) for pair in waiting.sets],
        "again": waiting.again,
        "events_left": waiting.events_left,
    }


def _overlay(overlay: Overlay) -> dict[str, object]:
    match overlay:
        case Menu():
            return {"menu": overlay.at}
        case Choosing():
            return {"choosing": overlay.item, "at": overlay.at, "picked": list(overlay.picked)}
        case _:
            return {
                "typing": overlay.item,
                "text": overlay.text,
                "entry": overlay.entry.value,
                "cycling": overlay.cycling,
            }


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")


# --- reading ----------------------------------------------------------------------------------------------------------


def read(value: Mapping[str, object]) -> State:
    """The state that `written` gave; raises ValueError for what it cannot have given."""
    try:
        place, waiting, overlay = value["place"], value["waiting"], value["overlay"]
        state = State(
            place=_read_place(_mapping(place)) if place else None,
            history=tuple(_read_place(_mapping(one)) for one in _a(value["history"], list)),
            variables={name: _a(text, str) for name, text in _mapping(value["variables"]).items()},
            pictures={url: _octets(picture) for url, picture in _mapping(value["pictures"]).items()},
            waiting=_read_waiting(_mapping(waiting)) if waiting else None,
            trouble=Trouble(_a(value["trouble"], str)) if value["trouble"] else None,
            notice=Notice(_a(value["notice"], str)) if value["notice"] else None,
        )
        return replace(state, overlay=_read_overlay(state, _mapping(overlay))) if overlay else state
    except KeyError as fault:
        raise ValueError(f"the browser's memory lacks {fault}") from None


def _read_place(value: Mapping[str, object]) -> Place:
    page = Page(_a(value["url"], str), _a(value["type"], str), _octets(value["body"]), _a(value["posted"], bool))
    card = _a(value["card"], int)
    if not 0 <= card < len(deck_of(page).cards):  # Unreadable is a ValueError too
        raise ValueError("the browser's memory names a card that its page has not")
    return Place(page, card, _a(value["focus"], int), max(0, _a(value["scroll"], int)))


def _read_waiting(value: Mapping[str, object]) -> Waiting:
    content_type = value["type"]
    pairs = [_a(pair, list) for pair in _a(value["sets"], list)]
    return Waiting(
        Fetch(
            _a(value["url"], str),
            _a(value["method"], str),
            _octets(value["body"]),
            None if content_type is None else _a(content_type, str),
        ),
        _a(value["fragment"], str),
        tuple((_a(name, str), _a(text, str)) for name, text in pairs),
        _a(value["again"], bool),
        _a(value["events_left"], int),
    )


def _read_overlay(state: State, value: Mapping[str, object]) -> Overlay:
    """What lies over the page, as long as the page has what it belongs to."""
    if state.place is None:
        raise ValueError("the browser's memory has a list or field without a page")
    items = dict(enumerate(items_of(deck_of(state.place.page).cards[state.place.card])))
    if "menu" in value:
        return Menu(_index(value["menu"], len(entries(state, state.place))))
    if "choosing" in value:
        select = items.get(_a(value["choosing"], int))
        if isinstance(select, Select):
            count = len(select.options)
            picked = tuple(_index(one, count) for one in _a(value["picked"], list))
            return Choosing(_a(value["choosing"], int), _index(value["at"], count), picked)
    elif isinstance(items.get(_a(value["typing"], int)), Input):
        entry, cycling = Entry(_a(value["entry"], str)), _a(value["cycling"], str)
        return Typing(_a(value["typing"], int), _a(value["text"], str), entry, cycling)
    raise ValueError("the browser's memory has a list or field that its page has not")


def _index(value: object, count: int) -> int:
    index = _a(value, int)
    if not 0 <= index < count:
        raise ValueError("the browser's memory points beyond the end of a list")
    return index


def _mapping(value: object) -> Mapping[str, object]:
    return _a(value, dict)


def _a(value: object, kind: type[T]) -> T:
    """The value, if it is of that type."""
    if not isinstance(value, kind):
        raise ValueError(f"the browser's memory has a {type(value).__name__} in the place of a {kind.__name__}")  # noqa: TRY004 - one error for all that is no memory
    return value


def _octets(value: object) -> bytes:
    return b64decode(_a(value, str), validate=True)  # its error is a ValueError
