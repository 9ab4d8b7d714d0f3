"""The blocks marked `run: the demo` are typed into a shell beside a running demo, and show what the pages say."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from docs_pages import ROOT, name_of
from docs_shell import pattern, promised, typed

START_SECONDS = 110
MARK = "the demo"
PAGES_OF_THE_DEMO = [ROOT / "README.md", ROOT / "docs/tutorial.md", ROOT / "docs/how-to/write-a-handset-app.md"]
README_ADDRESSES = {"app_url": "http://127.0.0.1:8000", "gateway_url": "http://127.0.0.1:8001"}
"""Where a newcomer's demo is; the one of the tests takes free ports."""


@pytest.fixture(scope="module")
def demo() -> Iterator[Path]:
    """A folder with the `demo.json` of a demo that runs as long as this module's tests do."""
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-docs-"))
    folder.chmod(0o711)  # as root, PostgreSQL is another user, which passes through here
    told = folder / "out.txt"
    command = Path(sys.executable).with_name("cyberticket")
    with told.open("wb") as output:
        program = subprocess.Popen(
            [
                command,
                "demo",
                "--port=0",
                "--gateway-port=0",
                f"--data={folder / 'data'}",
                f"--json={folder / 'demo.json'}",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={name: value for name, value in os.environ.items() if not name.startswith("CYBERTICKET_")},
        )
    try:
        _wait(folder / "demo.json", program, told)
        yield folder
    finally:
        program.send_signal(signal.SIGINT)
        program.wait(timeout=30)
        shutil.rmtree(folder)


def _wait(file: Path, program: subprocess.Popen[bytes], told: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not (file.exists() and file.read_text("utf-8").endswith("}\n")):
        assert program.poll() is None, f"the demo ended: {told.read_text('utf-8')[-2_000:]}"
        assert time.monotonic() < deadline, f"the demo is not up: {told.read_text('utf-8')[-2_000:]}"
        time.sleep(0.05)


def addresses(folder: Path) -> Mapping[str, str]:
    """Where the demo really is, by where the pages say that it is."""
    told: dict[str, str] = json.loads((folder / "demo.json").read_text("utf-8"))
    return {said: told[name] for name, said in README_ADDRESSES.items()}


@pytest.mark.parametrize("page", PAGES_OF_THE_DEMO, ids=name_of)
def test_what_a_page_tells_to_type_shows_what_it_says(page: Path, demo: Path) -> None:
    printed, said = typed(page, demo, mark=MARK, addresses=addresses(demo)), promised(page, mark=MARK)
    ports = re.sub(r"127\.0\.0\.1:[0-9]+", "127.0.0.1:8000", printed)
    assert said
    assert pattern(said).fullmatch(ports), f"the page says:\n{said}\nit was:\n{printed}"


def test_a_page_whose_commands_fail_is_found(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docs_pages.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("<!-- run: the demo -->\n```bash\nfalse\necho never\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        typed(page, demo, mark=MARK, addresses={})


def test_an_expectation_knows_digits_and_ellipses_and_nothing_else() -> None:
    assert pattern("No 12 PIN 3\nA …\n").fullmatch("No 98 PIN 7\nA row B\n")
    assert not pattern("No 12\n").fullmatch("No 1\n")
    assert not pattern("Let them in.\n").fullmatch("Let them in!\n")
    assert not pattern("A …\n").fullmatch("A b\nc\n")
