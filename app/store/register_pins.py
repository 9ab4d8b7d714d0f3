"""Wrong PINs, counted by what they are tried on before any is looked at: guessing in parallel gains nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.admission import PIN_WINDOW_MINUTES
from app.store.database import Tx

Guard = tuple[UUID, str]
"""An issuer, and what is tried there: a number, or a word that is none."""

ALL = "*"
"""The guard of everything that is tried at an issuer's gates; it looks at one second."""
ALL_SECONDS = 1
WINDOW_SECONDS = PIN_WINDOW_MINUTES * 60


def gate_guard(issuer_id: UUID, gate_id: UUID) -> Guard:
    """The guard of one gate, whatever it tries: no number has letters. It has 60 bits of the gate's id."""
    return issuer_id, f"g{gate_id.hex[-15:]}"


COUNT = """
    INSERT INTO pin_guard (issuer_id, number, tries, since)
    SELECT w.issuer_id, w.number, w.tries, CAST(:now AS timestamptz) FROM unnest(
        CAST(:issuers AS uuid[]), CAST(:numbers AS varchar[]), CAST(:tries AS integer[])
    ) AS w(issuer_id, number, tries) ORDER BY w.issuer_id, w.number
    ON CONFLICT (issuer_id, number) DO UPDATE SET
        tries = CASE WHEN pin_guard.since < :now - make_interval(secs => CASE pin_guard.number
                WHEN '*' THEN CAST(:second AS integer) ELSE CAST(:window AS integer) END)
            THEN excluded.tries ELSE pin_guard.tries + excluded.tries END,
        since = CASE WHEN pin_guard.since < :now - make_interval(secs => CASE pin_guard.number
                WHEN '*' THEN CAST(:second AS integer) ELSE CAST(:window AS integer) END)
            THEN :now ELSE pin_guard.since END
    RETURNING issuer_id, number, tries
"""


async def count_pin_tries(tx: Tx, guards: Sequence[Guard], *, now: datetime) -> dict[Guard, int]:
    """Count one try for each of `guards`, before any PIN is looked at; returns how many the window had before these.

    Who counts holds the guards until the transaction ends: others who try the same wait, and then see what it found.
    """
    counts = Counter(guards)
    rows = await tx.execute(
        COUNT,
        {
            "issuers": [issuer_id for issuer_id, _ in counts],
            "numbers": [number for _, number in counts],
            "tries": list(counts.values()),
            "now": now,
            "second": ALL_SECONDS,
            "window": WINDOW_SECONDS,
        },
    )
    return {(row.issuer_id, row.number): row.tries - counts[row.issuer_id, row.number] for row in rows}


async def count_pin_try(tx: Tx, *, issuer_id: UUID, number: str, now: datetime) -> int:
    """Count a try before the PIN is looked at; returns how many there were in the running window, this one included."""
    before = await count_pin_tries(tx, [(issuer_id, number)], now=now)
    return before[issuer_id, number] + 1


KEEP = """
    WITH kept AS (
        SELECT * FROM unnest(CAST(:issuers AS uuid[]), CAST(:numbers AS varchar[]), CAST(:tries AS integer[]))
            AS w(issuer_id, number, tries)
    ), gone AS (
        DELETE FROM pin_guard USING kept
        WHERE (pin_guard.issuer_id, pin_guard.number) = (kept.issuer_id, kept.number) AND kept.tries = 0
    )
    UPDATE pin_guard SET tries = kept.tries FROM kept
    WHERE (pin_guard.issuer_id, pin_guard.number) = (kept.issuer_id, kept.number)
        AND kept.tries > 0 AND kept.tries <> pin_guard.tries
"""


async def keep_pin_tries(tx: Tx, tries: Mapping[Guard, int]) -> None:
    """Make the counts what they are now that the PINs were looked at: a right one is no wrong try."""
    values = {
        "issuers": [issuer_id for issuer_id, _ in tries],
        "numbers": [number for _, number in tries],
        "tries": list(tries.values()),
    }
    await tx.execute(KEEP, values)


async def forgive_pins(tx: Tx, guards: Collection[Guard]) -> None:
    """A right PIN clears the tries before it."""
    if guards:
        await tx.execute(
            "DELETE FROM pin_guard WHERE (issuer_id, number) IN"
            " (SELECT * FROM unnest(CAST(:issuers AS uuid[]), CAST(:numbers AS varchar[])))",
            {"issuers": [issuer_id for issuer_id, _ in guards], "numbers": [number for _, number in guards]},
        )


@dataclass(slots=True)
class Tries:
    """Wrong tries on guards whose counts nobody else can change meanwhile: those before us, and ours as they come."""

    before: Mapping[Guard, int]
    wrong: Counter[Guard] = field(default_factory=Counter)
    """Since the last right one, or since we began."""
    forgiven: set[Guard] = field(default_factory=set)

    def add(self, guard: Guard) -> int:
        """Count one more, before its PIN is looked at; how many there are with it."""
        self.wrong[guard] += 1
        return self.wrong[guard] + (0 if guard in self.forgiven else self.before[guard])

    def forgive(self, guard: Guard) -> None:
        """It was right."""
        self.forgiven.add(guard)
        del self.wrong[guard]


async def write_tries(tx: Tx, tries: Tries, *, now: datetime) -> None:
    """Keep what was counted; where all PINs were right at once there is nothing to keep."""
    await forgive_pins(tx, [guard for guard in tries.forgiven if tries.before[guard]])
    if tries.wrong:
        await count_pin_tries(tx, list(tries.wrong.elements()), now=now)


async def forgive_pin(tx: Tx, *, issuer_id: UUID, number: str) -> None:
    await forgive_pins(tx, [(issuer_id, number)])
