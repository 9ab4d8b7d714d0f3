"""From the octets of a page to its cards, by its content type, with a limit for each kind."""

from __future__ import annotations

from functools import lru_cache

from mobile_gateway.browser.deck import Deck
from mobile_gateway.browser.read_wml import NotADeck
from mobile_gateway.browser.read_wml import deck_of as wml_deck
from mobile_gateway.browser.read_xhtml import deck_of as xhtml_deck
from mobile_gateway.browser.state import PAGE_OCTETS_MAX, Page, Trouble
from mobile_gateway.wire import wml
from mobile_gateway.wire.wbxml import MalformedWbxml
from mobile_gateway.wire.xmltree import Element, MalformedXml, parse

XHTML_KINDS = frozenset({wml.XHTML_MP, wml.XHTML, "text/html"})
DEPTH_MAX = 20
ELEMENTS_MAX = 1000
"""Ten thousand octets hold more than two thousand empty elements; no screen of these phones does."""


class Unreadable(ValueError):
    """A page that cannot be shown, and what to say instead."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


@lru_cache(maxsize=128)
def deck_of(page: Page) -> Deck:
    """The cards of a page; a page is read again at each key, so the last ones are remembered. Raises Unreadable."""
    kind = page.content_type.partition(";")[0].strip().lower()
    limit = wml.COMPILED_OCTETS_MAX if kind == wml.WMLC else PAGE_OCTETS_MAX
    if len(page.body) > limit:
        raise Unreadable(Trouble.TOO_LARGE)
    try:
        if kind == wml.WMLC:
            return wml_deck(_bounded(wml.decompile(page.body)))
        if kind == wml.WML:
            return wml_deck(tree_of(page.body, page.content_type))
        if kind in XHTML_KINDS:
            return xhtml_deck(tree_of(page.body, page.content_type))
    except (MalformedXml, MalformedWbxml, NotADeck):
        raise Unreadable(Trouble.MALFORMED) from None
    raise Unreadable(Trouble.UNKNOWN_KIND)


def _bounded(root: Element) -> Element:
    """A compiled page may name a long string often: it must not be larger than a page could be as text."""
    letters = elements = 0
    stack = [root]
    while stack:
        element = stack.pop()
        elements += 1
        letters += sum(map(len, element.attributes.values()))
        letters += sum(len(child) for child in element.children if isinstance(child, str))
        if letters > PAGE_OCTETS_MAX or elements > ELEMENTS_MAX:
            raise Unreadable(Trouble.TOO_LARGE)
        stack += element.elements
    return root


def tree_of(body: bytes, content_type: str, *, octets_max: int = PAGE_OCTETS_MAX) -> Element:
    """A page's elements; the charset of the Content-Type wins over the document's own. Raises MalformedXml."""
    return parse(
        body, octets_max=octets_max, depth_max=DEPTH_MAX, elements_max=ELEMENTS_MAX, charset=_charset(content_type)
    )


def _charset(content_type: str) -> str | None:
    """The charset that the Content-Type names; None where the document says it itself."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower() or None
    return None
