"""The logs that gates bring: kept entry by entry, and merged into the register by few statements, however many come.

Two batches of one gate come one after the other, and of two gates with one ticket the second sees what the first did:
whatever the order, the outcome is that of app.domain.gate_merge.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import UNDO_SECONDS
from app.domain.gate_log import LATE_HOURS
from app.domain.gate_merge import Person, Settled
from app.store.bulk import columns_of, insert_many
from app.store.database import Tx
from app.store.tables import Admission, GateLog, Scan, Spend

# --- the log --------------------------------------------------------------------------------------------------------


async def begin(tx: Tx, gate_id: UUID, *, now: datetime) -> sa.Row[Any] | None:
    """The gate, which brings nothing else until this transaction ends; that it was heard of is noted."""
    query = (
        "UPDATE gate SET seen_at = :now WHERE id = :id"
        " RETURNING id, issuer_id, name, state, generation, turned_at, area, occasions, brought_generation,"
        " brought_upto"
    )
    return (await tx.execute(query, {"id": gate_id, "now": now})).first()


async def stopped(tx: Tx, *, gate_id: UUID, generation: int) -> bool:
    """Whether this device has told two stories: what it brings is not believed any more."""
    found = await tx.execute(
        "SELECT EXISTS (SELECT FROM incident WHERE kind = 'log_forked' AND gate_id = :gate"
        " AND details @> jsonb_build_object('generation', CAST(:generation AS integer)))",
        {"gate": gate_id, "generation": generation},
    )
    return bool(found.scalar_one())


async def beside(tx: Tx, *, gate_id: UUID, generation: int, seqs: Collection[int]) -> dict[int, sa.Row[Any]]:
    """What is here of these entries, and of their neighbours."""
    wanted = sorted({near for seq in seqs for near in (seq - 1, seq, seq + 1)})
    rows = await tx.execute(
        "SELECT seq, digest, entry FROM gate_log WHERE gate_id = :gate AND generation = :generation"
        " AND seq = ANY(CAST(:seqs AS integer[]))",
        {"gate": gate_id, "generation": generation, "seqs": [seq for seq in wanted if 0 < seq < 1 << 31]},
    )
    return {row.seq: row for row in rows}


async def named(tx: Tx, *, gate_id: UUID, scans: Collection[str]) -> dict[str, tuple[int, int]]:
    """The generation and seq under which scans stand in the gate's logs."""
    rows = await tx.execute(
        "SELECT scan_id, generation, seq FROM gate_log"
        " WHERE gate_id = :gate AND scan_id = ANY(CAST(:scans AS varchar[]))",
        {"gate": gate_id, "scans": list(scans)},
    )
    return {row.scan_id: (row.generation, row.seq) for row in rows}


async def keep(tx: Tx, entries: Sequence[Mapping[str, object]]) -> None:
    """Add entries to the logs; whether one is there already, the caller has seen, and nobody else brings them now."""
    await insert_many(tx, GateLog, entries)


async def upto(tx: Tx, gate: sa.Row[Any], *, generation: int) -> int:
    """The highest seq before which, and with which, all are here; 0 where the first is missing.

    `gate` is the row that `begin` gave. What was found is noted in it: the log is read from there on the next time.
    """
    known: int = gate.brought_upto if gate.brought_generation == generation else 0
    found = await tx.execute(
        "SELECT coalesce(max(seq), :known) FROM (SELECT seq, :known + row_number() OVER (ORDER BY seq) AS place"
        " FROM gate_log WHERE gate_id = :gate AND generation = :generation AND seq > :known) numbered"
        " WHERE seq = place",
        {"gate": gate.id, "generation": generation, "known": known},
    )
    seq: int = found.scalar_one()
    if seq > known:
        await tx.execute(
            "UPDATE gate SET brought_generation = :generation, brought_upto = :seq WHERE id = :gate",
            {"gate": gate.id, "generation": generation, "seq": seq},
        )
    return seq


# --- the scans ------------------------------------------------------------------------------------------------------


async def by_code(tx: Tx, *, issuer_id: UUID, codes: Collection[int]) -> dict[int, sa.Row[Any]]:
    """Tickets by the codes in their barcodes; where sellers drew the same, ours, or the first by name."""
    rows = await tx.execute(
        "SELECT DISTINCT ON (code) code, ticket_id, state, occasion_id FROM credential"
        " WHERE issuer_id = :issuer AND code = ANY(CAST(:codes AS bigint[])) ORDER BY code, seller",
        {"issuer": issuer_id, "codes": list(codes)},
    )
    return {row.code: row for row in rows}


