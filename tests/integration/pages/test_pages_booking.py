"""A booking's page: paying, being refused, done, and every state a booking can be in; what its buyer may see."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from builders import BUYER, FRIEND, Made, Shop, Stage, a_booking, an_account, pin, state_of
from fakes import BAD_CARD, UNKNOWN_CARD, Upset
from pages_kit import CARD_PAGE, Page, Visitor

from app.flows.delivery import compose, deliver
from app.flows.tickets import register
from app.ports import Rejected


async def opened(stage: Stage, made: Made, *, language: str = "ko") -> Page:
    return await Visitor(stage, language=language).get(f"/b/{made.link}")


async def test_a_held_booking_says_until_when_it_is_kept_and_how_to_pay(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2)
    page = await opened(stage, made)
    until = made.booked.expires_at + timedelta(hours=9)
    assert f"{until:%H:%M}까지 자리를 잡아 둡니다" in page.said
    assert "카드로 120,000원 결제하기" in page.said
    assert "전자화폐로 120,000원 결제하기" in page.said
    assert "010-••••-5678" in page.said
    assert page.tagged("span", **{"data-until": "600"})


async def test_the_card_button_leads_to_the_networks_page_and_back_here(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    page = await opened(stage, made, language="en")
    (address,) = page.hrefs(CARD_PAGE)
    asked = dict(parse_qsl(urlsplit(address).query))
    assert asked == {
        "return_url": f"https://tickets.example/b/{made.link}/card",
        "amount": "60000",
        "currency": "krw",
        "merchant": "haneul",
        "lang": "en",
    }


async def test_a_buyer_says_what_the_phone_can_show_where_that_makes_a_difference(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    assert "내 전화로 볼 수 있는 것" not in (await opened(stage, made)).said, "there is plain text only"
    stage.world = replace(stage.world, channels={**stage.world.channels, "ems": stage.carrier})
    page = await opened(stage, made)
    assert "그림이 보이는 전화" in page.said
    assert "WAP" not in page.said

    for word in ("ems", "wap", "fax"):
        answer = await Visitor(stage).client.post(f"/b/{made.link}/phone", data={"phone": word})
        assert answer.status_code == 200

    assert await stage.sql("SELECT handset, profile, source FROM handset_profile") == [(BUYER, "ems", "buyer")]


async def test_whoever_has_not_the_link_sees_no_booking(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    for link in (str(made.id), made.link[:-1], "x" * 22):
        page = await Visitor(stage).get(f"/b/{link}")
        assert page.status == 404
        assert "이 주소에는 예매가 없습니다" in page.said
        assert "봄날" not in page.said


async def test_pages_with_a_key_in_their_address_are_kept_out_of_caches_and_indexes(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    page = await opened(stage, made)
    assert page.headers["cache-control"] == "no-store"
    assert "noindex" in page.headers["x-robots-tag"]
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.tagged("meta", name="robots")[0]["content"] == "noindex"


# --- by card --------------------------------------------------------------------------------------------------------


async def test_coming_back_with_a_card_charges_nothing_by_itself(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    for _ in range(2):
        page = await visitor.get(f"/b/{made.link}/card?payment_method=pm_card_visa")
        assert "카드로 60,000원 결제하기" in page.said
    assert stage.card.calls == []
    assert await state_of(stage, made.id) == "held"


async def test_the_button_after_the_card_pays_and_shows_the_tickets(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}/card?payment_method=pm_card_visa")
    page = await visitor.submit(page, "/card")
    assert page.url == f"/b/{made.link}"
    assert "표를 보냈습니다" in page.said
    assert stage.card.taken() == 60_000


async def test_the_button_pressed_twice_charges_once(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}/card?payment_method=pm_card_visa")
    await visitor.submit(page, "/card")
    again = await visitor.submit(page, "/card")
    assert "표를 보냈습니다" in again.said
    assert stage.card.taken() == 60_000
    assert len(stage.card.attempts) == 1


async def test_a_refused_card_says_why_where_it_was_chosen_and_another_may_be_tried(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}/card?payment_method={BAD_CARD.token}")
    page = await visitor.submit(page, "/card")
    assert page.status == 200
    assert "카드사가 이 카드의 결제를 거절했습니다" in page.said
    assert "그대로 잡아 둡니다" in page.said
    assert page.said.index("신용카드") < page.said.index("거절했습니다") < page.said.index("전자화폐로")
    page = await visitor.get(f"/b/{made.link}/card?payment_method=pm_card_visa")
    page = await visitor.submit(page, "/card")
    assert "표를 보냈습니다" in page.said


async def test_a_refusal_still_stands_on_the_page_when_it_is_opened_again(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}/card?payment_method=pm_poor")
    await visitor.submit(page, "/card")
    assert "There is not enough money" in (await opened(stage, made, language="en")).said


async def test_a_card_the_network_does_not_know_is_refused_in_words(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}/card?payment_method={UNKNOWN_CARD.token}")
    page = await visitor.submit(page, "/card")
    assert "이 결제 수단은 사용할 수 없습니다" in page.said


@pytest.mark.parametrize("token", ["", "no", "a b c d e", "x" * 300, "<script>"])
async def test_what_is_no_card_leads_back_to_the_booking(stage: Stage, shop: Shop, token: str) -> None:
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.client.get(f"/b/{made.link}/card", params={"payment_method": token})
    assert str(page.url).endswith(f"/b/{made.link}")
    answer = await visitor.client.post(f"/b/{made.link}/card", data={"payment_method": token})
    assert str(answer.url).endswith(f"/b/{made.link}")
    assert stage.card.calls == []


async def test_a_network_that_does_not_answer_charges_nothing_and_says_so(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    stage.card.upset("prepare", Upset.LOST_BEFORE)
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}/card?payment_method=pm_card_visa")
    page = await visitor.submit(page, "/card")
    assert "결제망이 응답하지 않습니다" in page.said
    assert await state_of(stage, made.id) == "held"


async def test_a_lost_answer_waits_and_asks_nobody_to_pay_again(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}/card?payment_method=pm_card_visa")
    page = await visitor.submit(page, "/card")
    assert "결제를 확인하고 있습니다" in page.said
    assert "다시 결제하지 마십시오" in page.said
    assert page.forms == []
    assert page.tagged("meta", **{"http-equiv": "refresh"})
    assert page.tagged("main")[0]["data-live"]


# --- with e-money ---------------------------------------------------------------------------------------------------


async def test_e_money_pays_with_number_and_pin(stage: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 100_000)
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}")
    assert page.form("/emoney").value("number") == "010-1234-5678"
    page = await visitor.submit(page, "/emoney", pin=f"{secret[:3]} {secret[3:]}")
    assert "표를 보냈습니다" in page.said


async def test_a_wrong_pin_is_told_at_e_money_and_the_number_stays(stage: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 100_000, handset=FRIEND)
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}")
    wrong = f"{(int(secret) + 1) % 1_000_000:06}"
    page = await visitor.submit(page, "/emoney", number="010-8765-4321", pin=wrong)
    assert page.status == 402
    assert "비밀번호가 맞지 않습니다" in page.said
    assert page.said.index("전자화폐 결제되지") < page.said.index("비밀번호가 맞지")
    assert page.form("/emoney").value("number") == "010-8765-4321"
    assert wrong not in page.html
    page = await visitor.submit(page, "/emoney", pin=secret)
    assert "표를 보냈습니다" in page.said


@pytest.mark.parametrize(
    ("number", "typed", "fault", "at"),
    [
        ("nonsense", "123456", "휴대전화 번호가 아닙니다", "number"),
        ("010-1234-5678", "12", "비밀번호는 숫자 여섯 자리입니다", "pin"),
        ("010-1234-5678", "12345x", "비밀번호는 숫자 여섯 자리입니다", "pin"),
    ],
)
async def test_a_field_of_e_money_that_cannot_be_right_is_marked(  # noqa: PLR0917 - the columns of the table
    stage: Stage, shop: Shop, number: str, typed: str, fault: str, at: str
) -> None:
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.submit(await visitor.get(f"/b/{made.link}"), "/emoney", number=number, pin=typed)
    assert page.status == 422
    assert fault in page.said
    assert [given["name"] for given in page.tagged("input", **{"aria-invalid": "true"})] == [at]
    assert page.form("/emoney").value("number") == number


# --- free, given up, over -------------------------------------------------------------------------------------------


async def test_what_costs_nothing_is_taken_with_one_button(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, of="talk/talk", category="FREE")
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}")
    assert "결제할 금액이 없습니다" in page.said
    assert page.hrefs(CARD_PAGE) == []
    page = await visitor.submit(page, "/free")
    assert "표를 보냈습니다" in page.said
    assert stage.card.calls == []


async def test_what_costs_money_is_not_given_away_by_the_free_button(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    page = await Visitor(stage).press(f"/b/{made.link}/free")
    assert "무엇으로 결제하시겠습니까" in page.said
    assert await state_of(stage, made.id) == "held"


async def test_a_hold_can_be_given_up_and_its_page_leads_back(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    page = await visitor.submit(await visitor.get(f"/b/{made.link}"), "/cancel")
    assert "예매를 취소했습니다" in page.said
    assert page.hrefs(f"/p/{shop.products['play']}")
    assert await state_of(stage, made.id) == "cancelled"


async def test_giving_up_what_is_paid_changes_nothing(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)
    page = await Visitor(stage).press(f"/b/{made.link}/cancel")
    assert "표를 보냈습니다" in page.said
    assert await state_of(stage, made.id) == "paid"


async def test_a_hold_ends_by_the_clock_alone(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    stage.clock.time += timedelta(seconds=600)
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}")
    assert "시간이 지나 예매가 풀렸습니다" in page.said
    assert page.forms == []
    late = await visitor.client.post(f"/b/{made.link}/card", data={"payment_method": "pm_card_visa"})
    assert "시간이 지나" in late.text
    assert stage.card.calls == []


async def test_a_refunded_booking_says_where_the_money_went(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)
    await stage.sql("UPDATE booking SET state = 'refunded' WHERE id = :id", id=made.id)
    page = await opened(stage, made)
    assert "60,000원 전액을 결제하신 수단으로" in page.said


# --- done -----------------------------------------------------------------------------------------------------------


async def test_a_paid_booking_shows_where_each_message_is_and_looks_again_by_itself(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)
    page = await opened(stage, made)
    assert "받는 전화 010-••••-5678" in page.said
    assert page.tagged("li", **{"aria-current": "step"})[0]["class"] == "now"
    assert page.tagged("meta", **{"http-equiv": "refresh"})[0]["content"] == f"2;url=/b/{made.link}"
    await stage.work()
    (message,) = [one.message_id for one in stage.carrier.arrived.values()]
    await deliver.receive(stage.world, channel="sms_http", message_id=message, state="DELIVERED", at=stage.clock.now())
    page = await opened(stage, made)
    assert "표가 도착했습니다" in page.said
    assert page.tagged("meta", **{"http-equiv": "refresh"}) == []
    assert "data-live" not in page.tagged("main")[0]


async def test_the_page_stops_looking_again_after_ten_minutes(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)
    stage.clock.time += timedelta(minutes=11)
    page = await opened(stage, made)
    assert page.tagged("meta", **{"http-equiv": "refresh"}) == []
    assert "지금 상태 보기" in page.said


async def test_the_buyer_of_a_gift_sees_its_number_but_neither_its_pin_nor_its_link(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2, handsets=(BUYER, FRIEND), worked=True)
    own, gift = sorted(made.tickets, key=lambda row: str(row.handset))
    page = await opened(stage, made)
    for ticket in (own, gift):
        assert f"{ticket.number[:-1]}-{ticket.number[-1]}" in page.said
        assert pin(ticket) not in page.html
    assert "받는 전화 010-••••-4321" in page.said
    assert FRIEND[-8:] not in page.html
    links = page.hrefs("/t/")
    assert links == [compose.link_of(stage.world, own)]
    assert "선물한 표의 비밀번호는 받는 분의 전화에만" in page.said


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("EXPIRED", "전화가 오래 꺼져 있어"),
        ("UNDELIVERABLE", "이 번호로는 문자를 보낼 수 없습니다"),
        ("REJECTED", "통신망이 이 번호로 보내기를 거절했습니다"),
        ("DELETED", "문자를 전달하지 못했습니다"),
    ],
)
async def test_a_message_that_failed_says_why_and_can_be_sent_again(
    stage: Stage, shop: Shop, state: str, words: str
) -> None:
    made = await a_booking(stage, shop, worked=True)
    (message,) = [one.message_id for one in stage.carrier.arrived.values()]
    await deliver.receive(stage.world, channel="sms_http", message_id=message, state=state, at=stage.clock.now())
    visitor = Visitor(stage)
    page = await visitor.get(f"/b/{made.link}")
    assert "표를 보내지 못한 전화가 있습니다" in page.said
    assert words in page.said
    page = await visitor.submit(page, "/resend")
    assert "다시 보냈습니다" in page.said
    await stage.work()
    assert len(stage.carrier.inbox(BUYER)) == 2


async def test_a_message_the_carrier_did_not_take_is_told_without_its_technical_reason(
    stage: Stage, shop: Shop
) -> None:
    made = await a_booking(stage, shop, paid=True)
    stage.carrier.upset(Rejected("ESME_RINVDSTADR", retry=False))
    await stage.work()
    page = await opened(stage, made)
    assert "문자를 전달하지 못했습니다" in page.said
    assert "ESME" not in page.html


async def test_sending_again_too_often_is_told_in_a_sentence(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    visitor = Visitor(stage)
    for _ in range(4):
        page = await visitor.get(f"/b/{made.link}")
        page = await visitor.submit(page, "/resend")
        stage.clock.time += timedelta(seconds=1)
    assert "한 시간에 보낼 수 있는 횟수를 넘었습니다" in page.said


async def test_a_ticket_of_another_booking_cannot_be_sent_from_here(stage: Stage, shop: Shop) -> None:
    mine = await a_booking(stage, shop, worked=True)
    other = await a_booking(stage, shop, worked=True, buyer=FRIEND)
    before = len(stage.carrier.asked)
    page = await Visitor(stage).press(f"/b/{mine.link}/tickets/{other.tickets[0].id}/resend")
    assert page.status == 404
    await stage.work()
    assert len(stage.carrier.asked) == before


async def test_a_revoked_ticket_is_shown_as_revoked_and_cannot_be_sent(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    await register.revoke(stage.world, made.tickets[0].id, reason="test", free_place=False, tell_holder=False)
    page = await opened(stage, made)
    assert "취소된 표" in page.said
    assert page.forms == []
    assert page.hrefs("/t/") == []


async def test_every_button_of_a_booking_refuses_another_sites_form(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    for path in ("card", "emoney", "free", "phone", "cancel", f"tickets/{made.id}/resend"):
        answer = await visitor.client.post(
            f"/b/{made.link}/{path}", data={"payment_method": "pm_card_visa"}, headers={"sec-fetch-site": "cross-site"}
        )
        assert answer.status_code == 403, path
    assert await state_of(stage, made.id) == "held"
