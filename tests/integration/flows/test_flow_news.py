"""Webhooks: genuine ones are kept once and looked after; in whatever order they come, the end is the same."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest
from builders import Made, Shop, Stage, a_booking, state_of
from fake_teller import SIGNATURE, an_event
from fakes import CHALLENGED_CARD, GOOD_CARD, Upset
from paying_kit import DUE, assert_settled, states

from app.domain.refusals import NotAuthentic, NotFound
from app.flows.paying import news, pay
from app.flows.paying.pay import Pending, Tender
from app.ports import NewsKind
from app.store import news as store_news

Sweep = Callable[[], Awaitable[None]]


def reference(stage: Stage) -> str:
    return list(stage.card.attempts)[-1]


async def tell(stage: Stage, event_id: str, kind: NewsKind | str, about: str) -> bool:
    return await news.hear(stage.world, "card", an_event(event_id, kind, about), SIGNATURE)


async def lost(stage: Stage, shop: Shop) -> Made:
    """A booking that is paid, as far as its network knows; we do not."""
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Pending()
    return made


async def test_news_settles_what_was_unclear_without_waiting_for_the_reconciler(stage: Stage, shop: Shop) -> None:
    made = await lost(stage, shop)

    assert await tell(stage, "e1", NewsKind.PAYMENT, reference(stage))
    assert await state_of(stage, made.id) == "paying", "it is carried out after it was answered"
    await stage.work()

    assert await assert_settled(stage, made) == "paid"


async def test_an_event_is_kept_once(stage: Stage, shop: Shop) -> None:
    await lost(stage, shop)

    told = [await tell(stage, "e1", NewsKind.PAYMENT, reference(stage)) for _ in range(3)]

    assert told == [True, False, False]
    assert await stage.value("SELECT count(*) FROM payment_event") == 1
    assert await stage.value("SELECT count(*) FROM outbox WHERE topic = 'news'") == 1


async def test_events_that_come_at_once_are_each_kept_once(stage: Stage, shop: Shop) -> None:
    await lost(stage, shop)

    told = await asyncio.gather(
        *(tell(stage, event_id, NewsKind.PAYMENT, reference(stage)) for event_id in ("e0", "e1", "e2", "e1", "e2"))
    )

    assert told == [True, True, True, False, False]
    assert await stage.value("SELECT count(*) FROM outbox WHERE topic = 'news'") == 3


async def test_a_forged_event_leaves_nothing_behind(stage: Stage, shop: Shop) -> None:
    del shop
    with pytest.raises(NotAuthentic):
        await news.hear(stage.world, "card", an_event("e1", NewsKind.PAYMENT, "ref-1"), "signed by somebody")
    assert await stage.value("SELECT count(*) FROM payment_event") == 0


@pytest.mark.parametrize("provider", ["nobody", "emoney"])
async def test_who_is_no_network_tells_no_news(stage: Stage, provider: str) -> None:
    with pytest.raises(NotFound):
        await news.hear(stage.world, provider, b"{}", SIGNATURE)


async def test_what_means_nothing_to_us_is_taken_and_forgotten(stage: Stage) -> None:
    assert not await tell(stage, "e1", "customer.created", "cus_1")
    assert await stage.value("SELECT count(*) FROM payment_event") == 0


@pytest.mark.parametrize("kind", list(NewsKind))
async def test_news_of_what_we_do_not_know_is_harmless(stage: Stage, shop: Shop, kind: NewsKind) -> None:
    made = await a_booking(stage, shop, paid=True)

    assert await tell(stage, "e1", kind, "ref-of-somebody-else")
    await stage.work()

    waits = await stage.value("SELECT count(*) FROM outbox WHERE topic = 'news' AND done_at IS NULL")
    assert waits == (kind is NewsKind.DISPUTE), "of a dispute nothing can be said before the network tells it"
    assert await assert_settled(stage, made) == "paid"


async def test_news_of_a_payment_that_a_request_is_busy_with_leaves_it_to_the_request(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    authorize = stage.card.authorize

    async def told_meanwhile(*args: object, **names: object) -> object:
        outcome = await authorize(*args, **names)  # type: ignore[arg-type]  # as it was asked
        await tell(stage, "e1", NewsKind.PAYMENT, reference(stage))
        asked = len(stage.card.calls)
        await stage.work()
        assert len(stage.card.calls) == asked, "nobody else asks"
        return outcome

    stage.card.authorize = told_meanwhile  # type: ignore[method-assign,assignment]  # this one network
    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == pay.Paid()


EVENTS = ("requires_action", "capturable", "succeeded")
"""What a network tells of one challenged payment, in the order in which it happened."""


@pytest.mark.parametrize("order", list(itertools.permutations(EVENTS)), ids="-".join)
async def test_news_in_any_order_and_twice_each_never_moves_anything_backwards(
    stage: Stage, shop: Shop, order: tuple[str, ...]
) -> None:
    """Whether it comes before its time, in time or late: the object is asked for, not the event believed."""
    made = await a_booking(stage, shop)
    await pay.pay(stage.world, made.id, [Tender(CHALLENGED_CARD)], return_url="https://back")
    seen = []
    for number, event in enumerate([*order, *order]):
        if number == 1:
            stage.card.answer_challenge(made.id, passed=True)
        await tell(stage, event, NewsKind.PAYMENT, reference(stage))
        await tell(stage, f"{event} again {number}", NewsKind.PAYMENT, reference(stage))
        await stage.work()
        seen += await states(stage, made.id)

    assert seen == ["requires_action", *["captured"] * 5]
    assert stage.card.taken() == DUE
    assert await assert_settled(stage, made) == "paid"


async def test_old_news_is_forgotten_after_a_month(stage: Stage) -> None:
    await tell(stage, "old", NewsKind.PAYMENT, "ref")
    stage.clock.advance(days=31)
    await tell(stage, "new", NewsKind.PAYMENT, "ref")

    async with stage.world.transaction() as tx:
        await store_news.purge(tx, before=stage.clock.now().replace(hour=0))

    assert [row.event_id for row in await stage.sql("SELECT event_id FROM payment_event")] == ["new"]
