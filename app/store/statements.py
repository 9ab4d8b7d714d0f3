"""Statements: what happened to an issuer's money within a time, and for which times it was paid."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.store.database import Tx
from app.store.tables.money import AccountKind

LINES = """
    WITH moved AS (
        SELECT t.kind, t.booking_id, count(*) AS entries,
            sum(CASE WHEN t.credit_id = a.id THEN t.amount ELSE -t.amount END) AS amount
        FROM account a JOIN transfer t ON a.id IN (t.debit_id, t.credit_id)
        WHERE a.issuer_id = :issuer AND a.kind = :kind AND a.currency = :currency AND t.at >= :start AND t.at < :end
        GROUP BY t.kind, t.booking_id
    )
    SELECT m.kind, p.slug, p.title, sum(m.amount)::bigint AS amount, sum(m.entries)::bigint AS entries,
        sum((SELECT count(*) FROM booking_item i WHERE i.booking_id = m.booking_id))::bigint AS tickets
    FROM moved m LEFT JOIN booking b ON b.id = m.booking_id LEFT JOIN product p ON p.id = b.product_id
    GROUP BY m.kind, p.slug, p.title ORDER BY m.kind, p.slug
"""


async def lines(tx: Tx, *, issuer_id: UUID, currency: str, start: datetime, end: datetime) -> list[sa.Row[Any]]:
    """What was added to and taken from what an issuer is to be paid, by kind and product.

    `tickets` counts those of the bookings concerned, `entries` the postings.
    """
    rows = await tx.execute(
        LINES,
        {
            "issuer": issuer_id,
            "kind": AccountKind.PAYABLE.value,
            "currency": currency,
            "start": start,
            "end": end,
        },
    )
    return list(rows)


async def paid_since(tx: Tx, *, issuer_id: UUID, currency: str, moment: datetime) -> int:
    """What an issuer was paid out at `moment` or later, in minor units."""
    found = await tx.execute(
        "SELECT coalesce(sum(t.amount), 0) FROM account a JOIN transfer t ON t.debit_id = a.id AND t.kind = 'payout'"
        " WHERE a.issuer_id = :issuer AND a.kind = 'payable' AND a.currency = :currency AND t.at >= :moment",
        {"issuer": issuer_id, "currency": currency, "moment": moment},
    )
    return int(found.scalar_one())


async def first_posting(tx: Tx, issuer_id: UUID) -> datetime | None:
    """When the issuer's books begin."""
    found = await tx.execute("SELECT min(at) FROM transfer WHERE issuer_id = :issuer", {"issuer": issuer_id})
    at: datetime | None = found.scalar_one()
    return at


async def settlements(tx: Tx, *, issuer_id: UUID, currency: str) -> list[sa.Row[Any]]:
    """The times for which an issuer was paid, latest first."""
    rows = await tx.execute(
        "SELECT * FROM settlement WHERE issuer_id = :issuer AND currency = :currency ORDER BY starts_at DESC",
        {"issuer": issuer_id, "currency": currency},
    )
    return list(rows)


async def add_settlement(
    tx: Tx,
    *,
    identity: UUID,
    issuer_id: UUID,
    currency: str,
    start: datetime,
    end: datetime,
    amount: int,
    note: str,
    now: datetime,
) -> None:
    await tx.execute(
        "INSERT INTO settlement (id, issuer_id, currency, starts_at, ends_at, amount, note, paid_at)"
        " VALUES (:id, :issuer, :currency, :start, :end, :amount, :note, :now)",
        {
            "id": identity,
            "issuer": issuer_id,
            "currency": currency,
            "start": start,
            "end": end,
            "amount": amount,
            "note": note,
            "now": now,
        },
    )


async def set_fee(tx: Tx, *, issuer_id: UUID, basis_points: int) -> None:
    """What we keep of the issuer's sales from now on."""
    await tx.execute(
        "UPDATE issuer SET fee_basis_points = :points WHERE id = :id", {"id": issuer_id, "points": basis_points}
    )


OF_A_NETWORK = """
    SELECT t.kind, CASE WHEN t.debit_id = a.id THEN t.amount ELSE -t.amount END AS amount, t.at,
        coalesce(m.reference, m.key) AS reference
    FROM (
        SELECT *, CAST(substring(key FROM '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}') AS uuid)
            AS subject FROM transfer WHERE at >= :start AND at < :end
            AND kind IN ('sale', 'late', 'refund_paid', 'refund_failed', 'dispute', 'dispute_won')
    ) t
        JOIN account a ON a.id IN (t.debit_id, t.credit_id) AND a.kind = 'card'
        LEFT JOIN refund r ON r.id = t.subject LEFT JOIN dispute d ON d.id = t.subject
        JOIN payment m ON m.id = coalesce(r.payment_id, d.payment_id, t.subject)
    WHERE m.provider = :provider ORDER BY t.at, t.id
"""
"""The key of each of these postings names the payment, refund or dispute it is about (docs/reference/ledger.md)."""


async def of_a_network(tx: Tx, *, provider: str, start: datetime, end: datetime) -> list[sa.Row[Any]]:
    """Our postings of what a card network moved, with its name of the payment; amounts are signed as it signs them."""
    return list(await tx.execute(OF_A_NETWORK, {"provider": provider, "start": start, "end": end}))


async def payments_by_reference(tx: Tx, *, provider: str, references: list[str]) -> dict[str, sa.Row[Any]]:
    """Our payments by the names that a network has for them."""
    rows = await tx.execute(
        "SELECT issuer_id, booking_id, currency, reference FROM payment"
        " WHERE provider = :provider AND reference = ANY(:references)",
        {"provider": provider, "references": references},
    )
    return {row.reference: row for row in rows}
