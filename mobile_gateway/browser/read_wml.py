"""Reading WML 1.1 into cards. What a page writes wrongly is left out, not refused: it was tested on another phone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from mobile_gateway.browser.deck import (
    Anchor,
    Break,
    Card,
    Content,
    Deck,
    Do,
    Event,
    Go,
    Image,
    Input,
    Noop,
    Option,
    Pairs,
    Paragraph,
    Prev,
    Refresh,
    Select,
    Task,
    Text,
    Timer,
)
from mobile_gateway.browser.screen import Align
from mobile_gateway.wire.xmltree import Element

STRONG = frozenset({"b", "strong", "em", "i", "u", "big"})
CELL_GAP = " \u00b7 "
"""What stands between the cells of a table, which are all in one line."""
_TASKS = frozenset({"go", "prev", "refresh", "noop"})
_NOT_SHOWN = _TASKS | {"do", "onevent", "timer", "setvar"}
_CHARSETS = {
    "utf-8": "utf-8",
    "euc-kr": "euc-kr",
    "ks_c_5601-1987": "euc-kr",
    "ksc5601": "euc-kr",
    "iso-8859-1": "iso-8859-1",
    "us-ascii": "us-ascii",
}


class NotADeck(ValueError):
    """A document that holds no card to show."""


def deck_of(root: Element) -> Deck:
    """The cards of a deck, each with the template's tasks that it does not replace itself. Raises NotADeck."""
    template = root.find("template") or Element("template")
    cards = tuple(_card(card, template) for card in root.all("card"))
    if root.name != "wml" or not cards:
        raise NotADeck("a page of no card")
    return Deck(cards)


def _card(element: Element, template: Element) -> Card:
    own, shared = list(_dos(element)), list(_dos(template))
    names = {do.name for do in own}
    timer = element.find("timer")
    return Card(
        id=element.attributes.get("id", ""),
        title=element.attributes.get("title", ""),
        paragraphs=tuple(_paragraphs(element)),
        dos=tuple(do for do in own + [do for do in shared if do.name not in names] if do.task != Noop()),
        events=tuple((_events(template) | _events(element)).items()),
        timer=Timer(timer.attributes.get("name", ""), timer.attributes.get("value", "")) if timer else None,
        new_context=element.attributes.get("newcontext") == "true",
    )


def _dos(element: Element) -> Iterator[Do]:
    """The tasks on keys: a card's own, and those its paragraphs hold (DTD: `do` may stand in a `p`)."""
    for child in element.elements:
        if child.name == "do":
            kind = child.attributes.get("type", "")
            task = next((task_of(one) for one in child.elements if one.name in _TASKS), Noop())
            yield Do(kind, child.attributes.get("name", kind), child.attributes.get("label", ""), task)
        elif child.name in {"p", "fieldset"}:
            yield from _dos(child)


def _events(element: Element) -> dict[Event, Task]:
    """What happens on its own: `onevent` elements, and attributes that name an address (section 9.10)."""
    found: dict[Event, Task] = {}
    for event in Event:
        if href := element.attributes.get(event.value):
            found[event] = Go(href)
    for child in element.all("onevent"):
        task = next((task_of(one) for one in child.elements if one.name in _TASKS), None)
        kind = child.attributes.get("type")
        if task and kind in set(Event):
            found[Event(kind)] = task
    return found


def task_of(element: Element) -> Task:
    """`go`, `prev`, `refresh` or `noop`."""
    sets = _pairs(element.all("setvar"))
    match element.name:
        case "go":
            asked = element.attributes.get("accept-charset", "").lower().replace(",", " ").split()
            charset = next((_CHARSETS[name] for name in asked if name in _CHARSETS), "utf-8")
            post = element.attributes.get("method", "").lower() == "post"
            href = element.attributes.get("href", "")
            return Go(href, post, charset, _pairs(element.all("postfield")), sets)
        case "prev":
            return Prev(sets)
        case "refresh":
            return Refresh(sets)
        case _:
            return Noop()


def _pairs(elements: Iterable[Element]) -> Pairs:
    return tuple((one.attributes.get("name", ""), one.attributes.get("value", "")) for one in elements)


