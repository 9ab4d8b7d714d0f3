"""The patent's ten steps on a phone alone: found, chosen, held, refused, paid, kept, and shown at the door."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking, a_gate, a_scan, an_account, free_places, state_of
from fakes import FakeCard, Upset
from wap_kit import CARD_PAGE, WML, XHTML, Deck, Phone

from app.ports import Authorized, Captured, CarrierBill, Charge, Decline, Prepared, Refused

KOREAN = {
    "shows": "공연",
    "play": "봄날의 우체국",
    "day": "24일",
    "best": "좋은 자리로",
    "mine": "내 전화로: 010-••••-5678",
    "card": "카드",
    "pay": "결제하기",
    "refused": "잔액이 부족합니다",
    "paid": "결제했습니다",
    "ticket": "표 보기",
    "save": "옵션 > 보관",
}
ENGLISH = {
    "shows": "Shows",
    "play": "The Post Office",
    "day": "24 Nov",
    "best": "Best seats",
    "mine": "Mine: 010-••••-5678",
    "card": "Card",
    "pay": "Pay ₩",
    "refused": "not enough money",
    "paid": "Paid.",
    "ticket": "Ticket ",
    "save": "Options > Save",
}


pytestmark = pytest.mark.usefixtures("shop")


async def held(phone: Phone, *, category: str = "R ", quantity: str = "1") -> Deck:
    """From home to a booking that waits for its payment, by the best seats."""
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", category)
    deck = await phone.press(deck, "좋은 자리로", n=quantity)
    return await phone.press(deck, "내 전화로")


@pytest.mark.parametrize(
    ("accept", "language", "charset"),
    [
        pytest.param(WML, "ko", "", id="wml-korean-utf-8"),
        pytest.param(WML, "ko", "euc-kr, utf-8;q=0.5", id="wml-korean-euc-kr"),
        pytest.param(WML, "en", "ks_c_5601-1987", id="wml-english-ksc"),
        pytest.param(XHTML, "ko", "euc-kr", id="xhtml-korean-euc-kr"),
        pytest.param(XHTML, "en", "utf-8", id="xhtml-english-utf-8"),
    ],
)
async def test_the_ten_steps_are_done_on_a_phone_alone(
    stage: Stage, shop: Shop, accept: str, language: str, charset: str
) -> None:
    says = KOREAN if language == "ko" else ENGLISH
    phone = Phone(stage, accept=accept, language=language, charset=charset, number=BUYER[1:])
    # 1, 2: reach the server, enter what, when and which seats. 3, 5: it is available, the phone is asked for.
    deck = await phone.follow(await phone.get("/wap"), says["shows"], says["play"], says["day"], "R ")
    deck = await phone.press(deck, says["best"], n="2")
    deck = await phone.press(deck, says["mine"])
    # 6, 7: a means that is refused, and another one.
    deck = await phone.press(await phone.follow(deck, says["card"]), says["pay"], c="pm_poor")
    assert says["refused"] in deck.said
    deck = await phone.press(await phone.follow(deck, says["card"]), says["pay"], c="pm_card_visa")
    assert says["paid"] in deck.said
    assert stage.card.taken() == 120_000
    # 8, 9: the ticket is sent, and can be opened and kept.
    await stage.work()
    assert len(stage.carrier.inbox(BUYER)) == 2
    deck = await phone.follow(deck, says["ticket"])
    assert says["save"] in deck.said
    (picture,) = deck.pictures
    answer = await phone.client.get(picture)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/vnd.wap.wbmp")
    # 10: what the card says opens the gate, once.
    shown = re.search(r"(\d{9}-\d) PIN (\d{6})", deck.said)
    assert shown
    gate = await a_gate(stage, shop, shop.occasions["play/mon"])
    stage.clock.advance(days=2)
    for admits in (True, False):
        verdict = await a_scan(stage, shop, gate, f"{shown[1]} {shown[2]}")
        assert verdict["admit"] is admits


async def test_the_sum_and_the_means_to_pay_stand_before_what_was_chosen(stage: Stage) -> None:
    said = (await held(Phone(stage, number=BUYER[1:]))).said
    order = [said.index(words) for words in ("합계", "까지 잡아", "결제 방법", "전자화폐", "그만두기", "받는 전화")]
    assert order == sorted(order)


async def test_how_many_are_left_is_told_only_when_they_are_few(stage: Stage) -> None:
    phone = Phone(stage)
    dates = await phone.follow(await phone.get("/wap"), "공연", "봄날의")
    told = {label.partition(":00")[2].strip() for label, _ in dates.links if "11월" in label}
    assert told == {"", "12석"}  # the first night has 22


async def test_best_seats_are_held_as_many_as_were_typed(stage: Stage, shop: Shop) -> None:
    deck = await held(Phone(stage, number=BUYER[1:]), quantity="3")
    assert "3장" in deck.said
    assert "합계 180,000원" in deck.said
    assert await free_places(stage, shop.occasions["play/mon"]) == 19


async def test_seats_are_picked_by_hand_one_by_one(stage: Stage) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "자리 직접", "A열", "2번", "3번")
    assert "고른 자리: Stalls A열 2번, Stalls A열 3번" in deck.said
    assert all("2번" not in label for label, _ in deck.links)
    deck = await phone.press(await phone.follow(deck, "이 자리로"), "내 전화로")
    assert "Stalls A열 2번, Stalls A열 3번" in deck.said
    taken = await stage.sql("SELECT guid FROM place WHERE taken_by IS NOT NULL ORDER BY guid")
    assert [one.guid for one in taken] == ["A-2", "A-3"]


async def test_seats_of_two_categories_are_held_together(stage: Stage) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "자리 직접", "A열", "1번")
    deck = await phone.get(deck.url.replace("y=0", "y=1"))
    deck = await phone.press(await phone.follow(deck, "4번", "이 자리로"), "내 전화로")
    assert "합계 100,000원" in deck.said


async def test_what_is_gone_is_answered_with_second_choices_each_one_press_away(stage: Stage, shop: Shop) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "자리 직접", "A열", "2번", "이 자리로")
    await a_booking(stage, shop, places=shop.seats("play/mon", "A-2"))
    deck = await phone.press(deck, "내 전화로")
    assert "방금 다 팔렸습니다" in deck.said
    assert any("11월 25일" in one.words for one in deck.presses)
    deck = await phone.press(deck, "A열")
    assert "잡아 두었습니다" in deck.said
    deck = await phone.press(await phone.follow(deck, "카드"), "결제하기", c="pm_card_visa")
    assert "결제했습니다" in deck.said


async def test_a_second_choice_keeps_whose_phone_it_was_for(stage: Stage, shop: Shop) -> None:
    phone = Phone(stage)
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "자리 직접", "A열", "2번", "이 자리로")
    await a_booking(stage, shop, places=shop.seats("play/mon", "A-2"))
    deck = await phone.press(deck, "계속", b="01012345678", g="01087654321")
    deck = await phone.press(deck, "11월 25일")
    assert "010-••••-4321" in deck.said
    row = (
        await stage.sql(
            "SELECT b.buyer, i.handset FROM booking b JOIN booking_item i ON i.booking_id = b.id"
            " ORDER BY b.id DESC LIMIT 1"
        )
    )[0]
    assert (row.buyer, row.handset) == (BUYER, FRIEND)


async def test_a_gift_goes_to_the_number_that_was_typed(stage: Stage) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "R ")
    deck = await phone.press(deck, "좋은 자리로", n="1")
    deck = await phone.press(deck, "선물하기", g="010 8765 4321")
    assert "010-••••-4321" in deck.said
    deck = await phone.press(await phone.follow(deck, "카드"), "결제하기", c="pm_card_visa")
    await stage.work()
    assert len(stage.carrier.inbox(FRIEND)) == 1
    assert all("/wap/t/" not in href for _, href in deck.links), "the giver does not hold the ticket"
    friend = Phone(stage, number=FRIEND[1:])
    assert "봄날의" in (await friend.get("/wap/mine")).said


@pytest.mark.parametrize("number", ["", "12345", "021234567"])
async def test_a_gift_to_no_mobile_number_is_asked_for_again(stage: Stage, number: str) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "R ")
    deck = await phone.press(deck, "좋은 자리로", n="1")
    deck = await phone.press(deck, "선물하기", g=number)
    assert "휴대전화 번호가 아닙니다" in deck.said
    deck = await phone.press(deck, "선물하기", g="01087654321")
    assert "잡아 두었습니다" in deck.said


async def test_e_money_pays_with_the_pin_alone_and_a_wrong_pin_says_so(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 100_000)
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await held(phone), "전자화폐")
    deck = await phone.press(deck, "결제하기", p="12345")
    assert "숫자 6자리" in deck.said
    deck = await phone.press(deck, "결제하기", p=f"{(int(pin) + 1) % 10**6:06}")
    assert "비밀번호가 맞지 않습니다" in deck.said
    deck = await phone.press(await phone.follow(deck, "전자화폐"), "결제하기", p=pin)
    assert "결제했습니다" in deck.said


async def test_a_means_is_given_up_and_the_seats_are_free_again(stage: Stage, shop: Shop) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await held(phone)
    deck = await phone.press(await phone.follow(deck, "카드"), "결제하기", c="pm_declined")
    assert "거절했습니다" in deck.said
    deck = await phone.press(deck, "그만두기")
    assert "취소했습니다" in deck.said
    assert await free_places(stage, shop.occasions["play/mon"]) == 22


async def test_a_ride_is_found_from_stop_to_stop(stage: Stage) -> None:
    phone = Phone(stage, number=BUYER[1:], language="en")
    deck = await phone.follow(await phone.get("/wap"), "Rides", "Harbour", "Airport", "ride", "adult")
    deck = await phone.press(deck, "Continue", n="1")
    deck = await phone.press(deck, "Mine")
    assert "₩1,000" in deck.said
    deck = await phone.press(await phone.follow(deck, "Card"), "Pay", c="pm_card_visa")
    deck = await phone.follow(deck, "Ticket")
    assert "Harbour > Airport" in deck.said


async def test_a_ride_that_was_found_by_its_name_asks_for_its_stops(stage: Stage) -> None:
    phone = Phone(stage, language="en")
    deck = await phone.press(await phone.follow(await phone.get("/wap"), "Search"), "Search", q="ride")
    deck = await phone.follow(deck, "ride from", "From where", "Harbour", "Market", "adult")
    assert "Harbour > Market" in deck.said
    assert "adult ₩1,000" in deck.said, "the express fare is the narrowest that holds"


async def test_stops_between_which_nothing_runs_lead_to_other_stops(stage: Stage) -> None:
    phone = Phone(stage, language="en")
    deck = await phone.press(await phone.follow(await phone.get("/wap"), "Search"), "Search", q="ride")
    deck = await phone.follow(deck, "ride from", "From where", "Island", "Harbour")
    assert "No ticket is sold between these stops" in deck.said
    assert "From where?" in (await phone.follow(deck, "From where")).said


async def test_a_voucher_has_no_seat_and_shows_its_balance(stage: Stage) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "상품권", "gift", "gift")
    deck = await phone.press(await phone.press(deck, "계속", n="1"), "내 전화로")
    deck = await phone.press(await phone.follow(deck, "카드"), "결제하기", c="pm_card_visa")
    assert "잔액 50,000원" in (await phone.follow(deck, "표 보기")).said


async def test_what_costs_nothing_is_taken_by_one_press(stage: Stage) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "talk", "무료")
    deck = await phone.press(await phone.press(deck, "계속", n="1"), "내 전화로")
    deck = await phone.press(deck, "무료로 받기")
    assert "결제했습니다" in deck.said


async def test_a_button_pressed_twice_holds_once(stage: Stage) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "R ")
    deck = await phone.press(deck, "좋은 자리로", n="1")
    first, second = [await phone.press(deck, "내 전화로") for _ in range(2)]
    assert first.links == second.links
    assert await stage.value("SELECT count(*) FROM booking") == 1


async def test_a_payment_that_nobody_answered_looks_again_by_itself(stage: Stage) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await held(phone)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    deck = await phone.press(await phone.follow(deck, "카드"), "결제하기", c="pm_card_visa")
    assert "다시 결제하지 마십시오" in deck.said
    assert '<timer value="30"/>' in deck.source
    assert deck.presses == []


async def test_a_network_that_is_away_says_that_nothing_was_charged(stage: Stage) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await held(phone)
    stage.card.upset("prepare", Upset.LOST_BEFORE)
    deck = await phone.press(await phone.follow(deck, "카드"), "결제하기", c="pm_card_visa")
    assert "결제된 금액은 없습니다" in deck.said
    assert "카드" in deck.said


async def test_a_hold_that_ran_out_says_so_wherever_it_is_opened(stage: Stage) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await held(phone)
    card = deck.link("카드")
    stage.clock.advance(minutes=11)
    for address in (card, deck.link("전자화폐"), card.removesuffix("/k")):
        assert "자리가 풀렸습니다" in (await phone.get(address)).said


async def test_a_phone_with_a_browser_has_its_card_made_at_the_payment_network(stage: Stage) -> None:
    phone = Phone(stage, accept=XHTML, number=BUYER[1:])
    deck = await phone.follow(await held(phone), "카드")
    assert deck.link("카드 번호").startswith(f"{CARD_PAGE}?return_url=https%3A%2F%2Ftickets.example%2Fwap%2Fb%2F")
    back = await phone.get(f"{deck.url}?payment_method=pm_card_visa")
    assert stage.card.calls == []
    assert "결제했습니다" in (await phone.press(back, "결제하기")).said


# --- on the phone bill ----------------------------------------------------------------------------------------------


class FakeBill(FakeCard):
    """A carrier that bills every phone it knows; it keeps whom."""

    name = "carrier"

    def __init__(self) -> None:
        super().__init__()
        self.billed: list[str] = []

    async def prepare(self, charge: Charge) -> Prepared | Refused:
        return Prepared(f"bill-{charge.key}")

    async def authorize(self, charge: Charge, *, reference: str | None) -> Authorized | Captured | Refused:
        assert isinstance(charge.instrument, CarrierBill)
        if charge.instrument.handset != BUYER:
            return Refused(Decline.INVALID, "not our subscriber")
        self.billed.append(charge.instrument.handset)
        return Captured(reference or "")


@pytest.fixture
def bill(stage: Stage) -> FakeBill:
    """A carrier that bills, added to this stage's ways to be paid."""
    made = FakeBill()
    stage.world = replace(stage.world, payments={**stage.world.payments, "carrier": made})
    return made


