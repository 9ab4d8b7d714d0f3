"""What is in view, as rows between a title and the soft keys."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from mobile_gateway.browser import menu
from mobile_gateway.browser.deck import Anchor, Input, Select
from mobile_gateway.browser.fields import mask_for
from mobile_gateway.browser.layout import Line, items_of
from mobile_gateway.browser.navigate import card_in_view, laid
from mobile_gateway.browser.press import picked_in_view
from mobile_gateway.browser.screen import Align, PictureSlice, Row, Run, Screen
from mobile_gateway.browser.state import Choosing, Menu, Place, State, Trouble, Typing, Waiting
from mobile_gateway.browser.variables import filled
from mobile_gateway.browser.words import WORDS
from mobile_gateway.cells import clip, wrap


def screen(state: State) -> Screen:
    """The screen as it is now; empty where nothing is open."""
    if state.trouble:
        return _trouble(state, state.trouble)
    if state.waiting:
        return _loading(state, state.waiting)
    return _place(state, state.place) if state.place else Screen("", ())


def _place(state: State, place: Place) -> Screen:
    """The card, or what lies over it."""
    match state.overlay:
        case Menu():
            return _menu(state, place, state.overlay)
        case Choosing():
            return _choosing(state, place, state.overlay)
        case Typing():
            return _typing(state, place, state.overlay)
        case _:
            return _page(state, place)


def _page(state: State, place: Place) -> Screen:
    words = WORDS[state.language]
    rows = laid(state, place)
    height = state.display.rows
    picked = picked_in_view(state, place, rows)
    links = {index for index, item in enumerate(items_of(card_in_view(place))) if isinstance(item, Anchor)}
    prev = menu.prev(place)
    return Screen(
        title=filled(card_in_view(place).title, state.variables).strip() or urlsplit(place.page.url).hostname or "",
        rows=tuple(_row(line, links, picked) for line in rows.lines[place.scroll : place.scroll + height]),
        soft_left=words["options"],
        soft_right=menu.label_of(state, prev) if prev and prev.label else words["back"],
        ok=_ok(state, place, picked),
        first_row=place.scroll,
        total_rows=len(rows.lines),
    )


def _ok(state: State, place: Place, picked: int | None) -> str:
    """What OK would do."""
    words = WORDS[state.language]
    if picked is None:
        accept = menu.accept(place)
        return menu.label_of(state, accept) if accept else ""
    match items_of(card_in_view(place))[picked]:
        case Anchor():
            return words["go"]
        case Input():
            return words["edit"]
        case Select():
            return words["select"]
        case _:
            return words["mark"]


def _row(line: Line, links: set[int], picked: int | None) -> Row:
    def is_picked(item: int | None) -> bool:
        return item is not None and item == picked

    strip = line.strip
    return Row(
        tuple(Run(text, look.strong, look.item in links, is_picked(look.item)) for text, look in line.pieces),
        line.align,
        PictureSlice(strip.bitmap, strip.top_px, is_picked(strip.item)) if strip else None,
    )


# --- lists ------------------------------------------------------------------------------------------------------------


def _menu(state: State, place: Place, shown: Menu) -> Screen:
    words = WORDS[state.language]
    entries = enumerate(menu.entries(state, place))
    rows = [_choice_row(state, entry.label, inverse=index == shown.at) for index, entry in entries]
    return _window(state, words["options"], rows, shown.at, soft_left=words["select"], soft_right=words["back"])


def _choosing(state: State, place: Place, shown: Choosing) -> Screen:
    words = WORDS[state.language]
    select = items_of(card_in_view(place))[shown.item]
    assert isinstance(select, Select), "only a select opens a list"
    rows: list[Row] = []
    group, row_at = "", 0
    for index, option in enumerate(select.options):
        if option.group != group:
            group = option.group
            rows.append(_plain(state, filled(group, state.variables), strong=True))
        if index == shown.at:
            row_at = len(rows)
        mark = ("[x] " if index in shown.picked else "[ ] ") if select.multiple else ""
        rows.append(_choice_row(state, mark + filled(option.label, state.variables), inverse=index == shown.at))
    return _window(
        state,
        filled(select.title, state.variables).strip() or words["choice"],
        rows,
        row_at,
        soft_left=words["done"],
        soft_right=words["back"],
        ok=words["mark"] if select.multiple else words["select"],
    )


def _choice_row(state: State, label: str, *, inverse: bool) -> Row:
    """One choice in one row; the picked one is inverse over the whole width."""
    display = state.display
    label = clip(" ".join(label.split()), display.width, display.measure)
    if inverse:
        room = display.width - sum(map(display.measure, label))
        label += " " * (room // max(1, display.measure(" ")))
    return Row((Run(label, inverse=inverse),))


def _plain(state: State, text: str, *, strong: bool = False) -> Row:
    return Row((Run(clip(text, state.display.width, state.display.measure), strong=strong),))


def _window(
    state: State, title: str, rows: Sequence[Row], at: int, *, soft_left: str, soft_right: str, ok: str = ""
) -> Screen:
    """The part of a list in which row `at` stands, in the middle where it can."""
    height = state.display.rows
    first = max(0, min(at - height // 2, len(rows) - height))
    return Screen(
        title,
        tuple(rows[first : first + height]),
        soft_left,
        soft_right,
        ok,
        first_row=first,
        total_rows=len(rows),
    )


# --- typing -----------------------------------------------------------------------------------------------------------


def _typing(state: State, place: Place, typing: Typing) -> Screen:
    """The field alone on the screen, its end in view; a secret shows only the letter that may still change."""
    words = WORDS[state.language]
    field = items_of(card_in_view(place))[typing.item]
    assert isinstance(field, Input), "only an input is typed in"
    text = typing.text
    if field.secret:
        open_letters = 1 if typing.cycling else 0
        text = "*" * (len(text) - open_letters) + text[len(text) - open_letters :]
    rows = [Row((Run(line),)) for line in _lines(state, text)] or [Row()]
    height = state.display.rows
    if state.notice:
        mask = mask_for(field)
        digits = all(slot.fixed or slot.code == "N" for slot in mask.slots)
        said = words["need_digits" if digits else "need_letters"].format(count=max(1, len(mask.slots)))
        notice = [Row((Run(line, strong=True),)) for line in _lines(state, said)][: height - 1]
    else:
        notice = []
    shown = rows[-(height - len(notice)) :]
    return Screen(
        title=filled(field.title, state.variables).strip() or words["input"],
        rows=(*shown, *notice),
        soft_left=words["done"],
        soft_right=words["clear"] if typing.text else words["back"],
        first_row=len(rows) - len(shown),
        total_rows=len(rows) + len(notice),
        cursor=len(shown) - 1,
        entry=typing.entry.value,
    )


# --- no page ----------------------------------------------------------------------------------------------------------


def _loading(state: State, waiting: Waiting) -> Screen:
    words = WORDS[state.language]
    rows = (Row(), Row((Run(words["loading"]),), Align.CENTER))[: state.display.rows]
    title = urlsplit(waiting.fetch.url).hostname or ""
    return Screen(title, rows, soft_right=words["cancel"], total_rows=len(rows))


def _trouble(state: State, trouble: Trouble) -> Screen:
    words = WORDS[state.language]
    rows = [Row((Run(line),)) for line in _lines(state, words[trouble])]
    again = state.waiting is not None and state.waiting.fetch.method == "GET"
    return Screen(
        words["error"],
        tuple(rows[: state.display.rows]),
        soft_left=words["retry"] if again else "",
        soft_right=words["back"],
        total_rows=len(rows),
    )


def _lines(state: State, text: str) -> list[str]:
    return [text[start:end] for start, end in wrap(text, state.display.width, state.display.measure)]
