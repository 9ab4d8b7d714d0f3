"""The copy of another server's catalogue: its rows under its ids, and what we know of that server itself.

Rows of an issuer are written only where they are that issuer's, and an issuer only where it is that server's: nobody
overwrites what is ours, or another server's. Nothing is ever deleted; what was sold refers to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.ports.catalogues import CopyRefused, IssuerCopy, Listed, PlacesCopy
from app.store.database import Tx
from app.store.importing import give_codes, searchable

UNSOUND = frozenset({"22", "23"})
"""SQLSTATE classes of data that fit no column and of broken constraints: what was told contradicts what is here."""
FAULT_CHARS_MAX = 2_000


# --- what we know of the other server -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """`etag` is of its catalogue, as long as all of it is here; `fault` says what was wrong with it."""

    heard_at: datetime | None = None
    etag: str | None = None
    fault: str | None = None


async def known(tx: Tx, name: str) -> Known:
    rows = await tx.execute(
        "SELECT heard_at, etag, fault FROM peer WHERE name = :name AND role = 'issuer'", {"name": name}
    )
    row = rows.first()
    return Known() if row is None else Known(row.heard_at, row.etag, row.fault)


async def last_heard(tx: Tx, name: str) -> datetime | None:
    """When this issuers' server last answered us."""
    return (await known(tx, name)).heard_at


HEARD = """
    INSERT INTO peer (name, role, heard_at, fault, cursor) VALUES (:name, 'issuer', :now, :fault, 0)
    ON CONFLICT (name, role) DO UPDATE SET fault = excluded.fault,
        heard_at = greatest(peer.heard_at, excluded.heard_at)
"""


async def heard(tx: Tx, name: str, *, fault: str | None, now: datetime) -> None:
    """It answered, and this is what was wrong with its catalogue."""
    await tx.execute(HEARD, {"name": name, "now": now, "fault": fault and fault[:FAULT_CHARS_MAX]})


WHOLE = """
    UPDATE peer SET etag = :etag WHERE name = :name AND role = 'issuer' AND NOT EXISTS (
        SELECT 1 FROM unnest(CAST(:ids AS uuid[]), CAST(:revisions AS uuid[])) AS w(id, revision)
        LEFT JOIN issuer ON issuer.id = w.id AND issuer.served_by = :name
        WHERE issuer.revision IS DISTINCT FROM w.revision
    )
"""


async def whole(tx: Tx, name: str, *, etag: str, listed: Sequence[Listed]) -> None:
    """Remember the catalogue's ETag, if all of what it stands for is here: another worker may have been faster."""
    values = {"ids": [one.id for one in listed], "revisions": [one.revision for one in listed]}
    await tx.execute(WHOLE, {"name": name, "etag": etag, **values})


async def revisions(tx: Tx, name: str) -> dict[UUID, UUID | None]:
    """Which catalogue we have of each issuer of this server."""
    rows = await tx.execute("SELECT id, revision FROM issuer WHERE served_by = :name", {"name": name})
    return {row.id: row.revision for row in rows}


COUNTS = """
    SELECT i.slug, i.revision IS NOT NULL AS whole,
        (SELECT count(*) FROM product p WHERE p.issuer_id = i.id AND NOT p.withdrawn) AS products,
        (SELECT count(*) FROM occasion o WHERE o.issuer_id = i.id AND NOT o.withdrawn) AS occasions,
        (SELECT count(*) FROM place WHERE place.issuer_id = i.id AND NOT place.withdrawn) AS places
    FROM issuer i WHERE i.served_by = :name ORDER BY i.slug
"""


async def counts(tx: Tx, name: str) -> list[sa.Row[Any]]:
    """(slug, whole, products, occasions, places) of each issuer that is copied from this server."""
    return list(await tx.execute(COUNTS, {"name": name}))


# --- one issuer -----------------------------------------------------------------------------------------------------

TABLES: Mapping[str, str] = {
    "issuer": "id uuid, slug varchar, name jsonb, timezone varchar, currency varchar, language varchar, url varchar,"
    " phone varchar, served_by varchar, created_at timestamptz",
    "venue": "id uuid, issuer_id uuid, slug varchar, name jsonb, address jsonb",
    "stop": "id uuid, issuer_id uuid, code varchar, name jsonb, search varchar, zone varchar, lat float, lon float",
    "route": "id uuid, issuer_id uuid, code varchar, name jsonb",
    "seating": "id uuid, issuer_id uuid, slug varchar, name varchar, drawing jsonb",
    "product": "id uuid, issuer_id uuid, slug varchar, kind varchar, title jsonb, description jsonb, search varchar,"
    " venue_id uuid, uses int, face_value bigint, valid_days int, booking_limit int, buyer_limit int,"
    " transfer varchar, refund varchar, transfer_minutes_before int, entry_rules jsonb, withdrawn boolean",
    "occasion": "id uuid, issuer_id uuid, product_id uuid, slug varchar, code bigint, stock varchar,"
    " starts_at timestamptz, ends_at timestamptz, doors_at timestamptz, admits_from timestamptz,"
    " admits_until timestamptz, sales_from timestamptz, sales_until timestamptz, venue_id uuid, seating_id uuid,"
    " withdrawn boolean, revision int",
    "price": "id uuid, issuer_id uuid, product_id uuid, occasion_id uuid, category varchar, name jsonb, amount bigint,"
    " currency varchar, colour varchar, origin_zone varchar, destination_zone varchar, route_id uuid, position int,"
    " entrance varchar, withdrawn boolean",
}
"""What is copied, in the order in which the tables name one another."""
KEPT = frozenset({"id", "issuer_id", "created_at", "revision", "code"})
"""Columns that keep their first value: a place's revision moves with its places, an occasion's code is in barcodes."""


