"""What gates decided alone, merged into the register: the same whatever the order in which their logs came.

The people whom the register let in itself come first: it knew most. Those of the logs follow by what their gate knew
of the register when it decided, then by gate, then by the gate's own count; where several gates knew the same, nobody
is taken for coming in again before anybody is taken for leaving, if that can be. No clock has a say. Uses go to people
in that order; whoever comes after the last use was let in beyond it, and is reported. Value is taken by gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from app.domain.gate_log import Deed
from app.domain.gate_order import order

Name = tuple[UUID, str]
"""A scan's name: its gate and the gate's own id for it."""


@dataclass(frozen=True, slots=True)
class Brought:
    """Something that a gate did alone and that was not taken back."""

    gate_id: UUID
    scan_id: str
    generation: int
    seq: int
    knew: int
    intent: Deed
    at: datetime
    """By the gate's clock, and no later than when it was brought: for people, and for what time is left."""
    again: bool = False
    """Whether it was to let somebody in again who had left."""
    count: int = 1
    amount: int = 0
    area: str = ""

    @property
    def name(self) -> Name:
        return self.gate_id, self.scan_id

    @property
    def rank(self) -> tuple[int, UUID, int, int]:
        return self.knew, self.gate_id, self.generation, self.seq

    @property
    def enters(self) -> bool:
        return self.intent in {Deed.ENTER, Deed.OVERRIDE}


@dataclass(frozen=True, slots=True)
class Person:
    """One person let in. `use_no` is None for one beyond what was bought; `knew` for one whom the register let in."""

    gate_id: UUID
    scan_id: str
    person: int
    at: datetime
    use_no: int | None = None
    knew: int | None = None

    @property
    def name(self) -> Name:
        return self.gate_id, self.scan_id


@dataclass(frozen=True, slots=True)
class Last:
    """When, at which gate and into which area the ticket let somebody in."""

    at: datetime
    gate_id: UUID
    area: str

    @property
    def rank(self) -> tuple[datetime, UUID]:
        return self.at, self.gate_id


@dataclass(frozen=True, slots=True)
class Standing:
    """One entry of the register as it would be if no gate had decided alone, and what those have of it now."""

    uses: int
    valid_until: datetime
    asked: Sequence[Person] = ()
    """Those whom the register let in itself."""
    net: int = 0
    """How many it let in less those it let out."""
    carried: int = 0
    """How many were in with the ticket that was issued anew as this one."""
    handed: int = 0
    """How many of those who were in with it are in with the ticket that it was issued anew as."""
    balance: int | None = None
    """What is left of a voucher without what was taken alone."""
    window_minutes: int | None = None
    activated_until: datetime | None = None
    first_at: datetime | None = None
    last: Last | None = None
    closed: bool = False
    """Revoked, and perhaps given on as another ticket: what gates have of it they keep, and get no more."""
    held: int = 0
    """How many of its uses the people of the logs have now."""
    taken: int = 0
    """How much of its value the logs have taken now."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The entry as it is to be."""

    people: tuple[Person, ...]
    uses_left: int
    inside: int
    balance: int | None
    activated_until: datetime | None
    last: Last | None
    taken: Mapping[Name, int] = field(default_factory=dict)
    """What each redemption took, where it took anything."""
    short: Mapping[Name, int] = field(default_factory=dict)
    """What each redemption gave away that was not there."""

    @property
    def beyond(self) -> dict[Name, int]:
        """How many people each scan of the logs let in beyond the uses."""
        found: dict[Name, int] = {}
        for one in self.people:
            if one.use_no is None and one.knew is not None:
                found[one.name] = found.get(one.name, 0) + 1
        return found


def settle(standing: Standing, brought: Sequence[Brought]) -> Settled:
    """The one outcome of what the register did itself and all that was brought, in whatever order it was."""
    ordered = sorted(brought, key=lambda one: one.rank)
    people = _people(standing, ordered)
    numbered = sum(one.use_no is not None for one in people)
    taken, short = _value(standing, ordered)
    balance = None if standing.balance is None else standing.balance - sum(taken.values())
    uses_left = 0 if balance == 0 else standing.uses - numbered
    enters = sum(one.count for one in ordered if one.enters)
    leaves = sum(one.count for one in ordered if one.intent is Deed.LEAVE)
    here = standing.net + standing.carried - standing.handed + enters - leaves
    inside = min(max(here, 0), standing.uses - uses_left + standing.carried)
    last = max((one for one in _lasts(standing, ordered)), key=lambda one: one.rank, default=None)
    return Settled(people, uses_left, inside, balance, _window(standing, ordered), last, taken, short)


