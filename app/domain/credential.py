"""What a holder shows and how it is read: ticket number and PIN, compact code (CT0), signed code (CT1), page link.

Layouts and test vectors: docs/reference/credentials.md. Keys stay outside: what a key can do comes in as a callable.
Whatever is shown is a bearer secret, so PINs, links, tags and signatures never print; `reveal` and `*_text` are asked
for on purpose, when a message or a picture is made.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntFlag, StrEnum
from typing import ClassVar, NewType
from uuid import UUID

from app.domain import base45, damm

Mac = Callable[[bytes], bytes]
"""HMAC-SHA256 under one key: message in, 32 octets out."""
Sign = Callable[[bytes], bytes]
"""ES256 under the issuer's current barcode key: message in, r and s out, 64 octets (RFC 7518 section 3.4)."""
Verify = Callable[[int, bytes, bytes], bool]
"""Whether (kid, message, signature) holds under the barcode key with that index."""

PRESENTED_CHARS_MAX = 512
TYPED_CHARS_MAX = 64
COMPACT_CHARS = 25
SIGNED_CHARS = 133

TicketNumber = NewType("TicketNumber", str)
"""Ten digits, the last one the Damm check digit of the other nine. A name, not a secret."""
CodeId = NewType("CodeId", int)
"""64 random bits that name a ticket inside its barcodes; unlike the number, too many to be guessed or walked."""


# --- number, PIN, link ----------------------------------------------------------------------------------------------


class Secret:
    """A short text that its owner may read and nothing else may: it never prints and compares in constant time."""

    __slots__ = ("_text",)
    shape: ClassVar[re.Pattern[str]]

    def __init__(self, text: str) -> None:
        if not self.shape.fullmatch(text):
            raise ValueError(f"this is not the shape of a {type(self).__name__}: {self.shape.pattern}")
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one message or page that shows it to the holder."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and hmac.compare_digest(self._text, other._text)

    __hash__ = None  # type: ignore[assignment]  # a set or dict would compare by a hash that is not constant time

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class Pin(Secret):
    """The six digits that go with a ticket number."""

    __slots__ = ()
    shape = re.compile("[0-9]{6}")


class LinkToken(Secret):
    """128 bits that open one ticket's page: base64url without padding, 22 characters (RFC 4648 section 5)."""

    __slots__ = ()
    # The last character carries two bits, so only four of the 64 can stand there.
    shape = re.compile("[A-Za-z0-9_-]{21}[AQgw]")

    def digest(self) -> bytes:
        """SHA-256 of the 22 characters: all that the database knows of the link, 32 octets."""
        return hashlib.sha256(self._text.encode("ascii")).digest()


def ticket_number(chance: bytes) -> TicketNumber:
    """A number out of 8 random octets; one value is likelier than another by less than 1 in 10^10."""
    if len(chance) != 8:  # noqa: PLR2004 - 64 bits for 30, so that the remainder is as good as uniform
        raise ValueError(f"a ticket number is made from 8 random octets, not {len(chance)}")
    digits = f"{int.from_bytes(chance, 'big') % 10**9:09}"
    return TicketNumber(f"{digits}{damm.check_digit(digits)}")


def shown(number: TicketNumber) -> str:
    """As a person reads it aloud: 482910375-1."""
    return f"{number[:-1]}-{number[-1]}"


def pin_for(mac: Mac, *, issuer_id: UUID, ticket_id: UUID, generation: int) -> Pin:
    """The PIN of one generation of a ticket. It is stored nowhere: resending derives it again, resetting adds 1."""
    digest = mac(issuer_id.bytes + ticket_id.bytes + generation.to_bytes(4, "big"))
    return Pin(f"{int.from_bytes(digest[:8], 'big') % 10**6:06}")


