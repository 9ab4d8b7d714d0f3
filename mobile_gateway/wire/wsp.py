"""The connectionless WSP push (WAP-230 section 8.2.4.1) that one datagram carries to a phone.

Over SMS the datagram is the user data after the ports of `udh.PUSH`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mobile_gateway.wire.wbxml import UINT32_MAX
from mobile_gateway.wire.wbxml_writing import encode_uint

PUSH_TYPE = 0x06
APPLICATION_WML, APPLICATION_MMS = 2, 4
"""WINA: push application ids `x-wap-application:wml.ua`, which is meant where none is named, and `mms.ua`."""

CONTENT_TYPES: Mapping[int, str] = {
    0x03: "text/plain",
    0x04: "text/x-hdml",
    0x08: "text/vnd.wap.wml",
    0x14: "application/vnd.wap.wmlc",
    0x15: "application/vnd.wap.wmlscriptc",
    0x21: "image/vnd.wap.wbmp",
    0x2D: "text/vnd.wap.si",
    0x2E: "application/vnd.wap.sic",
    0x2F: "text/vnd.wap.sl",
    0x30: "application/vnd.wap.slc",
    0x31: "text/vnd.wap.co",
    0x32: "application/vnd.wap.coc",
    0x35: "text/vnd.wap.connectivity-xml",
    0x36: "application/vnd.wap.connectivity-wbxml",
    0x3B: "application/xhtml+xml",
    0x3E: "application/vnd.wap.mms-message",
    0x45: "application/vnd.wap.xhtml+xml",
}
"""WAP-230 table 40 and WINA, those that a phone of ours may meet."""
_CODES = {name: code for code, name in CONTENT_TYPES.items()}

_CHARSET = 0x01
_CONTENT_LENGTH, _APPLICATION_ID, _PUSH_FLAG = 0x0D, 0x2F, 0x34
_SHORT = 0x80
_QUOTE, _SHIFT = 0x7F, 0x7F
_LENGTH_QUOTE, _TEXT_FIRST = 0x1F, 0x20
_HEADERS_OCTETS_MAX = 1_024
_CONTENT_TYPE_LETTERS_MAX = 80
_UINT_OCTETS_MAX = 5
_INTEGER_OCTETS_MAX = 30


class MalformedWsp(ValueError):
    """Octets that are no connectionless push; the message says what and where."""


@dataclass(frozen=True, slots=True)
class Push:
    """One push. `others` are the headers of which nothing is known here, each name and value as they came."""

    body: bytes
    content_type: str
    transaction_id: int = 0
    charset: int | None = None
    """IANA's MIBEnum; 106 is UTF-8."""
    application_id: int | str | None = None
    """A number of WINA, or a URI; None is the WML browser."""
    push_flag: int | None = None
    others: tuple[bytes, ...] = ()


def format_push(push: Push) -> bytes:
    """The datagram."""
    headers = _content_type(push)
    if push.application_id is not None:
        headers += bytes([_SHORT | _APPLICATION_ID]) + _integer_or_text(push.application_id)
    if push.push_flag is not None:
        headers += bytes([_SHORT | _PUSH_FLAG]) + _integer_or_text(push.push_flag)
    headers += b"".join(push.others)
    assert len(headers) <= _HEADERS_OCTETS_MAX
    return bytes([push.transaction_id, PUSH_TYPE]) + encode_uint(len(headers)) + headers + push.body


def parse_push(octets: bytes) -> Push:
    """The push that a datagram is; raises MalformedWsp and nothing else."""
    reader = Reader(octets)
    transaction_id, kind = reader.octet(), reader.octet()
    if kind != PUSH_TYPE:
        raise MalformedWsp(f"PDU type {kind:#04x} is no push.")
    length = reader.uint()
    if length > _HEADERS_OCTETS_MAX:
        raise MalformedWsp(f"The headers have {length} octets and {_HEADERS_OCTETS_MAX} are read.")
    headers = Reader(reader.take(length))
    content_type, charset = _read_content_type(headers)
    known, others = _read_headers(headers)
    body = reader.rest()
    declared = known.get(_CONTENT_LENGTH)
    if declared is not None and _integer(declared) != len(body):
        raise MalformedWsp(f"The body has {len(body)} octets and its Content-Length says otherwise.")
    return Push(
        body=body,
        content_type=content_type,
        transaction_id=transaction_id,
        charset=charset,
        application_id=_integer_or_string(known[_APPLICATION_ID]) if _APPLICATION_ID in known else None,
        push_flag=_integer(known[_PUSH_FLAG]) if _PUSH_FLAG in known else None,
        others=tuple(others),
    )


# --- writing ----------------------------------------------------------------------------------------------------------


def _content_type(push: Push) -> bytes:
    """WAP-230 section 8.4.2.24: one octet or a text where that is all, else a length, the type and the charset."""
    code = _CODES.get(push.content_type)
    media = push.content_type.encode("ascii") + b"\0" if code is None else bytes([_SHORT | code])
    if push.charset is None:
        return media
    general = media + bytes([_SHORT | _CHARSET]) + _integer_or_text(push.charset)
    return _value_length(len(general)) + general


