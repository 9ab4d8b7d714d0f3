"""The status of a snapshot's rows: all of them as bit planes, or the changed ones alone; whichever is smaller is sent.

    "CTS1" | kid (1) | edition (16) | after (8) | cursor (8) | made at (8) | first (4) | rows (4) | form (1)
    | length (4) | body, zlib | length (4) | news, JSON | length (4) | added rows | signature (64)

Every transaction below `cursor` is in it. `rows` counts the rows in order; those from `first` on are sent along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntFlag

from app.domain.snapshot.book import MEDIA_TYPE, ROWS_MAX, Sign, Snapshot, Verify, signed, unsigned
from app.domain.snapshot.header import (
    CURSOR_MAX,
    EDITION_OCTETS,
    SECONDS_MAX,
    News,
    moment,
    news_json,
    read_news,
    seconds,
)
from app.domain.snapshot.octets import VARINT_OCTETS_MAX, Reader, SnapshotUnreadable, packed, unpacked, varint, varints

STATUS_MEDIA_TYPE = MEDIA_TYPE.replace("snapshot", "status")
MAGIC = b"CTS1"
STATUS_SIGNED = b"cyberticket gate status 1\0"
STATUS_OCTETS_MAX = 256 * 1024 * 1024
AMOUNT_MAX = (1 << 53) - 1
"""As far as JavaScript counts."""
_DETAILS = 4
_ENTRY_OCTETS_MAX = 2 + (1 + _DETAILS) * VARINT_OCTETS_MAX


class State(Enum):
    """What a row's ticket is worth. One with re-entry may be used up and let its people in again."""

    VALID = 0
    USED_UP = 1
    SUSPENDED = 2
    REVOKED = 3


class Flag(IntFlag):
    """The octet of one row; its lowest two bits are the state."""

    BOUND = 4
    """A handset has it as a living barcode."""
    INSIDE = 8
    """Somebody of it is in."""
    COUNTED = 16
    """Numbers stand beside it: it has more than one use, or a balance, or a window that has begun."""


FLAGS = 0x1F


@dataclass(frozen=True, slots=True)
class Counted:
    """The numbers of one row. `left` are uses, or minor units of a balance; times in seconds after `since`, 0: none."""

    left: int
    inside: int = 0
    until: int = 0
    """When the window ends that the first use began."""
    last: int = 0
    """When it was used last."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row of which something changed: its place in the order, and how it stands now."""

    index: int
    flags: int
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a row stands, for whoever decides. Without `left` it is a ticket for one use: the state says all."""

    state: State
    bound: bool = False
    inside: int = 0
    left: int | None = None
    until: datetime | None = None
    last: datetime | None = None


def flags_of(state: State, *, bound: bool, inside: bool, counted: bool) -> int:
    """The octet of one row."""
    return state.value | bound * Flag.BOUND | inside * Flag.INSIDE | counted * Flag.COUNTED


# --- the body in its two forms --------------------------------------------------------------------------------------


class Form(Enum):
    FULL = 0
    CHANGES = 1


def full_body(flags: bytes, counted: Iterable[Counted]) -> bytes:
    """All rows: five planes of bits, the first row's bit the highest of its octet; then the numbers of counted rows."""
    planes = b"".join(_plane(flags, 1 << bit) for bit in range(FLAGS.bit_length()))
    return packed(planes + b"".join(map(_numbers, counted)))


def changes_body(changes: Sequence[Change]) -> bytes:
    """The changed rows in their order: how many, the steps from one place to the next, their octets, their numbers."""
    steps, before = [], -1
    for one in changes:
        assert one.index > before, "each row stands in it once, in the order of the rows"
        steps.append(one.index - before - 1)
        before = one.index
    numbers = b"".join(_numbers(one.counted) for one in changes if one.counted is not None)
    return packed(varint(len(changes)) + varints(steps) + bytes(one.flags for one in changes) + numbers)