def link_token_for(mac: Mac, *, ticket_id: UUID, generation: int) -> LinkToken:
    """The link of one generation of a ticket, derived like the PIN, so that a message is rendered when it is sent."""
    digest = mac(ticket_id.bytes + generation.to_bytes(4, "big"))
    return LinkToken(urlsafe_b64encode(digest[:16]).decode("ascii").rstrip("="))


# --- CT0: compact, for the smallest screens -------------------------------------------------------------------------

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_COMPACT = re.compile(f"C[{_CROCKFORD}]{{24}}")
_CROCKFORD_TO_PYTHON = str.maketrans(_CROCKFORD, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
_COMPACT_TAG_BYTES = 7


@dataclass(frozen=True, slots=True)
class Compact:
    """A CT0 as read: well-formed, not yet known to be genuine. `tag` is 7 octets of MAC."""

    code_id: CodeId
    tag: bytes = field(repr=False)

    def is_genuine(self, mac: Mac) -> bool:
        """Whether the tag was made under this key; a gate tries the key of each occasion it is open for."""
        return hmac.compare_digest(_compact_tag(self.code_id, mac), self.tag)


def _compact_tag(code_id: CodeId, mac: Mac) -> bytes:
    return mac(b"CT0" + code_id.to_bytes(8, "big"))[:_COMPACT_TAG_BYTES]


def compact_text(code_id: CodeId, mac: Mac) -> str:
    """CT0: `C` and 24 Crockford base32 characters, 64 bits of id and 56 of MAC; QR version 1-L or 2-M."""
    value = int.from_bytes(code_id.to_bytes(8, "big") + _compact_tag(code_id, mac), "big")
    return "C" + "".join(_CROCKFORD[value >> shift & 31] for shift in range(115, -1, -5))


# --- CT1: signed, verified offline with public keys -----------------------------------------------------------------

_BODY = struct.Struct(">BBQIHIHB")
_CT1_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
DURATION_MINUTES_MAX = 0xFFFF


class Flag(IntFlag):
    """What a gate should know before it asks anyone; bits 4 to 7 are reserved and zero."""

    MULTI_RIDE = 1
    STORED_VALUE = 2
    ID_CHECK = 4
    GIFT = 8


@dataclass(frozen=True, slots=True)
class Body:
    """CT1's 23 octets. Seat and name are not in it: a gate shows them from its own snapshot.

    `not_before_minute` counts minutes since 1970-01-01T00:00Z; `duration_minutes` 0 means that the end is not in
    the code and the register (or a gate's snapshot of it) decides.
    """

    kid: int
    code_id: CodeId
    occasion_code: int
    class_code: int
    not_before_minute: int
    duration_minutes: int
    flags: Flag

    LIMITS: ClassVar[dict[str, int]] = {  # in the order of the layout
        "kid": 0xFF,
        "code_id": 0xFFFF_FFFF_FFFF_FFFF,
        "occasion_code": 0xFFFF_FFFF,
        "class_code": 0xFFFF,
        "not_before_minute": 0x7FFF_FFFF,  # the year 6053; every date that passes is one that calendars know
        "duration_minutes": DURATION_MINUTES_MAX,
        "flags": 0x0F,
    }

    def __post_init__(self) -> None:
        for name, limit in self.LIMITS.items():
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} is outside 0 to {limit}")

    @property
    def begins(self) -> datetime:
        return _EPOCH + self.not_before_minute * _MINUTE

    @property
    def ends(self) -> datetime | None:
        """The first instant at which the code is over, or None where the code does not say."""
        return self.begins + self.duration_minutes * _MINUTE if self.duration_minutes else None

    def pack(self) -> bytes:
        return _BODY.pack(_CT1_VERSION, *(getattr(self, name) for name in self.LIMITS))


@dataclass(frozen=True, slots=True)
class Signed:
    """A CT1 as read: well-formed, not yet known to be genuine.

    ES256 is malleable: (r, n - s) verifies as well as (r, s), so one ticket has many valid texts. Whoever looks for
    repeats compares `body.code_id`, never the signature nor the text.
    """

    body: Body
    signature: bytes = field(repr=False)

    def is_genuine(self, verify: Verify) -> bool:
        return verify(self.body.kid, self.body.pack(), self.signature)


