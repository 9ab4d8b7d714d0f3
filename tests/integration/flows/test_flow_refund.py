"""Refunds: tickets are revoked, then their money is owed, then it goes back; never more than came, never twice."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

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
from fakes import GOOD_CARD, Killed, Upset
from mortal import Fate, a_mortal
from paying_kit import a_voucher, left_on, prepaid
from refund_kit import Away, Network, books, refund_states, with_issuer, with_network

from app.domain.money import Money
from app.domain.refund import RefundReason
from app.domain.refusals import NotFound, WrongState
from app.flows.hands.give import give
from app.flows.outcome import Again, Done
from app.flows.paying import pay
from app.flows.paying.pay import Tender
from app.flows.returning import paying_back, refund
from app.flows.returning.refund import Refunding
from app.flows.tickets import register, show
from app.ports import Prepaid, Refunded
from app.store import refunds


@pytest.fixture
def network(stage: Stage) -> Network:
    return with_network(stage)


async def returned(stage: Stage, made: Made, *tickets: UUID, **more: Any) -> Refunding:
    """The buyer returns these tickets, or all."""
    asked = {"reason": RefundReason.BUYER, "by": "buyer"} | more
    return await refund.ask(stage.world, booking_id=made.id, ticket_ids=tickets or None, **asked)


async def admitted(stage: Stage, shop: Shop, ticket: Any) -> bool:
    """Whether a gate opens for it during the play."""
    gate = await a_gate(stage, shop)
    before = stage.clock.time
    stage.clock.time = ticket.starts_at
    answer = await a_scan(stage, shop, gate, typed(ticket))
    stage.clock.time = before
    return bool(answer["admit"])


# --- what goes back -------------------------------------------------------------------------------------------------


async def test_a_buyer_returns_a_booking_and_has_the_money_at_once(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)

    found = await returned(stage, made)
    await stage.work()

    assert ([row.state for row in found.refunds], found.amount) == (["succeeded"], Money(120_000, "KRW"))
    assert network.taken(made.id) == 0
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
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)

    found = await returned(stage, made, made.tickets[0].id)
    await stage.work()

    assert (found.amount.amount, network.taken(made.id)) == (60_000, 60_000)
    for reason in RefundReason.BUYER, RefundReason.STAFF:
        with pytest.raises(WrongState, match="returned already"):
            await returned(stage, made, made.tickets[0].id, reason=reason)
    assert await state_of(stage, made.id) == "paid"
    assert [await admitted(stage, shop, one) for one in made.tickets] == [False, True]
    assert await books(stage) == {"card": -60_000, "payable": 60_000}


async def test_two_returns_of_one_ticket_each_end_as_one_return_of_both(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)

    for ticket in made.tickets:
        await returned(stage, made, ticket.id)

    assert network.taken(made.id) == 0
    assert await state_of(stage, made.id) == "refunded"
    assert await books(stage) == {}


async def test_a_friend_hears_that_the_ticket_is_gone_and_the_buyer_that_money_comes(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True, handsets=[FRIEND], language="ko")

    await returned(stage, made)
    await stage.work()

    assert network.taken(made.id) == 0
    assert "취소되었습니다" in stage.carrier.inbox(FRIEND)[-1]
    assert stage.carrier.inbox(BUYER) == [
        "봄날의 우체국: 표가 환불되었습니다. 환불 금액 60,000원, 결제하신 수단으로 돌려 드립니다."
    ]


async def test_our_fee_goes_back_with_the_price_to_the_last_won(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, quantity=1)
    await stage.sql("UPDATE issuer SET fee_basis_points = 333")
    await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
    fee = 1_998
    await stage.sql("UPDATE issuer SET fee_basis_points = 0")
    assert await books(stage) == {"card": -60_000, "payable": 60_000 - fee, "fees": fee}

    await returned(stage, made)

    assert network.taken(made.id) == 0
    assert await books(stage) == {}


async def test_a_booking_paid_by_card_and_e_money_goes_back_by_card_first(
    stage: Stage, shop: Shop, network: Network
) -> None:
    pin = await an_account(stage, shop, 80_000)
    made = await a_booking(stage, shop, quantity=2)
    by_emoney = Tender(Prepaid(BUYER, pin), Money(80_000, "KRW"))
    await pay.pay(stage.world, made.id, [by_emoney, Tender(GOOD_CARD)])
    first, second = (row.id for row in await stage.sql("SELECT id FROM ticket ORDER BY id"))

    one = await returned(stage, made, first)
    assert [(row.provider, row.amount) for row in one.refunds] == [("card", 40_000), ("emoney", 20_000)]
    assert (network.taken(made.id), await stage.value("SELECT balance FROM account WHERE balance IS NOT NULL")) == (
        0,
        20_000,
    )
    assert await state_of(stage, made.id) == "paid"
    two = await returned(stage, made, second)

    assert [(row.provider, row.amount) for row in two.refunds] == [("emoney", 60_000)]
    assert await state_of(stage, made.id) == "refunded"
    assert {row.state for row in await stage.sql("SELECT state FROM payment")} == {"refunded"}
    assert await books(stage) == {"cash": -80_000, "prepaid": 80_000}


async def test_what_a_voucher_paid_goes_back_to_the_voucher_last(stage: Stage, shop: Shop, network: Network) -> None:
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
    assert (await left_on(stage, voucher_id), network.taken(made.id)) == (50_000, 0)
    assert (before["payable"], "payable" in await books(stage)) == (60_000, False)
    assert await state_of(stage, made.id) == "refunded"


async def test_an_unspent_voucher_goes_back_and_its_value_with_it(stage: Stage, shop: Shop, network: Network) -> None:
    await stage.sql("UPDATE product SET refund = 'until_used', face_value = 55000 WHERE slug = 'gift'")
    try:
        made = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
        assert await books(stage) == {"card": -50_000, "payable": -5_000, "vouchers": 55_000}

        await returned(stage, made)
    finally:
        await stage.sql("UPDATE product SET refund = 'until_start', face_value = 50000 WHERE slug = 'gift'")

    assert network.taken(made.id) == 0
    assert await books(stage) == {}


async def test_a_voucher_revoked_before_is_returned_at_its_issuers_cost(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    await register.revoke(stage.world, made.tickets[0].id, reason="x", free_place=False, tell_holder=False, by="Ms Kim")
    assert await books(stage) == {"card": -50_000, "payable": 50_000}, "nobody can spend it any more"

    await returned(stage, made, reason=RefundReason.STAFF, by="box office")

    assert network.taken(made.id) == 0
    assert await books(stage) == {}
    actions = [row.action for row in await stage.sql("SELECT action FROM journal ORDER BY seq")]
    assert actions == ["ticket revoked", "refund"]


# --- what stays -----------------------------------------------------------------------------------------------------


async def test_after_the_start_only_staff_return_tickets(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    stage.clock.time = made.tickets[0].starts_at

    with pytest.raises(WrongState, match="It has started") as refusal:
        await returned(stage, made)
    assert refusal.value.more["reason"] == "started"
    assert (await refund.quote(stage.world, made.id)).amount.amount == 0

    found = await returned(stage, made, reason=RefundReason.STAFF, by="box office")
    assert found.refunds[0].state == "succeeded"
    assert network.taken(made.id) == 0


async def test_a_used_ticket_stays_paid_for_unless_a_supervisor_says_otherwise(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)
    used, other = made.tickets
    assert await admitted(stage, shop, used)

    for reason in RefundReason.BUYER, RefundReason.STAFF:
        with pytest.raises(WrongState, match="This ticket was used"):
            await returned(stage, made, used.id, reason=reason)
    quoted = await refund.quote(stage.world, made.id)
    assert {one.ticket.id: one.kept for one in quoted.tickets} == {used.id: "used", other.id: None}

    await returned(stage, made, used.id, reason=RefundReason.STAFF, by="supervisor", used_too=True)
    await stage.work()
    assert network.taken(made.id) == 60_000
    assert await free_places(stage, shop.occasions["play/mon"]) == 20, "somebody sits there"


async def test_a_ticket_that_a_gate_admits_meanwhile_is_refused_and_the_other_goes_back(
    stage: Stage, shop: Shop, network: Network
) -> None:
    """The issuer is away while the return is asked for, and a gate of it is not."""
    made = await a_booking(stage, shop, quantity=2, worked=True)
    local = stage.world.issuers["local"]
    with_issuer(stage, Away("local"))
    found = await returned(stage, made)
    assert [row.state for row in found.refunds] == ["asked"]
    with_issuer(stage, local)
    assert await admitted(stage, shop, made.tickets[0])

    stage.clock.advance(seconds=21)
    await stage.work()

    found = await refund.look(stage.world, found.id)
    assert [(row.state, row.amount, row.ticket_ids) for row in found.refunds] == [
        ("succeeded", 60_000, [made.tickets[1].id])
    ]
    assert network.taken(made.id) == 60_000
    assert await stage.value("SELECT refunded FROM payment") == 60_000
    assert [row.state for row in await stage.sql("SELECT state FROM ticket ORDER BY id")] == ["valid", "revoked"]


async def test_a_free_ticket_that_was_revoked_beside_one_that_a_gate_admitted_is_revoked_here_too(
    stage: Stage, shop: Shop
) -> None:
    made = await a_booking(stage, shop, quantity=2)
    await stage.sql("UPDATE booking_item SET amount = 0 WHERE id = (SELECT id FROM booking_item ORDER BY id LIMIT 1)")
    await stage.sql("UPDATE booking SET amount = 60000")
    await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
    await stage.work()
    local = stage.world.issuers["local"]
    with_issuer(stage, Away("local"))
    await returned(stage, made, reason=RefundReason.STAFF, by="box office")
    with_issuer(stage, local)
    paid, free = sorted((await refund.quote(stage.world, made.id)).tickets, key=lambda one: -one.amount.amount)
    assert (paid.amount.amount, free.amount.amount) == (60_000, 0)
    assert await admitted(
        stage, shop, next(one for one in await show.tickets(stage.world, made.id) if one.id == paid.ticket.id)
    )

    stage.clock.advance(seconds=21)
    await stage.work()

    assert await refund_states(stage, made.id) == ["refused"]
    assert await stage.value("SELECT state FROM ticket WHERE id = :id", id=free.ticket.id) == "revoked"
    assert await stage.sql("SELECT * FROM audit.i8_register_is_ours") == []
    assert await stage.value("SELECT count(*) FROM delivery WHERE purpose = 'money_back'") == 0
    assert await free_places(stage, shop.occasions["play/mon"]) == 21


async def test_where_nothing_comes_back_the_refund_is_refused_and_nothing_is_kept_aside(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    local = stage.world.issuers["local"]
    with_issuer(stage, Away("local"))
    await returned(stage, made, reason=RefundReason.STAFF, by="box office")
    with_issuer(stage, local)
    assert await admitted(stage, shop, made.tickets[0])

    stage.clock.advance(seconds=21)
    await stage.work()

    assert await refund_states(stage, made.id) == ["refused"]
    assert await stage.value("SELECT refunded FROM payment") == 0
    assert network.keys("refund") == []
    assert await stage.value("SELECT count(*) FROM journal WHERE action = 'refund refused'") == 1
    await returned(stage, made, reason=RefundReason.STAFF, by="supervisor", used_too=True)
    assert network.taken(made.id) == 0


async def test_a_ticket_given_away_before_it_was_taken_back_is_its_receivers(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    local = stage.world.issuers["local"]
    with_issuer(stage, Away("local"))
    await returned(stage, made)
    with_issuer(stage, local)
    await give(stage.world, made.tickets[0].id, FRIEND)

    stage.clock.advance(seconds=21)
    await stage.work()

    assert await refund_states(stage, made.id) == ["refused"]
    assert network.taken(made.id) == 60_000
    gift = (await stage.sql("SELECT * FROM ticket WHERE gift_of IS NOT NULL"))[0]
    assert gift.state == "valid"
    assert await free_places(stage, shop.occasions["play/mon"]) == 21, "the receiver's place was not put back on sale"
    with pytest.raises(WrongState, match="given to another handset"):
        await returned(stage, made, gift.id)


async def test_a_revoked_ticket_can_still_be_returned_by_staff(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    await register.revoke(stage.world, made.tickets[0].id, reason="lost", free_place=False, tell_holder=False)

    with pytest.raises(WrongState, match="Ask the box office"):
        await returned(stage, made)
    await returned(stage, made, reason=RefundReason.STAFF, by="box office")

    assert network.taken(made.id) == 0


@pytest.mark.usefixtures("network")
async def test_what_is_not_there_cannot_be_returned(stage: Stage, shop: Shop) -> None:
    held = await a_booking(stage, shop)
    free = await a_booking(stage, shop, complimentary=True, paid=True)
    paid = await a_booking(stage, shop, category="S", worked=True)

    with pytest.raises(WrongState, match="This booking is held"):
        await returned(stage, held)
    with pytest.raises(WrongState, match="cost nothing"):
        await returned(stage, free)
    with pytest.raises(WrongState, match="cost nothing"):
        await returned(stage, free, reason=RefundReason.STAFF)
    with pytest.raises(NotFound, match="no such ticket"):
        await returned(stage, paid, free.tickets[0].id)
    for lookup in refund.quote(stage.world, UUID(int=7)), refund.look(stage.world, UUID(int=7)):
        with pytest.raises(NotFound):
            await lookup
    with pytest.raises(NotFound):
        await refund.ask(stage.world, booking_id=UUID(int=7), ticket_ids=None, reason=RefundReason.BUYER, by="buyer")


# --- never twice ----------------------------------------------------------------------------------------------------


async def test_of_two_who_return_the_same_ticket_at_once_one_gets_the_money(
    stage: Stage, shop: Shop, second: Stage, network: Network
) -> None:
    second.world = _as(second, stage)
    for _ in range(5):
        made = await a_booking(stage, shop, category="S", worked=True)

        answers = await asyncio.gather(returned(stage, made), returned(second, made), return_exceptions=True)

        assert sorted(type(one).__name__ for one in answers) == ["Refunding", "WrongState"]
        assert network.taken(made.id) == 0
        assert await refund_states(stage, made.id) == ["succeeded"]
        await stage.work()
    assert await books(stage) == {}


def _as(other: Stage, stage: Stage) -> Any:
    """The other process' world with this one's network."""
    return replace(other.world, payments={**other.world.payments, "card": stage.card})


async def test_a_return_and_an_admission_at_once_end_as_one_of_the_two(
    stage: Stage, shop: Shop, network: Network
) -> None:
    """Fifty times; whoever wins, never both: no visitor inside has the money, no money gone leaves a good ticket."""
    await stage.sql("UPDATE product SET refund = 'until_used' WHERE slug = 'carnet'")
    gate = await a_gate(stage, shop)
    ends = set()
    try:
        for number in range(50):
            made = await a_booking(stage, shop, of="carnet/open", category="adult", paid=True)
            await register.register(stage.world, made.tickets[0].id)
            slow = asyncio.sleep(0.0004 * (number % 12))

            async def scan(made: Made = made, slow: Any = slow) -> Any:
                await slow
                return await a_scan(stage, shop, gate, typed(made.tickets[0]))

            answers = await asyncio.gather(returned(stage, made), scan(), return_exceptions=True)

            admission = answers[1]
            assert isinstance(admission, dict)
            gone = network.taken(made.id) == 0
            assert admission["admit"] is not gone, f"round {number}: {answers}"
            ends.add(gone)
    finally:
        await stage.sql("UPDATE product SET refund = 'until_start' WHERE slug = 'carnet'")
    assert ends == {True, False}, "sometimes the one is faster, sometimes the other"


async def test_no_more_is_promised_than_came(stage: Stage, shop: Shop, network: Network) -> None:
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
    assert network.keys("refund") == []


# --- when the network does not answer as one would like -------------------------------------------------------------


@pytest.mark.parametrize("upset", [Upset.LOST_BEFORE, Upset.LOST_AFTER])
async def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    stage: Stage, shop: Shop, network: Network, upset: Upset
) -> None:
    made = await a_booking(stage, shop, worked=True)
    network.upset("refund", upset)

    found = await returned(stage, made)
    assert [row.state for row in found.refunds] == ["due"]
    assert await books(stage) == {"card": -60_000, "refunds": 60_000}
    stage.clock.advance(seconds=21)
    await stage.work()

    assert await refund_states(stage, made.id) == ["succeeded"]
    assert network.keys("refund") == [f"refund-{found.id}-1"] * 2
    assert network.taken(made.id) == 0
    assert await books(stage) == {}


async def test_after_twenty_hours_without_an_answer_a_person_must_look(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    network.upset("refund", *[Upset.LOST_BEFORE] * 3)
    found = await returned(stage, made)

    stage.clock.advance(hours=19)
    await refund.carry_on(stage.world, found.id)
    assert await refund_states(stage, made.id) == ["due"]
    stage.clock.advance(hours=2)
    await refund.carry_on(stage.world, found.id)

    assert await refund_states(stage, made.id) == ["failed"]
    assert await books(stage) == {"card": -60_000, "refunds": 60_000}


async def test_a_slow_refund_is_pending_until_the_network_tells(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    network.slow = True

    found = await returned(stage, made)
    assert [row.state for row in found.refunds] == ["pending"]
    assert await books(stage) == {"card": -60_000, "refunds": 60_000}
    reference = found.refunds[0].reference
    await paying_back.heard(stage.world, reference)
    assert await refund_states(stage, made.id) == ["pending"], "it is not decided yet"
    network.decided[reference] = True
    for _ in range(2):
        await paying_back.heard(stage.world, reference)

    assert await refund_states(stage, made.id) == ["succeeded"]
    assert await state_of(stage, made.id) == "refunded"
    assert await books(stage) == {}


async def test_without_news_a_pending_refund_is_asked_about_each_hour(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    network.slow = True
    found = await returned(stage, made)
    stage.clock.advance(seconds=21)
    await stage.work()
    network.decided[found.refunds[0].reference] = True

    assert await refund.look_after(stage.world) == 0, "it was looked at a moment ago"
    stage.clock.advance(seconds=60)
    assert await refund.look_after(stage.world) == 1
    await stage.work()

    assert await refund_states(stage, made.id) == ["succeeded"]
    assert await refund.look_after(stage.world) == 0


async def test_refunds_whose_bank_takes_its_time_keep_no_forgotten_one_waiting(
    stage: Stage, shop: Shop, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refund, "OPEN_MAX", 2)
    made = [await a_booking(stage, shop, of="carnet/open", category="adult", worked=True) for _ in range(5)]
    network.slow = True
    for one in made:
        await returned(stage, one)
    stage.clock.advance(seconds=61)
    await stage.work()

    called = []
    for _ in range(3):
        called.append(await refund.look_after(stage.world))
        await stage.work()

    assert called == [2, 2, 1]
    assert await refund.look_after(stage.world) == 0, "each has been asked about within this hour"
    assert set(network.keys("lookup_refund")) == set(network.keys("refund"))


async def test_a_refund_that_comes_back_later_is_owed_again_and_tried_under_a_new_key(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    found = await returned(stage, made)
    assert await books(stage) == {}

    network.decided[found.refunds[0].reference] = False
    for _ in range(2):
        await paying_back.heard(stage.world, found.refunds[0].reference)

    assert await refund_states(stage, made.id) == ["failed"]
    assert await books(stage) == {"card": -60_000, "refunds": 60_000}


async def test_news_of_a_refund_that_is_not_ours_or_cannot_be_looked_up_moves_nothing(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    network.slow = True
    found = await returned(stage, made)
    network.upset("lookup_refund", Upset.LOST_BEFORE)

    assert await paying_back.heard(stage.world, "re_of_another_shop") == Done()
    assert isinstance(await paying_back.heard(stage.world, found.refunds[0].reference), Again)
    assert await refund_states(stage, made.id) == ["pending"]


async def test_an_answer_of_an_earlier_try_changes_nothing(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    network.slow = True
    found = await returned(stage, made)

    state = await paying_back.record(stage.world, found.id, Refunded("old"), attempt=7)

    assert state == "pending"


async def test_a_provider_that_is_no_more_is_no_answer(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    stage.world = _without(stage, "card")

    found = await returned(stage, made)

    assert [row.state for row in found.refunds] == ["due"]
    await stage.sql("UPDATE refund SET state = 'pending', reference = 'x'")
    assert isinstance(await paying_back.heard(stage.world, "x"), Again)
    assert network.keys("refund") == []


def _without(stage: Stage, means: str) -> Any:
    return replace(stage.world, payments={name: one for name, one in stage.world.payments.items() if name != means})


# --- dying ----------------------------------------------------------------------------------------------------------


async def test_dying_anywhere_while_refunding_ends_with_the_money_back_once(
    stage: Stage, shop: Shop, sweep: Any, network: Network
) -> None:
    for at in itertools.count(1):
        network.attempts.clear()
        stage.carrier.arrived.clear()
        made = await a_booking(stage, shop, worked=True)
        fate = Fate(at)
        with suppress(Killed):
            await returned(a_mortal(stage, fate, seed=100 + at), made)
        for _ in range(2):
            stage.clock.advance(seconds=61)
            await refund.look_after(stage.world)
            await stage.work()
        gone = network.taken(made.id) == 0
        assert gone == (await state_of(stage, made.id) == "refunded")
        assert await books(stage) == ({} if gone else {"card": -60_000, "payable": 60_000})
        assert len(stage.carrier.inbox(BUYER)) == (2 if gone else 1)
        assert await free_places(stage, shop.occasions["play/mon"]) == (22 if gone else 21)
        assert gone or await refund_states(stage, made.id) == []
        await sweep()
        if not fate.met:
            assert {"after card refund", "before local revoke"} <= set(fate.steps)
            return
        assert at < 80, fate.steps
