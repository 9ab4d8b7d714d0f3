"""Money on a phone: a bank that wants to see the buyer, a voucher, a return; and an issuer that is away."""

from __future__ import annotations

import re
from dataclasses import replace

from builders import BUYER, Made, Shop, Stage, a_booking, a_gate, a_scan, state_of, typed
from fakes import CHALLENGED_CARD
from wap_kit import XHTML, Deck, Phone

from app.domain.refusals import IssuerAway


async def pressed_card(phone: Phone, made: Made, token: str) -> Deck:
    """A card by its token, from the booking's deck."""
    return await phone.press(await phone.get(f"/wap/b/{made.link}/k"), "결제하기", c=token)


# --- the bank ---------------------------------------------------------------------------------------------------------


async def test_a_phone_with_a_browser_is_led_to_the_bank_and_comes_back_to_its_decks(stage: Stage, shop: Shop) -> None:
    made, phone = await a_booking(stage, shop), Phone(stage, accept=XHTML)
    deck = await pressed_card(phone, made, CHALLENGED_CARD.token)
    assert "은행에서 본인 확인을 기다립니다" in deck.said
    assert deck.link("은행 화면으로").startswith("https://bank.example/")
    (charged,) = stage.card.attempts.values()
    back = charged.charge.return_url
    assert back == f"https://tickets.example/wap/b/{made.link}/r"
    stage.card.answer_challenge(made.id, passed=True)
    assert "결제했습니다" in (await phone.get(f"{back}?redirect_status=failed")).said
    assert stage.card.taken() == 60_000


async def test_a_phone_that_shows_no_bank_says_so_to_the_network_and_gets_no_link(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    deck = await pressed_card(Phone(stage), made, CHALLENGED_CARD.token)
    (charged,) = stage.card.attempts.values()
    assert charged.charge.return_url == ""
    assert "결제를 시작한 화면에서 확인하십시오" in deck.said
    assert [label for label, _ in deck.links] == ["다시 보기"]


async def test_looking_again_finds_what_the_bank_said(stage: Stage, shop: Shop) -> None:
    made, phone = await a_booking(stage, shop), Phone(stage)
    await pressed_card(phone, made, CHALLENGED_CARD.token)
    stage.card.answer_challenge(made.id, passed=False)
    deck = await phone.get(f"/wap/b/{made.link}")
    assert "거절했습니다" in deck.said
    assert "카드" in [label for label, _ in deck.links]


# --- a voucher --------------------------------------------------------------------------------------------------------


async def test_a_voucher_pays_and_a_wrong_one_keeps_what_was_typed(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    found = re.search(r"([0-9]{9}-[0-9]) PIN ([0-9]{6})", stage.carrier.inbox(BUYER)[-1])
    assert found is not None
    number, pin = found.groups()
    made, phone = await a_booking(stage, shop, category="S"), Phone(stage)
    deck = await phone.follow(await phone.get(f"/wap/b/{made.link}"), "상품권")
    for given, secret, said in (("123", pin, "상품권 번호가 아닙니다"), (number, "12", "숫자 6자리")):
        deck = await phone.press(deck, "결제하기", m=given, p=secret)
        assert said in deck.said
        assert deck.press("결제하기").typed == {"m": given, "p": ""}
    refused = await phone.press(deck, "결제하기", m=number, p=f"{(int(pin) + 1) % 10**6:06}")
    assert "상품권 번호나 비밀번호가 맞지 않습니다" in refused.said
    assert "결제했습니다" in (await phone.press(deck, "결제하기", m=number, p=pin)).said
    assert "결제했습니다" in (await phone.get(f"/wap/b/{made.link}/v")).said, "there is nothing to pay any more"


# --- giving it back ---------------------------------------------------------------------------------------------------


async def test_a_whole_booking_goes_back_after_one_look(stage: Stage, shop: Shop) -> None:
    made, phone = await a_booking(stage, shop, quantity=2, worked=True), Phone(stage)
    deck = await phone.follow(await phone.get(f"/wap/b/{made.link}"), "환불하기")
    assert "표 2장을 환불할까요?" in deck.said
    assert "돌려받는 금액: 120,000원 (카드)" in deck.said
    assert stage.card.taken() == 120_000
    after = await phone.press(deck, "환불받기")
    assert "환불 완료: 120,000원" in after.said
    assert stage.card.taken() == 0
    assert await state_of(stage, made.id) == "refunded"


async def test_what_changed_since_the_deck_was_shown_is_shown_again(stage: Stage, shop: Shop) -> None:
    made, phone = await a_booking(stage, shop, quantity=2, worked=True), Phone(stage)
    deck = await phone.get(f"/wap/b/{made.link}/q")
    stage.clock.advance(days=2, minutes=-30)
    await a_scan(stage, shop, await a_gate(stage, shop), typed(made.tickets[0]))
    again = await phone.press(deck, "환불받기")
    assert "표 1장을 환불할까요?" in again.said
    assert "나머지 1장은 환불할 수 없습니다" in again.said
    assert stage.card.taken() == 120_000


async def test_what_cannot_go_back_offers_no_return(stage: Stage, shop: Shop) -> None:
    made, phone = await a_booking(stage, shop, worked=True), Phone(stage)
    stage.clock.advance(days=3)
    deck = await phone.get(f"/wap/b/{made.link}")
    assert "환불하기" not in deck.said
    assert (await phone.get(f"/wap/b/{made.link}/q")).said == deck.said


async def test_a_suspended_ticket_says_that_the_bank_decides(stage: Stage, shop: Shop) -> None:
    made, phone = await a_booking(stage, shop, worked=True), Phone(stage)
    await stage.sql("UPDATE ticket SET state = 'suspended' WHERE id = :id", id=made.tickets[0].id)
    deck = await phone.get(f"/wap/b/{made.link}")
    assert "은행이 확인하는 동안 쓸 수 없는 표입니다" in deck.said
    assert "쓸 수 있는 표가 없습니다" in deck.said


# --- its issuer is away -----------------------------------------------------------------------------------------------


async def test_a_hold_that_the_issuer_does_not_answer_says_so(stage: Stage, shop: Shop) -> None:
    del shop  # it is found by its title
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날", "11월 24일", "R ")
    deck = await phone.press(deck, "좋은 자리로")
    issuer = stage.world.issuers["local"]

    class Away:
        def __getattr__(self, verb: str) -> object:
            if verb != "hold":
                return getattr(issuer, verb)
            raise IssuerAway("The issuer's server does not answer.")

    stage.world = replace(stage.world, issuers={"local": Away()})  # type: ignore[dict-item]  # has what is called
    deck = await Phone(stage, number=BUYER[1:]).press(deck, "내 전화로")
    assert "주최사 서버가 응답하지 않아 잡아 두지 못했습니다" in deck.said
    assert deck.link("다시 고르기")
