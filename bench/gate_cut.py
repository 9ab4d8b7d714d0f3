"""An evening at the doors with the network cut in the middle: the real register, reference gates, a clock of its own.

People arrive in simulated seconds. While there is a network a gate asks the register; while there is none it decides by
its snapshot; then it brings its log. What is measured in real seconds is what the register does.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from app.cli.gating import keys_of
from app.domain.admission import Reason
from app.domain.entry_rules import EntryRules, Offline
from app.domain.gate import Place
from app.domain.gate_log import Linked, canonical
from app.domain.gate_own import Answered
from app.domain.offline_gate import OfflineGate, Shown
from app.domain.refusals import TemporarilyUnavailable
from app.domain.snapshot import read_snapshot, read_status
from app.domain.snapshot_sheet import SnapshotSheet
from app.flows.gate import admit, snapshot
from app.flows.gate import scans as gate_scans
from app.flows.gate.tokens import GateCaller
from app.flows.sellers.for_sellers import Told
from app.store.tables.register import ScanKind
from app.world import World
from bench.client import BenchFailed
from bench.gate_hall import Hall, Ticket, a_gate, a_hall, kept, tickets, verdict

REFRESH_SECONDS = 60
WALK_SECONDS = 60
"""From a gate of another entrance to the home gate of the ticket's."""
STRAY_SHARE = 0.1
"""People who come to another entrance than their ticket's."""
COPY_SHARE = 0.01
COPY_SECONDS = (-120, 600)
"""When a copy is tried at another gate, counted from its owner's arrival."""
BACK_SECONDS = 120
"""Within so many seconds of the network's return everybody who had to wait is scanned again."""
LOST_SECONDS = 5
"""So long before the network is gone questions still arrive, and answers do not."""
BATCH_ENTRIES = 500
AGAIN_SECONDS = 0.1
LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's SQLSTATE after `lock_timeout`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many people, how many gates, and when the network is away, in minutes of the evening."""

    people: int = 20_000
    gates: int = 20
    minutes: int = 30
    cut_at: int = 10
    cut_minutes: int = 10
    seed: int = 1

    @property
    def cut(self) -> range:
        """The seconds without network."""
        return range(self.cut_at * 60, (self.cut_at + self.cut_minutes) * 60)


@dataclass
class SimulatedClock:
    time: datetime

    def now(self) -> datetime:
        return self.time


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody with a ticket, or with a copy of it, at a gate. `scan_id` is that of a scan whose answer was lost."""

    ticket: int
    gate: int
    owner: bool
    since: int
    scan_id: str = ""


@dataclass(slots=True)
class Reckoning:
    """What the evening came to; times in real seconds unless they say so, sizes in octets."""

    policy: str
    people: int = 0
    fetched: list[int] = field(default_factory=list)
    fetch_seconds: float = 0.0
    refreshed: list[int] = field(default_factory=list)
    refresh_seconds: list[float] = field(default_factory=list)
    asked: int = 0
    asked_seconds: float = 0.0
    alone: int = 0
    alone_yes: int = 0
    alone_seconds: float = 0.0
    lost_answers: int = 0
    brought: int = 0
    brought_octets: int = 0
    bring_seconds: float = 0.0
    brought_again: int = 0
    """Batches that waited too long for another gate's, and came again."""
    batch_seconds: list[float] = field(default_factory=list)
    let_in: int = 0
    sent_on: int = 0
    held_up: int = 0
    waited_seconds: list[int] = field(default_factory=list)
    """Of those who had to wait for the network, in the evening's seconds."""
    beaten: int = 0
    """Owners who came after a copy of their ticket."""
    copies: int = 0
    copies_let_in: int = 0
    doubles: int = 0
    """Tickets that two scans let in, as whoever saw all gates knows."""
    doubles_found: int = 0
    doubles_beside: int = 0
    """Reported where one person passed: the other yes never reached its gate."""
    unheard: int = 0
    """Yeses of gates that are not in the register at the end."""
    invented: int = 0
    """People in the register whom no gate let in: a yes whose answer was lost, and the gate then said no."""
    audit: str = ""


@dataclass
class Door:
    """A gate with its device's memory."""

    number: int
    caller: GateCaller
    gate: OfflineGate
    log: list[Linked] = field(default_factory=list)
    brought: int = 0
    scans: int = 0

    @property
    def id(self) -> UUID:
        return self.caller.gate_id

    def next_scan(self) -> str:
        self.scans += 1
        return f"{self.number}-{self.scans}"


async def play(world: World, issuer: UUID, number: int, policy: Offline, plan: Plan) -> Reckoning:
    """One evening with one policy, in a hall of its own. Raises BenchFailed."""
    clock = SimulatedClock(world.clock.now())
    world = replace(world, clock=clock)
    entrances = [f"{number}-{n}" for n in range(plan.gates)]
    hall = await a_hall(world, issuer, number, EntryRules(offline=policy))
    sold = await tickets(world, hall, plan.people, entrances=entrances)
    found = Reckoning(policy.value, people=plan.people)
    doors = await _doors(world, hall, entrances, found)
    evening = Evening(world=world, clock=clock, plan=plan, sold=sold, doors=doors, found=found)
    await evening.run()
    await _reckon(evening, hall)
    return found


