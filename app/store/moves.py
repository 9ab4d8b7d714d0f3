"""The only way a state changes: compare and set along the table of its machine."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BOOKING
from app.domain.delivery import DELIVERY
from app.domain.dispute import DISPUTE
from app.domain.gate import GATE
from app.domain.gift import OFFER
from app.domain.machine import IllegalTransition, Machine
from app.domain.payment import PAYMENT
from app.domain.refund import REFUND
from app.domain.ticket import TICKET
from app.store.database import Tx
from app.store.tables import Booking, Credential, Delivery, Dispute, Gate, Offer, Payment, Refund, Ticket

Row = (
    type[Booking]
    | type[Payment]
    | type[Ticket]
    | type[Delivery]
    | type[Credential]
    | type[Gate]
    | type[Refund]
    | type[Dispute]
    | type[Offer]
)

MACHINES: dict[Row, Machine[Any, Any]] = {
    Booking: BOOKING,
    Payment: PAYMENT,
    Ticket: TICKET,
    Delivery: DELIVERY,
    Credential: TICKET,
    Gate: GATE,
    Refund: REFUND,
    Dispute: DISPUTE,
    Offer: OFFER,
}


async def move_many(tx: Tx, row: Row, ids: Sequence[UUID], event: StrEnum, **also: object) -> set[UUID]:
    """Move those of `ids` whose present state knows `event`, setting `also`; returns the ids that moved."""
    if not ids:
        return set()
    found = await tx.execute(_statement(row, event, tuple(also)), {"moving": list(ids), **also})
    return set(found.scalars())


@lru_cache(maxsize=256)
def _statement(row: Row, event: StrEnum, columns: tuple[str, ...]) -> str:
    machine = MACHINES[row]
    table = sa.inspect(row).local_table
    (identity,) = table.primary_key.columns
    sources = ", ".join(f"'{state.value}'" for state in sorted(machine.sources(event)))
    values = ", ".join([f"state = '{machine.target(event).value}'", *(f"{name} = :{name}" for name in columns)])
    return (
        f"UPDATE {table.name} SET {values} WHERE {identity.name} = ANY(:moving) AND state IN ({sources})"  # noqa: S608 - names of our own tables, words of our own machines
        f" RETURNING {identity.name}"
    )


async def move(tx: Tx, row: Row, identity: UUID, event: StrEnum, **also: object) -> None:
    """Move one row; raises IllegalTransition when its state does not know the event or somebody was first."""
    if not await move_many(tx, row, [identity], event, **also):
        raise IllegalTransition(f"{MACHINES[row].noun} {identity} cannot {event.value}")
