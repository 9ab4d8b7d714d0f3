"""A running server follows its key ring: what changes in the folder is taken up within seconds, without a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from app.keys.folder import RING, load
from app.keys.ring import KeyRing, KeyRingUnusable

LOOK_SECONDS = 3.0

Stamp = tuple[int, int, int] | None
"""What tells one ring.json from another: every change replaces the file."""

log = structlog.get_logger()


def stamp(directory: Path) -> Stamp:
    """Of ring.json as it is now; None where it is not to be seen."""
    try:
        found = (directory / RING).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


async def follow(ring: KeyRing, directory: Path, *, seen: Stamp, look_seconds: float = LOOK_SECONDS) -> None:
    """Keep `ring` as the folder has it, until cancelled. `seen` is the stamp from before the ring was loaded.

    A folder that cannot be used leaves the ring as it is, and is told once in the log.
    """
    while True:
        await asyncio.sleep(look_seconds)
        now = stamp(directory)
        if now == seen:
            continue
        seen = now
        try:
            ring.take_up(await asyncio.to_thread(load, directory))
        except (KeyRingUnusable, OSError) as fault:
            log.error("key_ring_refused", reason=str(fault))  # noqa: TRY400 - the sentence says all
        else:
            now_used = ring.current
            names = f"secret-{now_used.secret} barcode-{now_used.barcode} token-{now_used.token}"
            log.info("key_ring_taken_up", current=names)
