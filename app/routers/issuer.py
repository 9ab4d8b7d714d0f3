"""The issuer's server for the sales servers that sell for it: stock is held, tickets are registered, value is spent.

Thin over the issuer in our own database: the sales server's `RemoteIssuer` is a client of exactly this. Everything is
idempotent by the names in its path and body, so a request whose answer was lost is simply made again.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from app.flows.booking import sales_status
from app.flows.sellers import counter as selling
from app.flows.sellers import for_sellers
from app.issuers import messages, replacing
from app.ports import Committed, Held, Revoked, Spent, Wish
from app.routers.common import TheWorld
from app.routers.issuer_caller import TheSeller
from app.schemas import examples
from app.schemas.base import problems

router = APIRouter(prefix="/issuer/v1", tags=["issuer"], responses=problems(401))

OccasionId = Annotated[UUID, Path(examples=[examples.OCCASION])]
TicketId = Annotated[UUID, Path(examples=[examples.TICKET])]
HoldKey = Annotated[UUID, Path(description="The booking's id: the same again is the same hold.")]
IssuerId = Annotated[UUID, Query()]


@router.get("/occasions/{occasion_id}/status", responses=problems(404))
async def status(world: TheWorld, seller: TheSeller, occasion_id: OccasionId, issuer: IssuerId) -> messages.StatusTold:
    """What is free, place by place. Nothing is promised by it: only a hold is."""
    await selling.require_here(world, issuer, occasion_id)
    free = await selling.counter(world, seller).status(issuer_id=issuer, occasion_id=occasion_id)
    return messages.StatusTold(places=len(free), free=b64encode(sales_status.bits(free)).decode("ascii"))


@router.put("/holds/{key}", responses=problems(404, 409))
async def hold(world: TheWorld, seller: TheSeller, key: HoldKey, body: messages.HoldAsked) -> messages.HeldTold:
    """Hold all parts, or none; again renews the hold. It runs out by itself, whoever is away then."""
    wish = Wish(
        key=key,
        issuer_id=body.issuer,
        occasion_id=body.occasion,
        parts=tuple(part.part() for part in body.parts),
        until=world.clock.now() + timedelta(seconds=body.seconds),
    )
    held = await for_sellers.hold(world, wish, issuer=selling.counter(world, seller))
    if isinstance(held, Held):
        return messages.HeldTold(held=True, places=[list(part) for part in held.places])
    return messages.HeldTold(held=False)


@router.post("/holds/{key}/commit", responses=problems(404))
async def commit(
    world: TheWorld, seller: TheSeller, key: HoldKey, body: messages.CommitAsked
) -> messages.CommittedTold:
    """Turn a hold into a sale, which does not run out."""
    await selling.require_here(world, body.issuer)
    counter = selling.counter(world, seller)
    outcome = await counter.commit(issuer_id=body.issuer, key=key, places=body.places)
    return messages.CommittedTold(committed=isinstance(outcome, Committed))


@router.delete("/holds/{key}", status_code=204, responses=problems(404))
async def release(world: TheWorld, seller: TheSeller, key: HoldKey, issuer: IssuerId) -> None:
    """Put everything that this key holds or has bought back on sale."""
    await selling.require_here(world, issuer)
    await selling.counter(world, seller).release(issuer_id=issuer, key=key)


@router.get("/tickets")
async def tickets(world: TheWorld, seller: TheSeller, after: UUID | None = None) -> messages.EntriesTold:
    """All entries of the caller's tickets by their ids, 500 at a time and without admissions."""
    found = await selling.entries(world, seller, after=after)
    return messages.EntriesTold(entries=[messages.EntryTold.of(one) for one in found])


@router.put("/tickets/{ticket_id}", status_code=204, responses=problems(404, 409))
async def register(world: TheWorld, seller: TheSeller, ticket_id: TicketId, body: messages.RegistrationAsked) -> None:
    """Take a ticket that was sold into the register; one that is there already stays as it is, with its uses."""
    await selling.register(world, seller, body.registration(ticket_id))


