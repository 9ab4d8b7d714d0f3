"""Which system user the server runs as: ourselves, or the system user `cyberticket` when we are root.

PostgreSQL refuses to run as root, and a shared user such as `nobody` would open the database to every other program
that runs as it. Making a database also needs a user with a name: `initdb` refuses a bare number.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.embedded.faults import ELSEWHERE, DatabaseUnavailable

NAME = "cyberticket"
USERADD_TRIES_MAX = 5
USERADD_PAUSE_SECONDS = 0.3
USERADD_SECONDS_MAX = 30
SHELL_SECONDS_MAX = 10.0

ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""What the server's programs are told; nothing of ours, so that no PGPORT or PGOPTIONS leads them astray."""

LAUNCH = '"$@" &'
"""Leaves the program to init: nobody's child, it outlives us, and we leave no zombie behind."""

FIRST_CLOSED = 'for path; do test -x "$path" || { printf %s "$path"; exit 0; }; done'
"""Prints the first of its arguments that cannot be entered, or nothing."""


@dataclass(frozen=True, slots=True)
class Account:
    """A system user; `user`, `group` and `groups` are None where no switch is needed because it is ourselves."""

    name: str
    uid: int
    gid: int
    user: int | None = None
    group: int | None = None
    groups: tuple[int, ...] | None = None

    def run(
        self, command: Iterable[str | Path], *, seconds: float, keep: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user to its end; `keep` are file descriptors it inherits.

        Raises OSError, and subprocess.TimeoutExpired after `seconds`.
        """
        return subprocess.run(  # noqa: S603 - the caller's own programs, no shell
            [os.fspath(word) for word in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            pass_fds=keep,
            user=self.user,
            group=self.group,
            extra_groups=self.groups,
        )

    def launch(self, command: Iterable[str | Path], *, output: int, keep: Sequence[int]) -> None:
        """Start a program as this user that outlives us; it writes to `output`. Raises OSError, SubprocessError."""
        subprocess.run(  # noqa: S603 - the caller's own program; its arguments pass the shell unread
            ["/bin/sh", "-c", LAUNCH, "sh", *(os.fspath(word) for word in command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=True,
            timeout=SHELL_SECONDS_MAX,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            start_new_session=True,  # a Ctrl-C is for us, not for the program
            pass_fds=keep,
            user=self.user,
            group=self.group,
            extra_groups=self.groups,
        )

    def first_closed(self, path: Path) -> Path | None:
        """The topmost folder on the way to `path`, itself included, that this user cannot enter."""
        way = [*reversed(path.parents), path]
        found = self.run(["/bin/sh", "-c", FIRST_CLOSED, "sh", *way], seconds=SHELL_SECONDS_MAX).stdout
        return Path(found) if found else None


def server_account() -> Account:
    """Who runs the server; as root the system user is made if it is missing. Raises DatabaseUnavailable."""
    if os.geteuid() != 0:
        return Account(name=f"user {os.geteuid()}", uid=os.geteuid(), gid=os.getegid())
    entry = _entry() or _make()
    if entry.pw_uid == 0:
        raise DatabaseUnavailable(
            f"The system user {NAME} has the id 0, and PostgreSQL does not run as root; give it another id."
        )
    return Account(
        name=NAME,
        uid=entry.pw_uid,
        gid=entry.pw_gid,
        user=entry.pw_uid,
        group=entry.pw_gid,
        groups=tuple(os.getgrouplist(NAME, entry.pw_gid)),
    )


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        return None


def _make() -> pwd.struct_passwd:
    """Make the system user: no login, no password, no home. Another process may be making it at the same time."""
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    why = "there is no useradd"
    for _ in range(USERADD_TRIES_MAX if useradd else 0):
        assert useradd
        made = subprocess.run(  # noqa: S603 - a fixed command of the system
            [
                *(useradd, "--system", *_group_options(), "--no-create-home", "--home-dir", "/nonexistent"),
                *("--shell", "/usr/sbin/nologin", "--comment", "Cyberticket database", NAME),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=USERADD_SECONDS_MAX,
        )
        if entry := _entry():
            return entry
        why = made.stderr.strip() or f"useradd ended with {made.returncode}"
        time.sleep(USERADD_PAUSE_SECONDS)
    raise DatabaseUnavailable(
        f"PostgreSQL does not run as root, and the system user {NAME} could not be made ({why}); make it yourself,"
        f" run Cyberticket as an ordinary user, {ELSEWHERE}."
    )


def _group_options() -> list[str]:
    try:
        grp.getgrnam(NAME)
    except KeyError:
        return ["--user-group"]
    return ["--gid", NAME]
