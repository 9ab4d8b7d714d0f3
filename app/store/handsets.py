"""Handsets' own side: one-time codes and their tries, enrolled devices, and what tickets live on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.sign_in import TRIES_MAX, SignInPurpose
from app.store.bulk import columns_of, insert_many
from app.store.database import Tx
from app.store.locks import exclusively
from app.store.sales import TICKET
from app.store.tables import Device, SignIn

# --- one-time codes -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewSignIn:
    """A code to send; `subject` is the other code that it goes with, where there is one."""

    id: UUID
    handset: str
    purpose: SignInPurpose
    language: str
    kid: int
    asked_from: str
    until: datetime
    subject: str = ""


async def add_sign_in(tx: Tx, new: NewSignIn, *, now: datetime) -> None:
    await insert_many(tx, SignIn, [{**columns_of(new), "tries": 0, "created_at": now}])


async def sign_in(tx: Tx, identity: UUID) -> sa.Row[Any] | None:
    return (await tx.execute("SELECT * FROM sign_in WHERE id = :id", {"id": identity})).first()


@dataclass(frozen=True, slots=True)
class Asked:
    """How many codes were sent before: to a handset, and for an address."""

    handset_hour: int
    handset_day: int
    asker_hour: int


async def wait_turn(tx: Tx, numbers: Sequence[str]) -> None:
    """Let who else asks for codes for these handsets wait. Who asks for several waits for all before the first."""
    for handset in sorted(numbers):
        await exclusively(tx, f"sign-in:{handset}")


async def asked(tx: Tx, *, handset: str, asked_from: str, now: datetime) -> Asked:
    """Count, and let who else asks for this handset or from this address wait until this transaction ends."""
    await wait_turn(tx, [handset])
    await exclusively(tx, f"sign-in-from:{asked_from}")
    found = await tx.execute(
        "SELECT count(*) FILTER (WHERE handset = :handset AND created_at > :hour) AS handset_hour,"
        " count(*) FILTER (WHERE handset = :handset) AS handset_day,"
        " count(*) FILTER (WHERE asked_from = :asked_from AND created_at > :hour) AS asker_hour"
        " FROM sign_in WHERE (handset = :handset OR asked_from = :asked_from) AND created_at > :day",
        {
            "handset": handset,
            "asked_from": asked_from,
            "hour": now - timedelta(hours=1),
            "day": now - timedelta(days=1),
        },
    )
    row = found.one()
    return Asked(row.handset_hour, row.handset_day, row.asker_hour)


TRY = f"""
    UPDATE sign_in SET tries = tries + 1 WHERE tries < {TRIES_MAX} AND id = (
        SELECT id FROM sign_in WHERE handset = :handset AND purpose = :purpose AND used_at IS NULL AND until > :now
        ORDER BY created_at DESC, id DESC LIMIT 1
    ) RETURNING *
"""  # noqa: S608 - a constant of the domain


async def try_code(tx: Tx, *, handset: str, purpose: SignInPurpose, now: datetime) -> sa.Row[Any] | None:
    """Count a try of the handset's latest living code, before anybody looks at it; None where none may be tried."""
    return (await tx.execute(TRY, {"handset": handset, "purpose": purpose.value, "now": now})).first()


async def use_code(tx: Tx, identity: UUID, *, subject: str, now: datetime) -> bool:
    """Whether the code is used now, for the first time; `subject` is what it was used for."""
    found = await tx.execute(
        "UPDATE sign_in SET used_at = :now, subject = :subject WHERE id = :id AND used_at IS NULL RETURNING id",
        {"id": identity, "subject": subject, "now": now},
    )
    return found.first() is not None


# --- devices --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewDevice:
    id: UUID
    handset: str
    name: str
    public_key: bytes
    thumbprint: str


async def alone_with(tx: Tx, handset: str) -> None:
    """Let who else changes this handset's devices wait until this transaction ends."""
    await exclusively(tx, f"devices:{handset}")


async def add_device(tx: Tx, new: NewDevice, *, now: datetime) -> None:
    await insert_many(tx, Device, [{**columns_of(new), "created_at": now, "seen_at": now}])


