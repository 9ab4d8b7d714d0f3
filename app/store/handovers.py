"""Hand-overs of tickets whose register is another server's: one under way for each ticket, under the new one's id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.gift import Hand, HandoverState
from app.store.bulk import columns_of, insert_many
from app.store.database import Tx
from app.store.tables import Handover


@dataclass(frozen=True, slots=True)
class NewHandover:
    """A hand-over to write. `id` is the new ticket's, and number, code, generation and kid are."""

    id: UUID
    issuer_id: UUID
    ticket_id: UUID
    receiver: str
    came_by: Hand
    why: str
    tell_giver: bool
    offer_id: UUID | None
    number: str
    code: int
    generation: int
    kid: int


TAKEN = """
    SELECT EXISTS (SELECT FROM ticket WHERE (issuer_id, number) = (:issuer, :number))
        OR EXISTS (SELECT FROM handover WHERE (issuer_id, number) = (:issuer, :number))
"""


async def is_taken(tx: Tx, *, issuer_id: UUID, number: str) -> bool:
    """Whether a ticket of this issuer has that number, or is to have it."""
    return bool((await tx.execute(TAKEN, {"issuer": issuer_id, "number": number})).scalar_one())


async def write(tx: Tx, new: NewHandover, *, now: datetime) -> None:
    """The caller holds the ticket still, and has looked that no other hand-over of it is under way."""
    await insert_many(tx, Handover, [{**columns_of(new), "state": HandoverState.ASKED, "created_at": now}])


async def rename(tx: Tx, identity: UUID, *, number: str, code: int) -> None:
    """Another number and code for a ticket that is not there yet, because somebody else has one of them."""
    await tx.execute(
        "UPDATE handover SET number = :number, code = :code WHERE id = :id AND state = 'asked'",
        {"id": identity, "number": number, "code": code},
    )


FIND = "SELECT * FROM handover WHERE id = :id"


async def find(tx: Tx, identity: UUID, *, lock: bool = False) -> sa.Row[Any]:
    """One that was begun; locked, it is ended by nobody else until this transaction ends."""
    return (await tx.execute(FIND + " FOR UPDATE" * lock, {"id": identity})).one()


async def under_way(tx: Tx, ticket_id: UUID) -> sa.Row[Any] | None:
    """The hand-over of a ticket that has not ended."""
    found = await tx.execute("SELECT * FROM handover WHERE ticket_id = :id AND state = 'asked'", {"id": ticket_id})
    return found.first()


async def tell_giver(tx: Tx, identity: UUID) -> None:
    """Whoever handed it over went away before it was known how it ends: a message is to say so."""
    await tx.execute("UPDATE handover SET tell_giver = true WHERE id = :id AND state = 'asked'", {"id": identity})


async def coming(tx: Tx, ticket_ids: Sequence[UUID]) -> set[UUID]:
    """Those ids that are of tickets which a hand-over under way is to make."""
    found = await tx.execute(
        "SELECT id FROM handover WHERE id = ANY(:ids) AND state = 'asked'", {"ids": list(ticket_ids)}
    )
    return set(found.scalars())