def validity(begins: datetime, ends: datetime | None) -> tuple[int, int]:
    """`not_before_minute` and `duration_minutes` that cover the span, widened to whole minutes.

    An end that is None or more than 65,535 minutes (45 days) after the beginning is not carried: the duration is 0.
    """
    first = (begins - _EPOCH) // _MINUTE
    if ends is None:
        return first, 0
    if ends <= begins:
        raise ValueError(f"a ticket that begins at {begins} cannot end at {ends}")
    minutes = -((_EPOCH - ends) // _MINUTE) - first
    return first, minutes if minutes <= DURATION_MINUTES_MAX else 0


def signed_text(body: Body, sign: Sign) -> str:
    """CT1: `S:` and base45 of body and signature, 133 characters; QR version 5-L or 6-M."""
    packed = body.pack()
    return "S:" + base45.encode(packed + sign(packed))


# --- whatever a gate is given ---------------------------------------------------------------------------------------


class Unread(StrEnum):
    """Why nothing could be looked up for what was presented."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    CHECK_DIGIT = "check_digit"
    DIGIT_COUNT = "digit_count"
    PIN_MISSING = "pin_missing"
    LINK = "link"
    DAMAGED = "damaged"
    NEWER = "newer"
    FOREIGN = "foreign"


_WORDS = {
    Unread.EMPTY: (
        "Nothing was read. Scan the code again, or type the ticket number and the PIN.",
        "읽은 내용이 없습니다. 코드를 다시 스캔하거나 티켓 번호와 PIN을 입력해 주십시오.",
    ),
    Unread.TOO_LONG: (
        "This is too long to be a ticket. Scan only the ticket's code.",
        "티켓으로 보기에는 너무 깁니다. 티켓의 코드만 스캔해 주십시오.",
    ),
    Unread.CHECK_DIGIT: (
        "The ticket number has a typing mistake. Compare it with the holder's message and type it again.",
        "티켓 번호를 잘못 입력했습니다. 소지자의 문자와 비교하여 다시 입력해 주십시오.",
    ),
    Unread.DIGIT_COUNT: (
        "A ticket number has 10 digits and a PIN has 6. Count them and type them again.",
        "티켓 번호는 10자리, PIN은 6자리입니다. 자릿수를 확인하고 다시 입력해 주십시오.",
    ),
    Unread.PIN_MISSING: (
        "The PIN is missing. Type the six digits that stand behind the ticket number.",
        "PIN이 없습니다. 티켓 번호 뒤의 여섯 자리를 입력해 주십시오.",
    ),
    Unread.LINK: (
        "This is the address of a ticket page. Ask the holder to open it, then scan the code it shows.",
        "티켓 페이지의 주소입니다. 소지자에게 페이지를 열어 달라고 한 뒤 표시된 코드를 스캔해 주십시오.",
    ),
    Unread.DAMAGED: (
        "The code was read only in part. Scan it again, or type the ticket number and the PIN.",
        "코드를 온전히 읽지 못했습니다. 다시 스캔하거나 티켓 번호와 PIN을 입력해 주십시오.",
    ),
    Unread.NEWER: (
        "This code is newer than this gate. Update the gate, or type the ticket number and the PIN.",
        "이 게이트보다 새로운 형식의 코드입니다. 게이트를 업데이트하거나 티켓 번호와 PIN을 입력해 주십시오.",
    ),
    Unread.FOREIGN: (
        "This is not one of our tickets. Ask the holder for the ticket's message or code.",
        "저희 티켓이 아닙니다. 소지자에게 티켓 문자나 코드를 요청해 주십시오.",
    ),
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Not a ticket as presented. It keeps the reason only: the text may be hostile, and may be half a secret."""

    reason: Unread

    def words(self, language: str) -> str:
        """What to do next, in Korean (`ko`) or English."""
        english, korean = _WORDS[self.reason]
        return korean if language == "ko" else english


@dataclass(frozen=True, slots=True)
class NumberAndPin:
    """Typed by staff; the number's check digit is right, so a number that is not found was never issued."""

    number: TicketNumber
    pin: Pin


Presented = NumberAndPin | Compact | Signed | Unreadable

# What people and messengers put between digits: spaces of all kinds, dashes of all kinds, marks that cannot be seen.
_BETWEEN = " \t\r\n,.:;/|#_·\u00a0\u3000-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\u200b\u200e\u200f\u2060\ufeff"
_TIDY: dict[int, str | None] = {0xFEE0 + ascii_code: chr(ascii_code) for ascii_code in range(0x21, 0x7F)}
_TIDY |= {0xFEE0 + ord(mark): None for mark in _BETWEEN if mark.isascii() and mark.isprintable() and mark != " "}
_TIDY |= {ord(mark): None for mark in _BETWEEN}

_TYPED = re.compile("(?:ID|번호)?([0-9]{10})(?:(?:PIN|비밀번호)?([0-9]{6}))?")
_MISCOUNTED = re.compile("(?:ID|번호)?[0-9]+(?:(?:PIN|비밀번호)[0-9]*)?")
_LINK = re.compile(rf"https?://[!-~]*[/#=]{LinkToken.shape.pattern}/?", re.IGNORECASE)


def parse_number(text: str) -> TicketNumber | Unreadable:
    """A ticket number alone, forgiving about spaces, dashes and full-width digits."""
    if len(text) > PRESENTED_CHARS_MAX:
        return Unreadable(Unread.TOO_LONG)
    typed = _typed(text.strip())
    if isinstance(typed, Unreadable):
        return typed
    number, pin = typed
    return number if pin is None else Unreadable(Unread.DIGIT_COUNT)


def parse_presented(text: str) -> Presented:
    """Whatever a gate was given, scanned or typed, at most 512 characters; never raises, never looks anything up."""
    if len(text) > PRESENTED_CHARS_MAX:
        return Unreadable(Unread.TOO_LONG)
    text = text.strip()  # safe for base45, whose alphabet has a space: CT1's last character is one of 0 to 5
    if text.startswith("S:"):
        return _parse_signed(text)
    if text.startswith("C") and len(text) == COMPACT_CHARS:
        return _parse_compact(text)
    if _LINK.fullmatch(text):
        return Unreadable(Unread.LINK)
    typed = _typed(text)
    if isinstance(typed, Unreadable):
        return typed
    number, pin = typed
    return Unreadable(Unread.PIN_MISSING) if pin is None else NumberAndPin(number, Pin(pin))


def _typed(text: str) -> tuple[TicketNumber, str | None] | Unreadable:
    """The number, and the PIN if there is one."""
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


def _parse_compact(text: str) -> Compact | Unreadable:
    if not _COMPACT.fullmatch(text):
        return Unreadable(Unread.DAMAGED)
    octets = int(text[1:].translate(_CROCKFORD_TO_PYTHON), 32).to_bytes(15, "big")
    return Compact(CodeId(int.from_bytes(octets[:8], "big")), octets[8:])


def _parse_signed(text: str) -> Signed | Unreadable:
    if len(text) != SIGNED_CHARS:
        return Unreadable(Unread.DAMAGED)
    try:
        octets = base45.decode(text[2:])
        version, kid, code_id, occasion, class_code, begins, minutes, flags = _BODY.unpack_from(octets)
        if version != _CT1_VERSION or flags > Body.LIMITS["flags"]:
            return Unreadable(Unread.NEWER)
        body = Body(kid, CodeId(code_id), occasion, class_code, begins, minutes, Flag(flags))
        return Signed(body, octets[_BODY.size :])
    except ValueError:
        return Unreadable(Unread.DAMAGED)
