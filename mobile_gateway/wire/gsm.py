"""Text as a mobile network carries it: in which coding, in how many octets, and how a long text is cut into parts.

Septets are *unpacked*, one per octet, as SMPP data_coding 0 carries them by custom. Packing belongs to the radio side.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from mobile_gateway.wire import ksc
from mobile_gateway.wire.alphabet import (
    BASIC,
    ESCAPE,
    EXTENSION,
    SEPTETS,
    MalformedText,
    TextRefused,
    from_septets,
    is_gsm,
    to_septets,
)

__all__ = [
    "BASIC",
    "ESCAPE",
    "EXTENSION",
    "GSM_UNITS_ALONE",
    "GSM_UNITS_JOINED",
    "PARTS_MAX",
    "UCS2_UNITS_ALONE",
    "UCS2_UNITS_JOINED",
    "USER_DATA_OCTETS_MAX",
    "Coding",
    "MalformedText",
    "Segments",
    "TextRefused",
    "decode",
    "encode",
    "ends",
    "is_gsm",
    "segment",
    "units_max",
]

PARTS_MAX = 10
"""A text that needs more parts is refused: at this length it should have been a link."""

USER_DATA_OCTETS_MAX = 140
"""What one short message carries, its header included (3GPP TS 23.040 section 9.2.3.24)."""

GSM_UNITS_ALONE, GSM_UNITS_JOINED = 160, 153
UCS2_UNITS_ALONE, UCS2_UNITS_JOINED = 70, 67
"""Units in a message of one part, and in each of several: 140 octets, less 6 for the 8-bit concatenation header."""

_HEADER_OCTETS = 6
_LAST_OF_ONE_UNIT = "\uffff"
_SURROGATE = re.compile("[\ud800-\udfff]")


class Coding(StrEnum):
    """How the octets of a message are to be read."""

    GSM = "gsm7"
    UCS2 = "ucs2"
    KSC = "ksc5601"
    ASCII = "ascii"
    LATIN1 = "latin1"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Segments:
    """A text cut for the radio. What it costs is the number of its parts."""

    coding: Coding
    parts: tuple[str, ...]
    units_per_part: tuple[int, ...]

    @property
    def cost(self) -> int:
        """How many messages the network counts and charges."""
        return len(self.parts)

    def payloads(self) -> tuple[bytes, ...]:
        """Each part's octets, without a concatenation header."""
        return tuple(encode(part, self.coding) for part in self.parts)


def encode(text: str, coding: Coding) -> bytes:
    """The text's octets: unpacked septets, UCS-2 big-endian, EUC-KR, …; raises TextRefused."""
    match coding:
        case Coding.GSM:
            return to_septets(text)
        case Coding.UCS2:
            _refuse_lone_surrogates(text)
            # UTF-16 by custom: every handset of today joins surrogate pairs, though UCS-2 proper knows none.
            return text.encode("utf-16-be")
        case Coding.KSC:
            return ksc.encode(text)
        case Coding.ASCII | Coding.LATIN1:
            try:
                return text.encode(coding.value)
            except UnicodeEncodeError as fault:
                char = text[fault.start]
                raise TextRefused(f"{char!r} is not in {coding.value}; send this text as UCS-2") from None
        case Coding.BINARY:
            raise TextRefused("A text is no binary data; choose one of the codings that hold text.")
        case _:
            assert_never(coding)


def decode(octets: bytes, coding: Coding) -> str:
    """The text that `octets` carry, without their header; raises MalformedText."""
    match coding:
        case Coding.GSM:
            return from_septets(octets)
        case Coding.KSC:
            return ksc.decode(octets)
        case Coding.UCS2 | Coding.ASCII | Coding.LATIN1:
            codec = "utf-16-be" if coding is Coding.UCS2 else coding.value
            try:
                return octets.decode(codec)
            except UnicodeDecodeError as fault:
                raise MalformedText(f"no {coding.value} text: {fault.reason} at octet {fault.start}") from None
        case Coding.BINARY:
            raise MalformedText("binary data is no text; it is meant for a program on the handset")
        case _:
            assert_never(coding)


def units_max(coding: Coding, *, header_octets: int = 0, octets_max: int = USER_DATA_OCTETS_MAX) -> int:
    """Septets, UCS-2 units or octets of text that fit one message beside a header; 0 where none does.

    `octets_max` is 140 on GSM and its children; Korea's CDMA carriers of 2000 had 80 to 90.
    """
    octets = max(0, octets_max - header_octets)
    match coding:
        case Coding.GSM | Coding.ASCII:
            return octets * 8 // 7
        case Coding.UCS2:
            return octets // 2
        case Coding.KSC | Coding.LATIN1 | Coding.BINARY:
            return octets
        case _:
            assert_never(coding)


def segment(
    text: str,
    *,
    parts_max: int = PARTS_MAX,
    coding: Coding | None = None,
    octets_max: int = USER_DATA_OCTETS_MAX,
) -> Segments:
    """Cut `text` into as few parts as it takes, each with room for an 8-bit reference; raises TextRefused.

    Never cuts inside an escape pair, a surrogate pair or a Korean syllable. Without `coding`, GSM 03.38 where it can
    say the whole text, else UCS-2.
    """
    assert parts_max >= 1
    if coding is None:
        coding = Coding.GSM if is_gsm(text) else Coding.UCS2
    costs = _costs(text, coding)
    alone = units_max(coding, octets_max=octets_max)
    joined = units_max(coding, header_octets=_HEADER_OCTETS, octets_max=octets_max)
    if (total := sum(costs)) <= alone:
        return Segments(coding, (text,), (total,))
    stops = ends(costs, joined)
    if len(stops) > parts_max:
        room = alone if parts_max == 1 else joined * parts_max
        raise TextRefused(
            f"The text needs {len(stops)} parts and {parts_max} are allowed. Shorten it: it takes {total} units where"
            f" {room} fit{' (a letter outside GSM 03.38 halves the room)' if coding is Coding.UCS2 else ''}."
        )
    starts = (0, *stops[:-1])
    spans = list(zip(starts, stops, strict=True))
    return Segments(coding, tuple(text[a:b] for a, b in spans), tuple(sum(costs[a:b]) for a, b in spans))


def ends(costs: Sequence[int], room: int) -> list[int]:
    """Where each part ends, as an index into `costs`, filling each part as far as whole characters go."""
    assert max(costs, default=0) <= room, "a part without room for one character"
    stops, used = [], 0
    for index, cost in enumerate(costs):
        if used + cost > room:
            stops.append(index)
            used = 0
        used += cost
    return [*stops, len(costs)]


def _costs(text: str, coding: Coding) -> list[int]:
    """Units of each character; raises TextRefused."""
    match coding:
        case Coding.GSM:
            to_septets(text)  # refuses what the alphabet cannot say
            return [len(SEPTETS[char]) for char in text]
        case Coding.UCS2:
            _refuse_lone_surrogates(text)
            if max(text, default="") <= _LAST_OF_ONE_UNIT:
                return [1] * len(text)
            return [1 if char <= _LAST_OF_ONE_UNIT else 2 for char in text]
        case Coding.KSC:
            return [len(ksc.encode(char)) for char in text]
        case Coding.ASCII | Coding.LATIN1 | Coding.BINARY:
            return [1] * len(encode(text, coding))
        case _:
            assert_never(coding)


def _refuse_lone_surrogates(text: str) -> None:
    if _SURROGATE.search(text):
        raise TextRefused("The text holds half of a surrogate pair, which no handset can show; send it whole.")
