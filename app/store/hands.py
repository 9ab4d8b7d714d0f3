"""A ticket from hand to hand: what goes over in the register, and the chain of those who had it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.gift import Left
from app.domain.ticket import TicketState
from app.store.database import Tx
from app.store.locks import exclusively


async def hold_still(tx: Tx, ticket_id: UUID) -> TicketState:
    """The state of a ticket, which stays so until this transaction ends."""
    found = await tx.execute("SELECT state FROM ticket WHERE id = :id FOR UPDATE", {"id": ticket_id})
    return TicketState(found.scalar_one())


LEFT = """
    SELECT state, uses, uses_left, inside, balance, activated_until FROM credential
    WHERE ticket_id = :id AND seller = ''
"""


async def left(tx: Tx, ticket_id: UUID, *, lock: bool) -> Left | None:
    """What the register says is left of a ticket of ours; locked, no gate takes of it until this transaction ends."""
    row = (await tx.execute(LEFT + " FOR UPDATE" * lock, {"id": ticket_id})).first()
    if row is None:
        return None
    return Left(TicketState(row.state), row.uses, row.uses_left, row.inside, row.balance, row.activated_until)


async def used_since(tx: Tx, ticket_id: UUID, *, since: datetime) -> bool:
    """Whether the ticket let somebody in after that: of a pass the uses do not tell it, and its time may run now."""
    found = await tx.execute(
        "SELECT EXISTS (SELECT FROM credential WHERE ticket_id = :id AND last_used_at > :since)",
        {"id": ticket_id, "since": since},
    )
    return bool(found.scalar_one())


async def hand_over(tx: Tx, *, before: UUID, after: UUID, last_use: bool) -> None:
    """What an entry knows of its window, and of its last use where that counts (`last_use`), goes over to another."""
    columns = ["activated_until", *(["last_used_at", "last_gate_id"] if last_use else [])]
    values = ", ".join(f"{name} = before.{name}" for name in columns)
    await tx.execute(
        f"UPDATE credential SET {values} FROM credential before"  # noqa: S608 - our own words
        " WHERE credential.ticket_id = :after AND before.ticket_id = :before",
        {"before": before, "after": after},
    )


async def handed_on_since(tx: Tx, handset: str, *, since: datetime) -> int:
    """How many tickets this handset gave away or offered to others; who else asks waits until this transaction ends."""
    await exclusively(tx, f"gifts:{handset}")
    found = await tx.execute(
        "SELECT (SELECT count(*) FROM ticket fresh JOIN ticket t ON t.id = fresh.gift_of WHERE t.handset = :handset"
        " AND fresh.came_by = 'given' AND fresh.issued_at > :since)"
        " + (SELECT count(*) FROM offer WHERE giver = :handset AND created_at > :since)",
        {"handset": handset, "since": since},
    )
    return int(found.scalar_one())


CHAIN = """
    WITH RECURSIVE back AS (
        SELECT t.id, t.gift_of, 0 AS step FROM ticket t WHERE t.id = :id
        UNION ALL
        SELECT t.id, t.gift_of, back.step - 1 FROM ticket t JOIN back ON t.id = back.gift_of
    ), onward AS (
        SELECT t.id, 0 AS step FROM ticket t WHERE t.id = :id
        UNION ALL
        SELECT t.id, onward.step + 1 FROM ticket t JOIN onward ON t.gift_of = onward.id
    )
    SELECT t.id, t.number, t.generation, t.handset, t.came_by, t.issued_at, t.state, t.revoked_at, t.revoked_why,
        b.buyer, f.asked, f.currency
    FROM (SELECT id, step FROM back UNION SELECT id, step FROM onward) link JOIN ticket t ON t.id = link.id
        JOIN booking b ON b.id = t.booking_id LEFT JOIN offer f ON f.became = t.id
    ORDER BY link.step
"""


async def chain(tx: Tx, ticket_id: UUID) -> list[sa.Row[Any]]:
    """The tickets that one right has been, first to last, whichever of them is named."""
    return list(await tx.execute(CHAIN, {"id": ticket_id}))
