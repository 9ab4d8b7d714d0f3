"""Buying in a real Chromium, from the first page to the message on the phone, through every party's own pages."""

from __future__ import annotations

import re

import pytest
from browser_kit import GOOD_CARD, REFUSED_CARD, Open, Town, keep, scanned, type_card
from playwright.sync_api import Browser, Page, expect

from app.domain.credential import Signed, parse_presented

pytest_plugins = ["browser_plugin"]
pytestmark = pytest.mark.browser

FASTER = "+821099990000"


def choose(page: Page, town: Town, title: str) -> None:
    """From the first page to a product's."""
    page.goto(f"{town.app}/")
    page.get_by_role("link", name=re.compile(title)).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)


def best(page: Page, category: str, quantity: int = 1) -> None:
    """The best seats of a category, and on to the numbers."""
    page.get_by_role("radio", name=re.compile(category)).check()
    page.get_by_label("몇 장").select_option(str(quantity))
    page.get_by_role("button", name=re.compile("계속")).click()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_sold_out_wish_ends_as_a_gift_on_another_phone_after_a_refused_card(
    town: Town, opened: Open, browser: Browser, *, script: bool
) -> None:
    town.hold("우체국", "EXTRA", 2, buyer=FASTER)
    friend = "+82108765432" + ("1" if script else "2")
    page = opened(script=script)
    picture = keep if script else (lambda _page, _name: None)
    page.goto(f"{town.app}/")
    picture(page, "find")
    choose(page, town, "봄날의 우체국")
    expect(page.get_by_text("매진 · 다른 표를 제안해 드립니다")).to_be_visible()
    picture(page, "choose")
    best(page, "보조석", 2)
    page.get_by_label("사는 분의 휴대전화").fill("010-1234-5678")
    page.get_by_label("다른 사람의 전화로").check()
    page.get_by_label("받는 분의 휴대전화").fill(f"0{friend[3:]}")
    picture(page, "phones")
    page.get_by_role("button", name="표 잡아 두기").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("원하신 표는 매진되었습니다")
    picture(page, "second")
    page.get_by_role("button", name=re.compile("이 표 잡기: A석")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("결제")
    picture(page, "pay")

    page.get_by_role("link", name="카드로 60,000원 결제하기").click()
    type_card(page, REFUSED_CARD)
    picture(page, "card")
    page.get_by_role("button", name="카드로 60,000원 결제하기").click()
    expect(page.get_by_role("alert")).to_contain_text("다른 카드를 쓰거나 전자화폐로 결제해 주십시오")
    expect(page.get_by_role("alert")).to_contain_text("그대로 잡아 둡니다")
    picture(page, "refused")
    page.get_by_role("link", name="카드로 60,000원 결제하기").click()
    type_card(page, GOOD_CARD)
    page.get_by_role("button", name="카드로 60,000원 결제하기").click()

    expect(page.get_by_role("heading", name="표가 도착했습니다")).to_be_visible()  # by itself
    expect(page.get_by_text(f"받는 전화 010-••••-432{friend[-1]}").first).to_be_visible()
    picture(page, "done")
    text = town.message(friend, "봄날의 우체국")
    found = re.search(r"PIN ([0-9]{6})\n(http\S+)", text)
    assert found is not None
    assert found[1] not in page.content()
    page.goto(found[2])
    expect(page.get_by_text(found[1])).to_be_visible()
    picture(page, "ticket")
    (code,) = scanned(browser, page)
    assert isinstance(parse_presented(code), Signed)
    phones = opened(script=script)
    phones.goto(f"{town.gateway}/")
    expect(phones.get_by_text(re.compile(f"432{friend[-1]}")).first).to_be_visible()
    picture(phones, "phone-network")


def test_seats_picked_by_hand_are_the_seats_on_the_tickets(town: Town, opened: Open) -> None:
    page = opened()
    choose(page, town, "봄날의 우체국")
    page.locator(".date").nth(2).click()
    page.get_by_role("link", name="자리 직접 고르기").click()
    for seat in ("C열 7번", "C열 8번"):
        page.get_by_role("checkbox", name=re.compile(seat)).first.check()
    keep(page, "seats")
    page.get_by_role("button", name="고른 자리로 계속").click()
    expect(page.get_by_text(re.compile("C열 7번.*C열 8번"))).to_be_visible()
    page.get_by_label("사는 분의 휴대전화").fill("010-2222-3333")
    page.get_by_role("button", name="표 잡아 두기").click()
    expect(page.get_by_text(re.compile("C열 7번"))).to_be_visible()
    expect(page.get_by_text(re.compile("C열 8번"))).to_be_visible()
    page.get_by_role("button", name="예매 취소").click()
    expect(page.get_by_role("heading", name="예매를 취소했습니다")).to_be_visible()
    keep(page, "cancelled")


def test_a_seat_of_a_large_hall_is_reached_through_its_section(town: Town, opened: Open) -> None:
    page = opened()
    choose(page, town, "첫차")
    page.get_by_role("link", name="자리 직접 고르기").click()
    keep(page, "sections")
    page.locator("svg a").nth(3).click()  # the plan itself can be pressed
    expect(page.get_by_role("heading", level=1)).to_have_text("104 구역")
    assert page.get_by_role("checkbox").count() < 400
    page.get_by_role("checkbox", name=re.compile("14열 3번")).check()
    page.get_by_role("button", name="다른 구역에서 더 고르기").click()
    page.get_by_role("button", name=re.compile("201 구역")).click()
    expect(page.get_by_role("checkbox", name=re.compile("104 14열 3번"))).to_be_checked()
    page.get_by_role("checkbox", name=re.compile("^1열 5번")).check()
    keep(page, "section")
    page.get_by_role("button", name="고른 자리로 계속").click()
    expect(page.get_by_text("231,000원").first).to_be_visible()  # S and A


def test_e_money_pays_after_a_wrong_pin_was_put_right(town: Town, opened: Open) -> None:
    buyer = "+821044445555"
    pin = town.top_up("haneul-arts-theatre", buyer, 100_000)
    page = opened(language="en-GB")
    page.goto(f"{town.app}/")
    page.get_by_role("link", name=re.compile("The Post Office in Spring")).click()
    page.locator(".date").nth(3).click()
    page.get_by_role("radio", name=re.compile("R seat")).check()
    page.get_by_role("button", name="Continue with the best seats").click()
    page.get_by_label("Your mobile number").fill("010-4444-5555")
    page.get_by_role("button", name="Hold the tickets").click()
    expect(page.get_by_label("E-money number")).to_have_value("010-4444-5555")
    page.get_by_label("PIN, 6 digits").fill(f"{(int(pin) + 1) % 10**6:06}")
    page.get_by_role("button", name="Pay ₩66,000 with e-money").click()
    expect(page.get_by_role("alert")).to_contain_text("PIN is wrong")
    expect(page.get_by_label("PIN, 6 digits")).to_be_focused()
    keep(page, "refused-e-money")
    page.get_by_label("PIN, 6 digits").fill(pin)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your tickets have arrived")).to_be_visible()
    assert "The Post Office in Spring" in town.message(buyer, "Spring")


def test_each_ticket_of_a_booking_finds_its_own_phone(town: Town, opened: Open) -> None:
    page = opened()
    choose(page, town, "모바일상품권")
    best(page, "5만 원권", 2)
    page.get_by_label("사는 분의 휴대전화").fill("010-3333-1111")
    expect(page.get_by_label("2번째 표를 받을 번호")).to_be_hidden()
    page.get_by_label("표마다 다른 전화로").check()
    page.get_by_label("2번째 표를 받을 번호").fill("12345")
    page.get_by_role("button", name="표 잡아 두기").click()
    expect(page.get_by_label("2번째 표를 받을 번호")).to_be_focused()
    expect(page.get_by_text("휴대전화 번호가 아닙니다")).to_be_visible()
    keep(page, "number-wrong")
    page.get_by_label("2번째 표를 받을 번호").fill("010-3333-2222")
    page.get_by_role("button", name="표 잡아 두기").click()
    page.get_by_role("link", name="카드로 100,000원 결제하기").click()
    type_card(page, GOOD_CARD)
    page.get_by_role("button", name="카드로 100,000원 결제하기").click()
    expect(page.get_by_role("heading", name="표가 도착했습니다")).to_be_visible()
    own, gift = (town.message(number, "상품권") for number in ("+821033331111", "+821033332222"))
    assert own != gift
    expect(page.get_by_role("link", name="표 열기")).to_have_count(1)
    keep(page, "done-gift")
    assert str(page.get_by_role("link", name="표 열기").get_attribute("href")) in own


def test_a_ride_is_bought_with_the_keyboard_alone(town: Town, opened: Open) -> None:
    page = opened(language="en-GB")
    page.goto(f"{town.app}/?kind=ride")

    def reach(role: str, name: str) -> None:
        """Tab until the control is reached; every control must be reachable so, and must show that it is."""
        target = page.get_by_role(role, name=re.compile(name)).first  # type: ignore[arg-type]  # a literal at each call
        expect(target).to_be_visible()
        for _ in range(80):
            if target.evaluate("one => one === document.activeElement"):
                assert target.evaluate("one => getComputedStyle(one).outlineStyle") == "solid", name
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{name} cannot be reached")

    reach("combobox", "From")
    page.keyboard.type("Hanbit")
    reach("combobox", "To")
    page.keyboard.type("Pebble")
    reach("button", "Find rides")
    page.keyboard.press("Enter")
    reach("link", "one-way")
    keep(page, "rides")
    page.keyboard.press("Enter")
    reach("button", "Continue")
    page.keyboard.press("Enter")
    reach("textbox", "Your mobile number")
    page.keyboard.type("010-6666-7777")
    reach("button", "Hold the tickets")
    page.keyboard.press("Enter")
    reach("button", "Give the tickets up")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You gave this booking up")).to_be_visible()
