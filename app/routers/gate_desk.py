"""What a gate asks besides: who is inside; and a supervisor's search and decisions."""

from __future__ import annotations

from fastapi import APIRouter

from app.flows.gate import admit
from app.flows.gate import desk as gate_desk
from app.flows.gate.admit_answer import ticket
from app.routers.common import TheGate, TheWorld
from app.routers.gate import verdict
from app.schemas.base import problems
from app.schemas.gate import FoundOut, OccupancyOut, OverrideIn, SearchIn, SearchOut, VerdictOut
from app.store.tables.register import ScanKind

router = APIRouter(prefix="/gate", tags=["gate"])


@router.post("/overrides", responses=problems(401, 403, 422))
async def overrides(world: TheWorld, gate: TheGate, body: OverrideIn) -> VerdictOut:
    """Let in whom the rules may refuse, with a reason that is kept. What is no ticket of ours stays a no."""
    if body.ticket is not None:
        return verdict(
            await admit.override(
                world, gate=gate, scan_id=body.scan_id, ticket_id=body.ticket, count=body.count, why=body.reason
            )
        )
    return verdict(
        await admit.present(
            world,
            gate=gate,
            scan_id=body.scan_id,
            kind=ScanKind.OVERRIDE,
            text=body.presented or "",
            count=body.count,
            why=body.reason,
        )
    )


@router.post("/search", responses=problems(401, 403, 422, 429))
async def search(world: TheWorld, gate: TheGate, body: SearchIn) -> SearchOut:
    """Tickets by the last digits of their handset and a part of the holder's name, at most 20. It is written down."""
    hits = await gate_desk.search(world, gate, digits=body.digits, name=body.name)
    found = [FoundOut.model_validate({**ticket(one), "state": one.facts.state}) for one in hits.found]
    return SearchOut(tickets=found, more=hits.more)


@router.get("/occupancy", responses=problems(401))
async def occupancy(world: TheWorld, gate: TheGate) -> OccupancyOut:
    """How many people are inside, by area: those of tickets that are not over yet, less those who left."""
    return OccupancyOut.of(await gate_desk.occupancy(world, gate), at=world.clock.now())
