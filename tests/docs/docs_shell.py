"""Typing what a page tells to type into a shell, and comparing what it shows with what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from docs_pages import blocks

SHELL_SECONDS = 40


def typed(page: Path, folder: Path, *, mark: str, addresses: Mapping[str, str]) -> str:
    """What a shell prints that is given the page's blocks of this mark one after the other; a failing line ends it.

    `addresses` are where things really are, by where the page says they are.
    """
    script = "set -euo pipefail\n" + "".join(block.text for block in blocks(page) if block.run == mark)
    for said, real in addresses.items():
        script = script.replace(said, real)
    shell = subprocess.run(
        ["bash"],
        input=script,
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "no_proxy": "*"},
        text=True,
        capture_output=True,
        check=False,
        timeout=SHELL_SECONDS,
    )
    assert (shell.returncode, shell.stderr) == (0, ""), f"{shell.stdout}{shell.stderr}"
    return shell.stdout


def promised(page: Path, *, mark: str) -> str:
    """What the page says is seen: the `text` blocks that follow a marked block."""
    found = blocks(page)
    seen = [block.run == mark for block in found]
    return "".join(
        block.text for number, block in enumerate(found) if block.language == "text" and number and seen[number - 1]
    )


def pattern(text: str) -> re.Pattern[str]:
    """The text with any digit where it has one, and anything within a line where it has an ellipsis."""
    return re.compile(re.sub("[0-9]", "[0-9]", re.escape(text)).replace("…", ".*"))
