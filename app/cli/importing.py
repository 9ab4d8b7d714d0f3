"""`cyberticket import …`: catalogues, seating plans, transit feeds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app.cli.options import Data
from app.cli.serving import house
from app.domain.catalogue import Report
from app.flows.booking.importing import import_catalogue, import_seating
from app.importers.catalogue import read_catalogue
from app.importers.gtfs import read_gtfs
from app.importers.seating import read_seating
from app.settings import load
from app.world import World

app = typer.Typer(help="Import a catalogue, a seating plan or a transit feed.", no_args_is_help=True)
console = Console()

File = Annotated[Path, typer.Argument(help="The file to import.")]
Drawn = Callable[[int, int, str], None]


def add_to(program: typer.Typer) -> None:
    program.add_typer(app, name="import")


def _with_bar(work: Callable[[Drawn], tuple[Mapping[str, int], Report]]) -> None:
    """Draw a bar while `work` reports, on a terminal; then say what came of it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def drawn(done: int, total: int, what: str) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        counts, report = work(drawn)
    told = [f"{number:,} {noun if number > 1 else noun.removesuffix('s')}" for noun, number in counts.items() if number]
    console.print(f"Imported {', '.join(told)}.", soft_wrap=True, highlight=False)
    for note in report.notes:
        console.print(f"Note: {note}", style="yellow", markup=False, soft_wrap=True)


def _write(data: Path | None, writing: Callable[[World], Coroutine[Any, Any, Mapping[str, int]]]) -> Mapping[str, int]:
    async def run() -> Mapping[str, int]:
        async with house(load(data_dir=data)) as world:
            return await writing(world)

    return asyncio.run(run())


@app.command("gtfs")
def gtfs(
    file: File,
    data: Data = None,
    carnet: Annotated[int | None, typer.Option(min=2, max=100, help="Also sell a carnet of so many rides.")] = None,
    discount: Annotated[int | None, typer.Option(min=0, max=99, help="Per cent off the carnet.")] = None,
) -> None:
    """A GTFS feed (zip or folder) with fares becomes an issuer with rides."""

    def work(drawn: Drawn) -> tuple[Mapping[str, int], Report]:
        draft, report = read_gtfs(file, carnet=carnet, discount_percent=discount, progress=drawn)
        return _write(data, lambda world: import_catalogue(world, draft, progress=drawn)), report

    _with_bar(work)


@app.command("seating")
def seating(
    file: File, issuer: Annotated[str, typer.Option(help="Slug of the issuer it belongs to.")], data: Data = None
) -> None:
    """A seating plan (JSON in pretix's public format) becomes places that occasions can have."""

    def work(drawn: Drawn) -> tuple[Mapping[str, int], Report]:
        draft, report = read_seating(file, progress=drawn)
        return _write(data, lambda world: import_seating(world, draft, issuer=issuer)), report

    _with_bar(work)


@app.command("catalogue")
def catalogue(file: File, data: Data = None) -> None:
    """A catalogue file (YAML): issuers, venues, products, occasions, prices. See docs/reference/catalogue-file.md."""

    def work(drawn: Drawn) -> tuple[Mapping[str, int], Report]:
        draft, report = read_catalogue(file, now=datetime.now(UTC), progress=drawn)
        return _write(data, lambda world: import_catalogue(world, draft, progress=drawn)), report

    _with_bar(work)
