"""Several means pay one booking together, all or nothing; and a voucher is one of the means."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import builders
import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking, an_account, state_of
from fakes import BAD_CARD, GOOD_CARD, Upset
from paying_kit import (
    DUE,
    a_voucher,
    assert_books_agree,
    assert_settled,
    balance,
    books,
    left_on,
    parts,
    prepaid,
    states,
    won,
)

from app.domain.money import Money
from app.domain.refusals import BadLine, IssuerAway, NotFound, PaymentRefused, TemporarilyUnavailable, WrongState
from app.flows.paying import pay, reconcile
from app.flows.paying.emoney import redeem
from app.flows.paying.pay import Paid, Pending, Tender
from app.flows.paying.resume import resume
from app.flows.tickets import register
from app.ports import (
    Captured,
    CardToken,
    CarrierBill,
    Charge,
    Decline,
    Prepaid,
    Prepared,
    Refunded,
    Refused,
    Unknown,
    Voided,
    Voucher,
)
from app.store import payments


async def test_a_voucher_e_money_and_a_card_pay_together(stage: Stage, shop: Shop) -> None:
    voucher, voucher_id = await a_voucher(stage, shop)
    pin = await an_account(stage, shop, 7_000, handset=FRIEND)
    made = await a_booking(stage, shop)
    card_before = stage.card.taken()

    tenders = [prepaid(FRIEND, pin, 7_000), Tender(GOOD_CARD), Tender(voucher, won(50_000))]
    assert await pay.pay(stage.world, made.id, tenders) == Paid()

    assert await assert_settled(stage, made) == "paid"
    found = [(one.part, one.attempt, one.provider, one.amount) for one in await parts(stage, made.id)]
    assert found == [(1, 1, "card", 3_000), (2, 1, "emoney", 7_000), (3, 1, "voucher", 50_000)], "the card comes first"
    assert stage.card.taken() - card_before == 3_000
    assert (await balance(stage, FRIEND), await left_on(stage, voucher_id)) == (0, 0)
    await assert_books_agree(stage)
    assert (await books(stage))["payable"] == DUE


async def test_a_voucher_alone_pays_and_keeps_its_rest(stage: Stage, shop: Shop) -> None:
    voucher, voucher_id = await a_voucher(stage, shop)
    made = await a_booking(stage, shop, category="S")

    assert await pay.pay(stage.world, made.id, [Tender(voucher)]) == Paid()

    assert await left_on(stage, voucher_id) == 10_000
    assert (await books(stage))["vouchers"] == 10_000, "what vouchers can still buy"
    assert await assert_settled(stage, made) == "paid"
    await redeem(stage.world, issuer_id=shop.issuer, handset=BUYER, presented=f"{voucher.number} {voucher.pin}")
    assert await balance(stage, BUYER) == 10_000, "the rest becomes e-money"


async def test_a_refused_card_takes_nothing_of_the_other_means(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 20_000, handset=FRIEND)
    made = await a_booking(stage, shop)

    with pytest.raises(PaymentRefused, match="refused by the bank"):
        await pay.pay(stage.world, made.id, [prepaid(FRIEND, pin, 20_000), Tender(BAD_CARD)])

    assert await states(stage, made.id) == ["declined", "voided"]
    assert await stage.value("SELECT count(*) FROM transfer WHERE kind = 'charge'") == 0, "it was not even taken"
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD), prepaid(FRIEND, pin, 20_000)]) == Paid()
    assert await states(stage, made.id) == ["declined", "voided", "captured", "captured"]


@pytest.mark.parametrize("why", ["poor", "wrong_pin"])
async def test_a_refusal_after_the_card_gives_its_reservation_back(stage: Stage, shop: Shop, why: str) -> None:
    pin = await an_account(stage, shop, 100 if why == "poor" else 20_000, handset=FRIEND)
    typed = "000000" if why == "wrong_pin" and pin != "000000" else pin
    made = await a_booking(stage, shop)

    with pytest.raises(PaymentRefused):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD), prepaid(FRIEND, typed, 20_000)])

    assert await states(stage, made.id) == ["voided", "declined"]
    assert next(iter(stage.card.attempts.values())).status == "voided"
    assert await state_of(stage, made.id) == "held"


async def test_a_capture_that_is_refused_gives_the_e_money_back(stage: Stage, shop: Shop) -> None:
    """The bank takes its reservation back before we take the money."""
    pin = await an_account(stage, shop, 20_000, handset=FRIEND)
    made = await a_booking(stage, shop)

    async def refused(**_asked: Any) -> Refused:
        return Refused(Decline.EXPIRED, "the reservation ran out")

    stage.card.capture = refused  # type: ignore[method-assign]  # this one network, for this one test
    with pytest.raises(PaymentRefused, match="expired"):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD), prepaid(FRIEND, pin, 20_000)])

    assert await balance(stage, FRIEND) == 20_000
    assert await state_of(stage, made.id) == "held"
    await assert_books_agree(stage)


async def test_a_reservation_that_cannot_be_given_back_yet_is_asked_about(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 20_000, handset=FRIEND)
    made = await a_booking(stage, shop)
    stage.card.upset("void", Upset.LOST_BEFORE)

    too_much = [Tender(GOOD_CARD), prepaid(FRIEND, pin, 20_001)]
    assert await pay.pay(stage.world, made.id, too_much) == Pending(), "the reservation could not be given back yet"
    assert await states(stage, made.id) == ["unknown", "declined"]
    stage.clock.advance(seconds=61)
    await reconcile.reconcile(stage.world)

    assert await states(stage, made.id) == ["voided", "declined"]
    assert await state_of(stage, made.id) == "held"


TWO_NETWORKS = "One card or one phone bill"


@pytest.mark.parametrize(
    ("tenders", "sentence"),
    [
        ([Tender(GOOD_CARD, won(1)), Tender(CardToken("pm_other"))], TWO_NETWORKS),
        ([Tender(GOOD_CARD, won(1)), Tender(CarrierBill(BUYER))], TWO_NETWORKS),
        ([Tender(GOOD_CARD, won(1)), Tender(Prepaid(BUYER, "123456"), won(1))], "make 2, the booking costs 60000"),
        ([Tender(GOOD_CARD, Money(60_000, "USD"))], "paid in KRW"),
    ],
    ids=["two cards", "card and bill", "too little", "dollars"],
)
async def test_tenders_that_contradict_themselves_change_nothing(
    stage: Stage, shop: Shop, tenders: list[Tender], sentence: str
) -> None:
    made = await a_booking(stage, shop)

    with pytest.raises(BadLine, match=sentence):
        await pay.pay(stage.world, made.id, tenders)

    assert await parts(stage, made.id) == []
    assert stage.card.calls == []


async def test_a_phone_bill_where_no_carrier_bills_is_told_so(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    with pytest.raises(WrongState, match="phone bill"):
        await pay.pay(stage.world, made.id, [Tender(CarrierBill(BUYER))])


# --- vouchers -------------------------------------------------------------------------------------------------------


def a_charge(stage: Stage, shop: Shop, instrument: Any, amount: int = 1_000) -> Charge:
    key = f"pay-{stage.entropy.uuid()}"
    return Charge(key, won(amount), shop.issuer, stage.entropy.uuid(), instrument)


async def refused(stage: Stage, shop: Shop, instrument: Any, amount: int = 1_000) -> tuple[Decline, str]:
    outcome = await stage.world.payments["voucher"].authorize(a_charge(stage, shop, instrument, amount), reference=None)
    assert isinstance(outcome, Refused), outcome
    return outcome.reason, outcome.detail


async def test_only_a_living_voucher_with_its_own_pin_and_enough_value_pays(stage: Stage, shop: Shop) -> None:
    voucher, voucher_id = await a_voucher(stage, shop)
    wrong = Voucher(voucher.number, "000000" if voucher.pin != "000000" else "111111")
    ticket = (await a_booking(stage, shop, paid=True)).tickets[0]
    no_voucher = Voucher(ticket.number, builders.pin(ticket))

    assert (await refused(stage, shop, wrong))[0] is Decline.WRONG_PIN
    assert (await refused(stage, shop, Voucher("0000000000", voucher.pin)))[0] is Decline.WRONG_PIN
    assert (await refused(stage, shop, voucher, 50_001)) == (
        Decline.INSUFFICIENT_FUNDS,
        "only 50000 is left on the voucher",
    )
    assert (await refused(stage, shop, no_voucher))[1] == "this ticket does not pay for anything"
    stage.clock.advance(days=10_000)
    assert (await refused(stage, shop, voucher))[1] == "this voucher counts no more"
    stage.clock.advance(days=-10_000)
    await register.revoke(stage.world, voucher_id, reason="test", free_place=False, tell_holder=False)
    assert (await refused(stage, shop, voucher))[1] == "this voucher counts no more"
    assert await stage.value("SELECT count(*) FROM transfer WHERE kind = 'charge'") == 0


async def test_guessing_at_a_voucher_locks_its_number_for_every_kind_of_try(stage: Stage, shop: Shop) -> None:
    voucher, _ = await a_voucher(stage, shop)
    wrong = Voucher(voucher.number, "000000" if voucher.pin != "000000" else "111111")
    for _ in range(5):
        assert (await refused(stage, shop, wrong))[0] is Decline.WRONG_PIN

    assert (await refused(stage, shop, voucher))[0] is Decline.LOCKED
    stage.clock.advance(minutes=11)
    assert isinstance(
        await stage.world.payments["voucher"].authorize(a_charge(stage, shop, voucher), reference=None), Captured
    )


async def test_a_voucher_whose_issuer_is_away_leaves_it_open_and_is_found_out_later(stage: Stage, shop: Shop) -> None:
    voucher, voucher_id = await a_voucher(stage, shop)
    made = await a_booking(stage, shop, category="S")
    local = stage.world.issuers["local"]
    spend = local.spend

    async def away(**asked: Any) -> Any:
        await spend(**asked)
        raise IssuerAway("The issuer does not answer.")

    local.spend = away  # type: ignore[method-assign]  # this one issuer, for this one test
    assert await pay.pay(stage.world, made.id, [Tender(voucher)]) == Pending()
    assert await left_on(stage, voucher_id) == 10_000, "it did take it"

    stage.clock.advance(seconds=61)
    with pytest.raises(PaymentRefused, match="nothing was charged"):
        await resume(stage.world, made.id)

    assert await left_on(stage, voucher_id) == 50_000, "and gave it back"
    local.spend = spend  # type: ignore[method-assign]  # as it was
    assert await pay.pay(stage.world, made.id, [Tender(voucher)]) == Paid()


async def test_what_was_given_up_cannot_be_taken_from_the_voucher_any_more(stage: Stage, shop: Shop) -> None:
    """A request of it may still be under way: at the register the key is used up."""
    voucher, voucher_id = await a_voucher(stage, shop)
    made = await a_booking(stage, shop, category="S")
    vouchers = stage.world.payments["voucher"]
    charges = []

    async def sleeping(charge: Charge, *, reference: str | None) -> Unknown:
        del reference
        charges.append(charge)
        return Unknown("asleep")

    world = replace(stage.world, payments={"voucher": stage.world.payments["voucher"]})
    authorize = vouchers.authorize
    vouchers.authorize = sleeping  # type: ignore[method-assign]  # until it wakes up
    assert await pay.pay(world, made.id, [Tender(voucher)]) == Pending()
    stage.clock.advance(seconds=61)
    await reconcile.reconcile(stage.world)

    assert isinstance(await authorize(charges[0], reference=None), Refused)
    assert await left_on(stage, voucher_id) == 50_000


async def test_a_voucher_is_refunded_in_parts_and_never_more_than_it_paid(stage: Stage, shop: Shop) -> None:
    voucher, voucher_id = await a_voucher(stage, shop)
    made = await a_booking(stage, shop, category="S")
    await pay.pay(stage.world, made.id, [Tender(voucher)])
    vouchers = stage.world.payments["voucher"]
    key = (await parts(stage, made.id))[0].key

    for _ in range(2):
        assert await vouchers.refund(reference=key, amount=won(30_000), key="r1") == Refunded("r1")
    assert await left_on(stage, voucher_id) == 40_000
    assert isinstance(await vouchers.refund(reference=key, amount=won(10_001), key="r2"), Refused)
    assert await vouchers.lookup(reference=key, key=key) == Captured(key)
    assert await vouchers.refund(reference=key, amount=won(10_000), key="r3") == Refunded("r3")

    assert await left_on(stage, voucher_id) == 50_000
    assert await vouchers.lookup(reference=None, key=key) == Voided(key)
    assert await vouchers.lookup_refund(reference="r3") == Refunded("r3")
    assert isinstance(await vouchers.lookup_refund(reference="r2"), Refused)
    assert await vouchers.capture(reference=key, amount=won(40_000), key="c") == Captured(key)


async def test_a_voucher_charge_that_never_was_is_void_and_has_no_refund(stage: Stage, shop: Shop) -> None:
    vouchers = stage.world.payments["voucher"]
    card = a_charge(stage, shop, GOOD_CARD)

    assert isinstance(await vouchers.prepare(card), Refused)
    assert isinstance(await vouchers.authorize(card, reference=None), Refused)
    assert await vouchers.prepare(a_charge(stage, shop, Voucher("1", "2"))) == Prepared(None)
    assert await vouchers.lookup(reference=None, key="never") == Prepared(None)
    assert await vouchers.void(reference="never", key="v") == Voided("never")
    assert isinstance(await vouchers.refund(reference="never", amount=won(1), key="r"), Refused)


async def test_an_issuer_that_is_away_gives_no_refund_yet(stage: Stage, shop: Shop) -> None:
    voucher, voucher_id = await a_voucher(stage, shop)
    made = await a_booking(stage, shop, category="S")
    await pay.pay(stage.world, made.id, [Tender(voucher)])
    key = (await parts(stage, made.id))[0].key
    local, vouchers = stage.world.issuers["local"], stage.world.payments["voucher"]
    unspend = local.unspend

    async def away(**_asked: Any) -> None:
        raise IssuerAway("The issuer does not answer.")

    local.unspend = away  # type: ignore[method-assign]  # this one issuer, for this one test
    assert isinstance(await vouchers.refund(reference=key, amount=won(1), key="r"), Unknown)
    assert isinstance(await vouchers.void(reference=key, key="v"), Unknown)
    local.unspend = unspend  # type: ignore[method-assign]  # it is back

    assert await vouchers.refund(reference=key, amount=won(1), key="r") == Refunded("r")
    assert await left_on(stage, voucher_id) == 10_001


async def test_an_issuer_that_does_not_know_of_the_voucher_refuses_it(stage: Stage, shop: Shop) -> None:
    voucher, _ = await a_voucher(stage, shop)

    async def unknown(**_asked: Any) -> Any:
        raise NotFound("There is no such voucher.")

    stage.world.issuers["local"].spend = unknown  # type: ignore[method-assign]  # this one issuer, for this one test

    assert await refused(stage, shop, voucher) == (Decline.INVALID, "There is no such voucher.")


async def test_a_network_that_is_silent_before_anything_began_touches_no_voucher(stage: Stage, shop: Shop) -> None:
    voucher, voucher_id = await a_voucher(stage, shop)
    made = await a_booking(stage, shop)
    stage.card.upset("prepare", Upset.LOST_BEFORE)

    with pytest.raises(TemporarilyUnavailable):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD), Tender(voucher, won(50_000))])

    assert await left_on(stage, voucher_id) == 50_000
    assert await stage.value("SELECT count(*) FROM payment WHERE booking_id = :id", id=made.id) == 0


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_the_reconciler_and_a_request_that_ends_the_same_attempt_do_not_wait_for_each_other(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    """Whoever needs several parts locks them in one order, whichever of them has been silent the longest."""
    pin = await an_account(stage, shop, 7_000, handset=FRIEND)
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD), prepaid(FRIEND, pin, 7_000)]) == Pending()
    card, purse = await parts(stage, made.id)
    assert card.id < purse.id
    silent = stage.clock.now() - timedelta(minutes=5)
    await stage.sql("UPDATE payment SET updated_at = :silent WHERE id = :id", silent=silent, id=purse.id)
    stage.clock.advance(minutes=2)

    async with stage.database.transaction() as tx:
        await payments.states(tx, [card.id], lock=True)
        reconciling = asyncio.create_task(reconcile.reconcile(second.world))
        async with asyncio.timeout(30):
            while not await stage.value(WAITING):  # noqa: ASYNC110 - only the database tells
                await asyncio.sleep(0.01)
        await payments.states(tx, [card.id, purse.id], lock=True)

    assert await reconciling == 1
    assert await assert_settled(stage, made) == "paid"
