"""Who is there: three lock files whose locks the kernel frees when their holder dies, even by kill -9.

`start`   exclusive, while a process makes, starts, joins or stops the server: one at a time.
`users`   shared, by each process that uses the server, for as long as it does.
`server`  exclusive, inherited by the server and all of its processes: free means that none of them lives,
          whatever postmaster.pid says.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded.faults import DatabaseUnavailable

POLL_SECONDS = 0.02
TURN_SECONDS_MAX = 180.0
"""How long to wait for another process that is starting or stopping the server: longer than either may take."""


def opened(path: Path) -> int:
    """Open a lock file, made if missing; it never holds a byte. As root it goes to the owner of its folder."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


def take(descriptor: int) -> bool:
    """Take the lock alone, now or not at all."""
    return _locked(descriptor, fcntl.LOCK_EX)


def share(descriptor: int) -> bool:
    """Take a share of the lock, now or not at all."""
    return _locked(descriptor, fcntl.LOCK_SH)


def is_free(path: Path) -> bool:
    """Whether no process holds the lock alone."""
    descriptor = opened(path)
    try:
        return share(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Hold the lock alone for the block. Raises DatabaseUnavailable when it stays taken for TURN_SECONDS_MAX."""
    descriptor = opened(path)
    try:
        deadline = time.monotonic() + TURN_SECONDS_MAX
        while not take(descriptor):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"Another process has been starting or stopping the database for {TURN_SECONDS_MAX:.0f} seconds;"
                    f" end the process that holds {path} (fuser shows it) and start again."
                )
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
