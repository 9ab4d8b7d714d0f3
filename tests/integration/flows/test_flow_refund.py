"""Refunds: tickets are revoked, then their money is owed, then it goes back; never more than came, never twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from builders import (
    BUYER,
    FRIEND,
    Made,
    Shop,
    Stage,
    a_booking,
    a_gate,
    a_scan,
    an_account,
    free_places,
    state_of,
    typed,
)
from fakes import GOOD_CARD
from paying_kit import a_voucher, left_on, prepaid
from refund_kit import Network, admitted, books, refund_states, returned

from app.domain.money import Money
from app.domain.refund import RefundReason
from app.domain.refusals import WrongState
from app.flows.paying import pay
from app.flows.paying.pay import Tender
from app.flows.tickets import register
from app.ports import Prepaid
from app.store import refunds

pytest_plugins = ["refund_plugin"]


# --- what goes back -------------------------------------------------------------------------------------------------


async def test_a_buyer_returns_a_booking_and_has_the_money_at_once(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)

    found = await returned(stage, made)
    await stage.work()

    assert ([row.state for row in found.refunds], found.amount) == (["succeeded"], Money(120_000, "KRW"))
    assert refund_network.taken(made.id) == 0
    assert (await state_of(stage, made.id), await stage.value("SELECT state FROM payment")) == ("refunded", "refunded")
    assert {
        row.state for row in await stage.sql("SELECT state FROM ticket UNION ALL SELECT state FROM credential")
    } == {"revoked"}
    assert await free_places(stage, shop.occasions["play/mon"]) == 22
    assert await books(stage) == {}
    assert stage.carrier.inbox(BUYER)[2:] == [
        "The Post Office in Spring: your tickets are returned. ₩120,000 goes back to your means of payment."
    ]


async def test_one_of_two_tickets_goes_back_and_the_other_stays_good(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)

    found = await returned(stage, made, made.tickets[0].id)
    await stage.work()

    assert (found.amount.amount, refund_network.taken(made.id)) == (60_000, 60_000)
    for reason in RefundReason.BUYER, RefundReason.STAFF:
        with pytest.raises(WrongState, match="returned already"):
            await returned(stage, made, made.tickets[0].id, reason=reason)
    assert await state_of(stage, made.id) == "paid"
    assert [await admitted(stage, shop, one) for one in made.tickets] == [False, True]
    assert await books(stage) == {"card": -60_000, "payable": 60_000}


async def test_two_returns_of_one_ticket_each_end_as_one_return_of_both(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)

    for ticket in made.tickets:
        await returned(stage, made, ticket.id)

    assert refund_network.taken(made.id) == 0
    assert await state_of(stage, made.id) == "refunded"
    assert await books(stage) == {}


async def test_a_friend_hears_that_the_ticket_is_gone_and_the_buyer_that_money_comes(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True, handsets=[FRIEND], language="ko")

    await returned(stage, made)
    await stage.work()

    assert refund_network.taken(made.id) == 0
    assert "취소되었습니다" in stage.carrier.inbox(FRIEND)[-1]
    assert stage.carrier.inbox(BUYER) == [
        "봄날의 우체국: 표가 환불되었습니다. 환불 금액 60,000원, 결제하신 수단으로 돌려 드립니다."
    ]


async def test_our_fee_goes_back_with_the_price_to_the_last_won(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, quantity=1)
    await stage.sql("UPDATE issuer SET fee_basis_points = 333")
    await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
    fee = 1_998
    await stage.sql("UPDATE issuer SET fee_basis_points = 0")
    assert await books(stage) == {"card": -60_000, "payable": 60_000 - fee, "fees": fee}

    await returned(stage, made)

    assert refund_network.taken(made.id) == 0
    assert await books(stage) == {}


async def test_a_booking_paid_by_card_and_e_money_goes_back_by_card_first(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    pin = await an_account(stage, shop, 80_000)
    made = await a_booking(stage, shop, quantity=2)
    by_emoney = Tender(Prepaid(BUYER, pin), Money(80_000, "KRW"))
    await pay.pay(stage.world, made.id, [by_emoney, Tender(GOOD_CARD)])
    first, second = (row.id for row in await stage.sql("SELECT id FROM ticket ORDER BY id"))

    one = await returned(stage, made, first)
    assert [(row.provider, row.amount) for row in one.refunds] == [("card", 40_000), ("emoney", 20_000)]
    assert (
        refund_network.taken(made.id),
        await stage.value("SELECT balance FROM account WHERE balance IS NOT NULL"),
    ) == (
        0,
        20_000,
    )
    assert await state_of(stage, made.id) == "paid"
    two = await returned(stage, made, second)

    assert [(row.provider, row.amount) for row in two.refunds] == [("emoney", 60_000)]
    assert await state_of(stage, made.id) == "refunded"
    assert {row.state for row in await stage.sql("SELECT state FROM payment")} == {"refunded"}
    assert await books(stage) == {"cash": -80_000, "prepaid": 80_000}


async def test_what_a_voucher_paid_goes_back_to_the_voucher_last(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    voucher, voucher_id = await a_voucher(stage, shop)
    pin = await an_account(stage, shop, 7_000, handset=FRIEND)
    made = await a_booking(stage, shop)
    tenders = [prepaid(FRIEND, pin, 7_000), Tender(GOOD_CARD), Tender(voucher, Money(50_000, "KRW"))]
    await pay.pay(stage.world, made.id, tenders)
    before = await books(stage)

    found = await returned(stage, made)

    assert [(row.provider, row.amount) for row in found.refunds] == [
        ("card", 3_000),
        ("emoney", 7_000),
        ("voucher", 50_000),
    ]
    assert {row.state for row in found.refunds} == {"succeeded"}
    assert (await left_on(stage, voucher_id), refund_network.taken(made.id)) == (50_000, 0)
    assert (before["payable"], "payable" in await books(stage)) == (60_000, False)
    assert await state_of(stage, made.id) == "refunded"


async def test_an_unspent_voucher_goes_back_and_its_value_with_it(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    await stage.sql("UPDATE product SET refund = 'until_used', face_value = 55000 WHERE slug = 'gift'")
    try:
        made = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
        assert await books(stage) == {"card": -50_000, "payable": -5_000, "vouchers": 55_000}

        await returned(stage, made)
    finally:
        await stage.sql("UPDATE product SET refund = 'until_start', face_value = 50000 WHERE slug = 'gift'")

    assert refund_network.taken(made.id) == 0
    assert await books(stage) == {}


async def test_a_voucher_revoked_before_is_returned_at_its_issuers_cost(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    await register.revoke(stage.world, made.tickets[0].id, reason="x", free_place=False, tell_holder=False, by="Ms Kim")
    assert await books(stage) == {"card": -50_000, "payable": 50_000}, "nobody can spend it any more"

    await returned(stage, made, reason=RefundReason.STAFF, by="box office")

    assert refund_network.taken(made.id) == 0
    assert await books(stage) == {}
    actions = [row.action for row in await stage.sql("SELECT action FROM journal ORDER BY seq")]
    assert actions == ["ticket revoked", "refund"]


# --- never twice ----------------------------------------------------------------------------------------------------


async def test_of_two_who_return_the_same_ticket_at_once_one_gets_the_money(
    stage: Stage, shop: Shop, second: Stage, refund_network: Network
) -> None:
    second.world = _as(second, stage)
    for _ in range(5):
        made = await a_booking(stage, shop, category="S", worked=True)

        answers = await asyncio.gather(returned(stage, made), returned(second, made), return_exceptions=True)

        assert sorted(type(one).__name__ for one in answers) == ["Refunding", "WrongState"]
        assert refund_network.taken(made.id) == 0
        assert await refund_states(stage, made.id) == ["succeeded"]
        await stage.work()
    assert await books(stage) == {}


def _as(other: Stage, stage: Stage) -> Any:
    """The other process' world with this one's network."""
    return replace(other.world, payments={**other.world.payments, "card": stage.card})


async def test_a_return_and_an_admission_at_once_end_as_one_of_the_two(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    """Whoever wins, never both: no visitor inside has the money, no money gone leaves a good ticket.

    Whoever was faster gives the other more of a start, so on any machine the rounds end up where it is close.
    """
    await stage.sql("UPDATE product SET refund = 'until_used' WHERE slug = 'carnet'")
    gate = await a_gate(stage, shop)
    start_seconds = 0.0002
    try:
        for number in range(25):
            made = await a_booking(stage, shop, of="carnet/open", category="adult", paid=True)
            await register.register(stage.world, made.tickets[0].id)

            async def scan(made: Made = made, start_seconds: float = start_seconds) -> Any:
                await asyncio.sleep(start_seconds)
                return await a_scan(stage, shop, gate, typed(made.tickets[0]))

            answers = await asyncio.gather(returned(stage, made), scan(), return_exceptions=True)

            admission = answers[1]
            assert isinstance(admission, dict)
            gone = refund_network.taken(made.id) == 0
            assert admission["admit"] is not gone, f"round {number}: {answers}"
            start_seconds *= 0.6 if gone else 2
    finally:
        await stage.sql("UPDATE product SET refund = 'until_start' WHERE slug = 'carnet'")


async def test_no_more_is_promised_than_came(stage: Stage, shop: Shop, refund_network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    payment = (await stage.sql("SELECT * FROM payment"))[0]

    def wanted(amount: int) -> refunds.NewRefund:
        return refunds.NewRefund(
            id=stage.entropy.uuid(),
            issuer_id=shop.issuer,
            booking_id=made.id,
            payment_id=payment.id,
            amount=amount,
            currency="KRW",
            reason=RefundReason.STAFF,
            asked_by="test",
            ticket_ids=(made.tickets[0].id,),
        )

    async with stage.database.transaction() as tx:
        assert await refunds.add(tx, [wanted(40_000)], now=stage.clock.now())
        assert not await refunds.add(tx, [wanted(20_001)], now=stage.clock.now())
        assert await refunds.add(tx, [wanted(20_000)], now=stage.clock.now())
        assert not await refunds.add(tx, [wanted(1)], now=stage.clock.now())

    assert await stage.value("SELECT refunded FROM payment") == 60_000
    assert refund_network.keys("refund") == []
