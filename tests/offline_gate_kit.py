"""A gate without network on a sheet kept in memory, and keys that are sums: for tests of what gates decide alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.domain import gate_own
from app.domain.admission import Post, Register
from app.domain.credential import (
    Body,
    CodeId,
    Flag,
    Pin,
    TicketNumber,
    compact_text,
    living_part,
    living_text,
    signed_text,
    step_of,
)
from app.domain.entry_rules import EntryRules
from app.domain.gate_log import Deed
from app.domain.gate_sheet import Keys, Line
from app.domain.gate_verdict import Verdict
from app.domain.offline_gate import OfflineGate, Shown
from app.domain.ticket import TicketState

NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
GATE = UUID("00000000-0000-4000-8000-0000000000a1")
OCCASION, OTHER_OCCASION = UUID(int=1), UUID(int=2)
HOLDER_KEY = b"\x02" + bytes(range(32))
NUMBER, PIN = TicketNumber("4829103751"), Pin("491027")


def signature(key: bytes, message: bytes) -> bytes:
    """No signature at all, but as long, and different for each key and message."""
    return hashlib.sha512(key + message).digest()


def sign(message: bytes) -> bytes:
    return signature(b"ours", message)


def mac(message: bytes) -> bytes:
    return hashlib.sha256(b"mac" + message).digest()


def verify_by(key: bytes) -> Any:
    return lambda kid, message, told: kid == 1 and told == signature(key, message)


KEYS = Keys(
    {"": verify_by(b"ours"), "theirs": verify_by(b"theirs")},
    lambda key, message, told: told == signature(key, message),
)


def body(code: int, *, occasion: int = 1) -> Body:
    return Body(1, CodeId(code), occasion, 1, 29_000_000, 600, Flag(0))


def signed(code: int, *, occasion: int = 1, key: bytes = b"ours") -> str:
    return signed_text(body(code, occasion=occasion), lambda message: signature(key, message))


def compact(code: int) -> str:
    return compact_text(CodeId(code), mac)


def living(code: int, *, at: datetime = NOW, holder_key: bytes = HOLDER_KEY) -> str:
    part = living_part(body(code), holder_key, sign)
    return living_text(part, step_of(at), lambda message: signature(holder_key, message))


def line(code: int = 7, *, occasion_code: int = 1, seller: str = "", **changed: Any) -> Line:
    """One ticket for one person, good from an hour ago until in five hours."""
    entry = Register(
        ticket_id=UUID(int=code),
        occasion_id=OCCASION,
        state=TicketState.VALID,
        uses=1,
        uses_left=1,
        valid_from=NOW - timedelta(hours=1),
        valid_until=NOW + timedelta(hours=5),
    )
    if "rules" in changed:
        changed["rules"] = EntryRules(**changed["rules"])
    if "uses" in changed:
        changed = {"uses_left": changed["uses"]} | changed
    label = {"title": {"ko": "춘향전", "en": "Chunhyang"}}
    return Line(code, replace(entry, **changed), occasion_code, seller, label, lambda _: None, lambda _: True)


@dataclass
class MemorySheet:
    """A sheet as a gate finds it, without the octets."""

    lines: dict[int, Line]
    post: Post = field(default_factory=lambda: Post(GATE, frozenset({OCCASION})))
    cursor: int = 700
    made_at: datetime = NOW
    expires_at: datetime = NOW + timedelta(hours=24)
    generation: int = 1
    reads_pins: bool = True
    typed: dict[tuple[str, str], int] = field(default_factory=dict)
    compacts: bool | None = True
    """None: it has no tags of compact codes."""
    holder_keys: dict[int, bytes] = field(default_factory=dict)
    occasions: frozenset[int] = frozenset({1})

    def find(self, code: int) -> tuple[Line, ...]:
        found = self.lines.get(code)
        if found is None:
            return ()
        return (
            replace(
                found,
                has_compact=lambda text: text == compact(code) if self.compacts else None,
                has_holder=lambda key: self.holder_keys.get(code, key) == key,
            ),
        )

    def find_typed(self, number: TicketNumber, pin: Pin) -> Line | None:
        code = self.typed.get((number, pin.reveal()))
        return None if code is None else self.lines[code]

    def serves(self, occasion_code: int) -> bool:
        return occasion_code in self.occasions


def sheet(lines: Iterable[Line] = (), **changed: Any) -> MemorySheet:
    return MemorySheet({one.code: one for one in lines}, **changed)


class Door:
    """A gate and whoever stands at it: each answer is noted, as a device would, and scans are numbered."""

    def __init__(self, given: MemorySheet, *, at: datetime = NOW) -> None:
        self.gate = OfflineGate(given, KEYS)
        self.now = at
        self.scans = 0

    def show(self, text: str, *, scan: str = "", **asked: Any) -> Verdict:
        self.scans += 1
        return self.keep(self.gate.present(Shown(scan or f"s-{self.scans}", text, **asked), now=self.now))

    def undo(self, undoes: str, *, scan: str = "") -> Verdict:
        self.scans += 1
        return self.keep(self.gate.undo(scan or f"s-{self.scans}", undoes=undoes, now=self.now))

    def redeem(self, text: str, amount: int) -> Verdict:
        return self.show(text, intent=Deed.REDEEM, amount=amount)

    def leave(self, text: str, count: int = 1) -> Verdict:
        return self.show(text, intent=Deed.LEAVE, count=count)

    def keep(self, verdict: Verdict) -> Verdict:
        if verdict.linked is not None:
            self.gate.note(verdict.linked)
        return verdict

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def answered(self, code: int, **told: Any) -> None:
        self.gate.answered(gate_own.Answered(code, at=self.now, **told))
