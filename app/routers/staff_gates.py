"""Staff at the issuer's own house: gates, and what the register holds of a ticket, whichever server sold it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from app import barcode
from app.flows import oversee
from app.flows.gate import gates
from app.flows.sellers import registry
from app.routers.common import TheMember, TheWorld
from app.schemas import examples
from app.schemas.base import Storable, problems
from app.schemas.gates import GateIn, GatesOut, InvitationOut, StaffGateOut
from app.schemas.issuer import EntryOut, RegisterRevocationIn
from app.store.catalogue import PAGE_MAX

router = APIRouter(prefix="/staff", tags=["staff"], responses=problems(401, 403))

GateId = Annotated[UUID, Path(examples=[examples.GATE])]


@router.post("/gates", status_code=201, responses=problems(404, 409))
async def invite_gate(world: TheWorld, member: TheMember, body: GateIn) -> InvitationOut:
    """A one-time code, good for an hour, with which a device becomes this gate."""
    member.require("gates")
    issuer = await oversee.issuer(world, member, body.issuer)
    invitation = await gates.invite(world, issuer_id=issuer.id, name=body.name, place=body.place(), by=member.name)
    return InvitationOut.of(invitation, barcode.link_svg(invitation.link))


@router.get("/gates", responses=problems(404))
async def listing(
    world: TheWorld,
    member: TheMember,
    issuer: Annotated[str, Query(max_length=64), Storable],
    after: Annotated[UUID | None, Query(description="The id of the last one you have.")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
) -> GatesOut:
    """An issuer's gates, the latest first: what stands there, when it was heard of, and what it has not told yet."""
    member.require("gates")
    row = await oversee.issuer(world, member, issuer)
    return GatesOut(gates=[StaffGateOut.of(one) for one in await gates.listing(world, row, after=after, limit=limit)])


@router.delete("/gates/{gate_id}", status_code=204, responses=problems(404, 409))
async def revoke_gate(world: TheWorld, member: TheMember, gate_id: GateId) -> None:
    """Shut a gate out: its token opens nothing from the next request on. What it decided before it may still bring."""
    member.require("gates")
    await gates.revoke(world, member, gate_id)


@router.get("/register", responses=problems(404))
async def entries(
    world: TheWorld,
    member: TheMember,
    issuer: Annotated[str, Query(max_length=64), Storable],
    number: Annotated[str, Query(max_length=32, description="As a person types it: 482910375-1.")],
) -> list[EntryOut]:
    """What the register holds under a ticket number: most often one entry, at most one of each server that sells."""
    member.require("read")
    row = await oversee.issuer(world, member, issuer)
    return [EntryOut.of(one) for one in await registry.entries(world, issuer_id=row.id, typed=number)]


@router.post("/register/{ticket_id}/revocation", status_code=204, responses=problems(404, 409))
async def revoke_entry(world: TheWorld, member: TheMember, ticket_id: UUID, body: RegisterRevocationIn) -> None:
    """Refuse a ticket that another server sold, from now on: that server hears of it and tells the holder."""
    member.require("refund")
    await registry.revoke(world, member, ticket_id, reason=body.reason)
