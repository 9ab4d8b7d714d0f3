"""Staff keys, and the issuers they are for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.store.database import Tx


async def issuer_by_slug(tx: Tx | AsyncSession, slug: str) -> sa.Row[Any] | None:
    return (await tx.execute(sa.text("SELECT * FROM issuer WHERE slug = :slug"), {"slug": slug})).first()


async def served_by(tx: Tx, issuer_id: UUID) -> str:
    """Which adapter asks the issuer's register: `local`, or the name of another server."""
    found = await tx.execute("SELECT served_by FROM issuer WHERE id = :id", {"id": issuer_id})
    name: str = found.scalar_one()
    return name


async def issuer_by_id(tx: Tx, identity: UUID) -> sa.Row[Any]:
    return (await tx.execute("SELECT * FROM issuer WHERE id = :id", {"id": identity})).one()


async def add_key(
    tx: Tx,
    *,
    identity: UUID,
    issuer_id: UUID | None,
    name: str,
    prefix: str,
    hashed: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    now: datetime,
) -> None:
    await tx.execute(
        "INSERT INTO api_key (id, issuer_id, name, prefix, hash, scopes, created_at, expires_at)"
        " VALUES (:id, :issuer, :name, :prefix, :hash, :scopes, :now, :expires)",
        {
            "id": identity,
            "issuer": issuer_id,
            "name": name,
            "prefix": prefix,
            "hash": hashed,
            "scopes": list(scopes),
            "now": now,
            "expires": expires_at,
        },
    )


async def key_by_prefix(tx: Tx, prefix: str) -> sa.Row[Any] | None:
    return (await tx.execute("SELECT * FROM api_key WHERE prefix = :prefix", {"prefix": prefix})).first()


async def revoke_key(tx: Tx, prefix: str, *, now: datetime) -> bool:
    found = await tx.execute(
        "UPDATE api_key SET revoked_at = :now WHERE prefix = :prefix AND revoked_at IS NULL RETURNING id",
        {"prefix": prefix, "now": now},
    )
    return found.first() is not None
