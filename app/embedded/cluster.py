"""PostgreSQL's data directory: making it, recognising it, and the settings its server runs with."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from app.embedded.account import Account
from app.embedded.faults import DatabaseUnavailable, of_output
from app.embedded.folder import PORT, Folder, give
from app.embedded.programs import MAJOR

SUPERUSER = "postgres"
INIT_SECONDS_MAX = 120
LOG_FILES_MAX = 7
LOG_FILE_KIBIBYTES_MAX = 10 * 1024

ADJUSTABLE: Mapping[str, str] = {"shared_buffers": "128MB", "max_connections": "200", "jit": "off"}
"""Written into postgresql.conf once, when the data directory is made: the operator may change them there."""

DURABLE: Mapping[str, str] = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
"""What is said to be committed is on the disk."""

LOGGING: Mapping[str, str] = {
    "logging_collector": "on",
    "log_destination": "stderr",
    "log_filename": "postgresql-%Y%m%dT%H%M%S.log",
    "log_rotation_age": "1d",
    "log_rotation_size": f"{LOG_FILE_KIBIBYTES_MAX}kB",
    # The server's own life only. A statement that fails is the application's to log: PostgreSQL would write its
    # values, telephone numbers among them, into the file.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
}


def server_settings(folder: Folder, settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of the command line, which no file overrides. The caller's `settings` win over ours."""
    return {
        "listen_addresses": "",
        "port": str(PORT),
        # A list in which a quoted item may hold commas and spaces.
        "unix_socket_directories": '"' + str(folder.sockets).replace('"', '""') + '"',
        "unix_socket_permissions": "0700",
        "log_directory": str(folder.logs),
        "timezone": "UTC",
        **LOGGING,
        **DURABLE,
        **settings,
    }


def ensure_cluster(folder: Folder, account: Account, programs: Path, *, server_lock: int) -> None:
    """Make the data directory unless it is there and of our version. Raises DatabaseUnavailable, OSError.

    `server_lock` goes to initdb too: should we be killed, the next process waits until initdb has ended.
    """
    try:
        version = (folder.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        if folder.cluster.exists():
            raise DatabaseUnavailable(
                f"{folder.cluster} is there but holds no PostgreSQL data (is its disk mounted?);"
                " bring the data back, or move the folder away to begin with an empty database."
            ) from None
        _init(folder, account, programs, server_lock=server_lock)
        return
    if version != str(MAJOR):
        raise DatabaseUnavailable(
            f"{folder.cluster} was made by PostgreSQL {version}, and the embedded server is PostgreSQL {MAJOR}; dump it"
            f" with pg_dump of version {version}, move the folder away, start again and restore the dump."
        )
    if (owner := folder.cluster.stat().st_uid) != account.uid:
        raise DatabaseUnavailable(
            f"{folder.cluster} belongs to the user with id {owner}, but PostgreSQL runs as {account.name} (id"
            f" {account.uid}); run Cyberticket as the owner, or give the folder over (chown -R {account.uid} ...)."
        )


def _init(folder: Folder, account: Account, programs: Path, *, server_lock: int) -> None:
    shutil.rmtree(folder.making, ignore_errors=True)  # left by a process that was killed here
    give(folder.making, account)
    try:
        made = account.run(
            [
                programs / "initdb",
                f"--pgdata={folder.making}",
                f"--username={SUPERUSER}",
                "--auth=trust",  # the socket's folder lets in the server's user and root, and nobody else
                "--encoding=UTF8",
                # Sorts by code point, which is dictionary order for Hangul, and never changes with the system's libc.
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                "--no-instructions",
                *(f"--set={name}={value}" for name, value in ADJUSTABLE.items()),
            ],
            seconds=INIT_SECONDS_MAX,
            keep=[server_lock],
        )
    except subprocess.TimeoutExpired:
        raise DatabaseUnavailable(
            f"PostgreSQL took over {INIT_SECONDS_MAX} seconds to make its first files in {folder.data};"
            " see whether the disk works and is not overloaded, and start again."
        ) from None
    if made.returncode != 0:
        fault = of_output(made.stderr, data=folder.data)  # asked while the disk is still full
        shutil.rmtree(folder.making, ignore_errors=True)
        raise fault
    folder.making.rename(folder.cluster)
    _sync(folder.data)


def clear_remains(folder: Folder) -> None:
    """Remove what a dead server left, so that a process that has got its number since is not taken for it.

    Only for a caller that holds the server lock, which says that no process of the server lives.
    """
    for path in (
        folder.cluster / "postmaster.pid",
        folder.socket,
        folder.socket.with_name(f"{folder.socket.name}.lock"),
    ):
        path.unlink(missing_ok=True)
    if not folder.sockets.is_relative_to(folder.data):
        with suppress(OSError):  # somebody else's folder, or none: `give` says so when it matters
            folder.sockets.rmdir()


def recorded_socket(folder: Folder) -> Path | None:
    """The socket that postmaster.pid names, whoever started the server and whether or not it lives."""
    lines = _postmaster_lines(folder)
    return Path(lines[4]) / f".s.PGSQL.{lines[3]}" if len(lines) > 4 and lines[4] else None  # noqa: PLR2004 - see below


def recorded_status(folder: Folder) -> str:
    """What the server last said of itself in postmaster.pid, such as `ready`; nothing if it said nothing."""
    lines = _postmaster_lines(folder)
    return lines[7] if len(lines) > 7 else ""  # noqa: PLR2004 - see below


def _postmaster_lines(folder: Folder) -> list[str]:
    """The lines of postmaster.pid (PostgreSQL's src/include/utils/pidfile.h); of a server just starting, fewer.

    In this order: pid, data directory, start time, port, socket folder, address, shared memory, status.
    """
    try:
        text = (folder.cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines()]


def prune_logs(folder: Folder) -> None:
    """Keep the newest log files, so that restarts and busy days cannot fill the disk."""
    for path in sorted(folder.logs.glob("postgresql-*.log"))[:-LOG_FILES_MAX]:
        path.unlink(missing_ok=True)


def log_tail(folder: Folder, *, since: float, bytes_max: int = 8192) -> str:
    """The end of the newest log, if it was written to at or after `since` (seconds since the epoch)."""
    for path in sorted(folder.logs.glob("postgresql-*.log"))[-1:]:
        found = path.stat()
        if found.st_mtime >= since:
            with path.open("rb") as log:
                log.seek(max(0, found.st_size - bytes_max))
                return log.read(bytes_max).decode(errors="replace")
    return ""


def now_on_disk_clock() -> float:
    """The wall clock as file times show it, in whole seconds: only ever compared with those."""
    return float(int(time.time()))


def _sync(path: Path) -> None:
    """Make the names in the folder `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
