"""`cyberticket story`: the patent's ten steps, on real input, through public interfaces only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from app import logs, samples
from app.cli.apart import starting
from app.cli.demonstrating import shop_of
from app.cli.shop import StepFailed
from app.cli.stack import Plan, Stack, import_venues
from app.cli.story import Book, Told, tell_gift, tell_ride, tell_voucher
from app.domain.catalogue import (
    CatalogueDraft,
    IssuerCatalogue,
    IssuerDraft,
    OccasionDraft,
    PriceDraft,
    ProductDraft,
    SeatingDraft,
)
from app.domain.money import Money
from app.flows.booking.importing import import_catalogue
from app.importers.gtfs import read_gtfs
from app.importers.seating import read_seating
from app.world import World

THEATRE = "story-theatre"
NIGHTS = 3
PRICE_WON, STEP_WON = 90_000, 15_000


def add_to(app: typer.Typer) -> None:
    app.command("story")(story)


def story(
    gtfs: Annotated[Path, typer.Option(help="A transit feed to ride on.")] = samples.ISLAND_BUS,
    seating: Annotated[Path, typer.Option(help="A seating plan to sit in.")] = samples.THEATRE,
    origin: Annotated[str | None, typer.Option(help="Words of the station the ride starts at.")] = None,
    destination: Annotated[str | None, typer.Option(help="Words of the station it ends at.")] = None,
    *,
    terse: Annotated[bool, typer.Option("--terse", help="Only the steps, not what crossed the wire.")] = False,
    apart: Annotated[bool, typer.Option("--apart", help="Each party as a process of its own.")] = False,
) -> None:
    """Perform the patent's ten steps: a ride, a theatre gift after a sold-out wish and a refused card, a voucher."""
    logs.configure(os.environ.get("CYBERTICKET_LOG_LEVEL", "ERROR"))
    book = Book(Console(soft_wrap=True), terse=terse)
    if not asyncio.run(_tell(book, Input(gtfs, seating, origin, destination), apart=apart)):
        sys.exit(1)


@dataclass(frozen=True, slots=True)
class Input:
    """What the story is told of."""

    gtfs: Path
    seating: Path
    origin: str | None
    destination: str | None


async def _tell(book: Book, given: Input, *, apart: bool) -> bool:
    feed, _ = read_gtfs(given.gtfs)
    plan, _ = read_seating(given.seating)

    async def stock(world: World) -> None:
        await import_venues(world)
        await import_catalogue(world, feed)
        await import_catalogue(world, _theatre(plan))
        book.aside(f"Imported {given.gtfs.name} and {given.seating.name}.")

    told = Told(feed.issuers[0].issuer.slug, given.origin, given.destination)
    with _scratch() as folder:
        async with (
            starting(Plan(folder, stock=stock, apart=apart), say=book.aside) as stack,
            httpx.AsyncClient(timeout=30, trust_env=False) as http,
        ):
            return await _chapters(book, stack, http, told)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A data folder for one telling; PostgreSQL's own user must be able to enter it."""
    with tempfile.TemporaryDirectory(prefix="cyberticket-story-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "data"


async def _chapters(book: Book, stack: Stack, http: httpx.AsyncClient, told: Told) -> bool:
    shop = shop_of(stack, http)
    shop.tell = book.exchange
    try:
        await tell_ride(book, shop, told)
        await tell_gift(book, shop, THEATRE)
        await tell_voucher(book, shop)
    except StepFailed as fault:
        book.failed(str(fault))
        return False
    book.end()
    return True


def _theatre(plan: SeatingDraft) -> CatalogueDraft:
    """A play on three nights in the given plan, one price per category of it."""
    categories = tuple(dict.fromkeys(place.category for place in plan.places))
    prices = tuple(
        PriceDraft(name, {"ko": name, "en": name}, Money(max(PRICE_WON - STEP_WON * rank, 10_000), "KRW"))
        for rank, name in enumerate(categories)
    )
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=10, minute=30, second=0, microsecond=0)
    opened = datetime.now(UTC) - timedelta(minutes=1)
    nights = tuple(
        OccasionDraft(
            slug=f"night-{night + 1}",
            starts_at=tomorrow + timedelta(days=night),
            seating=plan.slug,
            admits_from=opened,  # the doors of a story stand open
            admits_until=tomorrow + timedelta(days=night, hours=3),
        )
        for night in range(NIGHTS)
    )
    play = ProductDraft(
        slug="the-ticket",
        kind="admission",
        title={"ko": "한 장의 표", "en": "The Ticket"},
        description={"ko": "표 한 장에 관한 이야기입니다.", "en": "A play about a ticket."},
        venue=None,
        uses=1,
        face_value=None,
        valid_days=None,
        booking_limit=8,
        buyer_limit=None,
        transfer="free",
        refund="until_start",
        prices=prices,
        occasions=nights,
    )
    issuer = IssuerDraft(THEATRE, {"ko": "이야기극장", "en": "Story Theatre"}, "Asia/Seoul", "KRW", "ko")
    return CatalogueDraft((IssuerCatalogue(issuer, seatings=(plan,), products=(play,)),))
