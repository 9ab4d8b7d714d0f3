"""multipart/related bodies (RFC 2046, RFC 2387): several parts in one HTTP message, read with limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PARTS_MAX = 8
HEADER_OCTETS_MAX = 4_096
_BOUNDARY_LETTERS_MAX = 70
_TYPE = re.compile(r"\s*([A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}|[A-Za-z0-9-]{1,64})\s*")
_PARAMETER = re.compile(r""";\s*([A-Za-z0-9!#$&^_.+-]{1,64})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))\s*""")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]*[0-9A-Za-z'()+_,./:=?-]", re.ASCII)
_LINE_END = re.compile(rb"\r?\n")
_HEADERS_END = re.compile(rb"\r?\n\r?\n")


class MalformedMultipart(ValueError):
    """A body that is no multipart as its content type says; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class ContentType:
    """A media type in lower case, and its parameters by their names in lower case."""

    media: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def charset(self) -> str | None:
        return self.parameters.get("charset")


@dataclass(frozen=True, slots=True)
class Part:
    """One part. Header names are in lower case."""

    headers: Mapping[str, str]
    content: bytes

    @property
    def content_type(self) -> ContentType:
        """RFC 2046 section 5.1: text/plain where nothing is said. Raises MalformedMultipart."""
        return content_type(self.headers.get("content-type", "text/plain"))


def content_type(text: str) -> ContentType:
    """What a Content-Type header says; raises MalformedMultipart."""
    found = _TYPE.match(text)
    if not found:
        raise MalformedMultipart("The Content-Type is none.")
    parameters: dict[str, str] = {}
    at = found.end()
    while at < len(text) and text[at:].strip("; \t"):
        parameter = _PARAMETER.match(text, at)
        if not parameter:
            raise MalformedMultipart(f"The Content-Type's parameters end at {text[at : at + 20]!r}, which is none.")
        quoted = parameter[2]
        value = parameter[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        parameters.setdefault(parameter[1].lower(), value)
        at = parameter.end()
    return ContentType(found[1].lower(), parameters)


def parse(header: str, body: bytes, *, parts_max: int = PARTS_MAX) -> tuple[Part, ...]:
    """The parts of a multipart body whose Content-Type is `header`; raises MalformedMultipart and nothing else."""
    kind = content_type(header)
    if not kind.media.startswith("multipart/"):
        raise MalformedMultipart(f"The Content-Type is {kind.media}; it must be multipart/related.")
    boundary = kind.parameters.get("boundary", "")
    if len(boundary) > _BOUNDARY_LETTERS_MAX or not _BOUNDARY.fullmatch(boundary):
        raise MalformedMultipart("The Content-Type needs a boundary of 1 to 70 letters.")
    # RFC 2046 section 5.1.1: the line break before a boundary belongs to it; the first may open the body.
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    pieces: list[bytes] = []
    start: int | None = None
    for found in delimiter.finditer(body):
        if start is not None:
            pieces.append(body[start : found.start()])
        if found[1]:
            break
        if len(pieces) == parts_max:
            raise MalformedMultipart(f"There are more than {parts_max} parts.")
        start = found.end()
    else:
        raise MalformedMultipart("The boundary that ends the body is missing.")
    if not pieces:
        raise MalformedMultipart("There is no part.")
    return tuple(_part(piece) for piece in pieces)


def format_related(parts: Sequence[Part], *, boundary: str, root: str) -> tuple[str, bytes]:
    """The Content-Type and the body of a multipart/related whose first part has the type `root`.

    The boundary must not be within any part; then ValueError.
    """
    mark = b"--" + boundary.encode("ascii")
    pieces: list[bytes] = []
    for part in parts:
        if mark in part.content:
            raise ValueError("The boundary stands within a part; draw another.")
        headers = "".join(f"{name.title()}: {value}\r\n" for name, value in part.headers.items())
        pieces += [mark, b"\r\n", headers.encode("ascii"), b"\r\n", part.content, b"\r\n"]
    return f'multipart/related; boundary="{boundary}"; type="{root}"', b"".join([*pieces, mark, b"--\r\n"])


def _part(piece: bytes) -> Part:
    """A part from after its boundary: a line end, headers, an empty line, content."""
    end = _HEADERS_END.search(piece)
    if not end:
        raise MalformedMultipart("A part has no empty line after its headers.")
    if end.start() > HEADER_OCTETS_MAX:
        raise MalformedMultipart(f"A part's headers have more than {HEADER_OCTETS_MAX} octets.")
    headers: dict[str, str] = {}
    last = None
    for line in filter(None, _LINE_END.split(piece[: end.start()])):
        text = line.decode("latin-1")
        if text[0] in " \t" and last is not None:
            headers[last] += f" {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise MalformedMultipart("A part's header has no name.")
        last = name.strip().lower()
        headers[last] = value.strip()
    return Part(headers, piece[end.end() :])
