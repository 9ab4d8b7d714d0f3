"""What goes wrong is a deck too: old gateways show only what comes as 200, browsers are told the truth."""

from __future__ import annotations

from unittest.mock import AsyncMock

import pytest
from builders import BUYER, Shop, Stage, a_booking
from wap_kit import WML, XHTML, Phone

from app.flows.booking import find

NOWHERE = [
    "/wap/nowhere",
    "/wap/p/short",
    "/wap/p/AZoDx4pEdjytjQitKDPm8B",
    "/wap/p/!!!!!!!!!!!!!!!!!!!!!!",
    "/wap/b/nobody",
    "/wap/b/nobody/k",
    "/wap/t/AAAAAAAAAAAAAAAAAAAAAA",
    "/wap/t/short.wbmp",
]


@pytest.mark.parametrize("address", NOWHERE)
async def test_what_is_not_there_is_a_deck_with_a_way_home(stage: Stage, address: str) -> None:
    deck = await Phone(stage).get(address)
    assert deck.status == 200
    assert "이 주소에는 아무것도 없습니다" in deck.said
    assert deck.links == [("처음으로", "/wap")]
    assert (await Phone(stage, accept=XHTML).get(address)).status == 404


@pytest.mark.parametrize("accept", [f"{WML}, text/html", "text/html, application/xhtml+xml"])
async def test_a_phone_that_also_reads_html_gets_a_deck_too(stage: Stage, accept: str) -> None:
    deck = await Phone(stage, accept=accept).get("/wap/nowhere")
    assert "이 주소에는 아무것도 없습니다" in deck.said


async def test_the_language_of_a_link_holds_where_something_is_wrong(stage: Stage) -> None:
    deck = await Phone(stage).get("/wap/nowhere?l=en")
    assert "There is nothing here" in deck.said
    assert deck.links == [("Home", "/wap?l=en")]


async def test_what_can_only_be_pressed_cannot_be_opened(stage: Stage) -> None:
    assert "다시 열 수 없습니다" in (await Phone(stage).get("/wap/hold")).said
    assert (await Phone(stage, accept=XHTML).get("/wap/hold")).status == 405


@pytest.mark.parametrize(
    "wish", ["", "x", "~~", "a~b~c", f"{'A' * 22}~{'A' * 22}", f"{'A' * 22}~{'A' * 22}~{'A' * 22}.x..", "~" * 3_000]
)
async def test_a_wish_that_no_deck_carried_is_refused_in_words(stage: Stage, wish: str) -> None:
    answer = await Phone(stage, number=BUYER[1:]).client.post("/wap/hold", data={"w": wish, "k": "0123456789"})
    assert answer.status_code == 200
    assert "알아볼 수 없습니다" in answer.text


async def test_a_wish_for_what_is_not_sold_here_is_refused_in_words(stage: Stage, shop: Shop) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "R ")
    found = (await phone.press(deck, "좋은 자리로", n="1")).press("내 전화로")
    sent = dict(found.sent)
    for wish in (sent["w"][:23] + "A" * 22 + sent["w"][45:], sent["w"].replace(".1.", ".0.")):
        deck = await phone.send(found, [("w", wish), ("k", sent["k"])])
        assert "할 수 없습니다" in deck.said
    assert await stage.value("SELECT count(*) FROM booking") == 0
    assert shop.occasions


async def test_more_than_one_booking_may_have_says_how_many(stage: Stage, shop: Shop) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "R ")
    found = (await phone.press(deck, "좋은 자리로", n="1")).press("내 전화로")
    deck = await phone.send(found, [(name, value.replace(".1.", ".9.")) for name, value in found.sent])
    assert "한 번에 8장까지" in deck.said
    assert "다시 고르기" in [label for label, _ in deck.links]
    assert shop.occasions


async def test_sales_that_have_closed_meanwhile_say_so(stage: Stage, shop: Shop) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "R ")
    deck = await phone.press(deck, "좋은 자리로", n="1")
    stage.clock.advance(days=2)
    assert "지금은 팔지 않습니다" in (await phone.press(deck, "내 전화로")).said
    assert shop.occasions


async def test_a_form_of_another_site_is_refused_in_words(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    phone = Phone(stage, accept=XHTML)
    answer = await phone.client.post(f"/wap/b/{made.link}/x", data={}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "저희 화면에서만" in answer.text


async def test_our_own_fault_says_that_payments_are_checked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "stubs", AsyncMock(side_effect=RuntimeError("broken on purpose")))
    for accept, status in ((WML, 200), (XHTML, 500)):
        deck = await Phone(stage, accept=accept).get("/wap/find?k=admission")
        assert deck.status == status
        assert "결제는 저절로 확인됩니다" in deck.said
        assert "broken" not in deck.source


async def test_an_address_that_cannot_be_read_is_refused_in_words(stage: Stage) -> None:
    for query in ("q=%ff%fe%ff", "&".join(f"q{n}=1" for n in range(300))):
        assert "알아볼 수 없습니다" in (await Phone(stage).get(f"/wap/find?{query}")).said


async def test_other_addresses_answer_phones_as_before(stage: Stage) -> None:
    answer = await Phone(stage).client.get("/wapiti")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_decks_are_kept_by_nobody_who_should_not(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    deck = await Phone(stage).get(f"/wap/b/{made.link}")
    assert deck.headers["cache-control"] == "no-store"
    assert "noindex" in deck.headers["x-robots-tag"]
    assert "default-src 'none'" in deck.headers["content-security-policy"]
    assert (await Phone(stage).get("/wap")).headers["cache-control"] == "private, no-cache"


async def test_a_ticket_that_opens_no_gate_has_neither_pin_nor_picture(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, paid=True)
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap/mine"), "표 보기")
    (picture,) = deck.pictures
    stage.clock.advance(days=9)
    again = await phone.get(deck.url)
    assert "기간이 지난 표입니다" in again.said
    assert "PIN" not in again.said
    assert again.pictures == []
    assert "알아볼 수 없습니다" in (await phone.get(picture)).said
