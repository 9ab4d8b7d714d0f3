"""A deck: one small page for a phone of the year 2000, written as WML 1.1 or as XHTML Mobile Profile.

The same few items make both. A phone loads a deck of some 1,400 octets as its gateway has compiled it (WBXML, public id
4), so every deck is measured here before it is sent, and a list that is longer goes on on the next deck.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from html import unescape
from typing import Final
from xml.sax.saxutils import escape

DECK_OCTETS_MAX: Final = 1_400
"""What the smallest phones load; theirs is the compiled deck."""
WML_DOCTYPE: Final = '<!DOCTYPE wml PUBLIC "-//WAPFORUM//DTD WML 1.1//EN" "http://www.wapforum.org/DTD/wml_1.1.xml">'
XHTML_DOCTYPE: Final = (
    '<!DOCTYPE html PUBLIC "-//WAPFORUM//DTD XHTML Mobile 1.0//EN" "http://www.wapforum.org/DTD/xhtml-mobile10.dtd">'
)


class Markup(StrEnum):
    WML = "wml"
    XHTML = "xhtml"


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; `strong` for the one thing on a deck that must be seen."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    href: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of its real size, with words for a phone that shows none."""

    href: str
    words: str


@dataclass(frozen=True, slots=True)
class Field:
    """Something to type. `mask` is a WML input mask: *N any digits, *m any letters, which begin small."""

    name: str
    label: str
    mask: str = "*N"
    value: str = ""
    secret: bool = False
    optional: bool = False
    chars_max: int = 32


