"""Buying on the phone bill: paid, refused, and an answer lost on the way, with the emulated carrier behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from billing_carrier_kit import Carrier, Loss, a_carrier
from builders import BUYER, Shop, Stage, a_booking, state_of

from app import wiring
from app.domain.money import Money
from app.domain.refusals import PaymentRefused, WrongState
from app.flows.paying import pay, reconcile
from app.flows.paying.pay import Paid, Pending, Tender
from app.ports import CarrierBill, Charge, Refused, Voided
from app.settings import Settings

BILL = CarrierBill(BUYER)


@pytest_asyncio.fixture
async def carrier(tmp_path: Path) -> AsyncIterator[Carrier]:
    async with a_carrier(tmp_path) as running:
        yield running


@pytest.fixture
def billed(stage: Stage, carrier: Carrier) -> Stage:
    """The stage with the phone bill among the ways to pay."""
    stage.world = replace(stage.world, payments={**stage.world.payments, "carrier": carrier.provider})
    return stage


async def test_the_phone_bill_pays(billed: Stage, shop: Shop, carrier: Carrier) -> None:
    made = await a_booking(billed, shop)

    assert await pay.pay(billed.world, made.id, [Tender(BILL)]) == Paid()

    assert await state_of(billed, made.id) == "paid"
    assert await carrier.taken() == 60_000
    assert await billed.value("SELECT provider FROM payment WHERE booking_id = :id", id=made.id) == "carrier"


async def test_beyond_the_monthly_limit_the_hold_stays_and_the_buyer_is_told(
    billed: Stage, shop: Shop, carrier: Carrier
) -> None:
    await carrier.subscriber(BUYER, spent=140_001)
    made = await a_booking(billed, shop)

    with pytest.raises(PaymentRefused) as refusal:
        await pay.pay(billed.world, made.id, [Tender(BILL)])

    assert refusal.value.more["reason"] == "insufficient_funds"
    assert await state_of(billed, made.id) == "held"
    detail = await billed.value("SELECT detail FROM payment WHERE booking_id = :id", id=made.id)
    assert "monthly limit" in detail
    assert await carrier.taken() == 0


async def test_where_no_carrier_bills_for_us_the_bill_is_refused_before_anything_happens(
    stage: Stage, shop: Shop
) -> None:
    made = await a_booking(stage, shop)
    with pytest.raises(WrongState, match="phone bill"):
        await pay.pay(stage.world, made.id, [Tender(BILL)])
    assert await state_of(stage, made.id) == "held"


async def test_a_reservation_whose_answer_was_lost_is_found_and_taken_by_the_reconciler(
    billed: Stage, shop: Shop, carrier: Carrier
) -> None:
    made = await a_booking(billed, shop)
    carrier.line.losses = [Loss.ANSWER]
    assert await pay.pay(billed.world, made.id, [Tender(BILL)]) == Pending()
    assert await carrier.taken() == 0

    billed.clock.advance(seconds=61)
    assert await reconcile.reconcile(billed.world) == 1

    assert await state_of(billed, made.id) == "paid"
    assert await carrier.taken() == 60_000


async def test_a_request_that_never_came_is_given_up_for_good(billed: Stage, shop: Shop, carrier: Carrier) -> None:
    made = await a_booking(billed, shop)
    carrier.line.losses = [Loss.REQUEST]
    assert await pay.pay(billed.world, made.id, [Tender(BILL)]) == Pending()

    billed.clock.advance(seconds=61)
    assert await reconcile.reconcile(billed.world) == 1

    assert await state_of(billed, made.id) == "held"
    key = await billed.value("SELECT key FROM payment WHERE booking_id = :id", id=made.id)
    late = await carrier.http.post(
        "/carrier-billing/payments",
        json={"phone_number": BUYER, "amount": 60_000, "currency": "KRW", "reserve": True},
        headers={"Idempotency-Key": key},
        auth=("shop", "shop1234"),
    )
    assert late.json()["state"] == "cancelled"
    assert await pay.pay(billed.world, made.id, [Tender(BILL)]) == Paid()
    assert await carrier.taken() == 60_000


async def test_a_confirmation_whose_answer_was_lost_takes_the_money_once(
    billed: Stage, shop: Shop, carrier: Carrier
) -> None:
    made = await a_booking(billed, shop)
    carrier.line.losses = [None, Loss.ANSWER]
    assert await pay.pay(billed.world, made.id, [Tender(BILL)]) == Pending()
    assert await carrier.taken() == 60_000

    billed.clock.advance(seconds=61)
    assert await reconcile.reconcile(billed.world) == 1

    assert await state_of(billed, made.id) == "paid"
    assert await carrier.taken() == 60_000


async def test_a_charge_that_comes_after_its_key_was_given_up_is_refused(carrier: Carrier) -> None:
    charge = Charge("pay-late", Money(1, "KRW"), UUID(int=1), UUID(int=2), BILL)
    assert await carrier.provider.void(reference="pay-late", key="pay-late-void") == Voided("pay-late")
    assert isinstance(await carrier.provider.authorize(charge, reference=None), Refused)
    assert isinstance(await carrier.provider.lookup(reference=None, key="pay-late"), Voided)


@pytest.mark.parametrize(
    ("url", "ways"), [(None, {"card"}), ("http://carrier.test", {"card", "carrier"})], ids=["off", "on"]
)
async def test_the_phone_bill_is_offered_only_where_a_carrier_is_named(url: str | None, ways: set[str]) -> None:
    async with AsyncExitStack() as stack:
        found = await wiring._payments(Settings(demo=True, carrier_billing_url=url), stack)
        assert set(found) == ways
