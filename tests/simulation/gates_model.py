"""An issuer's register in memory, and gates that ask it or decide alone: what the machine of the gates turns over.

The register merges with the product's own rule (`gate_merge.settle`); the gates are the product's own too. What is of
this model alone is how things travel: answers that are lost, logs brought twice and in any order, clocks that jump.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from offline_gate_kit import KEYS, NOW, OCCASION, MemorySheet, line, sheet, signed

from app.domain.admission import Ask, Intent, Post, Reason, Register, decide
from app.domain.entry_rules import Direction, EntryRules, Face, Role
from app.domain.gate_log import Deed, Entry, Linked
from app.domain.gate_merge import Brought, Person, Settled, Standing, settle
from app.domain.gate_own import Answered
from app.domain.offline_gate import OfflineGate, Shown
from app.domain.ticket import TicketState

FAR = timedelta(days=60)
LogKey = tuple[UUID, int]
Merge = Callable[[Standing, list[Brought]], Settled]


@dataclass
class Ticket:
    """One entry of the register, with what the register did to it itself."""

    code: int
    uses: int
    rules: EntryRules
    balance: int | None = None
    entrance: str = ""
    revoked: bool = False
    asked: list[Person] = field(default_factory=list)
    spent: int = 0

    def standing(self) -> Standing:
        left = None if self.balance is None else self.balance - self.spent
        return Standing(self.uses, NOW + FAR, tuple(self.asked), net=len(self.asked), balance=left)


@dataclass
class Office:
    """The register: its tickets, and all entries that any gate brought, as a set."""

    tickets: dict[int, Ticket]
    merge: Merge = settle
    brought: dict[LogKey, Entry] = field(default_factory=dict)
    answers: dict[tuple[UUID, str], Reason] = field(default_factory=dict)
    cursor: int = 1

    def receive(self, gate_id: UUID, entries: Iterable[Entry]) -> None:
        self.cursor += 1
        for entry in entries:
            known = self.brought.setdefault((gate_id, entry.seq), entry)
            assert known == entry, "a log does not change"

    def settled(self, code: int) -> Settled:
        undone = {(gate, one.undoes) for (gate, _), one in self.brought.items() if one.done and one.undoes}
        found = [
            Brought(gate, one.scan_id, 1, seq, one.knew, one.intent, one.at, False, one.count, one.amount)
            for (gate, seq), one in self.brought.items()
            if one.code == code and one.done and one.intent is not Deed.UNDO
            if (gate, one.scan_id) not in undone and not self.answered_yes(gate, one.scan_id)
        ]
        return self.merge(self.tickets[code].standing(), found)

    def answered_yes(self, gate_id: UUID, scan_id: str) -> bool:
        """Whether the register let these people in itself, and the gate, which did not hear of it, did so too."""
        return self.answers.get((gate_id, scan_id)) in {Reason.ADMITTED, Reason.REDEEMED}

    def entry(self, code: int) -> Register:
        one, now = self.tickets[code], self.settled(code)
        return replace(
            line(code).entry,
            state=TicketState.REVOKED if one.revoked else TicketState.VALID,
            uses=one.uses,
            uses_left=now.uses_left,
            inside=now.inside,
            balance=now.balance,
            rules=one.rules,
            entrance=one.entrance,
            valid_from=NOW - FAR,
            valid_until=NOW + FAR,
        )

    def ask(self, post: Post, scan_id: str, code: int, *, amount: int, now: datetime) -> Reason:
        """Decide as the register; the same scan again gets its answer again."""
        if (before := self.answers.get((post.gate_id, scan_id))) is not None:
            return before
        intent = Intent.REDEEM if amount else Intent.ENTER
        reason = decide(self.entry(code), ask=Ask(intent, Face.SIGNED, amount=amount), post=post, now=now)
        self.answers[post.gate_id, scan_id] = reason
        self.cursor += 1
        if reason is Reason.ADMITTED:
            ticket = self.tickets[code]
            ticket.asked.append(Person(post.gate_id, scan_id, 1, now, use_no=len(ticket.asked) + 1))
        elif reason is Reason.REDEEMED:
            self.tickets[code].spent += amount
        return reason

    def sheet(self, post: Post, *, now: datetime) -> MemorySheet:
        lines = [replace(line(code), entry=self.entry(code)) for code in self.tickets]
        return sheet(lines, post=post, cursor=self.cursor, made_at=now, expires_at=now + timedelta(hours=24))

    def told(self) -> dict[int, Settled]:
        return {code: self.settled(code) for code in self.tickets}


@dataclass
class Station:
    """One gate: its clock, whether it has the network, and what it has brought."""

    post: Post
    office: Office
    now: datetime = NOW
    ahead: timedelta = timedelta(0)
    cut: bool = False
    log: list[Linked] = field(default_factory=list)
    brought: int = 0
    scans: int = 0
    alone: list[tuple[int, Entry]] = field(default_factory=list)
    """What it said yes to alone, by ticket."""

    def __post_init__(self) -> None:
        self.gate = OfflineGate(self.office.sheet(self.post, now=self.now), KEYS)

    @property
    def clock(self) -> datetime:
        return self.now + self.ahead

    def present(self, code: int, *, amount: int = 0, count: int = 1, lost: bool = False) -> Reason:
        """Ask where there is a network; decide alone where there is none, or where the answer is lost."""
        self.scans += 1
        scan_id = f"s-{self.scans}"
        if not self.cut and count == 1:
            reason = self.office.ask(self.post, scan_id, code, amount=amount, now=self.now)
            if not lost:
                if reason in {Reason.ADMITTED, Reason.REDEEMED}:
                    self.gate.answered(Answered(code, reason, self.clock, amount=amount))
                return reason
        deed = Deed.REDEEM if amount else Deed.ENTER
        return self._alone(Shown(scan_id, signed(code), deed, count, amount))

    def leave(self, code: int) -> Reason:
        self.scans += 1
        return self._alone(Shown(f"s-{self.scans}", signed(code), Deed.LEAVE))

    def override(self, code: int) -> Reason:
        self.scans += 1
        return self._alone(Shown(f"s-{self.scans}", signed(code), Deed.OVERRIDE, by="Kim"))

    def undo(self, scan_id: str) -> Reason:
        self.scans += 1
        verdict = self.gate.undo(f"s-{self.scans}", undoes=scan_id, now=self.clock)
        return self._keep(verdict.linked, verdict.reason)

    def _alone(self, shown: Shown) -> Reason:
        verdict = self.gate.present(shown, now=self.clock)
        return self._keep(verdict.linked, verdict.reason)

    def _keep(self, linked: Linked | None, reason: Reason) -> Reason:
        assert linked is not None, "each scan has a name of its own"
        self.log.append(linked)
        self.gate.note(linked)
        return reason

    def bring(self, places: Iterable[int]) -> None:
        """Send entries of the log, these places of it, in this order, as often as they are named."""
        self.office.receive(self.post.gate_id, [self.log[at % len(self.log)].entry for at in places if self.log])

    def bring_all(self) -> None:
        self.office.receive(self.post.gate_id, [one.entry for one in self.log])
        self.brought = len(self.log)

    def refresh(self) -> None:
        """A gate brings its whole log before it takes a newer sheet."""
        self.bring_all()
        answers = self.gate.own.answers
        self.gate.refresh(self.office.sheet(self.post, now=self.now), counted=self.brought, answers=answers)

    def restart(self) -> None:
        """The device is switched off and on: it has its log, its sheet, and what it counted; nothing else."""
        counted, given = self.gate.own.counted, self.gate.sheet
        kept = self.gate.own.remembered
        self.gate = OfflineGate(given, KEYS, log=self.log, counted=counted)
        for answer in kept:
            self.gate.answered(answer)

    def done(self, code: int) -> list[Entry]:
        """What this gate let in alone, and did not take back."""
        undone = {one.entry.undoes for one in self.log if one.entry.done}
        return [
            one.entry
            for one in self.log
            if one.entry.done and one.entry.code == code and one.entry.scan_id not in undone
        ]


def station(number: int, office: Office, *, entrance: str = "", home: bool = False) -> Station:
    post = Post(
        UUID(int=0xA0 + number),
        frozenset({OCCASION}),
        Direction.BOTH,
        entrance=entrance,
        home=home,
        role=Role.SUPERVISOR,
    )
    return Station(post, office)
