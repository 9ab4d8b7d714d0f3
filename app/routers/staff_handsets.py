"""Staff for holders who cannot be sent a code: a phone that is gone, or a number that is."""

from __future__ import annotations

from fastapi import APIRouter

from app.domain.handset import Handset
from app.flows.handset import new_number
from app.routers.common import TheMember, TheWorld
from app.schemas.base import problems
from app.schemas.handset import RenewedOut, StaffLossIn, StaffNumberIn

router = APIRouter(prefix="/staff/handsets", tags=["staff"], responses=problems(401, 403))


@router.post("/loss", status_code=200, responses=problems(404))
async def loss(world: TheWorld, member: TheMember, body: StaffLossIn) -> RenewedOut:
    """Shut all devices of a number out, and issue its tickets of this issuer anew."""
    member.require("supervise")
    renewed = await new_number.by_staff(world, member, handset=Handset(body.handset), reason=body.reason)
    return RenewedOut.of(renewed)


@router.post("/number", status_code=200, responses=problems(404))
async def number(world: TheWorld, member: TheMember, body: StaffNumberIn) -> RenewedOut:
    """Issue a number's tickets of this issuer anew for another number, and shut the old one's devices out."""
    member.require("supervise")
    renewed = await new_number.by_staff(
        world, member, handset=Handset(body.handset), to=Handset(body.to), reason=body.reason
    )
    return RenewedOut.of(renewed)