def _upsert(table: str) -> str:
    columns = [column.split()[0] for column in TABLES[table].split(", ")]
    fresh = [column for column in columns if column not in KEPT or (table != "occasion" and column == "code")]
    return f"""
        INSERT INTO {table} ({", ".join(columns)})
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({TABLES[table]})
        ON CONFLICT (id) DO UPDATE SET {", ".join(f"{one} = excluded.{one}" for one in fresh)}
        WHERE ({", ".join(f"{table}.{one}" for one in fresh)})
            IS DISTINCT FROM ({", ".join(f"excluded.{one}" for one in fresh)})
    """  # noqa: S608 - constants of this module


UPSERTS = {table: _upsert(table) for table in TABLES}
FOREIGN = {
    table: f"SELECT count(*) FROM {table} WHERE id = ANY(:ids) AND issuer_id <> :issuer"  # noqa: S608 - constants of this module
    for table in TABLES
    if table != "issuer"
}


async def write(tx: Tx, copy: IssuerCopy, *, served_by: str, now: datetime) -> None:
    """Bring an issuer's rows in line with `copy`; raises CopyRefused, and then nothing of it may be kept.

    Its revision is not set before its places are here as well: see `complete`.
    """
    await check_owner(tx, copy.id, copy.slug, served_by=served_by)
    with _refusing("it contradicts itself, or what was copied of it before"):
        for table, rows in _rows_of(copy, served_by=served_by, now=now).items():
            await _write_table(tx, table, rows, issuer_id=copy.id)
        await _write_patterns(tx, copy)
        await _withdraw(tx, copy)
        await give_codes(tx)
    await tx.execute("UPDATE peer SET etag = NULL WHERE name = :name AND role = 'issuer'", {"name": served_by})
    await tx.execute("UPDATE issuer SET revision = NULL WHERE id = :id", {"id": copy.id})


@contextmanager
def _refusing(sentence: str) -> Iterator[None]:
    """What the database finds unsound is refused by this sentence; whatever else goes wrong is not theirs."""
    try:
        yield
    except DBAPIError as fault:
        if str(getattr(fault.orig, "sqlstate", ""))[:2] not in UNSOUND:
            raise
        raise CopyRefused(sentence) from fault


async def check_owner(tx: Tx, identity: UUID, slug: str, *, served_by: str) -> None:
    """Raises CopyRefused where this issuer, or another one by its slug, is somebody else's here."""
    rows = await tx.execute(
        "SELECT id, served_by FROM issuer WHERE id = :id OR slug = :slug", {"id": identity, "slug": slug}
    )
    for row in rows:
        if row.served_by != served_by:
            owner = "an issuer of our own" if row.served_by == "local" else f"an issuer of the server {row.served_by}"
            raise CopyRefused(f"{slug} is {owner} already; one of the two needs another slug")
        if row.id != identity:
            raise CopyRefused(
                f"{slug} had another id before: its server was set up anew, and what was sold refers to the old"
            )


