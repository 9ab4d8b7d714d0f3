"""Money at the command line: issuers' statements and fees, and the network's books beside ours."""

from __future__ import annotations

import asyncio
import getpass
import json
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from app.cli.options import Data
from app.cli.serving import house
from app.domain.refusals import BadLine
from app.domain.wording import said
from app.flows.books import settle
from app.flows.books.settle import Statement
from app.flows.returning import balance
from app.flows.returning.balance import Compared
from app.schemas.money import StatementOut
from app.settings import load
from app.world import World

console = Console(width=110)

DAY = "%Y-%m-%d"
KINDS = {
    "sale": "Sales",
    "face": "Vouchers: price and value apart",
    "fee": "Our fee",
    "fee_back": "Our fee, given back",
    "refund_due": "Refunds",
    "dispute_lost": "Disputes lost",
    "payout": "Paid out",
}
"""What stands in a statement for each kind of posting."""

Issuer = Annotated[str, typer.Argument(help="Slug of the issuer.")]


def add_to(app: typer.Typer) -> None:
    app.command("settle")(settle_command)
    app.command("issuer-fee")(issuer_fee)
    app.command("reconcile-network")(reconcile_network)


def actor() -> str:
    """Who sits at the keyboard, for the journal."""
    return f"command line: {getpass.getuser()}"


def settle_command(
    issuer: Issuer,
    *,
    first: Annotated[datetime | None, typer.Option("--from", formats=[DAY], help="First day.")] = None,
    last: Annotated[datetime | None, typer.Option("--until", formats=[DAY], help="Last day, included.")] = None,
    currency: Annotated[str | None, typer.Option(help="By default the issuer's own.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    paid: Annotated[bool, typer.Option("--mark-paid", help="Write down that what is due was paid.")] = False,
    note: Annotated[str, typer.Option(help="How it was paid, such as the number of a bank transfer.")] = "",
    data: Data = None,
) -> None:
    """Print what an issuer is to be paid: from the day after the last settlement until yesterday, or for given days."""
    if paid and not note:
        raise BadLine("Say how it was paid: --mark-paid --note 'bank transfer 4711'.")
    days = (first.date() if first else None, last.date() if last else None)

    async def run() -> Statement:
        async with house(load(data_dir=data)) as world:
            return await _settled(world, issuer, days, currency, note if paid else None)

    found = asyncio.run(run())
    if as_json:
        console.file.write(json.dumps(StatementOut.of(found).model_dump(mode="json"), ensure_ascii=False) + "\n")
    else:
        _print_statement(found, paid=paid)


async def _settled(
    world: World, issuer: str, days: tuple[date | None, date | None], currency: str | None, note: str | None
) -> Statement:
    first, last = days
    if note is None:
        return await settle.statement(world, issuer, first=first, last=last, currency=currency)
    return await settle.mark_paid(world, issuer, first=first, last=last, currency=currency, note=note, by=actor())


def _print_statement(found: Statement, *, paid: bool) -> None:
    zone = ZoneInfo(found.issuer.timezone)
    first, last = found.starts_at.astimezone(zone), found.ends_at.astimezone(zone) - timedelta(days=1)
    table = Table(title=f"{said(found.issuer.name, 'en')}: {first:%Y-%m-%d} to {last:%Y-%m-%d}, {found.currency}")
    table.add_column("what")
    table.add_column("count", justify="right")
    table.add_column("amount", justify="right")
    table.add_row("Opening balance", "", found.money(found.opening).words("en"))
    for line in found.lines:
        what = f"{KINDS[line.kind]}: {said(line.title, 'en')}" if line.product else KINDS[line.kind]
        table.add_row(what, str(line.count), found.money(line.amount).words("en"))
    table.add_section()
    table.add_row("Closing balance", "", found.money(found.closing).words("en"))
    if found.paid_since:
        table.add_row("Paid out since", "", found.money(-found.paid_since).words("en"))
    table.add_row("Paid now" if paid else "Due", "", found.money(found.due).words("en"))
    console.print(table)
    if found.settled is not None:
        console.print(f"Settled on {found.settled.paid_at:%Y-%m-%d}: {found.settled.note}", markup=False)


def issuer_fee(
    issuer: Issuer,
    basis_points: Annotated[
        int, typer.Option(min=0, max=10_000, help="Hundredths of a percent of each sale; 250 is 2.5 %.")
    ],
    data: Data = None,
) -> None:
    """Set what is kept of an issuer's sales from now on."""

    async def run() -> None:
        async with house(load(data_dir=data)) as world:
            await settle.set_fee(world, issuer, basis_points, by=actor())

    asyncio.run(run())
    console.print(f"Of each sale of {issuer} we keep {basis_points / 100:g} % from now on.")


def reconcile_network(
    day: Annotated[datetime | None, typer.Option(formats=[DAY], help="A day (UTC); by default yesterday.")] = None,
    data: Data = None,
) -> None:
    """Compare the payment network's books of a day with ours; exit status 1 where they differ."""
    wanted = day.date() if day else datetime.now(UTC).date() - timedelta(days=1)

    async def run() -> Compared:
        async with house(load(data_dir=data)) as world:
            return await balance.compare(world, wanted)

    found = asyncio.run(run())
    console.print(
        f"{found.day}: {found.network} lines of the network, {found.ours} of ours;"
        f" {found.fees} fees written down; {len(found.differences)} differences."
    )
    if found.differences:
        _print_differences(found)
        raise typer.Exit(1)


def _print_differences(found: Compared) -> None:
    table = Table()
    for name in ("payment", "kind", "network", "ours"):
        table.add_column(name, justify="left" if name in {"payment", "kind"} else "right")
    for one in found.differences:
        network, ours = ("-" if amount is None else f"{amount:,}" for amount in (one.network, one.ours))
        table.add_row(one.reference or "(none)", one.kind.value, network, ours)
    console.print(table)
