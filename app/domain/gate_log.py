"""What a gate decided without asking, entry by entry: one canonical text for each, and a digest that chains them.

The log is only ever added to. A gate writes it, brings it when it can, and the register merges it as a set; the format
is in docs/reference/gate-log.md, and app/web/static/gate/log.js writes the very same octets.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NoReturn, TypeVar
from uuid import UUID

from app.domain import damm
from app.domain.admission import GREEN, Reason
from app.domain.entry_rules import AMOUNT_MAX, Face

SEQ_MAX = 2**31 - 1
CURSOR_MAX = 2**53 - 1
"""Whole numbers up to here are the same in every reader of JSON."""
CODE_MAX = 2**64 - 1
COUNT_MAX = 100
"""People of one scan."""
BY_CHARS_MAX = 200
DIGEST_BYTES = 32
LATE_HOURS = 24
"""An entry that is brought later than so long after its own time is reported, and takes nothing back any more."""
LINE_BYTES_MAX = 4_096
"""The longest entry with its digest, as JSON, is shorter than this."""

_SCAN_ID = re.compile(r"[\x21-\x7e]{1,64}")
_NUMBER = re.compile("[0-9]{10}")
_CODE = re.compile("0|[1-9][0-9]{0,19}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_DIGEST = re.compile("[0-9a-f]{64}")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CHAIN = b"cyberticket gate log 1\0"


class BadEntry(ValueError):
    """This is no entry of a gate's log; the sentence says which part, and what belongs there."""


class Deed(StrEnum):
    """What the gate was asked to do."""

    ENTER = "enter"
    LEAVE = "leave"
    REDEEM = "redeem"
    OVERRIDE = "override"
    UNDO = "undo"
    CHECK = "check"


YES: Mapping[Deed, frozenset[Reason]] = {
    Deed.ENTER: frozenset({Reason.ADMITTED, Reason.REENTERED}),
    Deed.LEAVE: frozenset({Reason.LEFT}),
    Deed.REDEEM: frozenset({Reason.REDEEMED}),
    Deed.OVERRIDE: frozenset({Reason.OVERRIDDEN}),
    Deed.UNDO: frozenset({Reason.UNDONE}),
    Deed.CHECK: frozenset(),
}
"""The reasons with which a deed was done. A check does nothing, whatever it says."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer that a gate gave by itself. Raises BadEntry for what no gate can have written.

    `at` is what the gate's clock said, to the millisecond: people read it, nothing is decided by it. `code` names the
    ticket wherever the gate could tell; `number` is what was typed, the PIN is nowhere. `amount` is in minor units.
    `knew` is the cursor of the gate's last status. `by` is who overrode the rules, and why.
    """

    seq: int
    scan_id: str
    at: datetime
    intent: Deed
    reason: Reason
    knew: int
    face: Face | None = None
    code: int | None = None
    number: str | None = None
    count: int = 1
    amount: int = 0
    undoes: str | None = None
    by: str | None = None

    @property
    def done(self) -> bool:
        """Whether something was done, so that it counts; else the entry tells of a no, or of a look."""
        return self.reason in YES[self.intent]

    def __post_init__(self) -> None:
        _within("seq", self.seq, 1, SEQ_MAX)
        _within("count", self.count, 1, COUNT_MAX)
        _within("amount", self.amount, 0, AMOUNT_MAX)
        _within("knew", self.knew, 0, CURSOR_MAX)
        if self.code is not None:
            _within("code", self.code, 0, CODE_MAX)
        if self.at.utcoffset() != timedelta(0) or self.at.microsecond % 1000:
            _refuse("at", "a moment in UTC to the millisecond")
        for name in ("scan_id", "undoes"):
            if (told := getattr(self, name)) is not None and not _SCAN_ID.fullmatch(told):
                _refuse(name, "1 to 64 visible ASCII characters")
        if self.number is not None and not (_NUMBER.fullmatch(self.number) and damm.is_valid(self.number)):
            _refuse("number", "a ticket number with its check digit")
        if self.by is not None and (not 1 <= len(self.by) <= BY_CHARS_MAX or _UNPRINTABLE.search(self.by)):
            _refuse("by", f"1 to {BY_CHARS_MAX} characters on one line")
        self._fits_together()

    def _fits_together(self) -> None:
        if (self.intent is Deed.UNDO) is (self.undoes is None):
            _refuse("undoes", "the scan that an undo takes back, and stands in no other entry")
        if (self.intent is Deed.OVERRIDE) is (self.by is None):
            _refuse("by", "who overrode the rules, and stands in no other entry")
        if (self.intent is Deed.REDEEM) is (self.amount == 0):
            _refuse("amount", "what was to be redeemed, and 0 in every other entry")
        if self.reason in GREEN and not self.done and self.intent is not Deed.CHECK:
            _refuse("reason", f"one that an entry to {self.intent} can have")
        named = self.code is not None or (self.intent is Deed.OVERRIDE and self.number is not None)
        if self.done and self.intent is not Deed.UNDO and not named:
            _refuse("code", "the ticket's, where something was done with it")

    def told(self) -> dict[str, object]:
        """As it is sent and kept: the keys of the canonical text, values that JSON knows."""
        return {
            "amount": self.amount,
            "at": self.at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z",
            "by": self.by,
            "code": None if self.code is None else str(self.code),
            "count": self.count,
            "face": None if self.face is None else self.face.value,
            "intent": self.intent.value,
            "knew": self.knew,
            "number": self.number,
            "online": False,
            "reason": self.reason.value,
            "scan_id": self.scan_id,
            "seq": self.seq,
            "undoes": self.undoes,
        }

    def canonical(self) -> bytes:
        """The text that is digested: JSON with sorted keys and no spaces, in UTF-8."""
        return canonical(self.told())


