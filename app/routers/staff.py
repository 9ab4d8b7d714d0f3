"""Staff: complimentary tickets, messages and dead letters, e-money top-ups."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from app.domain.handset import Handset
from app.domain.money import Money
from app.domain.refusals import BadLine, NotFound
from app.flows import oversee
from app.flows.booking import find
from app.flows.handset import profiles
from app.flows.paying import emoney, pay
from app.routers.bookings import hold
from app.routers.common import TheMember, TheOnce, TheWorld
from app.schemas import examples
from app.schemas.base import Mobile, MoneyOut, problems
from app.schemas.bookings import BookedOut, BookingIn, DeliveryOut, ProfileIn, StaffDeliveryOut, TryOut
from app.schemas.tickets import (
    DeadLetterOut,
    DeadLettersOut,
    PreviewIn,
    PreviewOut,
    ToppedUpOut,
    TopUpIn,
)
from app.store.catalogue import PAGE_MAX

router = APIRouter(prefix="/staff", tags=["staff"], responses=problems(401, 403))

HandsetPath = Annotated[Mobile, Path(examples=[examples.HANDSET])]
DeadLetterId = Annotated[UUID, Path(examples=[examples.DEAD_LETTER])]


@router.post("/complimentary", status_code=201, response_model=BookedOut, responses=problems(400, 404, 409, 503))
async def complimentary(world: TheWorld, member: TheMember, once: TheOnce, body: BookingIn) -> Response:
    """Tickets that cost nothing: held, confirmed and sent at once."""
    member.require("sell")

    async def work() -> BookedOut:
        await _require_own(world, member, body)
        booked = await hold(world, body.request(complimentary=True))
        await pay.pay(world, booked.id, ())
        return booked

    return await once(201, work)


async def _require_own(world: TheWorld, member: TheMember, body: BookingIn) -> None:
    """Staff of one issuer give away only its own."""
    if body.occasion is not None:
        row, _ = await find.occasion(world, body.occasion)
    else:
        assert body.product is not None, "the schema asks for one of the two"
        row, _ = await find.open_occasion(world, body.product)
    if not member.acts_for(row.issuer_id):
        raise NotFound("There is no such occasion or product.")


@router.post("/emoney/topups", status_code=201, response_model=ToppedUpOut, responses=problems(400, 404))
async def top_up(request: Request, world: TheWorld, member: TheMember, once: TheOnce, body: TopUpIn) -> Response:
    """Add money to a handset's e-money; its balance and PIN go there by message."""
    member.require("money")
    key = f"topup-{hashlib.sha256(request.headers.get('idempotency-key', '').encode()).hexdigest()[:48]}-{member.id}"

    async def work() -> ToppedUpOut:
        issuer = await oversee.issuer(world, member, body.issuer)
        if issuer.currency != body.currency:
            raise BadLine(f"This issuer's e-money is in {issuer.currency}.")
        topped = await emoney.top_up(
            world,
            issuer_id=issuer.id,
            handset=Handset(body.handset),
            amount=Money(body.amount, body.currency),
            key=key,
        )
        return ToppedUpOut(added=MoneyOut.of(topped.added), balance=MoneyOut.of(topped.balance))

    return await once(201, work)


@router.get("/deliveries")
async def deliveries(
    world: TheWorld,
    member: TheMember,
    state: Literal["queued", "sent", "delivered", "failed"] | None = None,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
) -> list[StaffDeliveryOut]:
    """Messages, the latest first; `after` is the id of the last one you have."""
    member.require("messages")
    found = await oversee.deliveries(world, member, state=state, after=after, limit=limit)
    return [
        StaffDeliveryOut(
            **DeliveryOut.of(one.row).model_dump(),
            tries=[TryOut.model_validate(tried, from_attributes=True) for tried in one.tries],
        )
        for one in found
    ]


@router.put("/handsets/{handset}/profile", status_code=204)
async def set_profile(world: TheWorld, member: TheMember, handset: HandsetPath, body: ProfileIn) -> None:
    """Say what a handset can show: in that form its tickets come, and as plain text where that fails."""
    member.require("messages")
    await profiles.take(world, Handset(handset), body.profile, source="staff")


@router.get("/dead-letters")
async def dead_letters(world: TheWorld, member: TheMember) -> DeadLettersOut:
    """What could not be carried out, with the last reason, the latest first."""
    member.require("messages")
    rows = await oversee.dead_letters(world, member)
    return DeadLettersOut(
        dead_letters=[
            DeadLetterOut(
                id=row.id,
                topic=row.topic,
                attempts=row.attempts,
                reason=row.last_error,
                created_at=row.created_at,
                dead_at=row.dead_at,
            )
            for row in rows
        ]
    )


@router.post("/dead-letters/{letter_id}/retry", status_code=204, responses=problems(404))
async def retry(world: TheWorld, member: TheMember, letter_id: DeadLetterId) -> None:
    """Try a dead letter again from the beginning."""
    member.require("messages")
    await oversee.revive(world, member, letter_id)


@router.post("/messages/preview")
async def preview(world: TheWorld, member: TheMember, body: PreviewIn) -> PreviewOut:
    """How a text goes over the air, and how many messages it costs."""
    member.require("read")
    cut = oversee.preview(world, body.text)
    return PreviewOut(
        coding=cut.coding, parts=list(cut.parts), units_per_part=list(cut.units_per_part), cost=len(cut.parts)
    )
