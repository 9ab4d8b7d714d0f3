"""Writing an imported catalogue: by natural keys, so that the same file again updates and never duplicates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from app.domain.catalogue import (
    Fault,
    ImportRefused,
    IssuerCatalogue,
    OccasionDraft,
    PriceDraft,
    ProductDraft,
    SeatingDraft,
    Text,
)
from app.store.database import Tx
from app.store.tables import Issuer, Occasion, Price, Product, Route, RouteStop, Seating, SeatingPlace, Stop, Venue
from app.store.tables.catalogue import Stock
from app.store.writing_places import write_places

ROWS_PER_STATEMENT = 1_000


@dataclass(slots=True)
class Writing:
    """One import: the transaction, where ids come from, and what was written so far."""

    tx: AsyncSession
    now: datetime
    new_id: Callable[[], UUID]
    new_code: Callable[[], int]
    progress: Callable[[int, int, str], None] = lambda _done, _total, _what: None
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, noun: str, number: int) -> None:
        self.counts[noun] = self.counts.get(noun, 0) + number


async def write_issuer(writing: Writing, catalogue: IssuerCatalogue) -> UUID:
    """Everything of one issuer; raises ImportRefused when the file refers to what is nowhere."""
    draft = catalogue.issuer
    await refuse_foreign(writing, draft.slug)
    row = {**asdict(draft), "served_by": "local", "created_at": writing.now}
    issuer_id = (await upsert(writing, Issuer, [row], ["slug"], keep=["created_at", "served_by"]))[0][0]
    base = {"issuer_id": issuer_id}
    await by_slug(writing, Venue, [{**base, **asdict(venue)} for venue in catalogue.venues])
    for seating in catalogue.seatings:
        await write_seating(writing, issuer_id, seating)
    routes = await _write_lines(writing, issuer_id, catalogue)
    known = _Known(
        issuer_id, await _slugs(writing, Venue, issuer_id), await _slugs(writing, Seating, issuer_id), routes
    )
    if catalogue.products:
        await _withdraw_products(writing, issuer_id, [product.slug for product in catalogue.products])
    for done, product in enumerate(catalogue.products, 1):
        await _write_product(writing, known, product)
        writing.progress(done, len(catalogue.products), draft.slug)
    return issuer_id


async def refuse_foreign(writing: Writing, slug: str) -> None:
    """What another server sells is imported there: this is a copy, and the next would undo it. Raises ImportRefused."""
    owner = await writing.tx.scalar(
        sa.text("SELECT served_by FROM issuer WHERE slug = :slug AND served_by <> 'local'"), {"slug": slug}
    )
    if owner is not None:
        reason = f"{slug!r} is sold for the server {owner!r}; import it there"
        raise ImportRefused([Fault("catalogue", None, "issuer", reason)])


@dataclass(frozen=True, slots=True)
class _Known:
    """What a product of this issuer may refer to, by slug or code."""

    issuer_id: UUID
    venues: Mapping[str, UUID]
    seatings: Mapping[str, UUID]
    routes: Mapping[str, UUID]


async def write_seating(writing: Writing, issuer_id: UUID, draft: SeatingDraft) -> UUID:
    """A plan and its places; places that left the plan leave it here too (occasions keep theirs, withdrawn)."""
    drawing = {
        "width": draft.width,
        "height": draft.height,
        "categories": [asdict(category) for category in draft.categories],
        "standing": [asdict(area) for area in draft.standing],
        "areas": [asdict(area) for area in draft.areas],
    }
    row = {"issuer_id": issuer_id, "slug": draft.slug, "name": draft.name, "drawing": drawing}
    seating_id = (await by_slug(writing, Seating, [row]))[draft.slug]
    await writing.tx.execute(sa.delete(SeatingPlace).where(SeatingPlace.seating_id == seating_id))  # type: ignore[arg-type]  # SQLModel columns are typed as their values
    rows = [
        {
            "seating_id": seating_id,
            "pos": pos,
            "issuer_id": issuer_id,
            "guid": place.guid,
            "category": place.category,
            "numbered": place.numbered,
            "section": place.zone,
            "row": place.row or "",
            "seat": place.seat or "",
            "x": place.x,
            "y": place.y,
        }
        for pos, place in enumerate(draft.places)
    ]
    for chunk in _chunks(rows):
        await writing.tx.execute(insert(SeatingPlace), chunk)
    writing.count("seating places", len(rows))
    return seating_id


async def refresh_statistics(tx: Tx | AsyncSession) -> None:
    """Let the planner know at once what was written; on its own it may plan for an empty hall for a minute."""
    await tx.execute(sa.text("ANALYZE issuer, stop, product, price, occasion, place"))


async def _write_lines(writing: Writing, issuer_id: UUID, catalogue: IssuerCatalogue) -> dict[str, UUID]:
    base = {"issuer_id": issuer_id}
    stops = await upsert(
        writing,
        Stop,
        [
            {**base, "code": stop.code, "name": dict(stop.name), "search": searchable(stop.name), "zone": stop.zone}
            | {"lat": stop.lat, "lon": stop.lon}
            for stop in catalogue.stops
        ],
        ["issuer_id", "code"],
        name="code",
    )
    stop_ids = {code: identity for identity, code in stops}
    routes = await upsert(
        writing,
        Route,
        [{**base, "code": route.code, "name": dict(route.name)} for route in catalogue.routes],
        ["issuer_id", "code"],
        name="code",
    )
    route_ids = {code: identity for identity, code in routes}
    if route_ids:
        await writing.tx.execute(
            sa.text("DELETE FROM route_stop WHERE route_id = ANY(:ids)"), {"ids": list(route_ids.values())}
        )
    calls = [
        {**base, "route_id": route_ids[route.code], "pattern": number, "seq": seq, "stop_id": stop_ids[code]}
        for route in catalogue.routes
        for number, pattern in enumerate(route.patterns)
        for seq, code in enumerate(pattern)
    ]
    for chunk in _chunks(calls):
        await writing.tx.execute(insert(RouteStop), chunk)
    return route_ids


async def _write_product(writing: Writing, known: _Known, draft: ProductDraft) -> None:
    row = {
        "issuer_id": known.issuer_id,
        "slug": draft.slug,
        "kind": draft.kind,
        "title": dict(draft.title),
        "description": dict(draft.description),
        "search": searchable(draft.title, draft.description),
        "venue_id": _refer("venue", draft.venue, known.venues),
        "uses": draft.uses,
        "face_value": draft.face_value.amount if draft.face_value else None,
        "valid_days": draft.valid_days,
        "booking_limit": draft.booking_limit,
        "buyer_limit": draft.buyer_limit,
        "transfer": draft.transfer,
        "transfer_minutes_before": draft.transfer_minutes_before,
        "refund": draft.refund,
        "entry_rules": draft.entry.told(),
        "withdrawn": False,
    }
    product_id = (await by_slug(writing, Product, [row]))[draft.slug]
    await _withdraw(writing, "price", product_id)
    await _withdraw(writing, "occasion", product_id)
    await _write_prices(writing, known, product_id, draft.prices)
    drafts = draft.occasions or (OccasionDraft(slug="open", starts_at=None),)
    for occasion in drafts:
        await _write_occasion(writing, known, product_id, occasion)


async def _write_occasion(writing: Writing, known: _Known, product_id: UUID, draft: OccasionDraft) -> None:
    limited = bool(draft.seating or draft.capacity)
    seating_id = _refer("seating plan", draft.seating, known.seatings)
    row = {
        "issuer_id": known.issuer_id,
        "product_id": product_id,
        "slug": draft.slug,
        "code": writing.new_code(),
        "stock": Stock.PLACES if limited else Stock.UNLIMITED,
        "starts_at": draft.starts_at,
        "ends_at": draft.ends_at,
        "doors_at": draft.doors_at,
        "admits_from": draft.admits_from,
        "admits_until": draft.admits_until,
        "sales_from": draft.sales_from,
        "sales_until": draft.sales_until,
        "venue_id": _refer("venue", draft.venue, known.venues),
        "seating_id": seating_id,
        "withdrawn": False,
        "revision": 0,
    }
    found = await upsert(writing, Occasion, [row], ["product_id", "slug"], keep=["code", "revision"])
    occasion_id = found[0][0]
    if limited:
        changed = await write_places(
            writing.tx,
            issuer_id=known.issuer_id,
            occasion_id=occasion_id,
            seating_id=seating_id,
            capacity=draft.capacity,
            new_id=writing.new_id,
        )
        writing.count("places", changed)
    await _write_prices(writing, known, product_id, draft.prices, occasion_id=occasion_id)


async def give_codes(tx: Tx | AsyncSession) -> None:
    """Give each occasion that has none the next short number. Imports run one at a time, so none is given twice."""
    await tx.execute(
        sa.text("""
            UPDATE occasion SET sms_code = last.code + numbered.place
            FROM (SELECT coalesce(max(sms_code), 1000) AS code FROM occasion) last,
                (SELECT id, row_number() OVER (ORDER BY id) AS place FROM occasion WHERE sms_code IS NULL) numbered
            WHERE numbered.id = occasion.id
        """)
    )


async def _write_prices(
    writing: Writing,
    known: _Known,
    product_id: UUID,
    drafts: Sequence[PriceDraft],
    *,
    occasion_id: UUID | None = None,
) -> None:
    rows = [
        {
            "issuer_id": known.issuer_id,
            "product_id": product_id,
            "occasion_id": occasion_id,
            "category": draft.category,
            "name": dict(draft.name),
            "amount": draft.amount.amount,
            "currency": draft.amount.currency,
            "colour": draft.colour,
            "origin_zone": draft.origin_zone,
            "destination_zone": draft.destination_zone,
            "route_id": _refer("route", draft.route, known.routes),
            "position": position,
            "entrance": draft.entrance,
            "withdrawn": False,
        }
        for position, draft in enumerate(drafts)
    ]
    key = ["product_id", "occasion_id", "category", "origin_zone", "destination_zone", "route_id"]
    await upsert(writing, Price, rows, key, constraint="uq_price_natural", name="category")


async def _withdraw(writing: Writing, table: str, product_id: UUID) -> None:
    """What the file still has comes back by its upsert; what it no longer has stays withdrawn."""
    await writing.tx.execute(
        sa.text(f"UPDATE {table} SET withdrawn = true WHERE product_id = :id AND NOT withdrawn"),  # noqa: S608 - two callers, both constants
        {"id": product_id},
    )


async def _withdraw_products(writing: Writing, issuer_id: UUID, slugs: Sequence[str]) -> None:
    """A file that names products of an issuer names all of them; one with halls or stations only changes no product."""
    await writing.tx.execute(
        sa.text(
            "UPDATE product SET withdrawn = true WHERE issuer_id = :id AND NOT slug = ANY(:slugs) AND NOT withdrawn"
        ),
        {"id": issuer_id, "slugs": list(slugs)},
    )


def _refer(noun: str, slug: str | None, known: Mapping[str, UUID]) -> UUID | None:
    if slug is None:
        return None
    if slug not in known:
        raise ImportRefused([Fault("catalogue", None, noun, f"there is no {noun} {slug!r}; import it first")])
    return known[slug]


def searchable(*texts: Text) -> str:
    """Everything a visitor may type to find it, lower case, in all languages."""
    return " ".join(word for text in texts for word in text.values()).lower()


async def _slugs(writing: Writing, model: type[SQLModel], issuer_id: UUID) -> dict[str, UUID]:
    table = sa.inspect(model).local_table
    rows = await writing.tx.execute(sa.select(table.c.slug, table.c.id).where(table.c.issuer_id == issuer_id))
    return {row.slug: row.id for row in rows}


async def by_slug(writing: Writing, model: type[SQLModel], rows: Sequence[dict[str, Any]]) -> dict[str, UUID]:
    found = await upsert(writing, model, rows, ["issuer_id", "slug"])
    return {slug: identity for identity, slug in found}


async def upsert(
    writing: Writing,
    model: type[SQLModel],
    rows: Sequence[dict[str, Any]],
    key: Sequence[str],
    *,
    keep: Sequence[str] = (),
    constraint: str | None = None,
    name: str = "slug",
) -> list[tuple[UUID, str]]:
    """Insert rows, or update those whose natural key is there; columns in `keep` keep their first value."""
    found: list[tuple[UUID, str]] = []
    for chunk in _chunks([{"id": writing.new_id(), **row} for row in rows]):
        statement = insert(model).values(chunk)
        fresh = {column: statement.excluded[column] for column in chunk[0] if column not in {"id", *key, *keep}}
        target: dict[str, Any] = {"constraint": constraint} if constraint else {"index_elements": list(key)}
        upserting = statement.on_conflict_do_update(**target, set_=fresh)
        table = sa.inspect(model).local_table
        result = await writing.tx.execute(upserting.returning(table.c.id, table.c[name]))
        found.extend((row[0], row[1]) for row in result)
    writing.count(f"{sa.inspect(model).local_table.name}s", len(found))
    return found


def _chunks(rows: Sequence[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    return (list(rows[start : start + ROWS_PER_STATEMENT]) for start in range(0, len(rows), ROWS_PER_STATEMENT))
