"""The pages where a visitor finds tickets, and the assets all pages share."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.refusals import NotFound
from app.domain.ticket import Kind
from app.flows.booking import find
from app.flows.booking.find import Stub
from app.routers.common import TheWorld
from app.schemas.base import cursor, read_cursor
from app.store.catalogue import Search
from app.web.forms import Fields, query
from app.web.rendering import ASSETS, MEDIA, page
from app.world import World

router = APIRouter(include_in_schema=False)

PER_PAGE: Final = 20
STOPS_MAX: Final = 500
WORDS_MAX: Final = 8
QUERY_CHARS_MAX: Final = 100
FEW_LEFT: Final = 20
"""From how many free places on a listing says how many are left."""
HOME_TIMEZONE: Final = ZoneInfo("Asia/Seoul")
"""Where a day begins for somebody who types only a date."""


@dataclass(frozen=True, slots=True)
class State:
    """How a stub stands: `tone` is good, few or none; `name` is a sentence of words.toml that counts `n`."""

    tone: str
    name: str
    n: int = 0


def state_of(stub: Stub) -> State:
    """What a listing says of a product's next date."""
    if stub.standing.away:
        return State("few", "away")
    free = stub.availability.total if stub.availability else None
    if stub.row.next_at is None and stub.occasion is None:
        return State("none", "no_dates")
    if free is None:
        return State("good", "available")
    if free == 0:
        others = stub.row.dates - 1
        return State("none", "sold_out_others", others) if others > 0 else State("none", "sold_out")
    return State("few", "last", free) if free <= FEW_LEFT else State("good", "available")


@router.get("/")
async def find_page(request: Request, world: TheWorld) -> Response:
    """Find: one search line, then stubs; rides first ask from and to."""
    asked = query(request)
    kind = asked.one("kind") if asked.one("kind") in set(Kind) else ""
    origin, destination = uuid_of(asked.one("origin")), uuid_of(asked.one("destination"))
    if asked.one("swap"):
        origin, destination = destination, origin
    search = _search(asked, kind, origin, destination)
    rows = await find.stubs(world, search)
    found = rows[:PER_PAGE]
    last = found[-1].row if len(rows) > PER_PAGE else None
    found.sort(key=lambda stub: (stub.row.next_at is None, stub.row.next_at or world.clock.now()))
    stops = await find.stops(world, issuer=None, words=(), limit=STOPS_MAX) if kind == Kind.RIDE else []
    journey = {"origin": origin, "destination": destination} if origin and destination else {}
    kept = {"q": asked.one("q")[:QUERY_CHARS_MAX], "day": asked.one("day")[:10]}
    return page(
        request,
        "find.html",
        kinds=["", *Kind],
        kind=kind,
        typed=kept,
        kept={name: value for name, value in kept.items() if value},
        stops=by_issuer(stops),
        origin=origin,
        destination=destination,
        journey=journey,
        stubs=[(stub, state_of(stub)) for stub in found],
        after=cursor(last.slug, last.id) if last else None,
        searched=bool(kind or journey or any(kept.values())),
    )


def _search(asked: Fields, kind: str, origin: UUID | None, destination: UUID | None) -> Search:
    both = origin is not None and destination is not None
    return Search(
        kind=kind or None,
        words=tuple(asked.one("q")[:QUERY_CHARS_MAX].split()[:WORDS_MAX]),
        since=_start_of(asked.one("day")),
        origin=origin if both else None,
        destination=destination if both else None,
        cursor=_after(asked.one("after")),
        limit=PER_PAGE + 1,
    )


def _start_of(day: str) -> datetime | None:
    """The beginning of a day in the house's time zone; None for what is no date."""
    try:
        return datetime.combine(date.fromisoformat(day), time.min, HOME_TIMEZONE).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _after(text: str) -> tuple[Any, UUID] | None:
    try:
        slug, identity = read_cursor(text, 2)
        return slug, UUID(identity)
    except ValueError:
        return None


def uuid_of(text: str) -> UUID | None:
    """The id in a field; None for what is none, since the page then simply asks again."""
    try:
        return UUID(text)
    except ValueError:
        return None


def by_issuer(stops: list[sa.Row[Any]]) -> list[tuple[dict[str, str], list[sa.Row[Any]]]]:
    """Stops in groups, each under the name of its issuer."""
    groups: dict[str, tuple[dict[str, str], list[sa.Row[Any]]]] = {}
    for stop in stops:
        groups.setdefault(stop.issuer_slug, (stop.issuer_name, []))[1].append(stop)
    return list(groups.values())


def form_key(world: World) -> str:
    """Names one showing of a form, so that pressing its button twice has the effect of once."""
    return base64.urlsafe_b64encode(world.entropy.bytes(16)).decode().rstrip("=")


@router.get("/assets/{name}")
async def asset(request: Request, name: str) -> Response:
    """A style, the script or an icon; kept for ever where its address names its content."""
    if name not in ASSETS:
        raise NotFound("There is no such file.")
    body, known = ASSETS[name]
    lasting = request.query_params.get("v") == known
    headers = {"Cache-Control": "public, max-age=31536000, immutable" if lasting else "public, max-age=300"}
    return Response(body, media_type=MEDIA[name[name.rindex(".") :]], headers=headers)
