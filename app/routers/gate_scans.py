"""What gates decided without network, brought when they have it again."""

from __future__ import annotations

from fastapi import APIRouter

from app.flows.gate import scans as gate_scans
from app.routers.common import TheBoundGate, TheWorld
from app.schemas.base import problems
from app.schemas.gates import RefusedOut, ScansIn, ScansOut, incident

router = APIRouter(prefix="/gate", tags=["gate"])


@router.post("/scans", responses=problems(401, 403))
async def bring(world: TheWorld, gate: TheBoundGate, body: ScansIn) -> ScansOut:
    """Entries of this gate's log, in any order, also again: each counts once.

    A gate that was shut out may bring what it decided before that for as long as its token lives.
    """
    brought = await gate_scans.bring(world, gate, body.entries)
    return ScansOut(
        upto=brought.upto,
        taken=brought.taken,
        refused=[RefusedOut.model_validate(one, from_attributes=True) for one in brought.refused],
        incidents=[incident(row) for row in brought.incidents],
    )
