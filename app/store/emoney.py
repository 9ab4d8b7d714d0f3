"""E-money accounts and transfers: a transfer is written once per key, and no prepaid balance goes below zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import PIN_WINDOW_MINUTES
from app.store.bulk import insert_many
from app.store.database import Tx
from app.store.register_pins import Guard
from app.store.tables import Transfer
from app.store.tables.money import AccountKind, TransferKind

PREPAID = """
    SELECT a.* FROM account a WHERE a.kind = 'prepaid' AND (a.issuer_id, a.handset, a.currency) IN (
        SELECT * FROM unnest(CAST(:issuers AS uuid[]), CAST(:handsets AS varchar[]), CAST(:currencies AS varchar[]))
    )
"""


async def prepaid(
    tx: Tx, wanted: Sequence[tuple[UUID, str, str]], *, lock: bool = True
) -> dict[tuple[UUID, str, str], sa.Row[Any]]:
    """Prepaid accounts by (issuer, handset, currency); locked, in the order of their ids, where balances matter."""
    issuers, handsets, currencies = (list(column) for column in zip(*wanted, strict=True))
    rows = await tx.execute(
        PREPAID + " ORDER BY a.id FOR UPDATE" * lock,
        {"issuers": issuers, "handsets": handsets, "currencies": currencies},
    )
    return {(row.issuer_id, row.handset, row.currency): row for row in rows}


async def account(tx: Tx, identity: UUID) -> sa.Row[Any] | None:
    return (await tx.execute("SELECT * FROM account WHERE id = :id", {"id": identity})).first()


async def change_pins(tx: Tx, handset: str, *, issuer_id: UUID | None) -> list[sa.Row[Any]]:
    """Another PIN for each prepaid account of a handset, of one issuer or of all: (id, issuer_id) of each."""
    rows = await tx.execute(
        "UPDATE account SET generation = account.generation + 1 FROM issuer i"
        " WHERE account.issuer_id = i.id AND (CAST(:issuer AS uuid) IS NULL OR i.id = :issuer)"
        " AND account.kind = 'prepaid' AND account.handset = :handset RETURNING account.id, account.issuer_id",
        {"handset": handset, "issuer": issuer_id},
    )
    return list(rows)


async def open_account(
    tx: Tx,
    *,
    new_id: Callable[[], UUID],
    issuer_id: UUID,
    kind: AccountKind,
    currency: str,
    now: datetime,
    handset: str | None = None,
    kid: int | None = None,
) -> sa.Row[Any]:
    """The account of this kind, made when it is missing."""
    await tx.execute(
        "INSERT INTO account (id, issuer_id, kind, handset, currency, balance, generation, kid, created_at)"
        " VALUES (:id, :issuer, :kind, :handset, :currency, :balance, 1, :kid, :now)"
        " ON CONFLICT (issuer_id, kind, handset, currency) DO NOTHING",
        {
            "id": new_id(),
            "issuer": issuer_id,
            "kind": kind.value,
            "handset": handset,
            "currency": currency,
            "balance": 0 if kind is AccountKind.PREPAID else None,
            "kid": kid,
            "now": now,
        },
    )
    found = await tx.execute(
        "SELECT * FROM account WHERE issuer_id = :issuer AND kind = :kind AND currency = :currency"
        " AND handset IS NOT DISTINCT FROM CAST(:handset AS varchar) FOR UPDATE",
        {"issuer": issuer_id, "kind": kind.value, "currency": currency, "handset": handset},
    )
    return found.one()


async def account_id(
    tx: Tx,
    *,
    new_id: Callable[[], UUID],
    issuer_id: UUID,
    kind: AccountKind,
    currency: str,
    now: datetime,
) -> UUID:
    """The issuer's own account of this kind, made when it is missing, never locked: every sale names it."""
    query = (
        "SELECT id FROM account WHERE issuer_id = :issuer AND kind = :kind AND currency = :currency AND handset IS NULL"
    )
    names = {"issuer": issuer_id, "kind": kind.value, "currency": currency}
    found: UUID | None = (await tx.execute(query, names)).scalar_one_or_none()
    if found is None:
        row = await open_account(tx, new_id=new_id, issuer_id=issuer_id, kind=kind, currency=currency, now=now)
        found = row.id
    assert found is not None
    return found


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """Money from the debited account to the credited one; `reverses` names the charge that a refund gives back."""

    id: UUID
    issuer_id: UUID
    key: str
    kind: TransferKind
    debit_id: UUID
    credit_id: UUID
    amount: int
    reverses: str | None = None
    ticket_id: UUID | None = None
    booking_id: UUID | None = None


