"""What a key does on each screen of the phone's own menus: where it leads, and what it asks the phone to do.

Pure and apart from the phone: it sees the messages and the screen, and answers the places after the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mobile_gateway.handset.glass import Glass
from mobile_gateway.handset.held import Held
from mobile_gateway.handset.places import (
    NUMBER_DIGITS_MAX,
    Draft,
    Item,
    Mode,
    Option,
    Place,
    Places,
    is_number,
    options,
    picked,
    tap,
)
from mobile_gateway.handset.reading import rows_of
from mobile_gateway.keys import Key

SELECT = frozenset({Key.OK, Key.SOFT_LEFT})
LEAVE = frozenset({Key.BACK, Key.SOFT_RIGHT})
DIGITS = frozenset(Key(digit) for digit in "0123456789")


@dataclass(frozen=True, slots=True)
class Opened:
    """The holder looks at this message."""

    held: str


@dataclass(frozen=True, slots=True)
class Save:
    """Keep this message as a ticket."""

    held: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Forget this message."""

    held: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send what was written."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class Visit:
    """Open a page in the browser; None is the carrier's own first page."""

    url: str | None


Act = Opened | Save | Delete | Send | Visit


@dataclass(frozen=True, slots=True)
class Step:
    """The places after a key, and what the phone is asked to do."""

    places: Places
    act: Act | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a key's meaning depends on: the messages, newest first, and the screen they are shown on."""

    messages: Sequence[Held]
    glass: Glass

    @property
    def tickets(self) -> tuple[Held, ...]:
        return tuple(one for one in self.messages if one.stored)

    def listed(self, mode: Mode) -> Sequence[Held]:
        """What a list shows: the inbox is everything that came, the tickets what was kept."""
        return self.tickets if mode is Mode.TICKETS else self.messages


def press(places: Places, key: Key, seen: Seen) -> Step:
    """The step that `key` makes; one that means nothing here leaves everything as it is."""
    if key is Key.END:
        return Step(())
    if not places:
        return _idle(key, seen)
    return _SCREENS[places[-1].mode](places, key, seen)


def _idle(key: Key, seen: Seen) -> Step:
    if key in SELECT:
        return Step((Place(Mode.MENU),))
    if key is Key.UP:
        return Step((Place(Mode.TICKETS),))
    if key in {Key.SOFT_RIGHT, Key.DOWN}:
        unread = [one for one in seen.messages if not one.opened]
        if key is Key.SOFT_RIGHT and len(unread) == 1:
            return _open((Place(Mode.INBOX, unread[0].id),), unread[0])
        return Step((Place(Mode.INBOX, unread[0].id if unread else None),))
    if key in DIGITS or key is Key.STAR:
        return Step((Place(Mode.NUMBER, draft=Draft(to="+" if key is Key.STAR else key.value)),))
    return Step(())


def _menu(places: Places, key: Key, _seen: Seen) -> Step:
    place, items = places[-1], tuple(Item)
    if key in LEAVE:
        return Step(places[:-1])
    if key in DIGITS and 1 <= int(key) <= len(items):
        return _choose(_top(places, replace(place, at=int(key) - 1)), items[int(key) - 1])
    if key in SELECT:
        return _choose(places, items[place.at])
    return Step(_top(places, replace(place, at=_moved(place.at, key, len(items)))))


def _choose(places: Places, item: Item) -> Step:
    match item:
        case Item.INBOX:
            return Step((*places, Place(Mode.INBOX)))
        case Item.TICKETS:
            return Step((*places, Place(Mode.TICKETS)))
        case Item.BROWSER:
            return Step((*places, Place(Mode.BROWSER)), Visit(None))
        case Item.WRITE:
            return Step((*places, Place(Mode.NUMBER)))


def _list(places: Places, key: Key, seen: Seen) -> Step:
    place = places[-1]
    listed = seen.listed(place.mode)
    held = picked(listed, place)
    if key in LEAVE or held is None:
        return Step(places[:-1] if key in LEAVE else places)
    places = _top(places, replace(place, held=held.id))
    if key in SELECT:
        shows = key is Key.OK and place.mode is Mode.TICKETS and held.barcodes
        return _show(places, held) if shows else _open(places, held)
    index = _moved(listed.index(held), key, len(listed))
    return Step(_top(places, replace(place, held=listed[index].id)))


def _read(places: Places, key: Key, seen: Seen) -> Step:
    place = places[-1]
    held = picked(seen.messages, place)
    assert held
    if key in LEAVE:
        return Step(places[:-1])
    if key is Key.SOFT_LEFT:
        return Step((*places, Place(Mode.OPTIONS, held.id)))
    if key is Key.OK:
        return _act_on(places, held, options(held)[0])
    if key is Key.SEND:
        return _act_on(places, held, Option.REPLY) if Option.REPLY in options(held) else Step(places)
    steps = {Key.UP: -1, Key.DOWN: 1, Key.LEFT: -seen.glass.body_rows, Key.RIGHT: seen.glass.body_rows}
    last = max(0, rows_of(held, seen.glass) - seen.glass.body_rows)
    return Step(_top(places, replace(place, at=max(0, min(place.at + steps.get(key, 0), last)))))


