"""Staff look at the gates: what went wrong there, who is inside, and which scans were refused."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.domain.refusals import BadLine
from app.flows import oversee
from app.flows.gate import incidents
from app.routers.common import TheMember, TheWorld
from app.schemas.base import Storable, problems, read_cursor
from app.schemas.gate import OccupancyOut
from app.schemas.gates import FailedScansOut, IncidentsOut, incident
from app.store.catalogue import PAGE_MAX
from app.store.tables.register import IncidentKind

router = APIRouter(prefix="/staff", tags=["staff"], responses=problems(401, 403))

Slug = Annotated[str, Query(max_length=64), Storable]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


@router.get("/incidents")
async def listing(
    world: TheWorld,
    member: TheMember,
    kind: IncidentKind | None = None,
    after: Annotated[UUID | None, Query(description="The id of the last one you have.")] = None,
    limit: Limit = 50,
) -> IncidentsOut:
    """What gates let through that they should not have, or told wrongly, the latest first."""
    member.require("read")
    rows = await incidents.listing(world, member, kind=kind, after=after, limit=limit)
    return IncidentsOut(incidents=[incident(row) for row in rows])


@router.get("/occupancy", responses=problems(404))
async def occupancy(world: TheWorld, member: TheMember, issuer: Slug) -> OccupancyOut:
    """How many people are inside now, by area."""
    member.require("read")
    people = await incidents.occupancy(world, await oversee.issuer(world, member, issuer))
    return OccupancyOut.of(people, at=world.clock.now())


@router.get("/scans", responses=problems(404, 422))
async def failed(  # noqa: PLR0917 - each is a query parameter of its own name
    world: TheWorld,
    member: TheMember,
    issuer: Slug,
    gate: Annotated[UUID | None, Query(description="Only this gate's.")] = None,
    after: Annotated[str | None, Query(max_length=400, description="`next` of the page before.")] = None,
    limit: Limit = 50,
) -> FailedScansOut:
    """Scans that were refused, the latest first, with the reason the steward saw."""
    member.require("read")
    row = await oversee.issuer(world, member, issuer)
    try:
        before = None if after is None else read_cursor(after, 3)
    except ValueError as fault:
        raise BadLine(f"The `after` is wrong: {fault}.") from None
    rows = await incidents.refused(world, row, gate_id=gate, before=before, limit=limit)
    return FailedScansOut.of(rows, limit=limit)