def _rows_of(copy: IssuerCopy, *, served_by: str, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Table by table what is to be written, in JSON's types."""
    base = {"issuer_id": str(copy.id)}
    told = copy.model_dump(mode="json")
    own = {name: told[name] for name in ("id", "slug", "name", "timezone", "currency", "language", "url", "phone")}
    sold = base | {"withdrawn": False}
    return {
        "issuer": [own | {"served_by": served_by, "created_at": now.isoformat()}],
        "venue": [base | row for row in told["venues"]],
        "stop": [base | row | {"search": searchable(row["name"])} for row in told["stops"]],
        "route": [base | row for row in told["routes"]],
        "seating": [base | row for row in told["seatings"]],
        "product": [sold | row | {"search": searchable(row["title"], row["description"])} for row in told["products"]],
        "occasion": [sold | row | {"revision": -1} for row in told["occasions"]],
        "price": [sold | row | {"currency": copy.currency} for row in told["prices"]],
    }


async def _write_table(tx: Tx, table: str, rows: Sequence[Mapping[str, Any]], *, issuer_id: UUID) -> None:
    if table in FOREIGN:
        foreign = await tx.execute(FOREIGN[table], {"ids": [UUID(row["id"]) for row in rows], "issuer": issuer_id})
        if foreign.scalar_one():
            raise CopyRefused(f"it claims a {table} that is another issuer's")
    await tx.execute(UPSERTS[table], {"rows": json.dumps(rows, ensure_ascii=False)})


async def _write_patterns(tx: Tx, copy: IssuerCopy) -> None:
    calls = [
        (route.id, number, seq, stop)
        for route in copy.routes
        for number, pattern in enumerate(route.patterns)
        for seq, stop in enumerate(pattern)
    ]
    await tx.execute("DELETE FROM route_stop WHERE issuer_id = :issuer", {"issuer": copy.id})
    routes, patterns, seqs, stops = ([call[n] for call in calls] for n in range(4))
    await tx.execute(
        "INSERT INTO route_stop (route_id, pattern, seq, stop_id, issuer_id) SELECT r, p, s, stop, :issuer FROM"
        " unnest(CAST(:routes AS uuid[]), CAST(:patterns AS int[]), CAST(:seqs AS int[]), CAST(:stops AS uuid[]))"
        " AS w(r, p, s, stop)",
        {"issuer": copy.id, "routes": routes, "patterns": patterns, "seqs": seqs, "stops": stops},
    )


async def _withdraw(tx: Tx, copy: IssuerCopy) -> None:
    for table, rows in (("product", copy.products), ("occasion", copy.occasions), ("price", copy.prices)):
        await tx.execute(
            f"UPDATE {table} SET withdrawn = true WHERE issuer_id = :issuer AND NOT withdrawn AND NOT id = ANY(:ids)",  # noqa: S608 - constants
            {"issuer": copy.id, "ids": [row.id for row in rows]},
        )


async def withdraw_issuer(tx: Tx, issuer_id: UUID) -> None:
    """Its server sells for it no more: nothing of it is sold here, what was sold stays valid."""
    for table in ("product", "occasion"):
        await tx.execute(
            f"UPDATE {table} SET withdrawn = true WHERE issuer_id = :issuer AND NOT withdrawn",  # noqa: S608 - constants
            {"issuer": issuer_id},
        )
    await tx.execute("UPDATE issuer SET revision = NULL WHERE id = :id", {"id": issuer_id})


async def complete(tx: Tx, issuer_id: UUID, revision: UUID) -> None:
    """Rows and places of this revision are all here."""
    await tx.execute("UPDATE issuer SET revision = :revision WHERE id = :id", {"id": issuer_id, "revision": revision})


# --- places ---------------------------------------------------------------------------------------------------------


async def places_had(tx: Tx, issuer_id: UUID) -> dict[UUID, int]:
    """The revision of the places we have of each occasion; -1 where we have none yet."""
    rows = await tx.execute(
        "SELECT id, revision FROM occasion WHERE issuer_id = :id AND stock = 'places' AND NOT withdrawn",
        {"id": issuer_id},
    )
    return {row.id: row.revision for row in rows}


COLUMNS = ("guid", "category", "numbered", "section", "row", "seat", "x", "y", "withdrawn")
ARRAYS = (
    "CAST(:id AS uuid[]), CAST(:guid AS varchar[]), CAST(:category AS varchar[]), CAST(:numbered AS boolean[]),"
    " CAST(:section AS varchar[]), CAST(:row AS varchar[]), CAST(:seat AS varchar[]), CAST(:x AS float[]),"
    " CAST(:y AS float[]), CAST(:withdrawn AS boolean[])"
)
WRITE_PLACES = f"""
    INSERT INTO place (id, issuer_id, occasion_id, pos, {", ".join(COLUMNS)})
    SELECT w.id, :issuer, :occasion, w.n - 1, {", ".join(f"w.{one}" for one in COLUMNS)}
    FROM unnest({ARRAYS}) WITH ORDINALITY AS w(id, {", ".join(COLUMNS)}, n)
    ON CONFLICT (id) DO UPDATE SET {", ".join(f"{one} = excluded.{one}" for one in COLUMNS)}
    WHERE ({", ".join(f"place.{one}" for one in COLUMNS)})
        IS DISTINCT FROM ({", ".join(f"excluded.{one}" for one in COLUMNS)})
"""  # noqa: S608 - constants of this module
FOREIGN_PLACES = "SELECT count(*) FROM place WHERE id = ANY(:ids) AND occasion_id <> :occasion"


async def write_places(tx: Tx, copy: PlacesCopy, *, issuer_id: UUID) -> None:
    """Bring an occasion's places in line with `copy`; raises CopyRefused. Nothing is said of what is free."""
    values = {"occasion": copy.occasion, "ids": copy.id}
    if (await tx.execute(FOREIGN_PLACES, values)).scalar_one():
        raise CopyRefused("it claims a place that is another occasion's")
    columns = {name: getattr(copy, name) for name in ("id", *COLUMNS)}
    with _refusing("its places contradict those that were copied before"):
        await tx.execute(WRITE_PLACES, {"issuer": issuer_id, "occasion": copy.occasion, **columns})
    await tx.execute(
        "UPDATE place SET withdrawn = true WHERE occasion_id = :occasion AND NOT withdrawn AND NOT id = ANY(:ids)",
        values,
    )
    await tx.execute(
        "UPDATE occasion SET revision = :revision WHERE id = :occasion AND issuer_id = :issuer",
        {"revision": copy.revision, "occasion": copy.occasion, "issuer": issuer_id},
    )
