"""WAP binary XML (WBXML 1.1 to 1.3, WAP-192): its tokens, the tables of a document type, and octets read to a tree.

A table's token carries its code page in the high octet: 0x1C is page 0, 0x101C is page 16.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import NoReturn, TypeVar

from mobile_gateway.wire.xmltree import DEPTH_MAX, ELEMENTS_MAX, OCTETS_MAX, Element, is_sayable

T = TypeVar("T")

CHARACTERS_MAX = 262_144
"""How much text a document may unfold to: a reference of 2 octets can stand for the whole string table."""

UTF_8 = 106
"""IANA's MIBEnum of the charset we write."""

_CHARSETS: Mapping[int, tuple[str, int]] = {
    0: ("utf-8", 1),  # WAP-192 section 5.6: unknown; the transport may have said, and it says UTF-8
    3: ("ascii", 1),
    4: ("latin-1", 1),
    36: ("cp949", 1),  # KS_C_5601-1987
    38: ("cp949", 1),  # EUC-KR
    UTF_8: ("utf-8", 1),
    1000: ("utf-16-be", 2),  # ISO-10646-UCS-2
    1015: ("utf-16-be", 2),  # UTF-16
}
"""Python's codec by MIBEnum, and how many zero octets end a string in it."""


class Token(IntEnum):
    """WAP-192 section 7.1: the tokens that mean the same in every code page."""

    SWITCH_PAGE = 0x00
    END = 0x01
    ENTITY = 0x02
    STR_I = 0x03
    LITERAL = 0x04
    EXT_I_0 = 0x40
    PI = 0x43
    EXT_T_0 = 0x80
    STR_T = 0x83
    EXT_0 = 0xC0
    OPAQUE = 0xC3


HAS_CONTENT = 0x40
HAS_ATTRIBUTES = 0x80
_TAG_BITS = 0x3F
_FIRST_VALUE = 0x80
_UNICODE_MAX = 0x10_FFFF
_VERSIONS = range(0x01, 0x04)
_UINT32_OCTETS_MAX = 5
UINT32_MAX = 0xFFFF_FFFF
_DATE_OCTETS_MAX = 7
CONVERSIONS = ("escape", "unesc", "noesc")
"""WML 1.1 section 14.1: what the extension tokens 0, 1 and 2 do to a variable's value."""
_VARIABLE_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_TOO_SHORT = "the octets end too early"
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9._:-]{0,63}")
_EXT_I = range(Token.EXT_I_0, Token.EXT_I_0 + 3)
_EXT_T = range(Token.EXT_T_0, Token.EXT_T_0 + 3)
_EXT = range(Token.EXT_0, Token.EXT_0 + 3)
_TEXT = frozenset({Token.ENTITY, Token.STR_I, Token.STR_T, Token.OPAQUE, *_EXT_I, *_EXT_T, *_EXT})


