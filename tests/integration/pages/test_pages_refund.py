"""Giving tickets back from the booking's page, and how it then says where the money is; and tickets on hold."""

from __future__ import annotations

import pytest
from builders import FRIEND, PUBLIC_URL, Made, Shop, Stage, a_booking, a_gate, a_scan, an_account, state_of, typed
from pages_kit import Page, Visitor

from app.flows.delivery import compose
from app.flows.hands.give import give
from app.flows.returning.paying_back import heard as refund_heard


async def chosen(visitor: Visitor, made: Made, *numbers: int) -> Page:
    """The page after these tickets of the booking were chosen to be returned."""
    page = await visitor.get((await visitor.get(f"/b/{made.link}")).hrefs("/refund")[0])
    return await visitor.submit(page, "/refund", ticket=[str(made.tickets[number].id) for number in numbers])


async def test_one_of_two_tickets_goes_back_after_one_look_at_what_returns(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop, quantity=2, worked=True), Visitor(stage)
    sure = await chosen(visitor, made, 0)
    assert "이 표를 환불할까요?" in sure.said
    assert "신용카드 60,000원" in sure.said or "카드 60,000원" in sure.said
    assert "되돌릴 수 없습니다" in sure.said
    assert stage.card.taken() == 120_000

    for _ in range(2):  # pressed twice
        page = await visitor.submit(sure, "/refund", sure="1")
        assert stage.card.taken() == 60_000
    page = await visitor.get(f"/b/{made.link}")
    assert "환불한 표" in page.said
    assert "카드 환불했습니다. 60,000원" in page.said
    states = await stage.sql("SELECT state FROM ticket WHERE booking_id = :id ORDER BY id", id=made.id)
    assert sorted(row.state for row in states) == ["revoked", "valid"]


async def test_a_whole_booking_goes_back_and_its_page_says_so(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop, worked=True), Visitor(stage)
    page = await visitor.submit(await chosen(visitor, made, 0), "/refund", sure="1")
    assert (page.url, "환불되었습니다" in page.said) == (f"/b/{made.link}", True)
    assert await state_of(stage, made.id) == "refunded"
    assert stage.card.taken() == 0


async def test_what_was_paid_in_two_parts_says_what_returns_to_which(stage: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 20_000)
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    page = await visitor.get(f"/b/{made.link}/split/pay?by=emoney&amount=20000&payment_method=pm_card_visa")
    await visitor.submit(page, "/split/pay", pin=secret)
    made.tickets = await stage.sql("SELECT * FROM ticket WHERE booking_id = :id", id=made.id)

    sure = await chosen(visitor, made, 0)
    assert "카드 40,000원 전자화폐 20,000원" in sure.said
    await visitor.submit(sure, "/refund", sure="1")
    assert stage.card.taken() == 0
    assert await stage.value("SELECT balance FROM account WHERE kind = 'prepaid'") == 20_000


async def test_a_ticket_that_was_used_or_given_says_why_its_money_stays(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=3, worked=True)
    stage.clock.advance(days=2, minutes=-30)  # the doors are open
    await a_scan(stage, shop, await a_gate(stage, shop), typed(made.tickets[0]))
    await give(stage.world, made.tickets[1].id, FRIEND)
    page = await Visitor(stage).get(f"/b/{made.link}/refund")
    assert "이미 사용한 표는 환불할 수 없습니다" in page.said
    assert page.said.count("선물한 표입니다") == 1
    assert page.form("/refund").choices["ticket"] == [str(made.tickets[2].id)]
    assert page.form("/refund").value("ticket") == str(made.tickets[2].id), "the only choice is made already"


async def test_what_has_begun_is_not_returned_and_offers_no_button(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop, worked=True), Visitor(stage)
    stage.clock.advance(days=3)
    assert (await visitor.get(f"/b/{made.link}")).hrefs("/refund") == []
    page = await visitor.get(f"/b/{made.link}/refund")
    assert "지금 환불할 수 있는 표가 없습니다" in page.said
    assert "시작 시각이 지나" in page.said
    assert page.tagged("button") == []


async def test_nothing_chosen_is_told_at_the_choice(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop, quantity=2, worked=True), Visitor(stage)
    page = await chosen(visitor, made)
    assert (page.status, "환불할 표를 한 장 이상 고르십시오" in page.said) == (422, True)


async def test_a_gate_that_is_faster_than_the_press_keeps_the_money(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop, quantity=2, worked=True), Visitor(stage)
    sure = await chosen(visitor, made, 0, 1)
    stage.clock.advance(days=2, minutes=-30)
    await a_scan(stage, shop, await a_gate(stage, shop), typed(made.tickets[0]))
    for page in (await visitor.submit(sure, "/refund"), await visitor.submit(sure, "/refund", sure="1")):
        assert (page.status, "그 사이에 표의 상태가 바뀌었습니다" in page.said) == (409, True)
    assert stage.card.taken() == 120_000


