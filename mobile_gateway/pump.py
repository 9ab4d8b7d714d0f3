"""Work that is done again and again: when its own pause is over, or when somebody says that there is more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

log = logging.getLogger(__name__)

PAUSE_SECONDS_MAX = 60.0
PAUSE_AFTER_FAULT_SECONDS = 1.0


async def forever(work: Callable[[], Awaitable[float]], due: asyncio.Event, name: str) -> None:
    """Do rounds of `work` whenever its own pause is over or `due` is set; outlives a disk that fails for a while."""
    while True:
        due.clear()
        try:
            pause_seconds = await work()
        except Exception:
            log.exception("could not %s; trying again", name)
            await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)  # not woken by `due`: a full disk needs rest
            continue
        if pause_seconds > 0:
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause_seconds, PAUSE_SECONDS_MAX)):
                    await due.wait()
