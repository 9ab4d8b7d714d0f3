"""Files that are there as a whole or as they were before, also after a power failure; for their owner alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def put(path: Path, octets: bytes) -> None:
    """Make a file, or replace the one that is there; raises OSError, and then nothing has changed."""
    number, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(number, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """So that the names in it survive, too."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
