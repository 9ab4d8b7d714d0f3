"""What one gate did itself since it last heard from the register, laid over what it heard: a use counts once.

The register's word and the gate's own deeds are kept apart until the deeds were brought and a newer word came: that
word holds them already. Whatever cannot be known in between is taken the careful way, so that no use is made up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain import tally
from app.domain.admission import (
    PIN_TRIES_MAX,
    PIN_WINDOW_MINUTES,
    UNDO_SECONDS,
    Ask,
    Intent,
    LastUse,
    Post,
    Reason,
    Register,
)
from app.domain.entry_rules import Face
from app.domain.gate_log import Deed, Entry

LETS_IN = frozenset({Reason.ADMITTED, Reason.REENTERED, Reason.OVERRIDDEN})
_PIN_FAULTS = frozenset({Reason.WRONG_PIN, Reason.LOCKED})


@dataclass(frozen=True, slots=True)
class Answered:
    """What the register said yes to while it could be asked: a gate remembers it until a newer word holds it."""

    code: int
    reason: Reason
    at: datetime
    count: int = 1
    amount: int = 0


class Own:
    """The deeds of one gate, by ticket. `counted` is the last of them that the register's word holds already."""

    def __init__(self) -> None:
        self.counted = 0
        self._by_scan: dict[str, Entry] = {}
        self._by_code: defaultdict[int, list[Entry | Answered]] = defaultdict(list)
        self._undone: set[str] = set()
        self._tries: defaultdict[str, list[datetime]] = defaultdict(list)
        self._answered: list[Answered] = []

    def add(self, entry: Entry) -> None:
        """Note one entry of the log, in its order."""
        self._by_scan[entry.scan_id] = entry
        if entry.done and entry.code is not None:
            self._by_code[entry.code].append(entry)
        if entry.intent is Deed.UNDO and entry.done and entry.undoes is not None:
            self._undone.add(entry.undoes)
        if entry.number is not None and entry.intent is not Deed.OVERRIDE:
            self._try(entry.number, entry)

    def _try(self, number: str, entry: Entry) -> None:
        if entry.reason is Reason.WRONG_PIN:
            self._tries[number].append(entry.at)
        elif entry.reason not in _PIN_FAULTS | {Reason.NEEDS_NETWORK}:
            self._tries.pop(number, None)

    def answered(self, answer: Answered) -> None:
        """Note what the register itself said yes to."""
        self._answered.append(answer)
        self._by_code[answer.code].append(answer)

    @property
    def answers(self) -> int:
        """How many answers of the register were noted: to be read before a newer word is asked for."""
        return len(self._answered)

    @property
    def remembered(self) -> Sequence[Answered]:
        """The answers of the register that its word does not hold yet, for a device that starts again."""
        return tuple(self._answered)

    def refreshed(self, *, counted: int, answers: int) -> None:
        """The register's newer word holds the entries up to `counted`, and the first `answers` answers."""
        self.counted = max(self.counted, counted)
        for old in self._answered[:answers]:
            self._by_code[old.code].remove(old)
        del self._answered[:answers]

    def scan(self, scan_id: str) -> Entry | None:
        return self._by_scan.get(scan_id)

    def locked(self, number: str, *, now: datetime) -> bool:
        """Whether this number's PIN was wrong too often here lately. A clock that went back does not open it."""
        window = timedelta(minutes=PIN_WINDOW_MINUTES)
        return sum(now - at < window for at in self._tries.get(number, ())) >= PIN_TRIES_MAX

    def over(self, known: Register, code: int, post: Post, *, without: str | None = None) -> Register:
        """The ticket as this gate must see it: the register's word, and what was done here since.

        `without` names a scan that is to be left out: so the ticket is once that was taken back.
        """
        standing = [deed for deed in self._standing(code) if isinstance(deed, Answered) or deed.scan_id != without]
        entry = known
        for deed in standing:
            if self._is_pending(deed):
                entry = after(entry, deed, post)
        ins = [deed for deed in standing if deed.reason in LETS_IN]
        return replace(entry, last=_last(known, ins, post), valid_until=_end(entry, ins))

    def undoable(self, scan_id: str, *, now: datetime) -> Entry | None:
        """The deed that may still be taken back: this gate's, within a minute, and the ticket's last one here."""
        first = self._by_scan.get(scan_id)
        if first is None or not first.done or first.intent is Deed.UNDO or first.code is None:
            return None
        standing = self._standing(first.code)
        in_time = timedelta(0) <= now - first.at <= timedelta(seconds=UNDO_SECONDS)
        return first if in_time and standing and standing[-1] is first else None

    def stands(self, scan_id: str | None) -> bool:
        """Whether something was done by this scan and not taken back."""
        deed = self._by_scan.get(scan_id or "")
        return deed is not None and deed.done and self._stands(deed)

    def _stands(self, deed: Entry | Answered) -> bool:
        return isinstance(deed, Answered) or (deed.intent is not Deed.UNDO and deed.scan_id not in self._undone)

    def _standing(self, code: int) -> list[Entry | Answered]:
        """What was done with this ticket and not taken back, in its order."""
        return [deed for deed in self._by_code.get(code, ()) if self._stands(deed)]

    def _is_pending(self, deed: Entry | Answered) -> bool:
        """Whether the register's word does not hold this yet.

        Undoing what it does hold gives nothing back before it says so itself: only it knows which use that was.
        """
        return isinstance(deed, Answered) or deed.seq > self.counted


def after(entry: Register, deed: Entry | Answered, post: Post) -> Register:
    """The ticket once this was done with it, as far as there is anything left to do it with."""
    match deed.reason:
        case Reason.ADMITTED | Reason.OVERRIDDEN:
            return tally.after(entry, Reason.OVERRIDDEN, ask=_ask(count=deed.count), post=post, now=deed.at)
        case Reason.REENTERED:
            return tally.after(entry, Reason.REENTERED, ask=_ask(count=deed.count), post=post, now=deed.at)
        case Reason.LEFT:
            return tally.after(
                entry, Reason.LEFT, ask=_ask(count=min(deed.count, entry.inside)), post=post, now=deed.at
            )
        case Reason.REDEEMED if entry.balance is not None:
            amount = min(deed.amount, entry.balance)
            spent = entry.spent_offline + (deed.amount if isinstance(deed, Entry) else 0)
            entry = tally.after(entry, Reason.REDEEMED, ask=_ask(amount=amount), post=post, now=deed.at)
            return replace(entry, spent_offline=spent)
        case _:
            return entry


def _ask(*, count: int = 1, amount: int = 0) -> Ask:
    return Ask(Intent.ENTER, Face.PIN, count=count, amount=amount)


def _last(known: Register, ins: Sequence[Entry | Answered], post: Post) -> LastUse | None:
    """The later of the register's last use and this gate's."""
    if not ins or (known.last is not None and known.last.at > ins[-1].at):
        return known.last
    return LastUse(ins[-1].at, post.gate_id)


def _end(entry: Register, ins: Sequence[Entry | Answered]) -> datetime:
    """When the ticket ends, where its first use begins a window."""
    if entry.rules.window_minutes is None or not ins:
        return entry.valid_until
    return min(entry.valid_until, min(one.at for one in ins) + timedelta(minutes=entry.rules.window_minutes))
