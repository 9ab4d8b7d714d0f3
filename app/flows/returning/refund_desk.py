"""The refund desk: what staff return, look at, try again, or settle by hand when no network does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.refund import RefundEvent, RefundReason, RefundState
from app.domain.refusals import NotFound, WrongState
from app.flows.books import ledger
from app.flows.returning import paying_back, refund
from app.flows.returning.refund import CARRIED_BY_THE_ASKER, Refunding
from app.flows.staff import Member
from app.flows.tickets import show
from app.store import journal, outbox, refunds
from app.store.database import Tx
from app.store.moves import move_many
from app.store.refunds import owed_refund
from app.store.tables import Refund
from app.world import World


async def give_back(
    world: World,
    member: Member,
    *,
    booking_id: UUID,
    ticket_ids: Sequence[UUID] | None,
    note: str,
    used_too: bool = False,
) -> Refunding:
    """Return tickets for a buyer, whatever the product's rule; used ones take the scope `supervise`.

    Raises NotAllowed, NotFound, WrongState.
    """
    member.require("refund")
    if used_too:
        member.require("supervise")
    view = await show.booking(world, booking_id)
    if not member.acts_for(view.booking.issuer_id):
        raise NotFound("There is no such booking.")
    return await refund.ask(
        world,
        booking_id=booking_id,
        ticket_ids=ticket_ids,
        reason=RefundReason.STAFF,
        by=member.name,
        note=note,
        used_too=used_too,
    )


async def listing(
    world: World, member: Member, *, state: RefundState | None, after: UUID | None, limit: int
) -> list[sa.Row[Any]]:
    """Refunds of the issuers this member acts for, latest first."""
    member.require("refund")
    async with world.transaction() as tx:
        return await refunds.recent(tx, issuer_id=member.issuer_id, state=state, after=after, limit=limit)


async def retry(world: World, member: Member, refund_id: UUID) -> Refunding:
    """Try a refund that failed again, under a new key; raises NotFound, WrongState.

    One that was never answered keeps its key: a network that did give the money back says so then.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        found = await _failed(tx, member, refund_id)
        attempt = found.attempt if found.detail == paying_back.UNANSWERED else found.attempt + 1
        await move_many(tx, Refund, [refund_id], RefundEvent.RETRY, attempt=attempt, reference=None, updated_at=now)
        owed = owed_refund(
            world.entropy.uuid(), found.issuer_id, refund_id, key=f"{refund_id}:{attempt}:{now:%Y%m%d%H%M%S}"
        )
        await outbox.put(tx, [owed], now=now + CARRIED_BY_THE_ASKER)
        await _remember(tx, member, found, "refund retried", "", world)
    await refund.carry_on(world, refund_id)
    return await refund.look(world, refund_id)


async def by_hand(world: World, member: Member, refund_id: UUID, note: str) -> Refunding:
    """The buyer has their money by another way, which the note names; raises NotFound, WrongState.

    In the books it comes out of our own cash: what the network holds of that payment is still ours to ask for.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        found = await _failed(tx, member, refund_id)
        await move_many(
            tx, Refund, [refund_id], RefundEvent.RETRY, attempt=found.attempt + 1, reference=None, updated_at=now
        )
        await move_many(tx, Refund, [refund_id], RefundEvent.SUCCEED, detail=f"by hand: {note}", updated_at=now)
        settled = await refunds.locked(tx, refund_id)
        assert settled is not None, "it was locked just now"
        await ledger.refund_paid(tx, world, settled, by_hand=True, now=now)
        await paying_back.settle(tx, world, found.booking_id)
        await _remember(tx, member, found, "refund by hand", note, world)
    return await refund.look(world, refund_id)


async def _failed(tx: Tx, member: Member, refund_id: UUID) -> sa.Row[Any]:
    """A failed refund of this member's issuers, locked."""
    member.require("refund")
    found = await refunds.locked(tx, refund_id)
    if found is None or not member.acts_for(found.issuer_id):
        raise NotFound("There is no such refund.")
    if found.state != RefundState.FAILED:
        raise WrongState(f"This refund is {found.state}; only one that failed is tried again or settled by hand.")
    return found


async def _remember(  # noqa: PLR0917 - the two callers are above
    tx: Tx, member: Member, found: sa.Row[Any], action: str, note: str, world: World
) -> None:
    await journal.append(
        tx,
        chain=found.issuer_slug,
        issuer_id=found.issuer_id,
        actor=member.name,
        action=action,
        subject=f"booking {found.booking_id}",
        details={"refund": str(found.id), "amount": found.amount, "currency": found.currency, "note": note},
        now=world.clock.now(),
    )
