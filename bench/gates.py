"""`python -m bench.gates`: the doors online, an evening with the network cut, what a gate does alone."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from app import logs
from app.cli.serving import run
from app.domain.entry_rules import EntryRules, Offline
from app.domain.gate import Place
from app.flows.audit import CHORE, EVERY
from app.flows.gate import admit
from app.store import chores
from app.store.migrate import migrate
from app.store.tables.register import ScanKind
from app.world import World
from bench import gate_alone
from bench.baseline import Pgbench
from bench.client import BenchFailed
from bench.figures import figure, percentile
from bench.gate_cut import Plan, Reckoning, play
from bench.gate_hall import Ticket, a_gate, a_hall, an_issuer, counting, joined, kept, tickets, verdict
from bench.gate_storm import ADMISSIONS, CHECKS, Asked, Storm, showings, steady, storm
from bench.office import ISSUER, Office
from bench.system import ON_DISK, System, system

PARTS = ("online", "cut", "alone")
POLICIES = tuple(one.value for one in Offline)
STEADY_SECONDS = 8.0
PGBENCH_SECONDS = 3.0
COUNTED = 32
"""Admissions whose statements are counted: one after the other, and as many at once."""
Figures = dict[str, str]


def bench(
    *,
    only: Annotated[str, typer.Option(help=f"Parts, with commas between: {', '.join(PARTS)}.")] = ",".join(PARTS),
    count: Annotated[int, typer.Option("--tickets", min=100, max=200_000, help="Online: tickets.")] = 10_000,
    gates: Annotated[int, typer.Option(min=2, max=256, help="Online: gates.")] = 64,
    people: Annotated[int, typer.Option(min=100, max=200_000, help="Cut: people in half an hour.")] = 20_000,
    doors: Annotated[int, typer.Option(min=2, max=200, help="Cut: gates.")] = 20,
    policies: Annotated[str, typer.Option(help=f"Cut: any of {', '.join(POLICIES)}.")] = ",".join(POLICIES),
    shown: Annotated[int, typer.Option(min=50, max=100_000, help="Alone: codes shown, by each face.")] = 1_000,
    seed: Annotated[int, typer.Option(help="Another one is another evening.")] = 1,
) -> None:
    """Measure gates: online beside pgbench, with the network cut in the middle, and alone."""
    logs.configure("ERROR")  # a double admission is a warning, and here it is wanted
    parts, wanted = _named("--only", only, PARTS), _named("--policies", policies, POLICIES)
    console = Console(width=max(Console().width, 110))
    plan = Plan(people=people, gates=doors, seed=seed)
    console.print(_table({"machine": _machine()}))
    try:
        for part in parts:
            for name, figures in _measured(part, wanted, plan, online_of=(count, gates, seed), shown=shown):
                console.print(_table({name: figures}))
    except BenchFailed as fault:
        console.print(f"Nothing to show: {fault}", style="red", markup=False)
        raise typer.Exit(1) from None
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None


def _measured(
    part: str, policies: Sequence[str], plan: Plan, *, online_of: tuple[int, int, int], shown: int
) -> Iterator[tuple[str, Figures]]:
    """The tables of a part, each as soon as it is there. Raises BenchFailed."""
    if part == "online":
        count, gates, seed = online_of
        yield "online", run(_until_told(online(tickets_count=count, gates=gates, seed=seed)))
    elif part == "cut":
        for policy in policies:
            figures = run(_until_told(cut(plan, Offline(policy))))
            yield f"cut, {policy}: {plan.people:,} people, {plan.gates} gates", figures
    else:
        yield "alone, per second of one core", alone(tickets=plan.people, shown=shown)


async def _until_told(program: Coroutine[None, None, Figures]) -> Figures:
    """Clean up on SIGTERM, as on Ctrl-C."""
    task = asyncio.current_task()
    assert task is not None, "asyncio.run makes one"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await program


def _named(option: str, text: str, known: Sequence[str]) -> Sequence[str]:
    given = {word.strip() for word in text.split(",")}
    if unknown := sorted(given - set(known)):
        raise typer.BadParameter(f"{option} takes any of {', '.join(known)}; {', '.join(unknown)} is none of them")
    return [name for name in known if name in given]


def _machine() -> Figures:
    return {
        "cores": f"{os.cpu_count()}, load {os.getloadavg()[0]:.1f} before, {platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "run": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


# --- online ---------------------------------------------------------------------------------------------------------


async def online(*, tickets_count: int, gates: int, seed: int) -> Figures:
    """Every ticket at several gates at once, over HTTP; then half of that load; then pgbench. Raises BenchFailed."""
    async with system() as running:
        office = Office(running, gates)
        tokens = await office.gates(office.clients_max)
        async with joined(running.data, public_url=running.app) as world:
            async with world.database.statements() as tx:
                asked = await tx.execute("SELECT id FROM issuer WHERE slug = :slug", {"slug": ISSUER})
                issuer = asked.scalar_one()
            await _keep_quiet(world)
            hall = await a_hall(world, issuer, 1, EntryRules())
            texts = [one.text for one in await tickets(world, hall, tickets_count)]
            before = running.processor_seconds()
            found = await storm(running.app, tokens, texts, showings(tickets_count, gates, seed=seed))
            after = running.processor_seconds()
            held = await kept(world, hall)
            if (found.admissions, found.twice, held.people, held.uses_left) != (tickets_count, 0, tickets_count, 0):
                raise BenchFailed(f"{tickets_count} tickets, {found.admissions} yeses, {held.people} in the register")
            took = None if before is None or after is None else after - before
            said = await verdict(world)
            lapse = await _half(running, world, issuer, tokens, found.scans / found.seconds / 2)
            one, many = await _statements(world, issuer)
        redeem = await _redeem(running, gates)
    told = _storm_told(found, tickets_count, gates, took)
    told |= {"audit": said, **lapse, "statements of one admission": one, f"of {COUNTED} at once": many}
    told["pgbench: one-statement redeem"] = (
        f"{redeem:,.0f}/s with {gates} clients; ratio of admissions {found.admissions / found.seconds / redeem:.3f},"
        f" of scans {_answers(found) / found.seconds / redeem:.3f}"
    )
    return told


async def _keep_quiet(world: World) -> None:
    """The audit of this hour is ours: the worker's would be loud about tickets that nobody sold."""
    async with world.transaction() as tx:
        await chores.claim(tx, CHORE, every=EVERY, now=world.clock.now())


