"""Text as a mobile network carries it: the GSM 03.38 alphabet, UCS-2, and how a long text is cut into parts.

Septets are *unpacked*, one per octet, as SMPP data_coding 0 carries them by custom. Packing belongs to the radio side.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ESCAPE = 0x1B

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""GSM 03.38 section 6.2.1, the default alphabet, by code 0..127. It has no backtick."""

EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
"""GSM 03.38 section 6.2.1.1: what a code means after the escape. Each of these characters costs two septets."""

PARTS_MAX = 10
"""A text that needs more parts is refused: at this length it should have been a link."""

GSM_UNITS_ALONE, GSM_UNITS_JOINED = 160, 153
UCS2_UNITS_ALONE, UCS2_UNITS_JOINED = 70, 67
"""Units in a message of one part, and in each of several: 140 octets, less 6 for the 8-bit concatenation header."""

_CODES = {char: bytes([code]) for code, char in enumerate(BASIC) if code != ESCAPE} | {
    char: bytes([ESCAPE, code]) for code, char in EXTENSION.items()
}
_LAST_SEPTET = 0x7F
_LAST_OF_ONE_UNIT = "\uffff"
_SURROGATES = range(0xD800, 0xE000)


class TextRefused(ValueError):
    """A text that cannot be sent; the message says what to change."""


class MalformedText(ValueError):
    """Octets that are no text in the coding they claim."""


class Coding(StrEnum):
    GSM = "gsm7"
    UCS2 = "ucs2"


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


def is_gsm(text: str) -> bool:
    """Whether GSM 03.38 can say the whole text."""
    return all(char in _CODES for char in text)


def encode(text: str, coding: Coding) -> bytes:
    """The text's octets: unpacked septets, or UCS-2 big-endian; raises TextRefused."""
    if coding is Coding.UCS2:
        return _encode_ucs2(text)
    try:
        return b"".join(_CODES[char] for char in text)
    except KeyError as fault:
        raise TextRefused(f"{fault.args[0]!r} is not in the GSM 03.38 alphabet; send this text as UCS-2") from None


def decode(octets: bytes, coding: Coding) -> str:
    """The text that `octets` carry; raises MalformedText."""
    return _decode_ucs2(octets) if coding is Coding.UCS2 else _decode_gsm(octets)


def segment(text: str, *, parts_max: int = PARTS_MAX) -> Segments:
    """Cut `text` into as few parts as it takes, never inside an escape pair or a surrogate pair; raises TextRefused."""
    assert parts_max >= 1
    if is_gsm(text):
        coding, alone, joined = Coding.GSM, GSM_UNITS_ALONE, GSM_UNITS_JOINED
        costs = [len(_CODES[char]) for char in text]
    else:
        _refuse_lone_surrogates(text)
        coding, alone, joined = Coding.UCS2, UCS2_UNITS_ALONE, UCS2_UNITS_JOINED
        costs = [1 if char <= _LAST_OF_ONE_UNIT else 2 for char in text]
    if (total := sum(costs)) <= alone:
        return Segments(coding, (text,), (total,))
    ends = _cut(costs, joined)
    if len(ends) > parts_max:
        room = alone if parts_max == 1 else joined * parts_max
        raise TextRefused(
            f"The text needs {len(ends)} parts and {parts_max} are allowed. Shorten it: it takes {total} units"
            f" where {room} fit{'' if coding is Coding.GSM else ' (a letter outside GSM 03.38 halves the room)'}."
        )
    starts = (0, *ends[:-1])
    spans = list(zip(starts, ends, strict=True))
    return Segments(coding, tuple(text[a:b] for a, b in spans), tuple(sum(costs[a:b]) for a, b in spans))


def _cut(costs: list[int], room: int) -> list[int]:
    """Where each part ends, filling each as far as whole characters go."""
    ends, used = [], 0
    for index, cost in enumerate(costs):
        if used + cost > room:
            ends.append(index)
            used = 0
        used += cost
    return [*ends, len(costs)]


def _decode_gsm(octets: bytes) -> str:
    text, escaped = [], False
    for octet in octets:
        if octet > _LAST_SEPTET:
            raise MalformedText(f"octet {octet:#04x} is no septet")
        if escaped:
            # GSM 03.38 section 6.2.1.1: an unknown extension shows the basic character; a second escape shows a space.
            text.append(EXTENSION.get(octet, " " if octet == ESCAPE else BASIC[octet]))
            escaped = False
        elif octet == ESCAPE:
            escaped = True
        else:
            text.append(BASIC[octet])
    # The same section: an escape with nothing after it is shown as a space.
    return "".join(text) + (" " if escaped else "")


def _encode_ucs2(text: str) -> bytes:
    _refuse_lone_surrogates(text)
    # UTF-16 by custom: every handset of today joins surrogate pairs, though UCS-2 proper knows none.
    return text.encode("utf-16-be")


def _decode_ucs2(octets: bytes) -> str:
    try:
        return octets.decode("utf-16-be")
    except UnicodeDecodeError as fault:
        raise MalformedText(f"no UCS-2 text: {fault.reason} at octet {fault.start}") from None


def _refuse_lone_surrogates(text: str) -> None:
    if any(ord(char) in _SURROGATES for char in text):
        raise TextRefused("The text holds half of a surrogate pair, which no handset can show; send it whole.")
