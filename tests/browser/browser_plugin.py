"""Fixtures of the browser tests: the running demo, the browser, and pages in it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_kit import CLICK_MS, FLAGS, ROOT, Open, Town, chromium
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

START_SECONDS = 110


@pytest.fixture(scope="session")
def town() -> Iterator[Town]:
    """`cyberticket demo` on free ports with a data folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-browser-"))
    folder.chmod(0o711)  # PostgreSQL's own user passes through
    told, log = folder / "demo.json", (folder / "demo.log").open("w+b")
    command = [sys.executable, "-m", "app.cli", "demo", "--port", "0", "--gateway-port", "0"]
    process = subprocess.Popen(
        [*command, "--data", str(folder / "data"), "--json", str(told)], cwd=ROOT, stdout=log, stderr=log
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (told.exists() and told.stat().st_size):
            assert process.poll() is None, (folder / "demo.log").read_text()
            assert time.monotonic() < deadline, (folder / "demo.log").read_text()
            time.sleep(0.1)
        time.sleep(0.05)
        facts = json.loads(told.read_text())
        yield Town(facts["app_url"], facts["gateway_url"], facts["staff_key"])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")  # its event loop must be gone before tests of another module run theirs
def browser() -> Iterator[Browser]:
    program = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=[*FLAGS])
        yield running
        running.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens pages, each with cookies of its own; a fault in a page's script, or of its policy, fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(*, width: int = 1280, language: str = "ko-KR", script: bool = True, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            locale=language,
            java_script_enabled=script,
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(CLICK_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
