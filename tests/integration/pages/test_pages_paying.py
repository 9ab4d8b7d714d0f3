"""Paying where it takes more than one step: the bank's page, a voucher, two parts, and the wait for an answer."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import fakes
import pytest
from builders import BUYER, Made, Shop, Stage, a_booking, an_account, state_of
from fakes import BAD_CARD, CHALLENGED_CARD, GOOD_CARD, Upset
from pages_kit import CARD_PAGE, Page, Visitor
from wap_kit import Phone

from app.domain.refusals import IssuerAway
from app.ports import Issuer

NETWORK = "https://pay.example/challenge/1"


async def with_card(visitor: Visitor, made: Made, token: str) -> Page:
    """Back from the payment network's page with this card, and the button pressed."""
    return await visitor.submit(await visitor.get(f"/b/{made.link}/card?payment_method={token}"), "/card")


async def a_voucher(stage: Stage, shop: Shop) -> tuple[str, str]:
    """Number and PIN of a voucher of 50,000 won, as its message tells them."""
    await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    found = re.search(r"([0-9]{9}-[0-9]) PIN ([0-9]{6})", stage.carrier.inbox(BUYER)[-1])
    assert found is not None
    return found[1], found[2]


# --- the bank wants to see the buyer ---------------------------------------------------------------------------------


