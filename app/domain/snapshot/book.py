"""A snapshot: what one gate takes along to decide without network. Made by the register's server, read by the gate.

    "CTG1" | kid (1) | length (4) | header, JSON | length (4) | rows | signature (64)

The signature is ES256 under the issuer's barcode key over the words below and the SHA-256 of all that stands before it.
"""

from __future__ import annotations

import hashlib
import hmac
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.domain.snapshot import rows as sealed
from app.domain.snapshot.header import Header, News, Words, header_json, read_header, seconds
from app.domain.snapshot.octets import Reader, SnapshotUnreadable
from app.domain.snapshot.rows import CODE_OCTETS, FIXED_OCTETS, NONE, TAG_OCTETS, Row, Span, Way

MEDIA_TYPE = "application/vnd.cyberticket.gate-snapshot"
MAGIC = b"CTG1"
SNAPSHOT_SIGNED = b"cyberticket gate snapshot 1\0"
SIGNATURE_OCTETS = 64
SNAPSHOT_OCTETS_MAX = 256 * 1024 * 1024
ROWS_MAX = 4_000_000

Sign = Callable[[bytes], bytes]
Verify = Callable[[int, bytes, bytes], bool]
"""Whether (kid, message, signature) holds under the issuer's barcode key with that index."""


def signed(pieces: tuple[bytes, ...], *, purpose: bytes, sign: Sign) -> bytes:
    """The pieces with the signature over all of them."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return b"".join((*pieces, sign(purpose + digest.digest())))


def unsigned(octets: bytes, *, magic: bytes, purpose: bytes, verify: Verify, most: int) -> Reader:
    """A reader of what stands between the key's index and the signature; raises SnapshotUnreadable unless it holds."""
    if len(octets) > most:
        raise SnapshotUnreadable(f"longer than {most} octets. Fetch it from the issuer's own server.")
    body, signature = octets[:-SIGNATURE_OCTETS], octets[-SIGNATURE_OCTETS:]
    reader = Reader(body)
    if reader.take(len(magic)) != magic:
        raise SnapshotUnreadable(f"does not begin with {magic.decode()}. Fetch it again, or update this program.")
    kid = reader.number(1)
    if not verify(kid, purpose + hashlib.sha256(body).digest(), signature):
        raise SnapshotUnreadable("this is not signed by the issuer. Fetch it from the issuer's own server.")
    return reader


