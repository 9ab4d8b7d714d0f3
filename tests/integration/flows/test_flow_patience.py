"""Patience: a buyer has an answer after twelve seconds at the most, and the payment comes to its end all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from builders import Made, Shop, Stage, a_booking, state_of
from fakes import BAD_CARD, GOOD_CARD, Upset
from paying_kit import assert_settled
from structlog.testing import capture_logs

from app.flows import patience
from app.flows.paying import pay, resume
from app.flows.paying.pay import Paid, Pending, Tender
from app.ports import CardToken
from app.world import World


class Hanging:
    """A card network of which one verb does not answer until it is told to; `asked` says that it was asked."""

    def __init__(self, network: Any, verb: str) -> None:
        self._network, self._verb = network, verb
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._network, name)
        return self._hang(found) if name == self._verb else found

    def _hang(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        async def later(*args: Any, **kwargs: Any) -> Any:
            self.asked.set()
            await self.go.wait()
            return await verb(*args, **kwargs)

        return later


def with_hanging(stage: Stage, verb: str, *, answer_seconds: float = 0.05) -> tuple[World, Hanging]:
    hanging = Hanging(stage.card, verb)
    house = replace(stage.world.house, answer_seconds=answer_seconds)
    return replace(stage.world, payments={**stage.world.payments, "card": hanging}, house=house), hanging


async def paid_late(stage: Stage, shop: Shop, verb: str, card: CardToken = GOOD_CARD) -> Made:
    """A payment whose buyer was answered while its network hung, and which has ended since."""
    made = await a_booking(stage, shop)
    world, hanging = with_hanging(stage, verb)
    assert await pay.pay(world, made.id, [Tender(card)]) == Pending()
    assert await state_of(stage, made.id) == "paying"
    hanging.go.set()
    await patience.finish()
    return made


@pytest.mark.parametrize("verb", ["authorize", "capture"])
async def test_a_buyer_is_told_to_wait_and_the_tickets_come_by_themselves(stage: Stage, shop: Shop, verb: str) -> None:
    made = await paid_late(stage, shop, verb)

    assert await assert_settled(stage, made) == "paid"
    assert await resume.resume(stage.world, made.id) == Paid()


async def test_a_refusal_that_comes_after_the_answer_leaves_the_booking_free_for_another_card(
    stage: Stage, shop: Shop
) -> None:
    with capture_logs() as logs:
        made = await paid_late(stage, shop, "authorize", BAD_CARD)

    assert await state_of(stage, made.id) == "held"
    assert [(one["event"], one["outcome"]) for one in logs if "outcome" in one] == [("ended_unseen", "PaymentRefused")]
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()


async def test_a_fault_after_the_answer_stands_in_the_log(stage: Stage, shop: Shop) -> None:
    stage.card.upset("capture", Upset.KILLED_BEFORE)

    with capture_logs() as logs:
        made = await paid_late(stage, shop, "authorize")

    assert [one["log_level"] for one in logs if one["event"] == "failed_unseen"] == ["error"]
    assert await state_of(stage, made.id) == "paying", "the reconciler takes it up"


async def test_a_page_that_waits_is_answered_in_time_as_well(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Pending()
    world, hanging = with_hanging(stage, "lookup")

    assert await resume.resume(world, made.id, at_once=True) == Pending()
    hanging.go.set()
    await patience.finish()

    assert await assert_settled(stage, made) == "paid"


async def test_a_buyer_who_goes_away_breaks_nothing_off(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    world, hanging = with_hanging(stage, "capture", answer_seconds=5.0)
    paying = asyncio.create_task(pay.pay(world, made.id, [Tender(GOOD_CARD)]))
    await asyncio.wait_for(hanging.asked.wait(), 30)

    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying
    hanging.go.set()
    await patience.finish()

    assert await assert_settled(stage, made) == "paid"


async def test_what_hangs_for_ever_does_not_keep_a_server_from_stopping() -> None:
    forever = asyncio.Event()
    assert await patience.answer_within(0.0, forever.wait()) is None

    async with asyncio.timeout(30):
        await patience.finish(0.01)
    forever.set()
    await patience.finish()
