"""The issuer's register: what was issued, what is left of it, and what is told of it to who sold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.ticket import TicketEvent, TicketState
from app.ports import Entry, Registration, Seen
from app.store.bulk import insert_many
from app.store.database import Tx
from app.store.moves import move_many
from app.store.tables import Credential


@dataclass(frozen=True, slots=True)
class Digests:
    """What is kept of a PIN and a compact code that another server made: keyed digests under our own secret `kid`."""

    kid: int
    pin_mac: bytes
    compact_mac: bytes


async def register(tx: Tx, registrations: Sequence[Registration], *, now: datetime) -> None:
    """Write entries of tickets we sold; one that is there already stays as it is, with its uses."""
    rows = [_row(one, now) for one in registrations]
    await insert_many(tx, Credential, rows, on_conflict="ON CONFLICT (ticket_id) DO NOTHING")


async def register_foreign(
    tx: Tx, registrations: Sequence[tuple[Registration, Digests]], *, now: datetime
) -> set[UUID]:
    """Write entries of tickets that other servers sold; returns those that are there now and their seller's own.

    One is left out where the ticket's id is another seller's, or its number or code is another ticket's of this one.
    """
    rows = [
        {**_row(one, now), "seller": one.seller, "kid": kept.kid}
        | {"pin_mac": kept.pin_mac, "compact_mac": kept.compact_mac}
        for one, kept in registrations
    ]
    await insert_many(tx, Credential, rows, on_conflict="ON CONFLICT DO NOTHING")
    found = await tx.execute(
        "SELECT c.ticket_id FROM credential c JOIN unnest(CAST(:tickets AS uuid[]), CAST(:sellers AS varchar[]))"
        " AS w(ticket_id, seller) ON c.ticket_id = w.ticket_id AND c.seller = w.seller",
        {
            "tickets": [one.ticket_id for one, _ in registrations],
            "sellers": [one.seller for one, _ in registrations],
        },
    )
    return set(found.scalars())


def _row(one: Registration, now: datetime) -> dict[str, object]:
    return {
        "ticket_id": one.ticket_id,
        "issuer_id": one.issuer_id,
        "number": one.number,
        "code": one.code,
        "generation": one.generation,
        "kid": one.kid,
        "kind": one.kind,
        "product_id": one.product_id,
        "occasion_id": one.occasion_id,
        "occasion_code": one.occasion_code,
        "label": dict(one.label),
        "uses": one.uses,
        "uses_left": one.uses,
        "balance": one.balance,
        "valid_from": one.valid_from,
        "valid_until": one.valid_until,
        "state": TicketState.VALID,
        "registered_at": now,
        "entrance": one.entrance,
    }


async def revoke(tx: Tx, ticket_id: UUID) -> None:
    """Refuse the ticket from now on; again changes nothing."""
    await move_many(tx, Credential, [ticket_id], TicketEvent.REVOKE)


async def suspend(tx: Tx, ticket_id: UUID, *, suspended: bool) -> None:
    """Refuse the ticket for the time being, or take it again; a revoked one stays revoked."""
    await move_many(tx, Credential, [ticket_id], TicketEvent.SUSPEND if suspended else TicketEvent.RESUME)


LOCKED = """
    SELECT c.issuer_id, c.product_id, c.occasion_id, c.uses - c.uses_left AS used, c.uses_left, c.balance, c.state,
        coalesce((SELECT sum(amount) FROM spend WHERE spend.ticket_id = c.ticket_id), 0) AS spent
    FROM credential c WHERE c.ticket_id = :id AND c.seller = :seller FOR UPDATE OF c
"""


async def locked(tx: Tx, ticket_id: UUID, *, seller: str = "") -> sa.Row[Any] | None:
    """An entry with what was used and what is left of it, kept as it is until this transaction ends."""
    return (await tx.execute(LOCKED, {"id": ticket_id, "seller": seller})).first()


async def bind(tx: Tx, ticket_id: UUID, *, holder_key: bytes) -> None:
    """Note the key (P-256, compressed) of the handset that the ticket lives on now; a bound entry stays as it is."""
    await tx.execute(
        "UPDATE credential SET holder_key = :key WHERE ticket_id = :id AND holder_key IS NULL",
        {"id": ticket_id, "key": holder_key},
    )


async def of_any_seller(tx: Tx, ticket_id: UUID) -> sa.Row[Any] | None:
    """An entry for the issuer's own staff, locked, whoever sold the ticket."""
    query = (
        "SELECT c.seller, c.state, c.issuer_id, i.slug AS issuer_slug FROM credential c"
        " JOIN issuer i ON i.id = c.issuer_id WHERE c.ticket_id = :id FOR UPDATE OF c"
    )
    return (await tx.execute(query, {"id": ticket_id})).first()


async def entries(tx: Tx, ticket_ids: Sequence[UUID], *, issuer_id: UUID, seller: str = "") -> list[sa.Row[Any]]:
    """Those entries that are of this issuer and of this seller."""
    found = await tx.execute(
        "SELECT ticket_id, issuer_id, state, version, uses, uses_left, balance, valid_until, activated_until"
        " FROM credential"
        " WHERE ticket_id = ANY(:ids) AND issuer_id = :issuer AND seller = :seller ORDER BY ticket_id",
        {"ids": list(ticket_ids), "issuer": issuer_id, "seller": seller},
    )
    return list(found)


async def admissions(tx: Tx, ticket_ids: Sequence[UUID]) -> list[sa.Row[Any]]:
    """Every admission of these tickets with its gate's name, in the order of their uses; those beyond them last."""
    found = await tx.execute(
        "SELECT a.ticket_id, a.use_no, a.gate_id, g.name AS gate, a.scan_id, a.at FROM admission a"
        " JOIN gate g ON g.id = a.gate_id WHERE a.ticket_id = ANY(:ids)"
        " ORDER BY a.ticket_id, a.use_no NULLS LAST, a.at, a.gate_id, a.scan_id, a.person",
        {"ids": list(ticket_ids)},
    )
    return list(found)


def told(rows: Sequence[sa.Row[Any]], seen: Sequence[sa.Row[Any]]) -> list[Entry]:
    """Rows of `entries` and their like with the `admissions` of each, as they are told to who sold the tickets."""
    by_ticket: dict[UUID, list[Seen]] = {}
    for one in seen:
        by_ticket.setdefault(one.ticket_id, []).append(Seen(one.use_no, one.gate_id, one.gate, one.scan_id, one.at))
    return [
        Entry(
            row.ticket_id,
            row.issuer_id,
            TicketState(row.state),
            row.version,
            row.uses_left,
            row.balance,
            tuple(by_ticket.get(row.ticket_id, ())),
        )
        for row in rows
    ]


async def empty_voucher(tx: Tx, ticket_id: UUID) -> int | None:
    """Take a voucher's whole balance in one statement; None when there is nothing to take."""
    taken = await tx.execute(
        "UPDATE credential SET balance = 0, uses_left = 0 FROM (SELECT ticket_id, balance FROM credential"
        " WHERE ticket_id = :id FOR UPDATE) AS before WHERE credential.ticket_id = before.ticket_id"
        " AND credential.state = 'valid' AND before.balance > 0 RETURNING before.balance",
        {"id": ticket_id},
    )
    amount: int | None = taken.scalar_one_or_none()
    return amount