def canonical(told: Mapping[str, object]) -> bytes:
    """JSON with sorted keys, no spaces and no escapes that are not needed, in UTF-8."""
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


# --- the chain ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Linked:
    """An entry with the digest of the chain up to it: one line of the log, and one item of what is brought."""

    entry: Entry
    digest: bytes

    def told(self) -> dict[str, object]:
        return {**self.entry.told(), "digest": self.digest.hex()}


def beginning(*, gate_id: UUID, generation: int) -> bytes:
    """What stands before the first entry of one device: its log is nobody else's, and no older device's."""
    return hashlib.sha256(_CHAIN + gate_id.bytes + generation.to_bytes(4, "big")).digest()


def link(previous: bytes, entry: Entry) -> Linked:
    """The entry chained to the digest before it."""
    assert len(previous) == DIGEST_BYTES, "a digest of SHA-256"
    return Linked(entry, hashlib.sha256(previous + entry.canonical()).digest())


def follows(previous: bytes, linked: Linked) -> bool:
    """Whether this entry was chained to that digest and was not changed since."""
    return link(previous, linked.entry).digest == linked.digest


def chain(previous: bytes, entries: Iterable[Entry]) -> Iterator[Linked]:
    """Entries one after the other, from a digest on."""
    for entry in entries:
        linked = link(previous, entry)
        previous = linked.digest
        yield linked


# --- reading what a gate wrote --------------------------------------------------------------------------------------

# fmt: off
FIELDS = frozenset({
    "amount", "at", "by", "code", "count", "face", "intent", "knew", "number", "online", "reason", "scan_id", "seq",
    "undoes",
})
# fmt: on
One = TypeVar("One", bound=StrEnum)


def read(told: object) -> Entry:
    """An entry as it was sent: every key, no other, each of its very type. Raises BadEntry."""
    if not isinstance(told, Mapping) or told.keys() != FIELDS:
        raise BadEntry(f"An entry of a gate's log has exactly the keys {', '.join(sorted(FIELDS))}.")
    if told["online"] is not False:
        _refuse("online", "false: what the register decided itself is not brought to it")
    face, code = told["face"], _text(told, "code")
    if code is not None and not _CODE.fullmatch(code):
        _refuse("code", "a decimal number in a text")
    return Entry(
        seq=_whole(told, "seq"),
        scan_id=_text(told, "scan_id") or "",
        at=_moment(told["at"]),
        intent=_one(Deed, told, "intent"),
        reason=_one(Reason, told, "reason"),
        knew=_whole(told, "knew"),
        face=None if face is None else _one(Face, told, "face"),
        code=None if code is None else int(code),
        number=_text(told, "number"),
        count=_whole(told, "count"),
        amount=_whole(told, "amount"),
        undoes=_text(told, "undoes"),
        by=_text(told, "by"),
    )


def read_linked(told: object) -> Linked:
    """An entry with its digest. Whether the digest is right, `follows` says. Raises BadEntry."""
    if not isinstance(told, Mapping):
        raise BadEntry("An entry of a gate's log is a JSON object.")
    digest = told.get("digest")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        _refuse("digest", "64 hexadecimal digits in lower case")
    return Linked(read({key: value for key, value in told.items() if key != "digest"}), bytes.fromhex(digest))


def read_line(line: bytes) -> Linked:
    """One line of a log file. Raises BadEntry."""
    if len(line) > LINE_BYTES_MAX:
        raise BadEntry(f"A line of a gate's log has at most {LINE_BYTES_MAX} octets.")
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        raise BadEntry("A line of a gate's log is one JSON object in UTF-8.") from None
    return read_linked(told)


def _refuse(name: str, wanted: str) -> NoReturn:
    raise BadEntry(f"{name} of an entry in a gate's log is {wanted}.")


def _within(name: str, value: int, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        _refuse(name, f"a whole number from {least} to {most}")


def _whole(told: Mapping[str, object], name: str) -> int:
    value = told[name]
    if type(value) is not int:
        _refuse(name, "a whole number")
    return value


def _text(told: Mapping[str, object], name: str) -> str | None:
    value = told[name]
    if value is not None and not isinstance(value, str):
        _refuse(name, "a text or null")
    return value


def _one(kind: type[One], told: Mapping[str, object], name: str) -> One:
    try:
        return kind(str(told[name]))
    except ValueError:
        _refuse(name, f"one of {', '.join(kind)}")


def _moment(told: object) -> datetime:
    if isinstance(told, str) and _MOMENT.fullmatch(told):
        try:
            return datetime.fromisoformat(told)
        except ValueError:
            pass
    _refuse("at", "a moment such as 2026-11-22T18:30:00.000Z")
