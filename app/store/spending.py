"""What is taken from vouchers in the register, and given back: each key counts once, in whatever order they come."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.store.database import Tx
from app.store.locks import exclusively


async def begin(tx: Tx, *, issuer_id: UUID, key: str) -> sa.Row[Any] | None:
    """What `key` has done so far, locked against others who ask by the same key until this transaction ends."""
    await exclusively(tx, f"spend:{issuer_id}:{key}")
    query = "SELECT ticket_id, amount FROM spend WHERE issuer_id = :issuer AND key = :key"
    return (await tx.execute(query, {"issuer": issuer_id, "key": key})).first()


async def balance(tx: Tx, ticket_id: UUID, *, seller: str) -> int:
    """What is left on a voucher that counts; 0 for every other."""
    found = await tx.execute(
        "SELECT balance FROM credential WHERE ticket_id = :id AND seller = :seller AND state = 'valid'",
        {"id": ticket_id, "seller": seller},
    )
    return found.scalar_one_or_none() or 0


TAKE = """
    WITH taken AS (
        UPDATE credential SET balance = balance - :amount,
            uses_left = CASE WHEN balance = :amount THEN 0 ELSE uses_left END
        WHERE ticket_id = :id AND issuer_id = :issuer AND seller = :seller AND state = 'valid' AND balance >= :amount
            AND valid_from <= :now AND valid_until > :now
        RETURNING balance
    ), written AS (
        INSERT INTO spend (issuer_id, key, ticket_id, amount, at)
        SELECT CAST(:issuer AS uuid), :key, CAST(:id AS uuid), :amount, :now FROM taken
    )
    SELECT balance FROM taken
"""


async def take(
    tx: Tx, *, issuer_id: UUID, ticket_id: UUID, amount: int, key: str, seller: str, now: datetime
) -> int | None:
    """Take `amount` from a voucher that has it; what is left then, or None where nothing was taken."""
    values = {"issuer": issuer_id, "id": ticket_id, "amount": amount, "key": key, "seller": seller, "now": now}
    left: int | None = (await tx.execute(TAKE, values)).scalar_one_or_none()
    return left


async def give_up(tx: Tx, *, issuer_id: UUID, key: str, now: datetime) -> None:
    """See to it that `key`, which took nothing so far, never will: a request of it may still be under way."""
    await tx.execute(
        "INSERT INTO spend (issuer_id, key, ticket_id, amount, at) VALUES (:issuer, :key, NULL, 0, :now)",
        {"issuer": issuer_id, "key": key, "now": now},
    )


GIVE_BACK = """
    WITH given AS (
        INSERT INTO spend (issuer_id, key, ticket_id, amount, reverses, at)
        SELECT issuer_id, :back, ticket_id, - CAST(:amount AS bigint), key, :now FROM spend
        WHERE issuer_id = :issuer AND key = :key AND amount >= :amount - (
            SELECT coalesce(sum(amount), 0) FROM spend back WHERE back.issuer_id = :issuer AND back.reverses = :key
        )
        ON CONFLICT (issuer_id, key) DO NOTHING
        RETURNING ticket_id
    )
    UPDATE credential SET balance = balance + :amount, uses_left = CASE WHEN balance > 0 THEN uses_left
        ELSE uses - (SELECT count(a.use_no) FROM admission a WHERE a.ticket_id = credential.ticket_id) END
    FROM given
    WHERE credential.ticket_id = given.ticket_id
"""


async def give_back(tx: Tx, *, issuer_id: UUID, key: str, amount: int, back_key: str, now: datetime) -> None:
    """Give `amount` of what `key` took back to its voucher, once per `back_key`; never more than was taken."""
    values = {"issuer": issuer_id, "key": key, "amount": amount, "back": back_key, "now": now}
    await tx.execute(GIVE_BACK, values)