async def test_the_phone_bill_pays_after_the_phone_was_shown_what(stage: Stage, bill: FakeBill) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await held(phone), "요금에 합산")
    assert "60,000원: 010-••••-5678의 이번 달 요금에 합산합니다" in deck.said
    assert bill.billed == []
    deck = await phone.press(deck, "결제하기")
    assert "결제했습니다" in deck.said
    assert bill.billed == [BUYER]


async def test_a_button_of_another_sites_deck_puts_nothing_on_the_bill(
    stage: Stage, shop: Shop, bill: FakeBill
) -> None:
    made = await a_booking(stage, shop)
    phone = Phone(stage, number=BUYER[1:])
    await phone.get(f"/wap/b/{made.link}")
    for proof in ("", "x" * 16, "é"):
        answer = await phone.client.post(f"/wap/b/{made.link}/m", data={"z": proof})
        assert "저희 화면에서만" in Deck.of(answer).said
    assert bill.billed == []
    assert await state_of(stage, made.id) == "held"


async def test_another_phone_cannot_press_the_bills_button(stage: Stage, bill: FakeBill) -> None:
    deck = await Phone(stage, number=BUYER[1:]).follow(await held(Phone(stage, number=BUYER[1:])), "요금에 합산")
    found = deck.press("결제하기")
    for other in (Phone(stage, number=FRIEND[1:]), Phone(stage)):
        assert "저희 화면에서만" in (await other.send(found, found.sent)).said
    assert bill.billed == []


@pytest.mark.usefixtures("bill")
async def test_the_bill_is_offered_to_no_number_that_was_only_typed(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    for phone in (Phone(stage), Phone(stage, number=FRIEND[1:]), Phone(stage, number=BUYER[1:], address="10.9.8.6")):
        deck = await phone.get(f"/wap/b/{made.link}")
        assert "카드" in deck.said
        assert "요금에 합산" not in deck.said
        assert "결제 방법" in (await phone.get(f"/wap/b/{made.link}/m")).said


async def test_without_a_carrier_that_bills_nothing_of_it_is_offered(stage: Stage) -> None:
    deck = await held(Phone(stage, number=BUYER[1:]))
    assert "요금에 합산" not in deck.said
