"""Staff keys and gates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.gate import GateEvent, GateState
from app.store.bulk import insert_many
from app.store.database import Tx
from app.store.moves import move, move_many
from app.store.tables import Gate


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


async def add_gate(
    tx: Tx,
    *,
    identity: UUID,
    issuer_id: UUID,
    name: str,
    enrolment_hash: bytes,
    enrolment_until: datetime,
    occasions: Sequence[UUID],
    now: datetime,
) -> UUID:
    """A gate that waits to be enrolled; the same name again gets a new code, keeps its id and must enrol anew."""
    row = {
        "id": identity,
        "issuer_id": issuer_id,
        "name": name,
        "state": GateState.PENDING,
        "generation": 0,
        "occasions": [],
        "created_at": now,
    }
    await insert_many(tx, Gate, [row], on_conflict="ON CONFLICT (issuer_id, name) DO NOTHING")
    found = await tx.execute(
        "SELECT id FROM gate WHERE issuer_id = :issuer AND name = :name", {"issuer": issuer_id, "name": name}
    )
    gate_id: UUID = found.scalar_one()
    await tx.execute("UPDATE gate SET generation = generation + 1 WHERE id = :id", {"id": gate_id})
    await move(
        tx,
        Gate,
        gate_id,
        GateEvent.INVITE,
        enrolment_hash=enrolment_hash,
        enrolment_until=enrolment_until,
        occasions=json.dumps([str(one) for one in occasions]),
    )
    return gate_id


async def enrol(tx: Tx, *, enrolment_hash: bytes, now: datetime) -> UUID | None:
    """Turn a one-time code into an enrolled gate; None when the code is wrong, used or too old."""
    found = await tx.execute(
        "SELECT id FROM gate WHERE enrolment_hash = :hash AND enrolment_until > :now FOR UPDATE",
        {"hash": enrolment_hash, "now": now},
    )
    gate_id: UUID | None = found.scalar_one_or_none()
    if gate_id is not None:
        await move(tx, Gate, gate_id, GateEvent.ENROL, enrolment_hash=None, enrolment_until=None)
    return gate_id


async def gate(tx: Tx, identity: UUID) -> sa.Row[Any] | None:
    return (
        await tx.execute(
            "SELECT g.*, i.language, i.timezone, i.slug AS issuer_slug, i.served_by FROM gate g"
            " JOIN issuer i ON i.id = g.issuer_id WHERE g.id = :id",
            {"id": identity},
        )
    ).first()


async def revoke_gate(tx: Tx, identity: UUID) -> bool:
    """Shut a gate out for good; False when it was already."""
    return bool(await move_many(tx, Gate, [identity], GateEvent.REVOKE, enrolment_hash=None))
