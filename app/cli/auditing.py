"""`cyberticket audit`: the invariants of the house, looked at now; and logs, looked through for secrets."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.cli.options import Data
from app.cli.serving import house
from app.flows import audit as flow
from app.flows.audit import Finding
from app.settings import load
from app.store import audit as store

console = Console(soft_wrap=True, highlight=False)

Log = tuple[Path, int, str]
"""A file, the number of a line, and what it holds."""


def add_to(app: typer.Typer) -> None:
    app.command("audit")(audit)


def audit(
    data: Data = None,
    only: Annotated[list[str] | None, typer.Option(help="An invariant, such as I4; once per invariant.")] = None,
    rows: Annotated[int, typer.Option(min=1, max=10_000, help="How many breaches of each are shown.")] = 20,
    logs: Annotated[list[Path] | None, typer.Option(help="A log file to look through instead; once per file.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
) -> None:
    """Look whether everything that must always hold does hold; exits with status 1 where it does not."""
    if logs:
        found = [(path, number, kind) for path in logs for number, kind in _leaks(path)]
        tell_logs(found, as_json=as_json)
        broken = bool(found)
    else:
        findings = asyncio.run(_audit(data, store.names(only or ()), rows))
        tell(findings, as_json=as_json)
        broken = any(finding.breaches for finding in findings)
    if broken:
        sys.exit(1)


async def _audit(data: Path | None, only: Sequence[str], rows: int) -> list[Finding]:
    async with house(load(data_dir=data)) as world:
        found = await flow.audit(world, only=only, most=rows)
        return [
            await flow.ask_issuers(world, one, most=rows) if one.invariant is store.REGISTERS else one for one in found
        ]


def _leaks(path: Path) -> list[tuple[int, str]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        return [(number, kind) for number, kinds in flow.leaks_in(file) for kind in sorted(kinds)]


def tell(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print how each invariant was found, with the rows that breach it."""
    if as_json:
        told = [
            {"invariant": one.invariant.name, "says": one.invariant.says, "breaches": one.breaches}
            | {"seconds": round(one.seconds, 3), "rows": [asdict(row) for row in one.rows]}
            | {"notes": list(one.notes)}
            for one in findings
        ]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for one in findings:
        verdict = f"[red]{one.breaches:,} breached[/]" if one.breaches else "[green]ok[/]"
        console.print(f"{one.invariant.name:>3}  {verdict}  {one.invariant.says}  [dim]{one.seconds:.2f} s[/]")
        for row in one.rows:
            whose = f"{row.issuer}: " if row.issuer else ""
            console.print(f"       {whose}{row.subject} {row.problem}", markup=False)
        if one.breaches > len(one.rows):
            console.print(f"       and {one.breaches - len(one.rows):,} more; --rows shows them", markup=False)
        for note in one.notes:
            console.print(f"       {note}", style="yellow", markup=False)


def tell_logs(found: Sequence[Log], *, as_json: bool) -> None:
    """Where, and what kind; the line itself is not repeated."""
    if as_json:
        told = [{"file": str(path), "line": number, "holds": kind} for path, number, kind in found]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for path, number, kind in found:
        console.print(f"{path}:{number} holds {kind}", markup=False)
    if not found:
        console.print("No log holds a full phone number, a card number, a PIN, a secret link or a key.")
