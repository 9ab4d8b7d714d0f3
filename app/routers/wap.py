"""The decks where a phone finds tickets: home, search, kinds, and rides from one stop to another."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.ticket import Kind
from app.domain.wording import moment
from app.flows.booking import find
from app.flows.booking.find import Stub
from app.routers.common import TheWorld
from app.routers.pages import STOPS_MAX, WORDS_MAX
from app.routers.wap_common import TheReader, deck, home, long, name_of, price_of, short, start_of
from app.routers.wap_number import ProvenNumber
from app.schemas.base import cursor, read_cursor
from app.store.catalogue import Search
from app.web.forms import Fields
from app.web.wap_deck import Field, Form, Item, Link, Words, fitted
from app.web.wap_reading import Reader, answer, asked_of

router = APIRouter(prefix="/wap", include_in_schema=False)

PER_DECK: Final = 6
"""Products on a deck: their titles may be long."""
TYPED_CHARS_MAX: Final = 16
"""Of words to look for; in an address each Korean one takes nine octets."""


@router.get("")
async def home_deck(reader: TheReader, number: ProvenNumber) -> Response:
    """Home: what is sold, my tickets where the number is known, and help."""
    other = "en" if reader.language == "ko" else "ko"
    items: list[Item] = [Words(reader("what"))]
    items += [
        Link(reader("admission"), reader.to("/wap/find", k=Kind.ADMISSION)),
        Link(reader("ride"), reader.to("/wap/from")),
        Link(reader("voucher"), reader.to("/wap/find", k=Kind.VOUCHER)),
        Link(reader("search"), reader.to("/wap/search")),
    ]
    if number is not None:
        items.append(Link(reader("mine"), reader.to("/wap/mine")))
    items += [Link(reader("help"), reader.to("/wap/help")), Link(reader("other_language"), f"/wap?l={other}")]
    return answer(reader, deck(reader, reader("name"), *items), private=number is not None)


@router.get("/help")
async def help_deck(reader: TheReader) -> Response:
    words = (Words(reader("help_buy")), Words(reader("help_gift")))
    return answer(reader, deck(reader, reader("help"), *words, home(reader)), private=False)


@router.get("/search")
async def search_deck(reader: TheReader) -> Response:
    field = Field("q", reader("search_what"), mask="*M", chars_max=TYPED_CHARS_MAX)
    form = Form("/wap/find", reader("search"), (field,), reader.typed_in, asks=True)
    return answer(reader, deck(reader, reader("search"), form, home(reader)), private=False)


@router.get("/find")
async def find_deck(request: Request, world: TheWorld, reader: TheReader) -> Response:
    """What is sold of a kind, by words, or between two stops; each with its next date and its price."""
    asked = asked_of(request)
    origin, destination = long(asked.one("f")), long(asked.one("t"))
    kind = asked.one("k") if asked.one("k") in set(Kind) else ""
    words = asked.one("q")[:TYPED_CHARS_MAX]
    rows = await find.stubs(world, _search(asked, kind, words, origin, destination))
    shown = [_row(reader, stub, origin, destination) for stub in rows[:PER_DECK]]
    if not shown:
        way = Link(reader("other_stops"), reader.to("/wap/from")) if origin else Link(reader("search"), "/wap/search")
        said = reader("no_journey" if origin else "nothing")
        return answer(reader, deck(reader, reader("found"), Words(said), way, home(reader)), private=False)

    def more(count: int) -> Link:
        last = rows[count - 1].row
        kept = {"k": kind, "q": words, "f": asked.one("f"), "t": asked.one("t")}
        return Link(reader("more"), reader.to("/wap/find", **kept, a=cursor(last.slug, last.id)))

    beyond = len(rows) > PER_DECK
    made = fitted(deck(reader, reader("found")), shown, more=more, foot=[home(reader)], beyond=beyond)
    return answer(reader, made, private=False)


def _search(asked: Fields, kind: str, words: str, origin: UUID | None, destination: UUID | None) -> Search:
    both = origin is not None and destination is not None
    try:
        slug, identity = read_cursor(asked.one("a"), 2)
        after: tuple[Any, UUID] | None = slug, UUID(identity)
    except ValueError:
        after = None
    return Search(
        kind=kind or None,
        words=tuple(words.split()[:WORDS_MAX]),
        origin=origin if both else None,
        destination=destination if both else None,
        cursor=after,
        limit=PER_DECK + 1,
    )


def _row(reader: Reader, stub: Stub, origin: UUID | None, destination: UUID | None) -> Link:
    """One product: its title, when, and from which price or that it is sold out."""
    row = stub.row
    parts = [name_of(reader, row.title)]
    if row.next_at is not None:
        parts.append(moment(row.next_at, row.timezone, reader.language))
    sold_out = stub.availability is not None and stub.availability.total == 0
    if stub.standing.away:
        parts.append(reader("away"))
    else:
        parts.append(reader("sold_out") if sold_out else _from(reader, stub))
    between = {"f": short(origin), "t": short(destination)} if origin and destination else {}
    return Link(" ".join(parts), reader.to(f"/wap/p/{short(row.id)}", **between))


def _from(reader: Reader, stub: Stub) -> str:
    amount = price_of(reader, stub.row.from_amount, stub.row.currency)
    return reader("from_price", price=amount) if stub.row.from_amount else amount


# --- from one stop to another ---------------------------------------------------------------------------------------


@router.get("/from")
async def from_deck(request: Request, world: TheWorld, reader: TheReader) -> Response:
    """The stops where a ride begins, by name; rides whose fare is the same everywhere need none."""
    return await _stops(request, world, reader, "f")


@router.get("/to")
async def to_deck(request: Request, world: TheWorld, reader: TheReader) -> Response:
    """The stops where a ride ends: of the same issuer, for no journey has two."""
    return await _stops(request, world, reader, "t")


async def _stops(request: Request, world: TheWorld, reader: Reader, name: str) -> Response:
    asked = asked_of(request)
    origin = long(asked.one("f")) if name == "t" else None
    words = asked.one("q")[:TYPED_CHARS_MAX]
    every = await find.stops(world, issuer=None, words=(), limit=STOPS_MAX)
    begun = next((stop for stop in every if stop.id == origin), None)
    found = await find.stops(
        world, issuer=begun.issuer_slug if begun else None, words=words.split()[:WORDS_MAX], limit=STOPS_MAX
    )
    here, onward = ("/wap/to", "/wap/find") if name == "t" else ("/wap/from", "/wap/to")
    product = asked.one("p")
    kept = {"f": short(begun.id)} if begun else {}
    onward = f"/wap/p/{product}" if name == "t" and long(product) else onward
    passed = {**kept, "p": product if long(product) else ""}
    rows: list[Item] = [
        Link(name_of(reader, stop.name), reader.to(onward, **passed | {name: short(stop.id)}))
        for stop in found
        if begun is None or stop.id != begun.id
    ]
    field = Field("q", reader("stop_name"), mask="*M", value=words, chars_max=TYPED_CHARS_MAX)
    sent = tuple((key, value) for key, value in passed.items() if value)
    form = Form(here, reader("search"), (field,), (*reader.typed_in, *sent), asks=True)
    head = deck(reader, reader("to_where" if begun else "from_where"), form)
    foot: list[Item] = [home(reader)]
    if not rows:
        foot = [Words(reader("no_stop")), *foot]
    elif begun is None:
        foot = [Link(reader("all_rides"), reader.to("/wap/find", k=Kind.RIDE)), *foot]
    made = fitted(
        head,
        rows,
        start=min(start_of(asked.one("a")), max(len(rows) - 1, 0)),
        more=lambda count: Link(reader("more"), reader.to(here, **passed, q=words, a=count)),
        foot=foot,
    )
    return answer(reader, made, private=False)
