"""The issuer's register: what was issued, what is left of it, what was presented and answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import PIN_WINDOW_MINUTES
from app.domain.ticket import TicketEvent, TicketState
from app.ports import Entry, Registration, Seen
from app.store.bulk import insert_many
from app.store.database import Tx
from app.store.moves import move_many
from app.store.tables import Credential, Scan


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
    }


async def revoke(tx: Tx, ticket_id: UUID) -> None:
    """Refuse the ticket from now on; again changes nothing."""
    await move_many(tx, Credential, [ticket_id], TicketEvent.REVOKE)


async def suspend(tx: Tx, ticket_id: UUID, *, suspended: bool) -> None:
    """Refuse the ticket for the time being, or take it again; a revoked one stays revoked."""
    await move_many(tx, Credential, [ticket_id], TicketEvent.SUSPEND if suspended else TicketEvent.RESUME)


LOCKED = """
    SELECT c.issuer_id, c.uses - c.uses_left AS used, c.uses_left, c.balance, c.state,
        coalesce((SELECT sum(amount) FROM spend WHERE spend.ticket_id = c.ticket_id), 0) AS spent
    FROM credential c WHERE c.ticket_id = :id AND c.seller = :seller FOR UPDATE OF c
"""


async def locked(tx: Tx, ticket_id: UUID, *, seller: str = "") -> sa.Row[Any] | None:
    """An entry with what was used and what is left of it, kept as it is until this transaction ends."""
    return (await tx.execute(LOCKED, {"id": ticket_id, "seller": seller})).first()


async def states(tx: Tx, ticket_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The present state of each entry."""
    if not ticket_ids:
        return {}
    rows = await tx.execute(
        "SELECT ticket_id, state FROM credential WHERE ticket_id = ANY(:ids)", {"ids": list(ticket_ids)}
    )
    return {row.ticket_id: row.state for row in rows}


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
        "SELECT ticket_id, issuer_id, state, version, uses_left, balance FROM credential"
        " WHERE ticket_id = ANY(:ids) AND issuer_id = :issuer AND seller = :seller ORDER BY ticket_id",
        {"ids": list(ticket_ids), "issuer": issuer_id, "seller": seller},
    )
    return list(found)


async def admissions(tx: Tx, ticket_ids: Sequence[UUID]) -> list[sa.Row[Any]]:
    """Every admission of these tickets with its gate's name, in the order of their uses."""
    found = await tx.execute(
        "SELECT a.ticket_id, a.use_no, a.gate_id, g.name AS gate, a.scan_id, a.at FROM admission a"
        " JOIN gate g ON g.id = a.gate_id WHERE a.ticket_id = ANY(:ids) ORDER BY a.ticket_id, a.use_no",
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


async def by_number(tx: Tx, wanted: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], list[sa.Row[Any]]]:
    """Entries by (issuer, number): one of each seller at most, ours first."""
    return await _find(tx, wanted, "number", "varchar")


async def by_code(tx: Tx, wanted: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], list[sa.Row[Any]]]:
    """Entries by (issuer, barcode code): one of each seller at most, ours first."""
    return await _find(tx, wanted, "code", "bigint")


async def _find(tx: Tx, wanted: Sequence[tuple[UUID, Any]], column: str, cast: str) -> dict[Any, list[sa.Row[Any]]]:
    if not wanted:
        return {}
    issuers, names = (list(part) for part in zip(*dict.fromkeys(wanted), strict=True))
    rows = await tx.execute(
        f"SELECT c.* FROM credential c JOIN unnest(CAST(:issuers AS uuid[]), CAST(:names AS {cast}[]))"  # noqa: S608 - both callers are above
        f" AS w(issuer_id, name) ON c.issuer_id = w.issuer_id AND c.{column} = w.name ORDER BY c.seller",
        {"issuers": issuers, "names": names},
    )
    found: dict[Any, list[sa.Row[Any]]] = {}
    for row in rows:
        found.setdefault((row.issuer_id, getattr(row, column)), []).append(row)
    return found


USE = """
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:tickets AS uuid[]), CAST(:gates AS uuid[]), CAST(:scans AS varchar[]))
            AS w(ticket_id, gate_id, scan_id)
    ), used AS (
        UPDATE credential SET uses_left = uses_left - 1 FROM wanted
        WHERE credential.ticket_id = wanted.ticket_id AND credential.uses_left > 0 AND credential.state = 'valid'
        RETURNING credential.ticket_id, credential.issuer_id, uses - uses_left AS use_no, uses_left,
            wanted.gate_id, wanted.scan_id
    ), written AS (
        INSERT INTO admission (ticket_id, use_no, issuer_id, gate_id, scan_id, at)
        SELECT ticket_id, use_no, issuer_id, gate_id, scan_id, :now FROM used
    )
    SELECT ticket_id, use_no, uses_left FROM used
"""


