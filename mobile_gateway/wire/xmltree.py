"""XML as a small tree of values, read with limits on everything and with no entity but those every parser knows.

A DOCTYPE may name an external DTD, as WML and PAP demand, and hold a processing instruction, as PAP's version does;
nothing is ever fetched, and a DOCTYPE that declares something is refused: entities and default attributes let a small
document fill the memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from defusedxml.ElementTree import ParseError, XMLParser

OCTETS_MAX = 65_536
DEPTH_MAX = 32
ELEMENTS_MAX = 4_096
"""What a caller that has no reason for other limits should allow."""

_XML_NAMESPACE = "{http://www.w3.org/XML/1998/namespace}"
_ENCODING = re.compile(rb"""^\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_KOREAN = frozenset({"euc-kr", "ks_c_5601-1987", "ksc5601", "ks_c_5601", "cp949", "ms949", "x-windows-949"})
"""Charsets of Korean phones' pages, which expat cannot read; all are within Python's cp949."""
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0 section 2.2: what cannot stand in a document, not even as a reference."""
_WML_ENTITIES = {"nbsp": "\u00a0", "shy": "\u00ad", "quot": '"', "amp": "&", "apos": "'", "lt": "<", "gt": ">"}
"""What the WML and XHTML-MP DTDs declare; known here because no DTD is fetched."""


class MalformedXml(ValueError):
    """A document that is no XML, or that is larger, deeper or sharper than we read; the message says which."""


@dataclass(frozen=True, slots=True)
class Doctype:
    """The document type a document claims: its root's name and where its DTD would be."""

    name: str
    public_id: str | None = None
    system_id: str | None = None

    def __str__(self) -> str:
        if self.public_id is not None:
            return f'<!DOCTYPE {self.name} PUBLIC "{self.public_id}" "{self.system_id or ""}">'
        return f'<!DOCTYPE {self.name} SYSTEM "{self.system_id}">' if self.system_id else f"<!DOCTYPE {self.name}>"


@dataclass(frozen=True, slots=True)
class Element:
    """One element. Names are local names; of attributes in a namespace only XML's own (`xml:lang`) are kept."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple[Element | str, ...] = ()

    @property
    def text(self) -> str:
        """All text within, in the order of the document."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @property
    def elements(self) -> Iterator[Element]:
        """The children that are elements."""
        return (child for child in self.children if isinstance(child, Element))

    def find(self, name: str) -> Element | None:
        """The first child element called `name`."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[Element]:
        """Every child element called `name`."""
        return (child for child in self.elements if child.name == name)


@dataclass(frozen=True, slots=True)
class Document:
    """A root element and the document type it came with."""

    doctype: Doctype | None
    root: Element


def parse(
    octets: bytes,
    *,
    octets_max: int = OCTETS_MAX,
    depth_max: int = DEPTH_MAX,
    elements_max: int = ELEMENTS_MAX,
    charset: str | None = None,
) -> Element:
    """The root element of a document; see `parse_document`."""
    limits = {"octets_max": octets_max, "depth_max": depth_max, "elements_max": elements_max}
    return parse_document(octets, charset=charset, **limits).root


def parse_document(
    octets: bytes,
    *,
    octets_max: int = OCTETS_MAX,
    depth_max: int = DEPTH_MAX,
    elements_max: int = ELEMENTS_MAX,
    charset: str | None = None,
) -> Document:
    """Read a whole document; `charset`, when the transport names one, wins over the document's own. MalformedXml."""
    if len(octets) > octets_max:
        raise MalformedXml(f"The document has {len(octets)} octets and {octets_max} are read.")
    builder = _Builder(depth_max=depth_max, elements_max=elements_max)
    # The parser keeps errors of its own apart from ours: a limit is raised through it as MalformedXml.
    parser: Any = XMLParser(target=builder)
    parser.entity.update(_WML_ENTITIES)
    expat = parser.parser
    expat.StartDoctypeDeclHandler = builder.doctype
    expat.AttlistDeclHandler = expat.ElementDeclHandler = expat.EntityDeclHandler = _refuse_declaration
    expat.NotationDeclHandler = _refuse_declaration
    try:
        parser.feed(_as_expat_reads(octets, charset))
        parser.close()
    except MalformedXml:
        raise
    except (ParseError, ValueError, LookupError) as fault:
        # ValueError, LookupError: an encoding that nobody knows or that does not fit its octets, and defusedxml's own.
        raise MalformedXml(f"The document is no XML: {fault}.") from None
    assert builder.root is not None, "the parser ended without a root and did not say so"
    return Document(builder.doctype_seen, builder.root)


