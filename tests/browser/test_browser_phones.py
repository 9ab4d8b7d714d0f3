"""The virtual phones in a real browser: a barcode is scanned off the page, keys press, messages arrive."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import segno
import uvicorn
from browser_kit import Open, keep
from playwright.sync_api import Page, expect
from programs_kit import scanned
from test_browser_looks import CONTRAST_MIN, LOOKS, TARGET_PX_MIN

from mobile_gateway.carrier.messages import Submission
from mobile_gateway.gateway import create_app
from mobile_gateway.settings import GatewaySettings
from mobile_gateway.wire import ems

pytest_plugins = ["browser_plugin"]
pytestmark = pytest.mark.browser

START_SECONDS = 60.0
CODE = "C0123456789ABCDEFGHJKMNPQ"
SMALL, LARGE, SMART = "+821012345678", "+821023456789", "+821034567890"


@dataclass
class Phones:
    """A gateway of its own with three phones."""

    url: str
    app: Any
    loop: asyncio.AbstractEventLoop

    def send(self, to: str, user_data: bytes, *, esm_class: int = 0) -> None:
        """A short message, as an account submits it."""
        submission = Submission("demo", to, "15880000", user_data, esm_class=esm_class)
        asyncio.run_coroutine_threadsafe(self.app.state.network.submit(submission), self.loop).result(5)

    def send_code(self, to: str) -> None:
        """A ticket as an EMS picture."""
        made = segno.make(CODE, version=1, error="L", boost_error=False, micro=False)
        picture = ems.code_picture([[bool(module) for module in row] for row in made.matrix])
        self.send(to, ems.large_picture(picture) + b"Seat 12", esm_class=0x40)

    def press(self, number: str, *keys: str) -> list[str]:
        """What the screen says after these keys."""
        for key in keys:
            httpx.post(f"{self.url}/handsets/{number}/keys", json={"key": key}, trust_env=False).raise_for_status()
        return [row.strip() for row in httpx.get(f"{self.url}/handsets/{number}", trust_env=False).json()["screen"]]


@pytest.fixture
def phones(tmp_path: Path) -> Iterator[Phones]:
    app = create_app(GatewaySettings(data_dir=tmp_path, accounts="demo:demo1234"))
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        for number, model in ((SMALL, "feature"), (LARGE, "feature128"), (SMART, "smart")):
            body = {"model": model, "language": "en"}
            httpx.put(f"{url}/subscribers/{number}", json=body, trust_env=False).raise_for_status()
        yield Phones(url, app, server.servers[0].get_loop())
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


def phone_of(page: Page, number: str) -> Any:
    return page.locator(f'.phone[data-number="{number}"]')


def test_the_barcode_on_a_feature_phone_is_scanned_off_a_screenshot_of_the_page(
    phones: Phones, opened: Open, tmp_path: Path
) -> None:
    page = opened()
    page.goto(phones.url)
    for number, narrow, wide in ((SMALL, (192, 130), (288, 195)), (LARGE, (256, 256), (256, 256))):
        phones.send_code(number)
        screen = phone_of(page, number).locator(".lcd")
        expect(phone_of(page, number)).to_have_attribute("data-unread", "1")
        phones.press(number, "soft_right", "ok")
        expect(screen.locator("pre")).to_have_text("Barcode: Seat 12")
        for width, size in ((320, narrow), (1280, wide)):
            page.set_viewport_size({"width": width, "height": 900})
            box = screen.locator("img").bounding_box()
            assert box is not None
            assert (box["width"], box["height"]) == size  # whole multiples of its pixels
            assert screen.locator("img").evaluate("one => getComputedStyle(one).imageRendering") == "pixelated"
            cropped = tmp_path / f"{number[1:]}-{width}.png"
            screen.screenshot(path=cropped)
            assert scanned(cropped) == [CODE]
        enlarged = tmp_path / f"{number[1:]}.png"
        enlarged.write_bytes(httpx.get(f"{phones.url}/phones/{number}/screen.png?scale=4", trust_env=False).content)
        assert scanned(enlarged) == [CODE]


def test_a_message_arrives_by_itself_and_shakes_the_phone_unless_motion_is_unwanted(
    phones: Phones, opened: Open
) -> None:
    page = opened()
    page.goto(phones.url)
    expect(page.locator("#status")).to_have_attribute("data-state", "live")
    phones.send(SMALL, b"hello")
    expect(phone_of(page, SMALL)).to_have_class("phone feature buzz")
    expect(phone_of(page, SMALL).locator(".lcd pre")).to_contain_text("New message")
    moving = "one => getComputedStyle(one).animationName"
    assert page.locator(".buzz .body").evaluate(moving) == "buzz"
    page.emulate_media(reduced_motion="reduce")
    assert page.locator(".buzz .body").evaluate(moving) == "none"


def test_keys_press_with_the_pointer_and_with_the_computers_own_keys(phones: Phones, opened: Open) -> None:
    page = opened()
    page.goto(phones.url)
    screen = phone_of(page, SMALL).locator(".lcd pre")
    phone_of(page, SMALL).locator('.key[value="ok"]').click()
    expect(screen).to_contain_text("> Inbox")
    expect(phone_of(page, SMALL).locator('.key[value="ok"]')).to_be_focused()
    for key, words in (("ArrowDown", "> My tickets"), ("Escape", "CYBERTICKET"), ("5", "5_")):
        page.keyboard.press(key)
        expect(screen).to_contain_text(words)


def test_without_script_keys_and_switches_work_by_forms(phones: Phones, opened: Open) -> None:
    page = opened(script=False)
    page.goto(phones.url)
    phone_of(page, LARGE).locator('.key[value="ok"]').click()
    assert "> Inbox" in str(phone_of(page, LARGE).locator(".lcd pre").text_content())
    phone_of(page, LARGE).locator(".switch").first.click()
    expect(phone_of(page, LARGE).locator('.key[value="ok"]')).to_be_disabled()


def test_a_smartphone_writes_and_keeps_what_is_being_typed_when_a_message_comes(phones: Phones, opened: Open) -> None:
    page = opened()
    page.goto(phones.url)
    phone = phone_of(page, SMART)
    phone.locator('[name="to"]').fill(SMALL)
    phone.locator('[name="text"]').fill("hello from here")
    phones.send(SMART, b"hello")
    expect(phone.locator(".bubble")).to_have_count(1)
    expect(phone.locator('[name="text"]')).to_have_value("hello from here")
    phone.locator(".compose button").click()
    expect(phone.locator('[name="text"]')).to_have_value("")
    expect(phone_of(page, SMALL).locator(".lcd pre")).to_contain_text("New message")


def test_the_page_of_the_phones_fits_and_can_be_read(phones: Phones, opened: Open) -> None:
    for number in (SMALL, LARGE, SMART):
        phones.send_code(number)
        phones.send(number, b"ID 482910375-6 PIN 491027 https://tickets.example/t/QZ9KD2")
    page = opened()
    page.goto(phones.url)
    expect(phone_of(page, SMART).locator(".bubble")).to_have_count(2)
    phone_of(page, SMART).locator("button[name=store]").first.click()
    expect(phone_of(page, SMART).locator(".stub")).to_have_count(1)
    for width, language, scheme in ((320, "en", "dark"), (768, "ko", "light"), (1440, "en", "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.goto(f"{phones.url}/?lang={language}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        looks = page.evaluate(LOOKS, {"contrast": CONTRAST_MIN, "target": TARGET_PX_MIN})
        # A link within a sentence is as high as its line (WCAG 2.2, 2.5.8).
        assert [one for one in looks["small"] if 'class="inline"' not in one] == []
        assert (looks["faint"], looks["nameless"], looks["headings"][0]) == ([], [], 1)
        keep(page, f"{width}-{language}-{scheme}-phones-of-the-network")
