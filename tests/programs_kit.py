"""Programs of the system that some tests ask: found by name, or the test does not run, which CI does not forgive."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def program(*names: str, package: str, untried: str) -> str:
    """The first of these programs that there is. Without one the test is skipped, or fails where CI=true.

    `untried` says what nobody looked at then, `package` what to install.
    """
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        message = f"NO {names[0].upper()}: {untried}; install the system package `{package}`"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


def scanned(picture: bytes | Path) -> list[str]:
    """What a reader that is not ours sees in a picture: each code's text."""
    reader = program("zbarimg", package="zbar-tools", untried="no screen was scanned")
    source, octets = (picture, None) if isinstance(picture, Path) else ("-", picture)
    command = [reader, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", source]
    done = subprocess.run(command, input=octets, check=False, capture_output=True)
    return done.stdout.decode().split()