def _plane(flags: bytes, bit: int) -> bytes:
    """One bit of each octet, eight to an octet, zeros at the end."""
    if not flags:
        return b""
    table = bytes(ord("1") if octet & bit else ord("0") for octet in range(256))
    digits = flags.translate(table) + b"0" * (-len(flags) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")


def _spread(plane: bytes, count: int, bit: int) -> bytes:
    """The bits of a plane as octets that are `bit` or 0."""
    if not count:
        return b""
    digits = f"{int.from_bytes(plane, 'big'):0{8 * len(plane)}b}"
    if "1" in digits[count:]:
        raise SnapshotUnreadable("a plane has bits beyond its last row. Fetch the status again.")
    return digits[:count].encode("ascii").translate(bytes(bit if octet == ord("1") else 0 for octet in range(256)))


def _numbers(one: Counted) -> bytes:
    return varints((one.left, one.inside, one.until, one.last))


def _read_numbers(reader: Reader) -> Counted:
    left = reader.varint(AMOUNT_MAX)
    return Counted(left, reader.varint(AMOUNT_MAX), reader.varint(SECONDS_MAX), reader.varint(SECONDS_MAX))


def _read_full(octets: bytes, rows: int) -> tuple[bytes, dict[int, Counted]]:
    reader = Reader(unpacked(octets, most=1 + 5 * (rows // 8 + 1) + rows * _DETAILS * VARINT_OCTETS_MAX))
    width = -(-rows // 8)
    planes = [_spread(reader.take(width), rows, 1 << bit) for bit in range(FLAGS.bit_length())]
    whole = 0
    for plane in planes:
        whole |= int.from_bytes(plane, "big")
    flags = whole.to_bytes(rows, "big")
    counted = {index: _read_numbers(reader) for index, octet in enumerate(flags) if octet & Flag.COUNTED}
    reader.end()
    return flags, counted


def _read_changes(octets: bytes, rows: int) -> list[Change]:
    reader = Reader(unpacked(octets, most=VARINT_OCTETS_MAX + rows * _ENTRY_OCTETS_MAX))
    count = reader.varint(rows)
    places, before = [], -1
    for _ in range(count):
        before += 1 + reader.varint(rows)
        places.append(before)
    if before >= rows:
        raise SnapshotUnreadable("a change is of a row that there is not. Fetch the status again.")
    flags = reader.take(count)
    if any(octet > FLAGS for octet in flags):
        raise SnapshotUnreadable("a row's octet has bits that mean nothing here. Update this program.")
    changes = [
        Change(index, octet, _read_numbers(reader) if octet & Flag.COUNTED else None)
        for index, octet in zip(places, flags, strict=True)
    ]
    reader.end()
    return changes


# --- the answer -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Status:
    """One answer. With `after` it says what changed since that cursor; without (0) how all rows stand.

    `added` are the sealed rows from `first` on, and `news` what they name for the first time.
    """

    edition: bytes
    after: int
    cursor: int
    made_at: datetime
    first: int
    rows: int
    form: Form
    body: bytes = field(repr=False)
    news: News = field(default_factory=News)
    added: bytes = field(default=b"", repr=False)


def write_status(status: Status, *, kid: int, sign: Sign) -> bytes:
    """The octets a gate is sent."""
    news = news_json(status.news)
    head = b"".join((
        MAGIC,
        bytes([kid]),
        status.edition,
        status.after.to_bytes(8, "big"),
        status.cursor.to_bytes(8, "big"),
        seconds(status.made_at).to_bytes(8, "big"),
        status.first.to_bytes(4, "big"),
        status.rows.to_bytes(4, "big"),
        bytes([status.form.value]),
    ))  # fmt: skip
    parts = (part for one in (status.body, news, status.added) for part in (len(one).to_bytes(4, "big"), one))
    return signed((head, *parts), purpose=STATUS_SIGNED, sign=sign)


def read_status(octets: bytes, verify: Verify) -> Status:
    """An answer, if the issuer signed it; raises SnapshotUnreadable. Its body is read where it is applied."""
    reader = unsigned(octets, magic=MAGIC, purpose=STATUS_SIGNED, verify=verify, most=STATUS_OCTETS_MAX)
    edition = reader.take(EDITION_OCTETS)
    after, cursor, made_at = reader.number(8), reader.number(8), reader.number(8)
    first, rows, form = reader.number(4), reader.number(4), reader.number(1)
    body, news, added = (reader.take(reader.number(4)) for _ in range(3))
    reader.end()
    if max(after, cursor) > CURSOR_MAX or made_at > SECONDS_MAX or not first <= rows <= ROWS_MAX:
        raise SnapshotUnreadable("a number of the status is beyond what there can be. Fetch it again.")
    if form > Form.CHANGES.value or (form == Form.CHANGES.value) != (after > 0):
        raise SnapshotUnreadable("the status has no form that this program knows. Update it.")
    return Status(edition, after, cursor, moment(made_at), first, rows, Form(form), body, read_news(news), added)


# --- at the gate ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Board:
    """How all rows stand, as far as the gate knows: at `made_at`, with every transaction below `cursor`."""

    cursor: int
    made_at: datetime
    since: datetime
    flags: bytes = field(repr=False)
    counted: Mapping[int, Counted] = field(repr=False)

    def standing(self, index: int) -> Standing:
        """Of the row at `index`, which must be one of those that the board knows."""
        octet, counted = self.flags[index], self.counted.get(index)
        state, bound = State(octet & 3), bool(octet & Flag.BOUND)
        if counted is None:
            return Standing(state, bound, int(bool(octet & Flag.INSIDE)))
        until, last = (self._moment(one) for one in (counted.until, counted.last))
        return Standing(state, bound, counted.inside, counted.left, until, last)

    def _moment(self, after: int) -> datetime | None:
        return moment(seconds(self.since) + after) if after else None


def applied(snapshot: Snapshot, board: Board | None, status: Status) -> tuple[Snapshot, Board]:
    """What a gate has after this answer; raises SnapshotUnreadable for one of another snapshot, an older one, or one
    that says what changed since a moment that the gate has not seen.
    """
    known = len(snapshot.rows)
    if status.edition != snapshot.header.edition:
        raise SnapshotUnreadable("this status is of another snapshot. Fetch the snapshot again.")
    if status.cursor < (board.cursor if board else 0) or status.rows < known or status.first > known:
        raise SnapshotUnreadable("this status does not follow what is known. Fetch the status of all rows.")
    if status.first == known:
        snapshot = snapshot.grown(status.news, status.added)
    if len(snapshot.rows) != status.rows:
        raise SnapshotUnreadable("this status brings other rows than it counts. Fetch the snapshot again.")
    if status.form is Form.FULL:
        flags, counted = _read_full(status.body, status.rows)
    elif board is None or status.after > board.cursor:
        raise SnapshotUnreadable("changes were missed before this status. Fetch the status of all rows.")
    else:
        flags, counted = _changed(board, _read_changes(status.body, status.rows), status.rows)
    return snapshot, Board(status.cursor, status.made_at, snapshot.header.since, flags, counted)


def _changed(board: Board, changes: Iterable[Change], rows: int) -> tuple[bytes, dict[int, Counted]]:
    """The board's rows, then those added since, which are as new unless a change says otherwise."""
    flags, counted = bytearray(board.flags.ljust(rows, b"\0")), dict(board.counted)
    for one in changes:
        flags[one.index] = one.flags
        counted.pop(one.index, None)
        if one.counted is not None:
            counted[one.index] = one.counted
    return bytes(flags), counted
