"""WML 1.1 (WAP-191): the pages of the first phones with a browser, as text and compiled (WMLC)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mobile_gateway.wire import wbxml
from mobile_gateway.wire.wbxml_writing import encode
from mobile_gateway.wire.xmltree import Doctype, Element

WML = "text/vnd.wap.wml"
WMLC = "application/vnd.wap.wmlc"
XHTML_MP = "application/vnd.wap.xhtml+xml"
XHTML = "application/xhtml+xml"
WBMP = "image/vnd.wap.wbmp"

DOCTYPE = Doctype("wml", "-//WAPFORUM//DTD WML 1.1//EN", "http://www.wapforum.org/DTD/wml_1.1.xml")
XHTML_MP_DOCTYPE = Doctype(
    "html", "-//WAPFORUM//DTD XHTML Mobile 1.0//EN", "http://www.wapforum.org/DTD/xhtml-mobile10.dtd"
)

COMPILED_OCTETS_MAX = 1400
"""What the phones of 2000 were sure to take as one deck."""

_PUBLIC_IDS = (0x04, 0x02, 0x09, 0x0A)
"""WML 1.1, which we write; 1.0, 1.2 and 1.3 share its tokens and are read."""

_TAGS = {
    "a": 0x1C, "anchor": 0x22, "access": 0x23, "b": 0x24, "big": 0x25, "br": 0x26, "card": 0x27, "do": 0x28,
    "em": 0x29, "fieldset": 0x2A, "go": 0x2B, "head": 0x2C, "i": 0x2D, "img": 0x2E, "input": 0x2F, "meta": 0x30,
    "noop": 0x31, "p": 0x20, "postfield": 0x21, "prev": 0x32, "onevent": 0x33, "optgroup": 0x34, "option": 0x35,
    "refresh": 0x36, "select": 0x37, "setvar": 0x3E, "small": 0x38, "strong": 0x39, "table": 0x1F, "td": 0x1D,
    "template": 0x3B, "timer": 0x3C, "tr": 0x1E, "u": 0x3D, "wml": 0x3F,
}  # fmt: skip
_LATER_TAGS = {"pre": 0x1B}

_ATTRIBUTES = {
    ("accept-charset", ""): 0x05,
    ("align", ""): 0x52, ("align", "bottom"): 0x06, ("align", "center"): 0x07, ("align", "left"): 0x08,
    ("align", "middle"): 0x09, ("align", "right"): 0x0A, ("align", "top"): 0x0B,
    ("alt", ""): 0x0C, ("class", ""): 0x54, ("columns", ""): 0x53,
    ("content", ""): 0x0D, ("content", "application/vnd.wap.wmlc;charset="): 0x5C,
    ("domain", ""): 0x0F, ("emptyok", "false"): 0x10, ("emptyok", "true"): 0x11, ("format", ""): 0x12,
    ("forua", "false"): 0x56, ("forua", "true"): 0x57, ("height", ""): 0x13,
    ("href", ""): 0x4A, ("href", "http://"): 0x4B, ("href", "https://"): 0x4C, ("hspace", ""): 0x14,
    ("http-equiv", ""): 0x5A, ("http-equiv", "Content-Type"): 0x5B, ("http-equiv", "Expires"): 0x5D,
    ("id", ""): 0x55, ("iname", ""): 0x16, ("ivalue", ""): 0x15, ("label", ""): 0x18, ("localsrc", ""): 0x19,
    ("maxlength", ""): 0x1A, ("method", "get"): 0x1B, ("method", "post"): 0x1C,
    ("mode", "nowrap"): 0x1D, ("mode", "wrap"): 0x1E, ("multiple", "false"): 0x1F, ("multiple", "true"): 0x20,
    ("name", ""): 0x21, ("newcontext", "false"): 0x22, ("newcontext", "true"): 0x23,
    ("onenterbackward", ""): 0x25, ("onenterforward", ""): 0x26, ("onpick", ""): 0x24, ("ontimer", ""): 0x27,
    ("optional", "false"): 0x28, ("optional", "true"): 0x29, ("ordered", "false"): 0x34, ("ordered", "true"): 0x33,
    ("path", ""): 0x2A, ("scheme", ""): 0x2E, ("sendreferer", "false"): 0x2F, ("sendreferer", "true"): 0x30,
    ("size", ""): 0x31, ("src", ""): 0x32, ("src", "http://"): 0x58, ("src", "https://"): 0x59,
    ("tabindex", ""): 0x35, ("title", ""): 0x36,
    ("type", ""): 0x37, ("type", "accept"): 0x38, ("type", "delete"): 0x39, ("type", "help"): 0x3A,
    ("type", "onenterbackward"): 0x3D, ("type", "onenterforward"): 0x3E, ("type", "onpick"): 0x3C,
    ("type", "ontimer"): 0x3F, ("type", "options"): 0x45, ("type", "password"): 0x3B, ("type", "prev"): 0x46,
    ("type", "reset"): 0x47, ("type", "text"): 0x48, ("type", "vnd."): 0x49,
    ("value", ""): 0x4D, ("vspace", ""): 0x4E, ("width", ""): 0x4F, ("xml:lang", ""): 0x50,
}  # fmt: skip
_LATER_ATTRIBUTES = {
    ("accesskey", ""): 0x5E, ("cache-control", "no-cache"): 0x64, ("enctype", ""): 0x5F,
    ("enctype", "application/x-www-form-urlencoded"): 0x60, ("enctype", "multipart/form-data"): 0x61,
    ("xml:space", "default"): 0x63, ("xml:space", "preserve"): 0x62,
}  # fmt: skip

_VALUES = {
    ".com/": 0x85, ".edu/": 0x86, ".net/": 0x87, ".org/": 0x88, "accept": 0x89, "bottom": 0x8A, "clear": 0x8B,
    "delete": 0x8C, "help": 0x8D, "http://": 0x8E, "http://www.": 0x8F, "https://": 0x90, "https://www.": 0x91,
    "middle": 0x93, "nowrap": 0x94, "onpick": 0x95, "onenterbackward": 0x96, "onenterforward": 0x97, "ontimer": 0x98,
    "options": 0x99, "password": 0x9A, "reset": 0x9B, "text": 0x9D, "top": 0x9E, "unknown": 0x9F, "wrap": 0xA0,
}  # fmt: skip
_READ_VALUES = {"www.": 0xA1}
"""The specification prints `Www.`, compilers mean `www.`: read, and never written."""

_URLS = frozenset({"href", "src", "onenterbackward", "onenterforward", "onpick", "ontimer"})


def _tables(
    tags: Mapping[str, int], attributes: Mapping[tuple[str, str], int], values: Mapping[str, int]
) -> wbxml.Tables:
    return wbxml.Tables(_PUBLIC_IDS, tags, attributes, values, has_variables=True, urls=_URLS, version=0x01)


WML_1_1 = _tables(_TAGS, _ATTRIBUTES, _VALUES)
"""What a phone of 2000 knows, and what we write."""
WML_1_3 = _tables(_TAGS | _LATER_TAGS, _ATTRIBUTES | _LATER_ATTRIBUTES, _VALUES | _READ_VALUES)
"""What came later as well, and what we read."""

_HOLDS_TEXT = frozenset({"p", "em", "strong", "i", "b", "u", "big", "small", "a", "anchor", "td", "option", "fieldset"})
_SPACES = re.compile("[ \t\r\n]+")


def compile(deck: Element) -> bytes:  # noqa: A001 - what one does with WML; the built-in is nobody's business here
    """The deck as WMLC (WML 1.1, UTF-8) without the white space that phones ignore; raises Unencodable.

    The caller compares the length with COMPILED_OCTETS_MAX.
    """
    return encode(_without_idle_space(deck), WML_1_1)


def decompile(octets: bytes) -> Element:
    """The deck that WMLC of version 1.0 to 1.3 says; raises MalformedWbxml."""
    return wbxml.decode(octets, WML_1_3)


def _without_idle_space(element: Element) -> Element:
    """WML 1.1 section 5.3: runs of white space are one space; between elements that hold no text they are nothing."""
    if element.name == "pre":
        return element
    children: list[Element | str] = []
    for child in element.children:
        if isinstance(child, Element):
            children.append(_without_idle_space(child))
        elif element.name in _HOLDS_TEXT:
            children.append(_SPACES.sub(" ", child))
        elif child.strip():
            children.append(child)
    if element.name in {"p", "td", "option"}:
        _trim(children)
    return Element(element.name, element.attributes, tuple(child for child in children if child))


def _trim(children: list[Element | str]) -> None:
    """Take the space before the first word and after the last: a line begins and ends there anyway."""
    if children and isinstance(children[0], str):
        children[0] = children[0].lstrip(" ")
    if children and isinstance(children[-1], str):
        children[-1] = children[-1].rstrip(" ")
