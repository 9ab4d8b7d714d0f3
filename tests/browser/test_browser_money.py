"""Money in a real Chromium, through every party's own pages: the bank's question, two parts, and all of it back."""

from __future__ import annotations

import re

import pytest
from browser_kit import Open, Town, keep, type_card
from playwright.sync_api import Page, expect
from test_browser_looks import inspect

pytest_plugins = ["browser_plugin"]
pytestmark = pytest.mark.browser

CHALLENGED_CARD, CARD = "4000 0027 6000 3184", "4242 4242 4242 4242"


def hold(page: Page, town: Town, buyer: str) -> None:
    """One balcony seat of the last date, and on to paying."""
    page.goto(f"{town.app}/")
    page.get_by_role("link", name=re.compile("봄날의 우체국")).click()
    page.locator(".date").last.click()
    page.get_by_role("radio", name=re.compile("A석")).check()
    page.get_by_role("button", name=re.compile("계속")).click()
    page.get_by_label("사는 분의 휴대전화").fill(buyer)
    page.get_by_role("button", name="표 잡아 두기").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("결제")


def press_card(page: Page, number: str) -> None:
    """The card on the payment network's page, then the button that pays."""
    page.get_by_role("link", name=re.compile("카드로 .* 결제하기")).click()
    type_card(page, number)
    page.get_by_role("button", name=re.compile("카드로 .* 결제하기")).click()


def test_a_bank_is_told_no_and_then_yes_and_the_ticket_comes(town: Town, opened: Open) -> None:
    page = opened()
    hold(page, town, "010-2222-3181")
    press_card(page, CHALLENGED_CARD)
    page.wait_for_url("**/3d-secure/**")  # straight from our form to the network's page
    keep(page, "challenge")
    page.get_by_role("button").last.click()
    page.wait_for_url(re.compile(r"/b/[^/]+$"))
    expect(page.get_by_role("alert")).to_contain_text("카드")
    inspect(page)
    keep(page, "challenge-refused")

    press_card(page, CHALLENGED_CARD)
    page.wait_for_url("**/3d-secure/**")
    page.go_back()  # whoever comes back without an answer is told where the bank is
    page.goto(re.sub(r"/card.*", "", page.url))
    expect(page.get_by_role("heading", level=1)).to_have_text("은행에서 본인 확인을 기다립니다")
    inspect(page)
    keep(page, "challenge-waiting")
    page.get_by_role("link", name="은행 화면으로 가기").click()
    page.get_by_role("button").first.click()
    expect(page.get_by_role("heading", name="표가 도착했습니다")).to_be_visible()
    town.message("+821022223181", "우체국")


def test_two_means_pay_together_and_get_their_parts_back_without_script(town: Town, opened: Open) -> None:
    buyer = "+821022223182"
    pin = town.top_up("haneul-arts-theatre", buyer, 10_000)
    page = opened(script=False, width=320)
    hold(page, town, "010-2222-3182")
    total = int(re.sub(r"\D", "", page.locator(".order .price").inner_text()))
    page.get_by_role("link", name="금액 나누기").click()
    page.get_by_label("그 금액").fill("10,000")
    keep(page, "split")
    page.get_by_role("button", name="카드 입력하러 가기").click()
    page.wait_for_url("**/card?return_url=*")
    expect(page.get_by_text(f"{total - 10_000:,}원").first).to_be_visible()
    page.locator("#number").fill(CARD)
    page.locator("#expiry").fill("12 / 39")
    page.locator("#cvc").fill("123")
    page.locator("form button[type=submit]").click()
    page.wait_for_url("**/split/pay?*payment_method=pm_*")
    expect(page.locator(".sums")).to_contain_text("10,000원")
    inspect(page)
    keep(page, "split-pay")
    page.get_by_label("비밀번호 6자리").fill(pin)
    page.get_by_role("button", name=f"모두 {total:,}원 결제하기").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("표")
    town.message(buyer, "우체국")

    page.get_by_role("link", name="표 환불하기").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("표 환불하기")
    inspect(page)
    keep(page, "refund")
    page.get_by_role("button", name="계속").click()
    expect(page.locator(".sums")).to_contain_text("카드")
    inspect(page)
    keep(page, "refund-sure")
    page.get_by_role("button", name=f"{total:,}원 환불받기").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("환불되었습니다")
    expect(page.locator(".refunds li")).to_have_count(2)
    inspect(page)
    keep(page, "refunded")
