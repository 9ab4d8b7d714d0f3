"""A tree written as WAP binary XML (WAP-192) over the token tables of its document type."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from mobile_gateway.wire.wbxml import (
    CONVERSIONS,
    HAS_ATTRIBUTES,
    HAS_CONTENT,
    UINT32_MAX,
    UTF_8,
    Tables,
    Token,
)
from mobile_gateway.wire.xmltree import Element, is_sayable

_VALUE_LETTERS_MIN = 4
_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|\((?P<name>[A-Za-z_]\w*)(?::(?P<how>\w+))?\)|(?P<bare>[A-Za-z_]\w*)|(?P<wrong>))", re.ASCII
)
"""WML 1.1 section 10.3.1: `$$` is a dollar, `$(name)`, `$(name:conversion)` and `$name` are variables."""
_HOW = {"e": "escape", "n": "noesc", "u": "unesc"}
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z", re.ASCII)


class Unencodable(ValueError):
    """A tree that has no WBXML form; the message says what is in the way."""


def encode_uint(value: int) -> bytes:
    """WAP-192 section 5.1: seven bits an octet, high ones first, all but the last with the top bit set."""
    assert 0 <= value <= UINT32_MAX
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(value & 0x7F | 0x80)
    return bytes(reversed(octets))


def encode_date(text: str) -> bytes:
    """SI 1.0 section 8.2.2: `2026-11-22T10:00:00Z` as decimals, two an octet, zero octets at the end dropped."""
    found = _DATE.fullmatch(text)
    try:
        datetime.fromisoformat(text)
    except ValueError:
        found = None
    if not found:
        raise Unencodable(f"{text!r} is no date; write it as 2026-11-22T10:00:00Z.")
    return bytes.fromhex("".join(found.groups())).rstrip(b"\0")


def encode(root: Element, tables: Tables) -> bytes:
    """The tree's octets in UTF-8, strings said several times kept once where that is shorter; raises Unencodable."""
    writer = _Writer(tables, ())
    writer.element(root)
    if shared := [text for text, count in writer.said.items() if _is_worth_sharing(text, count)]:
        writer = _Writer(tables, shared)
        writer.element(root)
    strings = bytes(writer.strings)
    head = bytes([tables.version]) + encode_uint(tables.public_ids[0]) + encode_uint(UTF_8)
    return head + encode_uint(len(strings)) + strings + bytes(writer.octets)


def _is_worth_sharing(text: str, count: int) -> bool:
    """Whether one string in the table and references of at most 3 octets are shorter than the string each time."""
    size = len(text.encode())
    return count * (size + 2) > (size + 1) + count * 3


class _Writer:
    """Octets so far, the string table they refer to, and how often each inline string was said."""

    def __init__(self, tables: Tables, shared: Iterable[str]) -> None:
        self.octets = bytearray()
        self.strings = bytearray()
        self.said: Counter[str] = Counter()
        self._tables = tables
        self._index: dict[str, int] = {}
        self._tag_page = self._attribute_page = 0
        self._starts: dict[str, list[tuple[str, int]]] = {}
        for (name, start), token in sorted(tables.attributes.items(), key=lambda item: -len(item[0][1])):
            self._starts.setdefault(name, []).append((start, token))
        # A token in the middle costs the end of one string and the start of another: it pays from four letters on.
        worthy = sorted((text for text in tables.values if len(text) >= _VALUE_LETTERS_MIN), key=len, reverse=True)
        self._values = re.compile(f"({'|'.join(map(re.escape, worthy))})") if worthy else None
        for text in shared:
            self._index_of(text)
        self._shared = frozenset(self._index)

    def element(self, element: Element) -> None:
        """Write `element` and all in it."""
        bits = (HAS_ATTRIBUTES if element.attributes else 0) | (HAS_CONTENT if element.children else 0)
        token = self._tables.tags.get(element.name)
        if token is None:
            self.octets += bytes([Token.LITERAL | bits]) + encode_uint(self._index_of(element.name))
        else:
            if token >> 8 != self._tag_page:
                self._tag_page = token >> 8
                self.octets += bytes([Token.SWITCH_PAGE, self._tag_page])
            self.octets.append(token & 0xFF | bits)
        if element.attributes:
            for name, value in element.attributes.items():
                self._attribute(name, value)
            self.octets.append(Token.END)
        if element.children:
            for child in element.children:
                if isinstance(child, str):
                    self._text(child)
                else:
                    self.element(child)
            self.octets.append(Token.END)

    def _attribute(self, name: str, value: str) -> None:
        if name in self._tables.dates:
            octets = encode_date(value)
            self._start(self._tables.attributes[name, ""])
            self.octets += bytes([Token.OPAQUE]) + encode_uint(len(octets)) + octets
            return
        for start, token in self._starts.get(name, ()):
            if value.startswith(start):
                self._start(token)
                self._text(value[len(start) :], of=name)
                return
        self.octets += bytes([Token.LITERAL]) + encode_uint(self._index_of(name))
        self._text(value, of=name)

    def _start(self, token: int) -> None:
        self._turn_attributes_to(token >> 8)
        self.octets.append(token & 0xFF)

    def _turn_attributes_to(self, page: int) -> None:
        if page != self._attribute_page:
            self._attribute_page = page
            self.octets += bytes([Token.SWITCH_PAGE, page])

    def _text(self, text: str, *, of: str | None = None) -> None:
        """Text between tags, or the value of the attribute `of`."""
        if not is_sayable(text):
            raise Unencodable("The text holds a character that XML cannot carry; take it out.")
        if not self._tables.has_variables:
            self._plain(text, is_value=of is not None)
            return
        at, plain = 0, ""
        for found in _VARIABLE.finditer(text):
            plain += text[at : found.start()]
            at = found.end()
            if found["dollar"]:
                plain += "$"
                continue
            self._plain(plain, is_value=of is not None)
            plain = ""
            self._variable(found, escapes=of in self._tables.urls)
        self._plain(plain + text[at:], is_value=of is not None)

    def _variable(self, found: re.Match[str], *, escapes: bool) -> None:
        how = (found["how"] or ("escape" if escapes else "noesc")).lower()
        how = _HOW.get(how, how)
        if found["wrong"] is not None or how not in CONVERSIONS:
            raise Unencodable("A dollar sign begins no variable: write $$ for a dollar, $(name) for a variable.")
        name = found["name"] or found["bare"]
        conversion = CONVERSIONS.index(how)
        if name in self._shared:
            self.octets += bytes([Token.EXT_T_0 + conversion]) + encode_uint(self._index[name])
        else:
            self.said[name] += 1
            self.octets += bytes([Token.EXT_I_0 + conversion]) + name.encode() + b"\0"

    def _plain(self, text: str, *, is_value: bool) -> None:
        """Text without variables; in a value, its common pieces as tokens."""
        pieces = self._values.split(text) if self._values and is_value else [text]
        for piece in filter(None, pieces):
            if is_value and len(piece) >= _VALUE_LETTERS_MIN and piece in self._tables.values:
                token = self._tables.values[piece]
                self._turn_attributes_to(token >> 8)
                self.octets.append(token & 0xFF)
            elif piece in self._shared:
                self.octets += bytes([Token.STR_T]) + encode_uint(self._index[piece])
            else:
                self.said[piece] += 1
                self.octets += bytes([Token.STR_I]) + piece.encode() + b"\0"

    def _index_of(self, text: str) -> int:
        """Where `text` stands in the string table, put there if need be."""
        if text not in self._index:
            self._index[text] = len(self.strings)
            self.strings += text.encode() + b"\0"
        return self._index[text]
