"""What came: a page that was waited for, or a picture of the card in view."""

from __future__ import annotations

from dataclasses import replace

from mobile_gateway.browser.addresses import resolved
from mobile_gateway.browser.navigate import arrive, pictures_wanted
from mobile_gateway.browser.reading import Unreadable, deck_of
from mobile_gateway.browser.requests import Loaded
from mobile_gateway.browser.state import PICTURE_OCTETS_MAX, Page, Place, State, Step, Trouble, Waiting

_OK = range(200, 300)
_NOT_ALLOWED = frozenset({401, 403, 407})
_GONE = frozenset({404, 410})


def loaded(state: State, answer: Loaded) -> Step:
    """The page or the picture that this answers; nothing where neither is waited for."""
    asked = answer.asked or answer.url
    if state.waiting and not state.trouble and state.waiting.fetch.url == asked:
        return _page(state, state.waiting, answer)
    if state.place and asked in pictures_wanted(state, state.place) and asked not in state.pictures:
        usable = answer.failure is None and answer.status in _OK and len(answer.body) <= PICTURE_OCTETS_MAX
        picture = answer.body if usable else b""
        return replace(state, pictures={**state.pictures, asked: picture}), ()
    return state, ()


def _page(state: State, waiting: Waiting, answer: Loaded) -> Step:
    if answer.failure:
        return _failed(state, Trouble(answer.failure.value))
    url = resolved(answer.url, "")
    if url is None:
        return _failed(state, Trouble.FORBIDDEN_ADDRESS)
    page = Page(url, answer.content_type, answer.body, posted=waiting.fetch.method == "POST")
    try:
        deck = deck_of(page)
    except Unreadable as fault:
        return _failed(state, _trouble_of(answer.status) or fault.trouble)
    # A page that can be shown is shown whatever its status says: it tells its reader more than a number.
    place = Place(page, deck.index(waiting.fragment))
    return arrive(state, place, sets=waiting.sets, again=waiting.again, events_left=waiting.events_left)


def _failed(state: State, trouble: Trouble) -> Step:
    """The page is not there; where the holder was stays as it was (WML 1.1 section 12.5.5)."""
    return replace(state, trouble=trouble), ()


def _trouble_of(status: int) -> Trouble | None:
    if status in _OK:
        return None
    if status in _NOT_ALLOWED:
        return Trouble.NOT_ALLOWED
    return Trouble.NOT_FOUND if status in _GONE else Trouble.SERVER
