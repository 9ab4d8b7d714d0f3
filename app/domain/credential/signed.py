"""CT1, the signed code: what it carries in 23 octets, under the issuer's signature, checked with public keys alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntFlag
from typing import ClassVar, Self

from app.domain import base45
from app.domain.credential.operations import CodeId, Sign, Verify
from app.domain.credential.unread import Unread, Unreadable

SIGNED_CHARS = 133
DURATION_MINUTES_MAX = 0xFFFF
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_BODY = struct.Struct(">BBQIHIHB")
BODY_BYTES = _BODY.size
_VERSION = 1
_MINUTE = timedelta(minutes=1)


class Flag(IntFlag):
    """What a gate should know before it asks anyone; bits 4 to 7 are reserved and zero."""

    MULTI_RIDE = 1
    STORED_VALUE = 2
    ID_CHECK = 4
    GIFT = 8


@dataclass(frozen=True, slots=True)
class Body:
    """The 23 octets that CT1 and CTL begin with. Seat and name are not in it: a gate shows them from its own snapshot.

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
        return EPOCH + self.not_before_minute * _MINUTE

    @property
    def ends(self) -> datetime | None:
        """The first instant at which the code is over, or None where the code does not say."""
        return self.begins + self.duration_minutes * _MINUTE if self.duration_minutes else None

    def pack(self, *, version: int = _VERSION) -> bytes:
        """Version 1 is CT1's, 2 is CTL's: what is signed as the one never passes as the other."""
        return _BODY.pack(version, *(getattr(self, name) for name in self.LIMITS))

    @classmethod
    def unpack(cls, octets: bytes, *, version: int = _VERSION) -> Self | Unreadable:
        """Out of the first 23 octets; a version or a flag that is not known makes the code newer than its reader."""
        found, kid, code_id, occasion, class_code, begins, minutes, flags = _BODY.unpack_from(octets)
        if found != version or flags > cls.LIMITS["flags"]:
            return Unreadable(Unread.NEWER)
        if begins > cls.LIMITS["not_before_minute"]:
            return Unreadable(Unread.DAMAGED)
        return cls(kid, CodeId(code_id), occasion, class_code, begins, minutes, Flag(flags))


@dataclass(frozen=True, slots=True)
class Signed:
    """A CT1 as read: well-formed, not yet known to be genuine.

    ES256 is malleable: (r, n - s) verifies as well as (r, s), so one ticket has many valid texts. Whoever looks for
    repeats compares `code_id`, never the signature nor the text.
    """

    body: Body
    signature: bytes = field(repr=False)

    @property
    def code_id(self) -> CodeId:
        return self.body.code_id

    def is_genuine(self, verify: Verify) -> bool:
        """Whether the issuer signed it. Nobody who copied it is kept out by that."""
        return verify(self.body.kid, self.body.pack(), self.signature)


def validity(begins: datetime, ends: datetime | None) -> tuple[int, int]:
    """`not_before_minute` and `duration_minutes` that cover the span, widened to whole minutes.

    An end that is None or more than 65,535 minutes (45 days) after the beginning is not carried: the duration is 0.
    """
    first = (begins - EPOCH) // _MINUTE
    if ends is None:
        return first, 0
    if ends <= begins:
        raise ValueError(f"a ticket that begins at {begins} cannot end at {ends}")
    minutes = -((EPOCH - ends) // _MINUTE) - first
    return first, minutes if minutes <= DURATION_MINUTES_MAX else 0


def signed_text(body: Body, sign: Sign) -> str:
    """CT1: `S:` and base45 of body and signature, 133 characters; QR version 5-L or 6-M."""
    packed = body.pack()
    return "S:" + base45.encode(packed + sign(packed))


def read_signed(text: str) -> Signed | Unreadable:
    """The CT1 of a text that begins with `S:`."""
    octets = coded_octets(text, chars=SIGNED_CHARS)
    if isinstance(octets, Unreadable):
        return octets
    body = Body.unpack(octets)
    return body if isinstance(body, Unreadable) else Signed(body, octets[BODY_BYTES:])


def coded_octets(text: str, *, chars: int) -> bytes | Unreadable:
    """What stands in base45 behind a tag of two characters, in a form that always has as many characters."""
    if len(text) != chars:
        return Unreadable(Unread.CUT_SHORT if len(text) < chars else Unread.RUN_ON)
    try:
        return base45.decode(text[2:])
    except ValueError:
        return Unreadable(Unread.DAMAGED)