def _storm_told(found: Storm, count: int, gates: int, took: float | None) -> Figures:
    answers = _answers(found)
    return {
        "shown": f"{count:,} tickets at {gates} gates in {found.scans:,} scans; {found.repeated:,} sent again,"
        f" {found.dropped:,} answers lost and asked for again",
        "admissions": f"{found.admissions:,}, {found.twice} tickets twice",
        "admissions/s": f"{found.admissions / found.seconds:,.0f}",
        "scans answered/s": f"{answers / found.seconds:,.0f}",
        "answer p50/p99": _times(found.took),
        "processor time of one scan": "-" if took is None else f"{took * 1000 / answers:.2f} ms",
    }


def _answers(found: Storm) -> int:
    """All that the server worked on, the answers that nobody read included."""
    return found.scans + found.repeated + found.dropped


def _times(took: Sequence[float]) -> str:
    return f"{percentile(took, 0.5) * 1000:.1f} / {percentile(took, 0.99) * 1000:.1f} ms"


async def _half(running: System, world: World, issuer: UUID, tokens: Sequence[str], rate: float) -> Figures:
    """Checks and admissions in turns, half as many in a second as the storm had answers."""
    hall = await a_hall(world, issuer, 2, EntryRules())
    count = max(20, int(rate * STEADY_SECONDS))
    ready = await tickets(world, hall, count)
    asked = [
        Asked(CHECKS if n % 2 else ADMISSIONS, tokens[n % len(tokens)], f"half-{n}", one.text)
        for n, one in enumerate(ready)
    ]
    took = await steady(running.app, asked, rate=rate, lines=len(tokens))
    return {
        "half the load": f"{rate:,.0f} requests/s for {STEADY_SECONDS:.0f} s, checks and admissions in turns",
        "check p50/p99 at half load": _times(took[CHECKS]),
        "admission p50/p99 at half load": _times(took[ADMISSIONS]),
    }


