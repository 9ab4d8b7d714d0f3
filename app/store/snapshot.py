"""What gates without network take along, read from the register: its rows in their order, and how they stand now.

A row's place in the order is the transaction that registered it. Rows are read below a cursor only, a transaction
before which none is running any more: one that commits late comes behind, and never in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.entry_rules import UNLIMITED_USES
from app.domain.snapshot.order import Place
from app.store.database import Tx

FIRST: Place = (-1, UUID(int=0))
"""Before every place in the order."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose tickets: an issuer's for these occasions, all of them where none is named, that end after `since`."""

    issuer_id: UUID
    occasions: tuple[UUID, ...]
    since: datetime

    def values(self) -> dict[str, object]:
        return {"issuer": self.issuer_id, "occasions": list(self.occasions), "since": self.since}


SEEN = """
    UPDATE gate SET seen_at = :now FROM issuer i
    WHERE gate.id = :id AND gate.generation = :generation AND gate.state = 'enrolled' AND gate.device_key IS NOT NULL
        AND i.id = gate.issuer_id
    RETURNING gate.*, i.timezone
"""


async def seen(tx: Tx, gate_id: UUID, generation: int, *, now: datetime) -> sa.Row[Any] | None:
    """Note that a gate asked; the gate with its issuer's timezone, or None for one that may not have a snapshot."""
    return (await tx.execute(SEEN, {"id": gate_id, "generation": generation, "now": now})).first()


async def cursor(tx: Tx) -> int:
    """The transaction below which all have ended."""
    found = await tx.execute("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)")
    below: int = found.scalar_one()
    return below


SCOPE = """
    c.issuer_id = :issuer AND c.valid_until > :since AND c.occasion_id IN (
        SELECT o.id FROM occasion o WHERE o.issuer_id = :issuer
            AND (cardinality(CAST(:occasions AS uuid[])) = 0 OR o.id = ANY(CAST(:occasions AS uuid[])))
    )
"""
USES = f"least(c.uses + c.carried, {UNLIMITED_USES})"
"""With those whose people went over to it: they are in with it, and may come in again by it."""
ROWS = f"""
    WITH page AS MATERIALIZED (
        SELECT c.ticket_id FROM credential c
        WHERE {SCOPE} AND c.registered_in < :below
            AND c.registered_in >= :last_in AND (c.registered_in, c.ticket_id) > (:last_in, :last)
        ORDER BY c.registered_in, c.ticket_id LIMIT :most
    )
    SELECT c.ticket_id, c.issuer_id, c.registered_in, c.number, c.code, c.generation, c.kid, c.occasion_id,
        c.occasion_code, c.product_id, {USES} AS uses, c.valid_from, c.valid_until, c.seller, c.entrance, c.holder_key,
        CAST(c.label->'category' AS text) AS category, CAST(c.label->'section' AS text) AS section,
        c.label->>'row' AS row, c.label->>'seat' AS seat, c.label->>'handset' AS handset, c.label->>'holder' AS holder,
        CAST(c.label->'origin' AS text) AS origin, CAST(c.label->'destination' AS text) AS destination
    FROM page JOIN credential c ON c.ticket_id = page.ticket_id ORDER BY c.registered_in, c.ticket_id
"""  # noqa: S608 - a constant of this module
# The page first: a label is taken apart for the rows of the page, not for all that are sorted to find them.


async def rows(tx: Tx, scope: Scope, *, after: Place | None, below: int, most: int) -> list[sa.Row[Any]]:
    """The next entries in the order behind `after`; words of the label are JSON texts."""
    last_in, last = after or FIRST
    values = {**scope.values(), "below": below, "last_in": last_in, "last": last, "most": most}
    return list(await tx.execute(ROWS, values))


async def occasions(tx: Tx, identities: Sequence[UUID]) -> list[sa.Row[Any]]:
    """Occasions with what a gate goes by of their products."""
    found = await tx.execute(
        "SELECT o.id, o.code, o.starts_at, o.product_id, p.kind, p.title, p.entry_rules FROM occasion o"
        " JOIN product p ON p.id = o.product_id WHERE o.id = ANY(:ids)",
        {"ids": list(identities)},
    )
    return list(found)


async def products(tx: Tx, identities: Sequence[UUID]) -> list[sa.Row[Any]]:
    """The rules and titles as they are now."""
    found = await tx.execute(
        "SELECT id AS product_id, kind, title, entry_rules FROM product WHERE id = ANY(:ids)", {"ids": list(identities)}
    )
    return list(found)


async def gate_names(tx: Tx, issuer_id: UUID, *, most: int) -> dict[UUID, str]:
    found = await tx.execute(
        "SELECT id, name FROM gate WHERE issuer_id = :issuer AND state = 'enrolled' ORDER BY id LIMIT :most",
        {"issuer": issuer_id, "most": most},
    )
    return {row.id: row.name for row in found}


COUNTED = "(c.uses + c.carried > 1 OR c.balance IS NOT NULL OR c.activated_until IS NOT NULL)"
FLAGS = f"""
    CASE WHEN c.state = 'revoked' THEN 3 WHEN c.state = 'suspended' THEN 2
        WHEN c.uses_left = 0 OR c.balance = 0 THEN 1 ELSE 0 END
    + CASE WHEN c.holder_key IS NOT NULL THEN 4 ELSE 0 END + CASE WHEN c.inside > 0 THEN 8 ELSE 0 END
    + CASE WHEN {COUNTED} THEN 16 ELSE 0 END
"""
NUMBERS = f"""
    {COUNTED} AS counted, coalesce(c.balance, CAST(c.uses_left AS bigint)) AS remains, c.inside,
    c.activated_until, c.last_used_at
"""
CHANGES = f"""
    SELECT c.registered_in, c.ticket_id, {FLAGS} AS flags, {NUMBERS}
    FROM credential c
    WHERE {SCOPE} AND c.registered_in < :below AND c.changed_in >= :after ORDER BY c.registered_in, c.ticket_id
"""  # noqa: S608 - constants of this module
IN_ORDER = "ORDER BY registered_in, ticket_id"


def _array(column: str, kind: str) -> str:
    """A column of the counted entries, in the order."""
    return f"coalesce(array_agg({column} {IN_ORDER}) FILTER (WHERE counted), CAST('{{}}' AS {kind}[])) AS {column}"


STANDING = f"""
    WITH entry AS (
        SELECT c.registered_in, c.ticket_id, {FLAGS} AS flags, {NUMBERS}
        FROM credential c WHERE {SCOPE} AND c.registered_in < :below
    )
    SELECT coalesce(string_agg(set_byte(decode('00', 'hex'), 0, flags), '' {IN_ORDER}), '') AS flags,
        {_array("remains", "bigint")}, {_array("inside", "integer")},
        {_array("activated_until", "timestamptz")}, {_array("last_used_at", "timestamptz")}
    FROM entry
"""  # noqa: S608 - constants of this module


async def changes(tx: Tx, scope: Scope, *, below: int, after: int) -> list[sa.Row[Any]]:
    """Entries below the cursor that changed in the transaction `after` or a later one, in the order."""
    return list(await tx.execute(CHANGES, {**scope.values(), "below": below, "after": after}))


async def standing(tx: Tx, scope: Scope, *, below: int) -> sa.Row[Any]:
    """An octet for each entry below the cursor, in the order, and the numbers of those that are counted."""
    return (await tx.execute(STANDING, {**scope.values(), "below": below})).one()