async def by_number(tx: Tx, *, issuer_id: UUID, numbers: Collection[str]) -> dict[str, sa.Row[Any]]:
    """Tickets by the numbers that only one of them has."""
    rows = await tx.execute(
        "SELECT number, (array_agg(ticket_id))[1] AS ticket_id, min(state) AS state,"
        " (array_agg(occasion_id))[1] AS occasion_id FROM credential"
        " WHERE issuer_id = :issuer AND number = ANY(CAST(:numbers AS varchar[])) GROUP BY number HAVING count(*) = 1",
        {"issuer": issuer_id, "numbers": list(numbers)},
    )
    return {row.number: row for row in rows}


RECORDED = """
    ON CONFLICT (gate_id, scan_id) DO UPDATE SET kind = excluded.kind, presented = excluded.presented,
        ticket_id = excluded.ticket_id, reason = excluded.reason, answer = excluded.answer, at = excluded.at
    WHERE excluded.answer @> '{"admit": true}' AND excluded.kind <> 'check'
        AND (scan.kind = 'check' OR NOT scan.answer @> '{"admit": true}')
"""


async def record(tx: Tx, scans: Sequence[Mapping[str, object]]) -> None:
    """Write the scans of a log. One that the register answered stands, but for a no that its gate never heard."""
    await insert_many(tx, Scan, scans, on_conflict=RECORDED)


async def tickets_of(tx: Tx, *, gate_id: UUID, scans: Collection[str]) -> set[UUID]:
    """The tickets that these scans of a gate were about."""
    rows = await tx.execute(
        "SELECT DISTINCT ticket_id FROM scan WHERE gate_id = :gate AND scan_id = ANY(CAST(:scans AS varchar[]))"
        " AND ticket_id IS NOT NULL",
        {"gate": gate_id, "scans": list(scans)},
    )
    return set(rows.scalars())


NAMED = """
    l.gate_id = :gate AND l.undoes = ANY(CAST(:scans AS varchar[])) AND s.gate_id = l.gate_id AND s.scan_id = l.undoes
        AND s.answer @> '{"admit": true}' AND s.kind IN ('admission', 'exit', 'redemption', 'override')
"""
IS_LATE = f"""
    CAST(l.entry ->> 'at' AS timestamptz) - coalesce(CAST(first.entry ->> 'at' AS timestamptz), s.at)
            > interval '{UNDO_SECONDS} seconds'
        OR l.received_at - CAST(l.entry ->> 'at' AS timestamptz) > interval '{LATE_HOURS} hours'
        OR l.received_at - s.at > interval '{LATE_HOURS} hours'
"""
"""Whether the undo `l` of scan `s` comes too late: after the minute by the gate's own clock, or a day old by any.

`first` is the entry of `s`, where the gate's log has one: its time and the undo's are by one clock.
"""
UNDO = f"""
    WITH undone AS (
        UPDATE scan s SET undone_by = l.scan_id
        FROM gate_log l LEFT JOIN gate_log first ON (first.gate_id, first.scan_id) = (l.gate_id, l.undoes)
        WHERE {NAMED} AND s.undone_by IS NULL AND NOT ({IS_LATE})
        RETURNING s.gate_id, s.scan_id, s.answer, l.scan_id AS undo
    ), let_out AS (
        DELETE FROM admission a USING undone u WHERE (a.gate_id, a.scan_id) = (u.gate_id, u.scan_id)
    ), back AS (
        INSERT INTO spend (issuer_id, key, ticket_id, amount, reverses, at)
        SELECT p.issuer_id, 'gate/' || u.gate_id || '/' || u.undo, p.ticket_id, - p.amount, p.key, :now
        FROM undone u JOIN spend p ON p.issuer_id = :issuer AND p.key = 'gate/' || u.gate_id || '/' || u.scan_id
        WHERE NOT u.answer @> '{{"offline": true}}' AND p.amount > 0
        RETURNING ticket_id, - amount AS amount
    )
    UPDATE credential c SET balance = c.balance + back.amount FROM back WHERE c.ticket_id = back.ticket_id
"""  # noqa: S608 - constants of this module
LATE_UNDOS = f"""
    SELECT l.scan_id, l.undoes, s.ticket_id, CAST(l.entry ->> 'at' AS timestamptz) AS at
    FROM scan s, gate_log l LEFT JOIN gate_log first ON (first.gate_id, first.scan_id) = (l.gate_id, l.undoes)
    WHERE {NAMED} AND ({IS_LATE}) ORDER BY l.generation, l.seq
"""  # noqa: S608 - constants of this module


