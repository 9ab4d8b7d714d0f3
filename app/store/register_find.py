"""Looking entries of the register up by what a gate was shown, with all that its decision needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.store.database import Tx

COLUMNS = "c.*, CAST(p.entry_rules AS text) AS rules, i.currency, i.slug AS issuer_slug, g.name AS last_gate"
JOINED = """
    JOIN issuer i ON i.id = c.issuer_id
    LEFT JOIN product p ON p.id = c.product_id
    LEFT JOIN gate g ON g.id = c.last_gate_id
"""


async def by_number(tx: Tx, wanted: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], list[sa.Row[Any]]]:
    """Entries by (issuer, number): one of each seller at most, ours first."""
    return await _find(tx, wanted, "number", "varchar")


async def by_code(tx: Tx, wanted: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], list[sa.Row[Any]]]:
    """Entries by (issuer, barcode code): one of each seller at most, ours first."""
    return await _find(tx, wanted, "code", "bigint")


async def by_ticket(tx: Tx, wanted: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], list[sa.Row[Any]]]:
    """Entries by (issuer, ticket): one at most."""
    return await _find(tx, wanted, "ticket_id", "uuid")


async def _find(tx: Tx, wanted: Sequence[tuple[UUID, Any]], column: str, cast: str) -> dict[Any, list[sa.Row[Any]]]:
    if not wanted:
        return {}
    issuers, names = (list(part) for part in zip(*dict.fromkeys(wanted), strict=True))
    rows = await tx.execute(
        f"SELECT {COLUMNS} FROM credential c"  # noqa: S608 - the callers are above
        f" JOIN unnest(CAST(:issuers AS uuid[]), CAST(:names AS {cast}[])) AS w(issuer_id, name)"
        f" ON c.issuer_id = w.issuer_id AND c.{column} = w.name {JOINED} ORDER BY c.seller",
        {"issuers": issuers, "names": names},
    )
    found: dict[Any, list[sa.Row[Any]]] = {}
    for row in rows:
        found.setdefault((row.issuer_id, getattr(row, column)), []).append(row)
    return found


SEARCH = f"""
    SELECT {COLUMNS} FROM credential c {JOINED} LEFT JOIN ticket t ON t.id = c.ticket_id
    WHERE c.issuer_id = :issuer AND (CAST(:occasions AS uuid[]) = '{{}}' OR c.occasion_id = ANY(:occasions))
        AND coalesce(c.activated_until, c.valid_until) > :now
        AND c.label ->> 'handset' = right(:digits, 4)
        AND (t.handset IS NULL OR right(t.handset, length(:digits)) = :digits)
        AND (:name = '' OR position(lower(:name) IN lower(c.label ->> 'holder')) > 0)
    ORDER BY c.valid_from, c.number, c.ticket_id LIMIT :most
"""  # noqa: S608 - columns of this file


async def search(
    tx: Tx, *, issuer_id: UUID, occasions: Sequence[UUID], digits: str, name: str, now: datetime, most: int
) -> list[sa.Row[Any]]:
    """Entries that are not over yet by the last digits of their handset, four or more, and a part of the holder's name.

    Of what another server sold, no more than the last four digits are known here.
    """
    values = {
        "issuer": issuer_id,
        "occasions": list(occasions),
        "digits": digits,
        "name": name,
        "now": now,
        "most": most,
    }
    return list(await tx.execute(SEARCH, values))
