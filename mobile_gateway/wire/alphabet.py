"""The GSM 03.38 default alphabet: its two tables, its septets unpacked (one per octet) and packed (eight in seven).

Unpacked is how SMPP data_coding 0 carries them by custom. Packed is how the radio has them (3GPP TS 23.038 6.1.2.1).
"""

from __future__ import annotations

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

SEPTETS = {char: bytes([code]) for code, char in enumerate(BASIC) if code != ESCAPE} | {
    char: bytes([ESCAPE, code]) for code, char in EXTENSION.items()
}
"""What each character of the alphabet is sent as: one septet, or the escape and one."""

SEPTET_BITS = 7
OCTET_BITS = 8
_LAST_SEPTET = 0x7F


class TextRefused(ValueError):
    """A text that cannot be sent; the message says what to change."""


class MalformedText(ValueError):
    """Octets that are no text in the coding they claim."""


def is_gsm(text: str) -> bool:
    """Whether GSM 03.38 can say the whole text."""
    return all(char in SEPTETS for char in text)


def to_septets(text: str) -> bytes:
    """The text's septets, unpacked; raises TextRefused."""
    try:
        return b"".join(SEPTETS[char] for char in text)
    except KeyError as fault:
        raise TextRefused(f"{fault.args[0]!r} is not in the GSM 03.38 alphabet; send this text as UCS-2") from None


def from_septets(octets: bytes) -> str:
    """The text that unpacked septets say; raises MalformedText."""
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


def pack(septets: bytes, *, header_octets: int = 0) -> bytes:
    """Septets as the radio has them, the first in the lowest bits; raises MalformedText for what is no septet.

    After a user data header of `header_octets` the text starts on the next septet boundary, so up to six fill bits come
    first (3GPP TS 23.040 section 9.2.3.24).
    """
    bits, value = _fill_bits(header_octets), 0
    for septet in septets:
        if septet > _LAST_SEPTET:
            raise MalformedText(f"octet {septet:#04x} is no septet")
        value |= septet << bits
        bits += SEPTET_BITS
    return value.to_bytes((bits + OCTET_BITS - 1) // OCTET_BITS, "little") if septets else b""


def unpack(packed: bytes, count: int, *, header_octets: int = 0) -> bytes:
    """The first `count` septets of what `pack` made, one per octet; raises MalformedText where there are fewer."""
    fill = _fill_bits(header_octets)
    if count < 0 or (count and fill + count * SEPTET_BITS > len(packed) * OCTET_BITS):
        raise MalformedText(f"{len(packed)} octets cannot hold {count} septets")
    value = int.from_bytes(packed, "little") >> fill
    return bytes(value >> (SEPTET_BITS * index) & _LAST_SEPTET for index in range(count))


def _fill_bits(header_octets: int) -> int:
    return -header_octets * OCTET_BITS % SEPTET_BITS
