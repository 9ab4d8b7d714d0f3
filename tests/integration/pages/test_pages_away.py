"""An issuer whose own server does not answer: temporarily not on sale, and since when; everybody else sells on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest_asyncio
from builders import BUYER, Shop, Stage, a_catalogue, a_price, a_product, an_issuer, the_theatre
from pages_kit import Visitor
from wap_kit import Phone

from app.domain.refusals import IssuerAway
from app.ports.catalogues import Elsewhere, Index, IssuerCopy, PlacesCopy, StockCopy


@dataclass
class Venue:
    """An issuer of another house: what it sells is in our catalogue, and only it knows what is free."""

    own: Any
    away: bool = False
    name: str = "venue"

    def __getattr__(self, verb: str) -> Any:
        if self.away:
            raise IssuerAway("The issuer's server does not answer.")
        return getattr(self.own, verb)

    async def catalogues(self, *, etag: str | None) -> Index | None:
        raise AssertionError(f"nobody copies the catalogue here, {etag}")

    async def catalogue(self, *, issuer_id: UUID) -> IssuerCopy:
        raise AssertionError(f"nobody copies {issuer_id} here")

    async def places(self, *, occasion_id: UUID) -> PlacesCopy:
        raise AssertionError(f"nobody copies {occasion_id} here")

    async def stock(self, *, occasion_ids: Sequence[UUID]) -> Mapping[UUID, StockCopy]:
        if self.away:
            raise IssuerAway("The issuer's server does not answer.")
        return {one: StockCopy(occasion=one, unlimited=False, counts={"R": 6, "S": 6}) for one in occasion_ids}


@dataclass
class House:
    stage: Stage
    shop: Shop
    venue: Venue


@pytest_asyncio.fixture
async def theatre(blank: Stage) -> House:
    """The theatre has a server of its own, last heard three hours ago; beside it a bus line in our own house."""
    title = {"ko": "우리 버스", "en": "Ours"}
    bus = a_product("pass", "ride", prices=(a_price("adult", 3_000),), valid_days=9, title=title)
    shop = await a_catalogue(blank, the_theatre(blank.clock.now()), an_issuer("ours", products=(bus,)))
    venue = Venue(blank.world.issuers["local"])
    assert isinstance(venue, Elsewhere)
    blank.world = replace(blank.world, issuers={**blank.world.issuers, "venue": venue})
    await blank.sql("UPDATE issuer SET served_by = 'venue' WHERE id = :id", id=shop.issuer)
    heard = "INSERT INTO peer (name, role, heard_at, cursor) VALUES ('venue', 'issuer', :at, 0)"
    await blank.sql(heard, at=blank.clock.now())
    blank.clock.advance(hours=3)
    return House(blank, shop, venue)


async def test_a_listing_says_what_is_not_on_sale_and_since_when_and_sells_the_rest(theatre: House) -> None:
    assert "일시 판매 중지" not in (await Visitor(theatre.stage).get("/")).said
    theatre.stage.forget()
    await theatre.stage.redis.flushall()
    theatre.venue.away = True
    page = await Visitor(theatre.stage).get("/")
    assert "봄날의 우체국" in page.said
    assert "20,000원부터 일시 판매 중지" in page.said
    assert "하늘극장 마지막 확인 11월 22일 (일) 12:00" in page.said
    assert "매진" not in page.said, "nobody knows that"
    ours = page.said[page.said.index("우리 버스") :]
    assert "예매 가능" in ours[:60]


async def test_a_products_page_says_why_keeps_its_dates_and_offers_no_form(theatre: House) -> None:
    theatre.venue.away = True
    address = f"/p/{theatre.shop.products['play']}"
    page = await Visitor(theatre.stage, language="en").get(address)
    assert "Temporarily not on sale" in page.said
    assert "Tickets already bought stay good" in page.said
    assert "Last heard Sun 22 Nov 12:00" in page.said
    assert "Thu 26 Nov 12:00 paused" in page.said
    assert [form for form in page.forms if form.action.endswith("/phones")] == []
    assert page.hrefs(address)
    for step in ("/seats", f"/phones?price={theatre.shop.price('play/R')}"):
        assert (await Visitor(theatre.stage).get(address + step)).url.partition("?")[0] == address


async def test_a_server_that_goes_away_while_somebody_types_is_told_and_keeps_what_was_typed(theatre: House) -> None:
    visitor = Visitor(theatre.stage)
    page = await visitor.phones(theatre.shop.products["play"], price=theatre.shop.price("play/R"))
    theatre.venue.away = True
    page = await visitor.submit(page, "/phones", buyer="010-1234-5678")
    assert page.status == 503
    assert "주최사의 서버가 응답하지 않아 지금은 잡아 둘 수 없습니다" in page.said
    assert page.form("/phones").value("buyer") == "010-1234-5678"
    theatre.venue.away = False
    assert (await visitor.submit(page, "/phones")).url.startswith("/b/")


async def test_the_decks_say_the_same_in_few_words(theatre: House) -> None:
    theatre.venue.away = True
    phone = Phone(theatre.stage, number=BUYER[1:])
    found = await phone.follow(await phone.get("/wap"), "공연")
    assert "일시 판매 중지" in found.said
    dates = await phone.follow(found, "봄날")
    assert "일시 판매 중지" in dates.said
    deck = await phone.follow(dates, "11월 24일")
    assert "주최사 서버가 응답하지 않아 잠시 팔지 않습니다" in deck.said
    assert "마지막 확인 11월 22일 (일) 12:00" in deck.said
    assert [label for label, _ in deck.links] == ["다시 보기", "처음으로"]