def _people(standing: Standing, ordered: Sequence[Brought]) -> tuple[Person, ...]:
    """Everybody with the use that is theirs, in order; a re-entry is somebody new where nobody was outside."""
    before = [one for one in standing.asked if one.use_no is not None]
    before.sort(key=lambda one: one.use_no or 0)
    extra = [one for one in standing.asked if one.use_no is None]
    extra.sort(key=lambda one: (one.gate_id, one.scan_id, one.person))
    most = len(before) + standing.held if standing.closed else standing.uses
    house = _House(most, inside=standing.net)
    for person in before:
        house.let_in(person)
    for person in extra:
        house.let_in(person, may=not standing.closed)
    for _, alike in groupby(ordered, key=lambda one: one.knew):
        for one in _in_order(list(alike), house):
            house.take(one)
    return tuple(house.people)


class _House:
    """Who was let in by now, in the order in which that is looked at."""

    def __init__(self, most: int, *, inside: int, used: int = 0) -> None:
        self.most, self.inside, self.used = most, inside, used
        self.people: list[Person] = []

    def let_in(self, person: Person, *, may: bool = True) -> None:
        takes = may and self.used < self.most
        self.used += takes
        self.people.append(replace(person, use_no=self.used if takes else None))

    def take(self, one: Brought) -> None:
        if one.enters:
            outside = max(self.used - self.inside, 0) if one.again else 0
            for number in range(1, one.count - min(outside, one.count) + 1):
                self.let_in(Person(one.gate_id, one.scan_id, number, one.at, knew=one.knew))
            self.inside += one.count
        elif one.intent is Deed.LEAVE:
            self.inside -= one.count

    def new(self, ordered: Sequence[Brought]) -> int:
        """How many of these would be somebody new in this order."""
        tried = _House(self.most, inside=self.inside, used=self.used)
        for one in ordered:
            tried.take(one)
        return len(tried.people)


def _in_order(alike: Sequence[Brought], house: _House) -> Sequence[Brought]:
    """Deeds of gates that knew the same, by gate; or as they can have been, where that makes fewer people of them.

    Such gates may have heard of one another all the same: a cursor stands still while a transaction is running, though
    what was committed meanwhile is told. Who left by one gate may then have come in again by the other.
    """
    if not any(one.again for one in alike):
        return alike
    chains = [list(chain) for _, chain in groupby(alike, key=lambda one: one.gate_id)]
    steps = [iter(chain) for chain in chains]
    other = [next(steps[chain]) for chain in order([[_outside(one) for one in chain] for chain in chains])]
    return other if house.new(other) < house.new(alike) else alike


def _outside(one: Brought) -> int:
    """How many more are outside after this."""
    if one.intent is Deed.LEAVE:
        return one.count
    return -one.count if one.enters and one.again else 0


def _value(standing: Standing, ordered: Sequence[Brought]) -> tuple[dict[Name, int], dict[Name, int]]:
    """What each redemption took and what was missing."""
    there = standing.taken if standing.closed else standing.balance or 0
    taken: dict[Name, int] = {}
    short: dict[Name, int] = {}
    for one in ordered:
        if one.intent is Deed.REDEEM:
            amount = min(one.amount, there)
            there -= amount
            if amount:
                taken[one.name] = amount
            if amount < one.amount:
                short[one.name] = one.amount - amount
    return taken, short


def _lasts(standing: Standing, ordered: Sequence[Brought]) -> list[Last]:
    before = [] if standing.last is None else [standing.last]
    return before + [Last(one.at, one.gate_id, one.area) for one in ordered if one.enters]


def _window(standing: Standing, ordered: Sequence[Brought]) -> datetime | None:
    """When the window ends that the first use began; one that began is not taken away by other rules."""
    firsts = [one.at for one in ordered if one.enters]
    if standing.first_at is not None:
        firsts.append(standing.first_at)
    if standing.window_minutes is None:
        return standing.activated_until
    if not firsts:
        return None
    return min(standing.valid_until, min(firsts) + timedelta(minutes=standing.window_minutes))
