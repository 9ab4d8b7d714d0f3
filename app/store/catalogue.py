"""Finding what is sold: products, dated occasions, journeys, and the facts a booking is checked against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.store.database import Tx

PAGE_MAX = 100


@dataclass(frozen=True, slots=True)
class Search:
    """What a visitor looks for; what is None does not matter. `words` must all occur, in any language."""

    kind: str | None = None
    words: tuple[str, ...] = ()
    issuer: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    place: str | None = None
    origin: UUID | None = None
    destination: UUID | None = None
    price_max: int | None = None
    product_id: UUID | None = None
    cursor: tuple[Any, UUID] | None = None
    limit: int = 20


def _like(word: str) -> str:
    escaped = word.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


MATCHES_JOURNEY = """
    (price.origin_zone IS NULL OR price.origin_zone = o.zone)
    AND (price.destination_zone IS NULL OR price.destination_zone = d.zone)
    AND (price.route_id IS NULL OR EXISTS (
        SELECT 1 FROM route_stop a JOIN route_stop b ON a.route_id = b.route_id AND a.pattern = b.pattern
        WHERE a.route_id = price.route_id AND a.stop_id = o.id AND b.stop_id = d.id AND a.seq < b.seq
    ))
"""

JOURNEY_PRICES = f"""
    SELECT DISTINCT ON (price.product_id, price.category) price.*
    FROM price
    JOIN stop o ON o.id = :origin AND o.issuer_id = price.issuer_id
    JOIN stop d ON d.id = :destination AND d.issuer_id = price.issuer_id
    WHERE NOT price.withdrawn AND o.id <> d.id AND {MATCHES_JOURNEY}
    ORDER BY price.product_id, price.category,
        (price.origin_zone IS NOT NULL)::int + (price.destination_zone IS NOT NULL)::int
            + 3 * (price.route_id IS NOT NULL)::int DESC, price.amount
"""  # noqa: S608 - a constant of this module
"""The narrowest price of each category that holds for the journey; of several equally narrow ones the cheapest."""


async def products(tx: Tx, search: Search, *, now: datetime) -> list[sa.Row[Any]]:
    """Products in the order of their title's slug, each with its from-price, next date and number of dates to come."""
    clauses = ["NOT p.withdrawn"]
    params: dict[str, Any] = {"now": now, "limit": search.limit}
    _common(search, clauses, params)
    if search.cursor:
        clauses.append("(p.slug, p.id) > (CAST(:after AS varchar), CAST(:after_id AS uuid))")
        params |= {"after": search.cursor[0], "after_id": search.cursor[1]}
    if search.origin and search.destination:
        prices = f"JOIN LATERAL (SELECT min(amount) AS amount FROM ({JOURNEY_PRICES}) j WHERE j.product_id = p.id) f ON f.amount IS NOT NULL"  # noqa: S608, E501 - a constant of this module
        clauses.append("p.kind = 'ride'")
        params |= {"origin": search.origin, "destination": search.destination}
    else:
        prices = "JOIN LATERAL (SELECT min(amount) AS amount FROM price WHERE product_id = p.id AND NOT withdrawn) f ON f.amount IS NOT NULL"  # noqa: E501 - one clause of SQL
    if search.price_max is not None:
        clauses.append("f.amount <= :price_max")
        params["price_max"] = search.price_max
    if search.since or search.until:
        clauses.append("(n.starts_at IS NOT NULL OR p.kind <> 'admission')")
    rows = await tx.execute(
        f"""
            SELECT p.*, i.slug AS issuer_slug, i.name AS issuer_name, i.currency, i.timezone, i.language,
                i.served_by, v.name AS venue_name, f.amount AS from_amount, n.starts_at AS next_at,
                coalesce(n.dates, 0) AS dates
            FROM product p JOIN issuer i ON i.id = p.issuer_id LEFT JOIN venue v ON v.id = p.venue_id
            {prices}
            LEFT JOIN LATERAL (
                SELECT min(starts_at) AS starts_at, count(*) AS dates FROM occasion o
                WHERE o.product_id = p.id AND NOT o.withdrawn AND o.starts_at > :now
                    AND (CAST(:since AS timestamptz) IS NULL OR o.starts_at >= :since)
                    AND (CAST(:until AS timestamptz) IS NULL OR o.starts_at < :until)
            ) n ON true
            WHERE {" AND ".join(clauses)} ORDER BY p.slug, p.id LIMIT :limit
        """,  # noqa: S608 - clauses are constants, values are bound
        {**params, "since": search.since, "until": search.until},
    )
    return list(rows)


