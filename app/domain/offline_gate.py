"""A gate that decides alone: the same rules as online, on the sheet it was given and on what it did itself.

Pure: keys come in as callables, time as an argument; an answer is a verdict and the log's next entry, and nothing is
noted before the caller has kept that entry safe. app/web/static/gate/gate.js does the very same in a browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from app.domain.admission import Ask, Intent, Reason, Register, decide
from app.domain.credential import (
    Barcode,
    Compact,
    Living,
    NumberAndPin,
    Presented,
    Signed,
    Unreadable,
    face_of,
    parse_presented,
)
from app.domain.entry_rules import Role
from app.domain.gate_log import Deed, Entry, Linked, beginning, link
from app.domain.gate_own import Answered, Own, after
from app.domain.gate_sheet import Keys, Line, Sheet
from app.domain.gate_verdict import Verdict
from app.domain.refusals import KeyReused, NotAllowed

MAX_STALE = timedelta(hours=4)
"""How old the register's word may be for a yes."""
MAX_STALE_VALUE = timedelta(minutes=15)
"""The same, where stored value is taken."""
_INTENTS = {
    Deed.ENTER: Intent.ENTER,
    Deed.LEAVE: Intent.LEAVE,
    Deed.REDEEM: Intent.REDEEM,
    Deed.CHECK: Intent.CHECK,
}
_YES_OFFLINE = frozenset({Reason.ADMITTED, Reason.REENTERED, Reason.REDEEMED})
_REUSED = "This scan id was used for another ticket. Give each scan an id of its own."


