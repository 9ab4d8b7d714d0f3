"""Base45 (RFC 9285): two octets in three characters of the QR alphanumeric alphabet; the densest text a QR code takes.

Strict: only the one text that `encode` would have made decodes, so equal octets have equal text.
"""

from __future__ import annotations

import struct

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
"""RFC 9285 section 4.2; also the 45 characters of QR alphanumeric mode, in its order (ISO/IEC 18004, table 5)."""

_FOREIGN = 255
_VALUES = bytes(ALPHABET.find(chr(octet)) if chr(octet) in ALPHABET else _FOREIGN for octet in range(256))
_PAIR_MAX, _SINGLE_MAX = 0xFFFF, 0xFF


def encode(octets: bytes) -> str:
    """RFC 9285 section 3: 3 characters for 2 octets, 2 for a last odd one, least significant first."""
    paired = len(octets) // 2
    characters: list[str] = []
    for value in struct.unpack(f">{paired}H", octets[: 2 * paired]):
        rest, first = divmod(value, 45)
        third, second = divmod(rest, 45)
        characters += (ALPHABET[first], ALPHABET[second], ALPHABET[third])
    if len(octets) % 2:
        second, first = divmod(octets[-1], 45)
        characters += (ALPHABET[first], ALPHABET[second])
    return "".join(characters)


def decode(text: str) -> bytes:
    """The octets of `text`; raises ValueError on a foreign character, a length or a group that no octets give."""
    values = text.encode("ascii").translate(_VALUES)
    if _FOREIGN in values:
        raise ValueError("a character is outside the base45 alphabet")
    grouped = len(values) // 3 * 3
    pairs = [
        first + 45 * second + 2025 * third
        for first, second, third in zip(values[0:grouped:3], values[1:grouped:3], values[2:grouped:3], strict=True)
    ]
    if pairs and max(pairs) > _PAIR_MAX:
        raise ValueError("a group of three characters is above 65535")
    octets = struct.pack(f">{len(pairs)}H", *pairs)
    rest = values[grouped:]
    if not rest:
        return octets
    last = rest[0] + 45 * rest[1] if len(rest) == 2 else _SINGLE_MAX + 1  # noqa: PLR2004 - two characters, one octet
    if last > _SINGLE_MAX:
        raise ValueError("the last group is cut off or above 255")
    return octets + bytes([last])
