"""The page behind a message's link: what it shows of a good ticket, and what it keeps back of one that is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
import zxingcpp
from builders import (
    BUYER,
    PUBLIC_URL,
    Shop,
    Stage,
    a_booking,
    a_catalogue,
    a_gate,
    a_line,
    a_price,
    a_product,
    a_request,
    a_scan,
    an_issuer,
    pin,
    typed,
)
from pages_kit import Page, Visitor

from app.domain.credential import Signed, parse_presented
from app.domain.entry_rules import UNLIMITED_USES
from app.flows.booking import book
from app.flows.delivery import compose
from app.flows.paying import pay
from app.flows.tickets import register, show
from app.flows.tickets.show import card, ticket_by_link

BYTES_MAX = 15_000
NARROW = 15 * 1024


def path(stage: Stage, ticket: sa.Row[tuple[object, ...]]) -> str:
    return compose.link_of(stage.world, ticket).removeprefix(PUBLIC_URL)


async def a_ticket(stage: Stage, shop: Shop, **given: object) -> tuple[str, sa.Row[tuple[object, ...]]]:
    made = await a_booking(stage, shop, **({"worked": True} | given))  # type: ignore[arg-type]  # passed on as given
    return path(stage, made.tickets[0]), made.tickets[0]


async def test_the_link_of_the_message_opens_the_ticket(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, worked=True)
    (text,) = stage.carrier.inbox(BUYER)
    address = next(word for word in text.split() if word.startswith("https://"))
    page = await Visitor(stage).get(address.removeprefix(PUBLIC_URL))
    assert page.status == 200


async def test_a_good_ticket_shows_all_that_a_gate_and_its_holder_need(stage: Stage, shop: Shop) -> None:
    address, ticket = await a_ticket(stage, shop)
    page = await Visitor(stage).get(address)
    for words in ("봄날의 우체국", "하늘극장", "A열", pin(ticket), "입구에서 이 화면을 보여 주십시오"):
        assert words in page.said
    assert f"{ticket.number[:-1]}-{ticket.number[-1]}" in page.said
    assert "부터 입장할 수 있습니다" in page.said


async def test_the_page_is_small_and_has_no_script(stage: Stage, shop: Shop) -> None:
    address, _ = await a_ticket(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.get(address)
    weight = len(page.html.encode())
    for given in (*page.tagged("link", rel="stylesheet"), *page.tagged("source"), *page.tagged("link", rel="icon")):
        weight += len((await visitor.client.get(given.get("href") or given["srcset"])).content)
    assert weight < BYTES_MAX
    assert page.tagged("script") == []


async def test_the_picture_for_every_browser_is_the_signed_code(stage: Stage, shop: Shop) -> None:
    address, _ = await a_ticket(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.get(address)
    (picture,) = page.tagged("img")
    assert picture["width"] == "80%"
    png = await visitor.client.get(picture["src"])
    assert png.headers["content-type"] == "image/png"
    svg = await visitor.client.get(page.tagged("source")[0]["srcset"])
    assert svg.headers["content-type"].startswith("image/svg+xml")
    (found,) = zxingcpp.read_barcodes(_squares(svg.text), formats=zxingcpp.barcode_formats_from_str("QRCode"))
    assert isinstance(parse_presented(found.text), Signed)


def _squares(svg: str) -> memoryview:
    """Our own SVG as pixels, two for each module: its dark runs are `Mx yhwidth…`."""
    import re  # noqa: PLC0415 - for this picture alone

    side = int(re.findall(r'viewBox="0 0 (\d+)', svg)[0])
    grey = bytearray(b"\xff" * (4 * side * side))
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1", svg):
        for line in (2 * int(y), 2 * int(y) + 1):
            start = 2 * side * line + 2 * int(x)
            grey[start : start + 2 * int(width)] = bytes(2 * int(width))
    return memoryview(bytes(grey)).cast("B", (2 * side, 2 * side))


async def test_an_old_phone_gets_a_wbmp(stage: Stage, shop: Shop) -> None:
    address, _ = await a_ticket(stage, shop)
    answer = await Visitor(stage).client.get(f"{address}/barcode.wbmp?width=96&height=65")
    assert answer.headers["content-type"] == "image/vnd.wap.wbmp"
    assert answer.content[:4] == bytes([0, 0, 96, 65])


async def test_a_picture_already_seen_is_not_sent_again(stage: Stage, shop: Shop) -> None:
    address, _ = await a_ticket(stage, shop)
    client = Visitor(stage).client
    first = await client.get(f"{address}/barcode.svg")
    again = await client.get(f"{address}/barcode.svg", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


async def test_neither_caches_nor_indexes_keep_the_page(stage: Stage, shop: Shop) -> None:
    address, _ = await a_ticket(stage, shop)
    page = await Visitor(stage).get(address)
    assert page.headers["cache-control"] == "no-store"
    assert "noindex" in page.headers["x-robots-tag"]


async def test_the_page_speaks_the_holders_language_and_that_of_the_message_to_who_names_none(
    stage: Stage, shop: Shop
) -> None:
    address, _ = await a_ticket(stage, shop, language="en")
    assert (await Visitor(stage, language="ko").get(address)).lang == "ko"
    assert (await Visitor(stage, language="").get(address)).lang == "en"


# --- tickets that open no gate --------------------------------------------------------------------------------------


async def worthless(stage: Stage, address: str, ticket: sa.Row[tuple[object, ...]]) -> Page:
    """The page of a ticket that must have neither PIN nor barcode."""
    visitor = Visitor(stage)
    page = await visitor.get(address)
    assert pin(ticket) not in page.html
    assert "barcode" not in page.html
    assert (await card(stage.world, await ticket_by_link(stage.world, address.rpartition("/")[2]))).pin == ""
    for form in ("svg", "png", "wbmp"):
        answer = await visitor.client.get(f"{address}/barcode.{form}", headers={"accept": "image/*"})
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
    return page


async def test_a_revoked_ticket_says_so_and_shows_no_secret(stage: Stage, shop: Shop) -> None:
    address, ticket = await a_ticket(stage, shop)
    await register.revoke(stage.world, ticket.id, reason="test", free_place=False, tell_holder=False)
    page = await worthless(stage, address, ticket)
    assert "취소된 표입니다" in page.said
    assert "haneul에 물어보십시오" in page.said


async def test_a_used_ticket_says_so_but_still_tells_the_seat(stage: Stage, shop: Shop) -> None:
    address, ticket = await a_ticket(stage, shop)
    gate = await a_gate(stage, shop)
    stage.clock.time = ticket.valid_from + timedelta(minutes=1)
    answer = await a_scan(stage, shop, gate, typed(ticket))
    assert answer["admit"], answer
    page = await worthless(stage, address, ticket)
    assert "이미 쓴 표입니다" in page.said
    assert "A열" in page.said


async def test_a_ticket_past_its_time_says_until_when_it_was_good(stage: Stage, shop: Shop) -> None:
    address, ticket = await a_ticket(stage, shop)
    stage.clock.time = ticket.valid_until
    page = await worthless(stage, address, ticket)
    assert "기간이 지난 표입니다" in page.said


async def test_rides_left_are_counted(stage: Stage, shop: Shop) -> None:
    occasion = next(name for name in shop.occasions if name.startswith("carnet/"))
    address, ticket = await a_ticket(stage, shop, of=occasion, category="adult")
    await a_scan(stage, shop, await a_gate(stage, shop), typed(ticket))
    page = await Visitor(stage).get(address)
    assert "3회 중 2회 남음" in page.said
    assert "탈 때 이 화면을" in page.said


async def test_a_pass_says_whose_it_is_and_for_which_entrance_and_counts_nothing(blank: Stage) -> None:
    day = a_product(
        "day", "ride", uses=UNLIMITED_USES, prices=(a_price("adult", 0, entrance="동문"),), valid_days=1, refund="never"
    )
    shop = await a_catalogue(blank, an_issuer(products=(day,)))
    line = a_line(shop.price("day/adult"), holder="김하늘")
    booked = await book.book(blank.world, a_request(shop.occasions["day/open"], line))
    await pay.pay(blank.world, booked.id, [])
    await blank.work()
    (ticket,) = await show.tickets(blank.world, booked.id)

    page = await Visitor(blank).get(path(blank, ticket))

    assert "입구 동문" in page.said
    assert "이름 김하늘" in page.said
    assert "회 남음" not in page.said
    assert all("9999" not in text for text in blank.carrier.inbox(BUYER))


async def test_a_voucher_shows_its_balance(stage: Stage, shop: Shop) -> None:
    occasion = next(name for name in shop.occasions if name.startswith("gift/"))
    address, _ = await a_ticket(stage, shop, of=occasion, category="gift")
    page = await Visitor(stage).get(address)
    assert "남은 금액 50,000원" in page.said
    assert "까지" in page.said


@pytest.mark.parametrize("token", ["x", "AAAAAAAAAAAAAAAAAAAAAA", "a" * 90])
async def test_a_link_nobody_was_given_opens_nothing(stage: Stage, token: str) -> None:
    page = await Visitor(stage).get(f"/t/{token}")
    assert page.status == 404
    assert "이 주소에는 표가 없습니다" in page.said


async def test_a_ticket_another_house_registers_is_shown_by_what_we_know(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)  # not yet registered: the worker has not run
    address = path(stage, made.tickets[0])
    page = await Visitor(stage).get(address)
    assert pin(made.tickets[0]) in page.said
    assert (await ticket_by_link(stage.world, address.rpartition("/")[2])).id == made.tickets[0].id
