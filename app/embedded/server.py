"""One server per data folder, shared by every process that uses the folder: the first starts it, the last stops it.

A user that was killed is forgotten by the kernel (see `locks`). When the last one was killed the server stays up; the
next user joins it and stops it at the end. A server that was killed is started again by the next user, or by one that
is still there and calls `revive`; PostgreSQL then recovers every committed row from its write-ahead log.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

from app.embedded import locks
from app.embedded.account import ENVIRONMENT, Account, server_account
from app.embedded.cluster import (
    SUPERUSER,
    clear_remains,
    ensure_cluster,
    log_tail,
    now_on_disk_clock,
    prune_logs,
    recorded_socket,
    recorded_status,
    server_settings,
)
from app.embedded.faults import DatabaseUnavailable, of_os_error, of_output
from app.embedded.folder import PORT, Folder, give, prepare
from app.embedded.programs import binaries, usable_binaries

DATABASE = "cyberticket"
START_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 60.0
ASK_SECONDS_MAX = 30
OUTPUT_BYTES_MAX = 65_536

_log = logging.getLogger(__name__)


def join(data: Path, *, settings: Mapping[str, str] | None = None) -> Membership:
    """Use the server of the folder `data`, started if it does not run; blocks for seconds. Raises DatabaseUnavailable.

    `settings` are PostgreSQL settings for a server that this call starts; one that runs keeps its own.
    """
    with _in_words(data):
        folder = Folder(data.expanduser().resolve())
        account = server_account()
        prepare(folder, account)
        with locks.turn(folder.start_lock):
            users = locks.opened(folder.users_lock)
            member = Membership(folder=folder, account=account, settings=dict(settings or {}), users=users)
            try:
                # Under the start lock nobody tries to take it alone, so a share is there to be had.
                assert locks.share(users)
                _ensure_running(member)
                _ensure_database(folder)
            except BaseException:
                member.end()
                raise
            return member


@contextmanager
def _in_words(data: Path) -> Iterator[None]:
    """Turn what the system refuses inside the block into DatabaseUnavailable."""
    try:
        yield
    except OSError as error:
        raise of_os_error(error, data=data) from error
    except subprocess.SubprocessError as error:
        raise DatabaseUnavailable(
            f"A program that starts the database in {data} did not end as it should ({error});"
            " see whether the machine is overloaded, and start again."
        ) from error


@dataclass(slots=True)
class Membership:
    """One user's hold on a running server; `leave` ends it."""

    folder: Folder
    account: Account
    settings: Mapping[str, str]
    users: int
    left: bool = field(default=False)

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database, by its socket."""
        return URL.create(
            "postgresql+asyncpg",
            username=SUPERUSER,
            database=DATABASE,
            query={"host": str(self.folder.sockets), "port": str(PORT)},
        ).render_as_string()

    def is_dead(self) -> bool:
        """Whether every process of the server has ended; cheap enough to ask each second."""
        return locks.is_free(self.folder.server_lock)

    def revive(self) -> None:
        """Start the server again if it has died. Raises DatabaseUnavailable."""
        with _in_words(self.folder.data), locks.turn(self.folder.start_lock):
            if not self.left:
                _ensure_running(self)

    def leave(self) -> None:
        """Stop using the server; the last to leave stops it. Harmless when repeated; never raises for the server."""
        if self.left:
            return
        try:
            with locks.turn(self.folder.start_lock):
                self.end()
        except (OSError, DatabaseUnavailable) as error:
            _log.warning("left the database in %s without stopping it: %s", self.folder.data, error)
            if not self.left:
                self.left = True
                os.close(self.users)

    def end(self) -> None:
        """What `leave` does, for a caller that holds the start lock."""
        self.left = True
        try:
            if locks.take(self.users):
                _stop(self.folder)
        finally:
            os.close(self.users)


def _ensure_running(member: Membership) -> None:
    """Start the server, or wait until the one that lives answers. The caller holds the start lock."""
    folder = member.folder
    deadline = time.monotonic() + START_SECONDS_MAX
    launched: _Launched | None = None
    try:
        while True:
            lock = locks.opened(folder.server_lock)
            try:
                if locks.take(lock):
                    if launched:
                        raise launched.fault(folder)
                    launched = _launch(member, server_lock=lock)
            finally:
                os.close(lock)
            if _is_ready(folder):
                return
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"PostgreSQL in {folder.data} is not ready after {START_SECONDS_MAX:.0f} seconds, perhaps because"
                    f" it is still recovering; wait, read its log in {folder.logs}, and start again."
                )
            time.sleep(locks.POLL_SECONDS)
    finally:
        if launched:
            launched.close()


def _launch(member: Membership, *, server_lock: int) -> _Launched:
    """Start the server, which inherits the server lock with all of its processes."""
    folder, account = member.folder, member.account
    if (stray := recorded_socket(folder)) and _server_pid(stray) is not None:
        raise DatabaseUnavailable(
            f"A PostgreSQL server that Cyberticket did not start runs on {folder.cluster};"
            f" stop it (pg_ctl stop -D '{folder.cluster}') and start again."
        )
    programs = usable_binaries(folder, account)
    ensure_cluster(folder, account, programs, server_lock=server_lock)
    clear_remains(folder)
    give(folder.sockets, account)
    give(folder.logs, account)
    prune_logs(folder)
    options = [f"--{name}={value}" for name, value in server_settings(folder, member.settings).items()]
    since = now_on_disk_clock()
    reading, writing = os.pipe()
    try:
        os.set_blocking(reading, False)
        account.launch([programs / "postgres", "-D", folder.cluster, *options], output=writing, keep=[server_lock])
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return _Launched(output=reading, since=since)


@dataclass(frozen=True, slots=True)
class _Launched:
    """A server that we started and that is not known to be ready: the pipe of what it says until its log begins."""

    output: int
    since: float

    def fault(self, folder: Folder) -> DatabaseUnavailable:
        """Why it ended."""
        try:
            said = os.read(self.output, OUTPUT_BYTES_MAX).decode(errors="replace")
        except BlockingIOError:
            said = ""
        return of_output(said + log_tail(folder, since=self.since), data=folder.data, log=folder.logs)

    def close(self) -> None:
        os.close(self.output)


def _ensure_database(folder: Folder) -> None:
    """Create our database unless it is there. The caller holds the start lock."""
    if _ask(folder, f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'") != "1":  # noqa: S608 - a constant
        _ask(folder, f"CREATE DATABASE {DATABASE}")


def _ask(folder: Folder, statement: str) -> str:
    """Run one statement as the superuser; the answer's text."""
    try:
        asked = subprocess.run(  # noqa: S603 - our own program and statements
            [
                *(str(binaries() / "psql"), "--no-psqlrc", "--no-password", "--no-align", "--tuples-only", "--quiet"),
                *(f"--host={folder.sockets}", f"--port={PORT}", f"--username={SUPERUSER}", "--dbname=postgres"),
                f"--command={statement}",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=ASK_SECONDS_MAX,
            env=ENVIRONMENT,
        )
    except subprocess.TimeoutExpired:
        raise DatabaseUnavailable(
            f"PostgreSQL in {folder.data} did not answer in {ASK_SECONDS_MAX} seconds; see whether the machine is"
            f" overloaded, read its log in {folder.logs}, and start again."
        ) from None
    if asked.returncode != 0:
        raise of_output(asked.stderr, data=folder.data, log=folder.logs)
    return asked.stdout.strip()


def _is_ready(folder: Folder) -> bool:
    """Whether the server takes sessions: it says so in the last line of postmaster.pid, and its socket answers."""
    return recorded_status(folder) == "ready" and _server_pid(folder.socket) is not None


def _server_pid(path: Path) -> int | None:
    """The process that listens on a socket, as the kernel knows it; 0 where it cannot be named, None if none does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError, TimeoutError):
            return None
        except BlockingIOError:  # somebody listens, with a full queue of callers
            return 0
        if sys.platform == "linux":
            pid, _, _ = struct.unpack("iii", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        else:  # macOS: SOL_LOCAL is 0, LOCAL_PEERPID is 2
            (pid,) = struct.unpack("i", probe.getsockopt(0, 2, 4))
        assert isinstance(pid, int)
        return pid


def _stop(folder: Folder) -> None:
    """Stop the server (fast: open sessions are rolled back) and wait for its end. The caller holds the start lock."""
    pid = _server_pid(folder.socket)
    if not pid:  # it died, or it lives in another container, which will end it
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS_MAX
    while not locks.is_free(folder.server_lock):
        if time.monotonic() > deadline:
            _log.warning("PostgreSQL in %s is still stopping; the next start waits for it", folder.data)
            return
        time.sleep(locks.POLL_SECONDS)
    clear_remains(folder)
