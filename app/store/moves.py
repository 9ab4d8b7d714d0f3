"""The only way a state changes: compare and set along the table of its machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BOOKING
from app.domain.delivery import DELIVERY
from app.domain.dispute import DISPUTE
from app.domain.gate import GATE
from app.domain.gift import HANDOVER, OFFER
from app.domain.machine import IllegalTransition, Machine
from app.domain.payment import PAYMENT
from app.domain.refund import REFUND
from app.domain.ticket import TICKET
from app.store.bulk import pg_type
from app.store.database import Tx
from app.store.tables import Booking, Credential, Delivery, Dispute, Gate, Handover, Offer, Payment, Refund, Ticket

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
    | type[Handover]
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
    Handover: HANDOVER,
}


async def move_many(tx: Tx, row: Row, ids: Sequence[UUID], event: StrEnum, **also: object) -> set[UUID]:
    """Move those of `ids` whose present state knows `event`, setting `also`; returns the ids that moved."""
    if not ids:
        return set()
    found = await tx.execute(_statement(row, event, tuple(also)), {"moving": list(ids), **also})
    return set(found.scalars())


async def move_each(
    tx: Tx, row: Row, ids: Sequence[UUID], event: StrEnum, each: Mapping[str, Sequence[object]], **also: object
) -> set[UUID]:
    """`move_many` with values of its own for each of `ids`, which are all different: `each` has them by column."""
    if not ids:
        return set()
    found = await tx.execute(_statement(row, event, tuple(also), tuple(each)), {"moving": list(ids), **each, **also})
    return set(found.scalars())


@lru_cache(maxsize=256)
def _statement(row: Row, event: StrEnum, columns: tuple[str, ...], each: tuple[str, ...] = ()) -> str:
    table = sa.inspect(row).local_table
    (identity,) = table.primary_key.columns
    target, sources = step(row, event)
    own = (f"{name} = :{name}" for name in columns)
    values = ", ".join([target, *own, *(f"{name} = w.{name}" for name in each)])
    arrays = ", ".join(f"CAST(:{name} AS {pg_type(table.c[name].type)}[])" for name in each)
    return (
        f"UPDATE {table.name} SET {values}"  # noqa: S608 - names of our own tables, words of our own machines
        + (f" FROM unnest(CAST(:moving AS uuid[]), {arrays}) AS w(moving, {', '.join(each)})" if each else "")
        + f" WHERE {table.name}.{identity.name} = {'w.moving' if each else 'ANY(:moving)'}"
        f" AND {table.name}.{sources} RETURNING {table.name}.{identity.name}"
    )


def step(row: Row, event: StrEnum) -> tuple[str, str]:
    """What a larger statement SETs, and its condition, where moving rows is a part of it."""
    machine = MACHINES[row]
    sources = ", ".join(f"'{state.value}'" for state in sorted(machine.sources(event)))
    return f"state = '{machine.target(event).value}'", f"state IN ({sources})"


async def move(tx: Tx, row: Row, identity: UUID, event: StrEnum, **also: object) -> None:
    """Move one row; raises IllegalTransition when its state does not know the event or somebody was first."""
    if not await move_many(tx, row, [identity], event, **also):
        raise IllegalTransition(f"{MACHINES[row].noun} {identity} cannot {event.value}")
