"""A house in the middle of business."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking, a_gate, a_scan, an_account, pin, typed
from fake_teller import SIGNATURE, an_event
from fakes import BAD_CARD

from app.domain.dispute import DisputeState
from app.domain.handset import Handset
from app.domain.money import Money
from app.domain.refund import RefundReason
from app.domain.refusals import PaymentRefused
from app.flows.books import settle
from app.flows.delivery import deliver
from app.flows.hands import offer
from app.flows.hands.give import give, send_back
from app.flows.hands.reissue import reissue
from app.flows.paying import emoney, news, pay
from app.flows.paying.pay import Tender
from app.flows.returning import refund, refund_desk
from app.flows.staff import Member
from app.flows.talk import converse
from app.flows.tickets import register
from app.ports import CardToken, DisputeStanding, NewsKind, Prepaid, Voucher
from app.store import journal

CARD = CardToken("pm_card_visa")


@dataclass(frozen=True, slots=True)
class Busy:
    """The house and its shop."""

    stage: Stage
    shop: Shop


async def do_business(stage: Stage, shop: Shop) -> None:
    """Of everything that can happen at least one."""
    await settle.set_fee(stage.world, "haneul", 250, by="kim")
    await sell(stage, shop)
    await stage.work()
    await spend(stage, shop)
    await stage.work()
    await come_in(stage, shop)
    await return_tickets(stage, shop)
    await fail_to_pay_back(stage, shop)
    await quarrel(stage, shop)
    await hand_on(stage, shop)
    await stage.work()
    await go_on_selling(stage, shop)


async def sell(stage: Stage, shop: Shop) -> None:
    """Seats by card, after another card was refused; what costs nothing; rides; something complimentary."""
    seats = await a_booking(stage, shop, quantity=3)
    with pytest.raises(PaymentRefused):
        await pay.pay(stage.world, seats.id, [Tender(BAD_CARD)])
    await pay.pay(stage.world, seats.id, [Tender(CARD)])
    await a_booking(stage, shop, of="play/mon", category="FLOOR", quantity=2, paid=True)
    await a_booking(stage, shop, of="talk/talk", category="FREE", paid=True)
    await a_booking(stage, shop, of="carnet/open", category="adult", paid=True)
    await a_booking(stage, shop, of="play/tue", category="S", quantity=2, complimentary=True, paid=True)
    given = await a_booking(stage, shop, of="play/wed", category="S", quantity=2, paid=True)
    await give(stage.world, given.tickets[0].id, FRIEND)


async def spend(stage: Stage, shop: Shop) -> None:
    """E-money, vouchers, and several means of payment at once."""
    await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    purse = await an_account(stage, shop, 100_000)
    await a_booking(stage, shop, of="carnet/open", category="adult", paid=True, instrument=Prepaid(BUYER, purse))
    whole = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    await emoney.redeem(stage.world, issuer_id=shop.issuer, handset=FRIEND, presented=typed(whole.tickets[0]))
    part = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    split = await a_booking(stage, shop, of="play/tue")
    voucher = Voucher(part.tickets[0].number, pin(part.tickets[0]))
    await pay.pay(
        stage.world,
        split.id,
        [Tender(voucher, Money(20_000, "KRW")), Tender(Prepaid(BUYER, purse), Money(10_000, "KRW")), Tender(CARD)],
    )


async def come_in(stage: Stage, shop: Shop) -> None:
    gate = await a_gate(stage, shop)
    tickets = await stage.sql(
        "SELECT t.* FROM ticket t JOIN product p ON p.id = t.product_id WHERE p.kind = 'ride' AND t.state = 'valid'"
        " ORDER BY t.id"
    )
    for ticket in (*tickets, tickets[0], tickets[0], tickets[0]):
        await a_scan(stage, shop, gate, typed(ticket))
        stage.clock.advance(seconds=11)
    await a_scan(stage, shop, gate, "482910375-1 000000")


async def return_tickets(stage: Stage, shop: Shop) -> None:
    """A whole booking, one ticket of two, one of staff's without its money; and a message sent again."""
    whole = await a_booking(stage, shop, of="play/wed", paid=True, worked=True)
    await refund.ask(stage.world, booking_id=whole.id, ticket_ids=None, reason=RefundReason.BUYER, by="buyer")
    some = await a_booking(stage, shop, of="play/wed", category="S", quantity=2, paid=True, worked=True)
    await refund.ask(
        stage.world, booking_id=some.id, ticket_ids=[some.tickets[0].id], reason=RefundReason.STAFF, by="kim"
    )
    purse = await an_account(stage, shop, 5_000, handset=FRIEND)
    ride = await a_booking(
        stage, shop, of="carnet/open", category="adult", instrument=Prepaid(FRIEND, purse), paid=True
    )
    await refund.ask(stage.world, booking_id=ride.id, ticket_ids=None, reason=RefundReason.STAFF, by="kim")
    kept = await a_booking(stage, shop, of="play/wed", quantity=2, worked=True)
    await deliver.resend(stage.world, kept.tickets[0].id)
    await register.revoke(
        stage.world, kept.tickets[1].id, reason="bought by mistake", free_place=True, tell_holder=True
    )


