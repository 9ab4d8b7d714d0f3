"""The options of a page: what its `do`s offer, keeping it as a ticket, and loading it anew."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from mobile_gateway.browser.deck import Do, Task
from mobile_gateway.browser.layout import bitmap_of, images_of, lay, picture_url
from mobile_gateway.browser.navigate import card_in_view, follow, reload
from mobile_gateway.browser.requests import SaveCard
from mobile_gateway.browser.screen import Display
from mobile_gateway.browser.state import Place, State, Step
from mobile_gateway.browser.variables import filled
from mobile_gateway.browser.words import WORDS

_WIDE = Display(width=100_000)
"""So wide that a paragraph is one line: what is saved is not broken for one screen."""


class Own(Enum):
    """The options that are the browser's."""

    SAVE = auto()
    RELOAD = auto()


@dataclass(frozen=True, slots=True)
class Entry:
    label: str
    action: Task | Own


def label_of(state: State, do: Do) -> str:
    """What a `do` calls itself, else the phone's word for its kind."""
    words = WORDS[state.language]
    return filled(do.label, state.variables).strip() or words.get(do.kind, words["more"])


def accept(place: Place) -> Do | None:
    """What the page calls accept: the first if several."""
    return next((do for do in card_in_view(place).dos if do.kind == "accept"), None)


def prev(place: Place) -> Do | None:
    """What the page puts in the place of `back`."""
    return next((do for do in card_in_view(place).dos if do.kind == "prev"), None)


def entries(state: State, place: Place) -> tuple[Entry, ...]:
    """The options, the page's own first, of those the accepting ones."""
    words = WORDS[state.language]
    offered = [do for do in card_in_view(place).dos if do.kind != "prev"]
    offered.sort(key=lambda do: do.kind != "accept")
    found = [Entry(label_of(state, do), do.task) for do in offered]
    found.append(Entry(words["save"], Own.SAVE))
    if not place.page.posted:
        found.append(Entry(words["reload"], Own.RELOAD))
    return tuple(found)


def choose(state: State, place: Place, entry: Entry) -> Step:
    """Do what an option says; the menu is closed."""
    match entry.action:
        case Own.SAVE:
            return state, (saved(state, place),)
        case Own.RELOAD:
            return reload(state, place)
        case task:
            return follow(state, place, task)


def saved(state: State, place: Place) -> SaveCard:
    """The card as a ticket to keep: its words, and those of its pictures that have come."""
    card = card_in_view(place)
    url = place.page.url
    wide = lay(card, _WIDE, variables=state.variables, pictures=state.pictures, page_url=url)
    lines = ["".join(text for text, _ in line.pieces).strip() for line in wide.lines]
    sources = (picture_url(image, state.variables, url) or "" for image in images_of(card))
    pictures = (state.pictures.get(source, b"") for source in dict.fromkeys(sources))
    return SaveCard(
        title=filled(card.title, state.variables).strip(),
        url=url,
        text="\n".join(line for line in lines if line),
        pictures=tuple(picture for picture in pictures if bitmap_of(picture)),
    )
