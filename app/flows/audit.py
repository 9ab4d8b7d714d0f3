"""The audit: every invariant looked at in one moment of the database, by hand or by a worker each hour."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from app.domain.leaks import Leak, leaks
from app.domain.refusals import IssuerAway
from app.flows.tickets import flowback
from app.metrics import AUDIT_BREACHES, AUDIT_LAST_RUN_SECONDS
from app.store import audit as store
from app.store import chores
from app.store.audit import INVARIANTS, Breach, Invariant
from app.store.database import Tx
from app.world import World

CHORE = "audit"
EVERY = timedelta(hours=1)
TOLD_MAX = 20
"""Breaches of one invariant that are logged."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Finding:
    """How one invariant was found: the count of its breaches, some of them, and how long it took to look."""

    invariant: Invariant
    breaches: int
    rows: Sequence[Breach]
    seconds: float
    notes: Sequence[str] = ()
    """What could not be looked at."""


async def audit(world: World, *, only: Collection[str] = (), most: int = TOLD_MAX) -> list[Finding]:
    """Look at all invariants, or at those named in `only`, and give `most` breaches of each. Nobody is kept waiting.

    Raises SchemaOutdated where the database's views are not this program's.
    """
    chosen = [one for one in INVARIANTS if not only or one.name in only]
    async with world.transaction() as tx:
        await store.begin(tx, now=world.clock.now())
        await store.require_newest(tx)
        return [await _look(tx, one, most) for one in chosen]


async def _look(tx: Tx, invariant: Invariant, most: int) -> Finding:
    began = time.perf_counter()
    count, rows = await store.breaches(tx, invariant, most=most)
    return Finding(invariant, count, rows, time.perf_counter() - began)


async def ask_issuers(world: World, finding: Finding, *, most: int = TOLD_MAX) -> Finding:
    """I8 of issuers' own servers: their whole registers are read and compared, one after the other.

    The views know the copies that we keep of them only.
    """
    began = time.perf_counter()
    found: list[Breach] = []
    notes: list[str] = []
    for name in flowback.all_distant(world):
        try:
            differences = await flowback.compare(world, name)
        except IssuerAway:
            notes.append(f"{name} does not answer: its register was not compared. Try again when it does.")
        else:
            found += [Breach(name, f"ticket {one.ticket_id}", one.problem) for one in differences]
    return replace(
        finding,
        breaches=finding.breaches + len(found),
        rows=[*finding.rows, *found][:most],
        seconds=finding.seconds + time.perf_counter() - began,
        notes=notes,
    )


async def hourly(world: World) -> list[Finding] | None:
    """What a worker does: the audit, where none has done it within the hour. None: it was not its turn."""
    async with world.transaction() as tx:
        if not await chores.claim(tx, CHORE, every=EVERY, now=world.clock.now()):
            return None
    findings = await audit(world)
    for finding in findings:
        for breach in finding.rows:
            # What is wrong stays in the database: a log is read by more people.
            log.error("audit_breach", invariant=finding.invariant.name, subject=breach.subject)
    async with world.transaction() as tx:
        outcome = {finding.invariant.name: finding.breaches for finding in findings}
        await chores.ended(tx, CHORE, outcome, now=world.clock.now())
    await measure(world)
    return findings


async def measure(world: World) -> None:
    """Show in this process' metrics how the last audit ended, whoever made it."""
    async with world.database.statements() as tx:
        last = await chores.last(tx, CHORE)
    if last is not None:
        AUDIT_LAST_RUN_SECONDS.set(last.ended_at.timestamp())
        for name, breaches in last.outcome.items():
            AUDIT_BREACHES.labels(name).set(breaches)


def leaks_in(lines: Iterable[str]) -> list[tuple[int, frozenset[Leak]]]:
    """The numbers, from 1, of those lines of a log that hold what no log should, and what that is."""
    found = ((number, leaks(line)) for number, line in enumerate(lines, 1))
    return [(number, kinds) for number, kinds in found if kinds]
