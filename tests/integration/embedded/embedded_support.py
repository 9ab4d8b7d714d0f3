"""What the tests of the embedded database share: data folders, other processes and users, a look at the server."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import asyncpg
import pytest
from postgres import fastest_place
from sqlalchemy import make_url

from app.embedded import embedded_blocking
from app.embedded.cluster import recorded_status
from app.embedded.folder import Folder
from app.embedded.locks import is_free

REPOSITORY = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("embedded_user.py")
NOBODY = 65534
SECONDS_MAX = 20.0

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user or mount a small disk")


@contextmanager
def own_folder(*, on_disk: bool = False) -> Iterator[Path]:
    """A temporary folder that other users can pass through, as pytest's own ones cannot be; in memory where possible.

    What kill -9 leaves there is the same as on a disk: the operating system goes on.
    """
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-embedded-", dir=None if on_disk else fastest_place()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@lru_cache
def initialised() -> Path:
    """A data folder that was made, used and stopped once, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-initialised-", dir=fastest_place()))
    folder.chmod(0o711)
    atexit.register(shutil.rmtree, folder)
    with embedded_blocking(folder / "data"):
        pass
    return folder / "data"


@contextmanager
def data_folder(*, on_disk: bool = False) -> Iterator[Path]:
    """A data folder with a database in it, not running."""
    with own_folder(on_disk=on_disk) as folder:
        data = folder / "data"
        subprocess.run(["cp", "-a", initialised(), data], check=True)
        yield data
        assert eventually(lambda: is_free(Folder(data).server_lock)), "a server was left behind"


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_running(data: Path) -> bool:
    """Whether any process of the folder's server lives."""
    return not is_free(Folder(data.resolve()).server_lock)


def postmaster(data: Path) -> int:
    """The server's main process, as it says itself; 0 if it says nothing."""
    try:
        said = (Folder(data.resolve()).cluster / "postmaster.pid").read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0
    return int(said.split()[0]) if said else 0


def owner(process: int) -> int:
    """The system user that a process runs as."""
    return Path(f"/proc/{process}").stat().st_uid


def is_ready(data: Path) -> bool:
    """Whether a server lives that has announced that it takes sessions."""
    return is_running(data) and recorded_status(Folder(data.resolve())) == "ready"


async def connect(url: str) -> asyncpg.Connection:
    parsed = make_url(url)
    return await asyncpg.connect(
        host=parsed.query["host"], port=int(str(parsed.query["port"])), user=parsed.username, database=parsed.database
    )


async def execute(url: str, statement: str) -> None:
    connection = await connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def value(url: str, query: str) -> object:
    connection = await connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@contextmanager
def user_process(data: Path, *, uid: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the folder, as another system user where `uid` says so; ended with the block."""
    switch = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
    with subprocess.Popen(
        [interpreter(uid), str(PROGRAM), str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env=environment(),
        **switch,  # type: ignore[call-overload] # the overloads do not know a dict of keywords
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def url_of(process: subprocess.Popen[str]) -> str:
    """The URL that a user process prints when it is there."""
    assert process.stdout
    assert process.stderr
    return process.stdout.readline().strip() or pytest.fail(process.stderr.read())


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Let a user process leave; its exit code and error output."""
    _, errors = process.communicate(timeout=SECONDS_MAX)
    return process.returncode, errors


def environment() -> dict[str, str]:
    packages = Path(asyncpg.__file__).parents[1]
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{packages}"}


@lru_cache
def interpreter(uid: int | None) -> str:
    """A Python of our version that the user can run: ours, or the system's where ours lies in a closed folder."""
    if uid is None:
        return sys.executable
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin")):
        try:
            found = subprocess.run(
                [candidate or "", "-c", "import app.embedded.server"],
                check=False,
                capture_output=True,
                cwd="/",
                env=environment(),
                user=uid,
                group=uid,
                extra_groups=[],
            )
        except OSError:
            continue
        if found.returncode == 0:
            return str(candidate)
    pytest.skip(f"user {uid} can run no {version} here that finds our packages")
