"""Giving a ticket away from its page: asked for a number, asked once more, and it is with the other phone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders import (
    FRIEND,
    PUBLIC_URL,
    Shop,
    Stage,
    a_booking,
    a_catalogue,
    a_gate,
    a_price,
    a_product,
    a_scan,
    an_issuer,
    typed,
)
from pages_kit import OWN, Page, Visitor

from app.flows.delivery import compose
from app.flows.tickets import register

OTHERS = "010-8765-4321"
assert FRIEND.endswith("1087654321")


async def a_page(stage: Stage, shop: Shop) -> str:
    """The address of the page of a ticket that BUYER holds."""
    made = await a_booking(stage, shop, worked=True)
    return compose.link_of(stage.world, made.tickets[0]).removeprefix(PUBLIC_URL)


async def asked(visitor: Visitor, address: str, number: str = OTHERS) -> Page:
    """The page after a number was typed."""
    form = await visitor.get((await visitor.get(address)).hrefs("/give")[0])
    return await visitor.submit(form, "/give", handset=number)


async def test_the_number_is_shown_once_more_before_anything_happens(stage: Stage, shop: Shop) -> None:
    address = await a_page(stage, shop)
    page = await asked(Visitor(stage), address, "+82 10 8765 4321")
    assert (page.status, page.forms[0].value("handset")) == (200, "+82 10 8765 4321")
    assert OTHERS in page.said
    assert "되돌릴 수 없습니다" in page.said
    assert await stage.sql("SELECT 1 FROM ticket WHERE gift_of IS NOT NULL") == []


async def test_a_confirmed_gift_is_with_the_other_phone_and_the_page_says_so(stage: Stage, shop: Shop) -> None:
    address, visitor = await a_page(stage, shop), Visitor(stage)
    sure = await asked(visitor, address)
    for _ in range(2):  # pressed twice
        after = await visitor.submit(sure, "/give", sure="1")
        assert (after.url, after.status) == (address, 200)
        assert "선물한 표입니다" in after.said
        assert after.hrefs("/give") == []
    await stage.work()
    assert len(stage.carrier.inbox(FRIEND)) == 1


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("", "휴대전화 번호를 적어 주십시오"),
        ("02-312-3456", "휴대전화 번호가 아닙니다"),
        (OWN, "이 표가 이미 있는 번호입니다"),
    ],
    ids=["nothing", "a landline", "the holder's own"],
)
async def test_a_wrong_number_is_told_where_it_was_typed_and_stays_there(
    stage: Stage, shop: Shop, number: str, sentence: str
) -> None:
    page = await asked(Visitor(stage), await a_page(stage, shop), number)
    assert page.status == 422
    assert sentence in page.said
    (given,) = page.tagged("input", name="handset")
    assert (given["value"], given["aria-describedby"]) == (number, "fault")
    assert page.tagged("span", id="fault")[0]["role"] == "alert"


async def test_a_gate_that_is_faster_wins_and_the_page_says_how_the_ticket_stands(stage: Stage, shop: Shop) -> None:
    address, visitor = await a_page(stage, shop), Visitor(stage)
    sure = await asked(visitor, address)
    (ticket,) = await stage.sql("SELECT * FROM ticket")
    gate = await a_gate(stage, shop)
    stage.clock.time = ticket.valid_from + timedelta(minutes=1)
    assert (await a_scan(stage, shop, gate, typed(ticket)))["admit"]
    after = await visitor.submit(sure, "/give", sure="1")
    assert after.url == address
    assert "이미 쓴 표입니다" in after.said


async def test_what_opens_no_gate_cannot_be_given(stage: Stage, shop: Shop) -> None:
    address, visitor = await a_page(stage, shop), Visitor(stage)
    (ticket,) = await stage.sql("SELECT id FROM ticket")
    await register.revoke(stage.world, ticket.id, reason="test", free_place=False, tell_holder=False)
    assert (await visitor.get(address)).hrefs("/give") == []
    assert (await visitor.get(f"{address}/give")).url == address


async def test_a_ticket_that_may_not_be_passed_on_offers_no_gift(blank: Stage) -> None:
    personal = a_product("pass", "ride", transfer="never", prices=(a_price("adult", 1_000),), valid_days=30)
    shop = await a_catalogue(blank, an_issuer(products=(personal,)))
    made = await a_booking(blank, shop, of="pass/open", category="adult", worked=True)
    address, visitor = compose.link_of(blank.world, made.tickets[0]).removeprefix(PUBLIC_URL), Visitor(blank)
    assert (await visitor.get(address)).hrefs("/give") == []
    assert (await visitor.press(f"{address}/give", handset=OTHERS, sure="1")).url == address
    assert await blank.value("SELECT count(*) FROM ticket") == 1


async def test_so_many_gifts_an_hour_and_then_a_sentence(stage: Stage, shop: Shop) -> None:
    allowed = stage.world.house.gifts_per_hour_max
    made = await a_booking(stage, shop, quantity=allowed + 1, worked=True)
    visitor = Visitor(stage)
    for ticket in made.tickets:
        address = compose.link_of(stage.world, ticket).removeprefix(PUBLIC_URL)
        page = await visitor.submit(await asked(visitor, address), "/give", sure="1")
    assert page.status == 429
    assert "한 시간 뒤에 다시" in page.said
    assert await stage.value("SELECT count(*) FROM ticket WHERE gift_of IS NOT NULL") == allowed


async def test_another_sites_page_gives_nothing_away(stage: Stage, shop: Shop) -> None:
    address, visitor = await a_page(stage, shop), Visitor(stage)
    headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site"}
    answer = await visitor.client.post(f"{address}/give", content=f"handset={OTHERS}&sure=1", headers=headers)
    assert answer.status_code == 403
    assert await stage.sql("SELECT 1 FROM ticket WHERE gift_of IS NOT NULL") == []
