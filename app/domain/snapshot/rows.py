"""One row of a snapshot: an entry of the register that opens only with the ticket's own code, or its number and PIN.

Tags find a row without saying whose it is; its code unlocks the rest. Nothing in it makes a code or tells a PIN.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntFlag

from app.domain.snapshot.octets import Reader, SnapshotUnreadable, folded, unfolded, varint

TAG_OCTETS = 6
CODE_OCTETS = 8
FIXED_OCTETS = 2 * TAG_OCTETS + CODE_OCTETS
"""Find tag, PIN tag and wrapped code stand before the sealed payload."""
PAYLOAD_OCTETS_MAX = 255
HOLDER_TAG_OCTETS = 4
SEAT_OCTETS_MAX = 40
HOLDER_OCTETS_MAX = 72
NUMBERS_MAX = 1 << 24
"""Of texts and occasions that rows can name."""
USES_MAX = 10_000
HANDSET_DIGITS = 4
NONE = bytes(TAG_OCTETS)

Span = tuple[int, int]
"""From when until when, in seconds since 1970; until is exclusive."""


class Has(IntFlag):
    """What a row's payload holds beyond tag, occasion and category; the first seven fit one octet."""

    SEAT = 1
    HANDSET = 2
    HOLDER_KEY = 4
    HOLDER = 8
    ENTRANCE = 16
    USES = 32
    SECTION = 64
    SPAN = 128
    JOURNEY = 256
    SELLER = 512


@dataclass(frozen=True, slots=True)
class Row:
    """What an opened row says. Texts are numbers of the snapshot's list; 0 is none.

    `compact_tag` is of the compact code's text, `holder_tag` of the handset's public key; zeros or nothing where
    there is none. `row`, `seat`, `handset` (its last four digits) and `holder` stand in no list.
    """

    occasion: int
    span: Span
    category: int = 0
    section: int = 0
    origin: int = 0
    destination: int = 0
    entrance: int = 0
    uses: int = 1
    row: str = ""
    seat: str = ""
    handset: str = field(default="", repr=False)
    holder: str = field(default="", repr=False)
    seller: int = 0
    compact_tag: bytes = field(default=NONE, repr=False)
    holder_tag: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Way:
    """The second way to a row: the typed number with its PIN, under the key that gates keep in memory only."""

    number: str
    pin: str = field(repr=False)
    key: bytes = field(repr=False)

    def _digest(self, before: bytes) -> bytes:
        return hmac.digest(self.key, before + f"{self.number}|{self.pin}".encode("ascii"), "sha256")

    def tag(self) -> bytes:
        return self._digest(b"pin|")[:TAG_OCTETS]

    def wrap(self, code: bytes) -> bytes:
        """The code as it stands in the row, and what stands there as the code: it is its own opposite."""
        return mixed(code, self._digest(b"open|")[:CODE_OCTETS])


def find_tag(salt: bytes, code: int) -> bytes:
    return hmac.digest(salt, b"code|" + code.to_bytes(CODE_OCTETS, "big"), "sha256")[:TAG_OCTETS]


def text_tag(text: str) -> bytes:
    """Of a compact code's text: enough to know it again, not to write it."""
    return hashlib.sha256(text.encode("ascii", "replace")).digest()[:TAG_OCTETS]


def key_tag(holder_key: bytes) -> bytes:
    return hashlib.sha256(holder_key).digest()[:HOLDER_TAG_OCTETS]


def mixed(octets: bytes, stream: bytes) -> bytes:
    """XOR."""
    number = int.from_bytes(octets, "big") ^ int.from_bytes(stream[: len(octets)], "big")
    return number.to_bytes(len(octets), "big")


