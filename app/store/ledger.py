"""Postings by the kinds of their accounts, and what the accounts hold. A posting is written once per key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.store.bulk import insert_many
from app.store.database import Tx
from app.store.tables import Account
from app.store.tables.money import AccountKind, TransferKind

NewId = Callable[[], UUID]

OWN_CLEARING = {
    "carrier": AccountKind.CARRIER,
    "emoney": AccountKind.EMONEY,
    "voucher": AccountKind.VOUCHER,
}


def clearing(provider: str) -> AccountKind:
    """The account that money of this way to be paid comes through; whatever is not our own is a card network."""
    return OWN_CLEARING.get(provider, AccountKind.CARD)


@dataclass(frozen=True, slots=True)
class Posting:
    """Money from the debited account of an issuer to its credited one; never a prepaid account, which has a balance."""

    issuer_id: UUID
    key: str
    kind: TransferKind
    debit: AccountKind
    credit: AccountKind
    amount: int
    """Minor units, more than 0."""
    currency: str
    booking_id: UUID | None = None


POST = """
    INSERT INTO transfer (id, issuer_id, key, kind, debit_id, credit_id, amount, booking_id, at)
    SELECT w.id, w.issuer_id, w.key, w.kind, d.id, c.id, w.amount, w.booking_id, :now
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:issuers AS uuid[]), CAST(:keys AS varchar[]), CAST(:kinds AS varchar[]),
        CAST(:debits AS varchar[]), CAST(:credits AS varchar[]), CAST(:amounts AS bigint[]),
        CAST(:currencies AS varchar[]), CAST(:bookings AS uuid[])
    ) AS w(id, issuer_id, key, kind, debit, credit, amount, currency, booking_id)
        JOIN account d
            ON d.issuer_id = w.issuer_id AND d.kind = w.debit AND d.currency = w.currency AND d.handset IS NULL
        JOIN account c
            ON c.issuer_id = w.issuer_id AND c.kind = w.credit AND c.currency = w.currency AND c.handset IS NULL
    ON CONFLICT (issuer_id, key) DO NOTHING
    RETURNING key
"""


async def post(tx: Tx, postings: Sequence[Posting], *, new_id: NewId, now: datetime) -> set[str]:
    """Write postings, making accounts that are missing; the keys that are new. A key that was posted stays as it is.

    One statement wherever the accounts are there: each finds them by their kinds, so that no process remembers ids.
    """
    if not postings:
        return set()
    written = await _post(tx, postings, new_id, now)
    missing = [one for one in postings if one.key not in written]
    if missing:
        await _open(tx, missing, new_id, now)
        written |= await _post(tx, missing, new_id, now)
    return written


async def _post(tx: Tx, postings: Sequence[Posting], new_id: NewId, now: datetime) -> set[str]:
    found = await tx.execute(
        POST,
        {
            "ids": [new_id() for _ in postings],
            "issuers": [one.issuer_id for one in postings],
            "keys": [one.key for one in postings],
            "kinds": [one.kind.value for one in postings],
            "debits": [one.debit.value for one in postings],
            "credits": [one.credit.value for one in postings],
            "amounts": [one.amount for one in postings],
            "currencies": [one.currency for one in postings],
            "bookings": [one.booking_id for one in postings],
            "now": now,
        },
    )
    return set(found.scalars())


async def _open(tx: Tx, postings: Sequence[Posting], new_id: NewId, now: datetime) -> None:
    """Make the accounts of these postings that are missing, always in one order, so that two who do it just wait."""
    wanted = sorted({(one.issuer_id, side, one.currency) for one in postings for side in (one.debit, one.credit)})
    rows = [
        {
            "id": new_id(),
            "issuer_id": issuer_id,
            "kind": kind,
            "currency": currency,
            "generation": 1,
            "created_at": now,
        }
        for issuer_id, kind, currency in wanted
    ]
    await insert_many(tx, Account, rows, on_conflict="ON CONFLICT (issuer_id, kind, handset, currency) DO NOTHING")


async def amount_of(tx: Tx, *, issuer_id: UUID, key: str) -> int:
    """What was posted under a key; 0 where nothing was."""
    found = await tx.execute(
        "SELECT amount FROM transfer WHERE issuer_id = :issuer AND key = :key", {"issuer": issuer_id, "key": key}
    )
    return int(found.scalar_one_or_none() or 0)


async def balance(tx: Tx, *, issuer_id: UUID, kind: AccountKind, currency: str, before: datetime | None = None) -> int:
    """Credits less debits of an account without a handset, of all time or before a moment, in minor units."""
    found = await tx.execute(
        "SELECT coalesce(sum(CASE WHEN t.credit_id = a.id THEN t.amount ELSE -t.amount END), 0) FROM account a"
        " JOIN transfer t ON a.id IN (t.debit_id, t.credit_id) WHERE a.issuer_id = :issuer AND a.kind = :kind"
        " AND a.currency = :currency AND (CAST(:before AS timestamptz) IS NULL OR t.at < :before)",
        {"issuer": issuer_id, "kind": kind.value, "currency": currency, "before": before},
    )
    return int(found.scalar_one())