@dataclass(frozen=True, slots=True)
class Form:
    """One press: what is typed and what is `kept` go to `action`, by POST unless it only asks for a deck."""

    action: str
    button: str
    fields: tuple[Field, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    asks: bool = False


Item = Words | Link | Picture | Form


@dataclass(frozen=True, slots=True)
class Deck:
    """What one screen says. `forgets`: typed values and the way back are forgotten, as after a payment."""

    title: str
    items: tuple[Item, ...]
    back: str
    """The word on the key that leads back."""
    language: str = "ko"
    again: str | None = None
    """Where the phone looks again by itself, after `again_seconds`."""
    again_seconds: int = 4
    forgets: bool = False

    def written(self, markup: Markup, encoding: str) -> str:
        """The whole document; `encoding` is the name of the charset that it will be encoded in."""
        head = f'<?xml version="1.0" encoding="{encoding}"?>'
        if markup is Markup.WML:
            return f"{head}{WML_DOCTYPE}{wml(self)}"
        return f"{head}{XHTML_DOCTYPE}{xhtml(self)}"


# --- WML 1.1 --------------------------------------------------------------------------------------------------------


def wml(deck: Deck) -> str:
    """The deck as one card, without its prologue. Everything stands in one paragraph, as the DTD allows."""
    fields = [field for item in deck.items if isinstance(item, Form) for field in item.fields]
    context = ' newcontext="true"' if deck.forgets else ""
    # What an earlier deck left in a variable would hide the value that this one proposes, and would keep a PIN.
    resets = "".join(f'<setvar name="{field.name}" value="{_wml(field.value)}"/>' for field in fields)
    entered = f'<onevent type="onenterforward"><refresh>{resets}</refresh></onevent>' if resets else ""
    looked = f'<onevent type="ontimer"><go href="{_wml(deck.again)}"/></onevent>' if deck.again else ""
    timer = f'<timer value="{deck.again_seconds * 10}"/>' if deck.again else ""
    back = f'<do type="prev" label="{_wml(deck.back)}"><prev/></do>'
    body = "<br/>".join(_wml_item(item) for item in deck.items)
    return (
        f'<wml><card id="c" title="{_wml(deck.title)}"{context}>'
        f"{entered}{looked}{timer}{back}<p>{body}</p></card></wml>"
    )


def _wml_item(item: Item) -> str:
    match item:
        case Words(text, strong=True):
            return f"<b>{_wml(text)}</b>"
        case Words(text):
            return _wml(text)
        case Link(label, href):
            return f'<a href="{_wml(href)}">{_wml(label)}</a>'
        case Picture(href, words):
            return f'<img src="{_wml(href)}" alt="{_wml(words)}"/>'
        case Form():
            return _wml_form(item)


def _wml_form(form: Form) -> str:
    fields = "".join(f"{_wml(field.label)}{_wml_input(field)}<br/>" for field in form.fields)
    sent = [(field.name, f"$({field.name})") for field in form.fields]
    sent += [(name, _wml(value)) for name, value in form.kept]
    fill = "".join(f'<postfield name="{name}" value="{value}"/>' for name, value in sent)
    method = "get" if form.asks else "post"
    return f'{fields}<anchor>{_wml(form.button)}<go href="{_wml(form.action)}" method="{method}">{fill}</go></anchor>'


def _wml_input(field: Field) -> str:
    more = ' type="password"' if field.secret else ""
    more += ' emptyok="true"' if field.optional else ""
    return (
        f'<input name="{field.name}" format="{field.mask}" maxlength="{field.chars_max}"{more}'
        f' value="{_wml(field.value)}"/>'
    )


def _wml(text: str) -> str:
    """Text for WML, between tags or in quotes: a dollar sign would begin a variable (WML 1.1 section 10.3)."""
    return _marked_up(text).replace("$", "$$")


def _marked_up(text: str) -> str:
    """Text for XML, between tags or in quotes, without the characters that XML 1.0 does not know."""
    return escape(_NO_XML.sub("", text), {'"': "&quot;"})


_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


# --- XHTML Mobile Profile 1.0 ---------------------------------------------------------------------------------------


def xhtml(deck: Deck) -> str:
    """The deck as a page, without its prologue."""
    again = ""
    if deck.again:
        again = f'<meta http-equiv="refresh" content="{deck.again_seconds};url={_marked_up(deck.again)}"/>'
    blocks: list[str] = []
    lines: list[str] = []
    for item in deck.items:
        if isinstance(item, Form):
            blocks += [_paragraph(lines), _xhtml_form(item)]
            lines = []
        else:
            lines.append(_xhtml_item(item))
    body = "".join([*blocks, _paragraph(lines)])
    title = _marked_up(deck.title)
    return (
        f'<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="{deck.language}"><head><title>{title}</title>{again}'
        f"</head><body><h1>{title}</h1>{body}</body></html>"
    )


def _paragraph(lines: Sequence[str]) -> str:
    return f"<p>{'<br/>'.join(lines)}</p>" if lines else ""


def _xhtml_item(item: Words | Link | Picture) -> str:
    match item:
        case Words(text, strong=True):
            return f"<strong>{_marked_up(text)}</strong>"
        case Words(text):
            return _marked_up(text)
        case Link(label, href):
            return f'<a href="{_marked_up(href)}">{_marked_up(label)}</a>'
        case Picture(href, words):
            return f'<img src="{_marked_up(href)}" alt="{_marked_up(words)}"/>'


def _xhtml_form(form: Form) -> str:
    fields = "".join(_xhtml_input(field) for field in form.fields)
    kept = "".join(f'<input type="hidden" name="{name}" value="{_marked_up(value)}"/>' for name, value in form.kept)
    method = "get" if form.asks else "post"
    return (
        f'<form action="{_marked_up(form.action)}" method="{method}"><p>{fields}{kept}'
        f'<input type="submit" value="{_marked_up(form.button)}"/></p></form>'
    )


def _xhtml_input(field: Field) -> str:
    """The style property is of WAP CSS 1.0: it chooses how a phone types, and means nothing elsewhere."""
    kind = "password" if field.secret else "text"
    style = _marked_up(f'-wap-input-format: "{field.mask}"')
    return (
        f'{_marked_up(field.label)}<br/><input name="{field.name}" type="{kind}" maxlength="{field.chars_max}"'
        f' value="{_marked_up(field.value)}" style="{style}"/><br/>'
    )


# --- how large it becomes -------------------------------------------------------------------------------------------

_PIECE: Final = re.compile(r"<[^>]*>|[^<]+")
_ATTRIBUTE: Final = re.compile(r'="([^"]*)"')
_HEADER_OCTETS: Final = 6
"""WBXML version, public id and charset, and a string table that is empty or saves more than it takes."""


def octets_max(markup: str) -> int:
    """At most so many octets has this WML once it is compiled (WBXML 1.1 section 5), whatever the compiler.

    A tag takes one octet, and one for its end; an attribute one for its name, and like a text two around its UTF-8. A
    compiler that has tokens for whole attributes or a string table needs less. A variable parts a string in two.
    """
    total = _HEADER_OCTETS
    for piece in _PIECE.findall(markup):
        if piece.startswith("</"):
            total += 1
        elif piece.startswith("<"):
            values = _ATTRIBUTE.findall(piece)
            total += 1 + bool(values) + sum(1 + _string_octets(value) for value in values)
        else:
            total += _string_octets(piece)
    return total


def _string_octets(text: str) -> int:
    return 2 + len(unescape(text).encode()) + 2 * text.count("$(")


def deck_octets_max(deck: Deck) -> int:
    return octets_max(wml(deck))


def fitted(
    deck: Deck,
    rows: Sequence[Item],
    *,
    start: int = 0,
    more: Callable[[int], Link],
    foot: Sequence[Item] = (),
    beyond: bool = False,
) -> Deck:
    """The deck with as many `rows` from `start` on as it holds, a link to `more` of them, and its `foot`.

    `beyond`: there are more rows than these. Needs room for one row at least: whoever makes them keeps them short.
    """
    whole = replace(deck, items=(*deck.items, *rows[start:], *foot))
    if not beyond and deck_octets_max(whole) <= DECK_OCTETS_MAX:
        return whole
    room = DECK_OCTETS_MAX - deck_octets_max(replace(deck, items=(*deck.items, more(len(rows)), *foot)))
    following = start
    for row in rows[start:]:
        room -= row_octets_max(row)
        if room < 0:
            break
        following += 1
    assert following > start, "a row must be shorter than a deck"
    return replace(deck, items=(*deck.items, *rows[start:following], more(following), *foot))


def row_octets_max(row: Item) -> int:
    """What one more item adds to a deck, its line break and its variable's reset included."""
    with_it, without = Deck("", (Words(""), row), ""), Deck("", (Words(""),), "")
    return deck_octets_max(with_it) - deck_octets_max(without)