def write(element: Element, *, doctype: Doctype | None = None, declaration: bool = True) -> str:
    """The document as text, to be sent as UTF-8; raises MalformedXml for text that XML cannot carry at all."""
    pieces = ['<?xml version="1.0" encoding="UTF-8"?>\n'] if declaration else []
    if doctype:
        pieces.append(f"{doctype}\n")
    _write(element, pieces.append)
    return "".join(pieces)


def is_sayable(text: str) -> bool:
    """Whether XML 1.0 has a way to carry the text."""
    return not _FORBIDDEN.search(text)


class _Builder:
    """Collects what the parser tells, counting as it goes. The method names are the parser's."""

    def __init__(self, *, depth_max: int, elements_max: int) -> None:
        self.root: Element | None = None
        self.doctype_seen: Doctype | None = None
        self._depth_max = depth_max
        self._elements_max = elements_max
        self._elements = 0
        self._text: list[str] = []
        self._open: list[tuple[str, dict[str, str], list[Element | str]]] = []

    def doctype(self, name: str, system_id: str | None, public_id: str | None, _has_subset: int) -> None:
        self.doctype_seen = Doctype(name, public_id, system_id)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > self._elements_max:
            raise MalformedXml(f"The document has more than {self._elements_max} elements.")
        if len(self._open) >= self._depth_max:
            raise MalformedXml(f"The document is nested deeper than {self._depth_max} elements.")
        self._end_text()
        named = {name.replace(_XML_NAMESPACE, "xml:"): said for name, said in attributes.items()}
        self._open.append((_local(tag), {name: said for name, said in named.items() if name[0] != "{"}, []))

    def data(self, text: str) -> None:
        self._text.append(text)

    def end(self, _tag: str) -> None:
        self._end_text()
        name, attributes, children = self._open.pop()
        element = Element(name, attributes, tuple(children))
        if self._open:
            self._open[-1][2].append(element)
        else:
            self.root = element

    def _end_text(self) -> None:
        if self._text:
            self._open[-1][2].append("".join(self._text))
            self._text.clear()

    def close(self) -> None:
        """The parser calls it at the end; the root is already there."""


def _refuse_declaration(*_said: object) -> None:
    raise MalformedXml("The document's DOCTYPE declares things of its own, which are not read.")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _as_expat_reads(octets: bytes, charset: str | None) -> bytes | str:
    """The document itself, or its text where the charset is not one of expat's own."""
    declared = _ENCODING.match(octets)
    named = (charset or (declared[1].decode("ascii") if declared else "utf-8")).lower()
    if named in _KOREAN:
        return octets.decode("cp949")
    return octets.decode(charset) if charset else octets


def _write(element: Element, out: Callable[[str], None]) -> None:
    out(f"<{element.name}")
    for name, said in element.attributes.items():
        out(f' {name}="{_escaped(said, attribute=True)}"')
    if not element.children:
        out("/>")
        return
    out(">")
    for child in element.children:
        if isinstance(child, str):
            out(_escaped(child))
        else:
            _write(child, out)
    out(f"</{element.name}>")


_TEXT_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_ATTRIBUTE_ESCAPES = _TEXT_ESCAPES | {'"': "&quot;", "\t": "&#9;", "\n": "&#10;"}
_TEXT_TABLE, _ATTRIBUTE_TABLE = str.maketrans(_TEXT_ESCAPES), str.maketrans(_ATTRIBUTE_ESCAPES)


def _escaped(text: str, *, attribute: bool = False) -> str:
    if found := _FORBIDDEN.search(text):
        raise MalformedXml(f"U+{ord(found[0]):04X} cannot stand in XML; take it out.")
    return text.translate(_ATTRIBUTE_TABLE if attribute else _TEXT_TABLE)