async def _doors(world: World, hall: Hall, entrances: Sequence[str], found: Reckoning) -> list[Door]:
    """One gate for each entrance. All fetch their snapshots at once, as they do when the doors open."""
    places = [Place((hall.occasion,), entrance=entrance, home=True) for entrance in entrances]
    callers = [await a_gate(world, hall, f"{hall.number}/{n}", place) for n, place in enumerate(places)]
    began = time.perf_counter()
    taken = await asyncio.gather(*(_taken(world, caller) for caller in callers))
    found.fetch_seconds = time.perf_counter() - began
    doors = []
    for n, (caller, told) in enumerate(zip(callers, taken, strict=True)):
        body = told.body
        assert body is not None, "a gate that has nothing is told all"
        found.fetched.append(len(body))
        sheet = SnapshotSheet(read_snapshot(body, world.house.keys.verifier.verify))
        doors.append(Door(n, caller, OfflineGate(sheet, keys_of(sheet))))
    return doors


async def _taken(world: World, caller: GateCaller) -> Told:
    while True:
        try:
            return await snapshot.take(world, caller)
        except TemporarilyUnavailable:
            await asyncio.sleep(AGAIN_SECONDS)


class Evening:
    """The people, the gates and the network, second by second."""

    def __init__(
        self,
        *,
        world: World,
        clock: SimulatedClock,
        plan: Plan,
        sold: Sequence[Ticket],
        doors: Sequence[Door],
        found: Reckoning,
    ) -> None:
        self.world = world
        self.clock = clock
        self.plan = plan
        self.sold = sold
        self.doors = doors
        self.found = found
        self.yes: defaultdict[int, set[tuple[UUID, str]]] = defaultdict(set)
        """By ticket, the gates and scans that let somebody in."""
        self._chance = random.Random(plan.seed)  # noqa: S311 - the same evening each time
        self._coming: defaultdict[int, list[Visit]] = defaultdict(list)
        self._begins = clock.now()
        self._arrive()

    def _arrive(self) -> None:
        plan, chance, count = self.plan, self._chance, len(self.doors)
        for number in range(len(self.sold)):
            at, gate = chance.randrange(plan.minutes * 60), number % count
            if chance.random() < STRAY_SHARE:
                gate = chance.randrange(count)
            self._coming[at].append(Visit(number, gate, owner=True, since=at))
            if chance.random() < COPY_SHARE:
                then = max(0, at + chance.randint(*COPY_SECONDS))
                other = (gate + 1 + chance.randrange(count - 1)) % count
                self._coming[then].append(Visit(number, other, owner=False, since=then))
                self.found.copies += 1

    async def run(self) -> None:
        """Until nobody comes any more. Raises BenchFailed."""
        second = 0
        await self._refresh(self.doors)
        while self._coming or second <= self.plan.cut.stop:
            self.clock.time = self._begins + timedelta(seconds=second)
            if second == self.plan.cut.stop:
                await self._bring()
                await self._refresh(self.doors)
            visits = self._coming.pop(second, [])
            if second in self.plan.cut:
                self._alone(visits, second)
            else:
                await self._refresh([door for door in self.doors if self._is_due(door, second)])
                await self._ask(visits, second)
            second += 1

    def _is_due(self, door: Door, second: int) -> bool:
        """Each gate once a minute, not all in the same second, while answers arrive."""
        if self._is_lost(second):
            return False
        return second % REFRESH_SECONDS == door.number * REFRESH_SECONDS // len(self.doors)

    def _is_lost(self, second: int) -> bool:
        return 0 < self.plan.cut.start - second <= LOST_SECONDS

    # --- with the network ---------------------------------------------------------------------------------------------

    async def _refresh(self, doors: Sequence[Door]) -> None:
        for door in doors:
            sheet = door.gate.sheet
            assert isinstance(sheet, SnapshotSheet), "these gates have no other"
            counted, answers, have = door.brought, door.gate.own.answers, len(sheet.snapshot.rows)
            edition = sheet.snapshot.header.edition
            began = time.perf_counter()
            told = await snapshot.status(self.world, door.caller, edition=edition, have=have, after=sheet.cursor)
            self.found.refresh_seconds.append(time.perf_counter() - began)
            body = told.body
            assert body is not None, "nothing was said to be known"
            self.found.refreshed.append(len(body))
            status = read_status(body, self.world.house.keys.verifier.verify)
            door.gate.refresh(sheet.with_status(status), counted=counted, answers=answers)

    async def _ask(self, visits: Sequence[Visit], second: int) -> None:
        """Everybody of this second at once; in the last seconds before the cut the answers do not arrive."""
        if not visits:
            return
        scans = [visit.scan_id or self.doors[visit.gate].next_scan() for visit in visits]
        began = time.perf_counter()
        answers = await asyncio.gather(*(self._present(*pair) for pair in zip(visits, scans, strict=True)))
        self.found.asked_seconds += time.perf_counter() - began
        self.found.asked += len(visits)
        if self._is_lost(second):
            self.found.lost_answers += len(visits)
            self._alone([replace(visit, scan_id=scan) for visit, scan in zip(visits, scans, strict=True)], second)
            return
        for visit, scan, answer in zip(visits, scans, answers, strict=True):
            reason = Reason(answer["reason"])
            if reason is Reason.ADMITTED:
                answered = Answered(self.sold[visit.ticket].code, reason, self.clock.now())
                self.doors[visit.gate].gate.answered(answered)
            self._conclude(visit, scan, reason, second)

    async def _present(self, visit: Visit, scan_id: str) -> dict[str, Any]:
        return await admit.present(
            self.world,
            gate=self.doors[visit.gate].caller,
            scan_id=scan_id,
            kind=ScanKind.ADMISSION,
            text=self.sold[visit.ticket].text,
        )

    # --- without ------------------------------------------------------------------------------------------------------

    def _alone(self, visits: Sequence[Visit], second: int) -> None:
        for visit in visits:
            door = self.doors[visit.gate]
            scan = visit.scan_id or door.next_scan()
            began = time.perf_counter()
            told = door.gate.present(Shown(scan, self.sold[visit.ticket].text), now=self.clock.now())
            if told.linked is not None:
                door.log.append(told.linked)
                door.gate.note(told.linked)
            self.found.alone_seconds += time.perf_counter() - began
            self.found.alone += 1
            self.found.alone_yes += told.admit
            self._conclude(visit, scan, told.reason, second)

    async def _bring(self) -> None:
        """The network is back: every gate brings its log, all at the same time."""
        began = time.perf_counter()
        await asyncio.gather(*(self._bring_one(door) for door in self.doors))
        self.found.bring_seconds = time.perf_counter() - began

    async def _bring_one(self, door: Door) -> None:
        for first in range(0, len(door.log), BATCH_ENTRIES):
            told = [one.told() for one in door.log[first : first + BATCH_ENTRIES]]
            self.found.brought_octets += len(canonical({"entries": told}))
            began = time.perf_counter()
            brought = await self._brought(door, told)
            self.found.batch_seconds.append(time.perf_counter() - began)
            if brought.refused or brought.taken != len(told):
                raise BenchFailed(f"gate {door.number}'s log was not taken: {brought.refused[:1]}")
            self.found.brought += brought.taken
        door.brought = len(door.log)

    async def _brought(self, door: Door, told: Sequence[object]) -> gate_scans.Brought:
        """Again, as a gate does, where others held its tickets for longer than a statement may wait."""
        while True:
            try:
                return await gate_scans.bring(self.world, door.caller, told)
            except DBAPIError as fault:
                if getattr(fault.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                    raise
                self.found.brought_again += 1

    # --- what becomes of them -----------------------------------------------------------------------------------------

    def _conclude(self, visit: Visit, scan: str, reason: Reason, second: int) -> None:
        found = self.found
        if reason is Reason.ADMITTED:
            self.yes[visit.ticket].add((self.doors[visit.gate].id, scan))
            found.let_in += visit.owner
            found.copies_let_in += not visit.owner
            if visit.owner and second > visit.since:
                found.waited_seconds.append(second - visit.since)
        elif not visit.owner:
            return
        elif reason is Reason.OTHER_ENTRANCE:
            found.sent_on += 1
            home = visit.ticket % len(self.doors)
            self._coming[second + WALK_SECONDS].append(replace(visit, gate=home, scan_id=""))
        elif reason is Reason.NEEDS_NETWORK:
            found.held_up += 1
            back = self.plan.cut.stop + self._chance.randrange(BACK_SECONDS)
            self._coming[back].append(visit)
        elif reason in {Reason.USED, Reason.ALREADY_IN}:
            found.beaten += 1
        else:
            raise BenchFailed(f"an honest ticket was refused: {reason.value}")


async def _reckon(evening: Evening, hall: Hall) -> None:
    """Compare what the gates did with what the register holds."""
    found, held = evening.found, await kept(evening.world, hall)
    said = {scan for scans in evening.yes.values() for scan in scans}
    found.unheard = len(said - held.let_in)
    found.invented = len(held.let_in - said)
    doubled = {evening.sold[ticket].id for ticket, scans in evening.yes.items() if len(scans) > 1}
    found.doubles = len(doubled)
    found.doubles_found = len(held.doubles & doubled)
    found.doubles_beside = len(held.doubles - doubled)
    found.audit = await verdict(evening.world)
    if (lost := found.people - found.let_in - found.beaten) != 0:
        raise BenchFailed(f"{lost} people were neither let in nor refused for a copy of their ticket")
