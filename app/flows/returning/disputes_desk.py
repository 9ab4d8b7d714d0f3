"""The disputes desk: what staff see of payments that banks have taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.dispute import DisputeState
from app.domain.refusals import NotFound
from app.flows.returning import evidence
from app.flows.staff import Member
from app.store import disputes
from app.world import World


async def listing(
    world: World, member: Member, *, state: DisputeState | None, after: UUID | None, limit: int
) -> list[sa.Row[Any]]:
    """Disputes of the issuers this member acts for, latest first."""
    member.require("money")
    async with world.transaction() as tx:
        return await disputes.recent(tx, issuer_id=member.issuer_id, state=state, after=after, limit=limit)


async def look(world: World, member: Member, dispute_id: UUID) -> tuple[sa.Row[Any], Mapping[str, Any]]:
    """A dispute with what was handed in for it, or would be now; raises NotFound."""
    member.require("money")
    async with world.transaction() as tx:
        found = await disputes.dispute(tx, dispute_id)
    if found is None or not member.acts_for(found.issuer_id):
        raise NotFound("There is no such dispute.")
    return found, found.evidence if found.evidence is not None else await evidence.gather(world, found, patient=False)
