"""Which tickets and accounts depend on a key of the ring, and what takes a secret's place in an account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.store.database import Tx

LIVING = """
    ticket.state <> 'revoked' AND ticket.valid_until > :now AND NOT EXISTS (
        SELECT 1 FROM credential c JOIN product p ON p.id = c.product_id WHERE c.ticket_id = ticket.id AND (
            c.balance = 0 OR c.balance IS NULL AND c.uses_left = 0 AND c.inside = 0
            AND NOT coalesce(CAST(p.entry_rules->>'reentry' AS boolean), false)
        )
    )
"""
"""A ticket that still opens something; one whose every use is made does not, unless its people may come in again."""
FOREIGN = "seller <> '' AND state <> 'revoked' AND uses_left > 0 AND valid_until > :now"


@dataclass(frozen=True, slots=True)
class Uses:
    """What a secret is needed for: living tickets, e-money accounts, and tickets that other servers sold."""

    tickets: int
    accounts: int
    foreign: int

    def __bool__(self) -> bool:
        return bool(self.tickets or self.accounts or self.foreign)


async def of_secret(tx: Tx, kid: int, *, now: datetime) -> Uses:
    """How much is derived from this secret."""
    row = (
        await tx.execute(
            f"""
                SELECT (SELECT count(*) FROM ticket WHERE kid = :kid AND {LIVING})
                        -- And what an issuer's own server is still to make of one.
                        + (SELECT count(*) FROM handover WHERE kid = :kid AND state = 'asked') AS tickets,
                    (SELECT count(*) FROM account WHERE kid = :kid AND kind = 'prepaid') AS accounts,
                    (SELECT count(*) FROM credential WHERE kid = :kid AND {FOREIGN}) AS "foreign"
            """,  # noqa: S608 - constants of this module
            {"kid": kid, "now": now},
        )
    ).one()
    return Uses(row.tickets, row.accounts, row.foreign)


async def issued_until(tx: Tx, until: datetime | None, *, now: datetime) -> int:
    """How many living tickets were issued before `until`, and may have been saved with a barcode of that time."""
    found = await tx.execute(
        f"SELECT count(*) FROM ticket WHERE (CAST(:until AS timestamptz) IS NULL OR issued_at < :until) AND {LIVING}",  # noqa: S608 - constants of this module
        {"until": until, "now": now},
    )
    return int(found.scalar_one())


async def tickets_of_secret(tx: Tx, kid: int, *, after: UUID, now: datetime, limit: int) -> Sequence[UUID]:
    """Living tickets under this secret, in the order of their ids, from the one after `after`."""
    rows = await tx.execute(
        f"SELECT id FROM ticket WHERE kid = :kid AND id > :after AND {LIVING} ORDER BY id LIMIT :limit",  # noqa: S608 - constants of this module
        {"kid": kid, "after": after, "now": now, "limit": limit},
    )
    return list(rows.scalars())


async def rekey_accounts(tx: Tx, kid: int, *, to: int, limit: int) -> Sequence[sa.Row[tuple[UUID, UUID, str]]]:
    """Give prepaid accounts of one secret another, and with it another PIN; (id, issuer_id, handset) of each."""
    rows = await tx.execute(
        """
            UPDATE account SET kid = :to, generation = generation + 1 WHERE id IN (
                SELECT id FROM account WHERE kid = :kid AND kind = 'prepaid' ORDER BY id LIMIT :limit FOR UPDATE
            ) RETURNING id, issuer_id, handset
        """,
        {"kid": kid, "to": to, "limit": limit},
    )
    return list(rows)
