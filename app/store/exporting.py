"""What an issuer's server tells of its catalogue, each answer made by one statement: it is all of one moment.

Only issuers of this database are told of, never those it sells for somebody else; only what is not withdrawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.store.database import Tx

LISTED = """
    SELECT id, slug, coalesce(revision, id) AS revision FROM issuer WHERE served_by = 'local' ORDER BY id LIMIT :most
"""


async def issuers(tx: Tx, *, most: int) -> list[sa.Row[tuple[UUID, str, UUID]]]:
    """(id, slug, revision) of each issuer, `most` of them at the most."""
    return list(await tx.execute(LISTED, {"most": most}))


def _rows(columns: str, table: str, where: str = "", order: str = "id") -> str:
    """A list of JSON objects with these columns of an issuer's rows."""
    chosen = f"SELECT {columns} FROM {table} WHERE {table}.issuer_id = i.id {where}"  # noqa: S608 - constants of this module
    return f"(SELECT coalesce(json_agg(r ORDER BY {order}), '[]') FROM ({chosen}) r)"  # noqa: S608 - constants of this module


SOLD_PRODUCT = "AND EXISTS (SELECT 1 FROM product p WHERE p.id = product_id AND NOT p.withdrawn)"
SOLD_OCCASION = (
    "AND (occasion_id IS NULL OR EXISTS (SELECT 1 FROM occasion o WHERE o.id = occasion_id AND NOT o.withdrawn))"
)
PATTERNS = """
    (SELECT coalesce(json_agg(calls ORDER BY pattern), '[]') FROM (
        SELECT pattern, json_agg(stop_id ORDER BY seq) AS calls FROM route_stop
        WHERE route_id = route.id GROUP BY pattern
    ) c) AS patterns
"""
CONTENT = f"""
        'id', i.id, 'slug', i.slug, 'name', i.name, 'timezone', i.timezone,
        'currency', i.currency, 'language', i.language, 'url', i.url, 'phone', i.phone,
        'venues', {_rows("id, slug, name, address", "venue")},
        'stops', {_rows("id, code, name, zone, lat, lon", "stop")},
        'routes', {_rows(f"id, code, name, {PATTERNS}", "route")},
        'seatings', {_rows("id, slug, name, drawing", "seating")},
        'products', {
    _rows(
        "id, slug, kind, title, description, venue_id, uses, face_value, valid_days, booking_limit, buyer_limit,"
        " transfer, refund, transfer_minutes_before, entry_rules",
        "product",
        "AND NOT withdrawn",
    )
},
        'occasions', {
    _rows(
        "id, product_id, slug, code, stock, starts_at, ends_at, doors_at, admits_from, admits_until, sales_from,"
        " sales_until, venue_id, seating_id, revision",
        "occasion",
        f"AND NOT withdrawn {SOLD_PRODUCT}",
        "starts_at, id",
    )
},
        'prices', {
    _rows(
        "id, product_id, occasion_id, category, name, amount, colour, origin_zone, destination_zone, route_id,"
        " position, entrance",
        "price",
        f"AND NOT withdrawn {SOLD_PRODUCT} {SOLD_OCCASION}",
        "position, id",
    )
}
"""
CATALOGUE = f"""
    SELECT coalesce(i.revision, i.id) AS revision,
        json_build_object('revision', coalesce(i.revision, i.id), {CONTENT})::text AS body
    FROM issuer i WHERE i.id = :id AND i.served_by = 'local'
"""  # noqa: S608 - constants of this module
REVISE = sa.text(f"""
    UPDATE issuer SET revision = fresh.revision
    FROM (SELECT id, md5(json_build_object({CONTENT})::text)::uuid AS revision FROM issuer i WHERE id = ANY(:ids)) fresh
    WHERE fresh.id = issuer.id
""")  # noqa: S608 - constants of this module


async def revise(tx: Tx | AsyncSession, issuer_ids: Sequence[UUID]) -> None:
    """Give these issuers the revision of what they sell now: the same catalogue again has the same one."""
    await tx.execute(REVISE, {"ids": list(issuer_ids)})


async def catalogue(tx: Tx, issuer_id: UUID) -> sa.Row[tuple[UUID, str]] | None:
    """(revision, JSON) of everything one issuer sells, as ports.catalogues.IssuerCopy reads it."""
    return (await tx.execute(CATALOGUE, {"id": issuer_id})).first()


async def revision(tx: Tx, issuer_id: UUID) -> UUID | None:
    """Which catalogue an issuer has now, without reading it."""
    found = await tx.execute(
        "SELECT coalesce(revision, id) FROM issuer WHERE id = :id AND served_by = 'local'", {"id": issuer_id}
    )
    number: UUID | None = found.scalar_one_or_none()
    return number


PLACES_REVISION = """
    SELECT o.revision FROM occasion o JOIN issuer i ON i.id = o.issuer_id
    WHERE o.id = :id AND i.served_by = 'local' AND o.stock = 'places'
"""


async def places_revision(tx: Tx, occasion_id: UUID) -> int | None:
    """Which places an occasion has now, without reading them; None where it has none or is not ours."""
    found = await tx.execute(PLACES_REVISION, {"id": occasion_id})
    number: int | None = found.scalar_one_or_none()
    return number


def _column(name: str) -> str:
    return f"'{name}', coalesce(json_agg({name} ORDER BY pos), '[]')"


PLACES = f"""
    SELECT o.revision, (
        SELECT json_build_object('occasion', o.id, 'revision', o.revision,
            {", ".join(map(_column, ("id", "guid", "category", "numbered", "section", "row", "seat", "x", "y")))},
            {_column("withdrawn")}
        )::text FROM place WHERE occasion_id = o.id
    ) AS body
    FROM occasion o JOIN issuer i ON i.id = o.issuer_id
    WHERE o.id = :id AND i.served_by = 'local' AND o.stock = 'places'
"""  # noqa: S608 - constants of this module


async def places(tx: Tx, occasion_id: UUID) -> sa.Row[tuple[int, str]] | None:
    """(revision, JSON) of an occasion's places, as ports.catalogues.PlacesCopy reads them."""
    return (await tx.execute(PLACES, {"id": occasion_id})).first()


async def sold(tx: Tx, occasion_ids: Sequence[UUID]) -> list[UUID]:
    """Those of these occasions that are ours and not withdrawn."""
    rows = await tx.execute(
        "SELECT o.id FROM occasion o JOIN issuer i ON i.id = o.issuer_id"
        " WHERE o.id = ANY(:ids) AND i.served_by = 'local' AND NOT o.withdrawn ORDER BY o.id",
        {"ids": list(occasion_ids)},
    )
    return list(rows.scalars())
