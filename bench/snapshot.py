"""`python -m bench.snapshot`: how large gates' snapshots and their status are, and how long they take, by tickets."""

from __future__ import annotations

import asyncio
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from app import wiring
from app.domain.refusals import TemporarilyUnavailable
from app.domain.snapshot import Snapshot, open_by_code, read_snapshot
from app.flows.gate import snapshot
from app.flows.gate.tokens import GateCaller
from app.flows.sellers.for_sellers import Told
from app.settings import Settings
from app.store.migrate import migrate
from app.world import World
from bench.system import ON_DISK

SIZES = "1000,20000,100000"
SIZE_MAX = 2_000_000
WIDTH_MIN = 170
REVOKED_SHARE = 0.02
PER_MINUTE = 660
"""Admissions in a minute: 20,000 people within half an hour."""
OPENED = 1_000
ISSUER, PRODUCT, GATE = UUID(int=1), UUID(int=2), UUID(int=4)

PREPARE = """
    INSERT INTO issuer (id, slug, name, timezone, currency, language, served_by, created_at)
        VALUES ('{issuer}', 'bench', '{{}}', 'Asia/Seoul', 'KRW', 'ko', 'local', now());
    INSERT INTO product (id, issuer_id, slug, kind, title, description, search, uses, booking_limit, transfer, refund,
            withdrawn)
        VALUES ('{product}', '{issuer}', 'play', 'admission', '{{"ko": "봄날", "en": "Spring"}}', '{{}}', '', 1, 8,
            'free', 'never', false);
    INSERT INTO gate (id, issuer_id, name, state, generation, occasions, device_key, created_at)
        VALUES ('{gate}', '{issuer}', 'North', 'enrolled', 1, '[]', decode('02' || repeat('00', 32), 'hex'), now())
"""
OCCASION = """
    INSERT INTO occasion (id, issuer_id, product_id, slug, code, stock, starts_at, withdrawn, revision)
    VALUES (:occasion, :issuer, :product, :slug, :code, 'places', :starts, false, 0)
"""
SELL = """
    INSERT INTO credential (ticket_id, issuer_id, number, code, generation, kid, kind, product_id, occasion_id,
        occasion_code, label, uses, uses_left, valid_from, valid_until, state, registered_at, holder_key)
    SELECT gen_random_uuid(), :issuer, lpad(CAST(:base + n AS text), 10, '0'),
        (CAST(:code AS bigint) << 32) + n, 1, :kid, 'admission', :product, :occasion, :code,
        jsonb_build_object('title', '{}', 'category', jsonb_build_object('ko', 'R석', 'en', 'R'), 'section', 'Stalls',
            'row', chr(65 + n / 40 % 26), 'seat', CAST(n % 40 + 1 AS text),
            'handset', lpad(CAST(n % 10000 AS text), 4, '0'),
            'holder', CASE WHEN :whole THEN '김하늘' END),
        1, 1, :starts, :ends, 'valid', :starts, CASE WHEN :whole THEN decode('02' || repeat('00', 32), 'hex') END
    FROM generate_series(1, CAST(:count AS integer)) AS n
"""
REVOKE = "UPDATE credential SET state = 'revoked' WHERE occasion_id = :occasion AND random() < :share"
ADMIT = """
    UPDATE credential SET uses_left = 0, inside = 1, last_used_at = now() WHERE ticket_id IN (
        SELECT ticket_id FROM credential WHERE occasion_id = :occasion AND state = 'valid' AND uses_left = 1
        ORDER BY random() LIMIT :count)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of tickets: sizes in octets, times in milliseconds but for one opening, in microseconds."""

    tickets: int
    octets: int
    whole_octets: int
    """With a name and a handset's key in each row."""
    cold_ms: float
    """The first snapshot after a start; beside it what of that was this process' processor time."""
    cold_cpu_ms: float
    warm_ms: float
    unchanged_ms: float
    read_ms: float
    open_us: float
    revoked_octets: int
    minute_octets: int
    minute_ms: float
    half_octets: int


COLUMNS = {
    "tickets": "tickets",
    "octets": "snapshot, octets",
    "whole_octets": "with names and keys",
    "cold_ms": "first, ms",
    "cold_cpu_ms": "processor",
    "warm_ms": "again, ms",
    "unchanged_ms": "304, ms",
    "read_ms": "gate reads, ms",
    "open_us": "opens one, µs",
    "revoked_octets": "status, 2 % revoked",
    "minute_octets": f"{PER_MINUTE} admissions",
    "minute_ms": "ms",
    "half_octets": "status, half used",
}


def bench(
    sizes: Annotated[str, typer.Option(help="Numbers of tickets, with commas between.")] = SIZES,
) -> None:
    """Seal, send, read and refresh snapshots of so many tickets, on an embedded database of its own."""
    try:
        wanted = [int(word) for word in sizes.split(",")]
    except ValueError:
        wanted = [0]
    if not all(1_000 <= size <= SIZE_MAX for size in wanted):
        raise typer.BadParameter(f"--sizes takes numbers of 1000 to {SIZE_MAX}, such as {SIZES}")
    found = asyncio.run(_measured(wanted))
    Console(width=max(Console().width, WIDTH_MIN)).print(_table(found))