class MalformedWbxml(ValueError):
    """Octets that are no WBXML of the expected type, or too much of it; the message says what and where."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What one document type's tokens mean. `attributes` maps (name, beginning of the value) to a token."""

    public_ids: tuple[int, ...]
    tags: Mapping[str, int]
    attributes: Mapping[tuple[str, str], int]
    values: Mapping[str, int] = field(default_factory=dict)
    dates: frozenset[str] = frozenset()
    """Attributes whose value travels as OPAQUE binary-coded decimals."""
    has_variables: bool = False
    """Whether `$(name)` in text is a variable, which travels as an extension token (WML)."""
    urls: frozenset[str] = frozenset()
    """Attributes in which a variable is escaped as in a URL unless it says otherwise."""
    version: int = 0x02
    """What an encoded document says of itself: 1 is WBXML 1.1, 2 is 1.2. The octets that we use are the same in all."""
    tag_names: Mapping[int, str] = field(init=False)
    attribute_starts: Mapping[int, tuple[str, str]] = field(init=False)
    value_texts: Mapping[int, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tag_names", {token: name for name, token in self.tags.items()})
        object.__setattr__(self, "attribute_starts", {token: start for start, token in self.attributes.items()})
        object.__setattr__(self, "value_texts", {token: text for text, token in self.values.items()})


def decode_date(octets: bytes) -> str:
    """The date that decimals say; raises MalformedWbxml."""
    digits = octets.hex().ljust(2 * _DATE_OCTETS_MAX, "0")
    try:
        # Given too many digits, strptime refuses as well.
        date = datetime.strptime(f"{digits}Z", "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise MalformedWbxml(f"{octets[:16].hex()} is no date.") from None
    return date.isoformat().replace("+00:00", "Z")


def decode(octets: bytes, tables: Tables) -> Element:
    """The tree that `octets` say; raises MalformedWbxml and nothing else."""
    return _Reader(octets, tables).document()


class _Reader:
    """A place in the octets. Whatever is read is checked to be there first."""

    def __init__(self, octets: bytes, tables: Tables) -> None:
        if len(octets) > OCTETS_MAX:
            raise MalformedWbxml(f"The document has {len(octets)} octets and {OCTETS_MAX} are read.")
        self._octets = octets
        self._at = 0
        self._tables = tables
        self._tag_page = self._attribute_page = 0
        self._elements = self._characters = 0
        self._codec, self._zeros, self._strings = "utf-8", 1, b""

    # --- the frame ----------------------------------------------------------------------------------------------------

    def document(self) -> Element:
        version = self._octet()
        if version not in _VERSIONS:
            self._refuse(f"WBXML version octet {version:#04x} is not 1.1, 1.2 or 1.3")
        public_id = self._uint()
        public_id_index = self._uint() if public_id == 0 else None
        charset = self._uint()
        if charset not in _CHARSETS:
            self._refuse(f"charset {charset} is not known")
        self._codec, self._zeros = _CHARSETS[charset]
        self._strings = self._take(self._uint())
        if public_id_index is not None:
            self._table_string(public_id_index)  # a public identifier by name: any, as long as it is there
        elif public_id not in self._tables.public_ids and public_id != 1:  # 1: unknown or missing
            self._refuse(f"public identifier {public_id:#x} is another document type")
        self._skip_instructions()
        root = self._element(DEPTH_MAX)
        self._skip_instructions()
        if self._at != len(self._octets):
            self._refuse("something follows the document")
        return root

    def _skip_instructions(self) -> None:
        while self._peek() == Token.PI:
            self._octet()
            self._attribute_list()

    def _element(self, depth_left: int) -> Element:
        self._elements += 1
        if depth_left == 0 or self._elements > ELEMENTS_MAX:
            self._refuse(f"deeper than {DEPTH_MAX} or more than {ELEMENTS_MAX} elements")
        while self._peek() == Token.SWITCH_PAGE:
            self._tag_page = self._switch()
        tag = self._octet()
        code = tag & _TAG_BITS
        if code == Token.LITERAL:
            name = self._name(self._table_string(self._uint()))
        else:
            name = self._known(self._tables.tag_names, self._tag_page << 8 | code, "tag")
        attributes = self._attribute_list() if tag & HAS_ATTRIBUTES else {}
        return Element(name, attributes, self._content(depth_left) if tag & HAS_CONTENT else ())

    def _content(self, depth_left: int) -> tuple[Element | str, ...]:
        children: list[Element | str] = []
        text: list[str] = []
        while (token := self._peek()) != Token.END:
            if token == Token.SWITCH_PAGE:
                self._tag_page = self._switch()
            elif token == Token.PI:
                self._octet()
                self._attribute_list()
            elif token in _TEXT:
                text.append(self._text())
            else:
                children += ["".join(text)] if text else []
                text = []
                children.append(self._element(depth_left - 1))
        self._octet()
        return (*children, *(["".join(text)] if text else []))

    def _attribute_list(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while (token := self._octet()) != Token.END:
            if token == Token.SWITCH_PAGE:
                self._attribute_page = self._octet()
                continue
            if token == Token.LITERAL:
                name, start = self._name(self._table_string(self._uint())), ""
            else:
                name, start = self._known(self._tables.attribute_starts, self._attribute_page << 8 | token, "attribute")
            if name in found:
                self._refuse(f"attribute {name} comes twice")
            found[name] = self._attribute_value(name, start)
        return found

    def _attribute_value(self, name: str, start: str) -> str:
        pieces = [start]
        while True:
            token = self._peek()
            if token == Token.SWITCH_PAGE:
                self._octet()
                self._attribute_page = self._octet()
            elif token == Token.OPAQUE and name in self._tables.dates:
                self._octet()
                pieces.append(self._counted(decode_date(self._take(self._uint()))))
            elif token in _TEXT:
                pieces.append(self._text(escapes=name in self._tables.urls))
            elif token >= _FIRST_VALUE:
                code = self._attribute_page << 8 | self._octet()
                pieces.append(self._counted(self._known(self._tables.value_texts, code, "value")))
            else:
                return "".join(pieces)

    # --- text ---------------------------------------------------------------------------------------------------------

    def _text(self, *, escapes: bool = False) -> str:
        """One piece of text. `escapes`: a variable here is escaped unless it says otherwise."""
        token = self._octet()
        if token in _EXT_I:
            return self._variable(self._inline_string(), token - Token.EXT_I_0, escapes=escapes)
        if token in _EXT_T:
            return self._variable(self._table_string(self._uint()), token - Token.EXT_T_0, escapes=escapes)
        match token:
            case Token.ENTITY:
                text = self._entity()
            case Token.STR_I:
                text = self._inline_string()
            case Token.STR_T:
                text = self._table_string(self._uint())
            case Token.OPAQUE:
                text = self._decoded(self._take(self._uint()))
            case _:
                self._refuse(f"extension {token:#04x} means nothing here")
        return self._counted(text.replace("$", "$$") if self._tables.has_variables else text)

    def _variable(self, name: str, conversion: int, *, escapes: bool) -> str:
        if not self._tables.has_variables or not _VARIABLE_NAME.fullmatch(name):
            self._refuse("a variable where there are none, or with a name that is none")
        is_default = CONVERSIONS[conversion] == ("escape" if escapes else "noesc")
        return self._counted(f"$({name})" if is_default else f"$({name}:{CONVERSIONS[conversion]})")

    def _entity(self) -> str:
        code = self._uint()
        # Surrogates are among what XML cannot say.
        if code > _UNICODE_MAX or not is_sayable(chr(code)):
            self._refuse(f"there is no character {code:#x} in XML")
        return chr(code)

    def _inline_string(self) -> str:
        end = self._end_of_string(self._octets, self._at)
        text = self._decoded(self._octets[self._at : end])
        self._at = end + self._zeros
        return text

    def _table_string(self, index: int) -> str:
        return self._decoded(self._strings[index : self._end_of_string(self._strings, index)])

    def _end_of_string(self, octets: bytes, start: int) -> int:
        """Where the zeros begin that end the string at `start`."""
        zeros = bytes(self._zeros)
        end = octets.find(zeros, start)
        while end >= 0 and (end - start) % self._zeros:
            end = octets.find(zeros, end + 1)
        if end < 0:
            self._refuse("a string does not end")
        return end

    def _decoded(self, octets: bytes) -> str:
        try:
            text = octets.decode(self._codec)
        except UnicodeDecodeError:
            self._refuse(f"a string is no {self._codec}")
        if not is_sayable(text):
            self._refuse("a string holds what XML cannot say")
        return text

    def _counted(self, text: str) -> str:
        self._characters += len(text)
        if self._characters > CHARACTERS_MAX:
            self._refuse(f"more than {CHARACTERS_MAX} characters of text")
        return text

    # --- octets -------------------------------------------------------------------------------------------------------

    def _name(self, text: str) -> str:
        if not _NAME.fullmatch(text):
            self._refuse("a literal name is none")
        return self._counted(text)

    def _known(self, table: Mapping[int, T], code: int, what: str) -> T:
        if code not in table:
            self._refuse(f"{what} {code:#04x} is not of this document type")
        return table[code]

    def _switch(self) -> int:
        self._octet()
        return self._octet()

    def _peek(self) -> int:
        """The next octet, or -1 at the end: no token is negative, so only `_octet` has to refuse."""
        return self._octets[self._at] if self._at < len(self._octets) else -1

    def _octet(self) -> int:
        octet = self._peek()
        if octet < 0:
            self._refuse(_TOO_SHORT)
        self._at += 1
        return octet

    def _take(self, count: int) -> bytes:
        taken = self._octets[self._at : self._at + count]
        if len(taken) < count:
            self._refuse(_TOO_SHORT)
        self._at += count
        return taken

    def _uint(self) -> int:
        value = 0
        for _ in range(_UINT32_OCTETS_MAX):
            octet = self._octet()
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                break
        else:
            self._refuse("a number does not end")
        if value > UINT32_MAX:
            self._refuse("a number has more than 32 bits")
        return value

    def _refuse(self, why: str) -> NoReturn:
        raise MalformedWbxml(f"No WBXML of this type: {why} (at octet {self._at}).")
