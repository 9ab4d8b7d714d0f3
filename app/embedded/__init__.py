"""The database: an embedded PostgreSQL in the data folder; `check` asks whether a server elsewhere can be used.

    async with embedded(default_data_dir()) as url:
        engine = create_async_engine(url)

The server is shared by every process on the same folder; the first starts it and the last stops it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from app.embedded.faults import DatabaseUnavailable, wrong_platform
from app.embedded.folder import default_data_dir
from app.embedded.programs import binaries

if TYPE_CHECKING:
    from app.embedded.server import Membership

__all__ = ["DatabaseUnavailable", "binaries", "default_data_dir", "embedded", "embedded_blocking"]

LOOK_SECONDS = 1.0
LOOK_SECONDS_MAX = 30.0

T = TypeVar("T")
_log = logging.getLogger(__name__)


@asynccontextmanager
async def embedded(data: Path, *, settings: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """The URL of the database in the folder `data`, whose server runs as long as somebody uses it.

    Made and started where needed (about 1 s the first time), and started again within seconds should it be killed.
    `settings` are PostgreSQL settings for a server that this call starts. Raises DatabaseUnavailable.
    """
    member, interrupted = await _finished(lambda: _join(data, settings))
    try:
        if interrupted:
            raise asyncio.CancelledError
        keeper = asyncio.create_task(_keep(member), name="embedded database keeper")
        try:
            yield member.url
        finally:
            keeper.cancel()
    finally:
        _, interrupted = await _finished(member.leave)
        if interrupted:
            raise asyncio.CancelledError


@contextmanager
def embedded_blocking(data: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """What `embedded` does, for a command without an event loop; a killed server stays down. Blocks for seconds."""
    member = _join(data, settings)
    try:
        yield member.url
    finally:
        member.leave()


def _join(data: Path, settings: Mapping[str, str] | None) -> Membership:
    if sys.platform == "win32":
        raise wrong_platform("this is Windows")
    from app.embedded.server import join  # noqa: PLC0415 - its locks and users exist on POSIX systems only

    return join(data, settings=settings)


async def _keep(member: Membership) -> None:
    """Start the server again whenever it has died under us; more and more patiently while that fails."""
    pause = LOOK_SECONDS
    while True:
        await asyncio.sleep(pause)
        try:
            if member.is_dead():
                _log.warning("PostgreSQL in %s died; starting it again", member.folder.data)
                await asyncio.to_thread(member.revive)
            pause = LOOK_SECONDS
        except (OSError, DatabaseUnavailable) as error:
            pause = min(pause * 2, LOOK_SECONDS_MAX)
            _log.error("PostgreSQL in %s is down, next try in %.0f s: %s", member.folder.data, pause, error)


async def _finished(call: Callable[[], T]) -> tuple[T, bool]:
    """Run a blocking call in a thread to its end, and say whether we were cancelled meanwhile.

    A call that were left alone half-way could start a server that has no user to stop it.
    """
    working = asyncio.ensure_future(asyncio.to_thread(call))
    interrupted = False
    while not working.done():
        try:
            await asyncio.wait([working])
        except asyncio.CancelledError:
            interrupted = True
    return working.result(), interrupted