async def take_back(tx: Tx, *, gate_id: UUID, issuer_id: UUID, scans: Collection[str], now: datetime) -> None:
    """Take back those of these scans that the gate's logs undo in time: whoever they let in goes, value returns."""
    await tx.execute(UNDO, {"gate": gate_id, "issuer": issuer_id, "scans": list(scans), "now": now})


async def late_undos(tx: Tx, *, gate_id: UUID, scans: Collection[str]) -> list[sa.Row[Any]]:
    """The undos of these scans in the gate's logs that came too late, and took nothing back."""
    return list(await tx.execute(LATE_UNDOS, {"gate": gate_id, "scans": list(scans)}))


# --- settling -------------------------------------------------------------------------------------------------------

LOCKED = """
    SELECT c.ticket_id, c.uses, c.uses_left, c.inside, c.carried, coalesce(next.carried, 0) AS handed, c.area,
        c.balance, c.state, c.valid_until, c.activated_until, c.last_used_at, c.last_gate_id,
        CAST(p.entry_rules ->> 'window_minutes' AS integer) AS window_minutes,
        before.last_used_at AS before_at, before.last_gate_id AS before_gate_id, before.area AS before_area
    FROM credential c LEFT JOIN product p ON p.id = c.product_id
        -- The last use of the ticket that this one was made of, where it went over (store/hands.py).
        LEFT JOIN credential before ON before.ticket_id = c.replaces
            AND (c.came_by = 'reissued' OR CAST(p.entry_rules ->> 'pass_back_seconds' AS integer) > 0)
        LEFT JOIN credential next ON next.replaces = c.ticket_id
    WHERE c.ticket_id = ANY(:tickets) ORDER BY c.ticket_id FOR NO KEY UPDATE OF c
"""
ASKED = """
    SELECT s.ticket_id,
        coalesce(sum(CASE s.kind WHEN 'exit' THEN - one.people ELSE one.people END), 0) AS net,
        min(s.at) FILTER (WHERE s.kind <> 'exit') AS first_at,
        (array_agg(s.at ORDER BY s.at DESC, s.gate_id DESC) FILTER (WHERE s.kind <> 'exit'))[1] AS last_at,
        (array_agg(s.gate_id ORDER BY s.at DESC, s.gate_id DESC) FILTER (WHERE s.kind <> 'exit'))[1] AS last_gate_id,
        (array_agg(g.area ORDER BY s.at DESC, s.gate_id DESC) FILTER (WHERE s.kind <> 'exit'))[1] AS last_area
    FROM scan s JOIN gate g ON g.id = s.gate_id
        CROSS JOIN LATERAL (SELECT coalesce(CAST(s.answer ->> 'count' AS integer), 1) AS people) AS one
    WHERE s.ticket_id = ANY(:tickets) AND s.kind IN ('admission', 'exit', 'override') AND s.undone_by IS NULL
        AND s.answer @> '{"admit": true}' AND NOT s.answer @> '{"offline": true}'
    GROUP BY s.ticket_id
"""
BROUGHT = """
    SELECT s.ticket_id, l.gate_id, l.scan_id, l.generation, l.seq, l.entry, s.at, g.area, g.name AS gate
    FROM scan s JOIN gate_log l ON (l.gate_id, l.scan_id) = (s.gate_id, s.scan_id) JOIN gate g ON g.id = l.gate_id
    WHERE s.ticket_id = ANY(:tickets) AND s.undone_by IS NULL AND s.answer @> '{"admit": true, "offline": true}'
        AND s.kind IN ('admission', 'exit', 'redemption', 'override')
"""
PEOPLE = """
    SELECT a.ticket_id, a.gate_id, a.scan_id, a.person, a.use_no, a.at, a.knew, g.name AS gate
    FROM admission a JOIN gate g ON g.id = a.gate_id WHERE a.ticket_id = ANY(:tickets)
"""
TAKEN = """
    SELECT p.ticket_id, p.key, p.amount, s.gate_id, s.scan_id FROM scan s
        JOIN spend p ON p.issuer_id = s.issuer_id AND p.key = 'gate/' || s.gate_id || '/' || s.scan_id
    WHERE s.ticket_id = ANY(:tickets) AND s.kind = 'redemption' AND s.answer @> '{"offline": true}' AND p.amount > 0
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """All there is of some tickets, locked until the transaction ends; each a list of rows, or by ticket."""

    entries: Sequence[sa.Row[Any]]
    asked: Mapping[UUID, sa.Row[Any]]
    brought: Sequence[sa.Row[Any]]
    people: Sequence[sa.Row[Any]]
    taken: Sequence[sa.Row[Any]]


async def facts(tx: Tx, tickets: Collection[UUID]) -> Facts:
    """What is known of tickets, which nobody else changes meanwhile; always locked in one order."""
    values = {"tickets": sorted(tickets)}
    entries = list(await tx.execute(LOCKED, values))
    return Facts(
        entries=entries,
        asked={row.ticket_id: row for row in await tx.execute(ASKED, values)},
        brought=list(await tx.execute(BROUGHT, values)),
        people=list(await tx.execute(PEOPLE, values)),
        taken=list(await tx.execute(TAKEN, values)),
    )


WRITTEN = """
    UPDATE credential c SET uses_left = w.uses_left, inside = w.inside, area = w.area, balance = w.balance,
        activated_until = w.activated_until, last_used_at = w.last_used_at, last_gate_id = w.last_gate_id
    FROM unnest(CAST(:ticket_id AS uuid[]), CAST(:uses_left AS integer[]), CAST(:inside AS integer[]),
            CAST(:area AS varchar[]), CAST(:balance AS bigint[]), CAST(:activated_until AS timestamptz[]),
            CAST(:last_used_at AS timestamptz[]), CAST(:last_gate_id AS uuid[]))
        AS w(ticket_id, uses_left, inside, area, balance, activated_until, last_used_at, last_gate_id)
    WHERE c.ticket_id = w.ticket_id AND (c.uses_left, c.inside, c.area, c.balance, c.activated_until, c.last_used_at,
        c.last_gate_id) IS DISTINCT FROM (w.uses_left, w.inside, w.area, w.balance, w.activated_until, w.last_used_at,
        w.last_gate_id)
