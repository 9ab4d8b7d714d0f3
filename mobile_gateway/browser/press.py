"""What each key does, by what is in view: a page, its options, a list, a field, or word that no page came."""

from __future__ import annotations

from dataclasses import replace

from mobile_gateway.browser import keypad, menu
from mobile_gateway.browser.deck import Anchor, Input, Select, Tick
from mobile_gateway.browser.fields import accepts, chosen, mask_for, with_choice, with_ticked
from mobile_gateway.browser.layout import Laid, items_of
from mobile_gateway.browser.navigate import (
    ask,
    back,
    card_in_view,
    follow,
    laid,
    leave,
    timer_runs_out,
    timer_tenths,
)
from mobile_gateway.browser.state import Choosing, Menu, Notice, Place, State, Step, Typing
from mobile_gateway.browser.variables import named, with_values
from mobile_gateway.keys import Key

BACK = frozenset({Key.BACK, Key.SOFT_RIGHT})
DO = frozenset({Key.OK, Key.SOFT_LEFT})
_MOVES = {Key.UP: -1, Key.DOWN: 1}
_TURNS = {Key.LEFT: -1, Key.RIGHT: 1}


def press(state: State, key: Key) -> Step:
    """The state after a key."""
    state = replace(state, notice=None)
    if key is Key.END:
        return leave(state)
    if state.waiting or state.trouble:
        return _in_the_way(state, key)
    return _in_place(state, state.place, key) if state.place else (state, ())


def _in_place(state: State, place: Place, key: Key) -> Step:
    """A key on the card, or on what lies over it."""
    match state.overlay:
        case Menu():
            return _menu(state, place, state.overlay, key)
        case Choosing():
            return _choosing(state, place, state.overlay, key)
        case Typing():
            return _typing(state, place, state.overlay, key), ()
        case _:
            return _reading(state, place, key)


def tick(state: State) -> Step:
    """A pause in the pressing of keys."""
    if state.place is None:
        return state, ()
    if isinstance(state.overlay, Typing):
        field = _field(state.place, state.overlay)
        return replace(state, overlay=keypad.settled(state.overlay, mask_for(field))), ()
    return timer_runs_out(state, state.place) if timer_tenths(state) else (state, ())


def _in_the_way(state: State, key: Key) -> Step:
    """While a page is waited for, or instead of one that did not come."""
    if key in BACK:
        return back(state)
    if state.trouble and key in DO:
        # A purchase may have been made although its answer was lost: what was posted is never sent twice by a key.
        if state.waiting and state.waiting.fetch.method == "GET":
            return ask(state, state.waiting)
        return back(state)
    return state, ()


# --- reading ----------------------------------------------------------------------------------------------------------


def _reading(state: State, place: Place, key: Key) -> Step:
    if key in BACK:
        prev = menu.prev(place)
        return follow(state, place, prev.task) if prev else back(state)
    if key in _MOVES:
        return replace(state, place=_moved(state, place, _MOVES[key])), ()
    if key in _TURNS:
        height = state.display.rows
        return replace(state, place=_scrolled(place, _TURNS[key] * height, laid(state, place), height)), ()
    if key is Key.SOFT_LEFT:
        return replace(state, overlay=Menu()), ()
    if key not in {Key.OK, Key.SEND}:
        return _access_key(state, place, key)
    picked = picked_in_view(state, place, laid(state, place)) if key is Key.OK else None
    return _accept(state, place) if picked is None else _activate(state, place, picked)


def picked_in_view(state: State, place: Place, rows: Laid) -> int | None:
    """The item that OK acts on: the picked one, as long as any of it can be seen."""
    if not 0 <= place.focus < len(rows.spans):
        return None
    first, last = rows.spans[place.focus]
    visible = first < place.scroll + state.display.rows and last >= place.scroll
    return place.focus if visible else None


def _moved(state: State, place: Place, step: int) -> Place:
    """The next item in that direction if it is in view or comes into view by a row's scrolling, else a row further."""
    rows = laid(state, place)
    height = state.display.rows
    target = place.focus + step
    if step < 0 and place.focus < 0:
        target = -1
    if 0 <= target < len(rows.spans):
        first, last = rows.spans[target]
        if first < place.scroll + height + 1 and last >= place.scroll - 1:
            if step > 0:
                scroll = min(max(place.scroll, last - height + 1), first)
            else:
                scroll = max(min(place.scroll, first), last - height + 1)
            return replace(place, focus=target, scroll=max(0, scroll))
    return _scrolled(place, step, rows, height)


def _scrolled(place: Place, step: int, rows: Laid, height: int) -> Place:
    scroll = max(0, min(place.scroll + step, len(rows.lines) - height))
    return replace(place, scroll=scroll)


