"""Pages of a ticket whose issuer has a server of its own, which does not answer while the ticket is handed over."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from builders import FRIEND, PUBLIC_URL, Shop, Stage, a_booking
from pages_kit import Visitor

from app.flows.delivery import compose
from app.flows.hands import offer

OTHERS = "010-8765-4321"
assert FRIEND.endswith("1087654321")


@pytest_asyncio.fixture
async def silent(stage: Stage, shop: Shop) -> AsyncIterator[str]:
    """The address of the page of a ticket that BUYER holds, whose issuer is away."""
    made = await a_booking(stage, shop, worked=True)
    await stage.sql("UPDATE issuer SET served_by = 'elsewhere'")
    yield compose.link_of(stage.world, made.tickets[0]).removeprefix(PUBLIC_URL)
    await stage.sql("UPDATE issuer SET served_by = 'local'")


async def test_the_giver_reads_that_it_is_under_way_and_keeps_the_ticket_meanwhile(stage: Stage, silent: str) -> None:
    visitor = Visitor(stage)
    form = await visitor.get((await visitor.get(silent)).hrefs("/give")[0])
    sure = await visitor.submit(form, "/give", handset=OTHERS)

    for _ in range(2):  # pressed twice
        after = await visitor.submit(sure, "/give", sure="1")
        assert after.status == 409
        assert "표를 넘기고 있습니다" in after.said

    assert (await visitor.get(silent)).hrefs("/give"), "the ticket is good as before"
    assert await stage.value("SELECT count(*) FROM handover") == 1


async def test_the_receiver_reads_that_the_ticket_is_on_its_way(stage: Stage, silent: str) -> None:
    del silent
    ticket_id = await stage.value("SELECT id FROM ticket")
    await offer.offer(stage.world, ticket_id, FRIEND)
    await stage.work()
    address = "/o/" + stage.carrier.inbox(FRIEND)[-1].rpartition("/o/")[2]
    visitor = Visitor(stage)

    offered = await visitor.get(address)
    page = await visitor.send(offered, offered.forms[0], take="1")

    assert page.status == 409
    assert "표를 넘기고 있습니다" in page.said
    assert page.forms, "pressing again is harmless"


async def test_a_gift_on_its_way_back_leads_to_its_page(stage: Stage, silent: str) -> None:
    await stage.sql("UPDATE issuer SET served_by = 'local'")
    visitor = Visitor(stage)
    form = await visitor.get((await visitor.get(silent)).hrefs("/give")[0])
    await visitor.submit(await visitor.submit(form, "/give", handset=OTHERS), "/give", sure="1")
    await stage.work()
    gift = "/t/" + stage.carrier.inbox(FRIEND)[-1].rpartition("/t/")[2].split()[0]
    await stage.sql("UPDATE issuer SET served_by = 'elsewhere'")

    back = await visitor.get((await visitor.get(gift)).hrefs("/back")[0])
    page = await visitor.submit(back, "/back", sure="1")

    assert (page.url, page.status) == (gift, 200)
    assert await stage.value("SELECT came_by FROM handover") == "declined"
