"""A day pass says wherever it is shown that its day begins with the first ride, and then until when that is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from builders import (
    BUYER,
    FRIEND,
    PUBLIC_URL,
    Stage,
    a_booking,
    a_catalogue,
    a_gate,
    a_price,
    a_product,
    a_scan,
    an_issuer,
)
from builders import typed as by_number
from pages_kit import Visitor
from wap_kit import Phone

from app.domain.entry_rules import UNLIMITED_USES, EntryRules
from app.domain.wording import day, moment
from app.flows.delivery import compose, deliver
from app.flows.hands import offer

DAY = a_product(
    "day",
    "ride",
    uses=UNLIMITED_USES,
    prices=(a_price("adult", 12_000),),
    valid_days=90,
    transfer="free",
    entry=EntryRules(window_minutes=1440),
)
FIRST_RIDE = {"ko": "처음 탄 때부터 24시간, {}까지", "en": "24 hours from the first ride, until {}"}


async def a_pass(stage: Stage, language: str = "ko") -> tuple[sa.Row[Any], str]:
    """The ticket, and the path of its page."""
    shop = await a_catalogue(stage, an_issuer(products=(DAY,)))
    made = await a_booking(stage, shop, of="day/open", category="adult", language=language, worked=True)
    (ticket,) = made.tickets
    return ticket, compose.link_of(stage.world, ticket).removeprefix(PUBLIC_URL)


async def ridden(stage: Stage, ticket: sa.Row[Any]) -> datetime:
    """Use it for the first time; gives when it ends from then on."""
    shop = await a_catalogue(stage, an_issuer(products=(DAY,)))
    assert (await a_scan(stage, shop, await a_gate(stage, shop), by_number(ticket)))["admit"]
    until: datetime = await stage.value("SELECT activated_until FROM credential")
    assert until < ticket.valid_until
    return until


async def pages(stage: Stage, path: str, language: str) -> list[str]:
    """What page and deck say."""
    return [
        (await Visitor(stage).get(f"{path}?lang={language}")).said,
        (await Phone(stage, language=language).get(f"/wap{path}")).said,
    ]


async def test_page_and_deck_say_when_the_day_begins_and_then_when_it_ends(blank: Stage) -> None:
    ticket, path = await a_pass(blank)
    for language, words in FIRST_RIDE.items():
        for said in await pages(blank, path, language):
            assert words.format(day(ticket.valid_until, "Asia/Seoul", language)) in said

    until = await ridden(blank, ticket)

    for language, words in (("ko", "{}까지"), ("en", "until {}")):
        for said in await pages(blank, path, language):
            assert words.format(moment(until, "Asia/Seoul", language)) in said
            assert "처음 탄" not in said
            assert "first ride" not in said

    blank.clock.time = until
    assert f"{moment(until, 'Asia/Seoul', 'ko')}까지 쓸 수 있었습니다" in (await Visitor(blank).get(path)).said


async def test_the_message_says_it_too_and_one_sent_again_says_until_when(blank: Stage) -> None:
    ticket, _ = await a_pass(blank, "en")
    (first,) = blank.carrier.inbox(BUYER)
    assert "24 hours from the first ride\n" in first
    assert f"until {day(ticket.valid_until, 'Asia/Seoul', 'en')}\n" in first

    until = await ridden(blank, ticket)
    await deliver.resend(blank.world, ticket.id)
    await blank.work()

    again = blank.carrier.inbox(BUYER)[-1]
    assert f"until {moment(until, 'Asia/Seoul', 'en')}\n" in again
    assert "first ride" not in again


async def test_who_is_offered_a_pass_in_use_learns_when_it_ends(blank: Stage) -> None:
    ticket, _ = await a_pass(blank, "en")
    until = moment(await ridden(blank, ticket), "Asia/Seoul", "en")
    await offer.offer(blank.world, ticket.id, FRIEND)
    await blank.work()

    (text,) = blank.carrier.inbox(FRIEND)
    page = await Visitor(blank, language="en").get(text.split()[-1].removeprefix(PUBLIC_URL))

    assert f"until {until}" in text
    assert f"until {until}" in page.said