async def test_a_foreign_ticket_cannot_be_returned_from_here(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)
    other = await a_booking(stage, shop, worked=True)
    page = await Visitor(stage).press(f"/b/{made.link}/refund", ticket=str(other.tickets[0].id), sure="1")
    assert page.status == 422
    assert stage.card.taken() == 180_000


@pytest.mark.parametrize(
    ("begins", "said"),
    [("pending", "카드사에 따라 며칠 걸릴 수 있습니다"), ("failed", "저희가 처리하고 있으니")],
    ids=["pending", "failed"],
)
async def test_money_that_takes_its_time_or_comes_back_is_told_as_it_stands(
    stage: Stage, shop: Shop, begins: str, said: str
) -> None:
    stage.card.next_refunds.append(begins)
    made, visitor = await a_booking(stage, shop, worked=True), Visitor(stage)
    page = await visitor.submit(await chosen(visitor, made, 0), "/refund", sure="1")
    assert said in page.said
    assert "쓸 수 있는 표가 없습니다" in page.said
    assert "data-live" not in page.tagged("main")[0], "a bank takes days; nobody waits for it on this page"


async def test_what_cannot_be_returned_leads_back_to_the_booking(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    visitor = Visitor(stage)
    assert (await visitor.get(f"/b/{made.link}/refund")).url == f"/b/{made.link}"
    assert (await visitor.press(f"/b/{made.link}/refund", sure="1")).url == f"/b/{made.link}"


async def test_money_that_came_too_late_goes_back_and_the_page_does_not_say_nothing_was_charged(
    stage: Stage, shop: Shop
) -> None:
    made, visitor = await a_booking(stage, shop), Visitor(stage)
    await stage.sql(
        "WITH paid AS (INSERT INTO payment (id, issuer_id, booking_id, attempt, provider, state, amount, currency, key,"
        " created_at, updated_at, refunded) VALUES (gen_random_uuid(), :issuer, :id, 1, 'card', 'captured', 60000,"
        " 'KRW', 'pay-1', now(), now(), 60000) RETURNING id)"
        " INSERT INTO refund (id, issuer_id, booking_id, payment_id, state, amount, currency, reason, note, asked_by,"
        " ticket_ids, used_too, attempt, created_at, updated_at) SELECT gen_random_uuid(), :issuer, :id, paid.id,"
        " 'due', 60000, 'KRW', 'late', '', 'system', '{}', false, 1, now(), now() FROM paid",
        id=made.id,
        issuer=shop.issuer,
    )
    await stage.sql("UPDATE booking SET state = 'expired' WHERE id = :id", id=made.id)
    page = await visitor.get(f"/b/{made.link}")
    assert "결제하신 금액은 돌려 드립니다" in page.said
    assert "결제된 금액은 없습니다" not in page.said
    assert "카드 환불하고 있습니다. 60,000원" in page.said


# --- a ticket that is on hold, or returned ---------------------------------------------------------------------------


async def test_a_suspended_ticket_says_that_its_bank_decides_and_shows_neither_code_nor_pin(
    stage: Stage, shop: Shop
) -> None:
    made, visitor = await a_booking(stage, shop, worked=True), Visitor(stage)
    await stage.sql("UPDATE ticket SET state = 'suspended' WHERE id = :id", id=made.tickets[0].id)
    address = compose.link_of(stage.world, made.tickets[0]).removeprefix(PUBLIC_URL)
    page = await visitor.get(address)
    assert "결제에 이의가 제기되어 은행이 확인하고 있습니다" in page.said
    assert typed(made.tickets[0]).split()[1] not in page.html
    assert page.tagged("img") == []
    assert (await visitor.get(f"{address}/barcode.svg")).status == 422
    booking = await visitor.get(f"/b/{made.link}")
    assert "결제에 이의가 제기되었습니다" in booking.said
    assert "결제 이의로 잠시 중지" in booking.said


async def test_a_returned_ticket_says_so(stage: Stage, shop: Shop) -> None:
    made, visitor = await a_booking(stage, shop, worked=True), Visitor(stage)
    address = compose.link_of(stage.world, made.tickets[0]).removeprefix(PUBLIC_URL)
    await visitor.submit(await chosen(visitor, made, 0), "/refund", sure="1")
    assert "환불한 표입니다" in (await visitor.get(address)).said


async def test_money_that_comes_back_from_the_bank_is_not_told_as_returned(stage: Stage, shop: Shop) -> None:
    stage.card.name = "stripe"  # as the real one is called: for its holder it is a card all the same
    made, visitor = await a_booking(stage, shop, worked=True), Visitor(stage)
    await visitor.submit(await chosen(visitor, made, 0), "/refund", sure="1")
    (key,) = stage.card.refund_states
    stage.card.end_refund(key, succeeded=False)
    await refund_heard(stage.world, key)
    page = await visitor.get(f"/b/{made.link}")
    assert "저희가 처리하고 있으니" in page.said
    assert "전액을" not in page.said
    assert "카드" in page.said