async def use(tx: Tx, wanted: Sequence[tuple[UUID, UUID, str]], *, now: datetime) -> dict[UUID, sa.Row[Any]]:
    """Count one use of each (ticket, gate, scan) that still has one, and write its admission, in one statement.

    A ticket may stand in one call once only: the caller settles that first.
    """
    if not wanted:
        return {}
    tickets, gates, scans = (list(column) for column in zip(*wanted, strict=True))
    rows = await tx.execute(USE, {"tickets": tickets, "gates": gates, "scans": scans, "now": now})
    return {row.ticket_id: row for row in rows}


async def last_admissions(tx: Tx, tickets: Sequence[UUID]) -> dict[UUID, sa.Row[Any]]:
    """When and at which gate each ticket was last admitted."""
    if not tickets:
        return {}
    rows = await tx.execute(
        "SELECT DISTINCT ON (a.ticket_id) a.ticket_id, a.at, g.name AS gate, a.gate_id FROM admission a"
        " JOIN gate g ON g.id = a.gate_id WHERE a.ticket_id = ANY(:tickets) ORDER BY a.ticket_id, a.use_no DESC",
        {"tickets": list(tickets)},
    )
    return {row.ticket_id: row for row in rows}


async def answered(tx: Tx, scans: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], sa.Row[Any]]:
    """The stored answers to scans that were presented before."""
    gates, names = (list(column) for column in zip(*scans, strict=True))
    rows = await tx.execute(
        "SELECT s.gate_id, s.scan_id, s.kind, s.presented, s.answer FROM scan s"
        " JOIN unnest(CAST(:gates AS uuid[]), CAST(:scans AS varchar[])) AS w(gate_id, scan_id)"
        " ON s.gate_id = w.gate_id AND s.scan_id = w.scan_id",
        {"gates": gates, "scans": names},
    )
    return {(row.gate_id, row.scan_id): row for row in rows}


async def record(tx: Tx, scans: Sequence[Scan]) -> None:
    """Write the answers given. The same (gate, scan) twice breaks the primary key, and with it the transaction."""
    await insert_many(tx, Scan, [{name: getattr(scan, name) for name in Scan.model_fields} for scan in scans])


async def gates(tx: Tx, identities: Iterable[UUID]) -> list[sa.Row[Any]]:
    """State and occasions of gates."""
    rows = await tx.execute(
        "SELECT id, state, generation, occasions FROM gate WHERE id = ANY(:ids)", {"ids": list(identities)}
    )
    return list(rows)


Guard = tuple[UUID, str]
"""An issuer, and the number that is tried there."""


async def count_pin_tries(tx: Tx, guards: Sequence[Guard], *, now: datetime) -> dict[Guard, int]:
    """Count one try for each of `guards`, before any PIN is looked at; returns how many the window had before these."""
    counts = Counter(guards)
    rows = await tx.execute(
        f"""
            INSERT INTO pin_guard (issuer_id, number, tries, since)
            SELECT w.issuer_id, w.number, w.tries, CAST(:now AS timestamptz) FROM unnest(
                CAST(:issuers AS uuid[]), CAST(:numbers AS varchar[]), CAST(:tries AS integer[])
            ) AS w(issuer_id, number, tries) ORDER BY w.issuer_id, w.number
            ON CONFLICT (issuer_id, number) DO UPDATE SET
                tries = CASE WHEN pin_guard.since < :now - interval '{PIN_WINDOW_MINUTES} minutes'
                    THEN excluded.tries ELSE pin_guard.tries + excluded.tries END,
                since = CASE WHEN pin_guard.since < :now - interval '{PIN_WINDOW_MINUTES} minutes'
                    THEN :now ELSE pin_guard.since END
            RETURNING issuer_id, number, tries
        """,  # noqa: S608 - a constant of the domain
        {
            "issuers": [issuer_id for issuer_id, _ in counts],
            "numbers": [number for _, number in counts],
            "tries": list(counts.values()),
            "now": now,
        },
    )
    return {(row.issuer_id, row.number): row.tries - counts[row.issuer_id, row.number] for row in rows}


async def count_pin_try(tx: Tx, *, issuer_id: UUID, number: str, now: datetime) -> int:
    """Count a try before the PIN is looked at; returns how many there were in the running window, this one included."""
    before = await count_pin_tries(tx, [(issuer_id, number)], now=now)
    return before[issuer_id, number] + 1


async def forgive_pins(tx: Tx, guards: Collection[Guard]) -> None:
    """A right PIN clears the tries before it."""
    if guards:
        await tx.execute(
            "DELETE FROM pin_guard WHERE (issuer_id, number) IN"
            " (SELECT * FROM unnest(CAST(:issuers AS uuid[]), CAST(:numbers AS varchar[])))",
            {"issuers": [issuer_id for issuer_id, _ in guards], "numbers": [number for _, number in guards]},
        )


async def forgive_pin(tx: Tx, *, issuer_id: UUID, number: str) -> None:
    await forgive_pins(tx, [(issuer_id, number)])


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
