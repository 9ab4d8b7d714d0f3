"""A gate's files: what it showed is on the disk, whatever happens to the process, and no log is changed unseen."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import sys
from base64 import b64decode
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console

from app.cli import gate_words
from app.cli.gate_folder import Device, Folder, LogFile
from app.cli.gate_words import Asked
from app.domain.admission import Reason
from app.domain.entry_rules import Face
from app.domain.gate_log import BadEntry, Deed, Entry, beginning, link
from app.domain.gate_verdict import Verdict

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs/reference/vectors/gate.json").read_text("utf-8")
)
GATE = UUID(VECTORS["log"]["gate"])
AT = datetime(2026, 12, 24, 10, 5, tzinfo=UTC)
PROGRAM = """
import sys
from datetime import datetime
from app import cli
from app.cli import gating
gating.clock = lambda: datetime.fromisoformat("2026-12-24T10:05:07.250+00:00")
cli.main()
"""


def an_entry(seq: int = 1) -> Entry:
    return Entry(seq, f"s-{seq}", AT, Deed.ENTER, Reason.ADMITTED, 700, Face.SIGNED, seq)


def log_of(path: Path, *, gate_id: UUID = GATE) -> Any:
    return LogFile.opened(path, gate_id=gate_id, generation=2)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A log of three entries."""
    path = tmp_path / "log.jsonl"
    with log_of(path) as log:
        digest = beginning(gate_id=GATE, generation=2)
        for seq in (1, 2, 3):
            linked = link(digest, an_entry(seq))
            log.append(linked)
            digest = linked.digest
    return path


# --- the log --------------------------------------------------------------------------------------------------------


def test_a_log_is_read_back_as_it_was_written(three: Path) -> None:
    with log_of(three) as log:
        assert [one.entry for one in log.entries] == [an_entry(seq) for seq in (1, 2, 3)]


def test_half_a_line_at_the_end_is_cut_off_wherever_the_power_went(three: Path) -> None:
    whole = three.read_bytes()
    ends = [found.end() for found in re.finditer(b"\n", whole)]
    for cut in range(0, len(whole), 7):
        three.write_bytes(whole[:cut])
        with log_of(three) as log:
            assert len(log.entries) == sum(end <= cut for end in ends)
        assert three.read_bytes() == whole[: max((end for end in ends if end <= cut), default=0)]


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0], lines[2]],
        lambda lines: lines[1:],
        lambda lines: [lines[1], lines[0], lines[2]],
        lambda lines: [lines[0].replace(b'"count":1', b'"count":2'), *lines[1:]],
    ],
    ids=["one left out", "the first left out", "another order", "one changed"],
)
def test_a_log_that_was_changed_is_refused(three: Path, change: Any) -> None:
    three.write_bytes(b"".join(change(three.read_bytes().splitlines(keepends=True))))
    with pytest.raises(ValueError, match="does not follow the one before"), log_of(three):
        pass


def test_another_gates_log_is_refused(three: Path) -> None:
    with pytest.raises(ValueError, match="another device's log"), log_of(three, gate_id=UUID(int=1)):
        pass


def test_a_line_that_is_no_entry_is_told(three: Path) -> None:
    three.write_bytes(b"{}\n")
    with pytest.raises(BadEntry, match="digest"), log_of(three):
        pass


def test_two_programs_do_not_write_one_log(three: Path) -> None:
    with log_of(three), pytest.raises(ValueError, match="Another program"), log_of(three):
        pass


# --- killed ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gate's folder as `gate fetch` leaves it, made of the vectors."""
    run = VECTORS["runs"][0]
    status = next(step["status"] for step in run["steps"] if step["do"] == "refresh")
    (tmp_path / "snapshot").write_bytes(b64decode(run["snapshot"]))
    (tmp_path / "status").write_bytes(b64decode(status))
    (tmp_path / "jwks.json").write_text(json.dumps(VECTORS["keys"]["sellers"][""]), "utf-8")
    return tmp_path


def started(folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "gate", "--offline", str(folder / "snapshot"), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


def code_of(reason: str, step: int = 0) -> str:
    """A text of the vectors that is answered so."""
    found = [one for one in VECTORS["runs"][1]["steps"] if one.get("entry", {}).get("reason") == reason]
    return str(found[step]["text"])


def test_what_was_shown_is_known_after_a_kill(folder: Path) -> None:
    plain, revoked = code_of("admitted"), "C" + "0" * 24
    gate = started(folder)
    assert gate.stdin is not None
    assert gate.stdout is not None
    for line, reason in ((plain, "admitted"), (revoked, "unknown")):
        gate.stdin.write(line + "\n")
        gate.stdin.flush()
        assert json.loads(gate.stdout.readline())["reason"] == reason
    gate.send_signal(signal.SIGKILL)
    gate.communicate()

    output, faults = started(
        folder, "--show", plain, "--show", "undo alone-2-1", "--show", "override K: x"
    ).communicate()
    assert [json.loads(line)["reason"] for line in output.splitlines()] == ["already_in", "undone", "unreadable"], (
        faults
    )
    assert len((folder / "log.jsonl").read_bytes().splitlines()) == 5


def test_without_a_status_nobody_is_let_in(folder: Path) -> None:
    (folder / "status").unlink()
    output, faults = started(folder, "--show", code_of("admitted")).communicate()
    assert json.loads(output)["reason"] == "snapshot_old"
    assert "Fetch one" in faults


# --- the device's own file ------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_is_the_owners_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "door")
    key = folder.make_key().private_numbers()
    folder.keep(Device("https://t.example", str(GATE), "North", 2, "token", "2026-12-24T18:00:00Z"), brought=3)
    assert folder.key().private_numbers() == key
    assert folder.device().brought == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    with pytest.raises(ValueError, match="already"):
        folder.make_key()


def test_a_folder_without_a_gate_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cyberticket gate enrol"):
        Folder(tmp_path).device()


# --- what is typed and shown ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("S:ABC ", Asked(Deed.ENTER, "S:ABC ")),
        ("482910375-1 491027", Asked(Deed.ENTER, "482910375-1 491027")),
        ("out S:ABC", Asked(Deed.LEAVE, "S:ABC")),
        ("check S:ABC", Asked(Deed.CHECK, "S:ABC")),
        ("group 3 S:ABC", Asked(Deed.ENTER, "S:ABC", count=3)),
        ("redeem 4500 S:ABC", Asked(Deed.REDEEM, "S:ABC", amount=4_500)),
        ("override Kim, knows them: S:ABC", Asked(Deed.OVERRIDE, "S:ABC", by="Kim, knows them")),
        ("undo alone-2-7", Asked(Deed.UNDO, "alone-2-7")),
        ("group many S:ABC", Asked(Deed.ENTER, "group many S:ABC")),
    ],
)
def test_a_line_says_what_to_do_and_with_which_code(line: str, asked: Asked) -> None:
    assert gate_words.read(line) == asked


def test_a_person_sees_the_sentence_in_the_verdicts_colour() -> None:
    seen = StringIO()
    console = Console(file=seen, force_terminal=True, width=80, color_system="standard")
    gate_words.show(console, Verdict(an_entry(), None), language="ko")
    assert "입장하십시오." in seen.getvalue()
    assert "\x1b[32m" in seen.getvalue()
