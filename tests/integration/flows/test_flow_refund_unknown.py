"""Refunds when the network does not answer as one would like, and when somebody dies on the way."""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from builders import BUYER, Shop, Stage, a_booking, free_places, state_of
from fakes import Killed, Upset
from mortal import Fate, a_mortal
from refund_kit import Network, books, refund_states, returned

from app.flows.outcome import Again, Done
from app.flows.returning import paying_back, refund
from app.ports import Refunded

pytest_plugins = ["refund_plugin"]


# --- when the network does not answer as one would like -------------------------------------------------------------


@pytest.mark.parametrize("upset", [Upset.LOST_BEFORE, Upset.LOST_AFTER])
async def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    stage: Stage, shop: Shop, refund_network: Network, upset: Upset
) -> None:
    made = await a_booking(stage, shop, worked=True)
    refund_network.upset("refund", upset)

    found = await returned(stage, made)
    assert [row.state for row in found.refunds] == ["due"]
    assert await books(stage) == {"card": -60_000, "refunds": 60_000}
    stage.clock.advance(seconds=21)
    await stage.work()

    assert await refund_states(stage, made.id) == ["succeeded"]
    assert refund_network.keys("refund") == [f"refund-{found.id}-1"] * 2
    assert refund_network.taken(made.id) == 0
    assert await books(stage) == {}


async def test_after_twenty_hours_without_an_answer_a_person_must_look(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    refund_network.upset("refund", *[Upset.LOST_BEFORE] * 3)
    found = await returned(stage, made)

    stage.clock.advance(hours=19)
    await refund.carry_on(stage.world, found.id)
    assert await refund_states(stage, made.id) == ["due"]
    stage.clock.advance(hours=2)
    await refund.carry_on(stage.world, found.id)

    assert await refund_states(stage, made.id) == ["failed"]
    assert await books(stage) == {"card": -60_000, "refunds": 60_000}


async def test_a_slow_refund_is_pending_until_the_network_tells(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    refund_network.slow = True

    found = await returned(stage, made)
    assert [row.state for row in found.refunds] == ["pending"]
    assert await books(stage) == {"card": -60_000, "refunds": 60_000}
    reference = found.refunds[0].reference
    await paying_back.heard(stage.world, reference)
    assert await refund_states(stage, made.id) == ["pending"], "it is not decided yet"
    refund_network.decided[reference] = True
    for _ in range(2):
        await paying_back.heard(stage.world, reference)

    assert await refund_states(stage, made.id) == ["succeeded"]
    assert await state_of(stage, made.id) == "refunded"
    assert await books(stage) == {}


async def test_without_news_a_pending_refund_is_asked_about_each_hour(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    refund_network.slow = True
    found = await returned(stage, made)
    stage.clock.advance(seconds=21)
    await stage.work()
    refund_network.decided[found.refunds[0].reference] = True

    assert await refund.look_after(stage.world) == 0, "it was looked at a moment ago"
    stage.clock.advance(seconds=60)
    assert await refund.look_after(stage.world) == 1
    await stage.work()

    assert await refund_states(stage, made.id) == ["succeeded"]
    assert await refund.look_after(stage.world) == 0


async def test_refunds_whose_bank_takes_its_time_keep_no_forgotten_one_waiting(
    stage: Stage, shop: Shop, refund_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refund, "OPEN_MAX", 2)
    made = [await a_booking(stage, shop, of="carnet/open", category="adult", worked=True) for _ in range(5)]
    refund_network.slow = True
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
    assert set(refund_network.keys("lookup_refund")) == set(refund_network.keys("refund"))


async def test_a_refund_that_comes_back_later_is_owed_again_and_tried_under_a_new_key(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    found = await returned(stage, made)
    assert await books(stage) == {}

    refund_network.decided[found.refunds[0].reference] = False
    for _ in range(2):
        await paying_back.heard(stage.world, found.refunds[0].reference)

    assert await refund_states(stage, made.id) == ["failed"]
    assert await books(stage) == {"card": -60_000, "refunds": 60_000}


async def test_news_of_a_refund_that_is_not_ours_or_cannot_be_looked_up_moves_nothing(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    refund_network.slow = True
    found = await returned(stage, made)
    refund_network.upset("lookup_refund", Upset.LOST_BEFORE)

    assert await paying_back.heard(stage.world, "re_of_another_shop") == Done()
    assert isinstance(await paying_back.heard(stage.world, found.refunds[0].reference), Again)
    assert await refund_states(stage, made.id) == ["pending"]


async def test_an_answer_of_an_earlier_try_changes_nothing(stage: Stage, shop: Shop, refund_network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    refund_network.slow = True
    found = await returned(stage, made)

    state = await paying_back.record(stage.world, found.id, Refunded("old"), attempt=7)

    assert state == "pending"


async def test_a_provider_that_is_no_more_is_no_answer(stage: Stage, shop: Shop, refund_network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    stage.world = _without(stage, "card")

    found = await returned(stage, made)

    assert [row.state for row in found.refunds] == ["due"]
    await stage.sql("UPDATE refund SET state = 'pending', reference = 'x'")
    assert isinstance(await paying_back.heard(stage.world, "x"), Again)
    assert refund_network.keys("refund") == []


def _without(stage: Stage, means: str) -> Any:
    return replace(stage.world, payments={name: one for name, one in stage.world.payments.items() if name != means})


# --- dying ----------------------------------------------------------------------------------------------------------


async def test_dying_anywhere_while_refunding_ends_with_the_money_back_once(
    stage: Stage, shop: Shop, sweep: Any, refund_network: Network
) -> None:
    for at in itertools.count(1):
        refund_network.attempts.clear()
        stage.carrier.arrived.clear()
        made = await a_booking(stage, shop, worked=True)
        fate = Fate(at)
        with suppress(Killed):
            await returned(a_mortal(stage, fate, seed=100 + at), made)
        for _ in range(2):
            stage.clock.advance(seconds=61)
            await refund.look_after(stage.world)
            await stage.work()
        gone = refund_network.taken(made.id) == 0
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