def _value_length(length: int) -> bytes:
    return bytes([length]) if length < _LENGTH_QUOTE else bytes([_LENGTH_QUOTE]) + encode_uint(length)


def _integer_or_text(value: int | str) -> bytes:
    """WAP-230 section 8.4.2.3: an integer below 128 in one octet, a larger one with its length before it; or text."""
    if isinstance(value, str):
        return value.encode("ascii") + b"\0"
    if value < _SHORT:
        return bytes([_SHORT | value])
    octets = value.to_bytes((value.bit_length() + 7) // 8)
    return bytes([len(octets)]) + octets


# --- reading ----------------------------------------------------------------------------------------------------------


class Reader:
    """A place in header octets; each step raises MalformedWsp when what it wants is not there."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._octets)

    def octet(self) -> int:
        return self.take(1)[0]

    def peek(self) -> int:
        octet = self.octet()
        self._at -= 1
        return octet

    def take(self, count: int) -> bytes:
        taken = self._octets[self._at : self._at + count]
        if len(taken) < count:
            raise MalformedWsp(f"The octets end too early, at {self._at}.")
        self._at += count
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._octets) - self._at)

    def uint(self) -> int:
        value = 0
        for _ in range(_UINT_OCTETS_MAX):
            octet = self.octet()
            value = value << 7 | octet & 0x7F
            if not octet & _SHORT:
                break
        if octet & _SHORT or value > UINT32_MAX:
            raise MalformedWsp(f"A number does not end, at {self._at}.")
        return value

    def text(self) -> bytes:
        """A string with the zero that ends it."""
        end = self._octets.find(b"\0", self._at)
        if end < 0:
            raise MalformedWsp(f"A string does not end, from {self._at}.")
        return self.take(end + 1 - self._at)

    def value(self) -> bytes:
        """WAP-230 section 8.4.1.2: one header value, whatever it means, as its octets."""
        start = self._at
        first = self.octet()
        if first < _LENGTH_QUOTE:
            self.take(first)
        elif first == _LENGTH_QUOTE:
            self.take(self.uint())
        elif first < _SHORT:
            self.text()
        return self._octets[start : self._at]


def _read_content_type(reader: Reader) -> tuple[str, int | None]:
    first = reader.peek()
    if first > _LENGTH_QUOTE:
        return _media(reader.value()), None
    value = reader.value()
    inner = Reader(value)
    if inner.octet() == _LENGTH_QUOTE:
        inner.uint()
    media = _media(inner.value())
    charset = None
    while inner:
        # A parameter's name is a short integer, or a text whose value follows as any other.
        name, value = inner.value(), inner.value()
        if name == bytes([_SHORT | _CHARSET]):
            charset = _integer(value)
    return media, charset


def _media(value: bytes) -> str:
    named = _integer_or_string(value)
    if isinstance(named, str):
        return named[:_CONTENT_TYPE_LETTERS_MAX].lower()
    if named not in CONTENT_TYPES:
        raise MalformedWsp(f"Content type {named:#x} is not known.")
    return CONTENT_TYPES[named]


def _read_headers(reader: Reader) -> tuple[dict[int, bytes], list[bytes]]:
    """The values of the headers that are known here, and all others whole; Content-Length is ours to write."""
    known: dict[int, bytes] = {}
    others: list[bytes] = []
    in_default_page = True
    while reader:
        first = reader.peek()
        if first < _TEXT_FIRST or first == _SHIFT:
            # WAP-230 section 8.4.2.6: what follows belongs to another code page. 1 is the default.
            shift = reader.take(1 if first < _TEXT_FIRST else 2)
            in_default_page = shift[-1] == 1
            others.append(shift)
            continue
        name = reader.octet().to_bytes() if first >= _SHORT else reader.text()
        value = reader.value()
        code = first & ~_SHORT
        if first >= _SHORT and in_default_page and code in {_CONTENT_LENGTH, _APPLICATION_ID, _PUSH_FLAG}:
            known.setdefault(code, value)
        else:
            others.append(name + value)
    return known, others


def _integer_or_string(value: bytes) -> int | str:
    return _integer(value) if value[0] >= _SHORT or value[0] <= _LENGTH_QUOTE else _string(value)


def _integer(value: bytes) -> int:
    if value[0] >= _SHORT:
        return value[0] & ~_SHORT
    if not 1 <= value[0] <= _INTEGER_OCTETS_MAX:
        raise MalformedWsp("A header that must be a number is none.")
    return int.from_bytes(value[1:])


def _string(value: bytes) -> str:
    try:
        return value.rstrip(b"\0").lstrip(bytes([_QUOTE])).decode("ascii")
    except UnicodeDecodeError:
        raise MalformedWsp("A header that must be text is none.") from None
