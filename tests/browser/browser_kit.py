"""A real Chromium in front of the real system: `cyberticket demo` as a process, its payment network and its phones."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import zxingcpp
from playwright.sync_api import Browser, Page
from programs_kit import program

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "screenshots"
CLICK_MS = 30_000
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
GOOD_CARD, REFUSED_CARD = "4242 4242 4242 4242", "4000 0000 0000 0002"


@dataclass(frozen=True)
class Town:
    """A running demo, and its phones as whoever holds them sees them."""

    app: str
    gateway: str
    staff_key: str

    def inbox(self, number: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.gateway}/handsets/{number}", trust_env=False)
        return list(answer.json()["inbox"]) if answer.is_success else []

    def message(self, number: str, words: str) -> str:
        """Wait for a message with these words on a phone."""
        deadline = time.monotonic() + CLICK_MS / 1000
        while time.monotonic() < deadline:
            for one in self.inbox(number):
                if words in one["text"]:
                    return str(one["text"])
            time.sleep(0.1)
        raise AssertionError(f"nothing with {words!r} came to {number}: {self.inbox(number)}")

    def hold(self, title: str, category: str, quantity: int, *, buyer: str) -> None:
        """Somebody else is faster: the first date's tickets of a category, by the API."""
        occasions = httpx.get(f"{self.app}/catalogue/occasions", params={"q": title}, trust_env=False).json()
        first = occasions["occasions"][0]
        price = next(one for one in first["prices"] if one["category"] == category)
        body = {"occasion": first["id"], "lines": [{"price": price["id"], "quantity": quantity}], "buyer": buyer}
        headers = {"Idempotency-Key": f"faster-{buyer}-{category}"}
        answer = httpx.post(f"{self.app}/bookings", json=body, headers=headers, trust_env=False)
        assert answer.status_code in {201, 409}, answer.text

    def top_up(self, issuer: str, number: str, won: int) -> str:
        """Put e-money on a number; the PIN as its phone gets it."""
        body = {"issuer": issuer, "handset": number, "amount": won, "currency": "KRW"}
        headers = {"Authorization": f"Bearer {self.staff_key}", "Idempotency-Key": f"top-up-{number}"}
        answer = httpx.post(f"{self.app}/staff/emoney/topups", json=body, headers=headers, trust_env=False)
        assert answer.status_code == 201, answer.text
        found = re.search(r"PIN ([0-9]{6})", self.message(number, "전자화폐"))
        assert found is not None
        return found[1]


def chromium() -> str:
    """The system's Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return program(*names, package="chromium", untried="the pages were not tried in a browser")


Open = Callable[..., Page]


def keep(page: Page, name: str) -> None:
    """One screenshot of the whole page, to be looked at."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.wait_for_load_state()
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, animations="disabled")


def type_card(page: Page, number: str) -> None:
    """On the payment network's page: a card, then onwards."""
    page.locator("#number").fill(number)
    page.locator("#expiry").fill("12 / 39")
    page.locator("#cvc").fill("123")
    page.locator("form button[type=submit]").click()
    page.wait_for_url("**/b/*/card?payment_method=pm_*")


GREY = """async (picture) => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + picture)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  let grey = "";
  for (let at = 0; at < data.length; at += 4) grey += String.fromCharCode((data[at] + data[at + 1] + data[at + 2]) / 3);
  return [image.width, image.height, btoa(grey)];
}"""


def scanned(browser: Browser, page: Page) -> list[str]:
    """What a scanner reads off the screen: the page as pixels, read by a reader that is not ours."""
    picture = base64.b64encode(page.screenshot()).decode()
    blank = browser.new_page()
    width, height, grey = blank.evaluate(GREY, picture)
    blank.close()
    pixels = memoryview(base64.b64decode(grey)).cast("B", (height, width))
    return [one.text for one in zxingcpp.read_barcodes(pixels, formats=zxingcpp.barcode_formats_from_str("QRCode"))]