async def quarrel(stage: Stage, shop: Shop) -> None:
    """Three banks take money back, as webhooks tell: one has not decided, one gives it back, one keeps it."""
    for end in (DisputeState.OPEN, DisputeState.WON, DisputeState.LOST):
        made = await a_booking(stage, shop, of="play/tue", category="S", worked=True)
        (payment,) = await stage.sql("SELECT reference, amount FROM payment WHERE booking_id = :id", id=made.id)
        reference = f"dp_{end.value}"
        for state in dict.fromkeys((DisputeState.OPEN, end)):
            stage.card.disputes[reference] = DisputeStanding(
                reference,
                payment.reference,
                Money(payment.amount, "KRW"),
                "fraudulent",
                state,
                None,
                withdrawn=state is not DisputeState.WON,
            )
            event = an_event(f"evt_{end.value}_{state.value}", NewsKind.DISPUTE, reference)
            assert await news.hear(stage.world, "card", event, SIGNATURE)
            await stage.work()


async def fail_to_pay_back(stage: Stage, shop: Shop) -> None:
    """One refund is refused by its bank, one comes back days later, and one is paid by hand in the end."""
    boss = Member(stage.entropy.uuid(), None, frozenset({"refund"}), "kim")
    stage.card.next_refunds.extend(["failed", "succeeded", "failed"])
    first: list[refund.Refunding] = []
    for _ in range(3):
        made = await a_booking(stage, shop, of="carnet/open", category="adult", worked=True)
        first.append(
            await refund.ask(stage.world, booking_id=made.id, ticket_ids=None, reason=RefundReason.STAFF, by="kim")
        )
    _, arrived, refused = first
    back = arrived.refunds[0].reference
    stage.card.end_refund(back, succeeded=False)
    await news.hear(stage.world, "card", an_event("evt_back", NewsKind.REFUND, back), SIGNATURE)
    await refund_desk.by_hand(stage.world, boss, refused.id, "bank transfer 7")


async def hand_on(stage: Stage, shop: Shop) -> None:
    """One seat is sold on for e-money, one is offered, one is issued anew, and a gift comes back."""
    await stage.sql("UPDATE product SET transfer = 'face_value' WHERE slug = 'play'")
    purse = await an_account(stage, shop, 20_000, handset=FRIEND)
    made = await a_booking(stage, shop, category="FLOOR", quantity=4, worked=True)
    resold, offered, anew, gift = (ticket.id for ticket in made.tickets)
    sold_on = await offer.offer(stage.world, resold, FRIEND, 20_000)
    await offer.accept(stage.world, sold_on.id, by=FRIEND, pin=purse)
    await offer.offer(stage.world, offered, FRIEND)
    await reissue(stage.world, anew, "the phone was lost")
    await send_back(stage.world, (await give(stage.world, gift, FRIEND)).id)


async def go_on_selling(stage: Stage, shop: Shop) -> None:
    """What is not finished: a hold, a payment without an answer, messages and registrations still owed."""
    await a_booking(stage, shop, of="play/mon", category="S", paid=True)
    await a_booking(stage, shop, of="play/mon", category="S")
    await converse.receive(
        stage.world,
        channel="sms_http",
        message_id="1",
        sender=Handset("+821022223333"),
        to="1588",
        text="help",
        at=stage.clock.now(),
    )
    async with stage.world.transaction() as tx:
        for action in ("staff key made", "gate invited"):
            await journal.append(
                tx,
                chain="haneul",
                issuer_id=shop.issuer,
                actor="kim",
                action=action,
                subject="box office",
                details={"note": "가"},
                now=stage.clock.now(),
            )
