"""From choice to hold: whose phones, what is wrong with a number, second choices, and a button pressed twice."""

from __future__ import annotations

import asyncio
import json

import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking
from pages_kit import OWN, Visitor

THIRD = "+821055556666"


async def items(stage: Stage) -> list[str]:
    return [row.handset for row in await stage.sql("SELECT handset FROM booking_item ORDER BY booking_id, line")]


def chosen(shop: Shop, quantity: int = 1, category: str = "R", occasion: str = "play/mon") -> dict[str, str]:
    price = shop.price(f"{occasion.partition('/')[0]}/{category}")
    return {"occasion": str(shop.occasions[occasion]), "price": str(price), "quantity": str(quantity)}


async def test_holding_leads_to_the_bookings_own_page(stage: Stage, shop: Shop) -> None:
    page = await Visitor(stage).hold(shop.products["play"], chosen(shop, 2))
    assert page.status == 200
    assert page.url.startswith("/b/")
    assert "120,000원" in page.said
    assert await items(stage) == [BUYER, BUYER]


async def test_a_gift_goes_to_one_other_phone(stage: Stage, shop: Shop) -> None:
    given = {"whose": "other", "handset": "010 8765 4321"}
    page = await Visitor(stage).hold(shop.products["play"], chosen(shop, 2), given=given)
    assert page.status == 200
    assert await items(stage) == [FRIEND, FRIEND]


async def test_each_ticket_may_have_a_phone_of_its_own_and_an_empty_one_is_the_buyers(stage: Stage, shop: Shop) -> None:
    given = {"whose": "each", "handset_2": "010-8765-4321", "handset_3": "+82 10 5555 6666"}
    await Visitor(stage).hold(shop.products["play"], chosen(shop, 3), given=given)
    assert await items(stage) == [BUYER, FRIEND, THIRD]


async def test_numbers_follow_their_tickets_over_several_categories(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    seats = [str(one) for one in shop.seats("play/mon", "A-1", "B-1")]
    page = await visitor.phones(shop.products["play"], occasion=shop.occasions["play/mon"], place=seats)
    given = {"whose": "each", "handset_1": "010-8765-4321", "handset_2": "010-5555-6666"}
    await visitor.submit(page, "/phones", buyer=OWN, **given)
    rows = await stage.sql(
        "SELECT l.guid, i.handset FROM booking_item i JOIN place l ON l.id = i.place_id ORDER BY l.guid"
    )
    assert [tuple(row) for row in rows] == [("A-1", FRIEND), ("B-1", THIRD)]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"buyer": ""}, "휴대전화 번호를 적어 주십시오"),
        ({"buyer": "010-99"}, "휴대전화 번호가 아닙니다"),
        ({"buyer": "02-312-3456"}, "휴대전화 번호가 아닙니다"),
        ({"buyer": OWN, "whose": "other", "handset": ""}, "휴대전화 번호를 적어 주십시오"),
        ({"buyer": OWN, "whose": "each", "handset_2": "12"}, "휴대전화 번호가 아닙니다"),
    ],
)
async def test_a_wrong_number_is_told_at_its_field_and_what_was_typed_stays(
    stage: Stage, shop: Shop, given: dict[str, str], fault: str
) -> None:
    visitor = Visitor(stage)
    page = await visitor.phones(shop.products["play"], **chosen(shop, 2))
    page = await visitor.submit(page, "/phones", **given)
    assert page.status == 422
    assert fault in page.said
    (wrong,) = page.tagged("input", **{"aria-invalid": "true"})
    assert "autofocus" in wrong
    assert f'id="{wrong["name"]}-fault"' in page.html
    form = page.form("/phones")
    assert {name: form.value(name) for name in given} == given
    assert await items(stage) == []


async def test_nothing_chosen_leads_back_to_choose(stage: Stage, shop: Shop) -> None:
    page = await Visitor(stage).phones(shop.products["play"], occasion=shop.occasions["play/mon"])
    assert "먼저 등급을 고르십시오" in page.said


async def test_the_messages_language_is_the_pages_unless_another_is_chosen(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage, language="en")
    await visitor.hold(shop.products["play"], chosen(shop))
    await visitor.hold(shop.products["play"], chosen(shop), given={"language": "ko"})
    rows = await stage.sql("SELECT language FROM booking ORDER BY created_at, id")
    assert [row.language for row in rows] == ["en", "ko"]


