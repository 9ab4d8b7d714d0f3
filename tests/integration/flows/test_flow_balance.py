"""The network's books beside ours: what one side has alone is told, and nothing else; its fees are our cost, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from builders import BUYER, Made, Shop, Stage, a_booking
from refund_kit import Case, Network, books, with_network

from app.domain.dispute import DisputeState
from app.domain.money import Money
from app.domain.refund import RefundReason
from app.domain.refusals import TemporarilyUnavailable, WrongState
from app.flows.returning import balance, dispute, paying_back, refund
from app.flows.returning.balance import Compared
from app.ports import Movement, MovementKind
from app.store import refunds


@pytest.fixture
def network(stage: Stage) -> Network:
    return with_network(stage)


async def reference(stage: Stage, made: Made) -> str:
    return str(await stage.value("SELECT reference FROM payment WHERE booking_id = :id", id=made.id))


async def booked(stage: Stage, network: Network, made: Made, kind: MovementKind, amount: int, **more: Any) -> Movement:
    """The network writes a line of this payment into its books, now."""
    given: dict[str, Any] = {"fee": 0, "currency": "KRW", "at": stage.clock.now()} | more
    line = Movement(f"txn_{len(network.books)}", kind, await reference(stage, made), amount, **given)
    network.books.append(line)
    return line


async def compared(stage: Stage, **more: Any) -> Compared:
    return await balance.compare(stage.world, stage.clock.now().date(), **more)


async def a_full_day(stage: Stage, shop: Shop, network: Network) -> Made:
    """A sale, its refund that came back, a dispute that was won, and money that came too late; both sides agree."""
    made = await a_booking(stage, shop, paid=True)
    await booked(stage, network, made, MovementKind.CHARGE, 60_000, fee=1_500)
    other = await a_booking(stage, shop, category="S", paid=True)
    await booked(stage, network, other, MovementKind.CHARGE, 40_000)
    case = Case("dp_1", await reference(stage, other), Money(40_000, "KRW"))
    network.cases["dp_1"] = case
    await dispute.heard(stage.world, "card", "dp_1")
    await booked(stage, network, other, MovementKind.DISPUTE, -40_000)
    case.verdict, case.withdrawn = DisputeState.WON, False
    await dispute.heard(stage.world, "card", "dp_1")
    await booked(stage, network, other, MovementKind.DISPUTE_REVERSAL, 40_000)
    found = await refund.ask(stage.world, booking_id=made.id, ticket_ids=None, reason=RefundReason.BUYER, by="buyer")
    await booked(stage, network, made, MovementKind.REFUND, -60_000)
    network.decided[found.refunds[0].reference] = False
    await paying_back.heard(stage.world, found.refunds[0].reference)
    await booked(stage, network, made, MovementKind.REFUND_FAILURE, 60_000)
    return made


async def test_books_that_agree_differ_in_nothing(stage: Stage, shop: Shop, network: Network) -> None:
    await a_full_day(stage, shop, network)

    found = await compared(stage)

    assert (found.network, found.ours, found.differences) == (6, 6, ())


async def test_late_money_is_a_charge_too(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, paid=True)
    await stage.sql("DELETE FROM transfer")
    payment = await stage.value("SELECT id FROM payment")
    async with stage.database.transaction() as tx:
        assert await refunds.owe_late(tx, payment, new_id=stage.entropy.uuid, now=stage.clock.now()) is not None
        assert await refunds.owe_late(tx, payment, new_id=stage.entropy.uuid, now=stage.clock.now()) is None
    await booked(stage, network, made, MovementKind.CHARGE, 60_000)
    assert await books(stage) == {"card": -60_000, "refunds": 60_000}

    assert (await compared(stage)).differences == ()

    await stage.work()
    assert network.taken() == 0
    assert await books(stage) == {}
    assert any("your payment came too late" in text for text in stage.carrier.inbox(BUYER))


BREACHES: dict[str, tuple[Callable[[Movement], Movement | None], list[tuple[int | None, int | None]]]] = {
    "a line less": (lambda _line: None, [(None, 60_000)]),
    "another amount": (lambda line: replace(line, amount=59_999), [(59_999, None), (None, 60_000)]),
    "another payment": (lambda line: replace(line, payment_reference="pi_x"), [(60_000, None), (None, 60_000)]),
    "another kind": (lambda line: replace(line, kind=MovementKind.OTHER), [(60_000, None), (None, 60_000)]),
    "two days off": (lambda line: replace(line, at=line.at - timedelta(days=2)), [(None, 60_000)]),
}


@pytest.mark.parametrize("name", sorted(BREACHES))
async def test_a_difference_is_told_with_the_side_that_has_it(
    stage: Stage, shop: Shop, network: Network, name: str
) -> None:
    wrong, expected = BREACHES[name]
    made = await a_booking(stage, shop, paid=True)
    changed = wrong(await booked(stage, network, made, MovementKind.CHARGE, 60_000))
    network.books = [changed] if changed else []

    found = await compared(stage)

    assert [(one.network, one.ours) for one in found.differences] == expected


async def test_a_charge_that_is_there_twice_is_told_once(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, paid=True)
    for _ in range(2):
        await booked(stage, network, made, MovementKind.CHARGE, 60_000)

    (one,) = (await compared(stage)).differences

    assert (one.network, one.ours) == (60_000, None)


async def test_midnight_between_the_two_sides_is_no_difference(stage: Stage, shop: Shop, network: Network) -> None:
    stage.clock.time = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)
    made = await a_booking(stage, shop, paid=True)
    await booked(stage, network, made, MovementKind.CHARGE, 60_000, at=stage.clock.now() + timedelta(seconds=2))

    today = await compared(stage)
    stage.clock.advance(days=1)
    tomorrow = await compared(stage)

    assert [(one.network, one.ours) for one in today.differences] == [(None, 60_000)], "it may still come"
    assert tomorrow.differences == ()
    assert (await balance.compare(stage.world, stage.clock.now().date() - timedelta(days=1))).differences == ()


async def test_fees_are_written_once_and_come_back(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, paid=True)
    await booked(stage, network, made, MovementKind.CHARGE, 60_000, fee=1_500)
    await booked(stage, network, made, MovementKind.OTHER, 0, fee=-500)
    network.books.append(replace(network.books[0], id="txn_x", payment_reference="pi_x"))

    first, second = await compared(stage), await compared(stage)

    assert (first.fees, second.fees) == (2, 0)
    assert await books(stage) == {"card": -59_000, "network_fees": -1_000, "payable": 60_000}
    assert {one.reference for one in first.differences} == {"pi_x", network.books[0].payment_reference}


async def test_lines_of_no_payment_are_the_networks_own_affair(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, paid=True)
    line = await booked(stage, network, made, MovementKind.CHARGE, 60_000)
    network.books.append(replace(line, id="po_1", kind=MovementKind.OTHER, payment_reference="", amount=-59_000))

    assert (await compared(stage)).differences == ()


async def test_without_books_there_is_nothing_to_compare(stage: Stage, network: Network) -> None:
    with pytest.raises(WrongState, match="emoney keeps no books"):
        await compared(stage, means="emoney")
    with pytest.raises(WrongState, match="carrier keeps no books"):
        await compared(stage, means="carrier")
    network.closed = True
    with pytest.raises(TemporarilyUnavailable, match="closed"):
        await compared(stage)
    assert await balance.daily(stage.world, means="emoney") is None
    assert await balance.daily(stage.world, means="carrier") is None


async def test_a_worker_compares_each_day_once_and_tries_again_where_nobody_answered(
    stage: Stage, shop: Shop, second: Stage, network: Network
) -> None:
    second.world = replace(second.world, payments=stage.world.payments)
    await a_booking(stage, shop, paid=True)
    stage.clock.time = datetime(2026, 11, 23, 0, 59, tzinfo=UTC)
    assert await balance.daily(stage.world) is None, "what was under way at midnight may still come"
    stage.clock.advance(minutes=1)
    network.closed = True
    with pytest.raises(TemporarilyUnavailable):
        await balance.daily(stage.world)
    network.closed = False

    assert await balance.daily(second.world) is None, "somebody has just tried"
    stage.clock.advance(hours=1)
    found = await balance.daily(second.world)

    assert found is not None
    assert len(found.differences) == 1
    stage.clock.advance(hours=2)
    assert await balance.daily(stage.world) is None
    stage.clock.advance(days=1)
    assert await balance.daily(stage.world) is not None


async def test_days_on_which_no_worker_ran_are_made_up_for_one_by_one(
    stage: Stage, shop: Shop, network: Network
) -> None:
    stage.clock.time = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    first = await balance.daily(stage.world)
    assert first is not None
    assert str(first.day) == "2026-11-22"
    await booked(stage, network, await a_booking(stage, shop, paid=True), MovementKind.CHARGE, 60_000, fee=1_500)

    found = []
    stage.clock.time = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
    for _ in range(4):
        found.append(await balance.daily(stage.world))
        stage.clock.advance(hours=1)

    assert [one and (str(one.day), one.fees, one.differences) for one in found] == [
        ("2026-11-23", 1, ()),
        ("2026-11-24", 0, ()),
        ("2026-11-25", 0, ()),
        None,
    ]
    stage.clock.time = datetime(2027, 2, 1, 2, 0, tzinfo=UTC)
    late = await balance.daily(stage.world)
    assert late is not None
    assert str(late.day) == "2027-01-01", "what is older is compared by hand"
