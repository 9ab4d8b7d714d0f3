"""Whatever a page holds and whatever is pressed: the browser shows a screen, remembers itself, and never fails."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surfer_kit import BARCODE, HOME, SITE, Surfer, deck, page

from mobile_gateway.browser import Browser, Display, Failure, Loaded
from mobile_gateway.keys import Key
from mobile_gateway.wire import wml
from mobile_gateway.wire.xmltree import Element, write

# --- any deck, any keys -----------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["", "a", "$(v)", "#one", "/wap", "/p", "1", "2;1", "*N", "true", "center", "한글 표", "$$", "x" * 50]
)
# fmt: off
NAMES = st.sampled_from([
    "p", "p", "p", "a", "a", "anchor", "go", "prev", "refresh", "setvar", "postfield", "do", "do", "onevent", "timer",
    "input", "input", "select", "option", "optgroup", "fieldset", "table", "tr", "td", "img", "br", "b", "template",
    "noop", "form", "ul", "li", "h1", "textarea",
])
ATTRIBUTES = st.dictionaries(
    st.sampled_from([
        "href", "title", "name", "value", "iname", "ivalue", "type", "id", "label", "format", "maxlength", "multiple",
        "method", "src", "alt", "onpick", "emptyok", "onenterforward", "onenterbackward", "ontimer", "newcontext",
        "accesskey",
    ]),
    WORDS,
    max_size=3,
)
# fmt: on
TYPES = st.sampled_from(
    ["accept", "prev", "options", "password", "onenterforward", "ontimer", "submit", "radio", "onpick"]
)


def _element(children: st.SearchStrategy[Element | str]) -> st.SearchStrategy[Element]:
    def made(name: str, attributes: dict[str, str], kind: str, inside: list[Element | str]) -> Element:
        return Element(name, {**attributes, "type": kind}, tuple(inside))

    return st.builds(made, NAMES, ATTRIBUTES, TYPES, st.lists(children, max_size=4))


CONTENT: st.SearchStrategy[Element | str] = st.recursive(WORDS, _element, max_leaves=12)
CARDS = st.builds(
    lambda attributes, content: Element("card", {**attributes, "id": "one"}, tuple(content)),
    ATTRIBUTES,
    st.lists(CONTENT, max_size=5),
)
DECKS = st.lists(CARDS, min_size=1, max_size=3).map(lambda cards: Element("wml", {}, tuple(cards)))
KEYS = st.lists(st.sampled_from([key.value for key in Key if key is not Key.END]), max_size=15)
DISPLAYS = st.builds(Display, st.integers(2, 30), st.integers(1, 8), st.integers(1, 12))


@given(DECKS, KEYS, DISPLAYS)
@settings(max_examples=50)
def test_any_keys_on_any_deck_give_a_screen_that_fits(root: Element, keys: list[str], display: Display) -> None:
    surf(write(root), wml.WML, keys, display)


@given(st.lists(CONTENT, max_size=5), KEYS, DISPLAYS)
@settings(max_examples=40)
def test_any_keys_on_any_xhtml_page_give_a_screen_that_fits(
    content: list[Element | str], keys: list[str], display: Display
) -> None:
    body = Element("html", {}, (Element("body", {}, tuple(content)),))
    surf(write(body), wml.XHTML_MP, keys, display)


def surf(text: str, kind: str, keys: list[str], display: Display) -> None:
    there = Loaded(HOME, 200, kind, text.encode())
    phone = Surfer({"/wap": there, "/p": BARCODE, "/": there}, display=display)
    for key in keys:
        screen = phone.press(key)
        assert len(screen.rows) <= display.rows
        assert all(sum(map(display.measure, row.text)) <= display.width for row in screen.rows)
        assert 0 <= screen.first_row <= max(0, screen.total_rows - 1)
        phone.tick()


@given(st.binary(max_size=60), st.sampled_from([wml.WML, wml.WMLC, wml.XHTML_MP, wml.WBMP, "", ";charset="]))
@settings(max_examples=80)
def test_any_octets_of_any_kind_are_a_page_or_a_trouble(octets: bytes, kind: str) -> None:
    for head in (b"", b"\x03\x04\x6a\x00\x7f\x67", b"<wml><card>"):
        phone = Surfer({"/wap": Loaded(HOME, 200, kind, head + octets)})
        assert phone.screen.title


# --- memory -----------------------------------------------------------------------------------------------------------

FORM = page('<input name="v"/><select name="s"><option value="1">a</option></select><a href="/x">x</a>')


def remembered(*keys: str) -> dict[str, object]:
    """The memory of a phone that has a page, a way back, something over the page, and a request under way."""
    phone = Surfer({"/wap": FORM, "/x": Loaded(f"{SITE}/x", 0, "", b"", Failure.TIMEOUT)})
    phone.press(*keys)
    memory: dict[str, object] = json.loads(json.dumps(phone.browser.to_json()))
    return memory


Spoil = Callable[[dict[str, object]], None]


def within(name: str, **values: object) -> Spoil:
    def spoil(memory: dict[str, object]) -> None:
        inner = memory[name]
        assert isinstance(inner, dict)
        inner.update(values)

    return spoil


def put(**values: object) -> Spoil:
    return lambda memory: memory.update(values)


BROKEN: Mapping[str, tuple[tuple[str, ...], Spoil]] = {
    "nothing": ((), lambda memory: memory.clear()),
    "a list for the variables": ((), put(variables=[])),
    "a number for a variable": ((), put(variables={"v": 1})),
    "a picture that is no base64": ((), put(pictures={"u": "***"})),
    "an unknown trouble": ((), put(trouble="x")),
    "an unknown notice": ((), put(notice="x")),
    "a card beyond the page": ((), within("place", card=1)),
    "a page that is none": ((), within("place", body="AAAA")),
    "a place of another shape": ((), put(history=["x"])),
    "a list without a page": (("soft_left",), put(place=None)),
    "options beyond the end": (("soft_left",), put(overlay={"menu": 9})),
    "an overlay that is none": (("ok",), put(overlay={"x": 1})),
    "a list in the place of a field": ((), put(overlay={"choosing": 0, "at": 0, "picked": []})),
    "a field in the place of a list": ((), put(overlay={"typing": 1, "text": "", "entry": "abc", "cycling": ""})),
    "an option beyond the end": ((), put(overlay={"choosing": 1, "at": 1, "picked": []})),
    "an unknown way of typing": (("ok",), within("overlay", entry="x")),
    "a waiting without an address": (("down", "down", "ok"), within("waiting", url=None)),
}


@pytest.mark.parametrize("what", sorted(BROKEN))
def test_a_memory_that_is_none_is_a_value_error(what: str) -> None:
    keys, spoil = BROKEN[what]
    memory = copy.deepcopy(remembered(*keys))
    spoil(memory)
    with pytest.raises(ValueError, match=r"."):
        Browser.from_json(memory, Display())


def test_a_letter_that_is_being_changed_goes_on_after_the_memory() -> None:
    memory = remembered("ok", "2")
    browser, _ = Browser.from_json(memory, Display()).press(Key.TWO)
    assert browser.view().rows[0].text == "b"


def test_a_failed_page_can_be_asked_for_again_after_the_memory() -> None:
    browser, effects = Browser.from_json(remembered("down", "down", "ok"), Display()).press(Key.OK)
    assert [effect.url for effect in effects if hasattr(effect, "url")] == [f"{SITE}/x"]
    assert browser.view().title == "tickets.example"


def test_the_memory_of_ten_pages_stays_small() -> None:
    card = deck(f'<card><p><a href="/wap">x</a> {"long text " * 120}</p></card>')
    phone = Surfer(card)
    for _ in range(15):
        phone.press("ok")
    assert len(phone.paths) == 16
    assert len(json.dumps(phone.browser.to_json())) < 25_000
