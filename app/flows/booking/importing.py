"""Importing a catalogue: one transaction, by natural keys, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.catalogue import CatalogueDraft, Fault, ImportRefused, SeatingDraft
from app.store import staff
from app.store.exporting import revise
from app.store.importing import Writing, give_codes, refresh_statistics, refuse_foreign, write_issuer, write_seating
from app.store.locks import exclusively
from app.world import World

Progress = Callable[[int, int, str], None]
IMPORT_LOCK = "import"


def _silent(_done: int, _total: int, _what: str) -> None:
    """The progress callback of a caller who shows none."""


async def import_catalogue(world: World, draft: CatalogueDraft, *, progress: Progress = _silent) -> Mapping[str, int]:
    """Write everything of a draft; returns how many rows of each kind it has. Raises ImportRefused, writing nothing."""
    async with world.database.session() as tx:
        await exclusively(tx, IMPORT_LOCK)
        writing = _writing(world, tx, progress)
        written = [await write_issuer(writing, issuer) for issuer in draft.issuers]
        await give_codes(tx)
        await revise(tx, written)
        await refresh_statistics(tx)
        return writing.counts


async def import_seating(world: World, draft: SeatingDraft, *, issuer: str) -> Mapping[str, int]:
    """Write one seating plan of an issuer that is there already; raises ImportRefused."""
    async with world.database.session() as tx:
        await exclusively(tx, IMPORT_LOCK)
        row = await staff.issuer_by_slug(tx, issuer)
        if row is None:
            reason = f"there is no issuer {issuer!r}; import its catalogue first, or name another with --issuer"
            raise ImportRefused([Fault(draft.slug, None, "issuer", reason)])
        writing = _writing(world, tx, _silent)
        await refuse_foreign(writing, issuer)
        await write_seating(writing, row.id, draft)
        await revise(tx, [row.id])
        return writing.counts


def _writing(world: World, tx: AsyncSession, progress: Progress) -> Writing:
    return Writing(
        tx=tx,
        now=world.clock.now(),
        new_id=world.entropy.uuid,
        new_code=lambda: int.from_bytes(world.entropy.bytes(4), "big"),
        progress=progress,
    )
