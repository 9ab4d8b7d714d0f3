"""Statements: what an issuer is to be paid for a time, in its own days; and that it is paid once."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest
from builders import Shop, Stage, a_booking
from refund_kit import Network, books, with_network

from app.domain.refund import RefundReason
from app.domain.refusals import BadLine, NotFound, WrongState
from app.flows.books import settle
from app.flows.books.settle import Statement
from app.flows.returning import refund

SOLD_ON = date(2026, 11, 22)


@pytest.fixture
def network(stage: Stage) -> Network:
    return with_network(stage)


async def paid(stage: Stage, first: date | None = None, last: date | None = None) -> Statement:
    return await settle.mark_paid(stage.world, "haneul", first=first, last=last, note="transfer 1", by="Ms Kim")


def lines(found: Statement) -> list[tuple[str, str, int, int]]:
    return [(one.kind, one.product, one.count, one.amount) for one in found.lines]


async def test_a_statement_says_what_came_and_went(stage: Stage, shop: Shop, network: Network) -> None:
    await settle.set_fee(stage.world, "haneul", 500, by="Ms Kim")
    try:
        play = await a_booking(stage, shop, quantity=2, paid=True)
        await a_booking(stage, shop, of="carnet/open", category="adult", paid=True)
        await a_booking(stage, shop, of="gift/open", category="gift", paid=True)
    finally:
        await stage.sql("UPDATE issuer SET fee_basis_points = 0")
    await refund.ask(
        stage.world, booking_id=play.id, ticket_ids=[play.tickets[0].id], reason=RefundReason.BUYER, by="buyer"
    )
    stage.clock.advance(days=1)

    found = await settle.statement(stage.world, "haneul")

    assert (found.starts_at, found.ends_at) == (
        datetime(2026, 11, 21, 15, tzinfo=UTC),
        datetime(2026, 11, 22, 15, tzinfo=UTC),
    ), "one day in Seoul"
    assert lines(found) == [
        ("sale", "carnet", 1, 4_000),
        ("sale", "play", 2, 120_000),
        ("fee", "", 2, -6_200),
        ("fee_back", "", 1, 3_000),
        ("refund_due", "", 1, -60_000),
    ]
    assert (found.opening, found.closing, found.due) == (0, 60_800, 60_800)
    assert await books(stage) == {"card": -114_000, "payable": 60_800, "fees": 3_200, "vouchers": 50_000}
    assert network.taken() == 114_000


async def test_what_was_paid_is_not_due_again(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, paid=True)
    stage.clock.advance(days=1)
    assert (await paid(stage)).due == 60_000
    await a_booking(stage, shop, of="play/tue", category="S", paid=True)
    stage.clock.advance(days=1)

    found = await settle.statement(stage.world, "haneul")

    assert (found.opening, lines(found)[-1], found.due) == (60_000, ("payout", "", 1, -60_000), 40_000)
    before = await settle.statement(stage.world, "haneul", first=SOLD_ON, last=SOLD_ON)
    assert (before.closing, before.paid_since, before.due) == (60_000, 60_000, 0)
    assert before.settled is not None
    assert await books(stage) == {"card": -100_000, "paid_out": 60_000, "payable": 40_000}
    (entry,) = await stage.sql("SELECT * FROM journal")
    assert (entry.actor, entry.action, entry.details["amount"]) == ("Ms Kim", "paid out", 60_000)


async def test_two_days_paid_in_one_evening_are_each_paid_once(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, paid=True)
    stage.clock.advance(days=1)
    await a_booking(stage, shop, of="play/tue", category="S", paid=True)
    stage.clock.advance(days=1)

    first = await paid(stage, SOLD_ON, SOLD_ON)
    second = await paid(stage, date(2026, 11, 23), date(2026, 11, 23))

    assert (first.due, second.due) == (60_000, 40_000)
    assert (await books(stage))["paid_out"] == 100_000


@pytest.mark.usefixtures("shop")
async def test_a_time_is_settled_once_and_only_when_it_is_over(stage: Stage) -> None:
    with pytest.raises(WrongState, match="not over"):
        await paid(stage, SOLD_ON, SOLD_ON)
    stage.clock.advance(days=3)
    await paid(stage, SOLD_ON, date(2026, 11, 23))

    for first, last in (
        (SOLD_ON, date(2026, 11, 23)),
        (date(2026, 11, 23), date(2026, 11, 24)),
        (date(2026, 11, 1), date(2026, 11, 22)),
    ):
        with pytest.raises(WrongState, match="From 2026-11-22 to 2026-11-23 was settled on 2026-11-25 already"):
            await paid(stage, first, last)
    assert (await paid(stage)).due == 0, "the next day, in which nothing happened"
    assert await stage.value("SELECT count(*) FROM settlement") == 2
    assert await stage.value("SELECT count(*) FROM transfer") == 0


async def test_of_two_who_pay_at_once_one_pays(stage: Stage, second: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, paid=True)
    stage.clock.advance(days=1)

    answers = await asyncio.gather(*(paid(one) for one in (stage, second, stage, second)), return_exceptions=True)

    assert sorted(type(one).__name__ for one in answers) == ["Statement"] + ["WrongState"] * 3
    assert (await books(stage))["paid_out"] == 60_000


async def test_an_issuer_that_owes_us_is_paid_nothing(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)
    stage.clock.advance(days=1)
    await paid(stage)
    await refund.ask(stage.world, booking_id=made.id, ticket_ids=None, reason=RefundReason.BUYER, by="buyer")
    stage.clock.advance(days=1)

    found = await paid(stage)

    assert (found.closing, found.due) == (-60_000, 0)
    assert (await books(stage))["paid_out"] == 60_000


@pytest.mark.usefixtures("shop")
async def test_what_cannot_be_is_told(stage: Stage) -> None:
    with pytest.raises(NotFound, match="no issuer 'nobody'"):
        await settle.statement(stage.world, "nobody")
    assert (await settle.statement(stage.world, "haneul")).ends_at > stage.clock.now(), "the day that has begun"
    with pytest.raises(BadLine, match="no day in it"):
        await settle.statement(stage.world, "haneul", first=SOLD_ON, last=date(2026, 11, 20))
    for first, last in ((date.min, SOLD_ON), (SOLD_ON, date.max)):
        with pytest.raises(BadLine, match="written like 2026-11-22"):
            await settle.statement(stage.world, "haneul", first=first, last=last)
    with pytest.raises(BadLine, match="between 0 and 10000"):
        await settle.set_fee(stage.world, "haneul", 10_001, by="x")
    assert (await settle.statement(stage.world, "haneul", first=SOLD_ON, last=SOLD_ON, currency="USD")).lines == ()
