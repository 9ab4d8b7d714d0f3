"""The decks of one product: its date, then category and how many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.ticket import Kind
from app.domain.wording import moment
from app.flows.booking import find
from app.routers.common import TheWorld
from app.routers.pages import FEW_LEFT
from app.routers.pages_choice import Offered
from app.routers.pages_choose import sales_state
from app.routers.wap_common import (
    NAME_CHARS,
    TheReader,
    deck,
    home,
    journey_words,
    name_of,
    price_of,
    short,
    start_of,
)
from app.routers.wap_picked import Picked, picked_of
from app.web.wap_deck import Deck, Field, Form, Item, Link, Words, fitted
from app.web.wap_reading import Reader, answer, asked_of
from app.world import World

router = APIRouter(prefix="/wap", include_in_schema=False)


@router.get("/p/{product}")
async def product_deck(request: Request, world: TheWorld, reader: TheReader, product: str) -> Response:
    """One product: its dates, or at once its categories where there is nothing to choose."""
    asked = asked_of(request)
    picked = picked_of(product, asked)
    offer = await picked.offer(world, since=asked.one("d"))
    dated = [one for one in offer.dates if one.row.starts_at is not None]
    if len(dated) <= 1 and not asked.one("d"):
        return answer(reader, categories(world, reader, picked, offer, start_of(asked.one("a"))), private=False)
    rows = [_date(reader, picked, one) for one in dated]

    def more(count: int) -> Link:
        since = dated[count].row.starts_at if count < len(dated) else offer.later
        return Link(reader("more"), reader.to(picked.at("p"), **picked.asked, d=since.isoformat() if since else ""))

    head = deck(reader, title_of(reader, offer), *about(reader, offer), Words(reader("dates" if rows else "no_dates")))
    made = fitted(head, rows, more=more, foot=[home(reader)], beyond=offer.later is not None)
    return answer(reader, made, private=False)


def title_of(reader: Reader, offer: Offered) -> str:
    return name_of(reader, offer.product.title)


def about(reader: Reader, offer: Offered) -> list[Item]:
    """What it is and where."""
    lines: list[Item] = [Words(name_of(reader, offer.product.title, NAME_CHARS), strong=True)]
    if offer.product.venue_name:
        lines.append(Words(name_of(reader, offer.product.venue_name)))
    return [*lines, *_journey(reader, offer)]


def _journey(reader: Reader, offer: Offered) -> list[Item]:
    return [Words(journey_words(reader, *offer.journey))] if offer.journey else []


def _left(reader: Reader, left: int | None) -> list[str]:
    """How many are left, where that is worth a line of a small screen: when they are few."""
    if left is None or left > FEW_LEFT:
        return []
    return [reader("left", n=left) if left else reader("sold_out")]


def _date(reader: Reader, picked: Picked, one: find.FoundOccasion) -> Link:
    words = moment(one.row.starts_at, one.row.timezone, reader.language)
    return Link(
        " ".join([words, *([reader("away")] if one.standing.away else _left(reader, one.availability.total))]),
        reader.to(picked.at("c"), **replace(picked, occasion=one.row.id).asked),
    )


@router.get("/c/{product}")
async def category_deck(request: Request, world: TheWorld, reader: TheReader, product: str) -> Response:
    """The categories of a date with their prices, and the way to pick seats by hand."""
    asked = asked_of(request)
    picked = picked_of(product, asked)
    offer = await picked.offer(world)
    return answer(reader, categories(world, reader, picked, offer, start_of(asked.one("a"))), private=False)


def categories(world: World, reader: Reader, picked: Picked, offer: Offered, start: int) -> Deck:
    # Who comes from a date has just read what it is and where: there is room for the choice.
    said = about(reader, offer) if picked.occasion is None else _journey(reader, offer)
    head = deck(reader, title_of(reader, offer), *said)
    closed = sales_state(world, offer)
    if closed is not None or offer.chosen is None:
        said = _away(reader, picked, offer) if closed == "away" else [Words(reader("closed"))]
        return replace(head, items=(*head.items, *said, home(reader)))
    if offer.stops and not offer.prices:
        why = [Words(reader("no_journey"))] if offer.journey else []
        way = Link(reader("from_where"), reader.to("/wap/from", p=short(picked.product)))
        return replace(head, items=(*head.items, *why, way, home(reader)))
    picked = replace(picked, occasion=offer.chosen.row.id)
    foot: list[Item] = [home(reader)]
    if offer.chosen.row.seating_id is not None and offer.product.kind == Kind.ADMISSION:
        foot = [Link(reader("by_hand"), reader.to(picked.at("s"), **picked.asked)), *foot]
    rows = [_category(reader, picked, offer, price) for price in offer.prices]
    return fitted(
        replace(head, items=(*head.items, *when_words(reader, offer), Words(reader("categories")))),
        rows,
        start=min(start, len(rows) - 1),
        more=lambda count: Link(reader("more"), reader.to(picked.at("c"), **picked.asked, a=count)),
        foot=foot,
    )


def _away(reader: Reader, picked: Picked, offer: Offered) -> list[Item]:
    """Its issuer does not answer: since when, and that one may look again."""
    assert offer.chosen is not None, "it is the chosen occasion that cannot be asked about"
    heard = offer.chosen.standing.last_heard
    since = [Words(reader("away_since", when=moment(heard, offer.product.timezone, reader.language)))] if heard else []
    return [Words(reader("away_why")), *since, Link(reader("look"), reader.to(picked.at("c"), **picked.asked))]


def when_words(reader: Reader, offer: Offered) -> list[Item]:
    assert offer.chosen is not None, "a price belongs to a chosen occasion"
    row = offer.chosen.row
    return [Words(moment(row.starts_at, row.timezone, reader.language))] if row.starts_at else []


def _category(reader: Reader, picked: Picked, offer: Offered, price: sa.Row[Any]) -> Link:
    words = [name_of(reader, price.name), price_of(reader, price.amount, price.currency)]
    return Link(
        " ".join([*words, *_left(reader, offer.free(price.category))]),
        reader.to(picked.at("n"), **replace(picked, price=price.id).asked),
    )


@router.get("/n/{product}")
async def quantity_deck(request: Request, world: TheWorld, reader: TheReader, product: str) -> Response:
    """How many of a category; which seats, the house chooses."""
    picked = picked_of(product, asked_of(request))
    offer = await picked.offer(world)
    lines = await picked.lines(world, offer)
    if not lines:
        return answer(reader, categories(world, reader, replace(picked, price=None), offer, 0), private=False)
    price = lines[0].price
    words = f"{name_of(reader, price.name)} {price_of(reader, price.amount, price.currency)}"
    seated = offer.chosen is not None and offer.chosen.row.seating_id is not None
    kept = replace(picked, quantity="").asked
    form = Form(
        picked.at("w"),
        reader("best" if seated else "go_on"),
        (Field("n", reader("how_many", n=offer.limit), mask="2N", value="1", chars_max=2),),
        (*kept.items(), *reader.kept),
        asks=True,
    )
    lines_of = (*_journey(reader, offer), *when_words(reader, offer), Words(words))
    return answer(reader, deck(reader, title_of(reader, offer), *lines_of, form, home(reader)), private=False)
