"""A page with the gate's scripts, as tests of them in a browser need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser_kit import ROOT
from playwright.sync_api import Browser, Page, Route

from app.edge import CSP

SCRIPTS = ROOT / "app/web/static/gate"
GATE = "https://gate.example"


@pytest.fixture(scope="module")
def gate(browser: Browser) -> Iterator[Page]:
    """A page that may load nothing but the gate's scripts."""

    def answer(route: Route) -> None:
        path = SCRIPTS / route.request.url.removeprefix(f"{GATE}/")
        headers = {"Content-Security-Policy": CSP.format(card_origin=""), "X-Content-Type-Options": "nosniff"}
        if path.suffix == ".js":
            route.fulfill(body=path.read_bytes(), headers={**headers, "Content-Type": "text/javascript"})
        else:
            route.fulfill(body="<!doctype html><title>gate</title>", headers={**headers, "Content-Type": "text/html"})

    page = browser.new_page()
    page.route(f"{GATE}/**", answer)
    page.goto(f"{GATE}/")
    yield page
    page.close()
