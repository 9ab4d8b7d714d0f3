"""An offer's page: whoever has the message's link sees what is offered, and takes or declines it without script."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from builders import BUYER, FRIEND, PUBLIC_URL, Shop, Stage, a_booking, an_account
from pages_kit import Visitor

from app.flows.delivery import compose
from app.flows.hands import offer
from app.flows.hands.give import give
from app.flows.tickets import show


async def an_offer(stage: Stage, shop: Shop, asked: int = 0) -> str:
    """The address of the page of an offer of BUYER's to FRIEND, out of its message."""
    made = await a_booking(stage, shop, worked=True)
    await offer.offer(stage.world, made.tickets[0].id, FRIEND, asked)
    await stage.work()
    return "/o/" + stage.carrier.inbox(FRIEND)[-1].rpartition("/o/")[2]


@pytest_asyncio.fixture
async def resellable(stage: Stage, shop: Shop) -> AsyncIterator[Shop]:
    """The shop, while its tickets may be sold on for what they cost."""
    await stage.sql("UPDATE product SET transfer = 'face_value'")
    yield shop
    await stage.sql("UPDATE product SET transfer = 'free'")


async def test_the_page_says_what_is_offered_and_has_no_code_of_it(stage: Stage, shop: Shop) -> None:
    address = await an_offer(stage, shop)

    page = await Visitor(stage).get(address)

    ticket = (await stage.sql("SELECT * FROM ticket"))[0]
    assert (page.status, page.headers["cache-control"]) == (200, "no-store")
    assert "010-••••-5678" in page.said
    assert "The Post Office in Spring" in page.said or "봄날의 우체국" in page.said
    assert ticket.number not in page.said.replace("-", "")
    assert "barcode" not in page.html


async def test_a_gift_is_taken_with_one_button_and_pressing_twice_takes_it_once(stage: Stage, shop: Shop) -> None:
    visitor, address = Visitor(stage), await an_offer(stage, shop)
    page = await visitor.get(address)

    for _ in range(2):
        after = await visitor.send(page, page.forms[0], take="1")
        assert (after.url, after.status, after.forms) == (address, 200, [])

    (row,) = await stage.sql("SELECT handset FROM ticket WHERE state = 'valid'")
    assert row.handset == FRIEND


async def test_a_declined_ticket_stays_with_its_giver(stage: Stage, shop: Shop) -> None:
    visitor, address = Visitor(stage), await an_offer(stage, shop)
    page = await visitor.get(address)

    after = await visitor.send(page, page.forms[1], decline="1")

    assert (after.status, after.forms) == (200, [])
    assert await stage.value("SELECT state FROM offer") == "declined"
    (row,) = await stage.sql("SELECT handset FROM ticket WHERE state = 'valid'")
    assert row.handset == BUYER


async def test_a_price_needs_the_pin_and_what_is_missing_is_said(stage: Stage, resellable: Shop) -> None:
    secret = await an_account(stage, resellable, 45_000, handset=FRIEND)
    visitor, address = Visitor(stage), await an_offer(stage, resellable, 60_000)
    page = await visitor.get(f"{address}?lang=ko")

    wrong = await visitor.send(page, page.forms[0], take="1", pin="")
    short = await visitor.send(page, page.forms[0], take="1", pin=secret)
    await an_account(stage, resellable, 15_000, handset=FRIEND)
    taken = await visitor.send(page, page.forms[0], take="1", pin=secret)

    assert (wrong.status, short.status, taken.status) == (409, 409, 200)
    assert "PIN이 아닙니다" in wrong.said
    assert "15,000원 모자랍니다" in short.said
    assert "표를 받았습니다" in taken.said
    assert secret not in short.html


async def test_guessed_pins_lock(stage: Stage, resellable: Shop) -> None:
    visitor, address = Visitor(stage), await an_offer(stage, resellable, 1)
    page = await visitor.get(f"{address}?lang=en")

    answers = [await visitor.send(page, page.forms[0], take="1", pin="000000") for _ in range(6)]

    assert "locked for 10 minutes" in answers[-1].said
    assert "locked" not in answers[-2].said


async def test_a_ticket_used_up_meanwhile_says_so(stage: Stage, shop: Shop) -> None:
    visitor, address = Visitor(stage), await an_offer(stage, shop)
    page = await visitor.get(f"{address}?lang=en")
    await stage.sql("UPDATE credential SET uses_left = 0")

    used = await visitor.send(page, page.forms[0], take="1")
    await stage.sql("UPDATE ticket SET generation = 255")
    other = await visitor.send(page, page.forms[0], take="1")

    assert "was used up or ended meanwhile" in used.said
    assert "cannot change hands now" in other.said


async def test_an_offer_that_is_over_has_no_buttons(stage: Stage, shop: Shop) -> None:
    visitor, address = Visitor(stage), await an_offer(stage, shop)
    page = await visitor.get(f"{address}?lang=en")
    stage.clock.advance(days=3)

    late = await visitor.send(page, page.forms[0], take="1")

    assert "time is over" in late.said
    assert late.forms == []
    assert (await visitor.get("/o/AAAAAAAAAAAAAAAAAAAAAA")).status == 404
    assert (await visitor.send(page, page.forms[0])).status == 200


# --- a gift that goes back ------------------------------------------------------------------------------------------


async def test_a_gift_goes_back_after_one_more_look(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    given = await give(stage.world, made.tickets[0].id, FRIEND)
    address = compose.link_of(stage.world, await show.ticket(stage.world, given.id)).removeprefix(PUBLIC_URL)
    visitor = Visitor(stage)

    sure = await visitor.get((await visitor.get(f"{address}?lang=en")).hrefs("/back")[0])
    assert "010-••••-5678" in sure.said
    await visitor.submit(sure, "/back")
    assert await stage.value("SELECT count(*) FROM ticket") == 2
    for _ in range(2):
        after = await visitor.submit(sure, "/back", sure="1")
        assert after.url == address

    assert after.hrefs("/back") == []
    (row,) = await stage.sql("SELECT handset, came_by FROM ticket WHERE state = 'valid'")
    assert tuple(row) == (BUYER, "declined")
    own = compose.link_of(stage.world, made.tickets[0]).removeprefix(PUBLIC_URL)
    assert (await visitor.get(f"{own}/back")).url == own