def _options(places: Places, key: Key, seen: Seen) -> Step:
    place = places[-1]
    held = picked(seen.messages, place)
    assert held
    choices = options(held)
    if key in LEAVE:
        return Step(places[:-1])
    if key in DIGITS and 1 <= int(key) <= len(choices):
        return _act_on(places[:-1], held, choices[int(key) - 1])
    if key in SELECT:
        return _act_on(places[:-1], held, choices[min(place.at, len(choices) - 1)])
    return Step(_top(places, replace(place, at=_moved(place.at, key, len(choices)))))


def _act_on(places: Places, held: Held, option: Option) -> Step:
    """Do it, from the message itself: that is where the holder comes back to."""
    match option:
        case Option.SHOW:
            return _show(places, held)
        case Option.VISIT:
            return Step((*places, Place(Mode.BROWSER)), Visit(held.page))
        case Option.SAVE:
            return Step(places, Save(held.id))
        case Option.REPLY:
            return Step((*places, Place(Mode.WRITE, draft=Draft(to=held.sender))))
        case Option.DELETE:
            # A stored ticket is money: it takes a second key to lose it.
            return Step((*places, Place(Mode.CONFIRM, held.id))) if held.stored else Step(places, Delete(held.id))


def _confirm(places: Places, key: Key, _seen: Seen) -> Step:
    held = places[-1].held
    assert held
    return Step(places[:-1], Delete(held) if key in SELECT else None)


def _show_code(places: Places, key: Key, seen: Seen) -> Step:
    """The barcode fills the screen; keys that scroll show the next one, where a message brought several."""
    place = places[-1]
    held = picked(seen.messages, place)
    assert held
    if key in {Key.UP, Key.DOWN, Key.LEFT, Key.RIGHT}:
        return Step(_top(places, replace(place, at=_moved(place.at, key, len(held.barcodes)))))
    return Step(places[:-1] if key in SELECT | LEAVE else places)


def _number(places: Places, key: Key, _seen: Seen) -> Step:
    """Typing the number to send to; a star is a plus at its beginning."""
    place = places[-1]
    to = place.draft.to
    if key in SELECT | {Key.SEND}:
        return Step((*places, Place(Mode.WRITE, draft=Draft(to=to)))) if is_number(to) else Step(places)
    if key in LEAVE:
        return Step(_top(places, replace(place, draft=Draft(to=to[:-1]))) if to else places[:-1])
    typed = "+" if key is Key.STAR and not to else key.value if key in DIGITS else ""
    return Step(_top(places, replace(place, draft=Draft(to=(to + typed)[:NUMBER_DIGITS_MAX]))))


def _write(places: Places, key: Key, _seen: Seen) -> Step:
    place = places[-1]
    draft = place.draft
    if key in SELECT | {Key.SEND}:
        if not draft.text.strip():
            return Step(places)
        back = places[:-1]
        return Step(back[:-1] if back and back[-1].mode is Mode.NUMBER else back, Send(draft))
    if key in LEAVE:
        shorter = Draft(draft.to, draft.text[:-1], draft.entry)
        return Step(_top(places, replace(place, draft=shorter)) if draft.text else places[:-1])
    after = tap(draft, key) if key in DIGITS | {Key.STAR, Key.HASH} else Draft(draft.to, draft.text, draft.entry)
    return Step(_top(places, replace(place, draft=after)))


_SCREENS: Mapping[Mode, Callable[[Places, Key, Seen], Step]] = {
    Mode.MENU: _menu,
    Mode.INBOX: _list,
    Mode.TICKETS: _list,
    Mode.READ: _read,
    Mode.OPTIONS: _options,
    Mode.CONFIRM: _confirm,
    Mode.SHOW: _show_code,
    Mode.NUMBER: _number,
    Mode.WRITE: _write,
}
"""All but the browser, whose keys are its own."""


def _open(places: Places, held: Held) -> Step:
    return Step((*places, Place(Mode.READ, held.id)), Opened(held.id))


def _show(places: Places, held: Held) -> Step:
    return Step((*places, Place(Mode.SHOW, held.id)), Opened(held.id))


def _moved(at: int, key: Key, count: int) -> int:
    """The item after an arrow key, around the ends, as these phones did."""
    if key in {Key.UP, Key.LEFT}:
        return (at - 1) % count
    return (at + 1) % count if key in {Key.DOWN, Key.RIGHT} else min(at, count - 1)


def _top(places: Places, place: Place) -> Places:
    return (*places[:-1], place)
