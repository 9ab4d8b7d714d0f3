"""The data folder: where it is, what lies where in it, and who may enter.

No permission of a folder that was there before is ever changed; a folder that the server could not reach is refused.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.embedded.faults import DatabaseUnavailable

if TYPE_CHECKING:
    from app.embedded.account import Account

PORT = 5432
"""Only names the socket file: the server listens on no network port."""

SOCKET_NAME = f".s.PGSQL.{PORT}"
SOCKET_PATH_BYTES_MAX = 103  # sun_path holds 104 bytes on macOS and 108 on Linux, the last one zero

PLAIN = re.compile(r"[\w./ -]+")
"""A comma or a colon in a socket's path would be read by libpq and SQLAlchemy as a list of hosts and ports."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A data folder by its resolved path, and the paths of what we keep in it."""

    data: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.data / "postgresql"

    @property
    def making(self) -> Path:
        """The data directory while initdb fills it; renamed when whole, so a half-made one is never started."""
        return self.data / "postgresql.new"

    @property
    def logs(self) -> Path:
        return self.data / "postgresql-log"

    @property
    def programs(self) -> Path:
        """Copies of PostgreSQL's programs, where the server's user cannot reach the installed ones."""
        return self.data / "postgresql-programs"

    @property
    def start_lock(self) -> Path:
        return self.data / "postgresql.start.lock"

    @property
    def users_lock(self) -> Path:
        return self.data / "postgresql.users.lock"

    @property
    def server_lock(self) -> Path:
        return self.data / "postgresql.server.lock"

    @property
    def sockets(self) -> Path:
        """The folder of the socket: in the data folder, or below /tmp where that path cannot serve in a URL or a bind.

        The second place depends on the data folder alone (not on TMPDIR or the login), so that every process finds it.
        """
        near = self.data / "postgresql-socket"
        fits = len(os.fsencode(near / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX
        if fits and PLAIN.fullmatch(str(near)):
            return near
        name = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path("/tmp") / f"cyberticket-{name}"  # noqa: S108 - made 0700, its owner and mode are checked

    @property
    def socket(self) -> Path:
        return self.sockets / SOCKET_NAME


def default_data_dir() -> Path:
    """Where data goes when nobody says: /var/lib/cyberticket as root, else the user's XDG data home."""
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/cyberticket")
    home = os.environ.get("XDG_DATA_HOME", "")
    if home.startswith("/"):  # the XDG base directory specification: a relative path is to be ignored
        return Path(home) / "cyberticket"
    try:
        return Path.home() / ".local" / "share" / "cyberticket"
    except RuntimeError:
        raise DatabaseUnavailable("This user has no home folder; say where the data goes with --data.") from None


def prepare(folder: Folder, account: Account) -> None:
    """Make the data folder if it is missing, and make sure that the server's user can enter it.

    Raises DatabaseUnavailable, and OSError where the system refuses.
    """
    _make(folder.data, account)
    _check_owner(folder.data, account)
    if account.user is not None and (closed := account.first_closed(folder.data)):
        let_in = ""
        if closed == folder.data:
            let_in = f", or let it in (chgrp {account.name} '{closed}' && chmod 710 '{closed}')"
        raise DatabaseUnavailable(
            f"{closed} cannot be entered by the user {account.name}, which PostgreSQL runs as when Cyberticket is root;"
            f" choose another data folder with --data (such as {default_data_dir()}){let_in},"
            " or run Cyberticket as an ordinary user."
        )


def give(path: Path, account: Account) -> None:
    """Make the folder `path`, for the server's user alone, unless it is there; refuse one that is open to others."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
            raise DatabaseUnavailable(
                f"{path} is not a folder that only {account.name} (id {account.uid}) may enter;"
                " move it away, or give it to that user with mode 700, and start again."
            ) from None
        return
    if account.user is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _make(data: Path, account: Account) -> None:
    """Make `data` and the parents it lacks: ours alone, or entered (never listed) by the server's group."""
    as_root = account.user is not None
    missing = [path for path in data.parents if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        path.chmod(0o755 if as_root else 0o700)
    try:
        data.mkdir(mode=0o700)
    except FileExistsError:
        if data.is_dir():
            return
        raise
    if as_root:
        os.chown(data, -1, account.gid)
        data.chmod(0o710)


def _check_owner(data: Path, account: Account) -> None:
    """As root, write only where root or the server's user rules: another owner could turn our writes elsewhere."""
    owner = data.stat().st_uid
    if account.user is not None and owner not in {0, account.uid}:
        raise DatabaseUnavailable(
            f"{data} belongs to the user with id {owner}, and Cyberticket runs as root; run it as that user,"
            " or choose another data folder with --data."
        )
