"""Staff and money: refunds, disputes and the issuers' statements."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from app.domain.dispute import DisputeState
from app.domain.refund import RefundState
from app.flows import oversee
from app.flows.books import settle
from app.flows.returning import disputes_desk, refund_desk
from app.routers.common import TheMember, TheOnce, TheWorld
from app.schemas.base import Storable, problems
from app.schemas.money import (
    ByHandIn,
    DisputeOut,
    DisputeWithEvidenceOut,
    StaffRefundingOut,
    StaffRefundOut,
    StaffReturnIn,
    StatementOut,
)
from app.store.catalogue import PAGE_MAX

router = APIRouter(prefix="/staff", tags=["staff"], responses=problems(401, 403))

RefundId = Annotated[UUID, Path()]
DisputeId = Annotated[UUID, Path()]
After = Annotated[UUID | None, Query(description="The id of the last one you have.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


@router.post("/refunds", status_code=201, response_model=StaffRefundingOut, responses=problems(400, 404, 409))
async def give_back(world: TheWorld, member: TheMember, once: TheOnce, body: StaffReturnIn) -> Response:
    """Return tickets for a buyer, whatever the product's rule. Used ones take the scope `supervise`."""
    member.require("refund")

    async def work() -> StaffRefundingOut:
        found = await refund_desk.give_back(
            world,
            member,
            booking_id=body.booking,
            ticket_ids=body.tickets,
            note=body.note,
            used_too=body.used_too,
        )
        return StaffRefundingOut.of(found)

    return await once(201, work)


@router.get("/refunds")
async def refunds(
    world: TheWorld, member: TheMember, state: RefundState | None = None, after: After = None, limit: Limit = 50
) -> list[StaffRefundOut]:
    """Refunds, the latest first."""
    rows = await refund_desk.listing(world, member, state=state, after=after, limit=limit)
    return [StaffRefundOut.of(row) for row in rows]


@router.post("/refunds/{refund_id}/retry", responses=problems(404, 409))
async def retry(world: TheWorld, member: TheMember, refund_id: RefundId) -> StaffRefundingOut:
    """Try a refund that failed again, as a new one to the network."""
    return StaffRefundingOut.of(await refund_desk.retry(world, member, refund_id))


@router.post("/refunds/{refund_id}/by-hand", responses=problems(404, 409))
async def by_hand(world: TheWorld, member: TheMember, refund_id: RefundId, body: ByHandIn) -> StaffRefundingOut:
    """Say that the buyer of a refund that failed has the money by another way."""
    return StaffRefundingOut.of(await refund_desk.by_hand(world, member, refund_id, body.note))


@router.get("/disputes")
async def disputes(
    world: TheWorld, member: TheMember, state: DisputeState | None = None, after: After = None, limit: Limit = 50
) -> list[DisputeOut]:
    """Payments that banks have taken back, or may, the latest first."""
    rows = await disputes_desk.listing(world, member, state=state, after=after, limit=limit)
    return [DisputeOut.of(row) for row in rows]


@router.get("/disputes/{dispute_id}", responses=problems(404))
async def dispute(world: TheWorld, member: TheMember, dispute_id: DisputeId) -> DisputeWithEvidenceOut:
    """A dispute with the evidence: deliveries with their receipts, admissions, and what was booked."""
    row, pack = await disputes_desk.look(world, member, dispute_id)
    return DisputeWithEvidenceOut.with_evidence(row, pack)


@router.get("/statements", responses=problems(404))
async def statements(  # noqa: PLR0917 - each is a query parameter of its own name
    world: TheWorld,
    member: TheMember,
    issuer: Annotated[str, Query(max_length=64), Storable],
    first: Annotated[
        date | None, Query(alias="from", description="First day; by default after the last settled.")
    ] = None,
    last: Annotated[date | None, Query(alias="until", description="Last day; by default yesterday.")] = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
) -> StatementOut:
    """What happened to what an issuer is to be paid, day by day in its own time zone."""
    member.require("money")
    row = await oversee.issuer(world, member, issuer)
    return StatementOut.of(await settle.statement(world, row.slug, first=first, last=last, currency=currency))