async def _measured(sizes: Sequence[int]) -> list[Measured]:
    folder = await asyncio.to_thread(_new_folder)
    try:
        async with wiring.world(Settings(demo=True, data_dir=folder / "data")) as world:
            await migrate(world.database.engine)
            async with world.transaction() as tx:
                for statement in PREPARE.format(issuer=ISSUER, product=PRODUCT, gate=GATE).split(";"):
                    await tx.execute(statement)
            return [await _one(world, number, size) for number, size in enumerate(sizes)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _new_folder() -> Path:
    """The database's own user must be able to enter."""
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-bench-", dir=ON_DISK))
    folder.chmod(0o711)
    return folder


async def _sell(world: World, number: int, count: int, *, whole: bool) -> UUID:
    """An occasion with so many tickets; the gate is posted there alone."""
    occasion, code, starts = UUID(int=1_000 + number), number + 1, datetime.now(UTC)
    common = {"issuer": ISSUER, "product": PRODUCT, "occasion": occasion, "code": code, "starts": starts}
    async with world.transaction() as tx:
        await tx.execute(OCCASION, {**common, "slug": str(number)})
        more = {"base": number * SIZE_MAX, "kid": world.house.keys.kid, "whole": whole, "count": count}
        await tx.execute(SELL, {**common, **more, "ends": starts + timedelta(hours=6)})
        posted = {"occasion": str(occasion)}
        await tx.execute("UPDATE gate SET occasions = jsonb_build_array(CAST(:occasion AS text))", posted)
    async with world.database.statements() as tx:
        await tx.execute("ANALYZE credential")
    return occasion


async def _one(world: World, number: int, size: int) -> Measured:
    caller = GateCaller(GATE, ISSUER, 1, bound=True)
    await _sell(world, 2 * number, size, whole=True)
    whole = await _taken(world, caller)
    world.house.editions.clear()
    occasion = await _sell(world, 2 * number + 1, size, whole=False)
    cpu = time.process_time()
    cold_ms, told = await _timed(_taken(world, caller))
    cold_cpu_ms = (time.process_time() - cpu) * 1e3
    warm_ms, _ = await _timed(snapshot.take(world, caller))
    unchanged_ms, _ = await _timed(snapshot.take(world, caller, known=[told.etag]))
    began = time.perf_counter()
    taken = read_snapshot(_body(told), world.house.keys.verifier.verify)
    read_ms = (time.perf_counter() - began) * 1e3

    async def status(after: int) -> Told:
        return await snapshot.status(world, caller, edition=taken.header.edition, have=size, after=after)

    async def change(statement: str, **values: object) -> None:
        async with world.transaction() as tx:
            await tx.execute(statement, {"occasion": occasion, **values})

    await change(REVOKE, share=REVOKED_SHARE)
    revoked = await status(0)
    await change(ADMIT, count=min(PER_MINUTE, size // 2))
    minute_ms, minute = await _timed(status(int(revoked.etag.strip('"').partition("-")[2])))
    await change(ADMIT, count=size // 2)
    return Measured(
        tickets=size,
        octets=len(_body(told)),
        whole_octets=len(_body(whole)),
        cold_ms=cold_ms,
        cold_cpu_ms=cold_cpu_ms,
        warm_ms=warm_ms,
        unchanged_ms=unchanged_ms,
        read_ms=read_ms,
        open_us=_opening_us(taken, number, size),
        revoked_octets=len(_body(revoked)),
        minute_octets=len(_body(minute)),
        minute_ms=minute_ms,
        half_octets=len(_body(await status(0))),
    )


def _opening_us(taken: Snapshot, number: int, size: int) -> float:
    """How long it takes to open one row by its code."""
    tickets = random.Random(1).choices(range(1, size + 1), k=OPENED)  # noqa: S311 - the same ones each time
    codes = [((2 * number + 2) << 32) + ticket for ticket in tickets]
    began = time.perf_counter()
    found = [open_by_code(taken, code) for code in codes]
    spent = time.perf_counter() - began
    assert all(found), "every ticket opens"
    return spent * 1e6 / OPENED


async def _taken(world: World, caller: GateCaller) -> Told:
    """As gates do, which come back when they are told to."""
    while True:
        try:
            return await snapshot.take(world, caller)
        except TemporarilyUnavailable:
            await asyncio.sleep(0.1)


async def _timed(work: Awaitable[Told]) -> tuple[float, Told]:
    """Milliseconds, and what came of it."""
    began = time.perf_counter()
    found = await work
    return (time.perf_counter() - began) * 1e3, found


def _body(told: Told) -> bytes:
    assert told.body is not None, "nothing was said to be known"
    return told.body


def _table(found: Sequence[Measured]) -> Table:
    memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    title = f"gates' snapshots, {len(found)} sizes; this process took {memory_mib:,.0f} MiB at most"
    table = Table(box=box.SIMPLE, title=title, title_justify="left")
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right")
    for one in found:
        values = (getattr(one, name) for name in COLUMNS)
        table.add_row(*(f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" for value in values))
    return table


if __name__ == "__main__":
    typer.run(bench)
