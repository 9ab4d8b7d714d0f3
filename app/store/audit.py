"""The audit: thirteen invariants of the whole house, each a view in the schema `audit`, looked at in one moment.

A view has a row for every breach: `issuer_id`, `subject` (table and id), and `problem`, a sentence with the figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.store import audit_schema
from app.store.database import Tx
from app.store.migrate import SchemaOutdated

STATEMENT_SECONDS = 600
"""An audit may take longer than any other statement: nobody waits for it."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """One thing that must always be so."""

    name: str
    view: str
    says: str


REGISTERS = Invariant("I8", "i8_register_is_ours", "The issuer's register and our books are the same.")
INVARIANTS = (
    Invariant("I1", "i1_no_oversell", "No more is sold than there is; one living ticket per place."),
    Invariant("I2", "i2_captured_has_tickets", "Whoever paid has the tickets, or the money is on its way back."),
    Invariant("I3", "i3_living_is_paid", "Every living ticket is paid for, or was to cost nothing."),
    Invariant("I4", "i4_money_adds_up", "Captured is sold, plus fees, plus what goes back; charged once."),
    Invariant("I5", "i5_admissions_within_uses", "A use is used once, and no more of them than were bought."),
    Invariant("I6", "i6_value_kept", "Stored value is never below zero, and what went in less what came out."),
    Invariant("I7", "i7_messages_accounted_for", "Every message arrived, waits, or failed for a reason."),
    REGISTERS,
    Invariant("I9", "i9_acknowledged_survives", "What was answered is kept, and commits are durable."),
    Invariant("I10", "i10_no_way_back", "Nothing moves backwards."),
    Invariant("I11", "i11_revoked_stays_out", "A revoked ticket lets nobody in after four hours."),
    Invariant("I12", "i12_journal_unbroken", "Nobody has changed the journal."),
    Invariant("I13", "i13_no_secrets", "No full phone or card number, PIN, link or key in free text."),
)


# --- looking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Breach:
    """Where an invariant does not hold. `issuer` is a slug; none: it is nobody's in particular."""

    issuer: str | None
    subject: str
    problem: str


def names(given: Iterable[str]) -> list[str]:
    """The invariants' names as they are written here; raises ValueError for one that there is not."""
    known = [one.name for one in INVARIANTS]
    wanted = [name.upper() for name in given]
    for name in wanted:
        if name not in known:
            raise ValueError(f"There is no invariant {name}; they are {known[0]} to {known[-1]}.")
    return wanted


async def require_newest(tx: Tx) -> None:
    """Raises SchemaOutdated where the views in the database are another program's, or missing."""
    found = await tx.execute(audit_schema.DIGEST)
    if found.scalar_one_or_none() != audit_schema.digest():
        raise SchemaOutdated("The database has not the audit's views of this program. Run `cyberticket migrate`.")


async def begin(tx: Tx, *, now: datetime) -> None:
    """Make of a transaction one that sees one moment of the database, `now`. Before any other statement of it."""
    await tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    await tx.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")
    await tx.execute("SELECT set_config('audit.clock', :now, true)", {"now": now.isoformat()})


async def breaches(tx: Tx, invariant: Invariant, *, most: int) -> tuple[int, list[Breach]]:
    """How many breaches there are, and `most` of them at most, which is one or more."""
    assert most >= 1
    rows: list[sa.Row[Any]] = list(
        await tx.execute(
            "SELECT issuer.slug, found.subject, found.problem, found.total FROM ("  # noqa: S608 - a name of ours
            f"SELECT *, count(*) OVER () AS total FROM audit.{invariant.view} ORDER BY subject, problem LIMIT :most"
            ") AS found LEFT JOIN issuer ON issuer.id = found.issuer_id ORDER BY found.subject, found.problem",
            {"most": most},
        )
    )
    return (rows[0].total if rows else 0), [Breach(row.slug, row.subject, row.problem) for row in rows]
