"""The journal: what people with power did, each entry holding the hash of the one before it.

An entry's hash is SHA-256 over the hash before it (32 zero octets for the first) and the UTF-8 octets of PostgreSQL's
own text of the JSON array [chain, seq, issuer_id, at, actor, action, subject, details], where `at` is written as
2026-11-22T03:00:00.000000Z. PostgreSQL writes every `jsonb` in one way only, so anybody can compute it again there:
`HASH` is the expression, over the columns of the table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.store.database import Tx
from app.store.locks import exclusively

HASH = """sha256(before || convert_to(jsonb_build_array(
    chain, seq, issuer_id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24\\:MI\\:SS.US"Z"'),
    actor, action, subject, details
)::text, 'UTF8'))"""
"""What the column `hash` of an entry must be. A colon in a text has a backslash, as in all our statements."""

FIRST = "decode(repeat('00', 32), 'hex')"

APPEND = f"""
    INSERT INTO journal (chain, seq, issuer_id, at, actor, action, subject, details, before, hash)
    SELECT entry.*, {HASH} FROM (
        SELECT CAST(:chain AS varchar) AS chain, coalesce(last.seq, 0) + 1 AS seq, CAST(:issuer AS uuid) AS issuer_id,
            CAST(:now AS timestamptz) AS at, CAST(:actor AS varchar) AS actor, CAST(:action AS varchar) AS action,
            CAST(:subject AS varchar) AS subject, CAST(:details AS jsonb) AS details,
            coalesce(last.hash, {FIRST}) AS before
        FROM (SELECT 1) AS one
            LEFT JOIN (SELECT seq, hash FROM journal WHERE chain = :chain ORDER BY seq DESC LIMIT 1) AS last ON true
    ) AS entry
    RETURNING seq
"""  # noqa: S608 - expressions of this file

SUBJECT_CHARS_MAX = 100


async def append(
    tx: Tx,
    *,
    chain: str,
    issuer_id: UUID | None,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, object],
    now: datetime,
) -> int:
    """Add an entry to the issuer's chain (its slug; empty for what concerns no one issuer); gives its number, from 1.

    Do it last in the transaction: until that ends, whoever else writes to this chain waits.
    """
    await exclusively(tx, f"journal:{chain}")
    found = await tx.execute(
        APPEND,
        {
            "chain": chain,
            "issuer": issuer_id,
            "now": now,
            "actor": actor[:SUBJECT_CHARS_MAX],
            "action": action,
            "subject": subject[:SUBJECT_CHARS_MAX],
            "details": json.dumps(details, ensure_ascii=False),
        },
    )
    return int(found.scalar_one())


async def entries(tx: Tx, *, chain: str, action: str | None = None, subject: str | None = None) -> list[sa.Row[Any]]:
    """The entries of a chain in their order, all of them or those of one action or about one subject."""
    rows = await tx.execute(
        "SELECT * FROM journal WHERE chain = :chain AND (CAST(:action AS varchar) IS NULL OR action = :action)"
        " AND (CAST(:subject AS varchar) IS NULL OR subject = :subject) ORDER BY seq",
        {"chain": chain, "action": action, "subject": subject},
    )
    return list(rows)