async def _statements(world: World, issuer: UUID) -> tuple[str, str]:
    """Statements of an admission by itself, and of many that share a transaction."""
    hall = await a_hall(world, issuer, 3, EntryRules())
    gate = await a_gate(world, hall, "counted", Place((hall.occasion,)))
    ready = await tickets(world, hall, 2 * COUNTED + 1)

    async def enter(one: Ticket) -> None:
        told = await admit.present(world, gate=gate, scan_id=str(one.code), kind=ScanKind.ADMISSION, text=one.text)
        assert told["admit"], told

    await enter(ready[-1])
    with counting() as alone:
        for one in ready[:COUNTED]:
            await enter(one)
    with counting() as shared:
        await asyncio.gather(*(enter(one) for one in ready[COUNTED : 2 * COUNTED]))
    return f"{len(alone) / COUNTED:.1f}", f"{len(shared) / COUNTED:.2f} each"


async def _redeem(running: System, gates: int) -> float:
    """PostgreSQL alone, on the same server, while the system stands still."""
    pgbench = Pgbench(running.postgres)
    await pgbench.make()
    with running.paused():
        return figure([await pgbench.run("redeem", clients=gates, seconds=PGBENCH_SECONDS)]).per_second


# --- with the network cut -------------------------------------------------------------------------------------------


async def cut(plan: Plan, policy: Offline) -> Figures:
    """An evening on a database of its own. Raises BenchFailed."""
    folder = await asyncio.to_thread(_new_folder)
    try:
        async with joined(folder / "data") as world:
            await migrate(world.database.engine)
            issuer = await an_issuer(world)
            began = time.perf_counter()
            evening = await play(world, issuer, 1, policy, plan)
            return told_of(evening) | {"the evening took": f"{time.perf_counter() - began:.0f} s"}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _new_folder() -> Path:
    """The database's own user must be able to enter."""
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-bench-", dir=ON_DISK))
    folder.chmod(0o711)
    return folder


def told_of(one: Reckoning) -> Figures:
    """An evening in words."""
    refreshed, status = one.refreshed or [0], one.refresh_seconds
    waited = one.waited_seconds or [0]
    return {
        "snapshots fetched": f"{len(one.fetched)} of {statistics.median(one.fetched):,.0f} octets, all at once in"
        f" {one.fetch_seconds:.1f} s",
        "status refreshes": f"{len(refreshed):,} of {statistics.median(refreshed):,.0f} octets in the median,"
        f" {max(refreshed):,} at most; {_times(status)}",
        "asked online": f"{one.asked:,}, {one.asked / max(one.asked_seconds, 1e-9):,.0f}/s; {one.lost_answers} answers"
        " lost as the network went",
        "decided alone": f"{one.alone:,}, {one.alone_yes:,} let in; {one.alone / max(one.alone_seconds, 1e-9):,.0f}/s",
        "brought": f"{one.brought:,} entries, {one.brought_octets / max(one.brought, 1):.0f} octets each",
        "merged": f"in {one.bring_seconds:.1f} s by all gates at once,"
        f" {one.brought / max(one.bring_seconds, 1e-9):,.0f} entries/s; a batch {_times(one.batch_seconds or [0.0])};"
        f" {one.brought_again} came again, for others held their tickets too long",
        "people let in": f"{one.let_in:,} of {one.people:,}; {one.beaten} came after a copy of their ticket",
        "sent to their home gate": f"{one.sent_on:,}",
        "held up until the network was back": f"{one.held_up:,}",
        "waited, of those let in later": f"{len(one.waited_seconds):,}, median {statistics.median(waited):.0f} s,"
        f" longest {max(waited)} s",
        "copies tried": f"{one.copies}, {one.copies_let_in} let in",
        "double admissions": f"{one.doubles}, found {one.doubles_found}; reported besides {one.doubles_beside}",
        "yeses the register does not hold": f"{one.unheard}",
        "uses without a yes at a gate": f"{one.invented}",
        "audit": one.audit,
    }


# --- alone ----------------------------------------------------------------------------------------------------------


def alone(*, tickets: int, shown: int) -> Figures:
    speeds, missing = gate_alone.measured(tickets=tickets, shown=shown)
    found = {one.name: f"{one.per_second:,.0f}" for one in speeds}
    return found | ({"browser": missing} if missing else {})


def _table(found: Mapping[str, Mapping[str, str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    for about, figures in found.items():
        table.add_section()
        table.add_row(f"[bold]{about}[/bold]", "")
        for name, said in figures.items():
            table.add_row(name, said)
    return table


if __name__ == "__main__":
    if not __debug__:
        sys.exit("Run the benchmark without -O: the system relies on its assertions, and so do its figures.")
    typer.run(bench)
