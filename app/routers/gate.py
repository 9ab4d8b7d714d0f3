"""The gate: enrol a device, look at a ticket, let its holder in."""

from __future__ import annotations

from fastapi import APIRouter

from app.flows import admit, staff
from app.metrics import SCANS
from app.routers.common import TheGate, TheWorld
from app.schemas.base import problems
from app.schemas.tickets import EnrolIn, EnrolledOut, PresentIn, VerdictOut
from app.store.tables.register import ScanKind

router = APIRouter(prefix="/gate", tags=["gate"])


@router.post("/enrolments", status_code=201, responses=problems(401))
async def enrol(world: TheWorld, body: EnrolIn) -> EnrolledOut:
    """Trade a one-time code from staff for this gate's token, good for eight hours."""
    enrolled = await staff.enrol_gate(world, body.code)
    return EnrolledOut(
        gate=enrolled.gate_id,
        name=enrolled.name,
        issuer=enrolled.issuer_slug,
        token=enrolled.token,
        expires_at=enrolled.expires_at,
    )


@router.post("/admissions", responses=problems(401, 422))
async def admissions(world: TheWorld, gate: TheGate, body: PresentIn) -> VerdictOut:
    """Use what was presented. A no is a 200 with its reason; the same scan again gets the same verdict."""
    return await _present(world, gate, body, ScanKind.ADMISSION)


@router.post("/checks", responses=problems(401, 422))
async def checks(world: TheWorld, gate: TheGate, body: PresentIn) -> VerdictOut:
    """Look at what was presented without using it."""
    return await _present(world, gate, body, ScanKind.CHECK)


async def _present(world: TheWorld, gate: TheGate, body: PresentIn, kind: ScanKind) -> VerdictOut:
    answer = await admit.present(
        world,
        gate=gate,
        scan_id=body.scan_id,
        kind=kind,
        text=body.presented,
    )
    SCANS.labels(answer["reason"]).inc()
    return VerdictOut.model_validate(answer)
