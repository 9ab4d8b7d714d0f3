"""A ticket from hand to hand: what goes over in the register, and the chain of those who had it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.entry_rules import EntryRules
from app.domain.gift import Left, Rest, Stays, Terms, rest
from app.domain.ticket import TicketEvent, TicketState
from app.store.database import Tx
from app.store.locks import exclusively
from app.store.moves import move_many
from app.store.tables import Credential


async def hold_still(tx: Tx, ticket_id: UUID) -> TicketState:
    """The state of a ticket, which stays so until this transaction ends."""
    found = await tx.execute("SELECT state FROM ticket WHERE id = :id FOR UPDATE", {"id": ticket_id})
    return TicketState(found.scalar_one())


LEFT = """
    SELECT c.state, c.uses + c.carried AS uses, c.uses_left, c.inside, c.balance, c.activated_until, c.last_used_at,
        p.entry_rules
    FROM credential c JOIN product p ON p.id = c.product_id WHERE c.ticket_id = :id AND c.seller = :seller
"""


async def left(tx: Tx, ticket_id: UUID, *, lock: bool) -> Left | None:
    """What the register says is left of a ticket of ours; locked, no gate takes of it until this transaction ends."""
    row = (await tx.execute(LEFT + " FOR UPDATE OF c" * lock, {"id": ticket_id, "seller": ""})).first()
    return None if row is None else _left(row)


def _left(row: sa.Row[Any]) -> Left:
    return Left(
        TicketState(row.state),
        row.uses,
        row.uses_left,
        row.inside,
        row.balance,
        row.activated_until,
        row.last_used_at,
    )


async def surrender(tx: Tx, ticket_id: UUID, terms: Terms, *, now: datetime, seller: str = "") -> Rest | Stays:
    """Take a ticket that is registered out of the register: what goes over to another one, or why it stays.

    A gate that is faster wins. The caller writes the other one in this transaction.
    """
    row = (await tx.execute(LEFT + " FOR UPDATE OF c", {"id": ticket_id, "seller": seller})).one()
    found = rest(_left(row), terms, reentry=EntryRules.of(row.entry_rules).reentry, now=now)
    if isinstance(found, Rest):
        moved = await move_many(tx, Credential, [ticket_id], TicketEvent.REVOKE)
        assert moved, "it was valid, and is locked"
    return found


async def successor(tx: Tx, ticket_id: UUID) -> UUID | None:
    """The entry that this one became."""
    found = await tx.execute("SELECT ticket_id FROM credential WHERE replaces = :id", {"id": ticket_id})
    identity: UUID | None = found.scalar_one_or_none()
    return identity


HAND_OVER = """
    WITH let_go AS (
        UPDATE credential SET inside = 0 WHERE ticket_id = :before AND :same AND inside > 0
    )
    UPDATE credential SET replaces = before.ticket_id, came_by = :came_by, activated_until = before.activated_until,
        -- A pass-back guard is not got round by a gift; without one, somebody else was never at a gate with it.
        last_used_at = CASE WHEN :same OR guarded THEN before.last_used_at END,
        last_gate_id = CASE WHEN :same OR guarded THEN before.last_gate_id END,
        -- Whoever is in with a ticket that is issued anew is in with the new one: they leave, and come again, by it.
        inside = CASE WHEN :same THEN before.inside ELSE 0 END,
        carried = CASE WHEN :same THEN before.inside ELSE 0 END,
        area = CASE WHEN :same THEN before.area ELSE '' END
    FROM (
        SELECT c.*, coalesce(CAST(p.entry_rules ->> 'pass_back_seconds' AS integer), 0) > 0 AS guarded
        FROM credential c JOIN product p ON p.id = c.product_id WHERE c.ticket_id = :before
    ) before
    WHERE credential.ticket_id = :after
"""


async def hand_over(tx: Tx, *, before: UUID, after: UUID, terms: Terms) -> None:
    """Write down which entry another one was; its window goes over, and its last use where that counts.

    Of a ticket that stays in its holder's hands those who are inside go over too.
    """
    await tx.execute(
        HAND_OVER,
        {"before": before, "after": after, "came_by": terms.came_by.value, "same": terms.same_hands},
    )


ENTRIES = """
    WITH RECURSIVE back AS (
        SELECT c.ticket_id, c.replaces, 0 AS step FROM credential c WHERE c.ticket_id = :id
        UNION ALL
        SELECT c.ticket_id, c.replaces, back.step - 1 FROM credential c JOIN back ON c.ticket_id = back.replaces
    ), onward AS (
        SELECT c.ticket_id, 0 AS step FROM credential c WHERE c.ticket_id = :id
        UNION ALL
        SELECT c.ticket_id, onward.step + 1 FROM credential c JOIN onward ON c.replaces = onward.ticket_id
    )
    SELECT c.ticket_id, c.number, c.came_by, c.registered_at, c.state
    FROM (SELECT ticket_id, step FROM back UNION SELECT ticket_id, step FROM onward) link JOIN credential c
        ON c.ticket_id = link.ticket_id
    ORDER BY link.step
"""


async def entries(tx: Tx, ticket_id: UUID) -> list[sa.Row[Any]]:
    """The entries of the register that one right has been, first to last, whoever sold it."""
    return list(await tx.execute(ENTRIES, {"id": ticket_id}))


async def handed_on_since(tx: Tx, handset: str, *, since: datetime) -> int:
    """How many tickets this handset gave away or offered to others; who else asks waits until this transaction ends."""
    await exclusively(tx, f"gifts:{handset}")
    found = await tx.execute(
        "SELECT (SELECT count(*) FROM ticket fresh JOIN ticket t ON t.id = fresh.gift_of WHERE t.handset = :handset"
        " AND fresh.came_by = 'given' AND fresh.issued_at > :since)"
        " + (SELECT count(*) FROM offer WHERE giver = :handset AND created_at > :since)"
        " + (SELECT count(*) FROM handover h JOIN ticket t ON t.id = h.ticket_id WHERE t.handset = :handset"
        " AND h.came_by = 'given' AND h.state = 'asked' AND h.created_at > :since)",
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
