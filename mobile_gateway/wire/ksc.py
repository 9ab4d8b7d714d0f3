"""KS C 5601 (now KS X 1001) as Korean carriers of the year 2000 sent it: EUC-KR, ASCII in one octet, a syllable in two.

Its 2,350 syllables are those of the standard; the other 8,822 of today's Hangul (cp949) no handset of that time has.
"""

from __future__ import annotations

from mobile_gateway.wire.alphabet import MalformedText, TextRefused

_ASCII_END = 0x80
_PAIR = 2
_HANGUL_FILLER = "\u3164"
_FILLER_CODE = b"\xa4\xd4"
_CODEC = "euc_kr"


def is_ksc(text: str) -> bool:
    """Whether KS C 5601 can say the whole text."""
    return all(_code(char) is not None for char in text)


def encode(text: str) -> bytes:
    """The text in EUC-KR, one or two octets per character; raises TextRefused."""
    codes = []
    for char in text:
        code = _code(char)
        if code is None:
            raise TextRefused(f"{char!r} is not in KS C 5601; write it otherwise, or send this text as UCS-2")
        codes.append(code)
    return b"".join(codes)


def decode(octets: bytes) -> str:
    """The text that EUC-KR octets say; raises MalformedText."""
    text, at = [], 0
    while at < len(octets):
        size = size_at(octets, at)
        char = _char(octets[at : at + size])
        if char is None:
            raise MalformedText(f"no KS C 5601 text: {octets[at : at + size].hex()} at octet {at} is no character")
        text.append(char)
        at += size
    return "".join(text)


def size_at(octets: bytes, at: int) -> int:
    """Octets of the character that begins at `at`."""
    return 1 if octets[at] < _ASCII_END else _PAIR


def _code(char: str) -> bytes | None:
    try:
        code = char.encode(_CODEC)
    except UnicodeEncodeError:
        return None
    # Python spells a syllable beyond the 2,350 as eight octets (KS X 1001 annex 3), which no handset put together.
    return code if len(code) <= _PAIR else None


def _char(code: bytes) -> str | None:
    # Python waits for the three letters of a composed syllable after it; here it is a character by itself.
    if code == _FILLER_CODE:
        return _HANGUL_FILLER
    try:
        return code.decode(_CODEC)
    except UnicodeDecodeError:
        return None
