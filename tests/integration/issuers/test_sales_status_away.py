"""An issuer elsewhere that is away, hangs or loses an answer: others sell on, and nothing is sold unasked."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from builders import (
    FRIEND,
    a_booking,
    a_catalogue,
    a_line,
    a_price,
    a_product,
    a_request,
    an_issuer,
    free_places,
    state_of,
)
from fakes import GOOD_CARD
from sales_status_kit import change, dates, two_seats, until
from two_servers_kit import ISSUER, Cut, Two

from app import worker
from app.domain.refusals import IssuerAway
from app.domain.sale import Why
from app.flows.booking import book, find, sales_status
from app.flows.paying import pay
from app.flows.paying.pay import Tender
from app.store.catalogue import Search

pytest_plugins = ["apart_plugin"]


async def test_an_issuer_that_is_away_is_temporarily_not_on_sale_and_others_sell_on(two: Two) -> None:
    walk = a_product("walk", prices=(a_price("adult", 1_000),))
    own = await a_catalogue(two.seller, an_issuer("own", products=(walk,)))
    before = await dates(two)
    heard_at = two.clock.now()
    two.line.down = Cut.BEFORE
    await two.later()

    found = await dates(two)

    assert [one.standing.why for one in found] == [Why.ISSUER_AWAY] * 4 + [None]
    assert {one.standing.last_heard for one in found[:4]} == {heard_at}
    seen = await find.availability(two.seller.world, two.shop.occasions["play/mon"])
    assert (seen.standing.why, seen.standing.last_heard) == (Why.ISSUER_AWAY, heard_at)
    stubs = await find.stubs(two.seller.world, Search(limit=10))
    assert {stub.row.slug: stub.standing.on_sale for stub in stubs} == {
        "carnet": False, "gift": False, "play": False, "ride": False, "talk": False, "walk": True,
    }  # fmt: skip
    assert before[0].standing.on_sale
    await book.book(two.seller.world, a_request(None, a_line(own.price("walk/adult")), product=own.products["walk"]))


async def test_what_other_issuers_are_owed_does_not_wait_for_one_that_hangs(two: Two) -> None:
    walk = a_product("walk", prices=(a_price("adult", 1_000),))
    own = await a_catalogue(two.seller, an_issuer("own", products=(walk,)))
    await a_booking(two.seller, two.shop, paid=True)
    two.line.asked.clear()
    two.line.down = Cut.HANGS

    async def it_hangs() -> bool:
        return any("/tickets/" in one for one in two.line.asked)

    working = asyncio.create_task(worker.run(two.seller.world, poll_seconds=0.02, mirror_seconds=60))
    try:
        await until(it_hangs)
        line = a_line(own.price("walk/adult"))
        booked = await book.book(two.seller.world, a_request(None, line, product=own.products["walk"]))
        await pay.pay(two.seller.world, booked.id, [Tender(GOOD_CARD)])

        await until(lambda: two.seller.value("SELECT count(*) FROM credential"))
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_what_was_last_known_is_shown_while_an_issuer_is_away(kept: Two) -> None:
    await a_booking(kept.issuer, kept.shop, places=kept.shop.seats("play/mon", "A-2"))
    known = await find.availability(kept.seller.world, kept.shop.occasions["play/mon"])
    listed = await dates(kept)
    kept.line.down = Cut.BEFORE
    kept.clock.advance(seconds=10)
    kept.seller.forget()
    await kept.seller.redis.delete(*await kept.seller.redis.keys("cyberticket:shared:*"))

    seen = await find.availability(kept.seller.world, kept.shop.occasions["play/mon"])

    assert (seen.counts, seen.free, seen.standing.on_sale) == (known.counts, known.free, False)
    assert [one.availability.counts for one in await dates(kept)] == [one.availability.counts for one in listed]


async def test_an_issuer_that_is_back_sells_at_once(kept: Two) -> None:
    kept.line.down = Cut.BEFORE
    with pytest.raises(IssuerAway):
        await book.book(kept.seller.world, two_seats(kept))
    kept.line.down = None
    kept.clock.advance(seconds=3)

    await book.book(kept.seller.world, two_seats(kept))
    kept.seller.forget()

    assert (await find.availability(kept.seller.world, kept.shop.occasions["play/tue"])).standing.on_sale


async def test_nobody_is_sold_what_the_issuer_was_not_asked_about(two: Two) -> None:
    two.line.down = Cut.BEFORE
    heard_at = two.clock.now()
    gift = a_request(None, a_line(two.shop.price("gift/gift")), product=two.shop.products["gift"])

    for request in (two_seats(two), gift):
        with pytest.raises(IssuerAway, match="Temporarily not on sale") as refusal:
            await book.book(two.seller.world, request)
        assert refusal.value.more["retry_after_seconds"] == 5
        assert refusal.value.more["last_heard"] == heard_at
        two.clock.advance(seconds=3)

    assert await two.seller.value("SELECT count(*) FROM booking") == 0


async def test_what_never_runs_out_is_asked_for_and_not_held(kept: Two) -> None:
    kept.line.asked.clear()
    gift = a_request(None, a_line(kept.shop.price("gift/gift")), product=kept.shop.products["gift"])

    booked = await book.book(kept.seller.world, gift)

    assert booked.amount.amount == 50_000
    assert kept.line.asked == [f"PUT /issuer/v1/holds/{booked.id}"]


async def test_a_hold_whose_answer_was_lost_is_given_up(kept: Two) -> None:
    kept.line.cuts.append(Cut.AFTER)
    with pytest.raises(IssuerAway):
        await book.book(kept.seller.world, two_seats(kept))
    assert await free_places(kept.issuer, kept.shop.occasions["play/mon"]) == 20
    kept.clock.advance(seconds=3)

    await kept.seller.work()

    assert await free_places(kept.issuer, kept.shop.occasions["play/mon"]) == 22


async def test_who_asks_again_under_the_same_key_gets_the_hold_whose_answer_was_lost(kept: Two) -> None:
    kept.line.cuts.append(Cut.AFTER)
    key = UUID(int=77)
    with pytest.raises(IssuerAway):
        await book.book(kept.seller.world, two_seats(kept), identity=key)
    kept.clock.advance(seconds=3)

    booked = await book.book(kept.seller.world, two_seats(kept), identity=key)

    assert booked.id == key
    assert await kept.seller.value("SELECT count(*) FROM outbox WHERE topic = 'release'") == 0
    assert await free_places(kept.issuer, kept.shop.occasions["play/mon"]) == 20
    await kept.seller.work()
    assert await free_places(kept.issuer, kept.shop.occasions["play/mon"]) == 20


async def test_a_booking_is_cancelled_though_its_issuer_is_away(kept: Two) -> None:
    made = await a_booking(kept.seller, kept.shop, quantity=2)
    kept.line.down = Cut.BEFORE

    await book.cancel(kept.seller.world, made.id)

    assert await state_of(kept.seller, made.id) == "cancelled"
    kept.line.down = None
    kept.clock.advance(seconds=3)
    await kept.seller.work()
    assert await free_places(kept.issuer, kept.shop.occasions["play/mon"]) == 22


async def test_a_buyer_who_may_have_no_more_leaves_nothing_held(two: Two) -> None:
    await change(two, buyer_limit=2)
    await two.refresh()
    await book.book(two.seller.world, two_seats(two, buyer=FRIEND))

    with pytest.raises(Exception, match="you may take 0 more"):
        await book.book(two.seller.world, two_seats(two, buyer=FRIEND))

    assert await free_places(two.issuer, two.shop.occasions["play/mon"]) == 20


async def test_a_server_that_hangs_is_waited_for_once(kept: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sales_status, "ANSWER_SECONDS_MAX", 0.05)
    kept.line.down = Cut.HANGS
    kept.line.asked.clear()

    found = await asyncio.gather(
        *(find.availability(kept.seller.world, kept.shop.occasions[name]) for name in ("play/mon", "play/mon"))
    )
    found.append(await find.availability(kept.seller.world, kept.shop.occasions["play/tue"]))
    listed = await dates(kept)

    assert {one.standing.why for one in found} == {one.standing.why for one in listed} == {Why.ISSUER_AWAY}
    assert len(kept.line.asked) == 1


async def test_an_issuer_that_we_were_told_to_leave_is_not_on_sale(kept: Two) -> None:
    kept.seller.world.issuers.pop(ISSUER)  # type: ignore[attr-defined]  # as after a restart with other settings

    assert {one.standing.why for one in await dates(kept)} == {Why.ISSUER_AWAY}
    with pytest.raises(IssuerAway):
        await book.book(kept.seller.world, two_seats(kept))
