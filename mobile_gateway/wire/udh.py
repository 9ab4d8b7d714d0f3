"""The user data header of a short message: information elements that join parts, name ports, or bring pictures.

3GPP TS 23.040 section 9.2.3.24. `UDHL (IEI IEDL data)*`; an element we do not know is kept as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

CONCATENATION: Final = 0x00
PORTS_8_BIT: Final = 0x04
PORTS_16_BIT: Final = 0x05
CONCATENATION_16_BIT: Final = 0x08
TEXT_FORMAT: Final = 0x0A
LARGE_PICTURE: Final = 0x10
SMALL_PICTURE: Final = 0x11
VARIABLE_PICTURE: Final = 0x12
SINGLE_SHIFT: Final = 0x24
LOCKING_SHIFT: Final = 0x25

HEADER_OCTETS_MAX = 140
"""A header with its length octet fills a message at most."""

PUSH_PORT = 2948
"""Where a handset listens for WAP push (WAP-259 section 6.5)."""
WSP_PORT = 9200
"""Where a push proxy sends it from."""

_OCTET_END = 0x100
_WORD_END = 0x10000


class MalformedHeader(ValueError):
    """A header whose elements do not add up to its length: the whole of it is to be ignored (23.040, 9.2.3.24)."""


@dataclass(frozen=True, slots=True)
class InformationElement:
    """One element: its identifier and its octets."""

    iei: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Which part this is, of which message. `wide`: the reference has 16 bits, else 8."""

    reference: int
    total: int
    sequence: int
    wide: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.sequence <= self.total < _OCTET_END:
            raise ValueError(f"part {self.sequence} of {self.total} is none; parts count from 1 to 255 at most")
        if not 0 <= self.reference < (_WORD_END if self.wide else _OCTET_END):
            raise ValueError(f"reference {self.reference} does not fit {16 if self.wide else 8} bits")

    def element(self) -> InformationElement:
        """As it stands in a header."""
        place = bytes([self.total, self.sequence])
        if self.wide:
            return InformationElement(CONCATENATION_16_BIT, self.reference.to_bytes(2, "big") + place)
        return InformationElement(CONCATENATION, bytes([self.reference]) + place)


@dataclass(frozen=True, slots=True)
class Ports:
    """To which program on the handset a message goes, and from which port. `wide`: 16-bit ports, else 8-bit."""

    destination: int
    source: int
    wide: bool = True

    def __post_init__(self) -> None:
        if not all(0 <= port < (_WORD_END if self.wide else _OCTET_END) for port in (self.destination, self.source)):
            raise ValueError(f"ports {self.destination} and {self.source} do not fit {16 if self.wide else 8} bits")

    def element(self) -> InformationElement:
        """As it stands in a header."""
        size = 2 if self.wide else 1
        data = self.destination.to_bytes(size, "big") + self.source.to_bytes(size, "big")
        return InformationElement(PORTS_16_BIT if self.wide else PORTS_8_BIT, data)


PUSH = Ports(PUSH_PORT, WSP_PORT)
"""The ports of a WAP push: `05 04 0B84 23F0`."""


def parse(header: bytes) -> tuple[InformationElement, ...]:
    """The elements of a whole header, its length octet first; raises MalformedHeader."""
    elements, rest = split(header)
    if rest:
        raise MalformedHeader(f"{len(rest)} octets stand after the header")
    return elements


def split(user_data: bytes) -> tuple[tuple[InformationElement, ...], bytes]:
    """The header's elements and what comes after it; raises MalformedHeader."""
    if not user_data or user_data[0] >= len(user_data):
        raise MalformedHeader(f"{len(user_data)} octets cannot hold the header they announce")
    end = 1 + user_data[0]
    elements, at = [], 1
    while at < end:
        if at + 1 >= end or at + 2 + user_data[at + 1] > end:
            raise MalformedHeader(f"the element at octet {at} goes beyond the header's {user_data[0]} octets")
        size = user_data[at + 1]
        elements.append(InformationElement(user_data[at], user_data[at + 2 : at + 2 + size]))
        at += 2 + size
    return tuple(elements), user_data[end:]


def build(elements: Iterable[InformationElement]) -> bytes:
    """The header of these elements, its length octet first; no octet at all for none. Raises ValueError."""
    body = b"".join(bytes([one.iei, len(one.data)]) + one.data for one in elements)
    if len(body) >= HEADER_OCTETS_MAX:
        raise ValueError(f"a header of {1 + len(body)} octets does not fit a message of {HEADER_OCTETS_MAX}")
    return bytes([len(body)]) + body if body else b""


def size_of(elements: Iterable[InformationElement]) -> int:
    """Octets of the header that `build` makes."""
    octets = sum(2 + len(one.data) for one in elements)
    return 1 + octets if octets else 0


# 23.040 section 9.2.3.24: of an element that may stand once, or of two that exclude each other, the last counts.


def concatenation_of(elements: Sequence[InformationElement]) -> Concatenation | None:
    """Which part the header says this is; None for a message of its own, or a place that cannot be (9.2.3.24.1)."""
    found = None
    for one in elements:
        wide = one.iei == CONCATENATION_16_BIT
        if not (wide or one.iei == CONCATENATION) or len(one.data) != (4 if wide else 3):
            continue
        *reference, total, sequence = one.data
        if 1 <= sequence <= total:
            found = Concatenation(int.from_bytes(bytes(reference), "big"), total, sequence, wide)
    return found


def ports_of(elements: Sequence[InformationElement]) -> Ports | None:
    """Where the message goes on the handset; None for the person."""
    found = None
    for one in elements:
        wide = one.iei == PORTS_16_BIT
        if not (wide or one.iei == PORTS_8_BIT) or len(one.data) != (4 if wide else 2):
            continue
        half = len(one.data) // 2
        found = Ports(int.from_bytes(one.data[:half], "big"), int.from_bytes(one.data[half:], "big"), wide)
    return found
