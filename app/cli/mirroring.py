"""`cyberticket issuers`: the servers whose issuers we sell for, and how new our copy of what they sell is."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.cli.options import Data
from app.cli.serving import house
from app.flows.booking import mirror
from app.flows.booking.mirror import PeerStatus
from app.settings import load

console = Console(soft_wrap=True, highlight=False, markup=False)


def add_to(app: typer.Typer) -> None:
    app.command("issuers")(issuers)


def issuers(
    data: Data = None,
    *,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask each server for its catalogue first.")] = False,
) -> None:
    """Show each issuers' server: when it was last heard of, what is copied of it, and what is wrong with that.

    Exits with status 1 where anything is wrong.
    """
    found = asyncio.run(_look(data, refresh=refresh))
    if not found:
        console.print("This server sells for no issuer elsewhere; name their servers in CYBERTICKET_ISSUERS.")
    for one in found:
        _tell(one)
    if any(one.wrong for one in found):
        sys.exit(1)


async def _look(data: Path | None, *, refresh: bool) -> list[PeerStatus]:
    async with house(load(data_dir=data)) as world:
        if refresh:
            for name in mirror.sources(world):
                await mirror.refresh(world, name)
        return await mirror.statuses(world)


def _tell(one: PeerStatus) -> None:
    heard = f"last heard of {one.heard_at:%Y-%m-%d %H:%M:%S} UTC" if one.heard_at else "never heard of"
    console.print(f"{one.name}: {heard}, catalogue {one.etag or 'not whole'}")
    for row in one.issuers:
        whole = "" if row.whole else ", not whole"
        counted = f"{row.products} products, {row.occasions} occasions, {row.places} places"
        console.print(f"  {row.slug}: {counted}{whole}")
    if one.fault:
        console.print(f"  wrong: {one.fault}")
