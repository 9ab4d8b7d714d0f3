"""The pages of one product: its dates and prices, and its seats to pick by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import hypot
from statistics import median_low
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.inventory import AISLE
from app.domain.plan import Plan, Section
from app.flows.booking import find
from app.flows.booking.find import Availability
from app.routers.common import TheWorld
from app.routers.pages import by_issuer
from app.routers.pages_choice import Offered, chosen_seats, offered
from app.web.forms import Fields, query
from app.web.rendering import page
from app.world import World

router = APIRouter(include_in_schema=False)

SEATS_AT_ONCE_MAX: Final = 400
"""A hall of up to so many seats is shown whole; a larger one section by section."""


@router.get("/p/{product_id}")
async def choose_page(request: Request, world: TheWorld, product_id: UUID) -> Response:
    """Choose: the date, the journey where there is one, then category and quantity."""
    asked = query(request)
    offer = await offered(world, product_id, asked)
    return page(
        request,
        "choose.html",
        offer=offer,
        closed=sales_state(world, offer),
        short_code=world.house.short_code,
        codes=find.sms_codes(offer.chosen.row.sms_code, offer.chosen.prices) if offer.chosen else {},
        groups=by_issuer(offer.stops),
        paged=bool(asked.one("since")),
        missing=asked.one("missing") == "price",
        picked=asked.one("price"),
    )


def sales_state(world: World, offer: Offered) -> str | None:
    """Why nothing may be sold just now, as a name in words.toml: `away` where its issuer is; None while it may."""
    if offer.chosen is None:
        return "over"
    row, now = offer.chosen.row, world.clock.now()
    if row.sales_from and now < row.sales_from:
        return "not_open"
    ends = row.sales_until or row.starts_at
    if ends and now >= ends:
        return "closed"
    return "away" if offer.chosen.standing.away else None


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat of the page. `aisle`: there is a gap before it."""

    row: sa.Row[Any]
    free: bool
    aisle: bool


@router.get("/p/{product_id}/seats")
async def seats_page(request: Request, world: TheWorld, product_id: UUID) -> Response:
    """Pick by hand: a small hall whole, a large one section by section; what was picked before is kept."""
    asked = query(request)
    offer = await offered(world, product_id, asked)
    if offer.chosen is None or sales_state(world, offer) is not None or offer.chosen.row.seating_id is None:
        return RedirectResponse(f"/p/{product_id}?{urlencode(offer.kept)}", 303)
    plan = await find.plan(world, offer.chosen.row.id)
    whole = plan.seats <= SEATS_AT_ONCE_MAX
    section = next((one for one in plan.sections if one.numbered and one.name == asked.one("section")), None)
    named = asked.every("place")
    kept = await chosen_seats(world, offer, named)
    rows: list[tuple[str, str, list[Seat]]] = []
    following = None
    if whole or section:
        rows, following = await _rows(world, offer, section.name if section and not whole else None, asked)
    shown = {seat.row.id: seat.free for _, _, seats in rows for seat in seats}
    return page(
        request,
        "seats.html",
        offer=offer,
        plan=plan,
        whole=whole,
        section=None if whole else section,
        prices={price.category: price for price in offer.prices},
        rows=rows,
        following=following,
        picked={seat.id for seat in kept},
        elsewhere=[seat for seat in kept if seat.id not in shown],
        gone=len(kept) < len(named) or any(not shown.get(seat.id, True) for seat in kept),
        missing=asked.one("missing"),
        map=_outlines(plan, offer),
    )


async def _rows(
    world: World, offer: Offered, section: str | None, asked: Fields
) -> tuple[list[tuple[str, str, list[Seat]]], int | None]:
    """(section, row, seats) in plan order, and where the next page begins."""
    assert offer.chosen is not None, "seats belong to a chosen occasion"
    text = asked.one("after")
    after = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else -1  # noqa: PLR2004 - beyond any hall
    places, availability = await find.places(
        world, offer.chosen.row.id, category=None, section=section, after=after, limit=SEATS_AT_ONCE_MAX
    )
    numbered = [row for row in places if row.numbered]
    following = places[-1].pos if len(places) == SEATS_AT_ONCE_MAX else None
    grouped = groupby(numbered, key=lambda row: (row.section, row.row))
    return [(name, row, _seats(list(members), availability)) for (name, row), members in grouped], following


def _seats(row: Sequence[sa.Row[Any]], availability: Availability) -> list[Seat]:
    gaps = [_distance(a, b) for a, b in pairwise(row)]
    usual = median_low(gaps) if gaps else 0.0
    return [
        Seat(one, find.is_free(availability, one.pos), aisle=index > 0 and gaps[index - 1] > AISLE * usual)
        for index, one in enumerate(row)
    ]


def _distance(a: sa.Row[Any], b: sa.Row[Any]) -> float:
    if a.x is None or b.x is None:
        return 0.0
    return hypot(a.x - b.x, a.y - b.y)


def _outlines(plan: Plan, offer: Offered) -> list[tuple[Section, list[tuple[str, int]]]]:
    """Every section that is drawn by its seats, with (points, colour) of its blocks."""
    return [
        (
            section,
            [
                (" ".join(f"{x:.0f},{y:.0f}" for x, y in block.outline), offer.tone(block.category))
                for block in section.blocks
            ],
        )
        for section in plan.sections
        if section.middle
    ]