# --- what stands on a card --------------------------------------------------------------------------------------------


def _paragraphs(element: Element) -> Iterator[Paragraph]:
    """The paragraphs; a newer page may have text between them, which is a paragraph too."""
    for child in element.children:
        if isinstance(child, str):
            if child.strip():
                yield Paragraph((Text(child),))
        elif child.name in {"p", "pre"}:
            yield Paragraph(tuple(_content(child.children, strong=False)), _align(child))
        elif content := tuple(_content((child,), strong=False)):
            yield Paragraph(content)


def _align(element: Element) -> Align:
    align = element.attributes.get("align", "").lower()
    return Align(align) if align in set(Align) else Align.LEFT


def _content(children: Iterable[Element | str], *, strong: bool) -> Iterator[Content]:
    for child in children:
        if isinstance(child, str):
            yield Text(child, strong)
            continue
        if child.name in _READ:
            yield _READ[child.name](child)
        elif child.name == "table":
            yield from _table_rows(child)
        elif child.name not in _NOT_SHOWN:
            if child.name == "fieldset" and (title := child.attributes.get("title")):
                yield from (Text(title, strong=True), Break())
            yield from _content(child.children, strong=strong or child.name in STRONG)


def _table_rows(table: Element) -> Iterator[Content]:
    """A table as lines, a row each; columns would need a wider screen than these phones had."""
    for row in table.all("tr"):
        for index, cell in enumerate(row.elements):
            if index:
                yield Text(CELL_GAP)
            yield from _content(cell.children, strong=cell.name == "th")
        yield Break()


def _label(children: Iterable[Element | str]) -> tuple[Text | Break | Image, ...]:
    return tuple(one for one in _content(children, strong=False) if isinstance(one, Text | Break | Image))


def _link(element: Element) -> Anchor:
    """`a`, or `anchor` with a task of its own."""
    task: Task = Go(element.attributes.get("href", ""))
    if element.name == "anchor":
        task = next((task_of(one) for one in element.elements if one.name in _TASKS), Noop())
    return Anchor(_label(element.children), task, element.attributes.get("accesskey", ""))


def image_of(element: Element) -> Image:
    return Image(element.attributes.get("src", ""), element.attributes.get("alt", ""))


def _input(element: Element) -> Input:
    said = element.attributes
    mask = said.get("format", "*M")
    return Input(
        name=said.get("name", ""),
        title=said.get("title", ""),
        value=said.get("value", ""),
        format=mask,
        secret=said.get("type") == "password",
        # Section 11.6.1: without `emptyok` a mask must be met; one that asks for nothing is met by nothing.
        empty_ok=said.get("emptyok", "true" if mask[:1] == "*" else "false") == "true",
        letters_max=count(said.get("maxlength", "")),
    )


def count(text: str) -> int:
    """A number written in a page; 0 for what is none, or would be no one's screen."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0  # noqa: PLR2004 - four digits


def _select(element: Element) -> Select:
    said = element.attributes
    return Select(
        name=said.get("name", ""),
        iname=said.get("iname", ""),
        title=said.get("title", ""),
        value=said.get("value", ""),
        ivalue=said.get("ivalue", ""),
        options=tuple(_options(element, "")),
        multiple=said.get("multiple") == "true",
    )


def _options(element: Element, group: str) -> Iterator[Option]:
    for child in element.elements:
        if child.name == "optgroup":
            yield from _options(child, child.attributes.get("title", group))
        elif child.name == "option":
            said = child.attributes
            inner = (task_of(one) for event in child.all("onevent") for one in event.elements if one.name in _TASKS)
            onpick = Go(said["onpick"]) if said.get("onpick") else next(inner, None)
            label = "".join(one for one in child.children if isinstance(one, str)).strip()
            yield Option(label or said.get("title", ""), said.get("value", ""), group, onpick)


_READ: Mapping[str, Callable[[Element], Content]] = {
    "br": lambda _: Break(),
    "img": image_of,
    "a": _link,
    "anchor": _link,
    "input": _input,
    "select": _select,
}
"""How each element that stands for something is read."""