@router.post("/tickets/verify")
async def verify(world: TheWorld, seller: TheSeller, body: messages.VerifyAsked) -> messages.EntriesTold:
    """What the register holds of these tickets, with their admissions; those it does not know are left out."""
    found = await selling.counter(world, seller).verify(issuer_id=body.issuer, ticket_ids=body.tickets)
    return messages.EntriesTold(entries=[messages.EntryTold.of(one) for one in found])


@router.post("/tickets/{ticket_id}/revocation", responses=problems(404))
async def revoke(
    world: TheWorld, seller: TheSeller, ticket_id: TicketId, body: messages.RevocationAsked
) -> messages.RevokedTold:
    """Refuse a ticket from now on; with `unless_used` one that was used is left alone, and the answer says so."""
    outcome = await selling.counter(world, seller).revoke(
        issuer_id=body.issuer, ticket_id=ticket_id, key=body.key, free=body.free, unless_used=body.unless_used
    )
    if isinstance(outcome, Revoked):
        return messages.RevokedTold(revoked=True)
    return messages.RevokedTold(revoked=False, uses=outcome.uses)


@router.post("/tickets/{ticket_id}/replacement", responses=problems(404, 409))
async def replace(
    world: TheWorld, seller: TheSeller, ticket_id: TicketId, body: replacing.ReplacementAsked
) -> replacing.ReplacedTold:
    """Let a ticket become another one, with all that is left of it: the old codes die as the new ones come to life."""
    outcome = await selling.replace(world, seller, ticket_id, body.fresh.registration(body.ticket), body.terms())
    return replacing.ReplacedTold.of(outcome)


@router.put("/tickets/{ticket_id}/suspension", status_code=204, responses=problems(404))
async def suspend(world: TheWorld, seller: TheSeller, ticket_id: TicketId, body: messages.SuspensionAsked) -> None:
    """Refuse a ticket for the time being, or take it again; a revoked one stays revoked."""
    await selling.counter(world, seller).suspend(issuer_id=body.issuer, ticket_id=ticket_id, suspended=body.suspended)


@router.put("/tickets/{ticket_id}/holder-key", status_code=204, responses=problems(404))
async def bind(world: TheWorld, seller: TheSeller, ticket_id: TicketId, body: messages.BindingAsked) -> None:
    """Note by which key a ticket is shown as a living barcode; one that has its key already keeps it."""
    await selling.counter(world, seller).bind(issuer_id=body.issuer, ticket_id=ticket_id, holder_key=body.holder_key())


@router.get("/changes")
async def changes(
    world: TheWorld, seller: TheSeller, after: Annotated[int, Query(ge=0, le=messages.CODE_MAX)] = 0
) -> messages.ChangesTold:
    """The caller's entries that changed since the cursor `after`: admissions, revocations, spendings."""
    found = await selling.changes(world, seller, after=after)
    return messages.ChangesTold(
        entries=[messages.EntryTold.of(one) for one in found.entries],
        cursor=found.cursor,
        more=found.more,
        restarted=found.restarted,
    )


@router.post("/spendings")
async def spend(world: TheWorld, seller: TheSeller, body: messages.SpendAsked) -> messages.SpentTold:
    """Take value from a voucher, once per key."""
    outcome = await selling.counter(world, seller).spend(
        issuer_id=body.issuer, ticket_id=body.ticket, amount=body.amount, key=body.key
    )
    return messages.SpentTold(spent=isinstance(outcome, Spent), left=outcome.left)


@router.post("/spendings/back", status_code=204, responses=problems(404))
async def unspend(world: TheWorld, seller: TheSeller, body: messages.UnspendAsked) -> None:
    """Give back value that a key took; a key that took nothing will not take any more."""
    await selling.require_here(world, body.issuer)
    await selling.counter(world, seller).unspend(
        issuer_id=body.issuer, key=body.key, amount=body.amount, back_key=body.back_key
    )
