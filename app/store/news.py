"""What payment networks told us, once per event, for as long as they may tell it again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.ports import News
from app.store.database import Tx


async def keep(tx: Tx, told: Sequence[tuple[str, News]], *, now: datetime) -> set[tuple[str, str]]:
    """Write down what was told, each by its provider; gives (provider, event) of what was not told before."""
    kept = await tx.execute(
        "INSERT INTO payment_event (provider, event_id, kind, reference, received_at)"
        " SELECT w.*, CAST(:now AS timestamptz) FROM unnest(CAST(:providers AS varchar[]), CAST(:events AS varchar[]),"
        " CAST(:kinds AS varchar[]), CAST(:references AS varchar[])) AS w"
        " ON CONFLICT (provider, event_id) DO NOTHING RETURNING provider, event_id",
        {
            "providers": [provider for provider, _ in told],
            "events": [one.event_id for _, one in told],
            "kinds": [one.kind.value for _, one in told],
            "references": [one.reference for _, one in told],
            "now": now,
        },
    )
    return {(row.provider, row.event_id) for row in kept}


async def purge(tx: Tx, *, before: datetime) -> None:
    """Forget what was told long ago: a network gives up telling after days."""
    await tx.execute("DELETE FROM payment_event WHERE received_at < :before", {"before": before})