async def test_a_challenged_card_leads_straight_to_the_networks_page(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.Attempt, "page", NETWORK)
    made = await a_booking(stage, shop)
    answer = await Visitor(stage).client.post(
        f"/b/{made.link}/card", data={"payment_method": CHALLENGED_CARD.token}, follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (303, NETWORK)
    assert "form-action 'self' https://pay.example;" in answer.headers["content-security-policy"]
    (charged,) = stage.card.attempts.values()
    assert charged.charge.return_url == f"https://tickets.example/b/{made.link}/return"


async def test_a_bank_of_another_origin_is_a_link_since_a_form_may_not_end_there(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    page = await with_card(Visitor(stage), made, CHALLENGED_CARD.token)
    assert page.url == f"/b/{made.link}"
    assert "은행에서 본인 확인을 기다립니다" in page.said
    assert "아직 결제되지 않았습니다" in page.said
    (address,) = page.hrefs("https://bank.example/")
    assert page.tagged("a", href=address)[0]["rel"] == "noreferrer"


async def test_back_from_the_bank_the_network_is_believed_and_not_the_address(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    await with_card(visitor, made, CHALLENGED_CARD.token)
    page = await visitor.get(f"/b/{made.link}/return?payment_intent=pi_1&redirect_status=succeeded")
    assert "은행에서 본인 확인을 기다립니다" in page.said
    assert await state_of(stage, made.id) == "paying"
    await stage.redis.flushall()

    stage.card.answer_challenge(made.id, passed=True)
    page = await visitor.get(f"/b/{made.link}/return?redirect_status=failed")
    assert (page.url, "표를 보냈습니다" in page.said) == (f"/b/{made.link}", True)
    assert stage.card.taken() == 60_000


async def test_a_bank_that_says_no_leaves_the_hold_and_another_card_may_be_tried(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    await with_card(visitor, made, CHALLENGED_CARD.token)
    stage.card.answer_challenge(made.id, passed=False)
    page = await visitor.get(f"/b/{made.link}/return")
    assert "카드사가 이 카드의 결제를 거절했습니다" in page.said
    assert page.hrefs(CARD_PAGE)
    assert "표를 보냈습니다" in (await with_card(visitor, made, GOOD_CARD.token)).said
    assert stage.card.taken() == 60_000


async def test_whoever_will_not_go_to_the_bank_may_pay_another_way_at_once(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    page = await with_card(visitor, made, CHALLENGED_CARD.token)
    page = await visitor.submit(page, "/abandon")
    assert "무엇으로 결제하시겠습니까" in page.said
    assert await state_of(stage, made.id) == "held"
    assert "표를 보냈습니다" in (await with_card(visitor, made, GOOD_CARD.token)).said
    assert stage.card.taken() == 60_000


async def test_a_bank_address_that_is_none_of_the_web_is_never_a_link(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.Attempt, "page", "javascript:alert(1)")
    made = await a_booking(stage, shop)
    page = await with_card(Visitor(stage), made, CHALLENGED_CARD.token)
    assert "javascript:" not in page.html
    assert "결제를 확인하고 있습니다" in page.said


# --- being confirmed --------------------------------------------------------------------------------------------------


async def test_a_waiting_page_says_what_is_known_and_asks_again_ever_more_rarely(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    stage.card.upset("authorize", Upset.LOST_BEFORE)
    stage.card.upset("lookup", *[Upset.LOST_BEFORE] * 9)
    page = await with_card(visitor, made, GOOD_CARD.token)
    assert "12:00에 결제망에 60,000원 결제를 요청했고" in page.said
    assert "다시 결제하지 마십시오" in page.said
    assert "010-••••-5678 에 문자로 저절로 갑니다" in page.said
    pauses = [page.tagged("main")[0]["data-live"]]
    for seconds in (20, 40, 600):
        stage.clock.advance(seconds=seconds)
        page = await visitor.get(f"/b/{made.link}")
        pauses.append(page.tagged("main")[0]["data-live"])
        assert page.tagged("meta", **{"http-equiv": "refresh"})[0]["content"] == f"{pauses[-1]};url=/b/{made.link}"
    assert pauses == ["3", "5", "15", "30"]


async def test_looking_at_a_waiting_page_finds_the_answer_and_then_the_tickets(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    assert "결제를 확인하고 있습니다" in (await with_card(visitor, made, GOOD_CARD.token)).said
    await stage.redis.flushall()
    stage.clock.advance(seconds=5)
    assert "표를 보냈습니다" in (await visitor.get(f"/b/{made.link}")).said
    assert stage.card.taken() == 60_000


async def test_many_who_look_at_once_ask_the_network_once(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    await with_card(visitor, made, CHALLENGED_CARD.token)
    asked = len(stage.card.calls)
    for _ in range(5):
        await visitor.get(f"/b/{made.link}")
    assert len(stage.card.calls) - asked <= 2, "a window of three seconds may end in between"


# --- a voucher pays ---------------------------------------------------------------------------------------------------


async def test_a_voucher_pays_with_its_number_and_pin(stage: Stage, shop: Shop) -> None:
    number, pin = await a_voucher(stage, shop)
    made, visitor = await a_booking(stage, shop, category="S"), Visitor(stage)
    page = await visitor.submit(await visitor.get(f"/b/{made.link}"), "/voucher", number=number, pin=pin)
    assert "표를 보냈습니다" in page.said


async def test_a_voucher_that_is_refused_keeps_its_number_and_says_why(stage: Stage, shop: Shop) -> None:
    number, pin = await a_voucher(stage, shop)
    made, visitor = await a_booking(stage, shop), Visitor(stage)  # 60,000 won, and the voucher has 50,000
    page = await visitor.get(f"/b/{made.link}")
    for typed, secret, status, said in (
        ("12345", pin, 422, "상품권 번호가 아닙니다"),
        (number, "12", 422, "비밀번호는 숫자 여섯 자리입니다"),
        (number, f"{(int(pin) + 1) % 1_000_000:06}", 402, "상품권 번호나 비밀번호가 맞지 않습니다"),
        (number, pin, 402, "상품권에 남은 금액이 모자랍니다"),
    ):
        page = await visitor.submit(page, "/voucher", number=typed, pin=secret)
        assert (page.status, page.form("/voucher").value("number")) == (status, typed)
        assert said in page.said
        assert page.form("/voucher").value("pin") == ""
        assert {"id": "voucher", "open": "", "class": "panel"} in [
            given for tag, given in page.tags if tag == "details"
        ]


# --- in two parts -----------------------------------------------------------------------------------------------------


async def split_up(visitor: Visitor, made: Made, by: str, amount: str, token: str = GOOD_CARD.token) -> Page:
    """The page that confirms both parts, back with a card from the network's page."""
    page = await visitor.get(f"/b/{made.link}")
    page = await visitor.get(page.hrefs("/split")[0])
    form = page.form("/split/card")
    pairs = dict(form.with_(by=by, amount=amount))
    answer = await visitor.client.get(f"/b/{made.link}/split/card", params=pairs, follow_redirects=False)
    if answer.status_code != 303:
        return Page.of(answer)
    asked = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    return await visitor.get(f"{asked['return_url']}&payment_method={token}")


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("", "금액을 적어 주십시오"),
        ("many", "금액이 아닙니다"),
        ("0", "0보다 크고 합계보다 적은"),
        ("60000", "0보다 크고 합계보다 적은"),
    ],
    ids=["empty", "no number", "nothing", "all of it"],
)
async def test_an_amount_that_cannot_be_a_part_is_told_and_stays_typed(
    stage: Stage, shop: Shop, amount: str, said: str
) -> None:
    made = await a_booking(stage, shop)
    page = await split_up(Visitor(stage), made, "voucher", amount)
    assert (page.status, page.form("/split/card").value("amount")) == (422, amount)
    assert said in page.said
    assert page.form("/split/card").value("by") == "voucher"


async def test_the_rest_goes_to_the_networks_page_and_both_parts_are_shown(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    answer = await visitor.client.get(f"/b/{made.link}/split/card?by=emoney&amount=20,000원", follow_redirects=False)
    asked = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert (asked["amount"], asked["return_url"]) == (
        "40000",
        f"https://tickets.example/b/{made.link}/split/pay?by=emoney&amount=20000",
    )
    page = await visitor.get(f"{asked['return_url']}&payment_method=pm_card_visa")
    assert "전자화폐 20,000원 신용카드 40,000원 합계 60,000원" in page.said
    assert stage.card.calls == []


async def test_both_parts_pay_together(stage: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 20_000)
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    page = await visitor.submit(await split_up(visitor, made, "emoney", "20000"), "/split/pay", pin=secret)
    assert (page.url, "표를 보냈습니다" in page.said) == (f"/b/{made.link}", True)
    assert stage.card.taken() == 40_000
    assert await stage.value("SELECT balance FROM account WHERE kind = 'prepaid'") == 0


async def test_a_voucher_pays_a_part_and_keeps_the_rest_of_its_balance(stage: Stage, shop: Shop) -> None:
    number, pin = await a_voucher(stage, shop)
    before = stage.card.taken()
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    page = await split_up(visitor, made, "voucher", "45000")
    page = await visitor.submit(page, "/split/pay", number=number, pin=pin)
    assert "표를 보냈습니다" in page.said
    assert stage.card.taken() - before == 15_000
    assert await stage.value("SELECT balance FROM credential WHERE kind = 'voucher'") == 5_000


async def test_a_wrong_pin_charges_neither_part_and_stays_on_the_same_page(stage: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 20_000)
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    page = await split_up(visitor, made, "emoney", "20000")
    page = await visitor.submit(page, "/split/pay", pin="12")
    assert (page.status, "비밀번호는 숫자 여섯 자리입니다" in page.said) == (422, True)
    wrong = f"{(int(secret) + 1) % 1_000_000:06}"
    page = await visitor.submit(page, "/split/pay", pin=wrong)
    assert page.status == 402
    assert "비밀번호가 맞지 않습니다" in page.said
    assert wrong not in page.html
    assert stage.card.taken() == 0
    assert "표를 보냈습니다" in (await visitor.submit(page, "/split/pay", pin=secret)).said
    assert stage.card.taken() == 40_000


async def test_a_refused_card_charges_neither_part_and_asks_for_another_card(stage: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 20_000)
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    for token in (BAD_CARD.token, "pm_never_made"):
        page = await split_up(visitor, made, "emoney", "20000", token)
        page = await visitor.submit(page, "/split/pay", pin=secret)
        assert page.status == 402
        assert page.hrefs("/split/card?by=emoney&amount=20000")
    assert await stage.value("SELECT balance FROM account WHERE kind = 'prepaid'") == 20_000
    later = await visitor.get(f"/b/{made.link}")
    assert "카드사가 이 카드의 결제를 거절했습니다" in later.said


@pytest.mark.parametrize(
    "step", ["split", "split/card?by=emoney&amount=1", "split/pay?amount=1&payment_method=pm_visa"]
)
async def test_what_is_paid_has_nothing_to_split(stage: Stage, shop: Shop, step: str) -> None:
    made = await a_booking(stage, shop, paid=True)
    assert (await Visitor(stage).get(f"/b/{made.link}/{step}")).url == f"/b/{made.link}"


async def test_a_confirmation_that_is_not_whole_begins_again(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    assert (await visitor.get(f"/b/{made.link}/split/pay?amount=1")).url == f"/b/{made.link}/split"
    await visitor.press(f"/b/{made.link}/split/pay", by="emoney", amount="1", payment_method="-")
    assert await state_of(stage, made.id) == "held"


# --- the issuer's own server is away ---------------------------------------------------------------------------------


class Deaf:
    """The issuer's server: everything but a commit gets through to it."""

    def __init__(self, own: Issuer) -> None:
        self.own = own

    def __getattr__(self, verb: str) -> Any:
        if verb == "commit":
            raise IssuerAway("The issuer's server does not answer.")
        return getattr(self.own, verb)


async def test_money_that_waits_for_the_issuer_is_told_as_such_and_the_tickets_come(stage: Stage, shop: Shop) -> None:
    made, issuer = await a_booking(stage, shop), stage.world.issuers["local"]
    stage.world = replace(stage.world, issuers={"local": Deaf(issuer)})
    page = await with_card(Visitor(stage), made, GOOD_CARD.token)
    assert "은행이 결제를 승인했습니다" in page.said
    assert "아직 결과를 듣지 못했습니다" not in page.said
    stage.world = replace(stage.world, issuers={"local": issuer})
    stage.clock.advance(seconds=5)
    await stage.redis.flushall()
    assert "표를 보냈습니다" in (await Visitor(stage).get(f"/b/{made.link}")).said
    assert stage.card.taken() == 60_000


async def test_what_costs_nothing_waits_for_the_issuer_without_a_word_of_paying(stage: Stage, shop: Shop) -> None:
    made, issuer = await a_booking(stage, shop, of="talk/talk", category="FREE"), stage.world.issuers["local"]
    stage.world = replace(stage.world, issuers={"local": Deaf(issuer)})
    visitor = Visitor(stage)
    page = await visitor.submit(await visitor.get(f"/b/{made.link}"), "/free")
    assert "예매를 확인하고 있습니다" in page.said
    assert "결제" not in page.said
    assert "예매를 확인하고 있습니다" in (await Phone(stage).get(f"/wap/b/{made.link}")).said