async def post(tx: Tx, transfers: Sequence[NewTransfer], *, now: datetime) -> None:
    """Write transfers and move the balances of the prepaid sides. Keys must be new: ask `posted` first, under lock.

    A balance that would go below zero breaks its CHECK, and the transaction with it.
    """
    if not transfers:
        return
    change: dict[UUID, int] = {}
    for one in transfers:
        change[one.debit_id] = change.get(one.debit_id, 0) - one.amount
        change[one.credit_id] = change.get(one.credit_id, 0) + one.amount
    await insert_many(
        tx,
        Transfer,
        [{name: getattr(one, name) for name in NewTransfer.__slots__} | {"at": now} for one in transfers],
        update=(MOVE_BALANCES, {"accounts": list(change), "changes": list(change.values())}),
    )


MOVE_BALANCES = """
    UPDATE account SET balance = balance + w.change
    FROM unnest(CAST(:accounts AS uuid[]), CAST(:changes AS bigint[])) AS w(id, change)
    WHERE account.id = w.id AND account.balance IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Charging:
    """A charge that is to be made of a locked account, by its key, with what wrong PINs of it are counted by."""

    key: str
    currency: str
    guard: Guard


@dataclass(slots=True)
class BeforeCharge:
    """What is known of a charge before it is made."""

    posted: bool
    given_up: bool
    """Somebody else decides what becomes of its attempt: who gave it up has looked whether it was charged."""
    tries: int
    """Wrong PINs in the running window; nobody else counts any until this transaction ends."""
    clearing: UUID | None
    """The issuer's account that it comes through; None where it is still to be made."""


BEFORE_CHARGES = """
    WITH attempt AS (
        SELECT key, state FROM payment WHERE key = ANY(:keys) ORDER BY id FOR SHARE
    ), guard AS (
        SELECT * FROM pin_guard WHERE (issuer_id, number) IN (
            SELECT * FROM unnest(CAST(:issuers AS uuid[]), CAST(:numbers AS varchar[]))
        ) ORDER BY issuer_id, number FOR UPDATE
    )
    SELECT w.key, t.key IS NOT NULL AS posted, a.state <> 'submitted' AS given_up, c.id AS clearing,
        CASE WHEN g.since >= :since THEN g.tries ELSE 0 END AS tries
    FROM unnest(
        CAST(:keys AS varchar[]), CAST(:issuers AS uuid[]), CAST(:numbers AS varchar[]), CAST(:currencies AS varchar[])
    ) AS w(key, issuer_id, number, currency)
        LEFT JOIN transfer t ON t.issuer_id = w.issuer_id AND t.key = w.key
        LEFT JOIN attempt a ON a.key = w.key
        LEFT JOIN guard g ON g.issuer_id = w.issuer_id AND g.number = w.number
        LEFT JOIN account c ON c.issuer_id = w.issuer_id AND c.kind = 'emoney' AND c.currency = w.currency
            AND c.handset IS NULL
"""


async def before_charges(tx: Tx, charges: Sequence[Charging], *, now: datetime) -> dict[str, BeforeCharge]:
    """What is known of these charges by their keys; their accounts are locked already, see `prepaid`.

    Their attempts stay as they are until this transaction ends; a key that names no payment is nobody's to give up.
    """
    rows = await tx.execute(
        BEFORE_CHARGES,
        {
            "keys": [one.key for one in charges],
            "issuers": [one.guard[0] for one in charges],
            "numbers": [one.guard[1] for one in charges],
            "currencies": [one.currency for one in charges],
            "since": now - timedelta(minutes=PIN_WINDOW_MINUTES),
        },
    )
    return {row.key: BeforeCharge(row.posted, bool(row.given_up), row.tries, row.clearing) for row in rows}


async def posted(tx: Tx, keys: Sequence[str]) -> dict[str, sa.Row[Any]]:
    """The transfers that these keys have made already."""
    rows = await tx.execute("SELECT * FROM transfer WHERE key = ANY(:keys)", {"keys": list(keys)})
    return {row.key: row for row in rows}


async def refunded(tx: Tx, *, issuer_id: UUID, key: str) -> int:
    """How much of the charge `key` has been given back."""
    found = await tx.execute(
        "SELECT coalesce(sum(amount), 0) FROM transfer WHERE issuer_id = :issuer AND reverses = :key",
        {"issuer": issuer_id, "key": key},
    )
    return int(found.scalar_one())


async def lock_transfer(tx: Tx, key: str) -> sa.Row[Any] | None:
    return (await tx.execute("SELECT * FROM transfer WHERE key = :key FOR UPDATE", {"key": key})).first()


async def issuer_words(tx: Tx, issuer_id: UUID) -> tuple[str, dict[str, str]]:
    """(language, name) of the issuer whose e-money it is."""
    row = (await tx.execute("SELECT language, name FROM issuer WHERE id = :id", {"id": issuer_id})).one()
    return row.language, row.name
