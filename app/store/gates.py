"""Gates as rows: invited, enrolled with or without a key of the device, shut out, and what is known of them since."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.gate import GateEvent, GateState, Place
from app.store.bulk import insert_many
from app.store.database import Tx
from app.store.moves import move, move_many
from app.store.tables import Gate


async def other_home(tx: Tx, *, issuer_id: UUID, entrance: str, name: str) -> str | None:
    """The name of the entrance's home gate, if it is another one than `name`; nobody else changes it meanwhile."""
    await tx.execute("SELECT FROM issuer WHERE id = :issuer FOR NO KEY UPDATE", {"issuer": issuer_id})
    found = await tx.execute(
        "SELECT name FROM gate WHERE issuer_id = :issuer AND entrance = :entrance AND home AND state <> 'revoked'"
        " AND name <> :name",
        {"issuer": issuer_id, "entrance": entrance, "name": name},
    )
    other: str | None = found.scalar_one_or_none()
    return other


async def invite(
    tx: Tx,
    *,
    identity: UUID,
    issuer_id: UUID,
    name: str,
    place: Place,
    enrolment_hash: bytes,
    enrolment_until: datetime,
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
        "UPDATE gate SET generation = generation + 1 WHERE issuer_id = :issuer AND name = :name RETURNING id",
        {"issuer": issuer_id, "name": name},
    )
    gate_id: UUID = found.scalar_one()
    await move(
        tx,
        Gate,
        gate_id,
        GateEvent.INVITE,
        enrolment_hash=enrolment_hash,
        enrolment_until=enrolment_until,
        **_columns(place),
        device_key=None,
        turned_at=now,
    )
    return gate_id


def _columns(place: Place) -> dict[str, object]:
    """A place as the row has it."""
    return {
        "occasions": json.dumps([str(one) for one in place.occasions]),
        "role": place.role.value,
        "direction": place.direction.value,
        "entrance": place.entrance,
        "area": place.area,
        "home": place.home,
    }


async def enrol(tx: Tx, *, enrolment_hash: bytes, device_key: bytes | None, now: datetime) -> UUID | None:
    """Turn a one-time code into an enrolled gate; None when the code is wrong, used or too old."""
    found = await tx.execute(
        "SELECT id FROM gate WHERE enrolment_hash = :hash AND enrolment_until > :now FOR NO KEY UPDATE",
        {"hash": enrolment_hash, "now": now},
    )
    gate_id: UUID | None = found.scalar_one_or_none()
    if gate_id is not None:
        await move(tx, Gate, gate_id, GateEvent.ENROL, enrolment_hash=None, enrolment_until=None, device_key=device_key)
    return gate_id


async def gate(tx: Tx, identity: UUID) -> sa.Row[Any] | None:
    return (
        await tx.execute(
            "SELECT g.*, i.language, i.timezone, i.slug AS issuer_slug, i.served_by FROM gate g"
            " JOIN issuer i ON i.id = g.issuer_id WHERE g.id = :id",
            {"id": identity},
        )
    ).first()


async def revoke(tx: Tx, identity: UUID, *, now: datetime) -> bool:
    """Shut a gate out for good; False when it was already."""
    return bool(await move_many(tx, Gate, [identity], GateEvent.REVOKE, enrolment_hash=None, turned_at=now))


LISTED = """
    WITH listed AS (
        SELECT g.* FROM gate g WHERE g.issuer_id = :issuer AND (CAST(:after AS uuid) IS NULL OR g.id < :after)
        ORDER BY g.id DESC LIMIT :limit
    ), today AS (
        SELECT s.gate_id, count(*) AS scans FROM scan s
        WHERE s.issuer_id = :issuer AND s.at >= :midnight GROUP BY s.gate_id
    ), brought AS (
        SELECT l.gate_id, l.generation, count(*) AS entries, max(l.seq) AS last FROM gate_log l
        JOIN listed ON listed.id = l.gate_id AND listed.generation = l.generation GROUP BY 1, 2
    )
    SELECT listed.*, coalesce(today.scans, 0) AS scans_today, coalesce(brought.entries, 0) AS entries,
        coalesce(brought.last, 0) AS last_seq
    FROM listed LEFT JOIN today ON today.gate_id = listed.id LEFT JOIN brought ON brought.gate_id = listed.id
    ORDER BY listed.id DESC
"""


async def listing(
    tx: Tx, *, issuer_id: UUID, midnight: datetime, after: UUID | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Gates of an issuer, the latest first, with their scans since `midnight` and how much of their log is here."""
    values = {"issuer": issuer_id, "midnight": midnight, "after": after, "limit": limit}
    return list(await tx.execute(LISTED, values))
