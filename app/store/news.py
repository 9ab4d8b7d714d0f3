"""What payment networks told us, once per event, for as long as they may tell it again."""

from __future__ import annotations

from datetime import datetime

from app.ports import News
from app.store.database import Tx


async def keep(tx: Tx, provider: str, told: News, *, now: datetime) -> bool:
    """Write an event down; False where it was told before."""
    kept = await tx.execute(
        "INSERT INTO payment_event (provider, event_id, kind, reference, received_at)"
        " VALUES (:provider, :event, :kind, :reference, :now)"
        " ON CONFLICT (provider, event_id) DO NOTHING RETURNING event_id",
        {
            "provider": provider,
            "event": told.event_id,
            "kind": told.kind.value,
            "reference": told.reference,
            "now": now,
        },
    )
    return kept.first() is not None


async def purge(tx: Tx, *, before: datetime) -> None:
    """Forget what was told long ago: a network gives up telling after days."""
    await tx.execute("DELETE FROM payment_event WHERE received_at < :before", {"before": before})
