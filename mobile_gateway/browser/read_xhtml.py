"""Reading XHTML-MP, what phones of 2003 were given, into one card: its forms become fields, its buttons links."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit, urlunsplit

from mobile_gateway.browser.deck import (
    FORM_VARIABLE,
    Anchor,
    Break,
    Card,
    Content,
    Deck,
    Go,
    Input,
    Noop,
    Option,
    Paragraph,
    Select,
    Text,
    Tick,
)
from mobile_gateway.browser.read_wml import CELL_GAP, STRONG, NotADeck, count, image_of
from mobile_gateway.browser.screen import Align
from mobile_gateway.browser.variables import literal
from mobile_gateway.wire.xmltree import Element

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "dt", "caption"})
_BLOCKS = frozenset({"p", "div", "address", "blockquote", "pre", "li", "dd", "fieldset"}) | _HEADINGS
_SILENT = frozenset({"script", "style", "head", "title", "param"})
_INPUT_FORMAT = re.compile(r"-wap-input-format\s*:\s*[\"']?([^\"';]+)")
_TEXT_ALIGN = re.compile(r"text-align\s*:\s*(left|center|right)")
_DIGITS = frozenset({"number", "tel"})


def deck_of(root: Element) -> Deck:
    """The page as a deck of one card. Raises NotADeck."""
    body = root.find("body")
    if root.name != "html" or body is None:
        raise NotADeck("a page without a body")
    head = root.find("head") or Element("head")
    title = head.find("title")
    flow = _Flow()
    flow.read(body.children, _Around())
    flow.end_block()
    card = Card("", literal(" ".join(title.text.split())) if title else "", tuple(flow.paragraphs))
    return Deck((card,), forms_apart=True)


@dataclass(frozen=True, slots=True)
class _Button:
    """A button of a form, where it stands, and what it sends of its own."""

    paragraph: int
    position: int
    link: Anchor
    name: str
    value: str


@dataclass
class _Form:
    """A form being read: where it goes, and what is sent."""

    action: str
    post: bool
    fields: list[tuple[str, str]] = field(default_factory=list)
    boxes: set[str] = field(default_factory=set)
    radios: dict[str, str] = field(default_factory=dict)
    buttons: list[_Button] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Around:
    """What holds for the text inside: its emphasis, its alignment, the form it is in."""

    strong: bool = False
    align: Align = Align.LEFT
    form: _Form | None = None


class _Flow:
    """Collects paragraphs. A button is written when its form ends, since fields may come after it."""

    def __init__(self) -> None:
        self.paragraphs: list[Paragraph] = []
        self._content: list[Content] = []
        self._align = Align.LEFT
        self._variables = 0

    def read(self, children: Iterable[Element | str], around: _Around) -> None:
        for child in children:
            if isinstance(child, str):
                self._content.append(Text(literal(child), around.strong))
            elif child.name in _BLOCKS:
                self._block(child, around)
            elif child.name == "tr":
                self._row(child, around)
            elif child.name in {"ul", "ol"}:
                self._list(child, around)
            elif child.name == "form":
                self._form(child, around)
            elif child.name not in _SILENT:
                self._inline(child, around)

    def end_block(self) -> None:
        """What was collected is a paragraph, unless it is nothing."""
        if any(not isinstance(one, Text) or one.text.strip() for one in self._content):
            self.paragraphs.append(Paragraph(tuple(self._content), self._align))
        self._content = []

    def _block(self, element: Element, around: _Around) -> None:
        self.end_block()
        style = _TEXT_ALIGN.search(element.attributes.get("style", ""))
        asked = style[1] if style else element.attributes.get("align", "")
        align = Align(asked) if asked in set(Align) else around.align
        outer, self._align = self._align, align
        self.read(element.children, _Around(around.strong or element.name in _HEADINGS, align, around.form))
        self.end_block()
        self._align = outer

    def _list(self, element: Element, around: _Around) -> None:
        for number, one in enumerate(element.all("li"), start=1):
            self.end_block()
            self._content.append(Text(f"{number}. " if element.name == "ol" else "- "))
            self.read(one.children, around)
            self.end_block()

    def _row(self, element: Element, around: _Around) -> None:
        """A row of a table is a line."""
        self.end_block()
        for index, cell in enumerate(element.elements):
            if index:
                self._content.append(Text(CELL_GAP))
            self.read(cell.children, around)
        self.end_block()

    def _inline(self, element: Element, around: _Around) -> None:
        said = element.attributes
        match element.name:
            case "br":
                self._content.append(Break())
            case "hr":
                self.end_block()
                self.paragraphs.append(Paragraph((Text("--------"),), Align.CENTER))
            case "img":
                self._content.append(image_of(element))
            case "a" if "href" in said:
                inner = _Flow()
                inner.read(element.children, _Around(around.strong))
                label = tuple(one for one in inner.everything() if not isinstance(one, Anchor | Input | Select | Tick))
                self._content.append(Anchor(label, Go(literal(said["href"])), said.get("accesskey", "")))
            case "input" | "button":
                self._control(element, around.form or _Form("", post=False))
            case "textarea":
                variable = self._variable()
                self._content.append(Input(variable, "", literal(element.text)))
                _sent(around.form, said.get("name"), variable)
            case "select":
                self._select(element, around.form or _Form("", post=False))
            case name:
                self.read(element.children, _Around(around.strong or name in STRONG, around.align, around.form))

    def everything(self) -> list[Content]:
        """All content so far, paragraphs run together."""
        return [one for paragraph in self.paragraphs for one in paragraph.content] + self._content

    # --- forms --------------------------------------------------------------------------------------------------------

    def _form(self, element: Element, around: _Around) -> None:
        said = element.attributes
        self.end_block()
        form = _Form(said.get("action", ""), said.get("method", "get").lower() == "post")
        self.read(element.children, _Around(around.strong, around.align, form))
        self.end_block()
        for button in form.buttons:
            self._write_button(form, button)

    def _write_button(self, form: _Form, button: _Button) -> None:
        """Put the link of a button where the button stood."""
        own = ((button.name, button.value),) if button.name else ()
        parts = urlsplit(form.action)
        action = form.action if form.post else urlunsplit(parts._replace(query=""))  # a form's query replaces it
        task = Go(literal(action), form.post, "utf-8", (*form.fields, *own), (), frozenset(form.boxes))
        before = self.paragraphs[button.paragraph]
        content = list(before.content)
        content[button.position] = replace(button.link, task=task)
        self.paragraphs[button.paragraph] = replace(before, content=tuple(content))

    def _control(self, element: Element, form: _Form) -> None:
        said = element.attributes
        name, value = said.get("name", ""), literal(said.get("value", ""))
        kind = said.get("type", "submit" if element.name == "button" else "text").lower()
        match kind:
            case "hidden":
                form.fields.append((literal(name), value))
            case "submit":
                label = literal(" ".join(element.text.split())) or value or "OK"
                link = Anchor((Text(f"[{label}]"),), Noop(), said.get("accesskey", ""))
                form.buttons.append(_Button(len(self.paragraphs), len(self._content), link, literal(name), value))
                self._content.append(link)
            case "radio":
                variable = form.radios.get(name) or self._variable()
                if name not in form.radios:
                    form.radios[name] = variable
                    form.boxes.add(literal(name))
                    _sent(form, name, variable)
                self._content.append(Tick(variable, said.get("value", "on"), single=True, ticked="checked" in said))
            case "checkbox":
                variable = self._variable()
                form.boxes.add(literal(name))
                _sent(form, name, variable)
                self._content.append(Tick(variable, said.get("value", "on"), single=False, ticked="checked" in said))
            case "reset" | "button" | "image" | "file":
                pass
            case _:
                self._text_field(element, form, value, digits=kind in _DIGITS or said.get("inputmode") == "numeric")

    def _text_field(self, element: Element, form: _Form, value: str, *, digits: bool) -> None:
        said = element.attributes
        mask = _INPUT_FORMAT.search(said.get("style", ""))
        variable = self._variable()
        self._content.append(
            Input(
                variable,
                literal(said.get("title", "")),
                value,
                mask[1].strip() if mask else "*N" if digits else "*M",
                secret=said.get("type") == "password",
                letters_max=count(said.get("maxlength", "")),
            )
        )
        _sent(form, said.get("name"), variable)

    def _select(self, element: Element, form: _Form) -> None:
        said = element.attributes
        name = said.get("name", "")
        options = list(_options(element))
        if "multiple" in said:
            for option in options:
                variable = self._variable()
                form.boxes.add(literal(name))
                _sent(form, name, variable)
                value, label = _value(option), literal(" ".join(option.text.split()))
                ticked = "selected" in option.attributes
                self._content += [Tick(variable, value, single=False, ticked=ticked), Text(f" {label}"), Break()]
            return
        variable = self._variable()
        chosen = next((index for index, option in enumerate(options, 1) if "selected" in option.attributes), 1)
        made = tuple(Option(literal(" ".join(one.text.split())), literal(_value(one))) for one in options)
        self._content.append(Select(variable, "", literal(said.get("title", "")), "", str(chosen), made))
        _sent(form, name, variable)

    def _variable(self) -> str:
        self._variables += 1
        return f"{FORM_VARIABLE}{self._variables}"


def _sent(form: _Form | None, name: str | None, variable: str) -> None:
    """The form sends the variable under the field's name; a field without one is not sent."""
    if form and name:
        form.fields.append((literal(name), f"$({variable})"))


def _options(select: Element) -> Iterable[Element]:
    for child in select.elements:
        if child.name == "optgroup":
            yield from child.all("option")
        elif child.name == "option":
            yield child


def _value(option: Element) -> str:
    return option.attributes.get("value", " ".join(option.text.split()))
