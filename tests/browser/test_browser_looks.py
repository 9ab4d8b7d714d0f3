"""How the pages look, measured: nothing sticks out sideways, all text can be read, all controls have names and size."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from browser_kit import Open, Town, keep
from playwright.sync_api import Page

pytest_plugins = ["browser_plugin"]
pytestmark = pytest.mark.browser

CONTRAST_MIN = 4.5
TARGET_PX_MIN = 44

LOOKS = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")


def inspect(page: Page, *, least: float = CONTRAST_MIN) -> None:
    """Fails with what is wrong."""
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{page.url} sticks out"
    looks = page.evaluate(LOOKS, {"contrast": least, "target": TARGET_PX_MIN})
    assert looks["faint"] == []
    assert looks["small"] == []
    assert looks["nameless"] == []
    levels = looks["headings"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize(
    ("width", "language", "dark"),
    [(320, "en-GB", True), (768, "ko-KR", False), (1440, "ko-KR", True)],
    ids=["a phone at night in English", "a tablet in Korean", "a desk at night in Korean"],
)
def test_every_page_fits_and_can_be_read(
    town: Town,
    opened: Open,
    width: int,
    language: str,
    dark: bool,  # noqa: FBT001 - a column of the table
) -> None:
    page = opened(width=width, language=language, dark=dark)
    name = f"{width}-{language[:2]}-{'dark' if dark else 'light'}"

    def look(what: str) -> None:
        page.wait_for_load_state()
        inspect(page)
        keep(page, f"{name}-{what}")

    for address, what in (("/", "find"), ("/?kind=ride", "rides"), ("/?q=zzz", "empty"), ("/b/nothing", "fault")):
        page.goto(f"{town.app}{address}")
        look(what)
    page.goto(f"{town.app}/?kind=admission")
    links = page.locator("a.stub")
    theatre, arena = (str(links.nth(index).get_attribute("href")) for index in (0, 1))
    page.goto(f"{town.app}{arena}/seats")
    look("sections")
    page.goto(f"{town.app}{arena}/seats?section=104")
    look("section")
    page.goto(f"{town.app}{theatre}")
    look("choose")
    page.goto(f"{town.app}{theatre}/seats")
    page.locator(".seat input:enabled").first.check()  # and the pointer stays on it
    look("seats")
    page.locator(".sticky button").click()
    look("phones")
    page.locator("button.primary").click()
    look("phones-fault")
    page.locator("#buyer").fill("010-7777-8888")
    page.locator("button.primary").click()
    page.wait_for_url(re.compile("/b/"))
    look("pay")
    page.locator("button.danger").click()
    look("cancelled")


def test_the_ticket_keeps_the_stricter_contrast_and_stays_white_in_the_dark(town: Town, opened: Open) -> None:
    link = re.search(r"http\S+/t/\S+", town.message("+821087654321", "Post Office"))
    assert link is not None
    page = opened(width=320, dark=True)
    page.goto(link[0])
    inspect(page, least=7.0)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    picture = page.locator("img").bounding_box()
    assert picture is not None
    assert picture["width"] >= 0.79 * 320


def test_less_motion_is_respected(town: Town, opened: Open) -> None:
    page = opened()
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{town.app}/")
    assert page.locator("a.stub").first.evaluate("one => getComputedStyle(one).transitionDuration") == "0s"