# --- the rows -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Sealed rows in their order, and where each tag stands. A tag that stands twice keeps all its places."""

    octets: bytes = b""
    starts: array[int] = field(default_factory=lambda: array("L"))
    by_code: dict[bytes, tuple[int, ...]] = field(default_factory=dict)
    by_pin: dict[bytes, tuple[int, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.starts)

    def wrapped(self, index: int) -> bytes:
        start = self.starts[index] + 2 * TAG_OCTETS
        return self.octets[start : start + CODE_OCTETS]

    def payload(self, index: int) -> bytes:
        start = self.starts[index] + FIXED_OCTETS
        return self.octets[start + 1 : start + 1 + self.octets[start]]

    def find_tag(self, index: int) -> bytes:
        start = self.starts[index]
        return self.octets[start : start + TAG_OCTETS]

    def grown(self, more: bytes) -> Rows:
        """With rows added behind; raises SnapshotUnreadable."""
        starts, by_code, by_pin = array("L", self.starts), dict(self.by_code), dict(self.by_pin)
        octets = self.octets + more
        at = len(self.octets)
        while at < len(octets):
            if at + FIXED_OCTETS >= len(octets) or at + FIXED_OCTETS + octets[at + FIXED_OCTETS] >= len(octets):
                raise SnapshotUnreadable("the last row is cut short. Fetch it again.")
            index = len(starts)
            if index >= ROWS_MAX:
                raise SnapshotUnreadable(f"more than {ROWS_MAX} rows. Give the gate fewer occasions.")
            _put(by_code, octets[at : at + TAG_OCTETS], index)
            _put(by_pin, octets[at + TAG_OCTETS : at + 2 * TAG_OCTETS], index)
            starts.append(at)
            at += FIXED_OCTETS + 1 + octets[at + FIXED_OCTETS]
        return Rows(octets, starts, by_code, by_pin)


def _put(places: dict[bytes, tuple[int, ...]], tag: bytes, index: int) -> None:
    if tag != NONE:
        places[tag] = (*places.get(tag, ()), index)


# --- the snapshot ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A header and the rows that go with it."""

    header: Header
    rows: Rows

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple(one.span for one in self.header.news.occasions)

    def words(self, number: int) -> Words:
        """The text that rows call by this number; empty for none, or one that came later."""
        texts = self.header.news.texts
        return texts[number - 1] if 0 < number <= len(texts) else ""

    def grown(self, news: News, more: bytes) -> Snapshot:
        """With rows that were added, and what they name for the first time; raises SnapshotUnreadable."""
        known = self.header.news
        news = News(known.texts + news.texts, known.occasions + news.occasions, {**known.products, **news.products})
        return Snapshot(replace(self.header, news=news), self.rows.grown(more))


@dataclass(frozen=True, slots=True)
class Opened:
    """A row that was opened, where it stands in the order, and by which code."""

    index: int
    code: int = field(repr=False)
    row: Row


def write_snapshot(header: Header, rows: bytes, *, kid: int, sign: Sign) -> bytes:
    """The octets a gate is sent; `rows` are sealed ones one after another, `sign` is ES256 of key `kid`."""
    return signed(unsigned_snapshot(header, rows, kid=kid), purpose=SNAPSHOT_SIGNED, sign=sign)


def unsigned_snapshot(header: Header, rows: bytes, *, kid: int) -> tuple[bytes, ...]:
    """All but the signature: the same for the same content."""
    text = header_json(header)
    return MAGIC, bytes([kid]), len(text).to_bytes(4, "big"), text, len(rows).to_bytes(4, "big"), rows


def read_snapshot(octets: bytes, verify: Verify) -> Snapshot:
    """A gate's snapshot, if the issuer signed it; raises SnapshotUnreadable."""
    reader = unsigned(octets, magic=MAGIC, purpose=SNAPSHOT_SIGNED, verify=verify, most=SNAPSHOT_OCTETS_MAX)
    header = read_header(reader.take(reader.number(4)))
    rows = Rows().grown(reader.take(reader.number(4)))
    reader.end()
    return Snapshot(header, rows)


def open_by_code(snapshot: Snapshot, code: int) -> tuple[Opened, ...]:
    """The rows of this code. Each seller draws its own codes, so there may be one of each; almost always it is one."""
    places = snapshot.rows.by_code.get(sealed.find_tag(snapshot.header.edition, code), ())
    return tuple(found for index in places if (found := _opened(snapshot, index, code)) is not None)


def open_by_pin(snapshot: Snapshot, pin_key: bytes, number: str, pin: str) -> tuple[Opened, ...]:
    """The rows that number and PIN name together."""
    way = Way(number, pin, pin_key)
    found = []
    for index in snapshot.rows.by_pin.get(way.tag(), ()):
        code = int.from_bytes(way.wrap(snapshot.rows.wrapped(index)), "big")
        if sealed.find_tag(snapshot.header.edition, code) == snapshot.rows.find_tag(index):
            found.append(_opened(snapshot, index, code))
    return tuple(one for one in found if one is not None)


def _opened(snapshot: Snapshot, index: int, code: int) -> Opened | None:
    """None where a tag fits by chance: the octets are signed, so whatever does not open is another code's."""
    octets = snapshot.rows.payload(index)
    octets = sealed.mixed(octets, sealed.stream(snapshot.header.edition, code, len(octets)))
    try:
        row = sealed.read_payload(octets, spans=snapshot.spans, since=seconds(snapshot.header.since))
    except SnapshotUnreadable:
        return None
    return Opened(index, code, row)


def compact_matches(row: Row, text: str) -> bool:
    """Whether this compact code is the row's; False where the row knows none, as of tickets that others sold."""
    return row.compact_tag != NONE and hmac.compare_digest(sealed.text_tag(text), row.compact_tag)


def holder_matches(row: Row, holder_key: bytes) -> bool:
    """Whether a living barcode bears this row's key. A row that was sealed before it was bound knows none: then the
    issuer's signature over the key is what counts.
    """
    return not row.holder_tag or hmac.compare_digest(sealed.key_tag(holder_key), row.holder_tag)
