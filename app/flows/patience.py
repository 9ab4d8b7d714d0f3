"""Patience: whoever waits for an answer waits so long and no longer; what was begun goes on without them.

Work that moves money must not be broken off in the middle, and nobody should look at a blank page while it goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from app.domain.refusals import Refusal

log = structlog.get_logger()

FINISH_SECONDS = 15.0
"""How long a server that stops waits for what still goes on; what is not done by then, the reconciler takes up."""

T = TypeVar("T")

_going_on: set[asyncio.Task[Any]] = set()
"""An event loop keeps no task alive that nobody holds."""


async def answer_within(seconds: float, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` gives or raises; None where it takes longer, or where no time is left: it goes on by itself then.

    It goes on as well where whoever waits is cancelled. How it ends is told in the log.
    """
    task = asyncio.get_running_loop().create_task(work)
    _going_on.add(task)
    task.add_done_callback(_going_on.discard)
    try:
        await asyncio.wait({task}, timeout=max(0.0, seconds))
    except asyncio.CancelledError:
        task.add_done_callback(_tell)
        raise
    if task.done():
        return task.result()
    task.add_done_callback(_tell)
    return None


def _tell(task: asyncio.Task[Any]) -> None:
    fault = None if task.cancelled() else task.exception()
    if task.cancelled():
        log.warning("left_undone", work=task.get_name())
    elif fault is None or isinstance(fault, Refusal):
        log.info("ended_unseen", outcome=type(fault or task.result()).__name__)
    else:
        log.error("failed_unseen", exc_info=fault)


async def finish(seconds: float = FINISH_SECONDS) -> None:
    """Wait for what goes on in this event loop, before what it works with is closed."""
    loop = asyncio.get_running_loop()
    if mine := {task for task in _going_on if task.get_loop() is loop}:
        await asyncio.wait(mine, timeout=seconds)
