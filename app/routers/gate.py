"""The gate online: look at a ticket, let its holder in or out, take value from it, take that back."""

from __future__ import annotations

from fastapi import APIRouter

from app.domain.entry_rules import Direction
from app.flows.gate import admit
from app.flows.gate.admit_case import Answer
from app.metrics import SCANS
from app.routers.common import TheGate, TheWorld
from app.routers.short_way import GateRoute
from app.schemas.base import problems
from app.schemas.gate import AdmissionIn, CheckIn, RedemptionIn, UndoIn, VerdictOut
from app.store.tables.register import ScanKind

router = APIRouter(prefix="/gate", tags=["gate"], route_class=GateRoute)


@router.post("/admissions", responses=problems(401, 403, 422))
async def admissions(world: TheWorld, gate: TheGate, body: AdmissionIn) -> VerdictOut:
    """Let in, or out, who presents this. A no is a 200 with its reason; the same scan again gets the same verdict."""
    direction = Direction(body.direction) if body.direction else None
    return verdict(
        await admit.present(
            world,
            gate=gate,
            scan_id=body.scan_id,
            kind=ScanKind.ADMISSION,
            text=body.presented,
            count=body.count,
            direction=direction,
        )
    )


@router.post("/checks", responses=problems(401, 422))
async def checks(world: TheWorld, gate: TheGate, body: CheckIn) -> VerdictOut:
    """Look at what was presented without using it."""
    return verdict(
        await admit.present(
            world, gate=gate, scan_id=body.scan_id, kind=ScanKind.CHECK, text=body.presented, count=body.count
        )
    )


@router.post("/redemptions", responses=problems(401, 422))
async def redemptions(world: TheWorld, gate: TheGate, body: RedemptionIn) -> VerdictOut:
    """Take an amount from a voucher, if it has that much."""
    return verdict(
        await admit.present(
            world,
            gate=gate,
            scan_id=body.scan_id,
            kind=ScanKind.REDEMPTION,
            text=body.presented,
            amount=body.amount,
        )
    )


@router.post("/undo", responses=problems(401, 422))
async def undo(world: TheWorld, gate: TheGate, body: UndoIn) -> VerdictOut:
    """Take back what this gate did within the last minute, where nothing was done with the ticket since."""
    return verdict(await admit.undo(world, gate=gate, scan_id=body.scan_id, undoes=body.undoes))


def verdict(answer: Answer) -> VerdictOut:
    """The answer as it goes out, counted."""
    SCANS.labels(answer["reason"]).inc()
    return VerdictOut.model_validate(answer)
