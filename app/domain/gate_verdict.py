"""What a gate that decides alone answers: the entry of its log, and all that a steward needs to see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.admission import BALANCE_TOLD, GREEN, Colour, LastUse, Reason, colour, words
from app.domain.credential import Unreadable
from app.domain.entry_rules import UNLIMITED_USES
from app.domain.gate_log import Entry, Linked
from app.domain.gate_sheet import Line

LAST_TOLD = frozenset({Reason.USED, Reason.ALREADY_IN, Reason.PASSED_BACK, Reason.TOO_FEW_USES})
"""Where a steward wants to know when it was let in before."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer. `linked` is to be kept before the answer is shown; None: it was kept before, when this scan was new.

    `line` is the ticket as it is after this, and `last` when it was let in here before this.
    """

    entry: Entry
    linked: Linked | None
    line: Line | None = None
    last: LastUse | None = None
    unreadable: Unreadable | None = None

    @property
    def reason(self) -> Reason:
        return self.entry.reason

    @property
    def admit(self) -> bool:
        return self.reason in GREEN

    @property
    def colour(self) -> Colour:
        return colour(self.reason)

    def words(self, language: str) -> str:
        """What to do next, in Korean (`ko`) or English, with its figures; a balance in minor units."""
        if self.unreadable is not None:
            return self.unreadable.words(language)
        seconds = (self.entry.at - self.last.at) // timedelta(seconds=1) if self.last else None
        said = words(self.reason, language, seconds=seconds)
        balance = self.line.entry.balance if self.line else None
        if balance is None or self.reason not in BALANCE_TOLD:
            return said
        return f"{said} 잔액은 {balance:,}입니다." if language == "ko" else f"{said} {balance:,} is left."

    def told(self) -> dict[str, object]:
        """As JSON, with the names of the online answer."""
        return {
            "admit": self.admit,
            "reason": self.reason.value,
            "colour": self.colour.value,
            "words": {language: self.words(language) for language in ("ko", "en")},
            "at": _text(self.entry.at),
            "face": self.entry.face.value if self.entry.face else None,
            "count": self.entry.count,
            "ticket": None if self.line is None else _ticket(self.line),
            "used": {"at": _text(self.last.at), "gate": None} if self.last and self.reason in LAST_TOLD else None,
        }


def _ticket(line: Line) -> dict[str, object]:
    entry = line.entry
    counted = entry.uses < UNLIMITED_USES
    return {
        **line.label,
        "entrance": entry.entrance,
        "uses": entry.uses if counted else None,
        "uses_left": entry.uses_left if counted else None,
        "inside": entry.inside,
        "balance": entry.balance,
        "valid_from": _text(entry.valid_from),
        "valid_until": _text(entry.valid_until),
    }


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