def _common(search: Search, clauses: list[str], params: dict[str, Any]) -> None:
    if search.kind:
        clauses.append("p.kind = :kind")
        params["kind"] = search.kind
    if search.issuer:
        clauses.append("i.slug = :issuer")
        params["issuer"] = search.issuer
    if search.product_id:
        clauses.append("p.id = :product")
        params["product"] = search.product_id
    for index, word in enumerate(search.words):
        clauses.append(f"p.search LIKE :word{index}")
        params[f"word{index}"] = _like(word)
    if search.place:
        clauses.append("lower(coalesce(v.name::text, '') || coalesce(v.address::text, '')) LIKE :place")
        params["place"] = _like(search.place)


async def occasions(tx: Tx, search: Search, *, now: datetime) -> list[sa.Row[Any]]:
    """Occasions that have not begun, dated ones by date; each with its product's words and its prices."""
    clauses = ["NOT o.withdrawn", "NOT p.withdrawn", "(o.starts_at IS NULL OR o.starts_at > :now)"]
    params: dict[str, Any] = {"now": now, "limit": search.limit}
    _common(search, clauses, params)
    if search.since:
        clauses.append("o.starts_at >= :since")
        params["since"] = search.since
    if search.until:
        clauses.append("o.starts_at < :until")
        params["until"] = search.until
    if search.price_max is not None:
        clauses.append(
            "EXISTS (SELECT 1 FROM price f WHERE f.product_id = p.id AND NOT f.withdrawn"
            " AND (f.occasion_id IS NULL OR f.occasion_id = o.id) AND f.amount <= :price_max)"
        )
        params["price_max"] = search.price_max
    if search.origin and search.destination:
        clauses.append(f"EXISTS (SELECT 1 FROM ({JOURNEY_PRICES}) j WHERE j.product_id = p.id)")  # noqa: S608 - a constant of this module
        params |= {"origin": search.origin, "destination": search.destination}
    if search.cursor:
        clauses.append(
            "(coalesce(o.starts_at, 'infinity'), o.id) > (CAST(:after AS timestamptz), CAST(:after_id AS uuid))"
        )
        params |= {"after": search.cursor[0], "after_id": search.cursor[1]}
    rows = await tx.execute(
        f"""
            SELECT o.*, p.kind, p.title, p.slug AS product_slug, i.slug AS issuer_slug, i.name AS issuer_name,
                i.timezone, i.currency, i.served_by, coalesce(v.name, pv.name) AS venue_name
            FROM occasion o JOIN product p ON p.id = o.product_id JOIN issuer i ON i.id = o.issuer_id
                LEFT JOIN venue v ON v.id = o.venue_id LEFT JOIN venue pv ON pv.id = p.venue_id
            WHERE {" AND ".join(clauses).replace("v.name::text", "coalesce(v.name, pv.name)::text")}
            ORDER BY coalesce(o.starts_at, 'infinity'), o.id LIMIT :limit
        """,  # noqa: S608 - clauses are constants, values are bound
        params,
    )
    return list(rows)


async def prices(tx: Tx, occasion_ids: Sequence[UUID]) -> dict[UUID, list[sa.Row[Any]]]:
    """The prices of each occasion: its own where it has any, else its product's."""
    if not occasion_ids:
        return {}
    rows = await tx.execute(
        """
            SELECT o.id AS for_occasion, price.* FROM occasion o JOIN price ON price.product_id = o.product_id
            WHERE o.id = ANY(:ids) AND NOT price.withdrawn AND (
                price.occasion_id = o.id
                OR price.occasion_id IS NULL
                    AND NOT EXISTS (SELECT 1 FROM price own WHERE own.occasion_id = o.id AND NOT own.withdrawn)
            ) ORDER BY o.id, price.position, price.id
        """,
        {"ids": list(occasion_ids)},
    )
    found: dict[UUID, list[sa.Row[Any]]] = {identity: [] for identity in occasion_ids}
    for row in rows:
        found[row.for_occasion].append(row)
    return found


async def journey_prices(tx: Tx, *, origin: UUID, destination: UUID, product_id: UUID) -> list[sa.Row[Any]]:
    """What a journey costs by this product, one price per category."""
    rows = await tx.execute(
        f"SELECT * FROM ({JOURNEY_PRICES}) j WHERE product_id = :product",  # noqa: S608 - a constant of this module
        {"origin": origin, "destination": destination, "product": product_id},
    )
    return list(rows)


