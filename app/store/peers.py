"""Other servers: their keys and how far we have heard of them, tokens they have used, what they have sold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.store.bulk import insert_many
from app.store.database import Tx
from app.store.tables import SeenToken
from app.store.tables.peers import PeerRole


async def find(tx: Tx, name: str, role: PeerRole) -> sa.Row[Any]:
    """What is known of a server; it gets a row the first time it is asked for."""
    values = {"name": name, "role": role}
    query = "SELECT * FROM peer WHERE name = :name AND role = :role"
    row = (await tx.execute(query, values)).first()
    if row is None:
        await tx.execute(
            "INSERT INTO peer (name, role, cursor) VALUES (:name, :role, 0) ON CONFLICT DO NOTHING", values
        )
        row = (await tx.execute(query, values)).one()
    return row


async def sellers(tx: Tx) -> list[sa.Row[Any]]:
    """Those sales servers whose keys we have, with the keys."""
    rows = await tx.execute(
        "SELECT name, jwks, jwks_at FROM peer WHERE role = :role AND jwks IS NOT NULL", {"role": PeerRole.SELLER}
    )
    return list(rows)


async def keep_keys(tx: Tx, name: str, role: PeerRole, keys: Sequence[Mapping[str, object]], *, now: datetime) -> None:
    """The keys that a server has published, in the place of those before."""
    await find(tx, name, role)
    await tx.execute(
        "UPDATE peer SET jwks = CAST(CAST(:jwks AS text) AS jsonb), jwks_at = :now, heard_at = :now"
        " WHERE name = :name AND role = :role",
        {"name": name, "role": role, "jwks": json.dumps({"keys": [dict(key) for key in keys]}), "now": now},
    )


async def hear(tx: Tx, name: str, role: PeerRole, *, now: datetime, after: datetime) -> None:
    """Write down that a server answered, unless that was written since `after`."""
    await tx.execute(
        "UPDATE peer SET heard_at = :now WHERE name = :name AND role = :role"
        " AND (heard_at IS NULL OR heard_at < :after)",
        {"name": name, "role": role, "now": now, "after": after},
    )


async def advance(tx: Tx, name: str, *, before: int, after: int) -> bool:
    """Move the cursor of an issuer's changes on; False where somebody else has moved it meanwhile."""
    moved = await tx.execute(
        "UPDATE peer SET cursor = :after WHERE name = :name AND role = :role AND cursor = :before RETURNING name",
        {"name": name, "role": PeerRole.ISSUER, "before": before, "after": after},
    )
    return moved.first() is not None


# --- tokens ---------------------------------------------------------------------------------------------------------


async def use_tokens(tx: Tx, tokens: Sequence[tuple[str, str, datetime]]) -> set[tuple[str, str]]:
    """Remember (server, token, end); returns those (server, token) that were not used before. Each stands once."""
    rows = [{"peer": peer, "token_id": token, "expires_at": until} for peer, token, until in tokens]
    on_conflict = "ON CONFLICT (peer, token_id) DO NOTHING RETURNING peer, token_id"
    return {(row.peer, row.token_id) for row in await insert_many(tx, SeenToken, rows, on_conflict=on_conflict)}


async def purge_tokens(tx: Tx, *, before: datetime) -> None:
    """Drop the tokens that nobody could use any more, for their time is over."""
    await tx.execute("DELETE FROM seen_token WHERE expires_at < :before", {"before": before})


# --- what was sold for our issuers by others ------------------------------------------------------------------------


async def sells_here(tx: Tx, *, issuer_id: UUID, occasion_id: UUID | None) -> bool:
    """Whether this server keeps the stock and the register of the issuer, and the occasion is that issuer's."""
    found = await tx.execute(
        "SELECT 1 FROM issuer i WHERE i.id = :issuer AND i.served_by = 'local' AND (CAST(:occasion AS uuid) IS NULL"
        " OR EXISTS (SELECT 1 FROM occasion o WHERE o.id = :occasion AND o.issuer_id = i.id))",
        {"issuer": issuer_id, "occasion": occasion_id},
    )
    return found.first() is not None


CHANGED = """
    WITH bounds AS (SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS horizon)
    SELECT bounds.horizon, c.ticket_id, c.issuer_id, c.state, c.version, c.uses_left, c.balance, c.changed_in,
        c.uses - c.uses_left AS used
    FROM bounds LEFT JOIN LATERAL (
        SELECT * FROM credential WHERE seller = :seller AND changed_in > :after AND changed_in < bounds.horizon
        ORDER BY changed_in FETCH FIRST :most ROWS WITH TIES
    ) c ON true ORDER BY c.changed_in
"""


async def changed(tx: Tx, *, seller: str, after: int, most: int) -> tuple[int, list[sa.Row[Any]]]:
    """The horizon, and the entries of a seller that transactions after `after` and before the horizon changed last.

    Before the horizon every transaction has ended: a reader that goes on from there has missed none. `most` entries
    are given, and with the last one all those that its transaction changed.
    """
    rows = (await tx.execute(CHANGED, {"seller": seller, "after": after, "most": most})).all()
    return rows[0].horizon, [row for row in rows if row.ticket_id is not None]


async def sold_by(tx: Tx, *, seller: str, after: UUID | None, most: int) -> list[sa.Row[Any]]:
    """A page of all entries of a seller, by ticket id."""
    rows = await tx.execute(
        "SELECT ticket_id, issuer_id, state, version, uses_left, balance FROM credential WHERE seller = :seller"
        " AND (CAST(:after AS uuid) IS NULL OR ticket_id > :after) ORDER BY ticket_id LIMIT :most",
        {"seller": seller, "after": after, "most": most},
    )
    return list(rows)