"""


async def write_entries(tx: Tx, settled: Mapping[UUID, Settled]) -> None:
    """Make entries what they are to be; one that is so already is not touched, and its version stays."""
    columns: dict[str, list[object]] = {
        "ticket_id": list(settled),
        "uses_left": [one.uses_left for one in settled.values()],
        "inside": [one.inside for one in settled.values()],
        "area": [one.last.area if one.last else "" for one in settled.values()],
        "balance": [one.balance for one in settled.values()],
        "activated_until": [one.activated_until for one in settled.values()],
        "last_used_at": [one.last.at if one.last else None for one in settled.values()],
        "last_gate_id": [one.last.gate_id if one.last else None for one in settled.values()],
    }
    await tx.execute(WRITTEN, columns)


GONE = """
    DELETE FROM admission a USING unnest(CAST(:gates AS uuid[]), CAST(:scans AS varchar[]), CAST(:people AS integer[]))
        AS w(gate_id, scan_id, person)
    WHERE (a.gate_id, a.scan_id, a.person) = (w.gate_id, w.scan_id, w.person)
"""


async def write_people(
    tx: Tx, *, gone: Sequence[sa.Row[Any]], come: Sequence[tuple[UUID, Person]], issuer_id: UUID
) -> None:
    """Take out admissions, then write those of (ticket, person): a number moves only where its place is free."""
    if gone:
        values = {"gates": [one.gate_id for one in gone], "scans": [one.scan_id for one in gone]}
        await tx.execute(GONE, {**values, "people": [one.person for one in gone]})
    rows = [{**columns_of(one), "ticket_id": ticket_id, "issuer_id": issuer_id} for ticket_id, one in come]
    await insert_many(tx, Admission, rows)


async def write_taken(
    tx: Tx, *, issuer_id: UUID, taken: Mapping[str, tuple[UUID, int]], none: Sequence[str], now: datetime
) -> None:
    """What redemptions by logs took: (ticket, amount) by key; the keys in `none` took nothing after all."""
    if none:
        await tx.execute(
            "DELETE FROM spend WHERE issuer_id = :issuer AND key = ANY(CAST(:keys AS varchar[]))",
            {"issuer": issuer_id, "keys": list(none)},
        )
    rows = [
        {"issuer_id": issuer_id, "key": key, "ticket_id": ticket_id, "amount": amount, "at": now}
        for key, (ticket_id, amount) in taken.items()
    ]
    changed = "ON CONFLICT (issuer_id, key) DO UPDATE SET amount = excluded.amount WHERE spend.amount > 0"
    await insert_many(tx, Spend, rows, on_conflict=changed)