@dataclass(frozen=True, slots=True)
class Shown:
    """What is put before the gate: the scan's own name, the text, what is asked for; who overrides, and why."""

    scan_id: str
    text: str = field(repr=False)
    intent: Deed = Deed.ENTER
    count: int = 1
    amount: int = 0
    by: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What a presentation came to: a line, or the reason why there is none; and what the log may say of it."""

    read: Presented
    reason: Reason | None = None
    line: Line | None = None

    @property
    def code(self) -> int | None:
        if self.line is not None:
            return self.line.code
        return int(self.read.code_id) if isinstance(self.read, Barcode) else None


class OfflineGate:
    """One device with its sheet and its log."""

    def __init__(self, sheet: Sheet, keys: Keys, *, log: Sequence[Linked] = (), counted: int = 0) -> None:
        """Take up where the log ends; `counted` is the last entry of it that the sheet holds already."""
        self.sheet = sheet
        self.keys = keys
        self.own = Own()
        self.own.counted = counted
        self.seq = 0
        self.digest = beginning(gate_id=sheet.post.gate_id, generation=sheet.generation)
        self._latest = sheet.made_at
        for linked in log:
            self.note(linked)

    # --- answering --------------------------------------------------------------------------------------------------

    def present(self, shown: Shown, *, now: datetime) -> Verdict:
        """What to do, and the entry to keep. Show it once the entry is safe and was given to `note`.

        The same scan again gets its answer again. Raises KeyReused for another thing under a used name, NotAllowed for
        what this gate is not there for, BadEntry for counts and amounts beyond the limits.
        """
        now = _moment(now)
        self._may(shown)
        if (before := self.own.scan(shown.scan_id)) is not None:
            return self._again(before, shown)
        found = self._find(parse_presented(shown.text), shown, now=now)
        known = self._known(found.line) if found.line else None
        reason = self._decide(found, known, shown, now=now)
        return self._verdict(self._entry(found, shown, reason, now=now), found, known)

    def undo(self, scan_id: str, *, undoes: str, now: datetime) -> Verdict:
        """Take back a deed of this gate, within a minute and before anything else was done with the ticket."""
        now = _moment(now)
        first, before = self.own.undoable(undoes, now=now), self.own.scan(scan_id)
        if before is not None and (before.intent, before.undoes) != (Deed.UNDO, undoes):
            raise KeyReused(_REUSED)
        told = first or self.own.scan(undoes)
        entry = before or Entry(
            seq=self.seq + 1,
            scan_id=scan_id,
            at=now,
            intent=Deed.UNDO,
            reason=Reason.UNDONE if first else Reason.NOT_UNDONE,
            knew=self.sheet.cursor,
            face=told.face if told else None,
            code=told.code if told else None,
            count=told.count if told else 1,
            undoes=undoes,
        )
        return Verdict(entry, None if before else link(self.digest, entry), line=self._after_undo(entry))

    def _after_undo(self, entry: Entry) -> Line | None:
        """The ticket as an undo leaves it, where there was something to take back; as online, else none is shown."""
        undone = entry.reason is Reason.UNDONE
        lines = self.sheet.find(entry.code) if entry.code is not None else ()
        if not lines or not (undone or self.own.stands(entry.undoes)):
            return None
        line = lines[0]
        without = entry.undoes if undone else None
        return replace(line, entry=self.own.over(line.entry, line.code, self.sheet.post, without=without))

    # --- remembering ------------------------------------------------------------------------------------------------

    def note(self, linked: Linked) -> None:
        """An entry is safe now: it counts."""
        assert linked.entry.seq == self.seq + 1, "a log has no gap"
        self.own.add(linked.entry)
        self.seq, self.digest = linked.entry.seq, linked.digest
        self._latest = max(self._latest, linked.entry.at)

    def answered(self, answer: Answered) -> None:
        """The register was asked and said yes: until a newer sheet says so too, this gate knows it by itself."""
        self.own.answered(answer)

    def refresh(self, sheet: Sheet, *, counted: int, answers: int = 0) -> None:
        """Take a newer sheet. An older one is passed over.

        `counted` and `answers` are what had been brought, and how many answers there were, before the sheet was asked
        for; while something is on its way to the register, none may be asked for.
        """
        if sheet.cursor < self.sheet.cursor:
            return
        self.sheet = sheet
        self._latest = sheet.made_at
        self.own.refreshed(counted=counted, answers=answers)

    # --- the parts --------------------------------------------------------------------------------------------------

    def _may(self, shown: Shown) -> None:
        post = self.sheet.post
        if shown.intent is Deed.OVERRIDE and post.role is not Role.SUPERVISOR:
            raise NotAllowed("Only a supervisor's gate may let in whom the rules refuse. Call the supervisor.")
        if shown.intent is Deed.UNDO:
            raise NotAllowed("An undo names a scan, not a ticket.")
        if shown.intent in _INTENTS and not post.lets(_INTENTS[shown.intent]):
            raise NotAllowed("People do not pass this gate that way. Use a gate of the other direction.")

    def _find(self, read: Presented, shown: Shown, *, now: datetime) -> _Found:
        match read:
            case Unreadable():
                return _Found(read, Reason.UNREADABLE)
            case NumberAndPin():
                return self._typed(read, now=now)
            case Compact():
                return self._compact(read, shown.text)
            case _:
                return self._signed(read)

    def _typed(self, read: NumberAndPin, *, now: datetime) -> _Found:
        if not self.sheet.reads_pins:
            return _Found(read, Reason.NEEDS_NETWORK)
        if self.own.locked(read.number, now=now):
            return _Found(read, Reason.LOCKED)
        line = self.sheet.find_typed(read.number, read.pin)
        return _Found(read, None if line else Reason.WRONG_PIN, line)

    def _compact(self, read: Compact, text: str) -> _Found:
        """One that another server sold cannot be proved here: the sheet has no tag of its compact code."""
        lines = self.sheet.find(read.code_id)
        if line := next((one for one in lines if one.has_compact(text.strip())), None):
            return _Found(read, None, line)
        unsure = any(one.has_compact(text.strip()) is None for one in lines)
        return _Found(read, Reason.NEEDS_NETWORK if unsure else Reason.UNKNOWN)

    def _signed(self, read: Signed | Living) -> _Found:
        """A genuine code that is not on the sheet may have been sold since: only the register can tell."""
        signers, lines = self.keys.signers(read), self.sheet.find(read.code_id)
        if not signers:
            return _Found(read, Reason.UNKNOWN)
        if not lines:
            here = self.sheet.serves(read.body.occasion_code)
            return _Found(read, Reason.NEEDS_NETWORK if here else Reason.WRONG_OCCASION)
        holder = read.holder_key if isinstance(read, Living) else None
        for line in lines:
            ours = line.seller in signers and line.occasion_code == read.body.occasion_code
            if ours and (holder is None or line.has_holder(holder)):
                return _Found(read, None, line)
        return _Found(read, Reason.UNKNOWN)

    def _decide(self, found: _Found, known: Register | None, shown: Shown, *, now: datetime) -> Reason:
        if isinstance(found.read, Unreadable):
            return Reason.UNREADABLE
        if shown.intent is Deed.OVERRIDE:
            # A voucher lets nobody in, whoever says so: its value is redeemed.
            return Reason.VOUCHER if known is not None and known.balance is not None else Reason.OVERRIDDEN
        if found.reason is not None:
            return found.reason
        assert known is not None, "what is on no line has a reason"
        ask = Ask(
            intent=_INTENTS[shown.intent],
            face=face_of(found.read),
            count=shown.count,
            amount=shown.amount,
            shown_at=found.read.shown_at if isinstance(found.read, Living) else None,
            offline=True,
        )
        reason = decide(known, ask=ask, post=self.sheet.post, now=now)
        return Reason.SNAPSHOT_OLD if reason in _YES_OFFLINE and self._is_old(known, now=now) else reason

    def _is_old(self, known: Register, *, now: datetime) -> bool:
        """Whether the register's word is too old for a yes. A clock that went back makes nothing younger."""
        latest = max(now, self._latest)
        limit = MAX_STALE if known.balance is None else MAX_STALE_VALUE
        return latest - self.sheet.made_at > limit or latest >= self.sheet.expires_at

    def _entry(self, found: _Found, shown: Shown, reason: Reason, *, now: datetime) -> Entry:
        return Entry(
            seq=self.seq + 1,
            scan_id=shown.scan_id,
            at=now,
            intent=shown.intent,
            reason=reason,
            knew=self.sheet.cursor,
            face=None if isinstance(found.read, Unreadable) else face_of(found.read),
            code=found.code,
            number=found.read.number if isinstance(found.read, NumberAndPin) else None,
            count=shown.count,
            amount=shown.amount,
            by=shown.by,
        )

    def _verdict(self, entry: Entry, found: _Found, known: Register | None) -> Verdict:
        words = found.read if isinstance(found.read, Unreadable) else None
        if known is None or found.line is None:
            return Verdict(entry, link(self.digest, entry), unreadable=words)
        looked = entry.intent is Deed.CHECK
        line = replace(found.line, entry=known if looked else after(known, entry, self.sheet.post))
        return Verdict(entry, link(self.digest, entry), line=line, last=known.last)

    def _again(self, before: Entry, shown: Shown) -> Verdict:
        """The answer that this scan got, with the ticket as it is now."""
        read = parse_presented(shown.text)
        code = int(read.code_id) if isinstance(read, Barcode) else before.code
        number = read.number if isinstance(read, NumberAndPin) else None
        asked = (shown.intent, shown.count, shown.amount, shown.by, code, number)
        if asked != (before.intent, before.count, before.amount, before.by, before.code, before.number):
            raise KeyReused(_REUSED)
        lines = self.sheet.find(code) if code is not None else ()
        if not lines:
            return Verdict(before, None, unreadable=read if isinstance(read, Unreadable) else None)
        line = lines[0]
        known = self._known(line)
        return Verdict(before, None, line=replace(line, entry=known), last=known.last)

    def _known(self, line: Line) -> Register:
        return self.own.over(line.entry, line.code, self.sheet.post)


def _moment(now: datetime) -> datetime:
    """As the log writes it."""
    now = now.astimezone(UTC)
    return now.replace(microsecond=now.microsecond // 1_000 * 1_000)
