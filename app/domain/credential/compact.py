"""CT0, the compact code: 64 bits of name and 56 of MAC, for the smallest screens."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field

from app.domain.credential.operations import CodeId, Mac
from app.domain.credential.unread import Unread, Unreadable

COMPACT_CHARS = 25

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_COMPACT = re.compile(f"C[{_CROCKFORD}]{{24}}")
_CROCKFORD_TO_PYTHON = str.maketrans(_CROCKFORD, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
_TAG_BYTES = 7


@dataclass(frozen=True, slots=True)
class Compact:
    """A CT0 as read: well-formed, not yet known to be genuine. `tag` is 7 octets of MAC."""

    code_id: CodeId
    tag: bytes = field(repr=False)

    def is_genuine(self, mac: Mac) -> bool:
        """Whether the tag was made under this key, which is that of the ticket's occasion."""
        return hmac.compare_digest(_tag(self.code_id, mac), self.tag)


def _tag(code_id: CodeId, mac: Mac) -> bytes:
    return mac(b"CT0" + code_id.to_bytes(8, "big"))[:_TAG_BYTES]


def compact_text(code_id: CodeId, mac: Mac) -> str:
    """CT0: `C` and 24 Crockford base32 characters, 64 bits of id and 56 of MAC; QR version 1-L or 2-M."""
    value = int.from_bytes(code_id.to_bytes(8, "big") + _tag(code_id, mac), "big")
    return "C" + "".join(_CROCKFORD[value >> shift & 31] for shift in range(115, -1, -5))


def read_compact(text: str) -> Compact | Unreadable:
    """The CT0 of 25 characters that begin with `C`."""
    if not _COMPACT.fullmatch(text):
        return Unreadable(Unread.DAMAGED)
    octets = int(text[1:].translate(_CROCKFORD_TO_PYTHON), 32).to_bytes(15, "big")
    return Compact(CodeId(int.from_bytes(octets[:8], "big")), octets[8:])