async def offer(tx: Tx, *, occasion_id: UUID | None, product_id: UUID | None) -> sa.Row[Any] | None:
    """The occasion with its product and issuer; for a product alone its open-dated occasion."""
    rows = await tx.execute(
        """
            SELECT o.id AS occasion_id, o.slug AS occasion_slug, o.code AS occasion_code, o.sms_code, o.stock,
                o.starts_at, o.ends_at, o.doors_at, o.admits_from, o.admits_until, o.sales_from, o.sales_until,
                o.seating_id, o.withdrawn OR p.withdrawn AS withdrawn, p.id AS product_id, p.slug AS product_slug,
                p.kind, p.title, p.description, p.uses, p.face_value, p.valid_days, p.booking_limit, p.buyer_limit,
                p.transfer, p.refund, i.id AS issuer_id, i.slug AS issuer_slug, i.name AS issuer_name, i.currency,
                i.timezone, i.language, i.served_by, coalesce(v.name, pv.name) AS venue_name,
                coalesce(v.address, pv.address) AS venue_address
            FROM occasion o JOIN product p ON p.id = o.product_id JOIN issuer i ON i.id = o.issuer_id
                LEFT JOIN venue v ON v.id = o.venue_id LEFT JOIN venue pv ON pv.id = p.venue_id
            WHERE o.id = :occasion OR CAST(:occasion AS uuid) IS NULL AND o.product_id = :product
                AND o.starts_at IS NULL
            ORDER BY o.withdrawn, o.id LIMIT 1
        """,
        {"occasion": occasion_id, "product": product_id},
    )
    return rows.first()


@dataclass(frozen=True, slots=True)
class Offered:
    """What may be booked, with its plain prices."""

    row: sa.Row[Any]
    prices: Sequence[sa.Row[Any]]


async def offers(tx: Tx, wanted: Sequence[tuple[UUID | None, UUID | None]]) -> list[Offered | None]:
    """For each (occasion, product) what `offer` and `prices` say: those who ask together mostly want the same."""
    rows = {
        one: await offer(tx, occasion_id=occasion_id, product_id=product_id)
        for one in dict.fromkeys(wanted)
        for occasion_id, product_id in [one]
    }
    known = await prices(tx, [row.occasion_id for row in rows.values() if row is not None])
    found = {one: Offered(row, known[row.occasion_id]) for one, row in rows.items() if row is not None}
    return [found.get(one) for one in wanted]


async def stops(tx: Tx, *, issuer: str | None, words: Sequence[str], limit: int) -> list[sa.Row[Any]]:
    clauses = ["true"]
    params: dict[str, Any] = {"limit": limit}
    if issuer:
        clauses.append("i.slug = :issuer")
        params["issuer"] = issuer
    for index, word in enumerate(words):
        clauses.append(f"s.search LIKE :word{index}")
        params[f"word{index}"] = _like(word)
    rows = await tx.execute(
        "SELECT s.*, i.slug AS issuer_slug, i.name AS issuer_name FROM stop s JOIN issuer i ON i.id = s.issuer_id"  # noqa: S608 - clauses are constants, values are bound
        f" WHERE {' AND '.join(clauses)} ORDER BY i.slug, s.code LIMIT :limit",
        params,
    )
    return list(rows)


async def place_page(
    tx: Tx, occasion_id: UUID, *, category: str | None, section: str | None, after: int, limit: int
) -> list[sa.Row[Any]]:
    """One page of an occasion's places in plan order; its cost does not grow with the hall."""
    rows = await tx.execute(
        "SELECT id, pos, guid, category, numbered, section, row, seat, x, y FROM place"
        " WHERE occasion_id = :id AND pos > :after AND NOT withdrawn"
        " AND (CAST(:category AS varchar) IS NULL OR category = :category)"
        " AND (CAST(:section AS varchar) IS NULL OR section = :section) ORDER BY pos LIMIT :limit",
        {"id": occasion_id, "after": after, "category": category, "section": section, "limit": limit},
    )
    return list(rows)


async def siblings(
    tx: Tx, *, product_id: UUID, except_id: UUID, near: datetime, now: datetime, limit: int
) -> list[sa.Row[Any]]:
    """The other dates of a product that are on sale, nearest to `near` first."""
    rows = await tx.execute(
        """
            SELECT o.id, o.issuer_id, o.starts_at, o.stock FROM occasion o
            WHERE o.product_id = :product AND o.id <> :self AND NOT o.withdrawn AND o.starts_at > :now
                AND (o.sales_from IS NULL OR o.sales_from <= :now) AND (o.sales_until IS NULL OR o.sales_until > :now)
            ORDER BY abs(extract(epoch FROM o.starts_at - :near)), o.starts_at LIMIT :limit
        """,
        {"product": product_id, "self": except_id, "near": near, "now": now, "limit": limit},
    )
    return list(rows)


async def seats(tx: Tx, identities: Sequence[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Section, row and seat of places, for tickets and alternatives."""
    rows = await tx.execute(
        "SELECT id, occasion_id, category, numbered, section, row, seat FROM place WHERE id = ANY(:ids)",
        {"ids": list(identities)},
    )
    return {row.id: row for row in rows}
