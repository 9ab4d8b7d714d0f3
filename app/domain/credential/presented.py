"""Whatever a gate is given, scanned or typed: which of the ticket's faces it is, or why it cannot be read."""

from __future__ import annotations

import re

from app.domain import damm
from app.domain.credential.compact import COMPACT_CHARS, Compact, read_compact
from app.domain.credential.living import Living, read_living
from app.domain.credential.number import LinkToken, NumberAndPin, Pin, TicketNumber
from app.domain.credential.signed import Signed, read_signed
from app.domain.credential.unread import Unread, Unreadable
from app.domain.entry_rules import Face

PRESENTED_CHARS_MAX = 512
TYPED_CHARS_MAX = 64

Barcode = Compact | Signed | Living
"""Each has a `code_id`, by which the register finds the ticket."""
Readable = NumberAndPin | Barcode
Presented = Readable | Unreadable

_FACES: dict[type[Readable], Face] = {
    NumberAndPin: Face.PIN,
    Compact: Face.COMPACT,
    Signed: Face.SIGNED,
    Living: Face.LIVING,
}
_CODED = {"S:": read_signed, "L:": read_living}

# What scanners, keyboards and messengers put around a code.
_AROUND = " \t\r\n\u00a0\u3000\ufeff"
# What people and messengers put between digits: spaces of all kinds, dashes of all kinds, marks that cannot be seen.
_BETWEEN = " \t\r\n,.:;/|#_·\u00a0\u3000-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\u200b\u200e\u200f\u2060\ufeff"
_TIDY: dict[int, str | None] = {0xFEE0 + ascii_code: chr(ascii_code) for ascii_code in range(0x21, 0x7F)}
_TIDY |= {0xFEE0 + ord(mark): None for mark in _BETWEEN if mark.isascii() and mark.isprintable() and mark != " "}
_TIDY |= {ord(mark): None for mark in _BETWEEN}

_TYPED = re.compile("(?:ID|번호)?([0-9]{10})(?:(?:PIN|비밀번호)?([0-9]{6}))?")
_MISCOUNTED = re.compile("(?:ID|번호)?[0-9]+(?:(?:PIN|비밀번호)[0-9]*)?")
_LINK = re.compile(rf"https?://[!-~]*[/#=]{LinkToken.shape.pattern}/?", re.ASCII | re.IGNORECASE)


def parse_number(text: str) -> TicketNumber | Unreadable:
    """A ticket number alone, forgiving about spaces, dashes and full-width digits."""
    if len(text) > PRESENTED_CHARS_MAX:
        return Unreadable(Unread.TOO_LONG)
    typed = _typed(text)
    if isinstance(typed, Unreadable):
        return typed
    number, pin = typed
    return number if pin is None else Unreadable(Unread.DIGIT_COUNT)


def parse_presented(text: str) -> Presented:
    """Whatever a gate was given, scanned or typed, at most 512 characters; never raises, never looks anything up."""
    if len(text) > PRESENTED_CHARS_MAX:
        return Unreadable(Unread.TOO_LONG)
    text = text.strip(_AROUND)  # safe for base45, whose alphabet has a space: neither CT1 nor CTL can end with one
    if text[:2] in _CODED:
        return _CODED[text[:2]](text)
    if text.startswith("C") and len(text) == COMPACT_CHARS:
        return read_compact(text)
    if _LINK.fullmatch(text):
        return Unreadable(Unread.LINK)
    typed = _typed(text)
    if isinstance(typed, Unreadable):
        return typed
    number, pin = typed
    return Unreadable(Unread.PIN_MISSING) if pin is None else NumberAndPin(number, Pin(pin))


def face_of(read: Readable) -> Face:
    """Which of the ticket's faces was shown."""
    return _FACES[type(read)]


def _typed(text: str) -> tuple[TicketNumber, str | None] | Unreadable:
    """The number, and the PIN if there is one."""
    text = text.strip(_AROUND)
    if len(text) > TYPED_CHARS_MAX:
        return Unreadable(Unread.FOREIGN)
    tidy = text.translate(_TIDY).upper()
    if not tidy:
        return Unreadable(Unread.EMPTY)
    match = _TYPED.fullmatch(tidy)
    if match is None:
        return Unreadable(Unread.DIGIT_COUNT if _MISCOUNTED.fullmatch(tidy) else Unread.FOREIGN)
    if not damm.is_valid(match[1]):
        return Unreadable(Unread.CHECK_DIGIT)
    return TicketNumber(match[1]), match[2]