async def device(tx: Tx, identity: UUID) -> sa.Row[Any] | None:
    return (await tx.execute("SELECT * FROM device WHERE id = :id", {"id": identity})).first()


async def device_by_key(tx: Tx, thumbprint: str) -> sa.Row[Any] | None:
    return (await tx.execute("SELECT * FROM device WHERE thumbprint = :name", {"name": thumbprint})).first()


async def devices(tx: Tx, handset: str) -> list[sa.Row[Any]]:
    """Those that are enrolled, with how many tickets live on each, the newest first."""
    rows = await tx.execute(
        "SELECT d.*, (SELECT count(*) FROM ticket t WHERE t.device_id = d.id AND t.state <> 'revoked') AS tickets"
        " FROM device d WHERE d.handset = :handset AND d.revoked_at IS NULL ORDER BY d.created_at DESC, d.id DESC",
        {"handset": handset},
    )
    return list(rows)


async def seen(tx: Tx, identity: UUID, *, now: datetime) -> None:
    await tx.execute("UPDATE device SET seen_at = :now WHERE id = :id", {"id": identity, "now": now})


async def revoke_devices(
    tx: Tx, handset: str, *, now: datetime, only: UUID | None = None, but: UUID | None = None
) -> list[UUID]:
    """Shut out the handset's devices: all of them, `only` one, or all `but` one. Returns which are shut out now."""
    rows = await tx.execute(
        "UPDATE device SET revoked_at = :now WHERE handset = :handset AND revoked_at IS NULL"
        " AND (CAST(:only AS uuid) IS NULL OR id = :only) AND (CAST(:but AS uuid) IS NULL OR id <> :but) RETURNING id",
        {"handset": handset, "now": now, "only": only, "but": but},
    )
    return [row.id for row in rows]


async def move_device(tx: Tx, identity: UUID, handset: str) -> None:
    """The device has another number now."""
    await tx.execute("UPDATE device SET handset = :handset WHERE id = :id", {"id": identity, "handset": handset})


# --- tickets on them ------------------------------------------------------------------------------------------------


async def tickets(
    tx: Tx, handset: str, *, after: UUID | None, limit: int, ended: bool, now: datetime
) -> list[sa.Row[Any]]:
    """The handset's tickets, the latest first; with `ended` also those that are revoked or past their time."""
    rows = await tx.execute(
        f"{TICKET} WHERE t.handset = :handset AND (CAST(:after AS uuid) IS NULL OR t.id < :after)"
        " AND (:ended OR t.state <> 'revoked' AND t.valid_until > :now) ORDER BY t.id DESC LIMIT :limit",
        {"handset": handset, "after": after, "limit": limit, "ended": ended, "now": now},
    )
    return list(rows)


async def bind(tx: Tx, ticket_id: UUID, *, device_id: UUID, now: datetime) -> bool:
    """Let a ticket live on this device; False where it is another one's, or does not count any more."""
    found = await tx.execute(
        "UPDATE ticket SET device_id = :device, stored_at = coalesce(stored_at, :now)"
        " WHERE id = :id AND device_id IS NULL AND state = 'valid' RETURNING id",
        {"id": ticket_id, "device": device_id, "now": now},
    )
    return found.first() is not None


async def living(
    tx: Tx, handset: str, *, now: datetime, on: Sequence[UUID] | None = None, issuer_id: UUID | None = None
) -> list[UUID]:
    """The handset's tickets that still count: all, those that live on some devices, or those of one issuer."""
    rows = await tx.execute(
        "SELECT id FROM ticket WHERE handset = :handset AND state <> 'revoked' AND valid_until > :now"
        " AND (CAST(:devices AS uuid[]) IS NULL OR device_id = ANY(:devices))"
        " AND (CAST(:issuer AS uuid) IS NULL OR issuer_id = :issuer) ORDER BY id",
        {
            "handset": handset,
            "now": now,
            "devices": None if on is None else list(on),
            "issuer": issuer_id,
        },
    )
    return [row.id for row in rows]
