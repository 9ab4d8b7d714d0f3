"""The register for the issuer's own staff: what it holds under a number, and refusing what another server sold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.credential import Unreadable, parse_number
from app.domain.refusals import BadLine, NotFound, WrongState
from app.domain.ticket import TicketState
from app.flows.staff import Member
from app.store import hands, journal, register, register_find
from app.world import World


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of the register with its admissions, and all the entries that its right has been, first to last."""

    row: sa.Row[Any]
    admissions: Sequence[sa.Row[Any]]
    chain: Sequence[sa.Row[Any]]


async def entries(world: World, *, issuer_id: UUID, typed: str) -> list[Found]:
    """What the register holds under a number as a person types it; raises BadLine, NotFound."""
    number = parse_number(typed)
    if isinstance(number, Unreadable):
        raise BadLine(number.words("en"))
    async with world.transaction() as tx:
        rows = (await register_find.by_number(tx, [(issuer_id, number)])).get((issuer_id, number), [])
        seen = await register.admissions(tx, [row.ticket_id for row in rows])
        chains = {row.ticket_id: await hands.entries(tx, row.ticket_id) for row in rows}
    if not rows:
        raise NotFound("The register has no ticket with this number.")
    return [Found(row, [one for one in seen if one.ticket_id == row.ticket_id], chains[row.ticket_id]) for row in rows]


async def revoke(world: World, member: Member, ticket_id: UUID, *, reason: str) -> None:
    """Refuse a ticket that another server sold; its seller hears of it. Raises NotFound, WrongState."""
    now = world.clock.now()
    async with world.transaction() as tx:
        entry = await register.of_any_seller(tx, ticket_id)
        if entry is None or not member.acts_for(entry.issuer_id):
            raise NotFound("The register has no such ticket.")
        if not entry.seller:
            raise WrongState("This ticket was sold here: revoke the ticket itself, so that its holder is told.")
        if entry.state == TicketState.REVOKED:
            raise WrongState("This ticket was revoked already.")
        await register.revoke(tx, ticket_id)
        await journal.append(
            tx,
            chain=entry.issuer_slug,
            issuer_id=entry.issuer_id,
            actor=member.name,
            action="register.revoke",
            subject=f"ticket {ticket_id}",
            details={"reason": reason, "seller": entry.seller},
            now=now,
        )