def stream(salt: bytes, code: int, count: int) -> bytes:
    """`count` octets that only the code gives."""
    seed = b"open|" + code.to_bytes(CODE_OCTETS, "big") + b"|"
    blocks = -(-count // 32)
    return b"".join(hmac.digest(salt, seed + bytes([block]), "sha256") for block in range(blocks))[:count]


def seal(row: Row, *, code: int, salt: bytes, spans: Sequence[Span], since: int, way: Way | None) -> bytes:
    """The row's octets. `spans` are the occasions', which a row repeats only where its own differs."""
    payload = payload_of(row, spans=spans, since=since)
    named = code.to_bytes(CODE_OCTETS, "big")
    pin = (way.tag(), way.wrap(named)) if way is not None else (NONE, bytes(CODE_OCTETS))
    sealed = mixed(payload, stream(salt, code, len(payload)))
    return b"".join((find_tag(salt, code), *pin, bytes([len(payload)]), sealed))


def payload_of(row: Row, *, spans: Sequence[Span], since: int) -> bytes:
    """The row before it is sealed; raises ValueError where it would be longer than its length octet can say."""
    has, more = 0, []
    for flag, octets in (*_common(row), *_rare(row, spans[row.occasion], since)):
        has |= flag.value
        more.append(octets)
    found = b"".join((varint(has), row.compact_tag, varint(row.occasion), varint(row.category), *more))
    if len(found) > PAYLOAD_OCTETS_MAX:
        raise ValueError(f"a row has {PAYLOAD_OCTETS_MAX} octets at most, not {len(found)}")
    return found


def _common(row: Row) -> list[tuple[Has, bytes]]:
    """What most rows have, in the order of the flags."""
    parts: list[tuple[Has, bytes]] = []
    if row.row or row.seat:
        parts.append((Has.SEAT, _text(row.row, SEAT_OCTETS_MAX) + _text(row.seat, SEAT_OCTETS_MAX)))
    if row.handset:
        parts.append((Has.HANDSET, int(row.handset).to_bytes(2, "big")))
    if row.holder_tag:
        parts.append((Has.HOLDER_KEY, row.holder_tag))
    if row.holder:
        parts.append((Has.HOLDER, _text(row.holder, HOLDER_OCTETS_MAX)))
    if row.entrance:
        parts.append((Has.ENTRANCE, varint(row.entrance)))
    return parts


def _rare(row: Row, span: Span, since: int) -> list[tuple[Has, bytes]]:
    """What few rows have, or all of one kind of product."""
    parts: list[tuple[Has, bytes]] = []
    if row.uses != 1:
        parts.append((Has.USES, varint(row.uses)))
    if row.section:
        parts.append((Has.SECTION, varint(row.section)))
    if row.span != span:
        begins, ends = row.span
        parts.append((Has.SPAN, varint(folded(begins - since)) + varint(ends - begins)))
    if row.origin or row.destination:
        parts.append((Has.JOURNEY, varint(row.origin) + varint(row.destination)))
    if row.seller:
        parts.append((Has.SELLER, varint(row.seller)))
    return parts


def _text(text: str, octets_max: int) -> bytes:
    """A text behind its length; one that is too long is cut at a letter's end."""
    octets = text.encode()[:octets_max].decode("utf-8", "ignore").encode()
    return varint(len(octets)) + octets


def read_payload(octets: bytes, *, spans: Sequence[Span], since: int) -> Row:
    """The row of an opened payload; raises SnapshotUnreadable."""
    reader = Reader(octets)
    has = Has(reader.varint(max(Has) * 2 - 1))
    compact_tag = reader.take(TAG_OCTETS)
    occasion, category = reader.varint(NUMBERS_MAX), reader.varint(NUMBERS_MAX)
    if occasion >= len(spans):
        raise SnapshotUnreadable("a row is of an occasion that came later. Fetch the snapshot again.")
    seat = (reader.text(SEAT_OCTETS_MAX), reader.text(SEAT_OCTETS_MAX)) if Has.SEAT in has else ("", "")
    handset = _digits(reader.number(2)) if Has.HANDSET in has else ""
    holder_tag = reader.take(HOLDER_TAG_OCTETS) if Has.HOLDER_KEY in has else b""
    holder = reader.text(HOLDER_OCTETS_MAX) if Has.HOLDER in has else ""
    entrance = reader.varint(NUMBERS_MAX) if Has.ENTRANCE in has else 0
    uses = reader.varint(USES_MAX) if Has.USES in has else 1
    section = reader.varint(NUMBERS_MAX) if Has.SECTION in has else 0
    span = _span(reader, since) if Has.SPAN in has else spans[occasion]
    journey = (reader.varint(NUMBERS_MAX), reader.varint(NUMBERS_MAX)) if Has.JOURNEY in has else (0, 0)
    seller = reader.varint(NUMBERS_MAX) if Has.SELLER in has else 0
    reader.end()
    return Row(
        occasion=occasion,
        span=span,
        category=category,
        section=section,
        origin=journey[0],
        destination=journey[1],
        entrance=entrance,
        uses=uses,
        row=seat[0],
        seat=seat[1],
        handset=handset,
        holder=holder,
        seller=seller,
        compact_tag=compact_tag,
        holder_tag=holder_tag,
    )


def _digits(number: int) -> str:
    digits = f"{number:0{HANDSET_DIGITS}}"
    if len(digits) != HANDSET_DIGITS:
        raise SnapshotUnreadable("a row's handset has more than four digits. Fetch the snapshot again.")
    return digits


def _span(reader: Reader, since: int) -> Span:
    begins = since + unfolded(reader.varint(1 << 40))
    return begins, begins + reader.varint(1 << 40)