def _accept(state: State, place: Place) -> Step:
    """What the page calls accept; where it calls nothing so, the timer it waits for need not be waited for."""
    accept = menu.accept(place)
    if accept:
        return follow(state, place, accept.task)
    return timer_runs_out(state, place) if timer_tenths(state) else (state, ())


def _access_key(state: State, place: Place, key: Key) -> Step:
    """The link that the page gave this digit."""
    for item in items_of(card_in_view(place)):
        if isinstance(item, Anchor) and item.key == key.value:
            return follow(state, place, item.task)
    return state, ()


def _activate(state: State, place: Place, index: int) -> Step:
    match item := items_of(card_in_view(place))[index]:
        case Anchor():
            return follow(state, place, item.task)
        case Input():
            value = state.variables.get(named(item.name, state.variables), "")
            return replace(state, overlay=keypad.begun(index, value, mask_for(item))), ()
        case Tick():
            return replace(state, variables=with_ticked(item, state.variables)), ()
        case _:
            if not item.options:
                return state, ()
            picked = chosen(item, state.variables)
            return replace(state, overlay=Choosing(index, picked[0] if picked else 0, picked)), ()


# --- the options ------------------------------------------------------------------------------------------------------


def _menu(state: State, place: Place, shown: Menu, key: Key) -> Step:
    entries = menu.entries(state, place)
    closed = replace(state, overlay=None)
    if key in BACK:
        return closed, ()
    if key in DO:
        return menu.choose(closed, place, entries[shown.at])
    if (number := _number(key)) is not None:
        return menu.choose(closed, place, entries[number]) if number < len(entries) else (state, ())
    return replace(state, overlay=Menu(_turned(shown.at, key, len(entries)))), ()


def _number(key: Key) -> int | None:
    """The position, from 0, that a digit key names; None for other keys."""
    return int(key.value) - 1 if key.value in "123456789" else None


def _turned(at: int, key: Key, count: int) -> int:
    """Up and down in a list, over its ends."""
    return (at + _MOVES.get(key, 0)) % count


# --- a list -----------------------------------------------------------------------------------------------------------


def _choosing(state: State, place: Place, shown: Choosing, key: Key) -> Step:
    select = items_of(card_in_view(place))[shown.item]
    assert isinstance(select, Select), "only a select opens a list"
    number = _number(key)
    if number is not None:
        if number >= len(select.options):
            return state, ()
        shown, key = replace(shown, at=number), Key.OK
    if key in BACK:
        return replace(state, overlay=None), ()
    if select.multiple and key is Key.OK:
        toggled = tuple(sorted(set(shown.picked) ^ {shown.at}))
        return replace(state, overlay=replace(shown, picked=toggled)), ()
    if key in DO:
        picked = shown.picked if select.multiple else (shown.at,)
        return _chosen(state, place, select, picked)
    return replace(state, overlay=replace(shown, at=_turned(shown.at, key, len(select.options)))), ()


def _chosen(state: State, place: Place, select: Select, picked: tuple[int, ...]) -> Step:
    """The choice is made. An option may lead on at once; of several, none does: no one could say which."""
    state = replace(state, variables=with_choice(select, picked, state.variables), overlay=None)
    onpick = None if select.multiple else select.options[picked[0]].onpick
    return follow(state, place, onpick) if onpick else (state, ())


# --- a field ----------------------------------------------------------------------------------------------------------


def _field(place: Place, typing: Typing) -> Input:
    field = items_of(card_in_view(place))[typing.item]
    assert isinstance(field, Input), "only an input is typed in"
    return field


def _typing(state: State, place: Place, typing: Typing, key: Key) -> State:
    field = _field(place, typing)
    mask = mask_for(field)
    if key in DO:
        return _typed(state, field, keypad.settled(typing, mask))
    if key in BACK:
        return replace(state, overlay=keypad.cleared(typing, mask) if typing.text else None)
    if key is Key.STAR:
        return replace(state, overlay=keypad.star(typing, mask))
    if key.value in keypad.LETTERS:
        return replace(state, overlay=keypad.digit(typing, key.value, mask))
    return replace(state, overlay=keypad.settled(typing, mask))


def _typed(state: State, field: Input, typing: Typing) -> State:
    """The field holds what was typed; what does not fit its mask is typed on."""
    nothing = mask_for(field).with_fixed("")  # what stands there by itself
    text = "" if typing.text == nothing else typing.text
    if not accepts(field, text):
        return replace(state, overlay=typing, notice=Notice.INCOMPLETE)
    name = named(field.name, state.variables)
    return replace(state, variables=with_values(state.variables, [(name, text)]), overlay=None)
