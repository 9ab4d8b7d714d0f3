"""Giving an occasion its places: from a seating plan and from bare capacities, keeping what is already sold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

COLUMNS = ("guid", "category", "numbered", "section", "row", "seat", "x", "y")


async def write_places(
    tx: AsyncSession,
    *,
    issuer_id: UUID,
    occasion_id: UUID,
    seating_id: UUID | None,
    capacity: Mapping[str, int],
    new_id: Callable[[], UUID],
) -> int:
    """Bring the occasion's places in line with the plan; returns how many rows were added or changed.

    Places keep their row and position by guid. One that is no longer in the plan is withdrawn, not deleted: it may be
    sold, and its owner's ticket names it.
    """
    wanted = await _wanted(tx, seating_id, capacity)
    known = {
        row.guid: row
        for row in await tx.execute(
            sa.text("SELECT * FROM place WHERE occasion_id = :id ORDER BY pos FOR UPDATE"), {"id": occasion_id}
        )
    }
    added = [place for place in wanted if place["guid"] not in known]
    changed = [
        place
        for place in wanted
        if (row := known.get(str(place["guid"]))) is not None
        and (row.withdrawn or any(getattr(row, column) != place[column] for column in COLUMNS))
    ]
    guids = {place["guid"] for place in wanted}
    gone = [guid for guid, row in known.items() if not row.withdrawn and guid not in guids]
    base = {"issuer": issuer_id, "occasion": occasion_id, "first": len(known)}
    await _insert(tx, {**base, "extra": [new_id() for _ in added]}, added)
    await _update(tx, occasion_id, changed)
    await _withdraw(tx, occasion_id, gone)
    total = len(added) + len(changed) + len(gone)
    if total:
        await tx.execute(sa.text("UPDATE occasion SET revision = revision + 1 WHERE id = :id"), {"id": occasion_id})
    return total


async def _withdraw(tx: AsyncSession, occasion_id: UUID, guids: list[str]) -> None:
    if guids:
        await tx.execute(
            sa.text("UPDATE place SET withdrawn = true WHERE occasion_id = :id AND guid = ANY(:guids)"),
            {"id": occasion_id, "guids": guids},
        )


async def _wanted(tx: AsyncSession, seating_id: UUID | None, capacity: Mapping[str, int]) -> list[dict[str, object]]:
    rows = await tx.execute(
        sa.text(
            "SELECT guid, category, numbered, section, row, seat, x, y FROM seating_place WHERE seating_id = :id ORDER BY pos"  # noqa: E501 - one clause of SQL
        ),
        {"id": seating_id},
    )
    wanted = [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    for category, number in capacity.items():
        wanted += [
            {"guid": f"{category}#{count}", "category": category, "numbered": False}
            | {"section": "", "row": "", "seat": "", "x": None, "y": None}
            for count in range(1, number + 1)
        ]
    return wanted


UNNEST = (
    "unnest(CAST(:guid AS varchar[]), CAST(:category AS varchar[]), CAST(:numbered AS boolean[]),"
    " CAST(:section AS varchar[]), CAST(:row AS varchar[]), CAST(:seat AS varchar[]), CAST(:x AS float[]),"
    " CAST(:y AS float[]), CAST(:extra AS {extra}[])) AS w(guid, category, numbered, section, row, seat, x, y, extra)"
)


def _columns(places: list[dict[str, object]]) -> dict[str, list[object]]:
    return {column: [place[column] for place in places] for column in COLUMNS}


async def _insert(tx: AsyncSession, base: Mapping[str, object], places: list[dict[str, object]]) -> None:
    if not places:
        return
    await tx.execute(
        sa.text(
            "INSERT INTO place (id, issuer_id, occasion_id, pos, guid, category, numbered, section, row, seat, x, y,"  # noqa: S608 - constants, values are bound
            " withdrawn) SELECT w.extra, :issuer, :occasion, :first + w.ordinality - 1, w.guid, w.category, w.numbered,"
            " w.section, w.row, w.seat, w.x, w.y, false FROM "
            + UNNEST.format(extra="uuid")
            .replace(") AS w(", ") WITH ORDINALITY AS w(")
            .replace("extra)", "extra, ordinality)")
        ),
        {**_columns(places), **base},
    )


async def _update(tx: AsyncSession, occasion_id: UUID, places: list[dict[str, object]]) -> None:
    if not places:
        return
    await tx.execute(
        sa.text(
            "UPDATE place SET category = w.category, numbered = w.numbered, section = w.section, row = w.row,"  # noqa: S608 - constants, values are bound
            " seat = w.seat, x = w.x, y = w.y, withdrawn = false FROM "
            + UNNEST.format(extra="uuid")
            + " WHERE place.occasion_id = :occasion AND place.guid = w.guid"
        ),
        {**_columns(places), "extra": [None for _ in places], "occasion": occasion_id},
    )
