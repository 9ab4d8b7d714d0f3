"""Stock: free by predicate, held until a moment, sold; every taking is one conditional statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from app.domain.inventory import Hall, Spot
from app.store.database import Tx

FREE = "(taken_by IS NULL OR held_until < :now)"


@dataclass(frozen=True, slots=True)
class Places:
    """An occasion's places in the order of `pos`: what does not change while it is on sale."""

    occasion_id: UUID
    hall: Hall
    ids: tuple[UUID, ...]
    index: Mapping[UUID, int]


HALLS_KEPT_MAX = 128
_halls: WeakKeyDictionary[object, dict[tuple[UUID, int], Places]] = WeakKeyDictionary()
"""By database, then by occasion and revision: reading twelve thousand places takes longer than selling one."""


async def places(tx: Tx, occasion_id: UUID) -> Places:
    """The occasion's places, from memory unless an import has changed them; none for unlimited stock.

    Withdrawn places keep their position and are never free.
    """
    name = (occasion_id, await revision(tx, occasion_id))
    halls = _halls.setdefault(tx.database.connections, {})
    found = halls.get(name)
    if found is None:
        found = await _read_places(tx, occasion_id)
        while len(halls) >= HALLS_KEPT_MAX:
            halls.pop(next(iter(halls)))
        halls[name] = found
    return found


async def _read_places(tx: Tx, occasion_id: UUID) -> Places:
    rows = (
        await tx.execute(
            "SELECT id, pos, category, numbered, section, row, x, y FROM place WHERE occasion_id = :id ORDER BY pos",
            {"id": occasion_id},
        )
    ).all()
    spots = [
        Spot(index, row.category, row.numbered, row.section, row.row, row.x, row.y) for index, row in enumerate(rows)
    ]
    ids = tuple(row.id for row in rows)
    return Places(occasion_id, Hall.of(spots), ids, {identity: index for index, identity in enumerate(ids)})


FREE_POSITIONS = f"""
    SELECT coalesce(array_agg(pos), ARRAY[]::integer[]) FROM place
    WHERE occasion_id = :id AND (taken_by IS NULL OR held_until IS NOT NULL) AND {FREE} AND NOT withdrawn
"""  # noqa: S608 - a constant of this module


FREE_AMONG = f"{FREE_POSITIONS} AND pos = ANY(CAST(:among AS integer[]))"


async def free_map(
    tx: Tx, occasion_id: UUID, *, size: int, now: datetime, among: Sequence[int] | None = None
) -> bytearray:
    """One byte per place, 1 where it is free; read through the index of what is not sold, or `among` these alone."""
    if among is None:
        found = await tx.execute(FREE_POSITIONS, {"id": occasion_id, "now": now})
    else:
        found = await tx.execute(FREE_AMONG, {"id": occasion_id, "now": now, "among": list(among)})
    free = bytearray(size)
    for pos in found.scalar_one():
        free[pos] = 1
    return free


TAKE = f"""
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:places AS uuid[]), CAST(:keys AS uuid[]), CAST(:untils AS timestamptz[]))
            AS w(place_id, key, until)
    ), locked AS (
        -- In the order of their ids: two processes that want the same places wait for each other, never in a ring.
        SELECT id FROM place WHERE id = ANY(CAST(:places AS uuid[])) AND {FREE} AND NOT withdrawn
        ORDER BY id FOR UPDATE
    )
    UPDATE place SET taken_by = wanted.key, held_until = wanted.until
    FROM wanted JOIN locked ON locked.id = wanted.place_id
    WHERE place.id = wanted.place_id AND {FREE}
    RETURNING place.id
"""  # noqa: S608 - a constant of this module


async def take(tx: Tx, wanted: Sequence[tuple[UUID, UUID, datetime]], *, now: datetime) -> set[UUID]:
    """Hold (place, key, until) for those places that are free at this moment; returns the ones taken.

    No place may be wanted twice in one call: the caller settles that first.
    """
    if not wanted:
        return set()
    identities, keys, untils = (list(column) for column in zip(*wanted, strict=True))
    rows = await tx.execute(TAKE, {"places": identities, "keys": keys, "untils": untils, "now": now})
    return set(rows.scalars())


async def held_by(tx: Tx, keys: Sequence[UUID]) -> list[sa.Row[Any]]:
    """(key, id, category) of every place these keys hold or have bought, in plan order."""
    rows = await tx.execute(
        "SELECT taken_by AS key, id, category FROM place WHERE taken_by = ANY(:keys) ORDER BY occasion_id, pos",
        {"keys": list(keys)},
    )
    return list(rows)


async def commit(tx: Tx, wanted: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
    """Turn holds into sales: (place, key) pairs; returns the places that were still that key's."""
    if not wanted:
        return set()
    identities, keys = (list(column) for column in zip(*wanted, strict=True))
    rows = await tx.execute(
        "UPDATE place SET held_until = NULL FROM unnest(CAST(:places AS uuid[]), CAST(:keys AS uuid[]))"
        " AS w(place_id, key) WHERE place.id = w.place_id AND place.taken_by = w.key RETURNING place.id",
        {"places": identities, "keys": keys},
    )
    return set(rows.scalars())


async def renew(tx: Tx, wanted: Sequence[tuple[UUID, datetime]]) -> None:
    """Let what each key holds run out at its new moment; what it has bought stays bought: (key, until) pairs."""
    keys, untils = (list(column) for column in zip(*wanted, strict=True))
    await tx.execute(
        "UPDATE place SET held_until = w.until FROM unnest(CAST(:keys AS uuid[]), CAST(:untils AS timestamptz[]))"
        " AS w(key, until) WHERE place.taken_by = w.key AND place.held_until IS NOT NULL",
        {"keys": keys, "untils": untils},
    )


async def release(tx: Tx, keys: Sequence[UUID]) -> None:
    """Free everything these keys hold or have bought."""
    await tx.execute(
        "UPDATE place SET taken_by = NULL, held_until = NULL WHERE taken_by = ANY(:keys)",
        {"keys": list(keys)},
    )


async def put_back(tx: Tx, identities: Sequence[UUID], *, key: UUID) -> None:
    """Free single places, if they are still `key`'s."""
    await tx.execute(
        "UPDATE place SET taken_by = NULL, held_until = NULL WHERE id = ANY(:places) AND taken_by = :key",
        {"places": list(identities), "key": key},
    )


async def are_places_of(tx: Tx, occasion_id: UUID, identities: Sequence[UUID]) -> bool:
    """Whether each of these is a place of this occasion."""
    strange = await tx.execute(
        "SELECT 1 FROM unnest(CAST(:places AS uuid[])) AS w(id) WHERE NOT EXISTS"
        " (SELECT 1 FROM place WHERE place.id = w.id AND place.occasion_id = :occasion) LIMIT 1",
        {"places": list(identities), "occasion": occasion_id},
    )
    return strange.first() is None


async def revision(tx: Tx, occasion_id: UUID) -> int:
    """Which import made the occasion's places; -1 when there is no such occasion."""
    found = await tx.execute("SELECT revision FROM occasion WHERE id = :id", {"id": occasion_id})
    number: int | None = found.scalar_one_or_none()
    return -1 if number is None else number
