"""One presentation at a gate, from what came to what was decided: what the steps of admitting hand to each other."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import (
    GREEN,
    UNDO_SECONDS,
    Ask,
    Intent,
    LastUse,
    Post,
    Reason,
    Register,
    decide,
)
from app.domain.credential import Presented, Unreadable, face_of
from app.domain.entry_rules import Direction, EntryRules, Face, Role
from app.domain.tally import after
from app.domain.ticket import TicketState
from app.flows.gate.tokens import GateCaller
from app.store.tables.register import ScanKind
from app.world import World

Answer = dict[str, Any]
Name = tuple[UUID, str]
"""A scan's name: its gate and the gate's own id for it."""

KEPT_MAX = 1_024
"""Posts of gates and rules of products that are kept ready made."""

INTENTS = {
    ScanKind.CHECK: Intent.CHECK,
    ScanKind.ADMISSION: Intent.ENTER,
    ScanKind.EXIT: Intent.LEAVE,
    ScanKind.REDEMPTION: Intent.REDEEM,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a holder shows, as it was read.

    `signers` are the sellers under whose public keys a barcode's signatures hold; ours is the empty name.
    """

    text: str = field(repr=False)
    read: Presented
    signers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A ticket that a supervisor chose from what a search found."""

    ticket_id: UUID


@dataclass(frozen=True, slots=True)
class Undone:
    """An earlier scan of the same gate that is to be taken back."""

    scan_id: str


@dataclass(frozen=True, slots=True)
class Presentation:
    """One scan at one gate, read but not yet looked up. `count` people, or `amount` minor units of a voucher."""

    world: World
    gate: GateCaller
    scan_id: str
    kind: ScanKind
    what: Shown | Chosen | Undone
    said: str = field(repr=False)
    """All that was asked for: the same scan's name for anything else is a mistake."""
    count: int = 1
    amount: int = 0
    why: str = ""
    """A supervisor's reason."""
    direction: Direction | None = None
    """Which way they go through a gate that people pass both ways."""

    digest: bytes = field(init=False)
    """By what the same is known again: a keyed hash that tells nothing of it, behind the index of its secret."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", self._digest(self.world.house.keys.kid))

    def _digest(self, kid: int) -> bytes:
        return bytes((kid,)) + self.world.house.keys.scan_mac(kid)(self.said.encode())

    def is_known_by(self, digest: bytes) -> bool:
        """Whether this is what that digest is of, also where another secret was current when it was made.

        Nothing is known again by a secret that is gone. What a gate decided alone has a digest of another kind.
        """
        kid = digest[0]
        if len(digest) != len(self.digest) or kid not in self.world.house.keys.secrets:
            return False
        return hmac.compare_digest(digest, self.digest if kid == self.digest[0] else self._digest(kid))

    @property
    def name(self) -> Name:
        return self.gate.gate_id, self.scan_id


@dataclass(frozen=True, slots=True)
class Stand:
    """An enrolled gate: where it stands, and what it is called."""

    post: Post
    name: str


Place = tuple[str, str, str, bool, str]
"""Direction, entrance, area, whether it is a home gate, role: as a row has them."""


def stand_of(row: sa.Row[Any]) -> Stand:
    """A gate as its row has it."""
    place = row.direction, row.entrance, row.area, row.home, row.role
    return _stand(row.gate_id, row.name, tuple(row.occasions), place)


@lru_cache(maxsize=KEPT_MAX)
def _stand(gate_id: UUID, name: str, occasions: tuple[str, ...], place: Place) -> Stand:
    """Kept by all that it is made of, so that it is never an old one."""
    direction, entrance, area, home, role = place
    post = Post(
        gate_id=gate_id,
        occasions=frozenset(UUID(one) for one in occasions),
        direction=Direction(direction),
        entrance=entrance,
        area=area,
        home=home,
        role=Role(role),
    )
    return Stand(post, name)


@lru_cache(maxsize=KEPT_MAX)
def _rules(told: str | None) -> EntryRules:
    """The rules of a product out of its row's JSON, likewise; those of one that is not known here are as usual."""
    return EntryRules.of(json.loads(told or "{}"))


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of the register, of one version: its row as it was read first, and what gates change of it by now."""

    row: sa.Row[Any]
    facts: Register
    version: int
    last_gate: str | None


def found_in(row: sa.Row[Any]) -> Found:
    """An entry as its row has it."""
    last = None
    if row.last_used_at is not None and row.last_gate_id is not None:
        last = LastUse(row.last_used_at, row.last_gate_id)
    facts = Register(
        ticket_id=row.ticket_id,
        occasion_id=row.occasion_id,
        state=TicketState(row.state),
        uses=row.uses + row.carried,
        uses_left=row.uses_left,
        valid_from=row.valid_from,
        valid_until=row.activated_until or row.valid_until,
        rules=_rules(row.rules),
        entrance=row.entrance,
        inside=row.inside,
        area=row.area,
        activated=row.activated_until is not None,
        last=last,
        bound=row.holder_key is not None,
        balance=row.balance,
    )
    return Found(row, facts, row.version, row.last_gate)


@dataclass(slots=True)
class Case:
    """One presentation while it is being decided."""

    ask: Presentation
    kind: ScanKind
    stand: Stand
    found: Found | None = None
    undoes: sa.Row[Any] | None = None
    """The scan that is to be taken back, where it still can be."""
    reason: Reason = Reason.UNKNOWN
    ruled: Reason | None = None
    """What the rules said where a supervisor overrode them."""
    throttled: bool = False
    """Whether its PIN was not looked at because too many were wrong at this issuer's gates within a second."""
    suspicious: bool = False
    """Whether this wrong PIN is one too many at this gate."""
    result: Found | None = None
    """The entry as this presentation leaves it; None where it changes nothing."""

    @property
    def looks_up(self) -> bool:
        """Whether there is something to find: what cannot be read cannot be looked up."""
        return not (isinstance(self.ask.what, Shown) and isinstance(self.ask.what.read, Unreadable))

    @property
    def ticket_id(self) -> UUID:
        assert self.found is not None, "only what was found is asked for its ticket"
        return self.found.facts.ticket_id

    def decide(self, found: Found, *, now: datetime) -> None:
        """The verdict on the entry as it is now, and the entry as it would be after it."""
        self.found, self.result = found, None
        match self.kind:
            case ScanKind.UNDO:
                self.reason = self._undo_reason(found, now=now)
                changed = restored(found, self.undoes.before) if self.undoes is not None else found.facts
            case ScanKind.OVERRIDE:
                self.ruled = decide(found.facts, ask=self._asked(Intent.ENTER), post=self.stand.post, now=now)
                # A voucher lets nobody in, whoever says so: its value is redeemed.
                self.reason = Reason.OVERRIDDEN if found.facts.balance is None else Reason.VOUCHER
                changed = self._after(found, now=now)
            case _:
                asked = self._asked(INTENTS[self.kind])
                self.reason = decide(found.facts, ask=asked, post=self.stand.post, now=now)
                changed = self._after(found, now=now)
        if self.reason in GREEN and self.kind is not ScanKind.CHECK:
            self.result = Found(found.row, changed, found.version + 1, self._last_gate(found, changed))

    def _last_gate(self, found: Found, changed: Register) -> str | None:
        """The name of the gate that the ticket was let in at last."""
        if self.undoes is not None:
            name: str | None = self.undoes.before["last_gate_name"]
            return name
        return found.last_gate if changed.last is found.facts.last else self.stand.name

    def _after(self, found: Found, *, now: datetime) -> Register:
        return after(found.facts, self.reason, ask=self._asked(Intent.ENTER), post=self.stand.post, now=now)

    def _asked(self, intent: Intent) -> Ask:
        """As the rules want it. What a supervisor chose has no face: it was not shown."""
        what = self.ask.what
        shown_at = None
        face = Face.PIN
        if isinstance(what, Shown) and not isinstance(what.read, Unreadable):
            face = face_of(what.read)
            shown_at = getattr(what.read, "shown_at", None)
        return Ask(intent, face, count=self.ask.count, amount=self.ask.amount, shown_at=shown_at)

    def _undo_reason(self, found: Found, *, now: datetime) -> Reason:
        """An undo puts back what its scan changed, within the minute, where nothing was changed since."""
        scan = self.undoes
        assert scan is not None, "an entry is looked up for an undo by the scan that it takes back"
        soon = now - scan.at <= timedelta(seconds=UNDO_SECONDS)
        # Its own change, and that a handset has the ticket by now: that happens once, and uses nothing.
        changes = 1 + (found.facts.bound and not scan.before["bound"])
        return Reason.UNDONE if soon and found.version == scan.before["version"] + changes else Reason.NOT_UNDONE


# --- what an undo puts back -----------------------------------------------------------------------------------------


def kept(found: Found) -> dict[str, object]:
    """What gates change of an entry, for the scan that changes it; and by what it is known whether others did since."""
    facts = found.facts
    return {
        "version": found.version,
        "bound": facts.bound,
        "uses_left": facts.uses_left,
        "inside": facts.inside,
        "area": facts.area,
        "balance": facts.balance,
        "activated_until": facts.valid_until.isoformat() if facts.activated else None,
        "last_at": facts.last.at.isoformat() if facts.last else None,
        "last_gate": str(facts.last.gate_id) if facts.last else None,
        "last_gate_name": found.last_gate,
    }


def restored(found: Found, before: dict[str, Any]) -> Register:
    """The entry with what `kept` kept of it."""
    last = None
    if before["last_at"] is not None:
        last = LastUse(datetime.fromisoformat(before["last_at"]), UUID(before["last_gate"]))
    activated = before["activated_until"] is not None
    return replace(
        found.facts,
        valid_until=found.facts.valid_until if activated else found.row.valid_until,
        uses_left=before["uses_left"],
        inside=before["inside"],
        area=before["area"],
        balance=before["balance"],
        activated=activated,
        last=last,
    )
