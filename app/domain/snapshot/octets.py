"""Reading and writing octets: whole numbers as varints, and a reader that trusts no length it is told."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

VARINT_OCTETS_MAX = 9
VARINT_MAX = (1 << 63) - 1


class SnapshotUnreadable(ValueError):
    """These octets are no snapshot or status that this program can use; the message says why and what to do."""


def varint(number: int) -> bytes:
    """A whole number of 0 to 2^63 - 1 in groups of 7 bits, lowest first; the top bit says that more follow."""
    if not 0 <= number <= VARINT_MAX:
        raise ValueError(f"a varint is 0 to 2^63 - 1, not {number}")
    found = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def varints(numbers: Iterable[int]) -> bytes:
    return b"".join(map(varint, numbers))


def folded(number: int) -> int:
    """A number with a sign as one without: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return number << 1 if number >= 0 else ~number << 1 | 1


def unfolded(number: int) -> int:
    return ~(number >> 1) if number & 1 else number >> 1


class Reader:
    """Takes octets from the front; raises SnapshotUnreadable where there are too few, or some are left."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._octets) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise SnapshotUnreadable(f"cut short: {count} octets are wanted and {self.left} are left. Fetch it again.")
        self._at += count
        return self._octets[self._at - count : self._at]

    def number(self, octets: int) -> int:
        """An unsigned number in `octets` octets, highest first."""
        return int.from_bytes(self.take(octets), "big")

    def varint(self, most: int = VARINT_MAX) -> int:
        """A varint of 0 to `most`, written as short as it can be."""
        found = shift = 0
        for _ in range(VARINT_OCTETS_MAX):
            octet = self.take(1)[0]
            found |= (octet & 0x7F) << shift
            shift += 7
            if octet & 0x80:
                continue
            if found > most or (octet == 0 and shift > 7):  # noqa: PLR2004 - more than one octet
                break
            return found
        raise SnapshotUnreadable(f"a number at octet {self._at} is not 0 to {most}. Fetch it again.")

    def text(self, octets_max: int) -> str:
        """UTF-8 behind its length in octets."""
        octets = self.take(self.varint(octets_max))
        try:
            return octets.decode()
        except UnicodeDecodeError:
            raise SnapshotUnreadable(f"a text before octet {self._at} is not UTF-8. Fetch it again.") from None

    def end(self) -> None:
        if self.left:
            raise SnapshotUnreadable(f"{self.left} octets are left over. Fetch it again.")


def packed(octets: bytes) -> bytes:
    """Smaller, as zlib has it (RFC 1950)."""
    return zlib.compress(octets, 9)


def unpacked(octets: bytes, *, most: int) -> bytes:
    """What `packed` was given, `most` octets at most: a small answer must not fill the memory."""
    inflating = zlib.decompressobj()
    try:
        found = inflating.decompress(octets, most)
    except zlib.error:
        raise SnapshotUnreadable("the body is not zlib data. Fetch it again.") from None
    if not inflating.eof or inflating.unused_data:
        raise SnapshotUnreadable(f"the body does not end within {most} octets, or more follows. Fetch it again.")
    return found