async def test_the_button_pressed_twice_at_once_makes_one_booking(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    page = await visitor.phones(shop.products["play"], **chosen(shop))
    first, second = await asyncio.gather(*(visitor.submit(page, "/phones", buyer=OWN) for _ in range(2)))
    assert first.url == second.url
    assert await stage.value("SELECT count(*) FROM booking") == 1


async def test_the_same_page_with_another_wish_makes_another_booking(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    page = await visitor.phones(shop.products["play"], **chosen(shop))
    first = await visitor.submit(page, "/phones", buyer=OWN)
    second = await visitor.submit(page, "/phones", buyer="010-8765-4321")
    assert first.url != second.url


async def test_another_sites_form_books_nothing(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    page = await visitor.phones(shop.products["play"], **chosen(shop))
    body = page.form("/phones").with_(buyer=OWN)
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}):
        answer = await visitor.client.post(f"/p/{shop.products['play']}/phones", data=dict(body), headers=headers)
        assert answer.status_code == 403
        assert "다른 곳에서 온 요청" in answer.text
    assert await stage.value("SELECT count(*) FROM booking") == 0


async def test_browsers_that_name_our_own_origin_or_none_may_book(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    for headers in ({"origin": "https://tickets.example"}, {}):
        page = await visitor.phones(shop.products["play"], **chosen(shop))
        body = page.form("/phones").with_(buyer=OWN)
        answer = await visitor.client.post(f"/p/{shop.products['play']}/phones", data=dict(body), headers=headers)
        assert answer.status_code == 200
        assert "/b/" in str(answer.url)


async def test_what_is_no_form_is_refused_in_a_sentence(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    path = f"/p/{shop.products['play']}/phones"
    for send in (
        {"json": {"buyer": OWN}},
        {"content": b"\xff", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    ):
        answer = await visitor.client.post(path, **send)
        assert answer.status_code == 422
        assert "알 수 없는 요청입니다" in answer.text


async def test_too_many_tickets_say_how_many_there_may_be(stage: Stage, shop: Shop) -> None:
    page = await Visitor(stage).hold(
        shop.products["gift"], chosen(shop, 5, "gift", next(o for o in shop.occasions if o.startswith("gift/")))
    )
    assert page.status == 409
    assert "한 분이 4장까지" in page.said
    assert page.form("/phones").value("buyer") == OWN


async def test_more_seats_than_one_booking_may_have_are_not_held_whoever_sends_them(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    page = await visitor.phones(shop.products["play"], **chosen(shop))
    places = [str(one) for one in list(shop.places["play/mon"].values())[:9]]
    page = await visitor.submit(page, "/phones", buyer=OWN, price=None, place=places)
    assert "한 번에 8자리까지입니다" in page.said
    assert await items(stage) == []


async def test_a_form_with_nothing_chosen_leads_back_to_choose(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    page = await visitor.phones(shop.products["play"], **chosen(shop))
    page = await visitor.submit(page, "/phones", buyer=OWN, price=None)
    assert "먼저 등급을 고르십시오" in page.said


async def test_sales_that_close_while_the_numbers_are_typed_are_told(stage: Stage, shop: Shop) -> None:
    visitor, monday = Visitor(stage), shop.occasions["play/mon"]
    page = await visitor.phones(shop.products["play"], **chosen(shop))
    await stage.sql("UPDATE occasion SET sales_until = :at WHERE id = :id", at=stage.clock.now(), id=monday)
    try:
        page = await visitor.submit(page, "/phones", buyer=OWN)
    finally:
        await stage.sql("UPDATE occasion SET sales_until = NULL WHERE id = :id", id=monday)
    assert page.status == 409
    assert "지금은 팔지 않습니다" in page.said
    assert page.form("/phones").value("buyer") == OWN


async def test_an_address_or_form_that_is_not_ours_is_refused_in_a_sentence(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    page = await visitor.phones(shop.products["play"], **chosen(shop))
    again = await visitor.submit(page, "/phones", buyer=OWN, once="short")
    assert again.status == 409
    assert "다시 골라 주십시오" in again.said
    assert len(again.form("/phones").value("once")) == 22
    page = await visitor.get("/?" + "&".join(f"a{n}=1" for n in range(201)))
    assert page.status == 422
    assert "알 수 없는 요청입니다" in page.said


# --- second choices -------------------------------------------------------------------------------------------------


async def test_sold_out_shows_ranked_second_choices_each_with_its_own_button(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, quantity=6)
    page = await Visitor(stage).hold(shop.products["play"], chosen(shop))
    assert page.status == 409
    assert "원하신 표는 매진되었습니다" in page.said
    kinds = [form.action for form in page.forms]
    assert len(kinds) == 4  # two other categories, two other dates
    assert "같은 날, 다른 등급 S" in page.said
    assert "다른 날짜, 같은 등급" in page.said
    assert page.said.index("다른 등급") < page.said.index("다른 날짜")


async def test_every_second_choice_books_with_one_button_and_keeps_the_numbers(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, quantity=6, buyer=THIRD)
    given = {"whose": "other", "handset": "010-8765-4321"}
    visitor = Visitor(stage)
    page = await visitor.hold(shop.products["play"], chosen(shop), given=given)
    for form in page.forms:
        booked = await visitor.send(page, form)
        assert booked.url.startswith("/b/"), booked.said
    rows = await stage.sql(
        "SELECT i.handset FROM booking_item i JOIN booking b ON b.id = i.booking_id WHERE b.buyer = :b", b=BUYER
    )
    assert [row.handset for row in rows] == [FRIEND] * 4


async def test_a_second_choice_gone_too_brings_fresh_ones(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, quantity=6)
    visitor = Visitor(stage)
    page = await visitor.hold(shop.products["play"], chosen(shop))
    other = next(form for form in page.forms if str(shop.price("play/S")) in form.value("body"))
    await a_booking(stage, shop, category="S", quantity=6)
    page = await visitor.send(page, other)
    assert page.status == 409
    assert page.forms
    assert all(
        str(shop.price("play/S")) not in form.value("body") or str(shop.occasions["play/mon"]) not in form.value("body")
        for form in page.forms
    )


async def test_nothing_left_at_all_says_when_to_look_again(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, of="talk/talk", category="FREE", quantity=3)
    page = await Visitor(stage).hold(shop.products["talk"], chosen(shop, 1, "FREE", "talk/talk"))
    assert page.status == 409
    assert "결제하지 않은 표가 풀릴 수 있으니" in page.said


async def test_a_second_choice_that_was_tampered_with_is_refused(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, quantity=6)
    visitor = Visitor(stage)
    page = await visitor.hold(shop.products["play"], chosen(shop))
    for body in ("", "{", json.dumps({"lines": []})):
        answer = await visitor.send(page, page.forms[0], body=body)
        assert answer.status == 422


async def test_what_is_known_to_be_too_few_is_said_before_the_number_is_asked(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, quantity=5)
    page = await Visitor(stage).phones(shop.products["play"], **chosen(shop, 2))
    assert "지금은 그만큼 남아 있지 않습니다" in page.said
