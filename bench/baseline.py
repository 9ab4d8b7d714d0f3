"""PostgreSQL alone: pgbench runs the bare transactions of a sale and of an admission on the very same server."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.embedded import binaries
from bench.client import BenchFailed
from bench.figures import Done, Stretch
from bench.system import Server

SCRIPTS = Path(__file__).parent / "pgbench"
DATABASE = "bench_pgbench"
OVERTIME_SECONDS = 60.0
SETTINGS = ("server_version", "fsync", "synchronous_commit")


@dataclass(frozen=True, slots=True)
class Pgbench:
    """pgbench on a database of its own, made by `make`."""

    server: Server

    async def make(self) -> None:
        """Make the database with its tables."""
        await self._psql("postgres", "-c", f"CREATE DATABASE {DATABASE}")
        await self._psql(DATABASE, "-f", str(SCRIPTS / "tables.sql"))

    async def settings(self) -> Mapping[str, str]:
        """What was asked of the server that bears on speed."""
        said = await self._psql(DATABASE, *(word for name in SETTINGS for word in ("-c", f"SHOW {name}")))
        return dict(zip(SETTINGS, said.split("\n"), strict=False))

    async def run(self, script: str, *, clients: int, seconds: float) -> Stretch:
        """Let `clients` repeat a script, prepared; pgbench counts in whole seconds, so at least for one."""
        whole = max(1, round(seconds))
        with tempfile.TemporaryDirectory(prefix="cyberticket-pgbench-") as folder:
            await _run(
                *(str(binaries() / "pgbench"), *self._where(), "-M", "prepared", "-n", "-T", str(whole)),
                *("-c", str(clients), "-j", str(min(clients, 2)), "-l", "--log-prefix", f"{folder}/log"),
                *("-f", str(SCRIPTS / f"{script}.sql"), DATABASE),
                seconds_max=whole + OVERTIME_SECONDS,
            )
            lines = await asyncio.to_thread(_lines_of, Path(folder))
        return stretch_of_log(lines, seconds=whole)

    def _where(self) -> Sequence[str]:
        return ("-h", self.server.host, "-p", self.server.port, "-U", self.server.user)

    async def _psql(self, database: str, *words: str) -> str:
        program = str(binaries() / "psql")
        options = ("-X", "-q", "-t", "-A", "-w", "-v", "ON_ERROR_STOP=1", "-d", database)
        return await _run(program, *self._where(), *options, *words, seconds_max=OVERTIME_SECONDS)


async def _run(*words: str, seconds_max: float) -> str:
    """Run one of PostgreSQL's programs; what it wrote. Raises BenchFailed."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds_max):
            said, complained = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise BenchFailed(f"{words[0]} did not end within {seconds_max:.0f} s") from None
    if process.returncode != 0:
        raise BenchFailed(f"{words[0]} failed: {complained.decode(errors='replace').strip()}")
    return said.decode().strip()


def _lines_of(folder: Path) -> list[str]:
    """The lines of all files: pgbench writes one for each of its threads."""
    return [line for file in folder.iterdir() for line in file.read_text("ascii").splitlines()]


def stretch_of_log(lines: Iterable[str], *, seconds: float) -> Stretch:
    """The log of pgbench's transactions as a stretch, which begins when the first of them began.

    Each line holds client, number, microseconds taken, script, and the end as Unix seconds and microseconds.
    """
    ended_took = []
    for line in lines:
        _, _, took_us, _, whole, micro = line.split(" ")[:6]
        ended_took.append((int(whole) + int(micro) / 1e6, int(took_us) / 1e6))
    begins = min((ended - took for ended, took in ended_took), default=0.0)
    return Stretch(seconds, tuple(Done(ended - begins, took) for ended, took in ended_took))
